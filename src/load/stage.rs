//! A temporary copy of a file that SQL can ask questions: which rows are new, which come twice,
//! which refer to nothing. Its extra column numbers the file's records from 1.

use crate::load::catalog::{Target, column_list};
use crate::load::copy::{CopyError, copy};
use crate::load::error::LoadError;
use crate::load::report::LoadObserver;
use crate::load::rows::Rows;
use crate::postgres::quote_identifier;
use std::sync::Arc;
use tokio_postgres::Transaction;

/// The staging table; one at a time, so the name is fixed.
pub(super) const STAGE: &str = "pg_temp.minicdc_stage";

/// The column that numbers the records; no sane table has one of that name.
pub(super) const NUMBER: &str = "\"minicdc record number\"";

/// Makes the staging table from the target's loaded columns and copies the file into it.
///
/// It has the target's NOT NULL and CHECK constraints, so that COPY refuses a bad value with the
/// number of its row.
pub(super) async fn fill(
    sql: &Transaction<'_>,
    target: &Target,
    rows: &Arc<Rows>,
    observer: &mut dyn LoadObserver,
) -> Result<u64, CopyError> {
    let loaded: Vec<&str> = rows.columns().collect();
    let mut statement = format!(
        "CREATE TEMPORARY TABLE minicdc_stage (LIKE {} INCLUDING CONSTRAINTS) ON COMMIT DROP;\n\
         ALTER TABLE {STAGE} ADD COLUMN {NUMBER} bigint GENERATED ALWAYS AS IDENTITY",
        target.sql()
    );
    for column in target.columns.iter().filter(|column| !loaded.contains(&column.name.as_str())) {
        statement += &format!(", DROP COLUMN {} CASCADE", quote_identifier(&column.name));
    }
    sql.batch_execute(&statement).await.map_err(CopyError::Server)?;
    copy(sql, STAGE, rows, observer).await
}

/// Removes the staging table.
pub(super) async fn drop(sql: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    sql.batch_execute(&format!("DROP TABLE {STAGE}")).await
}

/// Numbers of the first two staged records that agree in all `columns`.
pub(super) async fn first_duplicate<'a>(
    sql: &Transaction<'_>,
    columns: impl IntoIterator<Item = &'a str> + Clone,
) -> Result<Option<(u64, u64)>, tokio_postgres::Error> {
    let list = column_list("", columns.clone());
    let some = columns.into_iter().map(|name| format!("{} IS NOT NULL", quote_identifier(name)));
    let row = sql
        .query_opt(
            &format!(
                "SELECT first, number FROM (
                     SELECT {NUMBER} AS number, min({NUMBER}) OVER (PARTITION BY {list}) AS first
                     FROM {STAGE} WHERE {}) AS numbered
                 WHERE number > first ORDER BY number LIMIT 1",
                some.collect::<Vec<_>>().join(" AND ")
            ),
            &[],
        )
        .await?;
    Ok(row.map(|row| (record_number(row.get(0)), record_number(row.get(1)))))
}

/// True when two staged records have the same `columns`; cheaper than finding them.
pub(super) async fn has_duplicate<'a>(
    sql: &Transaction<'_>,
    columns: impl IntoIterator<Item = &'a str>,
) -> Result<bool, tokio_postgres::Error> {
    let list = column_list("", columns);
    let found = format!("SELECT EXISTS (SELECT FROM {STAGE} GROUP BY {list} HAVING count(*) > 1)");
    Ok(sql.query_one(&found, &[]).await?.get(0))
}

pub(super) fn record_number(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Inserts the staged rows, updating those whose key is there; how many were new or different.
///
/// A row that is there just so is left alone, so loading a file twice is no change to capture.
pub(super) async fn upsert(
    sql: &Transaction<'_>,
    target: &Target,
    rows: &Rows,
) -> Result<u64, tokio_postgres::Error> {
    let loaded: Vec<&str> = rows.columns().collect();
    let is_key = |name: &&str| target.key.iter().any(|key| key == name);
    let is_fixed = |name: &&str| target.column(name).is_some_and(|column| column.identity_always);
    let set: Vec<&str> =
        loaded.iter().copied().filter(|name| !is_key(name) && !is_fixed(name)).collect();
    let action = if set.is_empty() {
        "DO NOTHING".to_owned()
    } else {
        let assign = set.iter().map(|name| {
            let name = quote_identifier(name);
            format!("{name} = excluded.{name}")
        });
        // `*<>` compares the stored bytes: it exists for every type, json and point included.
        format!(
            "DO UPDATE SET {} WHERE ROW ({})::record *<> ROW ({})::record",
            assign.collect::<Vec<_>>().join(", "),
            column_list("old.", set.iter().copied()),
            column_list("excluded.", set.iter().copied()),
        )
    };
    let columns = column_list("", loaded.iter().copied());
    sql.execute(
        &format!(
            "INSERT INTO {} AS old ({columns}) OVERRIDING SYSTEM VALUE
             SELECT {columns} FROM {STAGE} ORDER BY {NUMBER}
             ON CONFLICT ({}) {action}",
            target.sql(),
            column_list("", target.key.iter().map(String::as_str)),
        ),
        &[],
    )
    .await
}

/// Why the target's rows cannot be told apart by a key that the file has; `None` when they can.
pub(super) fn missing_key(target: &Target, rows: &Rows) -> Option<String> {
    if target.key.is_empty() {
        return Some("no primary key".to_owned());
    }
    if target.key_deferrable {
        return Some("only a deferrable primary key".to_owned());
    }
    let loaded: Vec<&str> = rows.columns().collect();
    let missing = target.key.iter().find(|key| !loaded.contains(&key.as_str()))?;
    Some(format!("the file lacks \"{missing}\" of its primary key"))
}

/// The error for a table that upsert cannot serve.
pub(super) fn no_key(target: &Target, rows: &Rows, reason: String) -> LoadError {
    LoadError::NoKey { file: rows.file.shown.clone(), table: target.shown(), reason }
}
