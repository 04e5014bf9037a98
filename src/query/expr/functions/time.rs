//! Functions on dates and times. The session's time zone is UTC.

use super::{Bound, call, one, two};
use crate::query::decimal::Decimal;
use crate::query::error::{EvalError, QueryError};
use crate::query::expr::bind::{Binder, Typed, folded_call, unsupported};
use crate::query::expr::coerce::coerce;
use crate::query::expr::{Node, Outcome};
use crate::query::time::{self, DAY, Field};
use crate::query::value::{Type, Value};
use sqlparser::ast::{self, Spanned as _};
use sqlparser::tokenizer::Span;

pub(super) fn bind(
    binder: &mut Binder<'_>,
    name: &str,
    arguments: &[&ast::Expr],
    span: Span,
) -> Result<Option<Typed>, QueryError> {
    match (name, arguments) {
        ("date_trunc", [field, value]) => {
            field_literal(binder, field)?;
            let value = binder.bind(value)?;
            let ty = match value.ty {
                Type::Timestamp => Type::Timestamp,
                Type::TimestampTz | Type::Date | Type::Unknown => Type::TimestampTz,
                _ => return Ok(None),
            };
            let field = binder.text(field, name)?;
            let arguments = vec![field, coerce(value, ty, span)?];
            folded_call(two("date_trunc", date_trunc), arguments, ty, span).map(Some)
        }
        ("date_part", [field, value]) => {
            let field = field_literal(binder, field)?;
            let part = extract(binder, &field, value, span)?;
            let to = Type::Float8.into();
            let inner = Box::new(part.expr.0);
            Ok(Some(Typed::new(Node::Cast { inner, from: Type::Numeric, to }, Type::Float8)))
        }
        ("to_timestamp", [_]) => {
            let function = one("to_timestamp", to_timestamp);
            call(binder, function, arguments, &[Type::Float8], Type::TimestampTz, span)
        }
        _ => Ok(None),
    }
}

/// The name of a field, which is checked when the statement is read.
fn field_literal(binder: &mut Binder<'_>, field: &ast::Expr) -> Result<String, QueryError> {
    match binder.bind(field)?.expr.0 {
        Node::Literal(Value::Text(name)) if Field::parse(&name).is_some() => Ok(name.to_string()),
        Node::Literal(Value::Text(name)) => Err(unknown_field(&name, field.span())),
        _ => Err(unsupported(field.span(), "a field that is not a literal")),
    }
}

fn unknown_field(name: &str, span: Span) -> QueryError {
    QueryError::new(span, format!("a time has no field \"{name}\"")).hint(
        "there are microseconds, milliseconds, second, minute, hour, day, week, month, quarter, \
         year, decade, century, millennium, dow, isodow, doy, isoyear, julian, epoch",
    )
}

/// `extract(field from value)`: numeric, from PostgreSQL 14 on.
pub(super) fn extract(
    binder: &mut Binder<'_>,
    field: &str,
    value: &ast::Expr,
    span: Span,
) -> Bound {
    let field = field.trim_matches('\'').to_lowercase();
    let known = Field::parse(&field).ok_or_else(|| unknown_field(&field, span))?;
    let bound = binder.bind(value)?;
    let (function, ty) = match bound.ty {
        Type::Timestamp | Type::TimestampTz => (two("extract_timestamp", of_timestamp), bound.ty),
        Type::Date if known.is_of_date() => (two("extract_date", of_date), Type::Date),
        Type::Time if known.is_of_time() => (two("extract_time", of_time), Type::Time),
        Type::Interval => {
            return Err(unsupported(span, "a field of an interval").hint(
                "take the difference of two epochs: extract(epoch from a) - extract(epoch from b)",
            ));
        }
        ty => return Err(QueryError::new(span, format!("{ty} has no field {field}"))),
    };
    let arguments = vec![Node::Literal(Value::text(&field)), coerce(bound, ty, span)?];
    folded_call(function, arguments, Type::Numeric, span)
}

/// Infinite times have no parts but those that grow with time; PostgreSQL gives infinity for them,
/// which numeric cannot be here.
const INFINITE: EvalError = EvalError::Argument("an infinite time has no such field");

fn with_field(field: &Value, run: impl Fn(Field) -> Outcome) -> Outcome {
    match field {
        Value::Text(name) => Field::parse(name).map_or(Ok(Value::Null), run),
        _ => Ok(Value::Null),
    }
}

fn of_timestamp(field: &Value, value: &Value) -> Outcome {
    with_field(field, |field| match value {
        Value::Timestamp(i64::MAX | i64::MIN) => Err(INFINITE),
        Value::Timestamp(micros) => Ok(Value::Decimal(time::extract(field, *micros, false))),
        _ => Ok(Value::Null),
    })
}

fn of_date(field: &Value, value: &Value) -> Outcome {
    with_field(field, |field| match value {
        Value::Date(i32::MAX | i32::MIN) => Err(INFINITE),
        Value::Date(days) => Ok(Value::Decimal(time::extract(field, i64::from(*days) * DAY, true))),
        _ => Ok(Value::Null),
    })
}

fn of_time(field: &Value, value: &Value) -> Outcome {
    with_field(field, |field| match value {
        Value::Time(micros) if field == Field::Epoch => {
            Ok(Value::Decimal(Decimal::new(*micros, 6)))
        }
        Value::Time(micros) => Ok(Value::Decimal(time::extract(field, *micros, false))),
        _ => Ok(Value::Null),
    })
}

fn date_trunc(field: &Value, value: &Value) -> Outcome {
    with_field(field, |field| match value {
        Value::Timestamp(micros @ (i64::MAX | i64::MIN)) => Ok(Value::Timestamp(*micros)),
        Value::Timestamp(micros) => match time::truncate(field, *micros) {
            Some(start) => Ok(Value::Timestamp(start)),
            None => Err(EvalError::Argument("date_trunc does not know this field")),
        },
        _ => Ok(Value::Null),
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn to_timestamp(seconds: &Value) -> Outcome {
    match seconds {
        Value::Float(f64::INFINITY) => Ok(Value::Timestamp(i64::MAX)),
        Value::Float(f64::NEG_INFINITY) => Ok(Value::Timestamp(i64::MIN)),
        Value::Float(seconds) if seconds.abs() < 9.0e12 => {
            Ok(Value::Timestamp((seconds * 1e6).round_ties_even() as i64))
        }
        _ => Err(EvalError::OutOfRange(Type::TimestampTz)),
    }
}

/// `… AT TIME ZONE 'UTC'`: a timestamp with a zone loses it, one without gets it.
pub(super) fn at_zone(
    binder: &mut Binder<'_>,
    value: &ast::Expr,
    zone: &ast::Expr,
    span: Span,
) -> Bound {
    match binder.bind(zone)?.expr.0 {
        Node::Literal(Value::Text(name)) if name.eq_ignore_ascii_case("utc") => {}
        _ => {
            return Err(unsupported(span, "a time zone but UTC")
                .hint("add the distance from UTC, as in … + interval '2 hours'"));
        }
    }
    let value = binder.bind(value)?;
    let (from, to) = match value.ty {
        Type::TimestampTz | Type::Unknown | Type::Date => (Type::TimestampTz, Type::Timestamp),
        Type::Timestamp => (Type::Timestamp, Type::TimestampTz),
        ty => return Err(QueryError::new(span, format!("{ty} has no time zone"))),
    };
    let inner = Box::new(coerce(value, from, span)?);
    Ok(Typed::new(Node::Cast { inner, from, to: to.into() }, to))
}
