//! The logical replication slot: the server's memory of how far we are.

use super::quote::quote_identifier;
use super::{PostgresError, ServerError};
use crate::lsn::Lsn;
use std::fmt;
use tokio_postgres::{Client, Row};

/// The output plugin we read.
const PLUGIN: &str = "pgoutput";

/// The longest name, `NAMEDATALEN - 1`.
const NAME_BYTES_MAX: usize = 63;

/// The slot cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// A name that PostgreSQL refuses.
    #[error("\"{slot}\" is no name for a replication slot")]
    InvalidName {
        /// As configured.
        slot: String,
    },
    /// There is no such slot.
    #[error("replication slot \"{slot}\" does not exist")]
    Missing {
        /// Its name.
        slot: String,
    },
    /// Someone else made it meanwhile.
    #[error("replication slot \"{slot}\" exists already")]
    Exists {
        /// Its name.
        slot: String,
    },
    /// Another process streams from it.
    #[error("replication slot \"{slot}\" is in use by {holder}")]
    InUse {
        /// Its name.
        slot: String,
        /// Who.
        holder: Holder,
    },
    /// It belongs to another output plugin.
    #[error("replication slot \"{slot}\" is for the plugin {plugin}, not {PLUGIN}")]
    OtherPlugin {
        /// Its name.
        slot: String,
        /// Its plugin.
        plugin: String,
    },
    /// It belongs to another database.
    #[error("replication slot \"{slot}\" belongs to database \"{database}\", not \"{ours}\"")]
    OtherDatabase {
        /// Its name.
        slot: String,
        /// Its database.
        database: String,
        /// The one we are connected to.
        ours: String,
    },
    /// It is for physical replication.
    #[error("replication slot \"{slot}\" is a physical one")]
    Physical {
        /// Its name.
        slot: String,
    },
    /// `max_replication_slots` is reached.
    #[error("PostgreSQL has no free replication slot")]
    NoneFree,
    /// The WAL it needs is gone, or the server gave it up for another reason.
    #[error("replication slot \"{slot}\" is lost: {reason}")]
    Lost {
        /// Its name.
        slot: String,
        /// Why, in the server's terms.
        reason: String,
    },
}

impl SlotError {
    /// True when the slot is fine and only another process has it: worth `slot.max.retries`.
    #[must_use]
    pub const fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }

    pub(super) const fn is_transient(&self) -> bool {
        self.is_in_use()
    }

    pub(super) const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::InvalidName { .. })
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InvalidName { .. } => {
                "use 1 to 63 lower-case letters, digits and underscores, such as --slot shop_1"
                    .to_owned()
            }
            Self::Missing { .. } => {
                "start without --snapshot no_data and it is made; changes since it was \
                 dropped are only found by a new snapshot"
                    .to_owned()
            }
            Self::Exists { .. } => "start again to use it, or choose another with --slot".into(),
            Self::InUse { holder, .. } => match holder.pid {
                Some(pid) => format!(
                    "stop that process (SELECT pg_terminate_backend({pid})), choose another slot \
                     with --slot, or wait for this one with --standby"
                ),
                None => {
                    "stop the process that uses it, choose another with --slot, or wait for this \
                         one with --standby"
                        .to_owned()
                }
            },
            Self::OtherPlugin { slot, .. } | Self::Physical { slot } => format!(
                "choose another slot with --slot; if nothing uses this one any more: SELECT \
                 pg_drop_replication_slot('{slot}')"
            ),
            Self::OtherDatabase { database, .. } => format!(
                "choose another slot with --slot, or connect to its database: \
                 --set database.dbname={database}"
            ),
            Self::NoneFree => {
                "drop one that nothing uses (SELECT slot_name, active, restart_lsn FROM \
                 pg_replication_slots; SELECT pg_drop_replication_slot('…')), or raise the limit: \
                 ALTER SYSTEM SET max_replication_slots = 20, then restart the server"
                    .to_owned()
            }
            Self::Lost { slot, .. } => format!(
                "changes were lost: start with --snapshot when_needed, which makes the slot anew and \
                 reads all rows (or SELECT pg_drop_replication_slot('{slot}') yourself), and give \
                 slots more room: ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'"
            ),
        };
        Some(hint)
    }
}

