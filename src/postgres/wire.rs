//! Our own replication client: a connection that takes replication commands, on its way to become
//! a [`ReplicationStream`].
//!
//! `tokio-postgres` has no CopyBoth mode, so the walsender's side of the protocol is spoken here,
//! on the message codec of `postgres-protocol`.

use super::login::{BackendKey, Purpose, log_in};
use super::messages::{Messages, log_notice, server_error};
use super::quote::quote_identifier;
use super::socket::{self, ConnectError, TlsUse};
use super::stream::ReplicationStream;
use super::{PostgresError, ServerError, tls};
use crate::config::DatabaseConfig;
use crate::lsn::Lsn;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::{backend::DataRowBody, backend::Message, frontend};
use std::time::Duration;

/// Tag of CopyBothResponse, which `postgres-protocol` does not know.
const COPY_BOTH_RESPONSE: u8 = b'W';

/// Name under which the server lists our replication connections.
const APPLICATION_NAME: &str = "minicdc";

/// A session in replication mode (`replication=database`) that waits for a command.
pub struct ReplicationConnection {
    messages: Messages,
    server_version: u32,
    canceller: Canceller,
}

/// Interrupts the command that a connection runs, from outside of it.
#[derive(Debug, Clone)]
pub struct Canceller {
    config: DatabaseConfig,
    tls_use: TlsUse,
    key: BackendKey,
}

impl Canceller {
    /// Asks the server to interrupt the command. The command then fails, unless it ended before.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Connect`] or [`PostgresError::Tls`] when the server cannot be reached.
    pub async fn cancel(&self) -> Result<(), PostgresError> {
        let asking = async {
            let opened = socket::open(&self.config, self.tls_use).await?;
            let mut messages = Messages::new(opened.socket, 0);
            let request = |out: &mut bytes::BytesMut| {
                frontend::cancel_request(self.key.process_id, self.key.secret, out);
                Ok(())
            };
            messages.send(request).await?;
            // The server says nothing, and closes when it has passed the request on.
            messages.fill().await.map(drop).or(Ok(()))
        };
        within_timeout(&self.config, Box::pin(asking)).await
    }
}

/// What IDENTIFY_SYSTEM answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemIdentity {
    /// Identifies the cluster; a copy of it keeps the number, a new `initdb` makes another.
    pub system_id: String,
    /// Current timeline; it changes when a standby is promoted.
    pub timeline: u32,
    /// How far the WAL is flushed.
    pub flushed: Lsn,
    /// The database of this session.
    pub dbname: String,
}

/// What kind of slot CREATE_REPLICATION_SLOT makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotOptions {
    /// Export the snapshot that belongs to the slot's beginning.
    pub export_snapshot: bool,
    /// Let standbys synchronize it; only from PostgreSQL 17.
    pub failover: bool,
}

/// What CREATE_REPLICATION_SLOT answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedSlot {
    /// The stream begins here; the exported snapshot sees everything before.
    pub consistent_point: Lsn,
    /// For SET TRANSACTION SNAPSHOT in other sessions, as long as this connection lives and runs
    /// no other command.
    pub snapshot_name: Option<String>,
}

pub(super) type Row = Vec<Option<String>>;

