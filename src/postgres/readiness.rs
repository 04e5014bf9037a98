//! Whether the server and the role are set up for logical replication.

use super::{PostgresError, SlotError, refusal::grant_replication};
use tokio_postgres::Client;

/// The oldest server that has publications.
const SERVER_VERSION_MIN: i32 = 100_000;

/// The server is not set up for logical replication.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadinessError {
    /// The server has no `pgoutput`.
    #[error("PostgreSQL {version} is too old: logical replication begins with PostgreSQL 10")]
    TooOld {
        /// `server_version`.
        version: String,
    },
    /// `wal_level` does not hold what logical decoding needs.
    #[error("wal_level is {wal_level}, and change data capture needs logical")]
    WalLevel {
        /// The setting.
        wal_level: String,
    },
    /// The role has no REPLICATION attribute, and no managed service's equivalent.
    #[error("role \"{user}\" may not replicate")]
    NoReplication {
        /// The role.
        user: String,
    },
    /// `max_wal_senders` is reached, or 0.
    #[error("all {max} walsenders of the server are in use")]
    NoFreeSender {
        /// `max_wal_senders`.
        max: i64,
    },
}

impl ReadinessError {
    pub(super) const fn is_transient(&self) -> bool {
        matches!(self, Self::NoFreeSender { max: 1.. })
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::TooOld { .. } => "upgrade the server".to_owned(),
            Self::WalLevel { .. } => {
                "as a superuser: ALTER SYSTEM SET wal_level = 'logical', then restart the server \
                 (on Amazon RDS: rds.logical_replication = 1; on Cloud SQL: \
                 cloudsql.logical_decoding = on)"
                    .to_owned()
            }
            Self::NoReplication { user } => grant_replication(user),
            Self::NoFreeSender { .. } => {
                "end one of SELECT pid, application_name FROM pg_stat_replication, or raise the \
                 limit: ALTER SYSTEM SET max_wal_senders = 20, then restart the server"
                    .to_owned()
            }
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// `server_version`, such as `15.18`.
    pub version: String,
    /// `server_version_num`, such as 150018.
    pub version_num: i32,
    /// `wal_level`.
    pub wal_level: String,
    /// The role we are.
    pub user: String,
    /// True when the role may replicate.
    pub may_replicate: bool,
    /// Replication slots that exist.
    pub slots_used: i64,
    /// `max_replication_slots`.
    pub slots_max: i64,
    /// Walsenders that run.
    pub senders_used: i64,
    /// `max_wal_senders`.
    pub senders_max: i64,
    /// True on a standby, where nothing can be made.
    pub in_recovery: bool,
}

/// Managed services give their own roles in place of the REPLICATION attribute.
const QUERY: &str = "\
    SELECT split_part(current_setting('server_version'), ' ', 1), \
           current_setting('server_version_num')::int4, current_setting('wal_level'), \
           current_user::text, \
           r.rolsuper OR r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles g \
               WHERE g.rolname IN ('rds_replication', 'rds_superuser', 'rdsadmin', \
                   'azure_pg_admin', 'cloudsqlsuperuser') \
               AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')), \
           (SELECT count(*) FROM pg_catalog.pg_replication_slots), \
           current_setting('max_replication_slots')::int8, \
           (SELECT count(*) FROM pg_catalog.pg_stat_replication), \
           current_setting('max_wal_senders')::int8, \
           pg_catalog.pg_is_in_recovery() \
    FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

impl Readiness {
    /// Asks the server.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when the query fails.
    pub async fn read(client: &Client) -> Result<Self, PostgresError> {
        let row = client
            .query_one(QUERY, &[])
            .await
            .map_err(PostgresError::doing("read the server's settings"))?;
        Ok(Self {
            version: row.try_get(0)?,
            version_num: row.try_get(1)?,
            wal_level: row.try_get(2)?,
            user: row.try_get(3)?,
            may_replicate: row.try_get(4)?,
            slots_used: row.try_get(5)?,
            slots_max: row.try_get(6)?,
            senders_used: row.try_get(7)?,
            senders_max: row.try_get(8)?,
            in_recovery: row.try_get(9)?,
        })
    }

    /// Checks everything that a capture needs; with `makes_slot` also that a slot is free.
    ///
    /// # Errors
    ///
    /// The first thing that is missing.
    pub fn require(&self, makes_slot: bool) -> Result<(), PostgresError> {
        if self.version_num < SERVER_VERSION_MIN {
            return Err(ReadinessError::TooOld { version: self.version.clone() }.into());
        }
        if self.wal_level != "logical" {
            return Err(ReadinessError::WalLevel { wal_level: self.wal_level.clone() }.into());
        }
        if !self.may_replicate {
            return Err(ReadinessError::NoReplication { user: self.user.clone() }.into());
        }
        if makes_slot && self.slots_used >= self.slots_max {
            return Err(SlotError::NoneFree.into());
        }
        if self.senders_used >= self.senders_max {
            return Err(ReadinessError::NoFreeSender { max: self.senders_max }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Readiness {
        Readiness {
            version: "15.18".to_owned(),
            version_num: 150_018,
            wal_level: "logical".to_owned(),
            user: "cdc".to_owned(),
            may_replicate: true,
            slots_used: 1,
            slots_max: 2,
            senders_used: 0,
            senders_max: 1,
            in_recovery: false,
        }
    }

    #[test]
    fn ready_server_passes() {
        ready().require(true).unwrap();
        Readiness { slots_used: 2, ..ready() }.require(false).unwrap();
    }

    #[test]
    fn each_lack_is_named_with_its_remedy() {
        let lacks = [
            (Readiness { version_num: 90_624, ..ready() }, "upgrade"),
            (Readiness { wal_level: "replica".to_owned(), ..ready() }, "wal_level = 'logical'"),
            (Readiness { may_replicate: false, ..ready() }, "ALTER ROLE \"cdc\" REPLICATION"),
            (Readiness { slots_used: 2, ..ready() }, "max_replication_slots"),
            (Readiness { senders_used: 1, ..ready() }, "max_wal_senders"),
        ];
        for (readiness, remedy) in lacks {
            let error = readiness.require(true).unwrap_err();
            assert!(error.hint().unwrap().contains(remedy), "{error}: {remedy}");
        }
    }
}
