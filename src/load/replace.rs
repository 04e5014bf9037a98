//! `--mode replace`: empties the tables before their files are loaded.
//!
//! By DELETE, not TRUNCATE: Debezium's connectors skip truncates by default, so a consumer of the
//! topics would keep the old rows for ever; and TRUNCATE is refused for every table that another
//! one refers to, even by no row. Children go before their parents.

use crate::load::catalog::{self, ForeignKey, Target, doing, refused};
use crate::load::error::LoadError;
use crate::postgres::quote_table;
use tokio_postgres::Transaction;

/// Deletes all rows of `target`; how many there were.
///
/// # Errors
///
/// [`LoadError::ReplaceSpreads`] when a table outside the load has rows that ON DELETE would remove
/// or change: that is not what a load of this table's file may do.
pub(super) async fn empty(
    sql: &Transaction<'_>,
    target: &Target,
    references: &[ForeignKey],
    loaded: &[u32],
) -> Result<u64, LoadError> {
    let outside = |key: &&ForeignKey| key.parent == target.oid && !loaded.contains(&key.child);
    for key in references.iter().filter(outside) {
        let Some(action) = key.spreads else { continue };
        let child = quote_table(&key.child_schema, &key.child_name);
        let other = format!("{}.{}", key.child_schema, key.child_name);
        let found = format!("SELECT EXISTS (SELECT FROM {child})");
        let row = sql.query_one(&found, &[]).await.map_err(doing(format!("read {other}")))?;
        if row.get(0) {
            return Err(LoadError::ReplaceSpreads {
                table: target.shown(),
                other,
                constraint: key.name.clone(),
                action,
            });
        }
    }
    let failed = || {
        let table = target.shown();
        refused(format!("empty table {table}"), |source| LoadError::Replace { table, source })
    };
    // Others may read on; what they would write now could neither be deleted nor kept.
    sql.batch_execute(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", target.sql()))
        .await
        .map_err(failed())?;
    if catalog::is_empty(sql, target).await.map_err(failed())? {
        return Ok(0);
    }
    sql.execute(&format!("DELETE FROM {}", target.sql()), &[]).await.map_err(failed())
}
