//! From an error of PostgreSQL to the file, line, column and value that caused it.
//!
//! COPY names the row (`COPY t, line 3, column c: "x"`), and a row of ours is a record of the file.
//! For keys PostgreSQL names the constraint only, or one of two lines: then the file is staged once
//! more, in the aborted load's transaction, and asked by SQL. That costs a second copy, but only
//! when nothing will be loaded anyway.

use crate::load::Job;
use crate::load::catalog::{self, Constraint, doing, is_about_data};
use crate::load::csv::Record;
use crate::load::error::{CellPlace, LoadError};
use crate::load::stage::{self, NUMBER, STAGE};
use crate::postgres::{ServerError, quote_identifier, quote_table};
use tokio_postgres::Transaction;
use tokio_postgres::error::{DbError, SqlState};

/// What the tables hold while an error is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The file's rows are rolled back.
    Before,
    /// The file's rows are in the table: the error came at the end, from a deferred constraint.
    After,
}

/// Explains an error of one file; the caller has rolled back to a savepoint.
pub(super) async fn explain(
    sql: &Transaction<'_>,
    job: &Job,
    error: tokio_postgres::Error,
    state: State,
) -> LoadError {
    let found = match error.as_db_error() {
        Some(db) if !is_about_data(&db.into()) => None,
        Some(db) => about_data(sql, job, db, state).await,
        None => None,
    };
    found.unwrap_or_else(|| doing(format!("load {}", job.rows.file.shown))(error))
}

async fn about_data(
    sql: &Transaction<'_>,
    job: &Job,
    db: &DbError,
    state: State,
) -> Option<LoadError> {
    let found = match *db.code() {
        SqlState::UNIQUE_VIOLATION => duplicate(sql, job, db, state).await,
        SqlState::FOREIGN_KEY_VIOLATION => reference(sql, job, db).await,
        SqlState::NOT_NULL_VIOLATION => missing_column(job, db),
        _ => None,
    };
    match found {
        Some(found) => Some(found),
        None => refused(sql, job, db).await,
    }
}

/// A key that comes twice, in the file or in the table.
async fn duplicate(
    sql: &Transaction<'_>,
    job: &Job,
    db: &DbError,
    state: State,
) -> Option<LoadError> {
    let name = db.constraint()?;
    let index = catalog::unique_index(sql, db.schema()?, name).await.ok()??;
    let columns = loaded(job, &index)?;
    stage::fill(sql, &job.target, &job.rows, &mut ()).await.ok()?;
    if let Some((first, second)) =
        stage::first_duplicate(sql, columns.iter().copied()).await.ok()?
    {
        return duplicate_in_file(job, &columns, name, first, second);
    }
    if state == State::After {
        return None;
    }
    let number = in_table(sql, job, &columns).await.ok()??;
    Some(LoadError::DuplicateInTable {
        cell: Box::new(cell(job, number, &columns)?),
        table: job.target.shown(),
        constraint: name.to_owned(),
    })
}

/// The error for two records of the file with one key.
pub(super) fn duplicate_in_file(
    job: &Job,
    columns: &[&str],
    constraint: &str,
    first: u64,
    second: u64,
) -> Option<LoadError> {
    Some(LoadError::DuplicateInFile {
        cell: Box::new(cell(job, second, columns)?),
        first: job.rows.file.record(first).ok()??.line,
        table: job.target.shown(),
        constraint: constraint.to_owned(),
    })
}

/// Number of the first staged record whose `columns` another row of the table has.
async fn in_table(
    sql: &Transaction<'_>,
    job: &Job,
    columns: &[&str],
) -> Result<Option<u64>, tokio_postgres::Error> {
    let equal = |columns: &[&str]| {
        let pairs = columns.iter().map(|name| {
            let name = quote_identifier(name);
            format!("s.{name} = t.{name}")
        });
        pairs.collect::<Vec<_>>().join(" AND ")
    };
    let mut condition = equal(columns);
    // An upsert may keep the value in the row that it updates.
    let key: Vec<&str> = job.target.key.iter().map(String::as_str).collect();
    if job.upserts && stage::missing_key(&job.target, &job.rows).is_none() {
        condition += &format!(" AND NOT ({})", equal(&key));
    }
    let found =
        format!("SELECT min(s.{NUMBER}) FROM {STAGE} s JOIN {} t ON {condition}", job.target.sql());
    let number: Option<i64> = sql.query_one(&found, &[]).await?.get(0);
    Ok(number.map(stage::record_number))
}

