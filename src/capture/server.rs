//! What a stream has to know of the server before it begins.

use crate::error::Error;
use crate::lsn::Lsn;
use crate::pgoutput::Protocol;
use crate::postgres::PostgresError;
use std::time::Duration;
use tokio_postgres::Client;

/// What of the server's settings shapes the stream.
pub(super) struct ServerFacts {
    /// `wal_sender_timeout`; `None` when it is switched off.
    pub(super) timeout: Option<Duration>,
    /// True when `pgoutput` knows logical messages, from PostgreSQL 14.
    pub(super) sends_messages: bool,
    /// What `pgoutput` speaks.
    pub(super) protocol: Protocol,
}

impl ServerFacts {
    pub(super) async fn read(client: &Client) -> Result<Self, Error> {
        const QUERY: &str = "SELECT setting::int8, \
            pg_catalog.current_setting('server_version_num')::int4 \
            FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'";
        let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
        let (milliseconds, version): (i64, i32) = (row.get(0), row.get(1));
        Ok(Self {
            timeout: u64::try_from(milliseconds)
                .ok()
                .filter(|ms| *ms > 0)
                .map(Duration::from_millis),
            sends_messages: version >= 140_000,
            protocol: Protocol::of_server(version),
        })
    }
}

/// The end of everything that is committed now, flushed or not: with `synchronous_commit` off,
/// commits are visible before the walsender may send them.
pub(super) async fn current_end(client: &Client) -> Result<Lsn, Error> {
    const QUERY: &str = "SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() \
        THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_insert_lsn() END \
        - '0/0'::pg_lsn)::text, current_setting('wal_block_size')::int8";
    let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
    let (position, block): (String, i64) = (row.get(0), row.get(1));
    let position = position.parse().map_err(|_| PostgresError::Protocol {
        detail: format!("\"{position}\" is no position in the WAL"),
    })?;
    Ok(end_of_last_record(position, u64::try_from(block).unwrap_or_default()))
}

/// How far the WAL is on disk (on a standby: replayed), and so may be sent.
pub(super) async fn flushed_end(client: &Client) -> Result<Lsn, Error> {
    const QUERY: &str = "SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() \
        THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_flush_lsn() END)::text";
    let row = client.query_one(QUERY, &[]).await.map_err(PostgresError::from)?;
    let text: String = row.get(0);
    let no_lsn = |_| PostgresError::Protocol { detail: format!("\"{text}\" is no LSN") };
    Ok(text.parse().map_err(no_lsn)?)
}

/// Where the next record would begin, as where the last one ended: at the start of a block the two
/// differ by the block's header, and nothing on an idle server ever passes that.
fn end_of_last_record(position: u64, block: u64) -> Lsn {
    const HEADER_BYTES_MAX: u64 = 40;
    let into_block = position.checked_rem(block).unwrap_or_default();
    Lsn::new(if into_block <= HEADER_BYTES_MAX { position - into_block } else { position })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_behind_a_block_header_is_the_end_of_the_block_before() {
        let end = |position| end_of_last_record(position, 8192);
        assert_eq!(end(3 * 8192), Lsn::new(3 * 8192));
        assert_eq!(end(3 * 8192 + 24), Lsn::new(3 * 8192));
        assert_eq!(end(3 * 8192 + 40), Lsn::new(3 * 8192));
        assert_eq!(end(3 * 8192 + 48), Lsn::new(3 * 8192 + 48));
        assert_eq!(end_of_last_record(77, 0), Lsn::new(77));
    }
}
