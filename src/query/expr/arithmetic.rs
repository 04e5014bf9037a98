//! `+ - * / %` and the signs, by type.

use super::cast::{float, integer};
use super::{Function, Outcome, Run};
use crate::query::decimal::Decimal;
use crate::query::error::EvalError;
use crate::query::time::Interval;
use crate::query::value::{Type, Value};

/// The operators that numbers, dates and intervals have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Defines one function of two arguments.
macro_rules! two {
    ($name:expr, $run:expr) => {
        Function { name: $name, run: Run::Two($run) }
    };
}

/// Functions of all operators for one integer type.
macro_rules! integers {
    ($op:expr, $ty:expr, $name:literal) => {
        match $op {
            Arithmetic::Add => {
                two!(concat!($name, "_add"), |a, b| { checked(a, b, i64::checked_add, $ty) })
            }
            Arithmetic::Subtract => {
                two!(concat!($name, "_subtract"), |a, b| { checked(a, b, i64::checked_sub, $ty) })
            }
            Arithmetic::Multiply => {
                two!(concat!($name, "_multiply"), |a, b| { checked(a, b, i64::checked_mul, $ty) })
            }
            Arithmetic::Divide => two!(concat!($name, "_divide"), |a, b| {
                not_zero(b)?;
                checked(a, b, i64::checked_div, $ty)
            }),
            Arithmetic::Remainder => two!(concat!($name, "_remainder"), |a, b| {
                not_zero(b)?;
                // The smallest integer % -1 is 0, not an overflow.
                checked(a, b, |a, b| Some(a.wrapping_rem(b)), $ty)
            }),
        }
    };
}

/// The function for two operands of this type, if there is one.
pub(super) fn numbers(op: Arithmetic, ty: Type) -> Option<Function> {
    Some(match ty {
        Type::Int2 => integers!(op, Type::Int2, "int2"),
        Type::Int4 => integers!(op, Type::Int4, "int4"),
        Type::Int8 => integers!(op, Type::Int8, "int8"),
        Type::Numeric => match op {
            Arithmetic::Add => two!("numeric_add", |a, b| decimals(a, b, |a, b| Some(a.add(b)))),
            Arithmetic::Subtract => {
                two!("numeric_subtract", |a, b| decimals(a, b, |a, b| Some(a.subtract(b))))
            }
            Arithmetic::Multiply => {
                two!("numeric_multiply", |a, b| decimals(a, b, |a, b| Some(a.multiply(b))))
            }
            Arithmetic::Divide => two!("numeric_divide", |a, b| decimals(a, b, |a, b| a.divide(b))),
            Arithmetic::Remainder => {
                two!("numeric_remainder", |a, b| decimals(a, b, |a, b| a.remainder(b)))
            }
        },
        Type::Float4 => match op {
            Arithmetic::Add => two!("float4_add", |a, b| floats(a, b, |a, b| a + b, Type::Float4)),
            Arithmetic::Subtract => {
                two!("float4_subtract", |a, b| floats(a, b, |a, b| a - b, Type::Float4))
            }
            Arithmetic::Multiply => {
                two!("float4_multiply", |a, b| floats(a, b, |a, b| a * b, Type::Float4))
            }
            Arithmetic::Divide => two!("float4_divide", |a, b| {
                not_zero(b)?;
                floats(a, b, |a, b| a / b, Type::Float4)
            }),
            Arithmetic::Remainder => return None,
        },
        Type::Float8 => match op {
            Arithmetic::Add => two!("float8_add", |a, b| floats(a, b, |a, b| a + b, Type::Float8)),
            Arithmetic::Subtract => {
                two!("float8_subtract", |a, b| floats(a, b, |a, b| a - b, Type::Float8))
            }
            Arithmetic::Multiply => {
                two!("float8_multiply", |a, b| floats(a, b, |a, b| a * b, Type::Float8))
            }
            Arithmetic::Divide => two!("float8_divide", |a, b| {
                not_zero(b)?;
                floats(a, b, |a, b| a / b, Type::Float8)
            }),
            Arithmetic::Remainder => return None,
        },
        _ => return None,
    })
}

