//! Functions on numbers.

use super::{call, one, two};
use crate::query::error::{EvalError, QueryError};
use crate::query::expr::arithmetic::{self, Arithmetic};
use crate::query::expr::bind::{Binder, Typed, folded_call};
use crate::query::expr::coerce::{coerce, common};
use crate::query::expr::{Function, Outcome};
use crate::query::value::{Type, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

pub(super) fn bind(
    binder: &mut Binder<'_>,
    name: &str,
    arguments: &[&ast::Expr],
    span: Span,
) -> Result<Option<Typed>, QueryError> {
    use Type::{Float8, Int4, Numeric};
    match (name, arguments) {
        ("abs", [argument]) => {
            let value = binder.bind(argument)?;
            let Some(function) = abs(value.ty) else { return Ok(None) };
            folded_call(function, vec![value.expr.0], value.ty, span).map(Some)
        }
        ("mod", [left, right]) => {
            let (left, right) = (binder.bind(left)?, binder.bind(right)?);
            let ty = common(left.ty, right.ty);
            let function =
                ty.and_then(|ty| Some((ty, arithmetic::numbers(Arithmetic::Remainder, ty)?)));
            let Some((ty, function)) = function else { return Ok(None) };
            let arguments = vec![coerce(left, ty, span)?, coerce(right, ty, span)?];
            folded_call(function, arguments, ty, span).map(Some)
        }
        ("round" | "trunc", [_, _]) => {
            let function = if name == "round" {
                two("round_to", |number, digits| to_digits(number, digits, true))
            } else {
                two("trunc_to", |number, digits| to_digits(number, digits, false))
            };
            call(binder, function, arguments, &[Numeric, Int4], Numeric, span)
        }
        ("round" | "trunc" | "ceil" | "ceiling" | "floor" | "sign", [argument]) => {
            let value = binder.bind(argument)?;
            let (function, ty) = match value.ty {
                Numeric => (of_numeric(name), Numeric),
                ty if ty.is_number() => (of_float(name), Float8),
                _ => return Ok(None),
            };
            let Some(function) = function else { return Ok(None) };
            folded_call(function, vec![coerce(value, ty, span)?], ty, span).map(Some)
        }
        ("sqrt" | "exp" | "ln", [argument]) => {
            let value = binder.bind(argument)?;
            no_numeric(&[&value], name, span)?;
            if !value.ty.is_number() && value.ty != Type::Unknown {
                return Ok(None);
            }
            let function = match name {
                "sqrt" => one("sqrt", |v| {
                    float(v, |x| if x < 0.0 { Err(OF_NEGATIVE) } else { Ok(x.sqrt()) })
                }),
                "exp" => one("exp", |v| float(v, |x| finite(x.exp(), x))),
                _ => one("ln", |v| float(v, ln)),
            };
            folded_call(function, vec![coerce(value, Float8, span)?], Float8, span).map(Some)
        }
        ("power" | "pow", [base, exponent]) => {
            let (base, exponent) = (binder.bind(base)?, binder.bind(exponent)?);
            no_numeric(&[&base, &exponent], "power", span)?;
            if ![base.ty, exponent.ty].iter().all(|ty| ty.is_number() || *ty == Type::Unknown) {
                return Ok(None);
            }
            let arguments = vec![coerce(base, Float8, span)?, coerce(exponent, Float8, span)?];
            folded_call(two("power", power), arguments, Float8, span).map(Some)
        }
        _ => Ok(None),
    }
}

const OF_NEGATIVE: EvalError = EvalError::Argument("cannot take square root of a negative number");

/// Roots, powers and logarithms of numeric have digits of their own in PostgreSQL.
fn no_numeric(values: &[&Typed], name: &str, span: Span) -> Result<(), QueryError> {
    let has_float = values.iter().any(|value| value.ty.is_float());
    if !has_float && values.iter().any(|value| value.ty == Type::Numeric) {
        return Err(QueryError::new(
            span,
            format!("{name} of numeric is not supported in live queries"),
        )
        .hint(format!("{name}((…)::double precision) computes with floats")));
    }
    Ok(())
}

fn abs(ty: Type) -> Option<Function> {
    Some(match ty {
        Type::Int2 => one("int2_abs", |value| abs_integer(value, Type::Int2)),
        Type::Int4 => one("int4_abs", |value| abs_integer(value, Type::Int4)),
        Type::Int8 => one("int8_abs", |value| abs_integer(value, Type::Int8)),
        Type::Numeric => one("numeric_abs", |value| match value {
            Value::Decimal(number) => Ok(Value::Decimal(number.abs())),
            _ => Ok(Value::Null),
        }),
        Type::Float4 | Type::Float8 => one("float_abs", |value| match value {
            Value::Float(value) => Ok(Value::Float(value.abs())),
            _ => Ok(Value::Null),
        }),
        _ => return None,
    })
}

fn abs_integer(value: &Value, ty: Type) -> Outcome {
    match value {
        Value::Int(value) => {
            let value = value.checked_abs().ok_or(EvalError::OutOfRange(ty))?;
            crate::query::expr::cast::integer(value, ty)
        }
        _ => Ok(Value::Null),
    }
}

fn to_digits(number: &Value, digits: &Value, round: bool) -> Outcome {
    let (Value::Decimal(number), Value::Int(digits)) = (number, digits) else {
        return Ok(Value::Null);
    };
    let digits = i32::try_from((*digits).clamp(-2000, 2000)).unwrap_or(0);
    Ok(Value::Decimal(if round { number.round(digits) } else { number.truncate(digits) }))
}

fn of_numeric(name: &str) -> Option<Function> {
    macro_rules! decimal {
        ($name:literal, $run:expr) => {
            one($name, |value| match value {
                Value::Decimal(number) => Ok(Value::Decimal($run(number))),
                _ => Ok(Value::Null),
            })
        };
    }
    use crate::query::decimal::Decimal;
    Some(match name {
        "round" => decimal!("numeric_round", |n: &Decimal| n.round(0)),
        "trunc" => decimal!("numeric_trunc", |n: &Decimal| n.truncate(0)),
        "ceil" | "ceiling" => decimal!("numeric_ceil", Decimal::ceil),
        "floor" => decimal!("numeric_floor", Decimal::floor),
        "sign" => decimal!("numeric_sign", |n: &Decimal| Decimal::from(match n {
            n if n.is_zero() => 0_i64,
            n if n.is_negative() => -1,
            _ => 1,
        })),
        _ => return None,
    })
}

fn of_float(name: &str) -> Option<Function> {
    Some(match name {
        "round" => one("float_round", |v| float(v, |x| Ok(x.round_ties_even()))),
        "trunc" => one("float_trunc", |v| float(v, |x| Ok(x.trunc()))),
        "ceil" | "ceiling" => one("float_ceil", |v| float(v, |x| Ok(x.ceil()))),
        "floor" => one("float_floor", |v| float(v, |x| Ok(x.floor()))),
        "sign" => one("float_sign", |v| {
            float(v, |x| {
                Ok(if x > 0.0 {
                    1.0
                } else if x < 0.0 {
                    -1.0
                } else {
                    0.0
                })
            })
        }),
        _ => return None,
    })
}

fn float(value: &Value, run: impl Fn(f64) -> Result<f64, EvalError>) -> Outcome {
    match value {
        Value::Float(value) => run(*value).map(Value::Float),
        _ => Ok(Value::Null),
    }
}

/// An infinite result of finite arguments is an error.
fn finite(result: f64, argument: f64) -> Result<f64, EvalError> {
    if result.is_infinite() && argument.is_finite() {
        return Err(EvalError::OutOfRange(Type::Float8));
    }
    Ok(result)
}

fn ln(value: f64) -> Result<f64, EvalError> {
    if value == 0.0 {
        return Err(EvalError::Argument("cannot take logarithm of zero"));
    }
    if value < 0.0 {
        return Err(EvalError::Argument("cannot take logarithm of a negative number"));
    }
    Ok(value.ln())
}

fn power(base: &Value, exponent: &Value) -> Outcome {
    let (Value::Float(base), Value::Float(exponent)) = (base, exponent) else {
        return Ok(Value::Null);
    };
    if *base == 0.0 && *exponent < 0.0 {
        return Err(EvalError::Argument("zero raised to a negative power is undefined"));
    }
    if *base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(EvalError::Argument(
            "a negative number raised to a non-integer power yields a complex result",
        ));
    }
    let result = base.powf(*exponent);
    if result.is_infinite() && base.is_finite() && exponent.is_finite() {
        return Err(EvalError::OutOfRange(Type::Float8));
    }
    Ok(Value::Float(result))
}