/// Who streams from a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The server's process for it.
    pub pid: Option<i32>,
    /// What it calls itself.
    pub application: Option<String>,
    /// Where it connects from; `None` for a unix socket.
    pub client: Option<String>,
    /// When it connected, in UTC.
    pub since: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("another process")?,
        }
        let application = self.application.as_deref().filter(|name| !name.is_empty());
        let client = self.client.as_ref().map(|client| format!("on {client}"));
        let since = self.since.as_ref().map(|since| format!("since {since}"));
        let facts: Vec<&str> =
            [application, client.as_deref(), since.as_deref()].into_iter().flatten().collect();
        if facts.is_empty() { Ok(()) } else { write!(f, " ({})", facts.join(", ")) }
    }
}

/// A slot as the catalogue shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Its output plugin; `None` for a physical slot.
    pub plugin: Option<String>,
    /// Its database; `None` for a physical slot.
    pub database: Option<String>,
    /// The WAL before this may be removed.
    pub restart_lsn: Option<Lsn>,
    /// Where the stream goes on; `None` while the slot is still being made.
    pub confirmed_flush_lsn: Option<Lsn>,
    /// `reserved`, `extended`, `unreserved` or `lost`; `None` before PostgreSQL 13.
    pub wal_status: Option<String>,
    /// Why the server gave it up; `None` before PostgreSQL 17.
    pub invalidation_reason: Option<String>,
    /// Whether standbys synchronize it; `None` before PostgreSQL 17.
    pub failover: Option<bool>,
    /// Who streams from it now.
    pub holder: Option<Holder>,
}

/// Columns that older servers lack are asked for by way of JSON, where a missing one is null.
const FIND: &str = "\
    SELECT s.slot_name::text, s.plugin::text, s.database::text, s.restart_lsn::text, \
           s.confirmed_flush_lsn::text, to_jsonb(s)->>'wal_status', \
           to_jsonb(s)->>'invalidation_reason', s.active_pid, a.application_name, \
           host(a.client_addr), \
           to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', \
           (to_jsonb(s)->>'failover')::bool \
    FROM pg_catalog.pg_replication_slots s \
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid \
    WHERE s.slot_name = $1::text::name";

impl Slot {
    /// Looks a slot up by its name.
    ///
    /// # Errors
    ///
    /// [`SlotError::InvalidName`], or [`PostgresError`] when the query fails.
    pub async fn find(client: &Client, slot: &str) -> Result<Option<Self>, PostgresError> {
        check_name(slot)?;
        let what = format!("look up replication slot {}", quote_identifier(slot));
        let row = client.query_opt(FIND, &[&slot]).await.map_err(PostgresError::doing(what))?;
        row.as_ref().map(Self::from_row).transpose()
    }

    fn from_row(row: &Row) -> Result<Self, PostgresError> {
        let lsn = |at: usize| -> Result<Option<Lsn>, PostgresError> {
            let text: Option<&str> = row.try_get(at)?;
            text.map(str::parse).transpose().map_err(|error: crate::lsn::ParseLsnError| {
                PostgresError::protocol(error.to_string())
            })
        };
        let holder = holder_at(row, 7)?;
        Ok(Self {
            name: row.try_get(0)?,
            plugin: row.try_get(1)?,
            database: row.try_get(2)?,
            restart_lsn: lsn(3)?,
            confirmed_flush_lsn: lsn(4)?,
            wal_status: row.try_get(5)?,
            invalidation_reason: row.try_get(6)?,
            failover: row.try_get(11)?,
            holder: holder.pid.is_some().then_some(holder),
        })
    }

    /// Checks that the slot is one for us: logical, `pgoutput`, of this database.
    ///
    /// # Errors
    ///
    /// [`SlotError`] by cause.
    pub fn check_ours(&self, database: &str) -> Result<(), SlotError> {
        let slot = self.name.clone();
        let (Some(plugin), Some(its_database)) = (&self.plugin, &self.database) else {
            return Err(SlotError::Physical { slot });
        };
        if plugin != PLUGIN {
            return Err(SlotError::OtherPlugin { slot, plugin: plugin.clone() });
        }
        if its_database != database {
            let (database, ours) = (its_database.clone(), database.to_owned());
            return Err(SlotError::OtherDatabase { slot, database, ours });
        }
        Ok(())
    }

