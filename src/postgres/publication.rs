//! The publication: which tables' changes the server sends.

use super::quote::{quote_identifier, quote_table};
use super::{PostgresError, ServerError};
use crate::config::{PublicationAutocreate, ReplicationConfig};
use std::collections::BTreeSet;
use tokio_postgres::Client;

/// The publication cannot be used or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationError {
    /// It does not exist and `publication.autocreate.mode=disabled`.
    #[error("publication \"{publication}\" does not exist")]
    Missing {
        /// Its name.
        publication: String,
    },
    /// It does not exist, and on a standby nothing can be made.
    #[error("publication \"{publication}\" does not exist, and this server is a standby")]
    Standby {
        /// Its name.
        publication: String,
    },
    /// `filtered`, and no table is captured.
    #[error("no table for publication \"{publication}\": the include and exclude lists match none")]
    NoTable {
        /// Its name.
        publication: String,
    },
    /// `filtered`, and it is FOR ALL TABLES.
    #[error("publication \"{publication}\" is FOR ALL TABLES and cannot be narrowed")]
    ForAllTables {
        /// Its name.
        publication: String,
    },
    /// FOR ALL TABLES is for superusers.
    #[error("role \"{user}\" may not make publication \"{publication}\" for all tables")]
    NeedsSuperuser {
        /// Its name.
        publication: String,
        /// The role we are.
        user: String,
    },
    /// The role may not make or change it.
    #[error("role \"{user}\" may not make or change publication \"{publication}\"")]
    NotPermitted {
        /// Its name.
        publication: String,
        /// The role we are.
        user: String,
        /// The database.
        database: String,
        /// The server's words.
        #[source]
        error: Box<ServerError>,
    },
}

impl PublicationError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { publication } => format!(
                "make it: CREATE PUBLICATION {} FOR TABLE …; or let minicdc: \
                 --set publication.autocreate.mode=filtered",
                quote_identifier(publication)
            ),
            Self::Standby { publication } => format!(
                "make it on the primary: CREATE PUBLICATION {} FOR ALL TABLES",
                quote_identifier(publication)
            ),
            Self::NoTable { .. } => {
                "check --tables (table.include.list and its kin): regular expressions on \
                 schema.table, such as 'public.orders,public.c.*'"
                    .to_owned()
            }
            Self::ForAllTables { publication } => format!(
                "use it as it is: --set publication.autocreate.mode=disabled; or another: --set \
                 publication.name=…; or DROP PUBLICATION {} and start again",
                quote_identifier(publication)
            ),
            Self::NeedsSuperuser { publication, user } => format!(
                "publish only the captured tables: --set publication.autocreate.mode=filtered (as \
                 their owner, with GRANT CREATE ON DATABASE … TO {}); or as a superuser: CREATE \
                 PUBLICATION {} FOR ALL TABLES",
                quote_identifier(user),
                quote_identifier(publication)
            ),
            Self::NotPermitted { publication, user, database, .. } => {
                let role = quote_identifier(user);
                format!(
                    "as a superuser: GRANT CREATE ON DATABASE {} TO {role}, and for each table \
                     ALTER TABLE … OWNER TO {role}; or CREATE PUBLICATION {} FOR TABLE … yourself \
                     and --set publication.autocreate.mode=disabled",
                    quote_identifier(database),
                    quote_identifier(publication)
                )
            }
        }
    }
}

/// What was done about the publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationOutcome {
    /// What happened.
    pub action: PublicationAction,
    /// How many tables it publishes now.
    pub tables: usize,
    /// Those of them, as schema and name, on which PostgreSQL refuses UPDATE and DELETE for want
    /// of a replica identity: see [`full_identity_statement`].
    pub without_identity: Vec<(String, String)>,
}

/// See [`PublicationOutcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationAction {
    /// It was made.
    Made,
    /// Its tables were set anew.
    Altered,
    /// It is as it was.
    Found,
}

/// The statement that gives a table the whole old row as its identity.
#[must_use]
pub fn full_identity_statement(schema: &str, name: &str) -> String {
    format!("ALTER TABLE {} REPLICA IDENTITY FULL", quote_table(schema, name))
}

