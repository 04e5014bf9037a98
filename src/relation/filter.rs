//! Include and exclude lists: which tables are captured.

use regex::{Regex, RegexBuilder};

/// A regular expression of a list was not one.
#[derive(Debug, thiserror::Error)]
#[error("{property}: invalid regular expression \"{pattern}\"")]
pub struct FilterError {
    /// The Debezium property that held it.
    pub property: &'static str,
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: Box<regex::Error>,
}

/// Schemas and tables that are never captured, whatever the lists say.
///
/// Source: Debezium's `table.ignore.builtin`.
fn is_builtin(schema: &str, table: &str) -> bool {
    schema == "information_schema"
        || schema == "pg_catalog"
        || schema.starts_with("pg_temp")
        || schema.starts_with("pg_toast")
        || table == "spatial_ref_sys"
        // Our own bookkeeping, which Debezium does not know.
        || table == "minicdc_migrations"
}

/// Decides by `schema.include.list`, `schema.exclude.list`, `table.include.list` and
/// `table.exclude.list`: comma-separated regular expressions, case-insensitive, that must match
/// the whole name (`schema`, or `schema.table`).
#[derive(Debug, Clone, Default)]
pub struct TableFilter {
    schema_include: Vec<Regex>,
    schema_exclude: Vec<Regex>,
    table_include: Vec<Regex>,
    table_exclude: Vec<Regex>,
}

impl TableFilter {
    /// Compiles the four lists; an empty list sets no condition.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the property and the pattern that is no regular expression.
    pub fn new(
        schema_include: &str,
        schema_exclude: &str,
        table_include: &str,
        table_exclude: &str,
    ) -> Result<Self, FilterError> {
        Ok(Self {
            schema_include: compile("schema.include.list", schema_include)?,
            schema_exclude: compile("schema.exclude.list", schema_exclude)?,
            table_include: compile("table.include.list", table_include)?,
            table_exclude: compile("table.exclude.list", table_exclude)?,
        })
    }

    /// True when changes of `schema.table` are captured.
    #[must_use]
    pub fn matches(&self, schema: &str, table: &str) -> bool {
        if is_builtin(schema, table) {
            return false;
        }
        let name = format!("{schema}.{table}");
        let wanted = |include: &[Regex], exclude: &[Regex], name: &str| {
            if include.is_empty() {
                !exclude.iter().any(|pattern| pattern.is_match(name))
            } else {
                include.iter().any(|pattern| pattern.is_match(name))
            }
        };
        wanted(&self.schema_include, &self.schema_exclude, schema)
            && wanted(&self.table_include, &self.table_exclude, &name)
    }

    /// Position of the first pattern of `table.include.list` that matches, which orders the
    /// snapshot; 0 without such a list.
    #[must_use]
    pub fn include_rank(&self, schema: &str, table: &str) -> usize {
        let name = format!("{schema}.{table}");
        self.table_include.iter().position(|pattern| pattern.is_match(&name)).unwrap_or(0)
    }

    /// True when no list narrows the choice.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.schema_include.is_empty()
            && self.schema_exclude.is_empty()
            && self.table_include.is_empty()
            && self.table_exclude.is_empty()
    }
}

/// Splits a comma-separated list (a comma behind a backslash belongs to the pattern) and compiles
/// each item anchored and case-insensitive.
pub(super) fn compile(property: &'static str, list: &str) -> Result<Vec<Regex>, FilterError> {
    split_list(list)
        .into_iter()
        .map(|pattern| {
            RegexBuilder::new(&format!("^(?:{pattern})$"))
                .case_insensitive(true)
                .build()
                .map_err(|source| FilterError { property, pattern, source: Box::new(source) })
        })
        .collect()
}

/// Items of a comma-separated list, trimmed, without empty ones; `\,` stands for a comma.
#[must_use]
pub(crate) fn split_list(list: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&',') => {
                chars.next();
                if let Some(item) = items.last_mut() {
                    item.push(',');
                }
            }
            ',' => items.push(String::new()),
            _ => {
                if let Some(item) = items.last_mut() {
                    item.push(c);
                }
            }
        }
    }
    items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn include_list_is_anchored_and_ignores_case() {
        let filter = TableFilter::new("", "", r"public.orders,PUBLIC\.c.*", "").unwrap();
        assert!(filter.matches("public", "orders"));
        assert!(filter.matches("public", "Customers"));
        assert!(!filter.matches("public", "orders_old"));
        assert!(!filter.matches("xpublic", "orders"));
        assert_eq!(filter.include_rank("public", "customers"), 1);
    }

    #[test]
    fn exclude_lists_leave_the_rest() {
        let filter = TableFilter::new("", "audit", "", r"public\.tmp_.*").unwrap();
        assert!(filter.matches("public", "orders"));
        assert!(!filter.matches("public", "tmp_1"));
        assert!(!filter.matches("audit", "orders"));
    }

    #[test]
    fn system_schemas_are_never_captured() {
        let filter = TableFilter::default();
        assert!(!filter.matches("pg_catalog", "pg_class"));
        assert!(!filter.matches("public", "spatial_ref_sys"));
        assert!(!filter.matches("public", "minicdc_migrations"));
        assert!(filter.is_open());
    }

    #[test]
    fn bad_pattern_names_property_and_pattern() {
        let error = TableFilter::new("", "", "public.(", "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "table.include.list: invalid regular expression \"public.(\""
        );
    }

    #[test]
    fn comma_behind_a_backslash_belongs_to_the_pattern() {
        assert_eq!(split_list(r" a{1\,2} , b,,"), ["a{1,2}", "b"]);
    }
}
