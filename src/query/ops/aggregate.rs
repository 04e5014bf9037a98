//! `GROUP BY`, and `DISTINCT`, which is one without aggregates.

use super::accumulate::Accumulator;
use super::{Delta, eval_all};
use crate::query::error::EvalError;
use crate::query::expr::{AggregateCall, Expr};
use crate::query::value::{Row, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Groups and their aggregates. A row of the output has the values of the group's expressions, then
/// those of the aggregates.
#[derive(Debug)]
pub struct Aggregate {
    by: Vec<Expr>,
    calls: Vec<AggregateCall>,
    /// Without groups there is one row, even of nothing.
    always: bool,
    groups: HashMap<Row, Group>,
    /// Position in `by` of the end of a window, when groups are of one window each.
    window_end: Option<usize>,
}

#[derive(Debug)]
struct Group {
    /// The group's values as the first row had them: 1.50 stays 1.50.
    shown: Row,
    rows: i64,
    accumulators: Box<[Accumulator]>,
    /// The row that stands in the output.
    output: Option<Row>,
    touched: bool,
}

impl Aggregate {
    /// Aggregates `calls` over the groups `by`.
    #[must_use]
    pub fn new(by: Vec<Expr>, calls: Vec<AggregateCall>, window_end: Option<usize>) -> Self {
        let always = by.is_empty() && !calls.is_empty();
        Self { by, calls, always, groups: HashMap::new(), window_end }
    }

    /// Gives the row of nothing, unless there was something.
    pub(super) fn start(&mut self, changes: Vec<Delta>) -> Result<Vec<Delta>, EvalError> {
        let mut out = self.push(changes)?;
        if self.always && self.groups.is_empty() {
            let key = Row::from([]);
            self.groups.insert(Row::clone(&key), Group::new(Row::clone(&key), &self.calls));
            self.give_out(vec![key], &mut out)?;
        }
        Ok(out)
    }

    pub(super) fn push(&mut self, changes: Vec<Delta>) -> Result<Vec<Delta>, EvalError> {
        let mut touched = Vec::new();
        self.take_in(changes, &mut touched)?;
        let mut out = Vec::with_capacity(touched.len() * 2);
        self.give_out(touched, &mut out)?;
        Ok(out)
    }

    /// Puts changes into their groups, and notes the groups.
    fn take_in(&mut self, changes: Vec<Delta>, touched: &mut Vec<Row>) -> Result<(), EvalError> {
        for Delta { row, weight } in changes {
            let shown = eval_all(&self.by, &row)?;
            let key: Row = shown.iter().map(Value::canonical).collect();
            let group = match self.groups.entry(key) {
                Entry::Occupied(entry) => {
                    if !entry.get().touched {
                        touched.push(Row::clone(entry.key()));
                    }
                    entry.into_mut()
                }
                Entry::Vacant(entry) => {
                    touched.push(Row::clone(entry.key()));
                    entry.insert(Group::new(shown.into(), &self.calls))
                }
            };
            group.touched = true;
            group.rows += weight;
            for (accumulator, call) in group.accumulators.iter_mut().zip(&self.calls) {
                if let Some(filter) = &call.filter
                    && !filter.holds(&row)?
                {
                    continue;
                }
                match &call.argument {
                    Some(argument) => accumulator.add(&argument.expr.eval(&row)?, weight),
                    None => accumulator.add(&Value::Bool(true), weight),
                }
            }
        }
        Ok(())
    }

    /// Replaces the output of the groups that were touched.
    fn give_out(&mut self, touched: Vec<Row>, out: &mut Vec<Delta>) -> Result<(), EvalError> {
        for key in touched {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            group.touched = false;
            let stays = self.always || group.rows != 0;
            let new = if stays { Some(group.row(&self.calls)?) } else { None };
            if group.output != new {
                out.extend(group.output.take().map(Delta::gone));
                out.extend(new.clone().map(Delta::come));
                group.output = new;
            }
            if !stays {
                self.groups.remove(&key);
            }
        }
        Ok(())
    }

    /// Frees groups of windows that are closed; their rows stay in the output.
    pub(super) fn close_windows(&mut self, watermark: i64) {
        let Some(position) = self.window_end else { return };
        self.groups.retain(|key, _| match key.get(position) {
            Some(Value::Timestamp(end)) => *end > watermark,
            _ => true,
        });
    }
}

impl Group {
    fn new(shown: Row, calls: &[AggregateCall]) -> Self {
        let accumulators = calls.iter().map(Accumulator::new).collect();
        Self { shown, rows: 0, accumulators, output: None, touched: false }
    }

    fn row(&self, calls: &[AggregateCall]) -> Result<Row, EvalError> {
        let values = self.accumulators.iter().zip(calls).map(|(kept, call)| kept.value(call));
        self.shown.iter().cloned().map(Ok).chain(values).collect()
    }
}
