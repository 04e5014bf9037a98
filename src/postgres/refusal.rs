//! Logins that the server refuses, sorted by what helps.

use super::quote::quote_identifier;
use super::{PostgresError, ServerError};
use crate::config::DatabaseConfig;

/// The server was reached and did not let us in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The server wants a password and none is configured.
    #[error("PostgreSQL asks for the password of role \"{user}\" and none is set")]
    PasswordMissing {
        /// The role.
        user: String,
    },
    /// 28P01.
    #[error("wrong password for role \"{user}\"")]
    WrongPassword {
        /// The role.
        user: String,
    },
    /// 28000 for want of a line in `pg_hba.conf`.
    #[error("PostgreSQL does not let role \"{user}\" in from here")]
    NoHbaEntry {
        /// The role.
        user: String,
        /// The database, or `replication`.
        database: String,
        /// The server's words, with the address it saw.
        #[source]
        error: Box<ServerError>,
    },
    /// 28000 for a role that does not exist.
    #[error("role \"{user}\" does not exist")]
    NoSuchRole {
        /// The role.
        user: String,
    },
    /// 28000 for another reason, such as NOLOGIN or peer authentication.
    #[error("PostgreSQL refuses the login of role \"{user}\"")]
    Refused {
        /// The role.
        user: String,
        /// The server's words.
        #[source]
        error: Box<ServerError>,
    },
    /// 3D000.
    #[error("database \"{database}\" does not exist")]
    NoSuchDatabase {
        /// The database.
        database: String,
    },
    /// 53300.
    #[error("PostgreSQL has no free connection")]
    TooManyConnections {
        /// The server's words.
        #[source]
        error: Box<ServerError>,
    },
    /// 53300 of a replication connection.
    #[error("PostgreSQL has no free walsender")]
    TooManySenders {
        /// The server's words.
        #[source]
        error: Box<ServerError>,
    },
    /// 42501 of a replication connection.
    #[error("role \"{user}\" may not replicate")]
    NoReplication {
        /// The role.
        user: String,
    },
    /// The server asks for Kerberos, SSPI or another method that we do not have.
    #[error("PostgreSQL asks for a method of authentication that minicdc does not have")]
    Method,
    /// The server could not prove that it knows the password either.
    #[error("the SCRAM exchange with PostgreSQL failed: {reason}")]
    Scram {
        /// What went wrong.
        reason: String,
    },
}

impl LoginError {
    /// True when waiting can help.
    pub(super) const fn is_transient(&self) -> bool {
        matches!(self, Self::TooManyConnections { .. } | Self::TooManySenders { .. })
    }

    /// True when another entry of `pg_hba.conf`, such as the one without TLS, may fit.
    pub(super) const fn is_about_hba(&self) -> bool {
        matches!(self, Self::NoHbaEntry { .. })
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PasswordMissing { .. } => {
                "set PGPASSWORD, or database.password in the settings file".to_owned()
            }
            Self::WrongPassword { user } => format!(
                "check the password and that the role exists; a new one is set with ALTER ROLE {} \
                 PASSWORD '…'",
                quote_identifier(user)
            ),
            Self::NoHbaEntry { user, database, .. } => format!(
                "add a line to pg_hba.conf (SHOW hba_file), such as: host {database} {user} \
                 <address>/32 scram-sha-256; then SELECT pg_reload_conf()"
            ),
            Self::NoSuchRole { user } | Self::Refused { user, .. } => format!(
                "make the role with CREATE ROLE {} LOGIN REPLICATION PASSWORD '…', or name another \
                 with --set database.user=…",
                quote_identifier(user)
            ),
            Self::NoSuchDatabase { database } => format!(
                "make it with CREATE DATABASE {}, or name another with --database-url or \
                 --set database.dbname=…; psql -l lists them",
                quote_identifier(database)
            ),
            Self::TooManyConnections { .. } => {
                "end some sessions (SELECT pid, application_name, state FROM pg_stat_activity) or \
                 raise the limit: ALTER SYSTEM SET max_connections = 200, then restart the server"
                    .to_owned()
            }
            Self::TooManySenders { .. } => {
                "end one of SELECT pid, application_name FROM pg_stat_replication, or raise the \
                 limit: ALTER SYSTEM SET max_wal_senders = 20, then restart the server"
                    .to_owned()
            }
            Self::NoReplication { user } => grant_replication(user),
            Self::Method => {
                "let the role in by scram-sha-256, md5 or a client certificate in pg_hba.conf"
                    .to_owned()
            }
            Self::Scram { .. } => {
                "check the password, and that nobody stands between us and the server".to_owned()
            }
        };
        Some(hint)
    }
}

/// The statement that gives a role the right to replicate.
pub(super) fn grant_replication(user: &str) -> String {
    let user = quote_identifier(user);
    format!(
        "as a superuser: ALTER ROLE {user} REPLICATION (on Amazon RDS: GRANT rds_replication TO \
         {user})"
    )
}

/// Sorts the server's refusal of a login.
pub(super) fn login_error(config: &DatabaseConfig, error: ServerError) -> PostgresError {
    let user = config.user.clone();
    let error = Box::new(error);
    // Apart from SQLSTATE only names are looked at that no translation of the message changes,
    // except for the missing role, which otherwise shows as refused with the server's words.
    let login = match error.sqlstate.as_str() {
        "28P01" => LoginError::WrongPassword { user },
        "28000" if error.message.contains("pg_hba.conf") => {
            LoginError::NoHbaEntry { user, database: config.dbname.clone(), error }
        }
        "28000" if error.message.contains("does not exist") => LoginError::NoSuchRole { user },
        "28000" => LoginError::Refused { user, error },
        "3D000" => LoginError::NoSuchDatabase { database: config.dbname.clone() },
        "53300" if error.message.contains("max_wal_senders") => {
            LoginError::TooManySenders { error }
        }
        "53300" => LoginError::TooManyConnections { error },
        "42501" => LoginError::NoReplication { user },
        _ => return PostgresError::from_server("log in", *error),
    };
    login.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_sorted_by_cause() {
        let config = DatabaseConfig::default();
        let refused = |sqlstate: &str, message: &str| {
            let error = ServerError {
                sqlstate: sqlstate.to_owned(),
                message: message.to_owned(),
                detail: None,
                hint: None,
            };
            login_error(&config, error)
        };
        assert!(matches!(
            refused("28P01", "password authentication failed for user \"postgres\""),
            PostgresError::Login(LoginError::WrongPassword { .. })
        ));
        assert!(matches!(
            refused("28000", "kein pg_hba.conf-Eintrag für Host »::1«"),
            PostgresError::Login(LoginError::NoHbaEntry { .. })
        ));
        assert!(matches!(
            refused("28000", "role \"postgres\" is not permitted to log in"),
            PostgresError::Login(LoginError::Refused { .. })
        ));
        let starting = refused("57P03", "the database system is starting up");
        assert!(matches!(starting, PostgresError::Unavailable { .. }) && starting.is_transient());
        assert!(refused("53300", "sorry, too many clients already").is_transient());
        assert!(!refused("28P01", "").is_transient());
    }
}