/// Whether there is a publication of that name.
///
/// # Errors
///
/// [`PostgresError`] when the query fails.
pub async fn exists(client: &Client, publication: &str) -> Result<bool, PostgresError> {
    let what = format!("look up publication {}", quote_identifier(publication));
    let row = client
        .query_opt(
            "SELECT FROM pg_catalog.pg_publication WHERE pubname = $1::text::name",
            &[&publication],
        )
        .await
        .map_err(PostgresError::doing(what))?;
    Ok(row.is_some())
}

/// Makes the publication, or changes it, as `publication.autocreate.mode` says. `tables` are the
/// captured ones as schema and name; only `filtered` looks at them.
///
/// # Errors
///
/// [`PublicationError`] by cause, or [`PostgresError`] when a statement fails.
pub async fn ensure(
    client: &Client,
    config: &ReplicationConfig,
    tables: &[(String, String)],
) -> Result<PublicationOutcome, PostgresError> {
    let publication = Publication { client, config, tables };
    let action = publication.ensure().await?;
    let (tables, without_identity) = publication.published().await?;
    Ok(PublicationOutcome { action, tables, without_identity })
}

struct Publication<'a> {
    client: &'a Client,
    config: &'a ReplicationConfig,
    tables: &'a [(String, String)],
}

/// What the catalogue says of an existing publication.
struct Existing {
    for_all_tables: bool,
    /// Schemas published as a whole, from PostgreSQL 15.
    schemas: i64,
    tables: BTreeSet<(String, String)>,
}