fn checked(a: &Value, b: &Value, run: fn(i64, i64) -> Option<i64>, ty: Type) -> Outcome {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => {
            integer(run(*a, *b).ok_or(EvalError::OutOfRange(ty))?, ty)
        }
        _ => Ok(Value::Null),
    }
}

fn decimals(a: &Value, b: &Value, run: impl Fn(&Decimal, &Decimal) -> Option<Decimal>) -> Outcome {
    match (a, b) {
        (Value::Decimal(a), Value::Decimal(b)) => {
            run(a, b).map(Value::Decimal).ok_or(EvalError::DivisionByZero)
        }
        _ => Ok(Value::Null),
    }
}

fn floats(a: &Value, b: &Value, run: fn(f64, f64) -> f64, ty: Type) -> Outcome {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            let result = run(*a, *b);
            if result.is_infinite() && a.is_finite() && b.is_finite() {
                return Err(EvalError::OutOfRange(ty));
            }
            float(result, ty)
        }
        _ => Ok(Value::Null),
    }
}

fn not_zero(value: &Value) -> Result<(), EvalError> {
    match value {
        Value::Int(0) => Err(EvalError::DivisionByZero),
        Value::Float(value) if *value == 0.0 => Err(EvalError::DivisionByZero),
        _ => Ok(()),
    }
}

/// The function for operands of which one is a date, a time or an interval: the types that it
/// takes, the type that it gives.
pub(super) fn times(
    op: Arithmetic,
    left: Type,
    right: Type,
) -> Option<(Type, Type, Type, Function)> {
    use Arithmetic::{Add, Subtract};
    use Type::{Date, Int2, Int4, Timestamp, TimestampTz, Unknown};
    const SPAN: Type = Type::Interval;
    let is_day = |ty| matches!(ty, Int2 | Int4);
    Some(match (op, left, right) {
        (Add, Date, day) if is_day(day) => (Date, Int4, Date, two!("date_add", date_add)),
        (Add, day, Date) if is_day(day) => {
            (Int4, Date, Date, two!("day_add_date", |a, b| date_add(b, a)))
        }
        (Subtract, Date, day) if is_day(day) => {
            (Date, Int4, Date, two!("date_subtract_days", |a, b| date_add(a, &negated(b))))
        }
        (Subtract, Date, Date | Unknown) => {
            (Date, Date, Int4, two!("date_subtract", date_subtract))
        }
        (Add, Date | Timestamp, SPAN) => (Timestamp, SPAN, Timestamp, two!("timestamp_add", later)),
        (Add, SPAN, Date | Timestamp) => {
            (SPAN, Timestamp, Timestamp, two!("interval_add_timestamp", |a, b| later(b, a)))
        }
        (Subtract, Date | Timestamp, SPAN) => {
            (Timestamp, SPAN, Timestamp, two!("timestamp_subtract_interval", earlier))
        }
        (Add, TimestampTz, SPAN) => {
            (TimestampTz, SPAN, TimestampTz, two!("timestamptz_add", later))
        }
        (Add, SPAN, TimestampTz) => {
            (SPAN, TimestampTz, TimestampTz, two!("interval_add_timestamptz", |a, b| later(b, a)))
        }
        (Subtract, TimestampTz, SPAN) => {
            (TimestampTz, SPAN, TimestampTz, two!("timestamptz_subtract_interval", earlier))
        }
        (Subtract, Timestamp, Timestamp | Date | Unknown) | (Subtract, Date, Timestamp) => {
            (Timestamp, Timestamp, SPAN, two!("timestamp_subtract", between))
        }
        (Subtract, TimestampTz, TimestampTz | Timestamp | Date | Unknown)
        | (Subtract, Date | Timestamp, TimestampTz) => {
            (TimestampTz, TimestampTz, SPAN, two!("timestamptz_subtract", between))
        }
        (Add, SPAN, SPAN | Unknown) => (SPAN, SPAN, SPAN, two!("interval_add", span_add)),
        (Subtract, SPAN, SPAN | Unknown) => (
            SPAN,
            SPAN,
            SPAN,
            two!("interval_subtract", |a, b| match b {
                Value::Interval(b) => span_add(a, &Value::Interval(b.negate().ok_or(SPAN_RANGE)?)),
                _ => Ok(Value::Null),
            }),
        ),
        _ => return None,
    })
}

