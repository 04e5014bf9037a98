//! From an open socket to a session that takes commands: startup message, password, parameters.

use super::frames::{LOGIN_FRAME_BYTES_MAX, SESSION_FRAME_BYTES_MAX};
use super::messages::{Messages, server_error};
use super::refusal::{LoginError, login_error};
use super::{PostgresError, socket::Opened};
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

/// What a session knows of its server after the login.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// As `server_version_num` has it: 150018 for 15.18.
    pub(super) server_version: u32,
    /// What a request to cancel must name.
    pub(super) key: BackendKey,
}

/// The server's process for a session, and the secret that proves that it is ours.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BackendKey {
    pub(super) process_id: i32,
    pub(super) secret: i32,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A walsender that also takes SQL (`replication=database`).
    Replication,
    /// An ordinary backend.
    Sql,
}

/// Logs in over an open socket.
pub(super) async fn log_in(
    config: &DatabaseConfig,
    opened: Opened,
    application_name: &str,
    purpose: Purpose,
) -> Result<(Messages, Greeting), PostgresError> {
    let mut messages = Messages::new(opened.socket, LOGIN_FRAME_BYTES_MAX);
    let mut parameters = vec![
        ("user", config.user.as_str()),
        ("database", config.dbname.as_str()),
        ("application_name", application_name),
        ("client_encoding", "UTF8"),
    ];
    if purpose == Purpose::Replication {
        parameters.push(("replication", "database"));
    }
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
        Message::AuthenticationGss
        | Message::AuthenticationSspi
        | Message::AuthenticationKerberosV5
        | Message::AuthenticationScmCredential => return Err(LoginError::Method.into()),
        _ => return Err(PostgresError::protocol("no answer to the startup message")),
    }
    match messages.receive().await? {
        Message::AuthenticationOk => Ok(()),
        Message::ErrorResponse(body) => Err(login_error(config, server_error(&body))),
        _ => Err(PostgresError::protocol("the login ended neither in success nor in an error")),
    }
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
        _ => Err(LoginError::Method.into()),
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
            Message::BackendKeyData(body) => {
                greeting.key =
                    BackendKey { process_id: body.process_id(), secret: body.secret_key() };
            }
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
}
