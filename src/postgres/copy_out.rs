//! Rows in bulk: an ordinary session that reads by `COPY … TO STDOUT`, whose rows are borrowed from
//! the read buffer.
//!
//! `tokio-postgres` makes a reference-counted buffer of every row; at a million rows a second that
//! alone is a core. Reading is in two steps, as for the stream: [`fill`](CopySession::fill) reads
//! from the socket, [`next_row`](CopySession::next_row) hands out what is whole.

use super::PostgresError;
use super::login::{Purpose, log_in};
use super::messages::{Messages, log_notice, server_error};
use super::socket::{self, TlsUse};
use super::tls;
use super::wire::{Row, text_row, within_timeout};
use crate::config::DatabaseConfig;
use postgres_protocol::message::{backend, backend::Message, frontend};
use std::ops::Range;

/// Tag of CopyDone.
const COPY_DONE_TAG: u8 = b'c';

/// Name under which the server lists these connections.
const APPLICATION_NAME: &str = "minicdc snapshot";

/// A session that runs one batch of statements at a time, each with one COPY in it.
pub struct CopySession {
    messages: Messages,
    what: String,
    last: Last,
}

/// Where the row that was handed out last is.
#[derive(Debug)]
enum Last {
    None,
    InBuffer(Range<usize>),
    /// Copied out before the buffer was read into again.
    Kept,
}

/// What comes next out of a COPY.
#[derive(Debug, PartialEq, Eq)]
pub enum CopyEvent<'a> {
    /// One row in text format.
    Row(&'a [u8]),
    /// Nothing more is in the buffer: [`CopySession::fill`] first.
    Starving,
    /// That was the last row.
    Done,
}

impl CopySession {
    /// Connects and logs in, within `connect_timeout_ms`.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: `Connect`, `Tls` or `Login`, by cause.
    pub async fn connect(config: &DatabaseConfig) -> Result<Self, PostgresError> {
        within_timeout(config, Box::pin(Self::connect_as(config, TlsUse::first(config)))).await
    }

    async fn connect_as(config: &DatabaseConfig, tls_use: TlsUse) -> Result<Self, PostgresError> {
        match Self::attempt(config, tls_use).await {
            Err(error) if tls_use.falls_back(&error) => {
                Self::attempt(config, TlsUse::Never).await.map_err(|second| second.or_first(error))
            }
            outcome => outcome,
        }
    }

    async fn attempt(config: &DatabaseConfig, tls_use: TlsUse) -> Result<Self, PostgresError> {
        let opened = socket::open(config, tls_use).await?;
        let (messages, _) = log_in(config, opened, APPLICATION_NAME, Purpose::Sql)
            .await
            .map_err(|error| tls::alert_in(config, error))?;
        Ok(Self { messages, what: String::new(), last: Last::None })
    }

    /// Runs statements that return nothing.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] that says `what` could not be done.
    pub async fn execute(&mut self, statements: &str, what: &str) -> Result<(), PostgresError> {
        self.messages.send(|out| frontend::query(statements, out)).await?;
        what.clone_into(&mut self.what);
        self.finish().await
    }

    /// Sends a batch of statements with one `COPY … TO STDOUT` in it, and gives the rows of those
    /// before. `what` is for errors, such as `read table public.orders`.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when a statement fails; the session cannot be used any more then.
    pub async fn copy(&mut self, statements: &str, what: &str) -> Result<Vec<Row>, PostgresError> {
        what.clone_into(&mut self.what);
        self.last = Last::None;
        self.messages.send(|out| frontend::query(statements, out)).await?;
        let mut rows = Vec::new();
        loop {
            match self.messages.receive().await? {
                Message::CopyOutResponse(_) => return Ok(rows),
                Message::DataRow(body) => rows.push(text_row(&body)?),
                Message::ErrorResponse(body) => {
                    return Err(PostgresError::from_server(&self.what, server_error(&body)));
                }
                Message::ReadyForQuery(_) => return Err(PostgresError::protocol("no COPY began")),
                _ => {}
            }
        }
    }

    /// The next row of the COPY.
    ///
    /// # Errors
    ///
    /// What the server ended it with, or [`PostgresError::Protocol`].
    pub fn next_row(&mut self) -> Result<CopyEvent<'_>, PostgresError> {
        while let Some(frame) = self.messages.next_frame()? {
            if frame.tag == backend::COPY_DATA_TAG {
                self.last = Last::InBuffer(frame.body.clone());
                return Ok(CopyEvent::Row(self.messages.frames().bytes(frame.body)));
            }
            if frame.tag == COPY_DONE_TAG {
                return Ok(CopyEvent::Done);
            }
            match self.messages.parse(&frame)? {
                Message::NoticeResponse(body) => log_notice(&mut body.fields()),
                Message::ParameterStatus(_) => {}
                Message::ErrorResponse(body) => {
                    return Err(PostgresError::from_server(&self.what, server_error(&body)));
                }
                _ => return Err(PostgresError::protocol("a strange message in a COPY")),
            }
        }
        Ok(CopyEvent::Starving)
    }

    /// Waits until the socket has something, and reads it into the buffer; `kept` gets the row that
    /// was handed out last, which is overwritten by that. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`PostgresError::ConnectionLost`] when the server is gone.
    pub async fn fill(&mut self, kept: &mut Vec<u8>) -> Result<(), PostgresError> {
        if let Last::InBuffer(range) = &self.last {
            kept.clear();
            kept.extend_from_slice(self.messages.frames().bytes(range.clone()));
            self.last = Last::Kept;
        }
        self.messages.fill().await.map(drop)
    }

    /// The row that was handed out last; `kept` is the buffer that [`fill`](Self::fill) was given.
    #[must_use]
    pub fn last_row<'a>(&'a self, kept: &'a [u8]) -> Option<&'a [u8]> {
        match &self.last {
            Last::None => None,
            Last::InBuffer(range) => Some(self.messages.frames().bytes(range.clone())),
            Last::Kept => Some(kept),
        }
    }

    /// Reads up to the end of the batch.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when a statement behind the COPY fails.
    pub async fn finish(&mut self) -> Result<(), PostgresError> {
        let mut failure = None;
        loop {
            match self.messages.receive().await {
                Ok(Message::ErrorResponse(body)) => {
                    failure = Some(PostgresError::from_server(&self.what, server_error(&body)));
                }
                Ok(Message::ReadyForQuery(_)) => return failure.map_or(Ok(()), Err),
                Ok(_) => {}
                // Behind a fatal error the connection ends; the error says why.
                Err(lost) => return Err(failure.unwrap_or(lost)),
            }
        }
    }

    /// Ends the session.
    pub async fn close(self) {
        self.messages.close().await;
    }
}