const SPAN_RANGE: EvalError = EvalError::OutOfRange(Type::Interval);
const TIME_RANGE: EvalError = EvalError::OutOfRange(Type::Timestamp);

fn negated(value: &Value) -> Value {
    match value {
        Value::Int(value) => Value::Int(-value),
        other => other.clone(),
    }
}

fn date_add(date: &Value, days: &Value) -> Outcome {
    match (date, days) {
        (Value::Date(date @ (i32::MAX | i32::MIN)), _) => Ok(Value::Date(*date)),
        (Value::Date(date), Value::Int(days)) => i32::try_from(i64::from(*date) + days)
            .map(Value::Date)
            .map_err(|_| EvalError::OutOfRange(Type::Date)),
        _ => Ok(Value::Null),
    }
}

fn date_subtract(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Date(a), Value::Date(b)) => integer(i64::from(*a) - i64::from(*b), Type::Int4),
        _ => Ok(Value::Null),
    }
}

fn later(timestamp: &Value, interval: &Value) -> Outcome {
    match (timestamp, interval) {
        (Value::Timestamp(timestamp), Value::Interval(interval)) => {
            interval.after(*timestamp).map(Value::Timestamp).ok_or(TIME_RANGE)
        }
        _ => Ok(Value::Null),
    }
}

fn earlier(timestamp: &Value, interval: &Value) -> Outcome {
    match interval {
        Value::Interval(interval) => {
            later(timestamp, &Value::Interval(interval.negate().ok_or(SPAN_RANGE)?))
        }
        _ => Ok(Value::Null),
    }
}

fn between(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            if [*a, *b].iter().any(|time| matches!(*time, i64::MAX | i64::MIN)) {
                return Err(EvalError::Argument("cannot subtract infinite timestamps"));
            }
            Interval::between(*a, *b).map(Value::Interval).ok_or(SPAN_RANGE)
        }
        _ => Ok(Value::Null),
    }
}

fn span_add(a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Interval(a), Value::Interval(b)) => a.add(b).map(Value::Interval).ok_or(SPAN_RANGE),
        _ => Ok(Value::Null),
    }
}

/// `- value`.
pub(super) fn minus(ty: Type) -> Option<Function> {
    let (name, run): (_, fn(&Value) -> Outcome) = match ty {
        Type::Int2 => ("int2_minus", |value| negate_integer(value, Type::Int2)),
        Type::Int4 => ("int4_minus", |value| negate_integer(value, Type::Int4)),
        Type::Int8 => ("int8_minus", |value| negate_integer(value, Type::Int8)),
        Type::Numeric => ("numeric_minus", |value| match value {
            Value::Decimal(number) => Ok(Value::Decimal(number.negate())),
            _ => Ok(Value::Null),
        }),
        Type::Float4 | Type::Float8 => ("float_minus", |value| match value {
            Value::Float(value) => Ok(Value::Float(-value)),
            _ => Ok(Value::Null),
        }),
        Type::Interval => ("interval_minus", |value| match value {
            Value::Interval(interval) => interval.negate().map(Value::Interval).ok_or(SPAN_RANGE),
            _ => Ok(Value::Null),
        }),
        _ => return None,
    };
    Some(Function { name, run: Run::One(run) })
}

fn negate_integer(value: &Value, ty: Type) -> Outcome {
    match value {
        Value::Int(value) => integer(value.checked_neg().ok_or(EvalError::OutOfRange(ty))?, ty),
        _ => Ok(Value::Null),
    }
}
