//! Casts, as PostgreSQL does them between these types.

use super::Outcome;
use crate::query::decimal::Decimal;
use crate::query::error::EvalError;
use crate::query::time::{self, Interval};
use crate::query::value::{Type, Value, parse_uuid};

/// What a cast goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The type.
    pub ty: Type,
    /// Precision and scale of `numeric(p,s)`.
    pub numeric: Option<(u32, i32)>,
    /// Length of `varchar(n)`: an explicit cast cuts off.
    pub length: Option<usize>,
}

impl From<Type> for Target {
    fn from(ty: Type) -> Self {
        Self { ty, numeric: None, length: None }
    }
}

/// Smallest and largest value of an integer type.
pub(super) const fn integer_range(ty: Type) -> (i64, i64) {
    match ty {
        Type::Int2 => (i16::MIN as i64, i16::MAX as i64),
        Type::Int4 => (i32::MIN as i64, i32::MAX as i64),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The integer as a value of `ty`.
pub(super) fn integer(value: i64, ty: Type) -> Outcome {
    let (min, max) = integer_range(ty);
    if value < min || value > max {
        return Err(EvalError::OutOfRange(ty));
    }
    Ok(Value::Int(value))
}

/// The float as a value of `ty`; a `real` is rounded to its precision.
pub(super) fn float(value: f64, ty: Type) -> Outcome {
    if ty != Type::Float4 {
        return Ok(Value::Float(value));
    }
    #[expect(clippy::cast_possible_truncation, reason = "that is what the cast does")]
    let real = value as f32;
    if (real.is_infinite() && value.is_finite()) || (real == 0.0 && value != 0.0) {
        return Err(EvalError::OutOfRange(ty));
    }
    Ok(Value::Float(real.into()))
}

/// Whether an explicit cast exists.
pub(super) fn exists(from: Type, to: Type) -> bool {
    use Type::{Bool, Bytea, Date, Int4, Interval, Json, Text, Time, Timestamp, TimestampTz};
    match (from, to) {
        (from, to) if from == to => true,
        (Type::Unknown | Text, _) | (_, Text) => true,
        (from, to) if from.is_number() && to.is_number() => true,
        (Bool, Int4) | (Int4, Bool) => true,
        (Timestamp | TimestampTz, Date | Time | Timestamp | TimestampTz) => true,
        (Date, Timestamp | TimestampTz) | (Time, Interval) | (Interval, Time) => true,
        (Bytea, _) | (Json, _) => false,
        _ => false,
    }
}

/// Casts a value that is not NULL.
pub(super) fn cast(value: &Value, from: Type, to: &Target) -> Outcome {
    let cast = match (value, to.ty) {
        (Value::Text(text), ty) if matches!(from, Type::Text | Type::Unknown) => parse(text, ty)?,
        (value, Type::Text) => match value {
            Value::Bool(value) => Value::text(if *value { "true" } else { "false" }),
            value => Value::Text(value.to_text(from).into()),
        },
        (Value::Int(value), Type::Int2 | Type::Int4 | Type::Int8) => integer(*value, to.ty)?,
        (Value::Int(value), Type::Numeric) => Value::Decimal((*value).into()),
        #[expect(clippy::cast_precision_loss, reason = "that is what the cast does")]
        (Value::Int(value), Type::Float4) => Value::Float((*value as f32).into()),
        #[expect(clippy::cast_precision_loss, reason = "that is what the cast does")]
        (Value::Int(value), Type::Float8) => Value::Float(*value as f64),
        (Value::Int(value), Type::Bool) => Value::Bool(*value != 0),
        (Value::Bool(value), Type::Int4) => Value::Int((*value).into()),
        (Value::Decimal(number), ty) if ty.is_integer() => {
            let value = number.to_i64().ok_or(EvalError::OutOfRange(ty))?;
            integer(value, ty)?
        }
        (Value::Decimal(number), Type::Float8) => Value::Float(number.to_f64()),
        (Value::Decimal(number), Type::Float4) => {
            let real: f32 = number.to_string().parse().unwrap_or(f32::NAN);
            if real.is_infinite() {
                return Err(EvalError::OutOfRange(Type::Float4));
            }
            Value::Float(real.into())
        }
        (Value::Float(value), ty) if ty.is_float() => float(*value, ty)?,
        (Value::Float(value), Type::Numeric) => {
            let digits = if from == Type::Float4 { 6 } else { 15 };
            const NOT_FINITE: EvalError =
                EvalError::Argument("NaN and infinity have no numeric here");
            Value::Decimal(Decimal::from_float(*value, digits).ok_or(NOT_FINITE)?)
        }
        (Value::Float(value), ty) if ty.is_integer() => float_to_integer(*value, ty)?,
        (Value::Timestamp(micros), Type::Date) => match *micros {
            i64::MAX => Value::Date(i32::MAX),
            i64::MIN => Value::Date(i32::MIN),
            micros => Value::Date(
                i32::try_from(micros.div_euclid(time::DAY))
                    .map_err(|_| EvalError::OutOfRange(Type::Date))?,
            ),
        },
        (Value::Timestamp(micros), Type::Time) => Value::Time(micros.rem_euclid(time::DAY)),
        (Value::Date(days), Type::Timestamp | Type::TimestampTz) => Value::Timestamp(match *days {
            i32::MAX => i64::MAX,
            i32::MIN => i64::MIN,
            days => i64::from(days) * time::DAY,
        }),
        (Value::Time(micros), Type::Interval) => {
            Value::Interval(Interval { micros: *micros, ..Interval::default() })
        }
        (Value::Interval(interval), Type::Time) => {
            Value::Time(interval.micros.rem_euclid(time::DAY))
        }
        (value, _) => value.clone(),
    };
    limit(cast, to)
}

/// Holds a value to the limits of its type.
fn limit(value: Value, to: &Target) -> Outcome {
    match (&value, to.numeric, to.length) {
        (Value::Decimal(number), Some((precision, scale)), _) => {
            let overflow =
                || EvalError::NumericOverflow { value: number.to_string(), precision, scale };
            Ok(Value::Decimal(number.fit(precision, scale).ok_or_else(overflow)?))
        }
        (Value::Text(text), _, Some(length)) => Ok(match text.char_indices().nth(length) {
            Some((end, _)) => Value::text(text.get(..end).unwrap_or(text)),
            None => value,
        }),
        _ => Ok(value),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
#[expect(clippy::cast_precision_loss, reason = "the limits are powers of two")]
fn float_to_integer(value: f64, ty: Type) -> Outcome {
    let rounded = value.round_ties_even();
    let (min, max) = integer_range(ty);
    // The maximum of bigint is not a float; the next power of two is.
    if rounded.is_nan() || rounded < min as f64 || rounded >= max as f64 + 1.0 {
        return Err(EvalError::OutOfRange(ty));
    }
    integer(rounded as i64, ty)
}

/// Reads text as a type.
pub(in crate::query) fn parse(text: &str, ty: Type) -> Outcome {
    let invalid = || EvalError::invalid(ty, text);
    let trimmed = text.trim();
    Ok(match ty {
        Type::Unknown | Type::Text => Value::text(text),
        Type::Bool => Value::Bool(parse_bool(trimmed).ok_or_else(invalid)?),
        Type::Int2 | Type::Int4 | Type::Int8 => {
            integer(trimmed.parse().map_err(|_| integer_error(trimmed, ty))?, ty)?
        }
        Type::Numeric => Value::Decimal(trimmed.parse().map_err(|_| invalid())?),
        Type::Float4 | Type::Float8 => parse_float(trimmed, ty).ok_or_else(invalid)?,
        Type::Bytea => Value::Bytes(parse_bytea(text).ok_or_else(invalid)?.into()),
        Type::Uuid => Value::Uuid(parse_uuid(text).ok_or_else(invalid)?),
        Type::Json => {
            let valid = serde_json::from_str::<serde::de::IgnoredAny>(text);
            valid.map_err(|_| invalid())?;
            Value::text(text)
        }
        Type::Date => Value::Date(time::parse_date(text).ok_or_else(invalid)?),
        Type::Time => Value::Time(time::parse_time(text).ok_or_else(invalid)?),
        Type::Timestamp | Type::TimestampTz => {
            let has_zone = ty == Type::TimestampTz;
            Value::Timestamp(time::parse_timestamp(text, has_zone).ok_or_else(invalid)?)
        }
        Type::Interval => Value::Interval(Interval::parse(text).ok_or_else(invalid)?),
    })
}

/// An integer that is one, but too large, is out of range.
fn integer_error(text: &str, ty: Type) -> EvalError {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        EvalError::OutOfRange(ty)
    } else {
        EvalError::invalid(ty, text)
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let is_start = |word: &str| !text.is_empty() && word.starts_with(&text);
    match text.as_str() {
        "1" | "on" => Some(true),
        "0" => Some(false),
        _ if is_start("true") || is_start("yes") => Some(true),
        _ if is_start("false") || is_start("no") || (text.len() > 1 && is_start("off")) => {
            Some(false)
        }
        _ => None,
    }
}

fn parse_float(text: &str, ty: Type) -> Option<Value> {
    let value = match text.to_ascii_lowercase().as_str() {
        "nan" => f64::NAN,
        "infinity" | "inf" | "+infinity" => f64::INFINITY,
        "-infinity" | "-inf" => f64::NEG_INFINITY,
        word if word.contains(|c: char| c.is_ascii_alphabetic() && c != 'e') => return None,
        _ if ty == Type::Float4 => f64::from(text.parse::<f32>().ok().filter(|f| f.is_finite())?),
        _ => text.parse::<f64>().ok().filter(|value| value.is_finite())?,
    };
    Some(Value::Float(value))
}

/// `\x…`, or text in which only `\\` and `\ooo` are special.
fn parse_bytea(text: &str) -> Option<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let digits: Option<Vec<u32>> =
            hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(digit).collect();
        return digits?
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => u8::try_from(high << 4 | low).ok(),
                _ => None,
            })
            .collect();
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                first => {
                    let octal = |byte: u8| char::from(byte).to_digit(8);
                    let value =
                        octal(first)? << 6 | octal(bytes.next()?)? << 3 | octal(bytes.next()?)?;
                    u8::try_from(value).ok()?
                }
            },
            byte => byte,
        });
    }
    Some(out)
}
