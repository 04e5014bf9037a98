//! The text of a statement: what it is, which tables and names it uses.

use super::{Plan, Planner};
use crate::query::error::QueryError;
use crate::query::expr::{self, Scope, folded};
use crate::query::input::{Column, Columns};
use sqlparser::ast::{self, SetExpr, Spanned as _, TableFactor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, Tokenizer};
use std::collections::{HashMap, HashSet};

/// A table that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The name, with its parts joined by points.
    pub name: String,
    /// Where it stands.
    span: Span,
}

impl TableName {
    /// An error about this table, with its place.
    #[must_use]
    pub fn error(&self, text: &str, message: impl Into<String>) -> QueryError {
        QueryError::new(self.span, message).within(text)
    }
}

/// A `SELECT`, parsed.
#[derive(Debug)]
pub struct Statement {
    text: String,
    query: ast::Query,
    tables: Vec<TableName>,
    /// Every name in the text; `None` when all columns are meant.
    names: Option<HashSet<String>>,
}

impl Statement {
    /// Parses a `SELECT`.
    ///
    /// # Errors
    ///
    /// [`QueryError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let statement = expr::parse(text, |parser| parser.parse_statement())?;
        let ast::Statement::Query(query) = statement else {
            return Err(QueryError::new(statement.span(), "a live query is a SELECT").within(text));
        };
        let mut tables = Tables::default();
        tables.query(&query).map_err(|error| error.within(text))?;
        if tables.found.is_empty() {
            let error = QueryError::new(query.span(), "a live query reads at least one table");
            return Err(error.hint("name one behind FROM").within(text));
        }
        let names = names(text);
        Ok(Self { text: text.to_owned(), query: *query, tables: tables.found, names })
    }

    /// The tables, each once, in the order in which they are named.
    #[must_use]
    pub fn tables(&self) -> &[TableName] {
        &self.tables
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Those columns of a table that the statement can mean.
    #[must_use]
    pub fn wanted(&self, columns: &Columns) -> Vec<Column> {
        let is_named =
            |column: &&Column| self.names.as_ref().is_none_or(|names| names.contains(&column.name));
        let is_key = |column: &&Column| columns.key.contains(&column.name);
        columns.columns.iter().filter(|c| is_named(c) || is_key(c)).cloned().collect()
    }

    /// Plans the statement for tables with these columns, in the order of [`Statement::tables`]; a
    /// row of a table has its [wanted](Statement::wanted) columns.
    ///
    /// # Errors
    ///
    /// [`QueryError`] for what the statement cannot mean, or what is not supported.
    pub fn plan(&self, tables: &[Columns]) -> Result<Plan, QueryError> {
        let planned = self.plan_with(tables, |columns| self.wanted(columns));
        // Errors list all columns, not just those that were needed.
        let planned = planned.map_err(|error| {
            match self.plan_with(tables, |columns| columns.columns.clone()) {
                Ok(_) => error,
                Err(better) => better,
            }
        });
        planned.map_err(|error| error.or_at(self.query.span()).within(&self.text))
    }

    fn plan_with(
        &self,
        tables: &[Columns],
        columns: impl Fn(&Columns) -> Vec<Column>,
    ) -> Result<Plan, QueryError> {
        let scopes = self.tables.iter().zip(tables).map(|(table, known)| {
            let mut scope = Scope::default();
            let short = table.name.rsplit('.').next().unwrap_or(&table.name);
            for column in columns(known) {
                scope.push(Some(short), &column.name, column.ty);
            }
            (table.name.clone(), scope, known.key.clone())
        });
        let scopes: Vec<_> = scopes.collect();
        let mut planner = Planner {
            tables: &scopes,
            with: HashMap::new(),
            sources: Vec::new(),
            windows: Vec::new(),
            depth: 0,
        };
        let planned = planner.query(&self.query)?;
        let visible = planned.relation.scope.columns().iter().take(planned.width);
        let columns =
            visible.map(|column| Column { name: column.name.clone(), ty: column.ty }).collect();
        Ok(Plan {
            is_stateless: planned.relation.node.is_stateless()
                && planned.limit.is_none()
                && planned.offset == 0,
            node: planned.relation.node,
            sources: planner.sources,
            columns,
            order: planned.order,
            limit: planned.limit,
            offset: planned.offset,
            unique: planned.relation.unique,
            windows: planner.windows,
        })
    }
}

/// Every name in the text, as columns are named; `None` when there is a `*` that is no product and
/// no `count(*)`.
fn names(text: &str) -> Option<HashSet<String>> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize().ok()?;
    let mut names = HashSet::new();
    let mut last: Option<&Token> = None;
    for token in tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))) {
        match token {
            Token::Word(word) => {
                names.insert(match word.quote_style {
                    Some(_) => word.value.clone(),
                    None => word.value.to_lowercase(),
                });
            }
            Token::Mul => match last {
                Some(Token::Comma | Token::Period) => return None,
                Some(Token::Word(word))
                    if matches!(
                        word.keyword,
                        Keyword::SELECT | Keyword::DISTINCT | Keyword::ALL
                    ) =>
                {
                    return None;
                }
                _ => {}
            },
            _ => {}
        }
        last = Some(token);
    }
    Some(names)
}

/// Finds the tables of a statement.
#[derive(Default)]
struct Tables {
    found: Vec<TableName>,
    with: Vec<String>,
}

impl Tables {
    fn query(&mut self, query: &ast::Query) -> Result<(), QueryError> {
        let outer = self.with.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.query(&table.query)?;
            self.with.push(folded(&table.alias.name));
        }
        self.body(&query.body)?;
        self.with.truncate(outer);
        Ok(())
    }

    fn body(&mut self, body: &SetExpr) -> Result<(), QueryError> {
        match body {
            SetExpr::Select(select) => {
                for from in &select.from {
                    self.factor(&from.relation)?;
                    for join in &from.joins {
                        self.factor(&join.relation)?;
                    }
                }
                Ok(())
            }
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left)?;
                self.body(right)
            }
            _ => Ok(()),
        }
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<(), QueryError> {
        match factor {
            TableFactor::Table { name, args: None, .. } => {
                self.add(dotted(name), name.span());
                Ok(())
            }
            TableFactor::Table { name, args: Some(args), .. } => {
                let (name, span) = super::from::window_table(name, &args.args)?;
                self.add(name, span);
                Ok(())
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.factor(&table_with_joins.relation)?;
                table_with_joins.joins.iter().try_for_each(|join| self.factor(&join.relation))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, name: String, span: Span) {
        if !self.with.contains(&name) && !self.found.iter().any(|table| table.name == name) {
            self.found.push(TableName { name, span });
        }
    }
}

/// A table's name with its parts joined by points.
pub(super) fn dotted(name: &ast::ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts.map(folded).collect::<Vec<_>>().join(".")
}

/// Refuses what a query can have beside its body, order and limit.
pub(super) fn check_query(query: &ast::Query) -> Result<(), QueryError> {
    let span = query.span();
    let unsupported = |what: &str| Err(expr::unsupported(span, what));
    if query.with.as_ref().is_some_and(|with| with.recursive) {
        return unsupported("WITH RECURSIVE");
    }
    if query.fetch.is_some() {
        return Err(expr::unsupported(span, "FETCH").hint("write LIMIT"));
    }
    if !query.locks.is_empty() {
        return unsupported("FOR UPDATE");
    }
    if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
        return unsupported("this clause at the end");
    }
    Ok(())
}