/// A reference to a row that is not there.
async fn reference(sql: &Transaction<'_>, job: &Job, db: &DbError) -> Option<LoadError> {
    let name = db.constraint()?;
    let key = catalog::foreign_key(sql, job.target.oid, name).await.ok()??;
    let columns = loaded(job, &key)?;
    let (schema, table, their) = key.referenced.as_ref()?;
    stage::fill(sql, &job.target, &job.rows, &mut ()).await.ok()?;
    let list = |join: &str, condition: &dyn Fn(&str, &str) -> String| {
        let pairs = columns.iter().zip(their);
        let pairs = pairs
            .map(|(ours, theirs)| condition(&quote_identifier(ours), &quote_identifier(theirs)));
        pairs.collect::<Vec<_>>().join(join)
    };
    let mut condition = list(" AND ", &|ours, _| format!("s.{ours} IS NOT NULL"));
    let equal = list(" AND ", &|ours, theirs| format!("r.{theirs} = s.{ours}"));
    let parent = quote_table(schema, table);
    condition += &format!(" AND NOT EXISTS (SELECT FROM {parent} r WHERE {equal})");
    let to_itself = *schema == job.target.schema && *table == job.target.name;
    if to_itself && their.iter().all(|column| job.rows.columns().any(|name| name == column)) {
        condition += &format!(" AND NOT EXISTS (SELECT FROM {STAGE} r WHERE {equal})");
    }
    let found = format!("SELECT min({NUMBER}), count(*) FROM {STAGE} s WHERE {condition}");
    let row = sql.query_one(&found, &[]).await.ok()?;
    let number = row.get::<_, Option<i64>>(0).map(stage::record_number)?;
    Some(LoadError::NoReference {
        cell: Box::new(cell(job, number, &columns)?),
        referenced: format!("{} of {schema}.{table}", their.join(", ")),
        constraint: name.to_owned(),
        more: stage::record_number(row.get(1)).saturating_sub(1),
    })
}

/// The columns of a constraint, when the file has them all.
fn loaded<'a>(job: &Job, constraint: &'a Constraint) -> Option<Vec<&'a str>> {
    let has = |column: &&str| job.rows.columns().any(|name| name == *column);
    let columns: Vec<&str> = constraint.columns.iter().map(String::as_str).collect();
    (!columns.is_empty() && columns.iter().all(has)).then_some(columns)
}

/// NULL in a column that the file does not have.
fn missing_column(job: &Job, db: &DbError) -> Option<LoadError> {
    let column = db.column()?;
    if job.rows.columns().any(|name| name == column) {
        return None;
    }
    let number = context_of(job, db).and_then(copied_row).unwrap_or(1);
    let line = match job.rows.file.record(number).ok()? {
        Some(record) => record.line,
        None => job.rows.file.header_line,
    };
    Some(LoadError::MissingColumn {
        at: job.rows.file.at(line),
        table: job.target.shown(),
        column: column.to_owned(),
        expected: job.target.column(column)?.sql_type.clone(),
    })
}

/// Everything else: the record that COPY names, and its column when that is known.
async fn refused(sql: &Transaction<'_>, job: &Job, db: &DbError) -> Option<LoadError> {
    let number = context_of(job, db).and_then(copied_row)?;
    let mut source = Box::new(ServerError::from(db));
    // The user knows nothing of a staging table, and has no use for the rest of the row.
    source.message =
        source.message.replace("\"minicdc_stage\"", &quote_identifier(&job.target.name));
    source.detail = source.detail.take().filter(|_| !is_of_constraint(db));
    let column = refused_column(sql, job, db).await;
    if let Some(cell) = column.and_then(|column| cell(job, number, &[column.as_str()])) {
        return Some(LoadError::Value { cell: Box::new(cell), source });
    }
    let record = job.rows.file.record(number).ok()??;
    let (at, table) = (job.rows.file.at(record.line), job.target.shown());
    Some(LoadError::Row { at, table, source })
}

/// NOT NULL or CHECK, whose detail is the whole row.
fn is_of_constraint(db: &DbError) -> bool {
    [SqlState::NOT_NULL_VIOLATION, SqlState::CHECK_VIOLATION].contains(db.code())
}

