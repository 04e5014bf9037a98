//! Values of a column that has another type now than when the query was made.

use super::cast;
use super::coerce::is_implicit;
use crate::query::value::{Type, Value};

/// Whether values of `from` can always stand for values of `to`.
pub(in crate::query) fn is_possible(from: Type, to: Type) -> bool {
    is_implicit(from, to) || to == Type::Text
}

/// The value as one of type `to`; `None` when it is none.
pub(in crate::query) fn convert(value: Value, from: Type, to: Type) -> Option<Value> {
    if from == to || value.is_null() {
        return Some(value);
    }
    cast::cast(&value, from, &to.into()).ok()
}
