//! Calls of aggregates.

use super::{Bound, positional};
use crate::query::error::QueryError;
use crate::query::expr::bind::{AggregateCall, AggregateKind, Binder, Typed, unsupported};
use crate::query::expr::coerce::coerce;
use crate::query::expr::{Expr, Node};
use crate::query::value::Type;
use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr};
use sqlparser::tokenizer::Span;

const OTHER: &[&str] = &[
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "string_agg",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "variance",
    "var_pop",
    "var_samp",
    "corr",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "bit_and",
    "bit_or",
];

pub(super) fn is_aggregate(name: &str) -> bool {
    kind(name).is_some() || OTHER.contains(&name)
}

fn kind(name: &str) -> Option<AggregateKind> {
    Some(match name {
        "count" => AggregateKind::Count,
        "sum" => AggregateKind::Sum,
        "avg" => AggregateKind::Avg,
        "min" => AggregateKind::Min,
        "max" => AggregateKind::Max,
        "bool_and" | "every" => AggregateKind::BoolAnd,
        "bool_or" => AggregateKind::BoolOr,
        _ => return None,
    })
}

pub(super) fn bind(binder: &mut Binder<'_>, name: &str, call: &ast::Function, span: Span) -> Bound {
    let Some(kind) = kind(name) else {
        return Err(unsupported(span, &format!("the aggregate {name}"))
            .hint("there are count, sum, avg, min, max, bool_and, bool_or"));
    };
    if binder.aggregates.is_none() {
        return Err(QueryError::new(span, format!("{name} is not allowed here")).hint(
            "aggregates stand in SELECT, HAVING and ORDER BY; conditions on them in HAVING",
        ));
    }
    let ast::FunctionArguments::List(list) = &call.args else {
        return Err(unsupported(span, &format!("this way of calling {name}")));
    };
    if !call.within_group.is_empty() || !list.clauses.is_empty() {
        return Err(unsupported(span, &format!("an order within {name}")));
    }
    // Aggregates within arguments are refused by a binder that collects none.
    let mut inner = Binder::new(binder.scope);
    let filter =
        call.filter.as_deref().map(|filter| inner.condition(filter, "FILTER")).transpose()?;
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let call = match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
            if kind == AggregateKind::Count && !distinct =>
        {
            let kind = AggregateKind::CountRows;
            AggregateCall { kind, distinct, argument: None, filter, ty: Type::Int8 }
        }
        [argument] => {
            let Some(argument) = positional(argument) else {
                return Err(unsupported(span, &format!("this argument of {name}")));
            };
            let argument = inner.bind(argument)?;
            let (argument, ty) = typed(kind, argument, name, span)?;
            if distinct {
                crate::query::expr::bind::check_comparable(argument.ty, "DISTINCT", span)?;
            }
            AggregateCall { kind, distinct, argument: Some(argument), filter, ty }
        }
        _ => return Err(QueryError::new(span, format!("{name} takes one argument"))),
    };
    let ty = call.ty;
    let Some(aggregates) = &mut binder.aggregates else {
        return Err(QueryError::new(span, format!("{name} is not allowed here")));
    };
    // The same aggregate twice is computed once.
    let number = aggregates.iter().position(|known| *known == call).unwrap_or_else(|| {
        aggregates.push(call);
        aggregates.len() - 1
    });
    Ok(Typed { expr: Expr(Node::Aggregate(number)), ty })
}

/// The argument in the type that is computed with, and the type of the result.
fn typed(
    kind: AggregateKind,
    argument: Typed,
    name: &str,
    span: Span,
) -> Result<(Typed, Type), QueryError> {
    let ty = argument.ty;
    let wrong = || {
        Err(QueryError::new(span, format!("there is no {name} of {ty}"))
            .hint("cast the argument, as in (…)::numeric"))
    };
    let result = match kind {
        AggregateKind::CountRows | AggregateKind::Count => Type::Int8,
        AggregateKind::Sum => match ty {
            Type::Int2 | Type::Int4 => Type::Int8,
            Type::Int8 | Type::Numeric => Type::Numeric,
            Type::Float4 | Type::Float8 => ty,
            _ => return wrong(),
        },
        AggregateKind::Avg => match ty {
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric => Type::Numeric,
            Type::Float4 | Type::Float8 => Type::Float8,
            _ => return wrong(),
        },
        AggregateKind::Min | AggregateKind::Max => match ty {
            Type::Bool | Type::Json | Type::Bytea | Type::Uuid => return wrong(),
            Type::Unknown => Type::Text,
            ty => ty,
        },
        AggregateKind::BoolAnd | AggregateKind::BoolOr => match ty {
            Type::Bool | Type::Unknown => Type::Bool,
            _ => return wrong(),
        },
    };
    let argument = match (kind, ty) {
        (_, Type::Unknown) => {
            Typed { expr: Expr(coerce(argument, Type::Text, span)?), ty: Type::Text }
        }
        _ => argument,
    };
    Ok((argument, result))
}