    /// Why nothing can be read from it any more, in the server's terms; `None` when it is fine.
    #[must_use]
    pub fn lost(&self) -> Option<&str> {
        match (self.invalidation_reason.as_deref(), self.wal_status.as_deref()) {
            (Some(reason), _) => Some(reason),
            (None, Some("lost")) => Some("the WAL it needs was removed"),
            _ => None,
        }
    }

    /// Checks that no other process streams from it.
    ///
    /// # Errors
    ///
    /// [`SlotError::InUse`] names the process.
    pub fn check_free(&self) -> Result<(), SlotError> {
        match &self.holder {
            Some(holder) => {
                Err(SlotError::InUse { slot: self.name.clone(), holder: holder.clone() })
            }
            None => Ok(()),
        }
    }

    /// Moves the slot forward to `lsn`: what is before is never sent again.
    ///
    /// # Errors
    ///
    /// [`SlotError`] when it is in use, or the server's refusal when it is past `lsn` already.
    pub async fn advance(client: &Client, slot: &str, lsn: Lsn) -> Result<(), PostgresError> {
        check_name(slot)?;
        let what = format!("advance replication slot {} to {lsn}", quote_identifier(slot));
        const ADVANCE: &str =
            "SELECT pg_catalog.pg_replication_slot_advance($1::text::name, $2::text::pg_lsn)";
        let advanced = client
            .execute(ADVANCE, &[&slot, &lsn.to_string()])
            .await
            .map_err(PostgresError::doing(what));
        advanced.map(drop).map_err(|error| classify(slot, error))
    }

    /// Drops a slot.
    ///
    /// # Errors
    ///
    /// [`SlotError`]: missing or in use.
    pub async fn drop(client: &Client, slot: &str) -> Result<(), PostgresError> {
        check_name(slot)?;
        let what = format!("drop replication slot {}", quote_identifier(slot));
        let dropped = client
            .execute("SELECT pg_catalog.pg_drop_replication_slot($1::text::name)", &[&slot])
            .await
            .map_err(PostgresError::doing(what));
        dropped.map(drop).map_err(|error| classify(slot, error))
    }
}

/// Transactions that have written and are still open, the oldest first; `since` is when they began.
/// The making of a slot waits for them.
///
/// # Errors
///
/// [`PostgresError`] when the query fails.
pub async fn open_writers(client: &Client) -> Result<Vec<Holder>, PostgresError> {
    let rows = client
        .query(OPEN_WRITERS, &[])
        .await
        .map_err(PostgresError::doing("list the open transactions"))?;
    rows.iter().map(|row| holder_at(row, 0)).collect()
}

/// A holder from four columns of a row, the first of them at `at`.
pub(super) fn holder_at(row: &Row, at: usize) -> Result<Holder, PostgresError> {
    Ok(Holder {
        pid: row.try_get(at)?,
        application: row.try_get(at + 1)?,
        client: row.try_get(at + 2)?,
        since: row.try_get(at + 3)?,
    })
}

/// Prepared transactions have no process any more; their name stands in for the application's.
const OPEN_WRITERS: &str = "\
    SELECT pid, application_name, client, \
           to_char(began AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' \
    FROM (SELECT pid, application_name, host(client_addr) AS client, xact_start AS began \
          FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL \
          UNION ALL \
          SELECT NULL, 'prepared transaction ' || gid, NULL, prepared \
          FROM pg_catalog.pg_prepared_xacts) w \
    ORDER BY began";

/// Checks a slot's name by the server's rule.
///
/// # Errors
///
/// [`SlotError::InvalidName`].
pub(super) fn check_name(slot: &str) -> Result<(), SlotError> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if slot.is_empty() || slot.len() > NAME_BYTES_MAX || !slot.bytes().all(valid) {
        return Err(SlotError::InvalidName { slot: slot.to_owned() });
    }
    Ok(())
}

