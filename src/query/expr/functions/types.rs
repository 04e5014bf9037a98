//! Names of types.

use crate::query::error::QueryError;
use crate::query::expr::Target;
use crate::query::expr::bind::unsupported;
use crate::query::value::Type;
use sqlparser::ast::{self, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};
use sqlparser::tokenizer::Span;

/// The target of a cast.
pub(in crate::query::expr) fn target(ty: &DataType, span: Span) -> Result<Target, QueryError> {
    let length = |length: &Option<CharacterLength>| match length {
        Some(CharacterLength::IntegerLength { length, .. }) => usize::try_from(*length).ok(),
        _ => None,
    };
    let plain = match ty {
        DataType::Boolean | DataType::Bool => Type::Bool,
        DataType::SmallInt(None) | DataType::Int2(None) => Type::Int2,
        DataType::Int(None) | DataType::Int4(None) | DataType::Integer(None) => Type::Int4,
        DataType::BigInt(None) | DataType::Int8(None) => Type::Int8,
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
            return numeric(info, span);
        }
        DataType::Real | DataType::Float4 => Type::Float4,
        DataType::DoublePrecision | DataType::Float8 | DataType::Float(ExactNumberInfo::None) => {
            Type::Float8
        }
        DataType::Text => Type::Text,
        DataType::CharacterVarying(n) | DataType::CharVarying(n) | DataType::Varchar(n) => {
            return Ok(Target { ty: Type::Text, numeric: None, length: length(n) });
        }
        DataType::Bytea => Type::Bytea,
        DataType::Uuid => Type::Uuid,
        DataType::JSON | DataType::JSONB => Type::Json,
        DataType::Date => Type::Date,
        DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Type::Time,
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            Type::Timestamp
        }
        DataType::Timestamp(None, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
            Type::TimestampTz
        }
        DataType::Interval { fields: None, precision: None } => Type::Interval,
        DataType::Char(_) | DataType::Character(_) => {
            return Err(unsupported(span, &format!("the type {ty}"))
                .hint("text has no blanks at its end: cast to text or varchar(n)"));
        }
        DataType::Custom(name, _) => custom(name, ty, span)?,
        other => return Err(unsupported(span, &format!("the type {other}")).hint(TYPES)),
    };
    Ok(plain.into())
}

const TYPES: &str = "there are boolean, smallint, integer, bigint, numeric, real, double \
                     precision, text, varchar, bytea, uuid, json, date, time, timestamp, \
                     timestamptz, interval";

fn custom(name: &ast::ObjectName, ty: &DataType, span: Span) -> Result<Type, QueryError> {
    match name.to_string().to_lowercase().as_str() {
        "timestamptz" => Ok(Type::TimestampTz),
        "bool" => Ok(Type::Bool),
        _ => Err(unsupported(span, &format!("the type {ty}")).hint(TYPES)),
    }
}

fn numeric(info: &ExactNumberInfo, span: Span) -> Result<Target, QueryError> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(Type::Numeric.into()),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    match (u32::try_from(precision), i32::try_from(scale)) {
        (Ok(precision @ 1..=1000), Ok(scale @ -1000..=1000)) => {
            Ok(Target { ty: Type::Numeric, numeric: Some((precision, scale)), length: None })
        }
        _ => Err(QueryError::new(span, "numeric has a precision between 1 and 1000")),
    }
}
