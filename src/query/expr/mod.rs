//! Expressions: SQL text, bound to columns and typed, evaluated over rows with three-valued logic.
//!
//! ```text
//! text ─ sqlparser ─► syntax tree ─ bind (names to columns, types, casts) ─► Expr ─ eval(row) ─► Value
//! ```
//!
//! What can fail by the text alone fails in [`bind`](Binder::bind), with its place in the text; what
//! depends on the row fails in [`Expr::eval`].

mod arithmetic;
mod bind;
mod cast;
mod coerce;
pub(super) mod convert;
mod eval;
mod functions;
mod like;
mod predicate;
mod scope;
mod syntax;

pub use bind::{AggregateCall, AggregateKind, Binder, Typed};
pub use cast::Target;
pub use predicate::Predicate;
pub use scope::{Scope, ScopeColumn};

pub(super) use bind::{check_comparable, unsupported};
pub(super) use coerce::unify_all;
pub(super) use syntax::{folded, function_name, parse};

use super::error::EvalError;
use super::value::{Type, Value};

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

type Outcome = Result<Value, EvalError>;

/// What a function call runs; no argument is NULL, unless the function says it takes NULLs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    One(fn(&Value) -> Outcome),
    Two(fn(&Value, &Value) -> Outcome),
    Many(fn(&[Value]) -> Outcome),
    /// Takes NULLs, too.
    WithNulls(fn(&[Value]) -> Outcome),
}

/// A function for certain argument types; the name tells it from every other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) run: Run,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A bound expression. Positions are those of the row it is evaluated over.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr(pub(super) Node);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Column(usize),
    Literal(Value),
    Compare {
        op: Comparison,
        left: Box<Node>,
        right: Box<Node>,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull {
        inner: Box<Node>,
        negated: bool,
    },
    /// `IS [NOT] TRUE | FALSE`
    IsBool {
        inner: Box<Node>,
        expected: bool,
        negated: bool,
    },
    IsDistinct {
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
    },
    In {
        needle: Box<Node>,
        list: Vec<Node>,
        negated: bool,
    },
    Case {
        branches: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
    Coalesce(Vec<Node>),
    /// `GREATEST`, or `LEAST`: the extreme of what is not NULL.
    Extreme {
        inner: Vec<Node>,
        greatest: bool,
    },
    /// NULL when both are equal, else `shown`. The comparison may need another type than the result.
    NullIf {
        shown: Box<Node>,
        left: Box<Node>,
        right: Box<Node>,
    },
    Call {
        function: Function,
        arguments: Vec<Node>,
    },
    Cast {
        inner: Box<Node>,
        from: Type,
        to: Target,
    },
    /// The result of an aggregate; replaced before anything is evaluated.
    Aggregate(usize),
}

impl Expr {
    /// The value of a column.
    #[must_use]
    pub const fn column(position: usize) -> Self {
        Self(Node::Column(position))
    }

    /// Calls `visit` with the position of every column that is read.
    pub fn columns(&self, visit: &mut impl FnMut(usize)) {
        self.0.walk(&mut |node| {
            if let Node::Column(position) = node {
                visit(*position);
            }
        });
    }

    /// The position, when the expression is nothing but a column.
    #[must_use]
    pub const fn as_column(&self) -> Option<usize> {
        match self.0 {
            Node::Column(position) => Some(position),
            _ => None,
        }
    }

    /// The same expression over rows where each column stands at `map(position)`.
    #[must_use]
    pub fn moved(mut self, map: &impl Fn(usize) -> usize) -> Self {
        self.0.walk_mut(&mut |node| {
            if let Node::Column(position) = node {
                *position = map(*position);
            }
            true
        });
        self
    }

    /// A column, cast to another type.
    #[must_use]
    pub fn cast_column(position: usize, from: Type, to: Type) -> Self {
        let column = Node::Column(position);
        if from == to {
            return Self(column);
        }
        Self(Node::Cast { inner: Box::new(column), from, to: to.into() })
    }

    /// Whether an aggregate is part of the expression.
    #[must_use]
    pub fn has_aggregate(&self) -> bool {
        let mut found = false;
        self.0.walk(&mut |node| found |= matches!(node, Node::Aggregate(_)));
        found
    }

    /// Columns that stand outside of the expressions `groups`.
    #[must_use]
    pub fn ungrouped(&self, groups: &[Self]) -> Vec<usize> {
        let mut columns = Vec::new();
        self.clone().0.walk_mut(&mut |node| {
            if groups.iter().any(|group| group.0 == *node) {
                return false;
            }
            if let Node::Column(position) = node {
                columns.push(*position);
            }
            true
        });
        columns
    }

    /// The expression over rows that have the values of `groups`, then those of the aggregates.
    #[must_use]
    pub fn over_groups(mut self, groups: &[Self]) -> Self {
        self.0.walk_mut(&mut |node| {
            if let Some(position) = groups.iter().position(|group| group.0 == *node) {
                *node = Node::Column(position);
                return false;
            }
            if let Node::Aggregate(number) = node {
                *node = Node::Column(groups.len() + *number);
            }
            true
        });
        self
    }

    /// The conditions that `AND` joins.
    #[must_use]
    pub fn conjuncts(self) -> Vec<Self> {
        match self.0 {
            Node::And(parts) => parts.into_iter().flat_map(|part| Self(part).conjuncts()).collect(),
            node => vec![Self(node)],
        }
    }

    /// The conditions joined by `AND`; `None` for none.
    #[must_use]
    pub fn all(mut conditions: Vec<Self>) -> Option<Self> {
        match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Self(Node::And(conditions.into_iter().map(|part| part.0).collect()))),
        }
    }

    /// Both sides of an equality.
    #[must_use]
    pub fn as_equality(&self) -> Option<(Self, Self)> {
        match &self.0 {
            Node::Compare { op: Comparison::Equal, left, right } => {
                Some((Self((**left).clone()), Self((**right).clone())))
            }
            _ => None,
        }
    }
}

