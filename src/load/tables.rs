//! Finds the table of a file, or makes it from the file.

use crate::load::catalog::{self, Found, Target, column_list, doing};
use crate::load::copy::pass;
use crate::load::error::LoadError;
use crate::load::files::CsvFile;
use crate::load::report::{LoadObserver, LoadReport, Made, Note};
use crate::load::rows::Rows;
use crate::load::{Job, LoadOptions, Mode, ReplicaIdentity};
use crate::postgres::{quote_identifier, quote_table};
use std::sync::Arc;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

/// What a made table still lacks when its rows are in.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    /// The column that shall be its primary key, or why there is none.
    key: Result<String, String>,
    /// Place of the table's entry in the report.
    made: usize,
}

/// Makes the schema when it is missing.
pub(super) async fn make_schema(
    sql: &Transaction<'_>,
    schema: &str,
    report: &mut LoadReport,
) -> Result<(), LoadError> {
    let failed = || doing(format!("make schema {schema}"));
    let found = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    if !sql.query_one(found, &[&schema]).await.map_err(failed())?.get::<_, bool>(0) {
        let make = format!("CREATE SCHEMA {}", quote_identifier(schema));
        sql.batch_execute(&make).await.map_err(failed())?;
        report.made.push(Made::Schema(schema.to_owned()));
    }
    Ok(())
}

/// The file with its table, made when there was none.
pub(super) async fn prepare(
    sql: &Transaction<'_>,
    file: CsvFile,
    options: &LoadOptions,
    report: &mut LoadReport,
    observer: &mut dyn LoadObserver,
) -> Result<Job, LoadError> {
    let (schema, table) = (options.schema.as_str(), file.table.clone());
    let found = catalog::find(sql, schema, &table)
        .await
        .map_err(doing(format!("look for table {schema}.{table}")))?;
    let mut job = match found {
        Found::Table(target) => {
            if options.text {
                report.notes.push(Note::TypesStay { table: target.shown() });
            }
            existing(file, target, options, report)?
        }
        Found::Nothing => make(sql, file, options, report, observer).await?,
        Found::Other(kind) => {
            return Err(LoadError::NotATable {
                file: file.shown,
                name: format!("{schema}.{table}"),
                kind,
            });
        }
    };
    if let Some(identity) = options.replica_identity {
        let (word, has_identity) = match identity {
            ReplicaIdentity::Full => ("FULL", true),
            ReplicaIdentity::Default => ("DEFAULT", !job.target.key.is_empty()),
        };
        sql.batch_execute(&format!("ALTER TABLE {} REPLICA IDENTITY {word}", job.target.sql()))
            .await
            .map_err(doing(format!("set the replica identity of {}", job.target.shown())))?;
        job.target.has_identity = has_identity;
    }
    Ok(job)
}

/// Matches the header with the columns that are there.
fn existing(
    file: CsvFile,
    target: Target,
    options: &LoadOptions,
    report: &mut LoadReport,
) -> Result<Job, LoadError> {
    let mut types = Vec::with_capacity(file.header.len());
    let mut wanted = Vec::with_capacity(file.header.len());
    for name in &file.header {
        let Some(column) = target.column(name) else {
            return Err(LoadError::UnknownColumn {
                at: file.at(file.header_line),
                table: target.shown(),
                column: name.clone(),
                known: target.columns.iter().map(|column| column.name.clone()).collect(),
            });
        };
        if column.generated {
            report
                .notes
                .push(Note::Generated { table: target.shown(), column: column.name.clone() });
        }
        types.push(column.sql_type.clone());
        wanted.push(!column.generated);
    }
    let rows = Arc::new(Rows { file, types, wanted, null: options.null.clone() });
    Ok(Job { rows, target, fresh: None, upserts: options.mode == Mode::Upsert })
}

