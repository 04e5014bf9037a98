//! Operators: each takes changes of its input and gives the changes of its output, at a cost that
//! goes by what changes, not by what is kept.
//!
//! A change is a row and a weight: so many more of it, or so many fewer. Filters, projections and
//! windows are linear and keep nothing; joins keep both sides by their key; aggregates keep a group's
//! accumulators; a top keeps its input in order.

mod accumulate;
mod aggregate;
mod join;
mod sum;
mod top;
mod window;

pub use aggregate::Aggregate;
pub use join::{Join, JoinKind};
pub use top::{SortKey, Top};
pub use window::{WINDOWS_MAX, Window};

pub(super) use top::Ordered;

use super::error::EvalError;
use super::expr::Expr;
use super::value::{Row, Value};
use std::ops::Range;

/// So many more, or fewer, of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The row.
    pub row: Row,
    /// How many come; negative for those that go.
    pub weight: i64,
}

impl Delta {
    /// One row comes.
    #[must_use]
    pub const fn come(row: Row) -> Self {
        Self { row, weight: 1 }
    }

    /// One row goes.
    #[must_use]
    pub const fn gone(row: Row) -> Self {
        Self { row, weight: -1 }
    }
}

/// A plan's operator, with its inputs below it.
#[derive(Debug)]
pub enum Node {
    /// The rows of a table, by the number of the place where the statement names it.
    Source(usize),
    /// Rows for which a condition is true.
    Filter {
        /// Where rows come from.
        input: Box<Node>,
        /// The condition.
        condition: Expr,
    },
    /// Rows computed from rows.
    Project {
        /// Where rows come from.
        input: Box<Node>,
        /// The columns.
        columns: Vec<Expr>,
    },
    /// Rows with the time windows they lie in.
    Window(Box<Node>, Window),
    /// Pairs of rows.
    Join(Box<Join>),
    /// One row for each group.
    Aggregate(Box<Node>, Box<Aggregate>),
    /// The rows of several inputs.
    Union(Vec<Node>),
    /// The first rows in an order.
    Top(Box<Node>, Box<Top>),
}

impl Node {
    /// The sources below this node; they are numbered as the statement names them, so that those
    /// below a node are next to each other.
    pub(super) fn sources(&self) -> Range<usize> {
        match self {
            Self::Source(number) => *number..number + 1,
            Self::Filter { input, .. } | Self::Project { input, .. } => input.sources(),
            Self::Window(input, _) | Self::Aggregate(input, _) | Self::Top(input, _) => {
                input.sources()
            }
            Self::Join(join) => join.sources(),
            Self::Union(inputs) => {
                let first = inputs.first().map_or(0, |input| input.sources().start);
                first..inputs.last().map_or(first, |input| input.sources().end)
            }
        }
    }

    /// True when nothing is kept between two changes.
    #[must_use]
    pub fn is_stateless(&self) -> bool {
        match self {
            Self::Source(_) => true,
            Self::Filter { input, .. } | Self::Project { input, .. } | Self::Window(input, _) => {
                input.is_stateless()
            }
            Self::Union(inputs) => inputs.iter().all(Self::is_stateless),
            Self::Join(_) | Self::Aggregate(..) | Self::Top(..) => false,
        }
    }

    /// Gives what is there without any row: an aggregate without groups has a row even of nothing.
    /// To be called once, behind the first changes, so that it is not computed in vain.
    ///
    /// # Errors
    ///
    /// [`EvalError`] when an expression cannot be computed.
    pub fn start(&mut self) -> Result<Vec<Delta>, EvalError> {
        match self {
            Self::Source(_) => Ok(Vec::new()),
            Self::Filter { input, condition } => {
                let mut changes = input.start()?;
                filter(&mut changes, condition)?;
                Ok(changes)
            }
            Self::Project { input, columns } => project(input.start()?, columns),
            Self::Window(input, window) => window.push(input.start()?),
            Self::Join(join) => join.start(),
            Self::Aggregate(input, aggregate) => {
                let input = input.start()?;
                aggregate.start(input)
            }
            Self::Union(inputs) => {
                let started: Result<Vec<_>, _> = inputs.iter_mut().map(Self::start).collect();
                Ok(started?.into_iter().flatten().collect())
            }
            Self::Top(input, top) => Ok(top.push(input.start()?)),
        }
    }

