//! A running query: records in, changes of the result out.

use super::error::{EvalError, QueryError};
use super::input::{Column, Columns, Discovery, InputError, InputRecord, Reader, TableState};
use super::ops::{Delta, Node, Ordered, Top, consolidate};
use super::plan::{Plan, Statement};
use super::value::{Row, Value};
use std::collections::HashMap;

/// Why a running query cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// A record of a table.
    #[error("table {table}: {source}")]
    Input {
        /// The table's name in the statement.
        table: String,
        /// What is wrong with the record.
        source: InputError,
    },
    /// An expression has no value for a row.
    #[error("the query fails, as it would in PostgreSQL: {0}")]
    Eval(#[from] EvalError),
}

impl LiveError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Input { source, .. } => source.hint().to_owned(),
            Self::Eval(EvalError::DivisionByZero) => {
                "guard the divisor: a / nullif(b, 0)".to_owned()
            }
            Self::Eval(_) => {
                "cast to a larger type, or leave such rows out with WHERE or CASE".to_owned()
            }
        }
    }
}

/// How a query is run.
#[derive(Debug, Clone, Default)]
pub struct LiveOptions {
    /// Stands for values that PostgreSQL did not send.
    pub placeholder: String,
    /// Whether the rows of the result are kept, to be shown as a table.
    pub keeps_result: bool,
    /// Windows are closed when a row is this much later than their end, in microseconds; never
    /// without it.
    pub lateness: Option<i64>,
}

#[derive(Debug)]
struct Table {
    name: String,
    reader: Reader,
    state: TableState,
    sources: Vec<usize>,
    changes: Vec<Delta>,
}

/// A query and everything it keeps.
#[derive(Debug)]
pub struct LiveQuery {
    tables: Vec<Table>,
    node: Node,
    columns: Vec<Column>,
    unique: Option<Vec<usize>>,
    is_stateless: bool,
    result: Option<Ordered>,
    is_started: bool,
    watermarks: Watermarks,
}

/// How far event time is.
#[derive(Debug, Default)]
struct Watermarks {
    lateness: Option<i64>,
    /// For each table, which of its columns are times of windows.
    columns: Vec<Vec<usize>>,
    /// The latest time of each partition.
    latest: HashMap<(usize, i32), i64>,
}

impl LiveQuery {
    /// A query over tables of which the columns are known.
    ///
    /// # Errors
    ///
    /// [`QueryError`] as [`Statement::plan`].
    pub fn new(
        statement: &Statement,
        tables: &[Discovery],
        options: LiveOptions,
    ) -> Result<Self, QueryError> {
        let columns: Vec<Columns> =
            tables.iter().map(|table| table.columns().unwrap_or_default()).collect();
        let plan = statement.plan(&columns)?;
        let Plan {
            node,
            sources,
            columns: shown,
            order,
            limit,
            offset,
            unique,
            windows,
            is_stateless,
        } = plan;
        if options.lateness.is_some() && windows.is_empty() {
            let error =
                "--lateness needs TUMBLE or HOP over a table, and the statement has neither";
            return Err(QueryError::new(sqlparser::tokenizer::Span::empty(), error)
                .hint("FROM TUMBLE(orders, created_at, interval '1 hour')"));
        }
        let mut live = Self {
            tables: Vec::new(),
            node: with_limit(node, &order, limit, offset),
            columns: shown,
            unique,
            is_stateless,
            result: options.keeps_result.then(|| Ordered::new(&order)),
            is_started: false,
            watermarks: Watermarks { lateness: options.lateness, ..Watermarks::default() },
        };
        for (number, (name, (known, discovery))) in
            statement.tables().iter().zip(columns.iter().zip(tables)).enumerate()
        {
            let wanted = statement.wanted(known);
            let is_own = |(_, table): &(usize, &usize)| **table == number;
            let own = sources.iter().enumerate().filter(is_own).map(|(source, _)| source);
            let own: Vec<usize> = own.collect();
            let times = windows.iter().filter(|(source, _)| own.contains(source));
            live.watermarks.columns.push(times.map(|(_, column)| *column).collect());
            live.tables.push(Table {
                name: name.name.clone(),
                reader: Reader::new(wanted, discovery, &options.placeholder),
                state: TableState::default(),
                sources: own,
                changes: Vec::new(),
            });
        }
        Ok(live)
    }

    /// The columns of the result.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Columns of the result that tell its rows apart, when there are such.
    #[must_use]
    pub fn unique(&self) -> Option<&[usize]> {
        self.unique.as_deref()
    }