impl ReplicationConnection {
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
        let (messages, greeting) = log_in(config, opened, APPLICATION_NAME, Purpose::Replication)
            .await
            .map_err(|error| tls::alert_in(config, error))?;
        let canceller = Canceller { config: config.clone(), tls_use, key: greeting.key };
        Ok(Self { messages, server_version: greeting.server_version, canceller })
    }

    /// A handle to interrupt a command from elsewhere. Dropping the future of
    /// [`create_slot`](Self::create_slot) alone does not: the server goes on waiting, and makes the
    /// slot in the end.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// As `server_version_num` has it, such as 150018.
    #[must_use]
    pub const fn server_version(&self) -> u32 {
        self.server_version
    }

    /// Asks which cluster this is and how far its WAL goes.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when the connection breaks.
    pub async fn identify_system(&mut self) -> Result<SystemIdentity, PostgresError> {
        let what = "identify the system";
        let rows = self.command("IDENTIFY_SYSTEM", what).await?;
        match rows.into_iter().next().as_deref() {
            Some([Some(system_id), Some(timeline), Some(flushed), Some(dbname)]) => {
                Ok(SystemIdentity {
                    system_id: system_id.clone(),
                    timeline: timeline.parse().map_err(|_| misread(what, timeline))?,
                    flushed: flushed.parse().map_err(|_| misread(what, flushed))?,
                    dbname: dbname.clone(),
                })
            }
            _ => Err(misread(what, "not four columns")),
        }
    }

    /// Asks where each timeline ended that led to `timeline`, which is later than the first.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when the server has no history of it, or the connection breaks.
    pub async fn timeline_history(
        &mut self,
        timeline: u32,
    ) -> Result<Vec<(u32, Lsn)>, PostgresError> {
        let what = format!("read the history of timeline {timeline}");
        let rows = self.command(&format!("TIMELINE_HISTORY {timeline}"), &what).await?;
        match rows.into_iter().next().as_deref() {
            Some([_, Some(content)]) => Ok(parse_history(content)),
            _ => Err(misread(&what, "not two columns")),
        }
    }

    /// Makes a permanent logical slot with the plugin `pgoutput`. The server first waits for every
    /// transaction that writes at that moment, so this can take as long as the longest of them;
    /// [`open_writers`](super::open_writers) names them.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: `Slot` by cause.
    pub async fn create_slot(
        &mut self,
        slot: &str,
        options: SlotOptions,
    ) -> Result<CreatedSlot, PostgresError> {
        super::slot::check_name(slot)?;
        let what = format!("create replication slot {}", quote_identifier(slot));
        let command = create_command(slot, options);
        let rows = self
            .command(&command, &what)
            .await
            .map_err(|error| super::slot::classify(slot, error))?;
        match rows.into_iter().next().as_deref() {
            Some([_, Some(point), snapshot_name, ..]) => Ok(CreatedSlot {
                consistent_point: point.parse().map_err(|_| misread(&what, point))?,
                snapshot_name: snapshot_name.clone(),
            }),
            _ => Err(misread(&what, "fewer than three columns")),
        }
    }

    /// Starts streaming from `from`, or from the slot's confirmed position where that is later.
    /// `options` go to the plugin as they are, with their values quoted.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: `Slot` when the slot is in use, lost or missing; `Statement` when the
    /// plugin refuses the options.
    pub async fn start(
        mut self,
        slot: &str,
        from: Lsn,
        options: &[(&str, String)],
    ) -> Result<ReplicationStream, PostgresError> {
        let command = start_command(slot, from, options);
        self.messages.send(|out| frontend::query(&command, out)).await?;
        loop {
            let frame = self.messages.receive_frame().await?;
            if frame.tag == COPY_BOTH_RESPONSE {
                return Ok(ReplicationStream::new(self.messages));
            }
            match self.messages.parse(&frame)? {
                Message::NoticeResponse(body) => log_notice(&mut body.fields()),
                Message::ParameterStatus(_) => {}
                Message::ErrorResponse(body) => {
                    let what = format!("stream from replication slot {}", quote_identifier(slot));
                    let error = PostgresError::from_server(what, server_error(&body));
                    return Err(super::slot::classify(slot, error));
                }
                _ => return Err(PostgresError::protocol("no CopyBoth after START_REPLICATION")),
            }
        }
    }

    /// Ends the session.
    pub async fn close(self) {
        self.messages.close().await;
    }

    /// Runs one replication command or statement by the simple protocol.
    async fn command(&mut self, command: &str, what: &str) -> Result<Vec<Row>, PostgresError> {
        self.messages.send(|out| frontend::query(command, out)).await?;
        let mut rows = Vec::new();
        let mut failure: Option<ServerError> = None;
        loop {
            match self.messages.receive().await {
                Ok(Message::DataRow(body)) => rows.push(text_row(&body)?),
                Ok(Message::ErrorResponse(body)) => failure = Some(server_error(&body)),
                Ok(Message::ReadyForQuery(_)) => break,
                Ok(_) => {}
                // Behind a fatal error the connection ends; the error says why.
                Err(_) if failure.is_some() => break,
                Err(lost) => return Err(lost),
            }
        }
        match failure {
            Some(error) => Err(PostgresError::from_server(what, error)),
            None => Ok(rows),
        }
    }
}

