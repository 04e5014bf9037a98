//! Where the rows of tables are: physical files, and how large they are.

use super::PostgresError;
use crate::oid::Oid;
use crate::relation::Table;
use std::collections::HashMap;
use tokio_postgres::Client;

// Partitioned tables have no rows of their own: their leaves have. The size of a file is asked of
// the file system, since what the last ANALYZE found may be long ago.
const FILES: &str = "\
WITH RECURSIVE part(root, oid) AS (
  SELECT wanted, wanted FROM unnest($1::oid[]) wanted
  UNION ALL
  SELECT p.root, i.inhrelid
    FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'p'
    JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
)
SELECT p.root, c.oid, n.nspname::text, c.relname::text,
       COALESCE(pg_catalog.pg_relation_filenode(c.oid), 0::oid),
       CASE WHEN c.relkind = 'r' AND am.amname = 'heap' AND NOT c.relhassubclass
            THEN pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int8 END,
       c.reltuples::int8,
       pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       p.root = c.oid OR (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
         AND NOT pg_catalog.row_security_active(c.oid)),
       c.reltoastrelid <> 0
  FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind <> 'p'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
 ORDER BY p.root, n.nspname, c.relname";

/// A physical file with rows of a table: the table's own, or a partition's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// Whose file it is.
    pub owner: Oid,
    /// Schema of the owner.
    pub schema: String,
    /// Name of the owner.
    pub name: String,
    /// `pg_relation_filenode`; 0 for what has no file, such as a foreign table.
    pub file: u32,
    /// Its pages; `None` for what cannot be read by ranges of pages.
    pub pages: Option<u32>,
    /// PostgreSQL's estimate of its rows; `None` when it was never analysed.
    pub rows: Option<u64>,
    /// Whether this role may lock it, which takes a privilege on the whole of it.
    pub lockable: bool,
    /// Whether this role sees every row of it when it reads the file by itself.
    pub readable: bool,
    /// Whether values of it can be stored out of line.
    pub has_toast: bool,
}

/// The files of all `tables` by the OID of their table, with one statement. A partitioned table
/// without partitions has none.
///
/// # Errors
///
/// [`PostgresError`] when the catalogue cannot be read.
pub async fn table_files(
    client: &Client,
    tables: &[&Table],
) -> Result<HashMap<Oid, Vec<TableFile>>, PostgresError> {
    let oids: Vec<u32> = tables.iter().map(|table| table.oid.0).collect();
    let rows = client
        .query(FILES, &[&oids])
        .await
        .map_err(PostgresError::doing("look up the sizes of the tables"))?;
    let mut files: HashMap<Oid, Vec<TableFile>> = HashMap::new();
    for row in rows {
        let pages: Option<i64> = row.try_get(5)?;
        files.entry(Oid(row.try_get(0)?)).or_default().push(TableFile {
            owner: Oid(row.try_get(1)?),
            schema: row.try_get(2)?,
            name: row.try_get(3)?,
            file: row.try_get(4)?,
            pages: pages.and_then(|pages| u32::try_from(pages).ok()),
            rows: u64::try_from(row.try_get::<_, i64>(6)?).ok(),
            lockable: row.try_get(7)?,
            readable: row.try_get(8)?,
            has_toast: row.try_get(9)?,
        });
    }
    Ok(files)
}