/// Makes a table with the types that the whole file allows.
async fn make(
    sql: &Transaction<'_>,
    file: CsvFile,
    options: &LoadOptions,
    report: &mut LoadReport,
    observer: &mut dyn LoadObserver,
) -> Result<Job, LoadError> {
    let width = file.header.len();
    let unknown = vec!["any type".to_owned(); width];
    let wanted = vec![true; width];
    let mut rows = Rows { file, types: unknown, wanted, null: options.null.clone() };
    let id = rows.file.header.iter().position(|name| name.eq_ignore_ascii_case("id"));
    let key = if options.text {
        rows.types = vec!["text".to_owned(); width];
        Err("--text sets none".to_owned())
    } else {
        let shared = Arc::new(rows.clone());
        let guesses = pass(&shared, observer, Rows::infer).await?;
        rows.types = guesses.iter().map(|guess| guess.kind().to_string()).collect();
        match id.and_then(|id| Some((rows.file.header.get(id)?, guesses.get(id)?))) {
            Some((name, guess)) if guess.is_complete() => Ok(name.clone()),
            Some((name, _)) => Err(format!("column {name} has empty cells")),
            None => Err("it has no column id".to_owned()),
        }
    };
    let columns = rows.file.header.iter().zip(&rows.types);
    let list = columns.clone().map(|(name, ty)| format!("{} {ty}", quote_identifier(name)));
    let list = list.collect::<Vec<_>>().join(", ");
    let (schema, table) = (options.schema.as_str(), rows.file.table.as_str());
    let failed = || doing(format!("make table {schema}.{table}"));
    sql.batch_execute(&format!("CREATE TABLE {} ({list})", quote_table(schema, table)))
        .await
        .map_err(failed())?;
    let Found::Table(target) = catalog::find(sql, schema, table).await.map_err(failed())? else {
        // Only an event trigger that drops new tables could bring us here.
        return Err(LoadError::NotATable {
            file: rows.file.shown,
            name: format!("{schema}.{table}"),
            kind: "table that something removed at once",
        });
    };
    let fresh = Fresh { key, made: report.made.len() };
    report.made.push(Made::Table {
        table: target.shown(),
        columns: columns.map(|(name, ty)| (name.clone(), ty.clone())).collect(),
        key: None,
    });
    let upserts = options.mode == Mode::Upsert;
    Ok(Job { rows: Arc::new(rows), target, fresh: Some(fresh), upserts })
}

/// Sets the primary key of a made table behind its rows, when its ids are unique.
///
/// PostgreSQL decides what is unique, so no memory of ours grows with the file; and an index over
/// rows that are there is built faster than one that grows with them.
pub(super) async fn set_key(
    sql: &Transaction<'_>,
    target: &mut Target,
    fresh: Fresh,
    report: &mut LoadReport,
) -> Result<(), LoadError> {
    let failed = || doing(format!("set the primary key of {}", target.shown()));
    let reason = match fresh.key {
        Err(reason) => reason,
        Ok(column) => {
            sql.batch_execute("SAVEPOINT minicdc_key").await.map_err(failed())?;
            let key = column_list("", [column.as_str()]);
            let add = format!("ALTER TABLE {} ADD PRIMARY KEY ({key})", target.sql());
            let refused = match sql.batch_execute(&add).await {
                Ok(()) => {
                    if let Some(Made::Table { key, .. }) = report.made.get_mut(fresh.made) {
                        *key = Some(column.clone());
                    }
                    target.key = vec![column];
                    target.has_identity = true;
                    return Ok(());
                }
                Err(error) => error,
            };
            sql.batch_execute("ROLLBACK TO SAVEPOINT minicdc_key").await.map_err(failed())?;
            match refused.code() {
                Some(&SqlState::UNIQUE_VIOLATION) => format!("column {column} is not unique"),
                // A text id of more than 2,704 bytes does not fit into an index.
                Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) => {
                    format!("column {column} is too long for an index")
                }
                _ => return Err(failed()(refused)),
            }
        }
    };
    if !target.has_identity {
        report.notes.push(Note::NoIdentity { table: target.shown(), reason: Some(reason) });
    }
    Ok(())
}

/// Moves the sequences of the loaded columns behind the loaded ids.
///
/// Sequences do not take part in transactions, so this comes last, when nothing can fail any more
/// but the commit itself.
pub(super) async fn advance_sequences(
    sql: &Transaction<'_>,
    job: &Job,
    report: &mut LoadReport,
) -> Result<(), LoadError> {
    let failed = || doing(format!("move the sequences of {}", job.target.shown()));
    for sequence in catalog::sequences(sql, job.target.oid).await.map_err(failed())? {
        if !job.rows.columns().any(|name| name == sequence.column) {
            continue;
        }
        if !sequence.may_set {
            report.notes.push(Note::SequenceBehind {
                sequence: format!("{}.{}", sequence.schema, sequence.name),
                table: job.target.shown(),
            });
            continue;
        }
        let name = quote_table(&sequence.schema, &sequence.name);
        let set = format!(
            "SELECT setval($1::text::regclass, last) FROM
                 (SELECT max({})::bigint AS last FROM {}) AS ids, {name} AS now
             WHERE last > now.last_value OR (last = now.last_value AND NOT now.is_called)",
            quote_identifier(&sequence.column),
            job.target.sql(),
        );
        sql.query(&set, &[&name]).await.map_err(failed())?;
    }
    Ok(())
}