/// The options in parentheses came with PostgreSQL 15, the one that needs them with 17.
fn create_command(slot: &str, options: SlotOptions) -> String {
    let options = match (options.failover, options.export_snapshot) {
        (false, true) => "EXPORT_SNAPSHOT",
        (false, false) => "NOEXPORT_SNAPSHOT",
        (true, true) => "(SNAPSHOT 'export', FAILOVER true)",
        (true, false) => "(SNAPSHOT 'nothing', FAILOVER true)",
    };
    format!("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput {options}", quote_identifier(slot))
}

/// A timeline history file: for each timeline its number, the position at which the next one left
/// it, and the reason, separated by tabs; `#` begins a comment.
///
/// Source: `readTimeLineHistory` in PostgreSQL's `timeline.c`.
fn parse_history(content: &str) -> Vec<(u32, Lsn)> {
    let entry = |line: &str| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    content.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(entry).collect()
}

fn start_command(slot: &str, from: Lsn, options: &[(&str, String)]) -> String {
    let slot = quote_identifier(slot);
    let mut command = format!("START_REPLICATION SLOT {slot} LOGICAL {from}");
    for (i, (name, value)) in options.iter().enumerate() {
        command.push_str(if i == 0 { " (" } else { ", " });
        // The replication grammar knows no E'…': a backslash is a backslash.
        command.push_str(&format!("{} '{}'", quote_identifier(name), value.replace('\'', "''")));
    }
    if !options.is_empty() {
        command.push(')');
    }
    command
}

fn misread(what: &str, found: &str) -> PostgresError {
    PostgresError::protocol(format!("could not {what}: {found}"))
}

/// A row of the simple protocol, where every value is text.
pub(super) fn text_row(body: &DataRowBody) -> Result<Row, PostgresError> {
    let broken = |error: std::io::Error| PostgresError::protocol(format!("row: {error}"));
    let text = |range: Option<std::ops::Range<usize>>| {
        Ok(range.and_then(|range| {
            body.buffer().get(range).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }))
    };
    body.ranges().map(text).collect().map_err(broken)
}

/// Bounds connecting by `connect_timeout_ms`.
pub(super) async fn within_timeout<T>(
    config: &DatabaseConfig,
    connecting: impl Future<Output = Result<T, PostgresError>>,
) -> Result<T, PostgresError> {
    let timeout_ms = config.connect_timeout_ms;
    match tokio::time::timeout(Duration::from_millis(timeout_ms), connecting).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(ConnectError::Timeout { address: socket::address(config), timeout_ms }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failover_slots_are_asked_for_in_the_newer_grammar() {
        let command = |export_snapshot, failover| {
            create_command("shop", SlotOptions { export_snapshot, failover })
        };
        let common = "CREATE_REPLICATION_SLOT \"shop\" LOGICAL pgoutput ";
        assert_eq!(command(true, false), format!("{common}EXPORT_SNAPSHOT"));
        assert_eq!(command(false, true), format!("{common}(SNAPSHOT 'nothing', FAILOVER true)"));
    }

    #[test]
    fn history_of_a_timeline_says_where_each_one_ended() {
        let content = "1\t0/3000148\tno recovery target specified\n\n# by hand\n\
                       2\t1/A0000000\tbefore 2026-01-01 12:00:00+00\nnonsense\n";
        let ended = [(1, Lsn::new(0x0300_0148)), (2, Lsn::new(0x1_A000_0000))];
        assert_eq!(parse_history(content), ended);
    }

    #[test]
    fn start_command_quotes_names_and_values() {
        let options =
            [("proto_version", "1".to_owned()), ("publication_names", "\"o'n\"".to_owned())];
        assert_eq!(
            start_command("shop", Lsn::new(0x16_0000_002A), &options),
            "START_REPLICATION SLOT \"shop\" LOGICAL 16/2A \
             (\"proto_version\" '1', \"publication_names\" '\"o''n\"')"
        );
        assert_eq!(
            start_command("s", Lsn::INVALID, &[]),
            "START_REPLICATION SLOT \"s\" LOGICAL 0/0"
        );
    }
}
