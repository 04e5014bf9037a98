//! From an open socket to a session that takes commands: startup message, password, parameters.

use super::frames::{LOGIN_FRAME_BYTES_MAX, SESSION_FRAME_BYTES_MAX};
use super::messages::{Messages, server_error};
use super::{PostgresError, ServerError, quote::quote_identifier, socket::Opened};
use crate::config::DatabaseConfig;
use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

/// How values are to be written in every session of ours, whatever the server's defaults.
pub(super) const SESSION_SETTINGS: [(&str, &str); 5] = [
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
];

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
    #[error("PostgreSQL asks for {method} authentication, which minicdc does not have")]
    Method {
        /// Its name.
        method: String,
    },
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
            Self::Method { .. } => {
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

/// What a session knows of its server after the login.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// As `server_version_num` has it: 150018 for 15.18.
    pub(super) server_version: u32,
}

/// Logs in over an open socket, as a walsender that also takes SQL (`replication=database`).
pub(super) async fn log_in(
    config: &DatabaseConfig,
    opened: Opened,
    application_name: &str,
) -> Result<(Messages, Greeting), PostgresError> {
    let mut messages = Messages::new(opened.socket, LOGIN_FRAME_BYTES_MAX);
    let mut parameters = vec![
        ("user", config.user.as_str()),
        ("database", config.dbname.as_str()),
        ("replication", "database"),
        ("application_name", application_name),
        ("client_encoding", "UTF8"),
    ];
    parameters.extend(SESSION_SETTINGS);
    messages.send(|out| frontend::startup_message(parameters, out)).await?;
    authenticate(config, &mut messages, opened.end_point).await?;
    messages.set_frame_bytes_max(SESSION_FRAME_BYTES_MAX);
    let greeting = read_greeting(config, &mut messages).await?;
    Ok((messages, greeting))
}

async fn authenticate(
    config: &DatabaseConfig,
    messages: &mut Messages,
    end_point: Option<Vec<u8>>,
) -> Result<(), PostgresError> {
    let password = || {
        let missing = || LoginError::PasswordMissing { user: config.user.clone() };
        config.password.as_ref().map(|secret| secret.reveal().as_bytes()).ok_or_else(missing)
    };
    match messages.receive().await? {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword => {
            let password = password()?;
            messages.send(|out| frontend::password_message(password, out)).await?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(config.user.as_bytes(), password()?, body.salt());
            messages.send(|out| frontend::password_message(hash.as_bytes(), out)).await?;
        }
        Message::AuthenticationSasl(body) => {
            scram(config, messages, &body, password()?, end_point).await?;
        }
        Message::ErrorResponse(body) => return Err(login_error(config, server_error(&body))),
        other => return Err(LoginError::Method { method: method_name(&other) }.into()),
    }
    match messages.receive().await? {
        Message::AuthenticationOk => Ok(()),
        Message::ErrorResponse(body) => Err(login_error(config, server_error(&body))),
        _ => Err(PostgresError::protocol("the login ended neither in success nor in an error")),
    }
}

fn method_name(message: &Message) -> String {
    match message {
        Message::AuthenticationKerberosV5 => "Kerberos",
        Message::AuthenticationGss => "GSSAPI",
        Message::AuthenticationSspi => "SSPI",
        Message::AuthenticationScmCredential => "SCM credential",
        _ => "an unknown method of",
    }
    .to_owned()
}

/// SCRAM-SHA-256, bound to the TLS session where there is one.
async fn scram(
    config: &DatabaseConfig,
    messages: &mut Messages,
    body: &AuthenticationSaslBody,
    password: &[u8],
    end_point: Option<Vec<u8>>,
) -> Result<(), PostgresError> {
    let failed = |error: std::io::Error| LoginError::Scram { reason: error.to_string() };
    let (mechanism, binding) = scram_mechanism(body, end_point)?;
    let mut scram = sasl::ScramSha256::new(password, binding);
    messages
        .send(|out: &mut BytesMut| frontend::sasl_initial_response(mechanism, scram.message(), out))
        .await?;
    match messages.receive().await? {
        Message::AuthenticationSaslContinue(body) => scram.update(body.data()).map_err(failed)?,
        Message::ErrorResponse(body) => return Err(login_error(config, server_error(&body))),
        _ => return Err(PostgresError::protocol("no SCRAM challenge")),
    }
    messages.send(|out| frontend::sasl_response(scram.message(), out)).await?;
    match messages.receive().await? {
        Message::AuthenticationSaslFinal(body) => Ok(scram.finish(body.data()).map_err(failed)?),
        Message::ErrorResponse(body) => Err(login_error(config, server_error(&body))),
        _ => Err(PostgresError::protocol("no end of the SCRAM exchange")),
    }
}

/// The strongest mechanism that both sides have. A server that has the one with channel binding
/// and a middleman that hid it from us find each other out, because we say that we could have.
fn scram_mechanism(
    body: &AuthenticationSaslBody,
    end_point: Option<Vec<u8>>,
) -> Result<(&'static str, sasl::ChannelBinding), PostgresError> {
    let offered: Vec<&str> = body
        .mechanisms()
        .collect()
        .map_err(|error| PostgresError::protocol(format!("list of SASL mechanisms: {error}")))?;
    let plus = offered.contains(&sasl::SCRAM_SHA_256_PLUS);
    let plain = offered.contains(&sasl::SCRAM_SHA_256);
    match end_point {
        Some(hash) if plus => {
            Ok((sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(hash)))
        }
        Some(_) if plain => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested())),
        None if plain => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported())),
        _ => Err(LoginError::Method { method: offered.join(" or ") }.into()),
    }
}

/// Reads up to the first ReadyForQuery.
async fn read_greeting(
    config: &DatabaseConfig,
    messages: &mut Messages,
) -> Result<Greeting, PostgresError> {
    let mut greeting = Greeting::default();
    loop {
        match messages.receive().await? {
            Message::ParameterStatus(body) => {
                if body.name().is_ok_and(|name| name == "server_version") {
                    greeting.server_version =
                        body.value().ok().and_then(parse_server_version).unwrap_or_default();
                }
            }
            Message::BackendKeyData(_) => {}
            Message::ReadyForQuery(_) => return Ok(greeting),
            Message::ErrorResponse(body) => return Err(login_error(config, server_error(&body))),
            _ => return Err(PostgresError::protocol("a strange message after the login")),
        }
    }
}

/// `server_version_num` from `server_version`, such as `15.18 (Debian 15.18-1)`, `9.6.24`,
/// `19beta1`.
fn parse_server_version(text: &str) -> Option<u32> {
    let numbers: Vec<u32> = text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    let part = |at: usize| numbers.get(at).copied().unwrap_or_default();
    let (major, minor) = if *numbers.first()? >= 10 {
        (part(0), part(1))
    } else {
        (part(0), part(1).checked_mul(100)?.checked_add(part(2))?)
    };
    major.checked_mul(10_000)?.checked_add(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_version_becomes_a_number() {
        let cases = [
            ("15.18 (Debian 15.18-0+deb12u1)", Some(150_018)),
            ("18.0", Some(180_000)),
            ("19beta1", Some(190_000)),
            ("9.6.24", Some(90_624)),
            ("", None),
            ("none", None),
            ("4294967295", None),
        ];
        for (text, number) in cases {
            assert_eq!(parse_server_version(text), number, "{text:?}");
        }
    }

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