/// The one column of the file that an error is about: named by COPY, by the error itself, or by
/// the CHECK constraint that it violates.
async fn refused_column(sql: &Transaction<'_>, job: &Job, db: &DbError) -> Option<String> {
    let loaded: Vec<&str> = job.rows.columns().collect();
    if let Some(column) = context_of(job, db).and_then(|text| copied_column(text, &loaded)) {
        return Some(column.to_owned());
    }
    if let Some(column) = db.column() {
        return loaded.contains(&column).then(|| column.to_owned());
    }
    let row = sql
        .query_opt(
            "SELECT a.attname::text FROM pg_constraint k
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
             WHERE k.conrelid = $1 AND k.conname = $2 AND k.contype = 'c' AND cardinality(k.conkey) = 1",
            &[&job.target.oid, &db.constraint()?],
        )
        .await
        .ok()??;
    let column: String = row.get(0);
    loaded.contains(&column.as_str()).then_some(column)
}

/// What stands in `columns` of a record, from the file itself: PostgreSQL cuts long values.
fn cell(job: &Job, number: u64, columns: &[&str]) -> Option<CellPlace> {
    let record: Record = job.rows.file.record(number).ok()??;
    let mut values = Vec::with_capacity(columns.len());
    let mut types = Vec::with_capacity(columns.len());
    for column in columns {
        let index = job.rows.file.header.iter().position(|name| name == column)?;
        let text = job.rows.cell(&record, index);
        values.push(text.map(|text| String::from_utf8_lossy(text).into_owned()));
        types.push(job.rows.types.get(index)?.as_str());
    }
    let value = match values.as_slice() {
        [None] => None,
        _ => Some(values.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(", ")),
    };
    Some(CellPlace {
        at: job.rows.file.at(record.line),
        column: columns.join(", "),
        expected: types.join(", "),
        value,
    })
}

fn context_of<'a>(job: &Job, db: &'a DbError) -> Option<&'a str> {
    copy_context(db.where_()?, &job.target.name)
}

/// What COPY wrote into an error's context, behind its table's name: `line 3, column c: "x"`.
///
/// Only `COPY`, the names and the number are the same in every `lc_messages`.
fn copy_context<'a>(context: &'a str, table: &str) -> Option<&'a str> {
    let behind = |line: &'a str| {
        let line = line.strip_prefix("COPY ")?;
        let line = line.strip_prefix(table).or_else(|| line.strip_prefix("minicdc_stage"))?;
        line.strip_prefix(", ")
    };
    context.lines().find_map(behind)
}

/// Number of the row in `line 3, column c: "x"`.
fn copied_row(context: &str) -> Option<u64> {
    let number = context.get(context.find(|c: char| c.is_ascii_digit())?..)?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number.get(..end)?.parse().ok()
}

/// The column in `line 3, column c: "x"`, of those there are.
fn copied_column<'a>(context: &str, columns: &[&'a str]) -> Option<&'a str> {
    // The value may look like a column too, and one name may end like another: the earliest wins.
    let place = |column: &&'a str| Some((context.find(&format!(" {column}: "))?, *column));
    columns.iter().filter_map(place).min_by_key(|(at, _)| *at).map(|(_, column)| column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_context_gives_row_and_column() {
        let columns = ["id", "unit price", "price"];
        #[rustfmt::skip] // one case a line
        let cases = [
            ("COPY orders, line 3, column price: \"a, id: b\"", Some(3), Some("price")),
            ("COPY orders, line 12, column unit price: \"x\"", Some(12), Some("unit price")),
            ("COPY orders, line 7", Some(7), None),
            ("COPY minicdc_stage, line 4: \"1\t2\"", Some(4), None),
            ("COPY orders, Zeile 9, Spalte id: »x«", Some(9), Some("id")),
            ("PL/pgSQL function f() line 3 at RAISE\nCOPY orders, line 5", Some(5), None),
        ];
        for (context, row, column) in cases {
            let behind = copy_context(context, "orders").unwrap();
            assert_eq!(copied_row(behind), row, "{context}");
            assert_eq!(copied_column(behind, &columns), column, "{context}");
        }
        assert_eq!(copy_context("COPY a, 1, line 3", "a, 1"), Some("line 3"));
        assert_eq!(copy_context("SQL statement", "orders"), None);
    }
}
