//! The rows of a table as they are now: what changes are told against.
//!
//! A table with a key is a map; a record puts or removes the row of its key, whatever was there
//! before, so records that come twice do no harm. A table without one is a bag: equal rows are
//! counted. Only the columns that a query uses are kept.

use super::{Column, Event, InputError, PartialRow};
use crate::query::ops::Delta;
use crate::query::value::{Row, Value};
use std::collections::HashMap;

/// The rows of one table.
#[derive(Debug, Default)]
pub struct TableState {
    keyed: HashMap<Box<[u8]>, Row>,
    bag: HashMap<Row, i64>,
}

impl TableState {
    /// Rows that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keyed.len() + self.bag.len()
    }

    /// True when no row is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keyed.is_empty() && self.bag.is_empty()
    }

    /// Takes an event in, and appends what it changes to `out`.
    ///
    /// # Errors
    ///
    /// [`InputError::NeverSent`] for a value that is nowhere to be found.
    pub fn apply(
        &mut self,
        event: Event<'_>,
        columns: &[Column],
        out: &mut Vec<Delta>,
    ) -> Result<(), InputError> {
        match event {
            Event::Nothing => {}
            Event::Put { key, row } => {
                let known = self.keyed.get_mut(key);
                let row = complete(row, known.as_ref().map(|row| &***row), columns)?;
                match known {
                    Some(known) if **known == *row => {}
                    Some(known) => {
                        let old = std::mem::replace(known, Row::clone(&row));
                        out.push(Delta::gone(old));
                        out.push(Delta::come(row));
                    }
                    None => {
                        self.keyed.insert(key.into(), Row::clone(&row));
                        out.push(Delta::come(row));
                    }
                }
            }
            Event::Remove { key } => {
                out.extend(self.keyed.remove(key).map(Delta::gone));
            }
            Event::Change { before, after } => {
                let before = before.map(|row| Row::from(row.values));
                let after =
                    after.map(|row| complete(row, before.as_deref(), columns)).transpose()?;
                if let Some(row) = before {
                    self.count(row, -1, out);
                }
                if let Some(row) = after {
                    self.count(row, 1, out);
                }
            }
            Event::Truncate => {
                out.extend(self.keyed.drain().map(|(_, row)| Delta::gone(row)));
                out.extend(self.bag.drain().map(|(row, count)| Delta { row, weight: -count }));
            }
        }
        Ok(())
    }

    /// Counts a row of a table without a key. One that was never seen cannot go.
    fn count(&mut self, row: Row, weight: i64, out: &mut Vec<Delta>) {
        let count = self.bag.get(&row).copied().unwrap_or(0) + weight;
        match count {
            ..0 => return,
            0 => {
                self.bag.remove(&row);
            }
            _ => {
                self.bag.insert(Row::clone(&row), count);
            }
        }
        out.push(Delta { row, weight });
    }

    /// Every row with its key (or none) and how often it is there.
    pub fn rows(&self) -> impl Iterator<Item = (Option<&[u8]>, &Row, i64)> {
        let keyed = self.keyed.iter().map(|(key, row)| (Some(&**key), row, 1));
        keyed.chain(self.bag.iter().map(|(row, count)| (None, row, *count)))
    }

    /// Puts a row back, as [`TableState::rows`] gave it.
    pub fn restore(&mut self, key: Option<&[u8]>, row: Row, count: i64) {
        match key {
            Some(key) => drop(self.keyed.insert(key.into(), row)),
            None => drop(self.bag.insert(row, count)),
        }
    }
}

/// Fills in what was not sent.
fn complete(
    mut row: PartialRow,
    known: Option<&[Value]>,
    columns: &[Column],
) -> Result<Row, InputError> {
    for position in row.unavailable {
        let value = known.and_then(|known| known.get(position)).ok_or_else(|| {
            let column = columns.get(position).map(|column| column.name.clone());
            InputError::NeverSent { column: column.unwrap_or_default() }
        })?;
        if let Some(slot) = row.values.get_mut(position) {
            slot.clone_from(value);
        }
    }
    Ok(row.values.into())
}