    /// Pushes changes of a source through, and gives the changes of the result.
    ///
    /// # Errors
    ///
    /// [`EvalError`] when an expression cannot be computed for a row.
    pub fn push(&mut self, source: usize, changes: Vec<Delta>) -> Result<Vec<Delta>, EvalError> {
        match self {
            Self::Source(_) => Ok(changes),
            Self::Filter { input, condition } => {
                let mut changes = input.push(source, changes)?;
                filter(&mut changes, condition)?;
                Ok(changes)
            }
            Self::Project { input, columns } => project(input.push(source, changes)?, columns),
            Self::Window(input, window) => window.push(input.push(source, changes)?),
            Self::Join(join) => join.push(source, changes),
            Self::Aggregate(input, aggregate) => aggregate.push(input.push(source, changes)?),
            Self::Union(inputs) => {
                let input = inputs.iter_mut().find(|input| input.sources().contains(&source));
                input.map_or_else(|| Ok(Vec::new()), |input| input.push(source, changes))
            }
            Self::Top(input, top) => Ok(top.push(input.push(source, changes)?)),
        }
    }

    /// Closes the windows that end at or before `watermark`, which never goes back: what they hold
    /// is final, and what they kept is freed.
    pub fn close_windows(&mut self, watermark: i64) {
        match self {
            Self::Source(_) => {}
            Self::Filter { input, .. } | Self::Project { input, .. } => {
                input.close_windows(watermark);
            }
            Self::Window(input, window) => {
                input.close_windows(watermark);
                window.close(watermark);
            }
            Self::Join(join) => join.close_windows(watermark),
            Self::Aggregate(input, aggregate) => {
                input.close_windows(watermark);
                aggregate.close_windows(watermark);
            }
            Self::Union(inputs) => {
                inputs.iter_mut().for_each(|input| input.close_windows(watermark));
            }
            Self::Top(input, _) => input.close_windows(watermark),
        }
    }

    /// Rows that came too late for their window.
    #[must_use]
    pub fn late(&self) -> u64 {
        match self {
            Self::Source(_) => 0,
            Self::Filter { input, .. } | Self::Project { input, .. } => input.late(),
            Self::Window(input, window) => input.late() + window.late(),
            Self::Join(join) => join.late(),
            Self::Aggregate(input, _) | Self::Top(input, _) => input.late(),
            Self::Union(inputs) => inputs.iter().map(Self::late).sum(),
        }
    }
}

fn filter(changes: &mut Vec<Delta>, condition: &Expr) -> Result<(), EvalError> {
    let mut failure = None;
    changes.retain(|change| match condition.holds(&change.row) {
        Ok(holds) => holds,
        Err(error) => {
            failure = Some(error);
            false
        }
    });
    failure.map_or(Ok(()), Err)
}

fn project(changes: Vec<Delta>, columns: &[Expr]) -> Result<Vec<Delta>, EvalError> {
    let mut out = Vec::with_capacity(changes.len());
    for Delta { row, weight } in changes {
        out.push(Delta { row: eval_all(columns, &row)?.into(), weight });
    }
    Ok(out)
}

fn eval_all(columns: &[Expr], row: &[Value]) -> Result<Vec<Value>, EvalError> {
    columns.iter().map(|column| column.eval(row)).collect()
}

/// The values of a key in their canonical forms, so that SQL's equality is plain equality.
fn eval_key(columns: &[Expr], row: &[Value]) -> Result<Row, EvalError> {
    columns.iter().map(|column| column.eval(row).map(|value| value.canonical())).collect()
}

/// Leaves one change for each row, and none for a row that came and went.
pub fn consolidate(changes: Vec<Delta>) -> Vec<Delta> {
    if changes.len() < 2 {
        return changes;
    }
    let mut positions = std::collections::HashMap::with_capacity(changes.len());
    let mut out: Vec<Delta> = Vec::with_capacity(changes.len());
    for change in changes {
        let position = *positions.entry(Row::clone(&change.row)).or_insert(out.len());
        match out.get_mut(position) {
            Some(known) => known.weight += change.weight,
            None => out.push(change),
        }
    }
    out.retain(|change| change.weight != 0);
    out
}
