//! Include and exclude lists: which tables are captured.

use super::pattern::Patterns;

/// A regular expression of a list was not one.
#[derive(Debug, thiserror::Error)]
#[error("{property}: invalid regular expression \"{pattern}\"")]
pub struct FilterError {
    /// The Debezium property that held it.
    pub property: String,
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: Box<fancy_regex::Error>,
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
    schema_include: Patterns,
    schema_exclude: Patterns,
    table_include: Patterns,
    table_exclude: Patterns,
    /// `schema.table` that is captured whatever the lists say.
    also: Option<String>,
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
            schema_include: Patterns::parse("schema.include.list", schema_include)?,
            schema_exclude: Patterns::parse("schema.exclude.list", schema_exclude)?,
            table_include: Patterns::parse("table.include.list", table_include)?,
            table_exclude: Patterns::parse("table.exclude.list", table_exclude)?,
            also: None,
        })
    }

    /// Captures one more table, as `schema.table`, whatever the lists say.
    #[must_use]
    pub fn with(self, also: Option<String>) -> Self {
        Self { also, ..self }
    }

    /// True when changes of `schema.table` are captured.
    #[must_use]
    pub fn matches(&self, schema: &str, table: &str) -> bool {
        if is_builtin(schema, table) {
            return false;
        }
        let name = format!("{schema}.{table}");
        if self.also.as_ref() == Some(&name) {
            return true;
        }
        Patterns::choose(&self.schema_include, &self.schema_exclude, schema)
            && Patterns::choose(&self.table_include, &self.table_exclude, &name)
    }

    /// Position of the first pattern of `table.include.list` that matches, which orders the
    /// snapshot; 0 without such a list.
    #[must_use]
    pub fn include_rank(&self, schema: &str, table: &str) -> usize {
        let name = format!("{schema}.{table}");
        self.table_include.position(&name).unwrap_or(0)
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
    fn one_table_can_be_captured_against_the_lists() {
        let filter = TableFilter::new("", "", "public.orders", "").unwrap();
        let filter = filter.with(Some("cdc.signals".to_owned()));
        assert!(filter.matches("cdc", "signals") && filter.matches("public", "orders"));
        assert!(!filter.matches("public", "signals"));
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
}
