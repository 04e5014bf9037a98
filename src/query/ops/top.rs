//! Order, and the first rows in it.

use super::Delta;
use crate::query::value::{Row, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One column of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// Position of the column.
    pub column: usize,
    /// Largest first.
    pub descending: bool,
    /// NULLs first.
    pub nulls_first: bool,
}

impl SortKey {
    fn compare(&self, left: &[Value], right: &[Value]) -> Ordering {
        let (left, right) = (left.get(self.column), right.get(self.column));
        let (Some(left), Some(right)) = (left, right) else { return Ordering::Equal };
        match (left.is_null(), right.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if self.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if self.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ if self.descending => right.compare(left),
            _ => left.compare(right),
        }
    }
}

/// A row in the place that an order gives it; rows that the order does not tell apart follow their
/// values, so that the place is always the same.
#[derive(Debug, Clone)]
struct Placed {
    row: Row,
    order: Arc<[SortKey]>,
}

impl Ord for Placed {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = self.order.iter().map(|key| key.compare(&self.row, &other.row));
        let values = self.row.iter().zip(other.row.iter()).map(|(a, b)| a.total_compare(b));
        keys.chain(values).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Placed {}

/// Rows in an order, each as often as it is there.
#[derive(Debug)]
pub(in crate::query) struct Ordered {
    order: Arc<[SortKey]>,
    rows: BTreeMap<Placed, i64>,
}

impl Ordered {
    /// Without rows.
    #[must_use]
    pub(in crate::query) fn new(order: &[SortKey]) -> Self {
        Self { order: order.into(), rows: BTreeMap::new() }
    }

    /// Takes changes in.
    pub(in crate::query) fn apply(&mut self, changes: &[Delta]) {
        for Delta { row, weight } in changes {
            let placed = Placed { row: Row::clone(row), order: Arc::clone(&self.order) };
            let count = self.rows.entry(placed.clone()).or_default();
            *count += weight;
            if *count == 0 {
                self.rows.remove(&placed);
            }
        }
    }

    /// The rows in their order, each as often as it is there.
    pub(in crate::query) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flat_map(|(placed, count)| {
            std::iter::repeat_n(&placed.row, usize::try_from(*count).unwrap_or(0))
        })
    }

    /// Different rows.
    #[must_use]
    pub(in crate::query) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// The first rows in an order, after leaving some out.
#[derive(Debug)]
pub struct Top {
    rows: Ordered,
    limit: Option<usize>,
    offset: usize,
    /// Columns of the output; those behind them are for the order only.
    width: usize,
    shown: Vec<Row>,
}

impl Top {
    /// The first `limit` rows after `offset` others.
    #[must_use]
    pub fn new(order: &[SortKey], limit: Option<usize>, offset: usize, width: usize) -> Self {
        Self { rows: Ordered::new(order), limit, offset, width, shown: Vec::new() }
    }

    pub(super) fn push(&mut self, changes: Vec<Delta>) -> Vec<Delta> {
        if changes.is_empty() {
            return Vec::new();
        }
        self.rows.apply(&changes);
        let width = self.width;
        let cut = |row: &Row| -> Row { row.iter().take(width).cloned().collect() };
        let limit = self.limit.unwrap_or(usize::MAX);
        let shown: Vec<Row> = self.rows.iter().skip(self.offset).take(limit).map(cut).collect();
        // Only what came and what went is told.
        let mut counts: HashMap<&Row, i64> = HashMap::new();
        for row in &self.shown {
            *counts.entry(row).or_default() -= 1;
        }
        for row in &shown {
            *counts.entry(row).or_default() += 1;
        }
        let mut told = Vec::new();
        for row in self.shown.iter().chain(&shown) {
            if let Some(weight) = counts.remove(row).filter(|weight| *weight != 0) {
                told.push(Delta { row: Row::clone(row), weight });
            }
        }
        self.shown = shown;
        told
    }
}
