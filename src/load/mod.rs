//! `minicdc load`: the CSV files of a directory become rows of tables, all of them or none.
//!
//! ```text
//! DIR/*.csv ─► headers ─┐
//! migrations ─► tables ─┴► types (made tables) ─► order ─► [replace: empty] ─► COPY ─► sequences ─► COMMIT
//! ```
//!
//! Everything is one transaction, the migrations and the tables that are made included; only the
//! values of sequences are not PostgreSQL's to take back. What it sees of a file:
//!
//! - A table that is empty, freshly made or appended to takes the rows straight from COPY. An upsert
//!   into rows copies into a temporary table and goes on with `INSERT … ON CONFLICT`.
//! - Times without a zone are read as UTC, whatever the server's time zone is.
//! - An unquoted empty cell (or [`LoadOptions::null`]) is NULL; a quoted one is text.

mod catalog;
mod copy;
mod csv;
mod error;
mod explain;
mod files;
mod hint;
mod infer;
mod migrate;
mod order;
mod replace;
mod report;
mod rows;
mod stage;
mod tables;

pub use csv::CsvProblem;
pub use error::{CellPlace, HeaderProblem, LoadError, Place};
pub use report::{LoadEvent, LoadObserver, LoadReport, Made, Note, Pass, TableReport};

use crate::postgres::{quote_identifier, quote_table};
use catalog::{ForeignKey, Target, doing};
use copy::CopyError;
use explain::State;
use rows::Rows;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio_postgres::{Client, Transaction};

/// What to load, and how.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Where the `*.csv` are.
    pub directory: PathBuf,
    /// Schema of the tables; made when it is missing.
    pub schema: String,
    /// What happens to rows that are there.
    pub mode: Mode,
    /// The unquoted cell that means NULL.
    pub null: String,
    /// Make tables of TEXT without keys, and run no migrations.
    pub text: bool,
    /// Run the embedded migrations first.
    pub migrations: bool,
    /// Set the replica identity of every loaded table.
    pub replica_identity: Option<ReplicaIdentity>,
}

impl LoadOptions {
    /// The defaults for a directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            schema: "public".to_owned(),
            mode: Mode::Upsert,
            null: String::new(),
            text: false,
            migrations: true,
            replica_identity: None,
        }
    }
}

/// What happens to rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Rows of a known primary key are updated, others added.
    Upsert,
    /// Rows are added.
    Append,
    /// The table is emptied first.
    Replace,
}

/// What UPDATE and DELETE will publish of the old row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// Its primary key.
    Default,
    /// All of it.
    Full,
}

/// A file and its table.
#[derive(Debug)]
struct Job {
    rows: Arc<Rows>,
    target: Target,
    fresh: Option<tables::Fresh>,
    upserts: bool,
}

/// Finds out without a server whether `directory` can be loaded: files, names, headers.
///
/// # Errors
///
/// What [`run`] would say of the same directory.
pub fn check_directory(directory: &Path) -> Result<(), LoadError> {
    files::list(directory).map(|_| ())
}

/// Loads every `*.csv` of a directory in one transaction.
///
/// Dropping the future rolls everything back.
///
/// # Errors
///
/// [`LoadError`] says what was wrong; then nothing was loaded.
pub async fn run(
    client: &mut Client,
    options: &LoadOptions,
    observer: &mut dyn LoadObserver,
) -> Result<LoadReport, LoadError> {
    let listing = files::list(&options.directory)?;
    for file in &listing.files {
        observer.on(LoadEvent::Planned { table: &file.table, bytes: file.bytes });
    }
    let mut report = LoadReport::default();
    report.notes.extend(listing.ignored.into_iter().map(|name| Note::Ignored { name }));
    let sql = client.transaction().await.map_err(doing("begin a transaction"))?;
    begin(&sql).await?;
    tables::make_schema(&sql, &options.schema, &mut report).await?;
    if options.migrations && !options.text {
        migrate(&sql, &options.schema, &mut report).await?;
    }
    let mut jobs = Vec::with_capacity(listing.files.len());
    for file in listing.files {
        jobs.push(tables::prepare(&sql, file, options, &mut report, observer).await?);
    }
    let loaded: Vec<u32> = jobs.iter().map(|job| job.target.oid).collect();
    let references =
        catalog::foreign_keys_to(&sql, &loaded).await.map_err(doing("read the foreign keys"))?;
    let mut jobs = in_order(&sql, jobs, &references).await?;
    let mut deleted = vec![None; jobs.len()];
    if options.mode == Mode::Replace {
        for (job, deleted) in jobs.iter().zip(&mut deleted).rev() {
            *deleted = Some(replace::empty(&sql, &job.target, &references, &loaded).await?);
        }
    }
    for (job, deleted) in jobs.iter_mut().zip(deleted) {
        let mut table = load(&sql, job, &mut report, observer).await?;
        table.deleted = deleted;
        report.tables.push(table);
    }
    check_constraints(&sql, &jobs).await?;
    for job in &jobs {
        tables::advance_sequences(&sql, job, &mut report).await?;
    }
    sql.commit().await.map_err(doing("commit the load"))?;
    Ok(report)
}