impl Node {
    /// Visits the node and everything below it.
    pub(super) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Aggregate(_) => {}
            Self::Compare { left, right, .. } | Self::IsDistinct { left, right, .. } => {
                left.walk(visit);
                right.walk(visit);
            }
            Self::And(parts) | Self::Or(parts) | Self::Coalesce(parts) => {
                parts.iter().for_each(|part| part.walk(visit));
            }
            Self::Extreme { inner: parts, .. } | Self::Call { arguments: parts, .. } => {
                parts.iter().for_each(|part| part.walk(visit));
            }
            Self::Not(inner)
            | Self::IsNull { inner, .. }
            | Self::IsBool { inner, .. }
            | Self::Cast { inner, .. } => inner.walk(visit),
            Self::In { needle, list, .. } => {
                needle.walk(visit);
                list.iter().for_each(|part| part.walk(visit));
            }
            Self::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    condition.walk(visit);
                    result.walk(visit);
                }
                otherwise.walk(visit);
            }
            Self::NullIf { shown, left, right } => {
                shown.walk(visit);
                left.walk(visit);
                right.walk(visit);
            }
        }
    }

    /// Visits the node and, while `visit` says so, everything below it.
    pub(super) fn walk_mut(&mut self, visit: &mut impl FnMut(&mut Self) -> bool) {
        if !visit(self) {
            return;
        }
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Aggregate(_) => {}
            Self::Compare { left, right, .. } | Self::IsDistinct { left, right, .. } => {
                left.walk_mut(visit);
                right.walk_mut(visit);
            }
            Self::And(parts) | Self::Or(parts) | Self::Coalesce(parts) => {
                parts.iter_mut().for_each(|part| part.walk_mut(visit));
            }
            Self::Extreme { inner: parts, .. } | Self::Call { arguments: parts, .. } => {
                parts.iter_mut().for_each(|part| part.walk_mut(visit));
            }
            Self::Not(inner)
            | Self::IsNull { inner, .. }
            | Self::IsBool { inner, .. }
            | Self::Cast { inner, .. } => inner.walk_mut(visit),
            Self::In { needle, list, .. } => {
                needle.walk_mut(visit);
                list.iter_mut().for_each(|part| part.walk_mut(visit));
            }
            Self::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    condition.walk_mut(visit);
                    result.walk_mut(visit);
                }
                otherwise.walk_mut(visit);
            }
            Self::NullIf { shown, left, right } => {
                shown.walk_mut(visit);
                left.walk_mut(visit);
                right.walk_mut(visit);
            }
        }
    }
}

#[cfg(test)]
mod tests;
