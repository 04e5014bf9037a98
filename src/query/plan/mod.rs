//! From a statement to operators.
//!
//! ```text
//! text ─► Statement (which tables, which names) ─► plan(columns of the tables) ─► Plan
//! ```

mod from;
mod group;
mod order;
mod select;
mod statement;

pub use statement::{Statement, TableName};

use super::error::QueryError;
use super::expr::{Scope, folded};
use super::input::Column;
use super::ops::{Node, SortKey};
use from::Relation;
use sqlparser::ast;
use std::collections::HashMap;

/// How deep subqueries can be nested.
const DEPTH_MAX: usize = 32;

/// Operators, and what becomes of the rows they give.
#[derive(Debug)]
pub struct Plan {
    /// The operators.
    pub node: Node,
    /// The table of each source, by its place in [`Statement::tables`].
    pub sources: Vec<usize>,
    /// The columns of the result; rows of `node` can have more behind them, for the order.
    pub columns: Vec<Column>,
    /// The order of the result.
    pub order: Vec<SortKey>,
    /// Rows that are shown at most.
    pub limit: Option<usize>,
    /// Rows that are left out in front.
    pub offset: usize,
    /// Columns of the result that tell its rows apart.
    pub unique: Option<Vec<usize>>,
    /// The time windows: the source, and which of its columns is the time.
    pub windows: Vec<(usize, usize)>,
    /// Whether each row of the result stems from one row of one table, whatever the others are.
    pub is_stateless: bool,
}

/// What the planner knows, and what it numbers.
struct Planner<'a> {
    tables: &'a [(String, Scope, Vec<String>)],
    with: HashMap<String, &'a ast::Query>,
    sources: Vec<usize>,
    windows: Vec<(usize, usize)>,
    depth: usize,
}

/// The result of a query: rows with hidden columns behind the visible ones.
struct Planned {
    relation: Relation,
    width: usize,
    order: Vec<SortKey>,
    limit: Option<usize>,
    offset: usize,
}

impl Planned {
    /// As a table of another query: cut to the visible columns and to the limit.
    fn into_relation(self) -> Relation {
        let Self { mut relation, width, order, limit, offset } = self;
        let hidden = relation.scope.columns().len() > width;
        if limit.is_some() || offset > 0 {
            let top = super::ops::Top::new(&order, limit, offset, width);
            relation.node = Node::Top(Box::new(relation.node), Box::new(top));
        } else if hidden {
            let columns = (0..width).map(super::expr::Expr::column).collect();
            relation.node = Node::Project { input: Box::new(relation.node), columns };
        }
        if hidden {
            let mut scope = Scope::default();
            for column in relation.scope.columns().iter().take(width) {
                scope.push(column.table.as_deref(), &column.name, column.ty);
            }
            relation.scope = scope;
        }
        relation
    }
}

impl<'a> Planner<'a> {
    fn query(&mut self, query: &'a ast::Query) -> Result<Planned, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(QueryError::new(span_of(query), "subqueries are nested too deeply"));
        }
        statement::check_query(query)?;
        let outer = self.with.clone();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.with.insert(folded(&table.alias.name), &table.query);
        }
        let planned = self.body(query);
        self.with = outer;
        self.depth -= 1;
        planned
    }

    fn body(&mut self, query: &'a ast::Query) -> Result<Planned, QueryError> {
        let order = order::expressions(query)?;
        let (limit, offset) = order::limits(query)?;
        let (relation, width, order) = match &*query.body {
            ast::SetExpr::Select(select) => self.select(select, order)?,
            body => {
                let relation = self.set(body)?;
                let width = relation.scope.columns().len();
                let order = order::of_output(&relation.scope, order)?;
                (relation, width, order)
            }
        };
        Ok(Planned { relation, width, order, limit, offset })
    }
}

fn span_of(query: &ast::Query) -> sqlparser::tokenizer::Span {
    use sqlparser::ast::Spanned as _;
    query.span()
}
