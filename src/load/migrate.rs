//! The embedded migrations: each runs once per schema, in the load's own transaction.

use crate::load::catalog::{doing, refused};
use crate::load::error::LoadError;
use crate::postgres::quote_table;
use tokio_postgres::Transaction;

/// A script of `migrations/`.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// All of them, in the order they run.
const MIGRATIONS: [Migration; 1] = [Migration {
    name: "0001_shop_tables",
    sql: include_str!("../../migrations/0001_shop_tables.sql"),
}];

/// Checksum of a script, whatever line ends the checkout gave it.
fn checksum(sql: &str) -> String {
    format!("{:08x}", crc32c::crc32c(sql.replace("\r\n", "\n").as_bytes()))
}

/// Runs what has not run in `schema`, which comes first on the search path; the names of what ran.
pub(super) async fn run(sql: &Transaction<'_>, schema: &str) -> Result<Vec<String>, LoadError> {
    make_record(sql, schema).await?;
    let mut ran = Vec::new();
    for migration in &MIGRATIONS {
        let embedded = checksum(migration.sql);
        let recorded = sql
            .query_opt(
                "SELECT checksum FROM minicdc_migrations WHERE name = $1",
                &[&migration.name],
            )
            .await
            .map_err(doing("read table minicdc_migrations"))?;
        match recorded.map(|row| row.get::<_, String>(0)) {
            Some(recorded) if recorded == embedded => continue,
            Some(recorded) => {
                return Err(LoadError::MigrationChanged {
                    name: migration.name,
                    recorded,
                    embedded,
                });
            }
            None => {}
        }
        let failed = |source| LoadError::Migration { name: migration.name, source };
        sql.batch_execute(migration.sql)
            .await
            .map_err(refused(format!("run migration {}", migration.name), failed))?;
        sql.execute(
            "INSERT INTO minicdc_migrations (name, checksum) VALUES ($1, $2)",
            &[&migration.name, &embedded],
        )
        .await
        .map_err(doing("write table minicdc_migrations"))?;
        ran.push(migration.name.to_owned());
    }
    Ok(ran)
}

/// Makes the table of what ran, when it is missing: `IF NOT EXISTS` alone would ask for the right to
/// make tables every time.
async fn make_record(sql: &Transaction<'_>, schema: &str) -> Result<(), LoadError> {
    const TABLE: &str = "minicdc_migrations";
    let found = "SELECT to_regclass($1) IS NOT NULL";
    let made = sql.query_one(found, &[&quote_table(schema, TABLE)]).await;
    if made.map_err(doing(format!("look for table {TABLE}")))?.get(0) {
        return Ok(());
    }
    let first = MIGRATIONS.first().map_or(TABLE, |migration| migration.name);
    sql.batch_execute(
        "CREATE TABLE minicdc_migrations (
             name text PRIMARY KEY,
             checksum text NOT NULL,
             applied_at timestamptz NOT NULL DEFAULT now())",
    )
    .await
    .map_err(refused(format!("make table {TABLE}"), |source| LoadError::Migration {
        name: first,
        source,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_does_not_depend_on_line_ends() {
        assert_eq!(checksum("a\nb\n"), checksum("a\r\nb\r\n"));
        assert_ne!(checksum("a\nb\n"), checksum("a\nc\n"));
    }
}
