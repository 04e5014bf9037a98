//! Whose turn it is on a slot.
//!
//! A walsender that streams holds its slot, and that is the lock that counts. A slot is not held
//! while its first snapshot is read, nor between the look at it and START_REPLICATION: an advisory
//! lock of the session that starts covers these, so that of several processes one goes ahead.

use super::PostgresError;
use super::slot::{Holder, Slot, holder_at};
use tokio_postgres::Client;

/// First key of our advisory locks, `mcdc` in ASCII; the second is a hash of the slot's name.
const LOCK_CLASS: i32 = 0x6d63_6463;

/// What [`claim_slot`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The slot, if there is one, is free, and this session is the one to use it.
    Ours(Option<Slot>),
    /// Another process streams from it, or is about to.
    Taken(Holder),
}

/// Takes the turn on a slot, for as long as the session lives or until [`release_slot`].
///
/// # Errors
///
/// [`SlotError::InvalidName`](super::SlotError::InvalidName), or [`PostgresError`] when a query
/// fails.
pub async fn claim_slot(client: &Client, slot: &str) -> Result<Claim, PostgresError> {
    if let Some(holder) = holder_of(Slot::find(client, slot).await?) {
        return Ok(Claim::Taken(holder));
    }
    const LOCK: &str = "SELECT pg_catalog.pg_try_advisory_lock($1, pg_catalog.hashtext($2))";
    let row = client
        .query_one(LOCK, &[&LOCK_CLASS, &slot])
        .await
        .map_err(PostgresError::doing("take the turn on the replication slot"))?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(Claim::Taken(lock_holder(client, slot).await?));
    }
    // Whoever had the turn before may have begun to stream since we looked.
    let found = Slot::find(client, slot).await?;
    match holder_of(found.clone()) {
        Some(holder) => {
            release_slot(client, slot).await?;
            Ok(Claim::Taken(holder))
        }
        None => Ok(Claim::Ours(found)),
    }
}

/// Gives the turn back: the slot is streamed from, and that says it to everyone.
///
/// # Errors
///
/// [`PostgresError`] when the query fails.
pub async fn release_slot(client: &Client, slot: &str) -> Result<(), PostgresError> {
    const UNLOCK: &str = "SELECT pg_catalog.pg_advisory_unlock($1, pg_catalog.hashtext($2))";
    client
        .execute(UNLOCK, &[&LOCK_CLASS, &slot])
        .await
        .map(drop)
        .map_err(PostgresError::doing("give the turn on the replication slot back"))
}

fn holder_of(slot: Option<Slot>) -> Option<Holder> {
    slot.and_then(|slot| slot.holder)
}

/// Who has the lock; nobody that can be named when it was given back meanwhile.
async fn lock_holder(client: &Client, slot: &str) -> Result<Holder, PostgresError> {
    const HOLDER: &str = "\
        SELECT l.pid, a.application_name, host(a.client_addr), \
               to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' \
        FROM pg_catalog.pg_locks l \
        LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
        JOIN pg_catalog.pg_database d ON d.oid = l.database \
        WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database() \
          AND l.classid::int8 = $1::int4 AND l.objsubid = 2 \
          AND l.objid::int8 = pg_catalog.hashtext($2)::int8 & 4294967295";
    let row = client
        .query_opt(HOLDER, &[&LOCK_CLASS, &slot])
        .await
        .map_err(PostgresError::doing("look up who has the turn on the replication slot"))?;
    row.as_ref().map_or_else(|| Ok(Holder::default()), |row| holder_at(row, 0))
}