/// Settings of this transaction, and the lock against a second load.
async fn begin(sql: &Transaction<'_>) -> Result<(), LoadError> {
    // Reading a large file for its types looks like idling to the server.
    sql.batch_execute(
        "SET LOCAL TimeZone = 'UTC'; SET LOCAL statement_timeout = 0;
         SET LOCAL idle_in_transaction_session_timeout = 0",
    )
    .await
    .map_err(doing("prepare the session"))?;
    // The two numbers spell "mini" and "load".
    let lock = "SELECT pg_try_advisory_xact_lock(1835626089, 1819238756)";
    let locked = sql.query_one(lock, &[]).await.map_err(doing("take the lock of a load"))?;
    if locked.get(0) {
        return Ok(());
    }
    let holder = sql
        .query_opt(
            "SELECT pid FROM pg_locks
             WHERE locktype = 'advisory' AND granted AND classid = 1835626089 AND objid = 1819238756
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            &[],
        )
        .await
        .map_err(doing("find the other load"))?;
    Err(LoadError::Busy { pid: holder.map(|row| row.get(0)).unwrap_or_default() })
}

/// Runs the migrations with the load's schema in front.
async fn migrate(
    sql: &Transaction<'_>,
    schema: &str,
    report: &mut LoadReport,
) -> Result<(), LoadError> {
    let path = format!("SET LOCAL search_path = {}", quote_identifier(schema));
    sql.batch_execute(&path).await.map_err(doing("set the search path"))?;
    report.made.extend(migrate::run(sql, schema).await?.into_iter().map(Made::Migration));
    // Triggers of the tables may rely on the session's own path.
    sql.batch_execute("SET LOCAL search_path TO DEFAULT")
        .await
        .map_err(doing("set the search path"))
}

/// Puts referenced tables first; defers what no order can satisfy.
async fn in_order(
    sql: &Transaction<'_>,
    jobs: Vec<Job>,
    references: &[ForeignKey],
) -> Result<Vec<Job>, LoadError> {
    let number = |table: u32| jobs.iter().position(|job| job.target.oid == table);
    let mut keys = Vec::new();
    let mut edges = Vec::new();
    for key in references.iter().filter(|key| key.child != key.parent) {
        if let (Some(child), Some(parent)) = (number(key.child), number(key.parent)) {
            edges.push(order::Edge { child, parent, deferrable: key.deferrable });
            keys.push(key);
        }
    }
    let order = match order::order(jobs.len(), &edges) {
        Ok(order) => order,
        Err(cycle) => {
            let name = |&table: &usize| jobs.get(table).map(|job| job.target.shown());
            let tables = cycle.iter().chain(cycle.first()).filter_map(name).collect();
            let (first, next) = (cycle.first(), cycle.get(1).or(cycle.first()));
            let closes =
                |edge: &&order::Edge| Some(&edge.child) == first && Some(&edge.parent) == next;
            let at = edges.iter().position(|edge| closes(&edge)).unwrap_or_default();
            let constraint = keys.get(at).map(|key| {
                let table = quote_table(&key.child_schema, &key.child_name);
                (table, quote_identifier(&key.name))
            });
            return Err(LoadError::Cycle { tables, constraint: constraint.unwrap_or_default() });
        }
    };
    for key in order.deferred.iter().filter_map(|&edge| keys.get(edge)) {
        let name = quote_table(&key.child_schema, &key.name);
        sql.batch_execute(&format!("SET CONSTRAINTS {name} DEFERRED"))
            .await
            .map_err(doing(format!("defer foreign key {name}")))?;
    }
    let mut jobs: Vec<Option<Job>> = jobs.into_iter().map(Some).collect();
    Ok(order.tables.iter().filter_map(|&at| jobs.get_mut(at)?.take()).collect())
}

