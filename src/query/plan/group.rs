//! Groups: which expressions the rows of an aggregate still have.

use crate::query::error::QueryError;
use crate::query::expr::Expr;
use sqlparser::tokenizer::Span;
use std::ops::Range;

/// Rewrites expressions over the input to expressions over the rows of an aggregate.
pub(super) struct Grouping {
    /// The expressions of GROUP BY, then the columns that their keys decide.
    pub(super) by: Vec<Expr>,
    /// How many of `by` the statement names.
    named: usize,
    keys: Vec<(Range<usize>, Vec<usize>)>,
}

impl Grouping {
    pub(super) fn new(by: Vec<Expr>, keys: Vec<(Range<usize>, Vec<usize>)>) -> Self {
        Self { named: by.len(), by, keys }
    }

    /// Makes sure that every column of `expr` outside of groups and aggregates is decided by the
    /// groups: a table that is grouped by its key has one row in each.
    pub(super) fn admit(
        &mut self,
        expr: &Expr,
        names: impl Fn(usize) -> String,
        span: Span,
    ) -> Result<(), QueryError> {
        for column in expr.ungrouped(&self.by) {
            let grouped = |column: &usize| {
                self.by.iter().take(self.named).any(|by| by.as_column() == Some(*column))
            };
            let decided = self
                .keys
                .iter()
                .any(|(range, key)| range.contains(&column) && key.iter().all(grouped));
            if !decided {
                let name = names(column);
                let message = format!("column \"{name}\" is neither grouped nor in an aggregate");
                return Err(QueryError::new(span, message)
                    .hint(format!("add it to GROUP BY, or take min({name}) or max({name})")));
            }
            self.by.push(Expr::column(column));
        }
        Ok(())
    }

    /// The expression over the rows of the aggregate; call it when everything is admitted.
    pub(super) fn rewrite(&self, expr: Expr) -> Expr {
        expr.over_groups(&self.by)
    }
}
