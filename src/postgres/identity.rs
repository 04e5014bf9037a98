//! `replica.identity.autoset.values`: replica identities that are set when a capture starts.

use super::quote::{quote_identifier, quote_table};
use super::{PostgresError, ServerError};
use crate::relation::JavaRegex;
use crate::relation::split_list;
use tokio_postgres::Client;

const PROPERTY: &str = "replica.identity.autoset.values";

/// An entry of the list is not one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Not of the form `pattern:identity`.
    #[error("{PROPERTY}: \"{entry}\" is not a pattern, a colon and an identity")]
    Form {
        /// As written.
        entry: String,
    },
    /// The part before the colon is no regular expression.
    #[error("{PROPERTY}: invalid regular expression \"{pattern}\"")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: Box<fancy_regex::Error>,
    },
}

impl IdentityError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        "write entries such as public.orders:FULL or public.c.*:INDEX some_index; identities are \
         DEFAULT, FULL, NOTHING and INDEX <name>"
            .to_owned()
    }
}

/// What a rule sets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    Default,
    Full,
    Nothing,
    Index(String),
}

impl Identity {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let keyword = words.next()?.to_ascii_uppercase();
        let identity = match (keyword.as_str(), words.next()) {
            ("DEFAULT", None) => Self::Default,
            ("FULL", None) => Self::Full,
            ("NOTHING", None) => Self::Nothing,
            ("INDEX", Some(name)) => Self::Index(name.to_owned()),
            _ => return None,
        };
        words.next().is_none().then_some(identity)
    }

    /// As it stands behind REPLICA IDENTITY.
    fn sql(&self) -> String {
        match self {
            Self::Default => "DEFAULT".to_owned(),
            Self::Full => "FULL".to_owned(),
            Self::Nothing => "NOTHING".to_owned(),
            Self::Index(name) => format!("USING INDEX {}", quote_identifier(name)),
        }
    }

    /// From `relreplident` and the index that it means.
    fn from_catalogue(letter: &str, index: Option<String>) -> Self {
        match (letter, index) {
            ("f", _) => Self::Full,
            ("n", _) => Self::Nothing,
            ("i", Some(name)) => Self::Index(name),
            _ => Self::Default,
        }
    }
}

/// The parsed list.
#[derive(Debug, Clone, Default)]
pub struct IdentityRules(Vec<(JavaRegex, Identity)>);

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityOutcome {
    /// Its identity was changed.
    Set {
        /// Schema and name.
        table: (String, String),
        /// As SQL writes it, such as `FULL`.
        identity: String,
    },
    /// Several entries match it, so none was applied.
    Ambiguous {
        /// Schema and name.
        table: (String, String),
    },
    /// The server refused the change, mostly because the table belongs to someone else.
    Refused {
        /// Schema and name.
        table: (String, String),
        /// The statement, for someone who may.
        statement: String,
        /// The server's words.
        error: ServerError,
    },
}

impl IdentityRules {
    /// Parses `pattern:identity, …`; patterns are regular expressions on the whole `schema.table`.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] names the entry.
    pub fn parse(list: &str) -> Result<Self, IdentityError> {
        split_list(list).iter().map(|entry| parse_entry(entry)).collect::<Result<_, _>>().map(Self)
    }

    /// True when there is nothing to set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the identity of the captured `tables` (schema and name) where a rule asks for another
    /// than they have. A table whose change is refused does not stop the others.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when the connection breaks or the catalogue cannot be read.
    pub async fn apply(
        &self,
        client: &Client,
        tables: &[(String, String)],
    ) -> Result<Vec<IdentityOutcome>, PostgresError> {
        let mut outcomes = Vec::new();
        for table in tables {
            let name = format!("{}.{}", table.0, table.1);
            let mut matching = self.0.iter().filter(|(pattern, _)| pattern.is_match(&name));
            let outcome = match (matching.next(), matching.next()) {
                (None, _) => None,
                (Some(_), Some(_)) => Some(IdentityOutcome::Ambiguous { table: table.clone() }),
                (Some((_, wanted)), None) => set(client, table, wanted).await?,
            };
            outcomes.extend(outcome);
        }
        Ok(outcomes)
    }
}

fn parse_entry(entry: &str) -> Result<(JavaRegex, Identity), IdentityError> {
    let form = || IdentityError::Form { entry: entry.to_owned() };
    // The last colon, because a pattern may hold one.
    let (pattern, identity) = entry.rsplit_once(':').ok_or_else(form)?;
    let identity = Identity::parse(identity).ok_or_else(form)?;
    let regex = JavaRegex::whole_in_any_case(pattern.trim())
        .map_err(|source| IdentityError::Pattern { pattern: pattern.to_owned(), source })?;
    Ok((regex, identity))
}

async fn set(
    client: &Client,
    table: &(String, String),
    wanted: &Identity,
) -> Result<Option<IdentityOutcome>, PostgresError> {
    let quoted = quote_table(&table.0, &table.1);
    let row = client
        .query_opt(
            "SELECT c.relreplident::text, (SELECT x.relname::text FROM pg_catalog.pg_index i \
                 JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
                 WHERE i.indrelid = c.oid AND i.indisreplident) \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1::text::name AND c.relname = $2::text::name",
            &[&table.0, &table.1],
        )
        .await
        .map_err(PostgresError::doing(format!("read the replica identity of {quoted}")))?;
    // Dropped since it was listed: nothing to set.
    let Some(row) = row else { return Ok(None) };
    if Identity::from_catalogue(row.try_get(0)?, row.try_get(1)?) == *wanted {
        return Ok(None);
    }
    let identity = wanted.sql();
    let statement = format!("ALTER TABLE {quoted} REPLICA IDENTITY {identity}");
    let what = format!("set the replica identity of {quoted}");
    match client.batch_execute(&statement).await.map_err(PostgresError::doing(what)) {
        Ok(()) => Ok(Some(IdentityOutcome::Set { table: table.clone(), identity })),
        Err(PostgresError::Statement { error, .. }) => {
            Ok(Some(IdentityOutcome::Refused { table: table.clone(), statement, error: *error }))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_any_case_of_the_keyword() {
        let rules = IdentityRules::parse("public.orders:full, public.c.*:Index  by_name").unwrap();
        let found: Vec<_> = rules.0.iter().map(|(_, identity)| identity.sql()).collect();
        assert_eq!(found, ["FULL", "USING INDEX \"by_name\""]);
        assert!(rules.0[1].0.is_match("PUBLIC.customers"));
        assert!(!rules.0[0].0.is_match("public.orders_old"));
        assert!(IdentityRules::parse(" ").unwrap().is_empty());
    }

    #[test]
    fn entries_that_are_none_are_refused() {
        for entry in ["orders", "a.b:", "a.b:SOME", "a.b:INDEX", "a.b:INDEX x y", "a.b:FULL x"] {
            assert!(
                matches!(IdentityRules::parse(entry), Err(IdentityError::Form { .. })),
                "{entry}"
            );
        }
        let error = IdentityRules::parse("a.(:FULL").unwrap_err();
        assert!(matches!(error, IdentityError::Pattern { .. }));
    }
}
