//! The transaction that holds the snapshot, and the statements by which readers see the same state.

use super::plan::Chunk;
use crate::capture::CaptureError;
use crate::config::SnapshotConfig;
use crate::config::SnapshotIsolation;
use crate::error::Error;
use crate::postgres::PostgresError;
use crate::postgres::quote_identifier;
use crate::postgres::quote_table;
use crate::relation::Table;
use tokio_postgres::Client;

/// An open transaction. It takes no locks unless `snapshot.locking.mode` asks for them, so that a
/// snapshot of thousands of tables does not run out of them, and DDL is not held up for hours: a
/// reader holds a table for one chunk, and notices when the table was rewritten before the next.
pub(super) struct Anchor {
    /// The exported snapshot; none where each statement sees the state of its own time.
    pub(super) snapshot: Option<String>,
    /// Transaction id, for the source block; none on a standby.
    pub(super) tx_id: Option<u64>,
    /// When it began, Unix microseconds.
    pub(super) ts_us: i64,
    /// The oldest transaction that it may not see.
    pub(super) xmin: u64,
    /// `server_version_num`.
    pub(super) server_version: u32,
}

impl Anchor {
    /// Opens it: under the snapshot that the making of the slot has exported, else under one of its
    /// own by `snapshot.isolation.mode`.
    pub(super) async fn open(
        client: &Client,
        exported: Option<&str>,
        config: &SnapshotConfig,
        tables: &[&Table],
    ) -> Result<Self, Error> {
        let (in_recovery, server_version) = server(client).await?;
        let shares = exported.is_some()
            || matches!(
                config.isolation,
                SnapshotIsolation::Serializable | SnapshotIsolation::RepeatableRead
            );
        // A standby has no serializable transactions.
        let waits_for_a_safe_one = exported.is_none()
            && config.isolation == SnapshotIsolation::Serializable
            && !in_recovery;
        let mut sql = match (shares, waits_for_a_safe_one) {
            (true, true) => "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;".to_owned(),
            (true, false) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;".to_owned(),
            (false, _) => "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;".to_owned(),
        };
        if let Some(name) = exported {
            sql.push_str(&adopt(name));
        }
        sql.push_str(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;",
        );
        client
            .batch_execute(&sql)
            .await
            .map_err(PostgresError::doing("open the snapshot's transaction"))?;
        if let Some(timeout) = config.lock_timeout_ms {
            lock_all(client, tables, timeout).await?;
        }
        Self::facts(client, shares, server_version).await
    }

    async fn facts(client: &Client, shares: bool, server_version: u32) -> Result<Self, Error> {
        const QUERY: &str = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL \
            ELSE pg_catalog.txid_current() END, \
            (EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000)::int8, \
            pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())";
        const EXPORT: &str = "SELECT pg_catalog.pg_export_snapshot()";
        let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
        let tx_id: Option<i64> = row.get(0);
        let snapshot = match shares {
            true => {
                let row = client
                    .query_one(EXPORT, &[])
                    .await
                    .map_err(PostgresError::doing("export the snapshot to its readers"))?;
                Some(row.get(0))
            }
            false => None,
        };
        Ok(Self {
            snapshot,
            tx_id: tx_id.and_then(|id| u64::try_from(id).ok()),
            ts_us: row.get(1),
            xmin: u64::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
            server_version,
        })
    }

    /// The batch by which a reader reads a chunk: in a transaction of its own, whose end gives its
    /// locks back. `select` is what it reads.
    pub(super) fn batch(&self, chunk: &Chunk, select: &str) -> String {
        let mut sql = match &self.snapshot {
            Some(name) => {
                format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{}", adopt(name))
            }
            None => "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;".to_owned(),
        };
        if chunk.file.is_some() && !chunk.is_whole_file() {
            let name = quote_table(&chunk.schema, &chunk.name);
            sql.push_str(&format!(
                "LOCK TABLE ONLY {name} IN ACCESS SHARE MODE;\
                 SELECT pg_catalog.pg_relation_filenode({}::oid);",
                chunk.owner
            ));
        }
        sql.push_str(&format!("COPY ({select}) TO STDOUT;COMMIT"));
        sql
    }
}

/// What holds for all of a reader's statements: a long snapshot must not fall to limits that are
/// meant for ordinary sessions, and rows that policies hide must be an error, not missing.
pub(super) const READER_SETTINGS: &str = "\
    SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0; \
    SET row_security = off";

fn adopt(snapshot: &str) -> String {
    format!("SET TRANSACTION SNAPSHOT '{}';", snapshot.replace('\'', "''"))
}

async fn lock_all(client: &Client, tables: &[&Table], timeout_ms: u64) -> Result<(), Error> {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> =
        tables.iter().map(|table| quote_table(&table.schema, &table.name)).collect();
    let sql = format!(
        "SET LOCAL lock_timeout = {timeout_ms}; LOCK TABLE {} IN ACCESS SHARE MODE; \
         SET LOCAL lock_timeout = 0",
        names.join(", ")
    );
    let locked = client.batch_execute(&sql).await;
    match locked.map_err(PostgresError::doing("lock the tables of the snapshot")) {
        Err(PostgresError::Statement { error, .. }) if error.sqlstate == LOCK_NOT_AVAILABLE => {
            Err(CaptureError::NotLocked { source: error }.into())
        }
        outcome => Ok(outcome?),
    }
}