/// Loads one file into its table.
async fn load(
    sql: &Transaction<'_>,
    job: &mut Job,
    report: &mut LoadReport,
    observer: &mut dyn LoadObserver,
) -> Result<TableReport, LoadError> {
    let started = Instant::now();
    let failed = |job: &Job| doing(format!("load {}", job.rows.file.shown));
    sql.batch_execute("SAVEPOINT minicdc_file").await.map_err(failed(job))?;
    let copied = if job.upserts
        && job.fresh.is_none()
        && !catalog::is_empty(sql, &job.target).await.map_err(failed(job))?
    {
        upsert(sql, job, observer).await
    } else {
        copy::copy(sql, &job.target.sql(), &job.rows, observer).await.map(|rows| (rows, None))
    };
    let (rows, changed) = match copied {
        Ok(copied) => copied,
        Err(CopyError::File(error)) => return Err(error),
        Err(CopyError::Server(error)) => {
            let back = sql.batch_execute("ROLLBACK TO SAVEPOINT minicdc_file").await;
            return Err(match back {
                Ok(()) => explain::explain(sql, job, error, State::Before).await,
                Err(_) => failed(job)(error),
            });
        }
    };
    sql.batch_execute("RELEASE SAVEPOINT minicdc_file").await.map_err(failed(job))?;
    match job.fresh.take() {
        Some(fresh) => tables::set_key(sql, &mut job.target, fresh, report).await?,
        None if !job.target.has_identity => {
            report.notes.push(Note::NoIdentity { table: job.target.shown(), reason: None });
        }
        None => {}
    }
    observer.on(LoadEvent::Loaded { table: &job.rows.file.table, rows });
    Ok(TableReport {
        table: job.rows.file.table.clone(),
        rows,
        changed,
        deleted: None,
        columns: job.rows.columns().count(),
        elapsed: started.elapsed(),
    })
}

/// Stages the file and merges it; rows of the file, and how many of them changed the table.
async fn upsert(
    sql: &Transaction<'_>,
    job: &Job,
    observer: &mut dyn LoadObserver,
) -> Result<(u64, Option<u64>), CopyError> {
    let (target, rows) = (&job.target, &job.rows);
    if let Some(reason) = stage::missing_key(target, rows) {
        return Err(CopyError::File(stage::no_key(target, rows, reason)));
    }
    let count = stage::fill(sql, target, rows, observer).await?;
    let key: Vec<&str> = target.key.iter().map(String::as_str).collect();
    if stage::has_duplicate(sql, key.iter().copied()).await.map_err(CopyError::Server)?
        && let Some((first, second)) =
            stage::first_duplicate(sql, key.iter().copied()).await.map_err(CopyError::Server)?
        && let Some(error) = explain::duplicate_in_file(job, &key, &target.key_name, first, second)
    {
        return Err(CopyError::File(error));
    }
    let changed = stage::upsert(sql, target, rows).await.map_err(CopyError::Server)?;
    stage::drop(sql).await.map_err(CopyError::Server)?;
    Ok((count, Some(changed)))
}

/// Lets deferred constraints speak before the commit, while their errors can be explained.
async fn check_constraints(sql: &Transaction<'_>, jobs: &[Job]) -> Result<(), LoadError> {
    let failed = || doing("check the deferred constraints");
    sql.batch_execute("SAVEPOINT minicdc_constraints").await.map_err(failed())?;
    let Err(error) = sql.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await else {
        return Ok(());
    };
    let named = error.as_db_error().map(|db| (db.schema(), db.table()));
    let job = named.and_then(|(schema, table)| {
        let (schema, table) = (schema?, table?);
        jobs.iter().find(|job| job.target.schema == schema && job.target.name == table)
    });
    let Some(job) = job else { return Err(failed()(error)) };
    match sql.batch_execute("ROLLBACK TO SAVEPOINT minicdc_constraints").await {
        Ok(()) => Err(explain::explain(sql, job, error, State::After).await),
        Err(_) => Err(failed()(error)),
    }
}
