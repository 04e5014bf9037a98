//! Inner and left joins on equality.
//!
//! Both sides are kept by the values of their key. A change on one side meets the rows of its key
//! on the other, so it costs as much as there are pairs. For a left join each left row knows how
//! many partners it has: with none it stands in the result alone, beside NULLs.

use super::{Delta, Node, eval_key};
use crate::query::error::EvalError;
use crate::query::expr::Expr;
use crate::query::value::{Row, Value};
use std::collections::HashMap;
use std::ops::Range;

/// What becomes of a left row without a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// It is not in the result.
    Inner,
    /// It is, with NULLs beside it.
    Left,
}

#[derive(Debug, Default, Clone, Copy)]
struct LeftEntry {
    count: i64,
    partners: i64,
}

/// A join and what it keeps.
#[derive(Debug)]
pub struct Join {
    left: Node,
    right: Node,
    kind: JoinKind,
    left_key: Vec<Expr>,
    right_key: Vec<Expr>,
    /// What else has to be true of a pair, over the columns of both.
    condition: Option<Expr>,
    right_width: usize,
    left_rows: HashMap<Row, HashMap<Row, LeftEntry>>,
    right_rows: HashMap<Row, HashMap<Row, i64>>,
}

impl Join {
    /// A join in which each of `left_key` equals its counterpart in `right_key`, and `condition`
    /// holds for the pair. Keys are over the columns of their own side.
    #[must_use]
    pub fn new(
        (left, right): (Node, Node),
        kind: JoinKind,
        (left_key, right_key): (Vec<Expr>, Vec<Expr>),
        condition: Option<Expr>,
        right_width: usize,
    ) -> Self {
        Self {
            left,
            right,
            kind,
            left_key,
            right_key,
            condition,
            right_width,
            left_rows: HashMap::new(),
            right_rows: HashMap::new(),
        }
    }

    pub(super) fn sources(&self) -> Range<usize> {
        // The sides of a right join have changed places.
        let (left, right) = (self.left.sources(), self.right.sources());
        left.start.min(right.start)..left.end.max(right.end)
    }

    pub(super) fn close_windows(&mut self, watermark: i64) {
        self.left.close_windows(watermark);
        self.right.close_windows(watermark);
    }

    pub(super) fn late(&self) -> u64 {
        self.left.late() + self.right.late()
    }

    pub(super) fn start(&mut self) -> Result<Vec<Delta>, EvalError> {
        let mut out = Vec::new();
        for change in self.left.start()? {
            self.push_left(change, &mut out)?;
        }
        for change in self.right.start()? {
            self.push_right(change, &mut out)?;
        }
        Ok(out)
    }

    pub(super) fn push(
        &mut self,
        source: usize,
        changes: Vec<Delta>,
    ) -> Result<Vec<Delta>, EvalError> {
        let mut out = Vec::with_capacity(changes.len());
        if self.left.sources().contains(&source) {
            for change in self.left.push(source, changes)? {
                self.push_left(change, &mut out)?;
            }
        } else {
            for change in self.right.push(source, changes)? {
                self.push_right(change, &mut out)?;
            }
        }
        Ok(out)
    }

    fn push_left(&mut self, change: Delta, out: &mut Vec<Delta>) -> Result<(), EvalError> {
        let Delta { row, weight } = change;
        let key = eval_key(&self.left_key, &row)?;
        let mut partners = 0;
        // NULL equals nothing.
        let has_null = key.iter().any(Value::is_null);
        if !has_null && let Some(rights) = self.right_rows.get(&key) {
            for (right, count) in rights {
                let pair = pair(&row, right);
                if holds(self.condition.as_ref(), &pair)? {
                    partners += count;
                    out.push(Delta { row: pair, weight: weight * count });
                }
            }
        }
        if self.kind == JoinKind::Left && partners == 0 {
            out.push(Delta { row: self.alone(&row), weight });
        }
        if has_null {
            return Ok(());
        }
        let lefts = self.left_rows.entry(Row::clone(&key)).or_default();
        let entry = lefts.entry(row.clone()).or_insert(LeftEntry { count: 0, partners });
        entry.count += weight;
        if entry.count == 0 {
            lefts.remove(&row);
            if lefts.is_empty() {
                self.left_rows.remove(&key);
            }
        }
        Ok(())
    }

    fn push_right(&mut self, change: Delta, out: &mut Vec<Delta>) -> Result<(), EvalError> {
        let Delta { row, weight } = change;
        let key = eval_key(&self.right_key, &row)?;
        if key.iter().any(Value::is_null) {
            return Ok(());
        }
        let width = self.right_width;
        if let Some(lefts) = self.left_rows.get_mut(&key) {
            for (left, entry) in lefts {
                let pair = pair(left, &row);
                if !holds(self.condition.as_ref(), &pair)? {
                    continue;
                }
                out.push(Delta { row: pair, weight: weight * entry.count });
                let before = entry.partners;
                entry.partners += weight;
                if self.kind == JoinKind::Left && (before == 0) != (entry.partners == 0) {
                    let sign = if before == 0 { -1 } else { 1 };
                    out.push(Delta { row: beside_nulls(left, width), weight: sign * entry.count });
                }
            }
        }
        let rights = self.right_rows.entry(Row::clone(&key)).or_default();
        let count = rights.entry(row.clone()).or_insert(0);
        *count += weight;
        if *count == 0 {
            rights.remove(&row);
            if rights.is_empty() {
                self.right_rows.remove(&key);
            }
        }
        Ok(())
    }

    fn alone(&self, left: &Row) -> Row {
        beside_nulls(left, self.right_width)
    }
}

fn pair(left: &Row, right: &Row) -> Row {
    left.iter().chain(right.iter()).cloned().collect()
}

fn beside_nulls(left: &Row, width: usize) -> Row {
    left.iter().cloned().chain(std::iter::repeat_n(Value::Null, width)).collect()
}

fn holds(condition: Option<&Expr>, row: &Row) -> Result<bool, EvalError> {
    condition.map_or(Ok(true), |condition| condition.holds(row))
}
