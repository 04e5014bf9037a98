//! `->` and `->>`.

use super::{Bound, two};
use crate::query::error::QueryError;
use crate::query::expr::Outcome;
use crate::query::expr::bind::{Typed, folded_call, no_operator};
use crate::query::expr::coerce::coerce;
use crate::query::value::{Type, Value};
use serde_json::value::RawValue;
use sqlparser::tokenizer::Span;
use std::collections::BTreeMap;

/// A member of an object, or an element of an array counted from 0 (from the end, if negative):
/// as JSON, or as text.
pub(in crate::query::expr) fn json_access(
    left: Typed,
    right: Typed,
    as_text: bool,
    span: Span,
) -> Bound {
    let sign = if as_text { "->>" } else { "->" };
    let is_element = right.ty.is_integer();
    if left.ty != Type::Json || !(is_element || matches!(right.ty, Type::Text | Type::Unknown)) {
        let error: QueryError = no_operator(span, &format!("{} {sign} {}", left.ty, right.ty));
        return Err(error.hint("cast the left side to json"));
    }
    let right = coerce(right, if is_element { Type::Int8 } else { Type::Text }, span)?;
    let (function, ty) = if as_text {
        (two("json_text", |json, path| access(json, path, true)), Type::Text)
    } else {
        (two("json_member", |json, path| access(json, path, false)), Type::Json)
    };
    folded_call(function, vec![left.expr.0, right], ty, span)
}

fn access(json: &Value, path: &Value, as_text: bool) -> Outcome {
    let Value::Text(json) = json else { return Ok(Value::Null) };
    let found = match path {
        Value::Text(name) => member(json, name),
        Value::Int(position) => element(json, *position),
        _ => None,
    };
    Ok(match found {
        None => Value::Null,
        Some("null") if as_text => Value::Null,
        Some(text) if as_text && text.starts_with('"') => {
            // A lone surrogate is no text.
            serde_json::from_str::<String>(text)
                .map_or(Value::Null, |text| Value::Text(text.into()))
        }
        Some(text) => Value::text(text),
    })
}

fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    members.remove(name).map(RawValue::get)
}

fn element(json: &str, position: i64) -> Option<&str> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let position = match usize::try_from(position) {
        Ok(position) => position,
        Err(_) => elements.len().checked_sub(usize::try_from(position.unsigned_abs()).ok()?)?,
    };
    elements.get(position).map(|element| element.get())
}
