//! ORDER BY, LIMIT and OFFSET.

use crate::query::error::QueryError;
use crate::query::expr::{self, Scope, folded};
use crate::query::ops::SortKey;
use sqlparser::ast::{self, LimitClause, OrderByKind, OrderBySort, Spanned as _};
use sqlparser::tokenizer::Span;

/// One expression of ORDER BY, and which way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort<'a> {
    pub(super) expr: &'a ast::Expr,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

impl Sort<'_> {
    pub(super) const fn by(&self, column: usize) -> SortKey {
        SortKey { column, descending: self.descending, nulls_first: self.nulls_first }
    }

    /// The position that a plain number means, from 0.
    pub(super) fn position(&self, width: usize) -> Option<Result<usize, QueryError>> {
        position(self.expr, width, "ORDER BY")
    }
}

/// The output column that a plain number means.
pub(super) fn position(
    expr: &ast::Expr,
    width: usize,
    what: &str,
) -> Option<Result<usize, QueryError>> {
    let ast::Expr::Value(value) = expr else { return None };
    let ast::Value::Number(digits, _) = &value.value else { return None };
    let position = digits.parse::<usize>().ok().filter(|number| (1..=width).contains(number));
    Some(position.map(|number| number - 1).ok_or_else(|| {
        QueryError::new(value.span, format!("{what} position {digits} is not in the select list"))
    }))
}

/// The expressions of ORDER BY; NULLs are larger than everything, unless it says otherwise.
pub(super) fn expressions(query: &ast::Query) -> Result<Vec<Sort<'_>>, QueryError> {
    let Some(order) = &query.order_by else { return Ok(Vec::new()) };
    let OrderByKind::Expressions(expressions) = &order.kind else {
        return Err(expr::unsupported(query.span(), "ORDER BY ALL"));
    };
    let sort = |by: &'_ ast::OrderByExpr| {
        let descending = match &by.options.sort {
            None | Some(OrderBySort::Asc) => false,
            Some(OrderBySort::Desc) => true,
            Some(_) => return Err(expr::unsupported(by.expr.span(), "ORDER BY … USING")),
        };
        Ok((descending, by.options.nulls_first.unwrap_or(descending)))
    };
    expressions
        .iter()
        .map(|by| {
            let (descending, nulls_first) = sort(by)?;
            Ok(Sort { expr: &by.expr, descending, nulls_first })
        })
        .collect()
}

/// ORDER BY of a UNION, where only columns of the result can be named.
pub(super) fn of_output(scope: &Scope, order: Vec<Sort<'_>>) -> Result<Vec<SortKey>, QueryError> {
    let width = scope.columns().len();
    order
        .into_iter()
        .map(|sort| {
            if let Some(position) = sort.position(width) {
                return Ok(sort.by(position?));
            }
            let ast::Expr::Identifier(name) = sort.expr else {
                let what = "an expression in ORDER BY of a UNION";
                return Err(expr::unsupported(sort.expr.span(), what)
                    .hint("name a column of the result, or its position"));
            };
            let (column, ty) = scope.find(None, &folded(name), name.span)?;
            expr::check_comparable(ty, "ORDER BY", name.span)?;
            Ok(sort.by(column))
        })
        .collect()
}

/// LIMIT and OFFSET, which are plain numbers.
pub(super) fn limits(query: &ast::Query) -> Result<(Option<usize>, usize), QueryError> {
    let Some(clause) = &query.limit_clause else { return Ok((None, 0)) };
    let (limit, offset) = match clause {
        LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        _ => {
            return Err(
                expr::unsupported(query.span(), "this LIMIT").hint("write LIMIT n OFFSET m")
            );
        }
    };
    let number = |expr: &ast::Expr, what: &str| -> Result<Option<usize>, QueryError> {
        let error = |span: Span| QueryError::new(span, format!("{what} takes a plain number"));
        match expr {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::Null => Ok(None),
                ast::Value::Number(digits, _) => {
                    digits.parse().map(Some).map_err(|_| error(value.span))
                }
                _ => Err(error(value.span)),
            },
            other => Err(error(other.span())),
        }
    };
    let limit = limit.map(|limit| number(limit, "LIMIT")).transpose()?.flatten();
    let offset = offset.map(|offset| number(offset, "OFFSET")).transpose()?.flatten();
    Ok((limit, offset.unwrap_or(0)))
}
