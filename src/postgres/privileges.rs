//! Whether this role may read all rows of the tables that a snapshot takes.

use super::PostgresError;
use super::quote::{quote_identifier, quote_table};
use crate::relation::Table;
use tokio_postgres::Client;

/// Tables named in a message.
const TABLES_NAMED_MAX: usize = 5;

/// Rows would be missing from a snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivilegeError {
    /// The role may not read some tables.
    #[error("role \"{user}\" may not read {}", listed(tables))]
    NotReadable {
        /// The role.
        user: String,
        /// Schema and name of each.
        tables: Vec<(String, String)>,
    },
    /// Policies hide rows of some tables from the role.
    #[error("row-level security hides rows of {} from role \"{user}\"", listed(tables))]
    RowSecurity {
        /// The role.
        user: String,
        /// Schema and name of each.
        tables: Vec<(String, String)>,
    },
}

fn listed(tables: &[(String, String)]) -> String {
    let named: Vec<String> =
        tables.iter().take(TABLES_NAMED_MAX).map(|(s, t)| format!("{s}.{t}")).collect();
    match tables.len().checked_sub(TABLES_NAMED_MAX) {
        Some(more) if more > 0 => format!("{} and {more} more tables", named.join(", ")),
        _ => named.join(", "),
    }
}

impl PrivilegeError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotReadable { user, tables } => {
                let user = quote_identifier(user);
                let mut schemas: Vec<String> =
                    tables.iter().map(|(schema, _)| quote_identifier(schema)).collect();
                schemas.sort();
                schemas.dedup();
                let named: Vec<String> = tables
                    .iter()
                    .take(TABLES_NAMED_MAX)
                    .map(|(schema, name)| quote_table(schema, name))
                    .collect();
                format!(
                    "as the owner: GRANT USAGE ON SCHEMA {} TO {user}; GRANT SELECT ON {} TO \
                     {user}; or leave them out with --tables, or the snapshot with --snapshot \
                     no_data",
                    schemas.join(", "),
                    named.join(", ")
                )
            }
            Self::RowSecurity { user, .. } => format!(
                "as a superuser: ALTER ROLE {} BYPASSRLS; the stream shows every row in any case",
                quote_identifier(user)
            ),
        }
    }
}

const QUERY: &str = "\
SELECT current_user::text, n.nspname::text, c.relname::text,
       has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT') OR
         (SELECT bool_and(has_column_privilege(c.oid, a.attnum, 'SELECT'))
            FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) IS TRUE),
       row_security_active(c.oid)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY($1) ORDER BY 2, 3";

/// Checks that a snapshot of `tables` can read every row of them.
///
/// # Errors
///
/// [`PrivilegeError`] with the tables that it cannot; [`PostgresError`] when the query fails.
pub async fn check_readable(client: &Client, tables: &[Table]) -> Result<(), PostgresError> {
    let oids: Vec<u32> = tables.iter().map(|table| table.oid.0).collect();
    let rows = client
        .query(QUERY, &[&oids])
        .await
        .map_err(PostgresError::doing("look up the privileges on the captured tables"))?;
    let (mut user, mut unreadable, mut hidden) = (String::new(), Vec::new(), Vec::new());
    for row in &rows {
        user = row.try_get(0)?;
        let name: (String, String) = (row.try_get(1)?, row.try_get(2)?);
        if !row.try_get::<_, bool>(3)? {
            unreadable.push(name);
        } else if row.try_get::<_, bool>(4)? {
            hidden.push(name);
        }
    }
    if !unreadable.is_empty() {
        return Err(PrivilegeError::NotReadable { user, tables: unreadable }.into());
    }
    if !hidden.is_empty() {
        return Err(PrivilegeError::RowSecurity { user, tables: hidden }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_tables_are_cut_and_quoted_in_the_statement() {
        let tables = (1..=7).map(|n| ("public".to_owned(), format!("T{n}"))).collect();
        let error = PrivilegeError::NotReadable { user: "cdc".to_owned(), tables };
        let text = error.to_string();
        assert!(text.ends_with("public.T4, public.T5 and 2 more tables"), "{text}");
        let hint = error.hint();
        let grant =
            "GRANT USAGE ON SCHEMA \"public\" TO \"cdc\"; GRANT SELECT ON \"public\".\"T1\"";
        assert!(hint.contains(grant), "{hint}");
    }
}
