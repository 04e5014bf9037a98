//! Which type an operation takes its operands in.

use super::{Node, Target, Typed, cast};
use crate::query::error::QueryError;
use crate::query::value::{Type, Value};
use sqlparser::tokenizer::Span;

/// The type in which two different numbers meet, as PostgreSQL resolves its operators.
fn common_number(left: Type, right: Type) -> Type {
    match (left, right) {
        (left, right) if left == right => left,
        (left, right) if left.is_float() || right.is_float() => Type::Float8,
        (Type::Numeric, _) | (_, Type::Numeric) => Type::Numeric,
        (Type::Int8, _) | (_, Type::Int8) => Type::Int8,
        _ => Type::Int4,
    }
}

/// The type in which two values can be compared.
pub(super) fn common(left: Type, right: Type) -> Option<Type> {
    use Type::{Date, Timestamp, TimestampTz, Unknown};
    Some(match (left, right) {
        (left, right) if left == right => left,
        (Unknown, known) | (known, Unknown) => known,
        (left, right) if left.is_number() && right.is_number() => common_number(left, right),
        (Date | Timestamp, Timestamp) | (Timestamp, Date) => Timestamp,
        (TimestampTz, Date | Timestamp) | (Date | Timestamp, TimestampTz) => TimestampTz,
        _ => return None,
    })
}

/// The type of a `CASE`, `COALESCE`, `UNION` and the like, which is another rule than that of
/// operators: `real` and `numeric` make `real`.
fn union_type(left: Type, right: Type) -> Option<Type> {
    match (left, right) {
        (left, right) if left != right && left.is_number() && right.is_number() => {
            let rank = |ty| match ty {
                Type::Int2 => 0,
                Type::Int4 => 1,
                Type::Int8 => 2,
                Type::Numeric => 3,
                Type::Float4 => 4,
                _ => 5,
            };
            Some(if rank(left) > rank(right) { left } else { right })
        }
        _ => common(left, right),
    }
}

/// The one type that all of these take; `Text` when nothing says more.
pub(in crate::query) fn unify_all(
    types: impl IntoIterator<Item = Type>,
) -> Result<Type, (Type, Type)> {
    let mut result = Type::Unknown;
    for ty in types {
        result = union_type(result, ty).ok_or((result, ty))?;
    }
    Ok(if result == Type::Unknown { Type::Text } else { result })
}

/// Turns an expression into a type, as PostgreSQL does without being told.
pub(super) fn coerce(value: Typed, to: Type, span: Span) -> Result<Node, QueryError> {
    if value.ty == to {
        return Ok(value.expr.0);
    }
    match (value.expr.0, value.ty) {
        (Node::Literal(Value::Null), Type::Unknown) => Ok(Node::Literal(Value::Null)),
        (Node::Literal(literal), from) => {
            let literal = cast::cast(&literal, from, &to.into());
            literal.map(Node::Literal).map_err(|error| QueryError::new(span, error.to_string()))
        }
        (node, from) => Ok(Node::Cast { inner: Box::new(node), from, to: Target::from(to) }),
    }
}

/// Whether PostgreSQL turns an argument of type `from` into `to` by itself.
pub(super) fn is_implicit(from: Type, to: Type) -> bool {
    let rank = |ty| match ty {
        Type::Int2 => 1,
        Type::Int4 => 2,
        Type::Int8 => 3,
        Type::Numeric => 4,
        Type::Float4 => 5,
        Type::Float8 => 6,
        _ => 0,
    };
    from == to
        || from == Type::Unknown
        || (rank(from) > 0 && rank(from) < rank(to))
        || matches!((from, to), (Type::Date, Type::Timestamp | Type::TimestampTz))
        || matches!((from, to), (Type::Timestamp, Type::TimestampTz) | (Type::Time, Type::Interval))
}
