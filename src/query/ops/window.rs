//! Time windows: `TUMBLE`, one behind the other, and `HOP`, overlapping.

use super::Delta;
use crate::query::error::EvalError;
use crate::query::value::{Row, Value};

/// Windows that last this long per row, at most.
pub const WINDOWS_MAX: i64 = 1_000;

/// Puts each row into the windows that its time lies in, and their start and end behind its
/// columns. A row without a time is in none.
#[derive(Debug, Clone)]
pub struct Window {
    column: usize,
    /// Length in microseconds.
    size: i64,
    /// Distance between two starts.
    slide: i64,
    watermark: i64,
    late: u64,
}

impl Window {
    /// Windows of `size` microseconds that begin every `slide` (the same for `TUMBLE`), counted
    /// from 1970-01-01, by the time in `column`.
    #[must_use]
    pub const fn new(column: usize, size: i64, slide: i64) -> Self {
        Self { column, size, slide, watermark: i64::MIN, late: 0 }
    }

    /// The time of a row.
    #[must_use]
    pub fn time(&self, row: &[Value]) -> Option<i64> {
        match row.get(self.column) {
            Some(Value::Timestamp(time)) if *time != i64::MAX && *time != i64::MIN => Some(*time),
            _ => None,
        }
    }

    pub(super) fn push(&mut self, changes: Vec<Delta>) -> Result<Vec<Delta>, EvalError> {
        const RANGE: EvalError = EvalError::OutOfRange(crate::query::value::Type::Timestamp);
        let mut out = Vec::with_capacity(changes.len());
        for Delta { row, weight } in changes {
            let Some(time) = self.time(&row) else { continue };
            let last = time.checked_sub(time.rem_euclid(self.slide)).ok_or(RANGE)?;
            let mut start = last;
            let mut is_late = false;
            while start.checked_add(self.size).is_some_and(|end| end > time) {
                let end = start + self.size;
                if end > self.watermark {
                    let bounds = [Value::Timestamp(start), Value::Timestamp(end)];
                    let row: Row = row.iter().cloned().chain(bounds).collect();
                    out.push(Delta { row, weight });
                } else {
                    is_late = true;
                }
                start = start.checked_sub(self.slide).ok_or(RANGE)?;
            }
            self.late += u64::from(is_late);
        }
        Ok(out)
    }

    pub(super) const fn close(&mut self, watermark: i64) {
        self.watermark = watermark;
    }

    pub(super) const fn late(&self) -> u64 {
        self.late
    }
}