impl Publication<'_> {
    fn name(&self) -> String {
        self.config.publication_name.clone()
    }

    async fn ensure(&self) -> Result<PublicationAction, PostgresError> {
        use PublicationAutocreate::{AllTables, Disabled, Filtered, NoTables};
        let mode = self.config.publication_autocreate;
        if mode == Filtered && self.tables.is_empty() {
            return Err(PublicationError::NoTable { publication: self.name() }.into());
        }
        match (self.find().await?, mode) {
            (Some(existing), Filtered) => self.narrow(&existing).await,
            (Some(_), AllTables | NoTables | Disabled) => Ok(PublicationAction::Found),
            (None, Disabled) => Err(PublicationError::Missing { publication: self.name() }.into()),
            (None, AllTables | NoTables | Filtered) => self.create().await,
        }
    }

    async fn find(&self) -> Result<Option<Existing>, PostgresError> {
        let name = &self.config.publication_name;
        let what = format!("look up publication {}", quote_identifier(name));
        let rows = self
            .client
            .query(
                "SELECT p.puballtables, n.nspname::text, c.relname::text \
                 FROM pg_catalog.pg_publication p \
                 LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid \
                 LEFT JOIN pg_catalog.pg_class c ON c.oid = r.prrelid \
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE p.pubname = $1::text::name",
                &[name],
            )
            .await
            .map_err(PostgresError::doing(what))?;
        let Some(first) = rows.first() else { return Ok(None) };
        let for_all_tables = first.try_get(0)?;
        let mut tables = BTreeSet::new();
        for row in &rows {
            if let (Some(schema), Some(table)) = (row.try_get(1)?, row.try_get(2)?) {
                tables.insert((schema, table));
            }
        }
        Ok(Some(Existing { for_all_tables, schemas: self.schemas().await?, tables }))
    }

    /// Number of schemas in the publication; the catalogue for them came with PostgreSQL 15.
    async fn schemas(&self) -> Result<i64, PostgresError> {
        let catalogue = "pg_catalog.pg_publication_namespace";
        let there = self
            .client
            .query_one("SELECT pg_catalog.to_regclass($1::text) IS NOT NULL", &[&catalogue])
            .await?;
        if !there.try_get::<_, bool>(0)? {
            return Ok(0);
        }
        let query = format!(
            "SELECT count(*) FROM {catalogue} s JOIN pg_catalog.pg_publication p \
             ON p.oid = s.pnpubid WHERE p.pubname = $1::text::name"
        );
        let row = self.client.query_one(&query, &[&self.config.publication_name]).await?;
        Ok(row.try_get(0)?)
    }

    /// Sets the tables of an existing publication when they differ. Row filters and column lists
    /// someone gave to it stay as long as the tables are the same.
    async fn narrow(&self, existing: &Existing) -> Result<PublicationAction, PostgresError> {
        if existing.for_all_tables {
            return Err(PublicationError::ForAllTables { publication: self.name() }.into());
        }
        let wanted: BTreeSet<_> = self.tables.iter().cloned().collect();
        if existing.schemas == 0 && existing.tables == wanted {
            return Ok(PublicationAction::Found);
        }
        let name = quote_identifier(&self.config.publication_name);
        let statement = format!("ALTER PUBLICATION {name} SET TABLE {}", self.table_list());
        self.run(&statement, "change").await?;
        Ok(PublicationAction::Altered)
    }

    async fn create(&self) -> Result<PublicationAction, PostgresError> {
        if self.is_standby().await? {
            return Err(PublicationError::Standby { publication: self.name() }.into());
        }
        let name = quote_identifier(&self.config.publication_name);
        let tables = match self.config.publication_autocreate {
            PublicationAutocreate::AllTables => " FOR ALL TABLES".to_owned(),
            PublicationAutocreate::Filtered => format!(" FOR TABLE {}", self.table_list()),
            PublicationAutocreate::NoTables | PublicationAutocreate::Disabled => String::new(),
        };
        let options = if self.config.publish_via_partition_root {
            " WITH (publish_via_partition_root = true)"
        } else {
            ""
        };
        match self.run(&format!("CREATE PUBLICATION {name}{tables}{options}"), "create").await {
            Ok(()) => Ok(PublicationAction::Made),
            // Another process was faster; what it made is looked at at the next start.
            Err(PostgresError::Statement { error, .. }) if error.sqlstate == "42710" => {
                Ok(PublicationAction::Found)
            }
            Err(error) => Err(error),
        }
    }

    fn table_list(&self) -> String {
        let quoted = |(schema, name): &(String, String)| quote_table(schema, name);
        self.tables.iter().map(quoted).collect::<Vec<_>>().join(", ")
    }

    async fn is_standby(&self) -> Result<bool, PostgresError> {
        let row = self.client.query_one("SELECT pg_catalog.pg_is_in_recovery()", &[]).await?;
        Ok(row.try_get(0)?)
    }

    async fn run(&self, statement: &str, verb: &str) -> Result<(), PostgresError> {
        let what =
            format!("{verb} publication {}", quote_identifier(&self.config.publication_name));
        match self.client.batch_execute(statement).await.map_err(PostgresError::doing(what)) {
            Err(PostgresError::Statement { error, .. }) if error.sqlstate == "42501" => {
                Err(self.not_permitted(error).await?.into())
            }
            outcome => outcome,
        }
    }

    async fn not_permitted(
        &self,
        error: Box<ServerError>,
    ) -> Result<PublicationError, PostgresError> {
        let query = "SELECT current_user::text, current_database()::text";
        let row = self.client.query_one(query, &[]).await?;
        let (publication, user) = (self.name(), row.try_get(0)?);
        Ok(match self.config.publication_autocreate {
            PublicationAutocreate::AllTables => {
                PublicationError::NeedsSuperuser { publication, user }
            }
            _ => {
                let database = row.try_get(1)?;
                PublicationError::NotPermitted { publication, user, database, error }
            }
        })
    }

    /// Counts the published tables, and lists those without a usable replica identity: NOTHING,
    /// the default without a primary key, or an index that was dropped.
    async fn published(&self) -> Result<(usize, Vec<(String, String)>), PostgresError> {
        let what = "list the published tables";
        let rows = self
            .client
            .query(
                "SELECT t.schemaname::text, t.tablename::text, \
                        p.pubupdate OR p.pubdelete, \
                        CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false ELSE EXISTS ( \
                            SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid \
                            AND CASE c.relreplident WHEN 'd' THEN i.indisprimary \
                                ELSE i.indisreplident END) END \
                 FROM pg_catalog.pg_publication_tables t \
                 JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname \
                 JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname \
                 JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename \
                 WHERE t.pubname = $1::text::name ORDER BY 1, 2",
                &[&self.config.publication_name],
            )
            .await
            .map_err(PostgresError::doing(what))?;
        let mut without_identity = Vec::new();
        for row in &rows {
            let (needed, there): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
            if needed && !there {
                without_identity.push((row.try_get(0)?, row.try_get(1)?));
            }
        }
        Ok((rows.len(), without_identity))
    }
}