async fn server(client: &Client) -> Result<(bool, u32), Error> {
    const QUERY: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
        pg_catalog.current_setting('server_version_num')::int4";
    let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
    Ok((row.get(0), u32::try_from(row.get::<_, i32>(1)).unwrap_or_default()))
}

/// The SELECT of a chunk of a table as it is.
pub(super) fn select_of_chunk(table: &Table, chunk: &Chunk) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|column| quote_identifier(&column.name)).collect();
    let name = quote_table(&chunk.schema, &chunk.name);
    // Partitioned tables, and tables that others inherit from, are read with what is below them.
    let only = if chunk.file.is_some() { "ONLY " } else { "" };
    let mut select = format!("SELECT {} FROM {only}{name}", columns.join(", "));
    let mut separator = " WHERE ";
    let mut add = |condition: String| {
        select.push_str(separator);
        select.push_str(&condition);
        separator = " AND ";
    };
    if chunk.range.start() > 0 {
        add(format!("ctid >= '({},0)'::tid", chunk.range.start()));
    }
    if let Some(to) = chunk.range.end() {
        add(format!("ctid < '({to},0)'::tid"));
    }
    if let Some(xmin) = chunk.since {
        // By age, as 32 bits of a transaction id wrap around.
        add(format!("age(xmin) <= age('{}'::xid)", xmin & u64::from(u32::MAX)));
    }
    select
}

/// The SELECT of a whole table as it is.
pub(in crate::capture) fn select_of_table(table: &Table) -> String {
    let columns: Vec<String> =
        table.columns.iter().map(|column| quote_identifier(&column.name)).collect();
    format!("SELECT {} FROM {}", columns.join(", "), quote_table(&table.schema, &table.name))
}

/// Reads a table through a SELECT of the user's, which may have its columns in any order, more of
/// them, or fewer: those are NULL.
pub(in crate::capture) async fn select_of_user(
    client: &Client,
    table: &Table,
    select: &str,
) -> Result<String, Error> {
    let select = select.trim_end().trim_end_matches(';');
    let what = format!("prepare the SELECT of table {}", table.qualified_name());
    let prepared = client.prepare(select).await.map_err(PostgresError::doing(what))?;
    let has = |name: &str| prepared.columns().iter().any(|column| column.name() == name);
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| match has(&column.name) {
            true => quote_identifier(&column.name),
            false => "NULL".to_owned(),
        })
        .collect();
    // The line break ends a comment at the end of the SELECT.
    Ok(format!("SELECT {} FROM ({select}\n) AS chosen", columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::PageRange;
    use crate::oid::Oid;
    use crate::relation::ReplicaIdentity;

    fn chunk(range: PageRange, file: Option<u32>, since: Option<u64>) -> Chunk {
        let (schema, name) = ("public".to_owned(), "or\"ders".to_owned());
        Chunk { owner: Oid(77), schema, name, file, range, pages: 1, since }
    }

    fn table() -> Table {
        Table {
            oid: Oid(77),
            schema: "public".to_owned(),
            name: "or\"ders".to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            replica_identity: ReplicaIdentity::Default,
        }
    }

    fn anchor(snapshot: Option<&str>) -> Anchor {
        let snapshot = snapshot.map(str::to_owned);
        Anchor { snapshot, tx_id: None, ts_us: 0, xmin: 0, server_version: 150_000 }
    }

    #[test]
    fn select_names_the_pages_and_the_transactions() {
        let select = |chunk: Chunk| select_of_chunk(&table(), &chunk);
        assert_eq!(
            select(chunk(PageRange::ALL, None, None)),
            "SELECT  FROM \"public\".\"or\"\"ders\""
        );
        assert_eq!(
            select(chunk(PageRange::from((5, 9)), Some(3), Some((7 << 32) + 740))),
            "SELECT  FROM ONLY \"public\".\"or\"\"ders\" WHERE ctid >= '(5,0)'::tid \
             AND ctid < '(9,0)'::tid AND age(xmin) <= age('740'::xid)"
        );
    }

    #[test]
    fn chunk_of_a_file_is_locked_and_its_file_asked_for() {
        let part = chunk(PageRange::from((5, 9)), Some(3), None);
        assert_eq!(
            anchor(Some("0-'1")).batch(&part, "SELECT 1"),
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SET TRANSACTION SNAPSHOT '0-''1';\
             LOCK TABLE ONLY \"public\".\"or\"\"ders\" IN ACCESS SHARE MODE;\
             SELECT pg_catalog.pg_relation_filenode(77::oid);COPY (SELECT 1) TO STDOUT;COMMIT"
        );
        let whole = chunk(PageRange::ALL, Some(3), None);
        assert_eq!(
            anchor(None).batch(&whole, "SELECT 1"),
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;COPY (SELECT 1) TO STDOUT;COMMIT"
        );
    }
}
