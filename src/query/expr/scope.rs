//! Which columns an expression can name.

use crate::query::error::QueryError;
use crate::query::value::Type;
use sqlparser::tokenizer::Span;

/// A column that can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeColumn {
    /// Name of the table, or the alias that hides it.
    pub table: Option<String>,
    /// Name of the column.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether the column is meant by its name alone, without the table.
    pub bare: bool,
}

/// The columns of a row, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    columns: Vec<ScopeColumn>,
}

impl Scope {
    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[ScopeColumn] {
        &self.columns
    }

    /// Adds a column that can be named with and without its table.
    pub fn push(&mut self, table: Option<&str>, name: &str, ty: Type) {
        let (table, name) = (table.map(str::to_owned), name.to_owned());
        self.columns.push(ScopeColumn { table, name, ty, bare: true });
    }

    /// Adds a column that can only be named with its table, as in `before.quantity`.
    pub fn push_qualified(&mut self, table: &str, name: &str, ty: Type) {
        let (table, name) = (Some(table.to_owned()), name.to_owned());
        self.columns.push(ScopeColumn { table, name, ty, bare: false });
    }

    /// Puts the columns of `other` behind these.
    pub fn append(&mut self, other: Self) {
        self.columns.extend(other.columns);
    }

    /// The same columns under another table name.
    #[must_use]
    pub fn renamed(mut self, table: &str) -> Self {
        for column in &mut self.columns {
            column.table = Some(table.to_owned());
        }
        self
    }

    /// Whether there is such a table.
    #[must_use]
    pub fn has_table(&self, table: &str) -> bool {
        self.columns.iter().any(|column| column.table.as_deref() == Some(table))
    }

    /// Position and type of a column.
    ///
    /// # Errors
    ///
    /// [`QueryError`] when there is no such column, with those there are, or more than one.
    pub fn find(
        &self,
        table: Option<&str>,
        name: &str,
        span: Span,
    ) -> Result<(usize, Type), QueryError> {
        let named = |column: &&ScopeColumn| match table {
            Some(table) => column.table.as_deref() == Some(table),
            None => column.bare,
        };
        let found = |(_, column): &(usize, &ScopeColumn)| column.name == name && named(column);
        let mut all = self.columns.iter().enumerate().filter(found);
        match (all.next(), all.next()) {
            (Some((position, column)), None) => Ok((position, column.ty)),
            (Some((_, one)), Some((_, other))) => Err(ambiguous(name, one, other, span)),
            (None, _) => Err(self.unknown(table, name, span)),
        }
    }

    fn unknown(&self, table: Option<&str>, name: &str, span: Span) -> QueryError {
        if let Some(table) = table.filter(|table| !self.has_table(table)) {
            let mut tables: Vec<_> =
                self.columns.iter().filter_map(|c| c.table.as_deref()).collect();
            tables.dedup();
            let message = format!("there is no table \"{table}\" here");
            return QueryError::new(span, message)
                .hint(format!("the tables are {}", tables.join(", ")));
        }
        let candidates: Vec<&str> = self
            .columns
            .iter()
            .filter(|column| table.map_or(column.bare, |t| column.table.as_deref() == Some(t)))
            .map(|column| column.name.as_str())
            .collect();
        let error = QueryError::new(span, format!("there is no column \"{name}\""));
        let other_case = candidates.iter().find(|known| known.eq_ignore_ascii_case(name));
        if let Some(known) = other_case {
            return error.hint(format!("write \"{known}\" with its quotes, for its upper case"));
        }
        let similar =
            candidates.iter().map(|known| (strsim::damerau_levenshtein(known, name), known));
        let similar = similar.filter(|(distance, _)| *distance <= 2).min();
        let meant =
            similar.map_or_else(String::new, |(_, known)| format!("did you mean {known}? "));
        error.hint(format!("{meant}the columns are {}", candidates.join(", ")))
    }
}

fn ambiguous(name: &str, one: &ScopeColumn, other: &ScopeColumn, span: Span) -> QueryError {
    let qualified = |column: &ScopeColumn| {
        column.table.as_ref().map_or_else(|| name.to_owned(), |table| format!("{table}.{name}"))
    };
    QueryError::new(span, format!("column \"{name}\" is ambiguous")).hint(format!(
        "write {} or {}",
        qualified(one),
        qualified(other)
    ))
}
