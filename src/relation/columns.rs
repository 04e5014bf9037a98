//! Rules for single columns: which are captured, which make the key, and which are changed.
//!
//! The rules are asked once per version of a table, never per row.

use super::pattern::{Pattern, Patterns};
use super::{Column, ColumnMapper, FilterError, Phase, SourceType, Table};
use std::borrow::Cow;

/// `column.include.list` and `column.exclude.list`, `message.key.columns`, and everything that
/// changes the values or the schemas of chosen columns.
///
/// Patterns match `schema.table.column`, the whole of it, in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnRules {
    include: Patterns,
    exclude: Patterns,
    /// One for each column of a custom key, in the order of the key.
    keys: Vec<Pattern>,
    mappers: Vec<Mapping>,
}

/// Columns that one rule changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapping {
    columns: Patterns,
    /// The patterns match `schema.table.type` instead of the column's name.
    by_type: bool,
    mapper: ColumnMapper,
}

impl ColumnRules {
    /// Rules that choose columns; an empty list sets no condition.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the property and the pattern that is no regular expression.
    pub fn new(include: &str, exclude: &str) -> Result<Self, FilterError> {
        Ok(Self {
            include: Patterns::parse("column.include.list", include)?,
            exclude: Patterns::parse("column.exclude.list", exclude)?,
            ..Self::default()
        })
    }

    /// The same rules with `message.key.columns`: `table-pattern:column,column;…`.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the pattern that is no regular expression.
    pub fn with_keys(mut self, text: &str) -> Result<Self, FilterError> {
        for (tables, columns) in text.split(';').filter_map(|part| part.trim().split_once(':')) {
            for column in columns.split(',') {
                let pattern = format!("{tables}.{column}");
                self.keys.push(Pattern::new("message.key.columns", &pattern)?);
            }
        }
        Ok(self)
    }

    /// True when a text has the form of `message.key.columns`.
    #[must_use]
    pub fn is_key_list(text: &str) -> bool {
        text.split(';').all(|part| {
            let mut halves = part.trim().split(':');
            let is_name = |half: Option<&str>| {
                half.is_some_and(|half| !half.is_empty() && !half.contains(char::is_whitespace))
            };
            is_name(halves.next()) && is_name(halves.next()) && halves.next().is_none()
        })
    }

    /// The same rules with one more change, for columns that no earlier one chooses.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the property and the pattern that is no regular expression.
    pub fn with_mapper(
        mut self,
        property: &str,
        columns: &str,
        mapper: ColumnMapper,
    ) -> Result<Self, FilterError> {
        self.push(Mapping { columns: Patterns::parse(property, columns)?, by_type: false, mapper });
        Ok(self)
    }

    /// The same rules with one more change, chosen by `schema.table.type`.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the property and the pattern that is no regular expression.
    pub fn with_type_mapper(
        mut self,
        property: &str,
        types: &str,
        mapper: ColumnMapper,
    ) -> Result<Self, FilterError> {
        self.push(Mapping { columns: Patterns::parse(property, types)?, by_type: true, mapper });
        Ok(self)
    }

    fn push(&mut self, rule: Mapping) {
        if !rule.columns.is_empty() {
            self.mappers.push(rule);
        }
    }

    /// True when values of this column are part of events. Key columns are in the key anyway.
    #[must_use]
    pub fn includes(&self, table: &Table, column: &str) -> bool {
        (self.include.is_empty() && self.exclude.is_empty())
            || Patterns::choose(&self.include, &self.exclude, &qualified(table, column))
    }

    /// Positions of the columns of the table's key: those of `message.key.columns` if it names
    /// any of this table, in its order, else the table's own.
    #[must_use]
    pub fn key<'t>(&self, table: &'t Table) -> Cow<'t, [usize]> {
        let mut custom = Vec::new();
        for pattern in &self.keys {
            for (index, column) in table.columns.iter().enumerate() {
                if pattern.is_match(&qualified(table, &column.name)) && !custom.contains(&index) {
                    custom.push(index);
                }
            }
        }
        if custom.is_empty() { Cow::Borrowed(&table.key) } else { Cow::Owned(custom) }
    }

    /// What is changed about a column: the first rule that chooses it.
    #[must_use]
    pub fn mapper(&self, table: &Table, column: &Column, phase: Phase) -> Option<&ColumnMapper> {
        if self.mappers.is_empty() {
            return None;
        }
        let name = qualified(table, &column.name);
        let type_name = qualified(table, &SourceType::of(column, phase).name);
        self.mappers
            .iter()
            .find(|rule| rule.columns.is_match(if rule.by_type { &type_name } else { &name }))
            .map(|rule| &rule.mapper)
    }

    /// The table with only those columns that events need: included ones and those of the key.
    #[must_use]
    pub fn narrow<'t>(&self, table: &'t Table) -> Cow<'t, Table> {
        let key = self.key(table);
        let kept: Vec<usize> = (0..table.columns.len())
            .filter(|index| {
                let name = table.columns.get(*index).map_or("", |column| &column.name);
                key.contains(index) || table.key.contains(index) || self.includes(table, name)
            })
            .collect();
        if kept.len() == table.columns.len() {
            return Cow::Borrowed(table);
        }
        let columns = kept.iter().filter_map(|index| table.columns.get(*index)).cloned().collect();
        let place = |index: &usize| kept.iter().position(|kept| kept == index);
        let key = table.key.iter().filter_map(place).collect();
        Cow::Owned(Table {
            oid: table.oid,
            schema: table.schema.clone(),
            name: table.name.clone(),
            columns,
            key,
            replica_identity: table.replica_identity,
        })
    }
}

fn qualified(table: &Table, name: &str) -> String {
    format!("{}.{}.{name}", table.schema, table.name)
}

#[cfg(test)]
mod tests;
