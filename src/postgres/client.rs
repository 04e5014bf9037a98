//! Ordinary SQL over `tokio-postgres`, on the same sockets and TLS sessions as replication.

use super::login::SESSION_SETTINGS;
use super::refusal::{LoginError, login_error};
use super::socket::{self, Socket, TlsUse};
use super::{PostgresError, ServerError, tls, wire::within_timeout};
use crate::config::DatabaseConfig;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{convert::Infallible, future, io};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{AsyncMessage, Client, Connection};

/// Connects and logs in within `connect_timeout_ms`, and spawns the task that serves the
/// connection until the client is dropped. The session writes values as every session of ours does
/// (ISO dates, UTC, hex bytea, shortest exact floats), with the time limit of
/// `database.query.timeout.ms`, and `database.initial.statements` have run in it.
///
/// # Errors
///
/// [`PostgresError`]: `Connect`, `Tls` or `Login`, by cause; `Statement` when the server refuses an
/// initial statement.
pub async fn connect(
    config: &DatabaseConfig,
    application_name: &str,
) -> Result<Client, PostgresError> {
    let tls_use = TlsUse::first(config);
    let connecting = Box::pin(connect_as(config, application_name, tls_use));
    let client = within_timeout(config, connecting).await?;
    for statement in &config.initial_statements {
        let what = format!("run \"{statement}\" of database.initial.statements");
        client.batch_execute(statement).await.map_err(PostgresError::doing(what))?;
    }
    Ok(client)
}

async fn connect_as(
    config: &DatabaseConfig,
    application_name: &str,
    tls_use: TlsUse,
) -> Result<Client, PostgresError> {
    match attempt(config, application_name, tls_use).await {
        Err(error) if tls_use.falls_back(&error) => {
            let second = attempt(config, application_name, TlsUse::Never).await;
            second.map_err(|second| second.or_first(error))
        }
        outcome => outcome,
    }
}

async fn attempt(
    config: &DatabaseConfig,
    application_name: &str,
    tls_use: TlsUse,
) -> Result<Client, PostgresError> {
    let opened = socket::open(config, tls_use).await?;
    let mut session = tokio_postgres::Config::new();
    session
        .user(&config.user)
        .dbname(&config.dbname)
        .application_name(application_name)
        .options(session_options(config))
        // Whatever TLS there is to be is there already: see `Ready`.
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
    if let Some(password) = &config.password {
        session.password(password.reveal());
    }
    let ready = Ready { end_point: opened.end_point };
    let (client, connection) = session
        .connect_raw(opened.socket, ready)
        .await
        .map_err(|error| tls::alert_in(config, refusal(config, error)))?;
    tokio::spawn(serve(connection));
    Ok(client)
}

/// `-c name=value …`, as `connect_raw` has no other way to pass them at the start.
fn session_options(config: &DatabaseConfig) -> String {
    let settings = SESSION_SETTINGS.map(|(name, value)| format!("-c {name}={value}")).join(" ");
    match config.query_timeout_ms {
        0 => settings,
        timeout_ms => {
            format!("{settings} -c statement_timeout={}", timeout_ms.min(STATEMENT_TIMEOUT_MAX))
        }
    }
}

/// The server keeps it in 31 bits.
const STATEMENT_TIMEOUT_MAX: u64 = i32::MAX as u64;

fn refusal(config: &DatabaseConfig, error: tokio_postgres::Error) -> PostgresError {
    if let Some(db) = error.as_db_error() {
        return login_error(config, ServerError::from(db));
    }
    // The library has no variants to ask for. These are its words for no password to send, and for
    // a method that it does not have or a failed SCRAM exchange.
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    match (error.to_string().as_str(), cause.as_str()) {
        ("invalid configuration", "password missing") => {
            LoginError::PasswordMissing { user: config.user.clone() }.into()
        }
        ("authentication error", "unsupported authentication method") => LoginError::Method.into(),
        ("authentication error", _) => LoginError::Scram { reason: cause }.into(),
        _ => PostgresError::doing("log in")(error),
    }
}

/// Moves the connection's bytes until either side ends it. An error also fails the request that
/// was under way, which is where it is reported.
async fn serve(mut connection: Connection<Socket, BoundSocket>) {
    while let Some(message) = future::poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                let sqlstate = notice.code().code();
                tracing::debug!(sqlstate, "notice from the server: {}", notice.message());
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "connection ended");
                return;
            }
        }
    }
}

/// Tells `tokio-postgres` that TLS is settled, and hands it what SCRAM binds to.
struct Ready {
    end_point: Option<Vec<u8>>,
}

impl TlsConnect<Socket> for Ready {
    type Stream = BoundSocket;
    type Error = Infallible;
    type Future = future::Ready<Result<BoundSocket, Infallible>>;

    fn connect(self, socket: Socket) -> Self::Future {
        future::ready(Ok(BoundSocket { socket, end_point: self.end_point }))
    }
}

/// A socket that knows its channel binding.
struct BoundSocket {
    socket: Socket,
    end_point: Option<Vec<u8>>,
}

impl TlsStream for BoundSocket {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.end_point {
            Some(hash) => ChannelBinding::tls_server_end_point(hash.clone()),
            None => ChannelBinding::none(),
        }
    }
}

impl AsyncRead for BoundSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for BoundSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