/// Turns the server's refusal of a command on a slot into its cause.
pub(super) fn classify(slot: &str, error: PostgresError) -> PostgresError {
    let PostgresError::Statement { error: server, .. } = &error else { return error };
    let slot = slot.to_owned();
    match server.sqlstate.as_str() {
        "55006" => {
            let holder = Holder { pid: pid_in(server), ..Holder::default() };
            SlotError::InUse { slot, holder }.into()
        }
        "42704" if server.message.contains(&slot) => SlotError::Missing { slot }.into(),
        "42710" => SlotError::Exists { slot }.into(),
        "53400" => SlotError::NoneFree.into(),
        // Of all that a slot can be in the wrong state for, these are the words for a lost one, in
        // PostgreSQL 13 to 15 and from 16 on.
        "55000" if LOST_WORDS.iter().any(|words| server.message.contains(words)) => {
            let reason = server.detail.clone().unwrap_or_else(|| server.message.clone());
            SlotError::Lost { slot, reason }.into()
        }
        _ => error,
    }
}

const LOST_WORDS: [&str; 2] = ["cannot read from logical replication slot", "can no longer"];

/// The process in `replication slot "shop" is active for PID 4711`.
fn pid_in(error: &ServerError) -> Option<i32> {
    error.message.rsplit(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot {
        Slot {
            name: "shop".to_owned(),
            plugin: Some(PLUGIN.to_owned()),
            database: Some("db".to_owned()),
            restart_lsn: Some(Lsn::new(1)),
            confirmed_flush_lsn: Some(Lsn::new(2)),
            wal_status: Some("reserved".to_owned()),
            invalidation_reason: None,
            failover: None,
            holder: None,
        }
    }

    fn statement(sqlstate: &str, message: &str) -> PostgresError {
        let error = ServerError {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
            detail: None,
            hint: None,
        };
        PostgresError::from_server("test", error)
    }

    #[test]
    fn names_follow_the_servers_rule() {
        for name in ["a", "shop_1", &"x".repeat(63)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "Shop", "a-b", "a b", "ä", "a'b", &"x".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn slot_is_usable_only_when_it_is_ours() {
        assert!(slot().check_ours("db").is_ok());
        assert_eq!(slot().lost(), None);
        assert!(matches!(
            slot().check_ours("other"),
            Err(SlotError::OtherDatabase { database, .. }) if database == "db"
        ));
        let physical = Slot { plugin: None, database: None, ..slot() };
        assert!(matches!(physical.check_ours("db"), Err(SlotError::Physical { .. })));
        let lost = Slot { wal_status: Some("lost".to_owned()), ..slot() };
        assert_eq!(lost.lost(), Some("the WAL it needs was removed"));
        let removed = Slot { invalidation_reason: Some("wal_removed".to_owned()), ..slot() };
        assert_eq!(removed.lost(), Some("wal_removed"));
    }

    #[test]
    fn holder_is_named_with_what_is_known() {
        let mut holder = Holder { pid: Some(4711), ..Holder::default() };
        assert_eq!(holder.to_string(), "process 4711");
        holder.application = Some("minicdc".to_owned());
        holder.client = Some("127.0.0.1".to_owned());
        holder.since = Some("2026-01-01 12:01:00 UTC".to_owned());
        assert_eq!(
            holder.to_string(),
            "process 4711 (minicdc, on 127.0.0.1, since 2026-01-01 12:01:00 UTC)"
        );
    }

    #[test]
    fn refusals_become_causes() {
        let active = "replication slot \"shop2\" is active for PID 4711";
        assert!(matches!(
            classify("shop2", statement("55006", active)),
            PostgresError::Slot(SlotError::InUse { holder: Holder { pid: Some(4711), .. }, .. })
        ));
        let gone = "replication slot \"shop\" does not exist";
        assert!(matches!(
            classify("shop", statement("42704", gone)),
            PostgresError::Slot(SlotError::Missing { .. })
        ));
        let other = classify("shop", statement("42704", "publication \"p\" does not exist"));
        assert!(matches!(other, PostgresError::Statement { .. }));
    }
}