    /// Whether nothing but the rows of tables is kept.
    #[must_use]
    pub const fn is_stateless(&self) -> bool {
        self.is_stateless
    }

    /// Rows of tables that are kept.
    #[must_use]
    pub fn rows_kept(&self) -> usize {
        self.tables.iter().map(|table| table.state.len()).sum()
    }

    /// Rows that came after their window was closed.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.node.late()
    }

    /// Reads a record of a table, given by its place in [`Statement::tables`].
    ///
    /// # Errors
    ///
    /// [`LiveError::Input`] for a record that cannot be followed.
    pub fn read(
        &mut self,
        table: usize,
        partition: i32,
        record: InputRecord<'_>,
    ) -> Result<(), LiveError> {
        let Some(kept) = self.tables.get_mut(table) else { return Ok(()) };
        let from = kept.changes.len();
        let event = kept.reader.read(record);
        let applied = event
            .and_then(|event| kept.state.apply(event, kept.reader.columns(), &mut kept.changes));
        applied.map_err(|source| LiveError::Input { table: kept.name.clone(), source })?;
        let come = kept.changes.get(from..).unwrap_or_default();
        self.watermarks.see(table, partition, come);
        Ok(())
    }

    /// Computes what the records that were read have changed in the result.
    ///
    /// # Errors
    ///
    /// [`LiveError::Eval`] when an expression has no value for a row.
    pub fn flush(&mut self) -> Result<Vec<Delta>, LiveError> {
        let mut changes = Vec::new();
        for table in &mut self.tables {
            let read = std::mem::take(&mut table.changes);
            if read.is_empty() {
                continue;
            }
            let Some((last, others)) = table.sources.split_last() else { continue };
            for source in others {
                changes.extend(self.node.push(*source, read.clone())?);
            }
            changes.extend(self.node.push(*last, read)?);
        }
        if !std::mem::replace(&mut self.is_started, true) {
            changes.extend(self.node.start()?);
        }
        if let Some(watermark) = self.watermarks.get() {
            self.node.close_windows(watermark);
        }
        if let Some(result) = &mut self.result {
            result.apply(&changes);
        }
        let width = self.columns.len();
        if changes.iter().any(|change| change.row.len() > width) {
            for change in &mut changes {
                change.row = cut(&change.row, width);
            }
        }
        Ok(if self.is_stateless { changes } else { consolidate(changes) })
    }

    /// What is kept of each table, in the order of [`Statement::tables`].
    pub fn states(&self) -> impl Iterator<Item = (&[Column], &TableState)> {
        self.tables.iter().map(|table| (table.reader.columns(), &table.state))
    }

    /// Puts a row of a table back, as [`TableState::rows`] gave it; the next flush tells what it
    /// makes of the result.
    pub fn restore(&mut self, table: usize, key: Option<&[u8]>, row: Row, count: i64) {
        if let Some(table) = self.tables.get_mut(table) {
            table.state.restore(key, Row::clone(&row), count);
            table.changes.push(Delta { row, weight: count });
        }
    }

    /// The result in its order, if it is kept.
    pub fn rows(&self) -> impl Iterator<Item = &[Value]> {
        let width = self.columns.len();
        let rows = self.result.iter().flat_map(Ordered::iter);
        rows.map(move |row| row.get(..width).unwrap_or(row))
    }

    /// Different rows of the result, if it is kept.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.result.as_ref().map_or(0, Ordered::len)
    }
}

impl Watermarks {
    fn see(&mut self, table: usize, partition: i32, changes: &[Delta]) {
        if self.lateness.is_none() {
            return;
        }
        for column in self.columns.get(table).into_iter().flatten() {
            for change in changes.iter().filter(|change| change.weight > 0) {
                if let Some(Value::Timestamp(time)) = change.row.get(*column)
                    && *time != i64::MAX
                {
                    let latest = self.latest.entry((table, partition)).or_insert(*time);
                    *latest = (*latest).max(*time);
                }
            }
        }
    }

    /// No row before this time is waited for.
    fn get(&self) -> Option<i64> {
        let earliest = self.latest.values().min()?;
        Some(earliest.saturating_sub(self.lateness?))
    }
}

fn with_limit(
    node: Node,
    order: &[super::ops::SortKey],
    limit: Option<usize>,
    offset: usize,
) -> Node {
    if limit.is_none() && offset == 0 {
        return node;
    }
    // Columns that only the order needs are cut off later.
    Node::Top(Box::new(node), Box::new(Top::new(order, limit, offset, usize::MAX)))
}

fn cut(row: &Row, width: usize) -> Row {
    row.iter().take(width).cloned().collect()
}

#[cfg(test)]
mod tests;
