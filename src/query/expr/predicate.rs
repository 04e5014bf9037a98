//! A condition on its own, as `--where` takes it.

use super::{Binder, Expr, Scope, syntax};
use crate::query::error::{EvalError, QueryError};
use crate::query::value::Value;
use sqlparser::ast::Spanned as _;

/// A condition over the columns of a [`Scope`].
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    condition: Expr,
}

impl Predicate {
    /// Reads a condition such as `quantity > 2 and status <> 'new'`.
    ///
    /// # Errors
    ///
    /// [`QueryError`] with the place in the text for what is no condition over these columns.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, QueryError> {
        let tree = syntax::expression(text)?;
        let bound = Binder::new(scope).condition(&tree, "a condition");
        let condition = bound.map_err(|error| error.or_at(tree.span()).within(text))?;
        Ok(Self { condition })
    }

    /// Whether the condition is true for `row`: neither false nor NULL.
    ///
    /// # Errors
    ///
    /// As [`Expr::eval`].
    pub fn holds(&self, row: &[Value]) -> Result<bool, EvalError> {
        self.condition.holds(row)
    }

    /// Calls `visit` with the position of every column that is read.
    pub fn columns(&self, visit: &mut impl FnMut(usize)) {
        self.condition.columns(visit);
    }
}
