//! Functions: the names, the types they take, and what syntax stands for them.

mod aggregate;
mod json;
mod number;
mod text;
mod time;
mod types;

pub(super) use json::json_access;
pub(super) use types::target;

use super::bind::{Binder, Typed, folded_call, unify, unsupported};
use super::coerce::coerce;
use super::syntax::function_name;
use super::{Function, Node, Run};
use crate::query::error::QueryError;
use crate::query::value::{Type, Value};
use sqlparser::ast::{self, Spanned as _};
use sqlparser::tokenizer::Span;

type Bound = Result<Typed, QueryError>;

/// What is said about the clock.
const NO_CLOCK: &str =
    "a live query has no clock: its result changes when rows do; write the time as a literal";

/// Binds everything that is a call, or stands for one.
pub(super) fn bind(binder: &mut Binder<'_>, expr: &ast::Expr, span: Span) -> Bound {
    use ast::Expr as Ast;
    match expr {
        Ast::Function(call) => function(binder, call, span),
        Ast::Extract { field, expr, .. } => time::extract(binder, &field.to_string(), expr, span),
        Ast::Ceil {
            expr,
            field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
        } => named(binder, "ceil", &[expr], span),
        Ast::Floor {
            expr,
            field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
        } => named(binder, "floor", &[expr], span),
        Ast::Position { expr, r#in } => named(binder, "strpos", &[r#in, expr], span),
        Ast::Substring { expr, substring_from, substring_for, .. } => {
            text::substring(binder, expr, substring_from.as_deref(), substring_for.as_deref(), span)
        }
        Ast::Trim { trim_where, trim_what, expr, trim_characters } => {
            let name = match trim_where {
                Some(ast::TrimWhereField::Leading) => "ltrim",
                Some(ast::TrimWhereField::Trailing) => "rtrim",
                Some(ast::TrimWhereField::Both) | None => "btrim",
            };
            let characters =
                trim_what.as_deref().or(trim_characters.as_ref().and_then(|c| c.first()));
            let arguments: Vec<_> = std::iter::once(&**expr).chain(characters).collect();
            named(binder, name, &arguments, span)
        }
        Ast::AtTimeZone { timestamp, time_zone } => {
            time::at_zone(binder, timestamp, time_zone, span)
        }
        Ast::Subquery(_) | Ast::Exists { .. } | Ast::In { .. } => {
            Err(unsupported(span, "a subquery in an expression")
                .hint("join the tables instead: … JOIN t ON t.id = o.t_id"))
        }
        Ast::SimilarTo { .. } | Ast::RLike { .. } => {
            Err(unsupported(span, "matching by a regular expression")
                .hint("LIKE and ILIKE know % for any text and _ for one character"))
        }
        Ast::AnyOp { .. } | Ast::AllOp { .. } => {
            Err(unsupported(span, "ANY or ALL").hint("write IN (…), or the conditions one by one"))
        }
        Ast::Tuple(_) => Err(unsupported(span, "a row of values")
            .hint("compare the columns one by one, joined by AND")),
        Ast::Array(_) => Err(unsupported(span, "an array")),
        other => Err(unsupported(span, &format!("\"{other}\""))),
    }
}

fn function(binder: &mut Binder<'_>, call: &ast::Function, span: Span) -> Bound {
    let name = function_name(&call.name);
    let span = if span.start.line == 0 { call.name.span() } else { span };
    if call.over.is_some() {
        return Err(unsupported(span, "a window function (OVER)")
            .hint("GROUP BY computes aggregates; ORDER BY … LIMIT shows the first rows"));
    }
    if aggregate::is_aggregate(&name) {
        return aggregate::bind(binder, &name, call, span);
    }
    let plain = call.filter.is_none()
        && call.within_group.is_empty()
        && call.null_treatment.is_none()
        && matches!(call.parameters, ast::FunctionArguments::None);
    let arguments = match &call.args {
        ast::FunctionArguments::List(list)
            if plain && list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
        {
            list.args.iter().map(positional).collect::<Option<Vec<_>>>()
        }
        ast::FunctionArguments::None => Some(Vec::new()),
        ast::FunctionArguments::List(_) | ast::FunctionArguments::Subquery(_) => None,
    };
    let Some(arguments) = arguments else {
        return Err(unsupported(span, &format!("this way of calling {name}")));
    };
    named(binder, &name, &arguments, span)
}

fn positional(argument: &ast::FunctionArg) -> Option<&ast::Expr> {
    match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// A function by its name.
fn named(binder: &mut Binder<'_>, name: &str, arguments: &[&ast::Expr], span: Span) -> Bound {
    match (name, arguments) {
        ("coalesce", [_, ..]) => {
            let (values, ty) = unify(all(binder, arguments)?, "COALESCE", span)?;
            Ok(Typed::new(Node::Coalesce(values), ty))
        }
        ("greatest" | "least", [_, ..]) => {
            let (inner, ty) = unify(all(binder, arguments)?, &name.to_uppercase(), span)?;
            super::bind::check_comparable(ty, name, span)?;
            Ok(Typed::new(Node::Extreme { inner, greatest: name == "greatest" }, ty))
        }
        ("nullif", [left, right]) => {
            let (left, right) = (binder.bind(left)?, binder.bind(right)?);
            let shown_type = if left.ty == Type::Unknown { Type::Text } else { left.ty };
            let shown = Box::new(coerce(left.clone(), shown_type, span)?);
            let (a, b) = (left.ty, right.ty);
            let ty = super::coerce::common(a, b)
                .ok_or_else(|| super::bind::no_operator(span, &format!("{a} = {b}")))?;
            let ty = if ty == Type::Unknown { Type::Text } else { ty };
            super::bind::check_comparable(ty, "NULLIF", span)?;
            let left = Box::new(coerce(left, ty, span)?);
            let right = Box::new(coerce(right, ty, span)?);
            Ok(Typed::new(Node::NullIf { shown, left, right }, shown_type))
        }
        (
            "now"
            | "current_timestamp"
            | "current_date"
            | "current_time"
            | "localtimestamp"
            | "localtime"
            | "clock_timestamp"
            | "statement_timestamp"
            | "transaction_timestamp"
            | "random"
            | "age",
            _,
        ) => Err(unsupported(span, name).hint(NO_CLOCK)),
        _ => {
            if let Some(bound) = text::bind(binder, name, arguments, span)? {
                return Ok(bound);
            }
            if let Some(bound) = number::bind(binder, name, arguments, span)? {
                return Ok(bound);
            }
            if let Some(bound) = time::bind(binder, name, arguments, span)? {
                return Ok(bound);
            }
            Err(unknown(name, arguments.len(), span))
        }
    }
}

fn all(binder: &mut Binder<'_>, arguments: &[&ast::Expr]) -> Result<Vec<Typed>, QueryError> {
    arguments.iter().map(|argument| binder.bind(argument)).collect()
}

/// Binds each argument to its type and makes the call.
fn call(
    binder: &mut Binder<'_>,
    function: Function,
    arguments: &[&ast::Expr],
    types: &[Type],
    result: Type,
    span: Span,
) -> Result<Option<Typed>, QueryError> {
    let what = function.name;
    let bound: Result<Vec<Node>, _> = arguments
        .iter()
        .zip(types)
        .map(|(argument, ty)| binder.argument(argument, *ty, what))
        .collect();
    folded_call(function, bound?, result, span).map(Some)
}

const KNOWN: &[&str] = &[
    "abs",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "date_part",
    "date_trunc",
    "exp",
    "extract",
    "floor",
    "greatest",
    "initcap",
    "least",
    "left",
    "length",
    "ln",
    "lower",
    "lpad",
    "ltrim",
    "max",
    "min",
    "mod",
    "nullif",
    "octet_length",
    "position",
    "power",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substring",
    "sum",
    "to_timestamp",
    "translate",
    "trim",
    "trunc",
    "upper",
];

fn unknown(name: &str, arguments: usize, span: Span) -> QueryError {
    if KNOWN.contains(&name) {
        let message = format!("there is no {name} with {arguments} arguments of these types");
        return QueryError::new(span, message);
    }
    let error = unsupported(span, &format!("the function {name}"));
    let similar = KNOWN.iter().map(|known| (strsim::damerau_levenshtein(known, name), known));
    match similar.filter(|(distance, _)| *distance <= 2).min() {
        Some((_, known)) => error.hint(format!("did you mean {known}?")),
        None => error.hint(format!("there are {}", KNOWN.join(", "))),
    }
}

/// A function of one argument that is not NULL.
const fn one(name: &'static str, run: fn(&Value) -> super::Outcome) -> Function {
    Function { name, run: Run::One(run) }
}

/// A function of two arguments that are not NULL.
const fn two(name: &'static str, run: fn(&Value, &Value) -> super::Outcome) -> Function {
    Function { name, run: Run::Two(run) }
}

/// A function of several arguments that are not NULL.
const fn many(name: &'static str, run: fn(&[Value]) -> super::Outcome) -> Function {
    Function { name, run: Run::Many(run) }
}
