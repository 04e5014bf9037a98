//! The replication stream: CopyBoth mode, frames in and status updates out.
//!
//! Reading is in two steps so that frames can be borrowed from the buffer: [`fill`] reads from the
//! socket, [`next_frame`] hands out what is whole, until it has no more.
//!
//! [`fill`]: ReplicationStream::fill
//! [`next_frame`]: ReplicationStream::next_frame

use super::PostgresError;
use super::messages::{Messages, log_notice, server_error};
use super::patience::Patience;
use crate::lsn::Lsn;
use crate::pgtime::PgTime;
use bytes::BufMut as _;
use postgres_protocol::message::{backend, backend::Message, frontend};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long the server may take to end the stream when we ask it to.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to listen on a connection that takes no more writes.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);

/// A running replication stream.
pub struct ReplicationStream {
    messages: Messages,
    patience: Patience,
}

impl ReplicationStream {
    pub(super) fn new(messages: Messages) -> Self {
        let patience = if messages.is_tcp() { Patience::for_tcp() } else { Patience::for_unix() };
        Self { messages, patience }
    }

    /// Waits until the socket has something, and reads it into the buffer. Call it when
    /// [`next_frame`](Self::next_frame) has no more.
    ///
    /// Cancel-safe: dropping the future loses nothing. While data flows in bulk it first lets up to a
    /// millisecond pass since the last read, which makes the server send many rows at once. It
    /// blocks its thread for that: the runtime's timer counts in whole milliseconds.
    ///
    /// # Errors
    ///
    /// [`PostgresError::ConnectionLost`] when the server is gone.
    pub async fn fill(&mut self) -> Result<(), PostgresError> {
        if let Some(pause) = self.patience.pause(Instant::now()) {
            self.messages.unwatch();
            std::thread::sleep(pause);
        }
        let (read, room) = self.messages.fill().await?;
        self.patience.has_read(Instant::now(), read, room);
        Ok(())
    }

    /// The next whole frame in the buffer: the payload of a CopyData message, which begins with
    /// `w` (WAL data) or `k` (keepalive). `None` means: [`fill`](Self::fill) first.
    ///
    /// # Errors
    ///
    /// What the server ended the stream with, or [`PostgresError::Protocol`].
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, PostgresError> {
        while let Some(frame) = self.messages.next_frame()? {
            if frame.tag == backend::COPY_DATA_TAG {
                return Ok(Some(self.messages.frames().bytes(frame.body)));
            }
            match self.messages.parse(&frame)? {
                Message::NoticeResponse(body) => log_notice(&mut body.fields()),
                Message::ParameterStatus(_) => {}
                Message::ErrorResponse(body) => {
                    let error = server_error(&body);
                    return Err(PostgresError::from_server("go on with the stream", error));
                }
                // A walsender that shuts down says that its command is complete, without CopyDone.
                Message::CopyDone | Message::CommandComplete(_) | Message::ReadyForQuery(_) => {
                    return Err(PostgresError::StreamEnded);
                }
                _ => return Err(PostgresError::protocol("a strange message in the stream")),
            }
        }
        Ok(None)
    }

    /// Tells the server how far we are: written, durable, and applied. It forgets the WAL before
    /// `flushed`. With `reply_requested` it answers by a keepalive at once.
    ///
    /// # Errors
    ///
    /// [`PostgresError::ConnectionLost`], also when the server takes nothing for 30 s.
    pub async fn send_status(
        &mut self,
        written: Lsn,
        flushed: Lsn,
        applied: Lsn,
        reply_requested: bool,
    ) -> Result<(), PostgresError> {
        let status = status_update(written, flushed, applied, now(), reply_requested);
        let sent = self.messages.send(|out| {
            frontend::CopyData::new(&status[..])?.write(out);
            Ok(())
        });
        match sent.await {
            Err(lost) => Err(self.last_words().await.unwrap_or(lost)),
            Ok(()) => Ok(()),
        }
    }

    /// What the server said before it closed the connection, which a failed write does not tell.
    async fn last_words(&mut self) -> Option<PostgresError> {
        let listening = async {
            loop {
                match self.next_frame() {
                    Ok(Some(_)) => {}
                    Ok(None) => {
                        if self.messages.fill().await.is_err() {
                            return None;
                        }
                    }
                    Err(error) => return Some(error),
                }
            }
        };
        tokio::time::timeout(LAST_WORDS_TIMEOUT, listening).await.ok().flatten()
    }

    /// Ends the stream in an orderly way, so that the slot is free when this returns. What the
    /// server still sends is thrown away. Takes 5 s at the most.
    ///
    /// # Errors
    ///
    /// [`PostgresError::ConnectionLost`] when the server did not confirm the end; the slot is then
    /// freed as soon as it notices that we are gone.
    pub async fn finish(mut self) -> Result<(), PostgresError> {
        let ending = async {
            self.messages
                .send(|out| {
                    frontend::copy_done(out);
                    Ok(())
                })
                .await?;
            while self.messages.receive_frame().await?.tag != backend::READY_FOR_QUERY_TAG {}
            Ok(())
        };
        let outcome = tokio::time::timeout(FINISH_TIMEOUT, ending).await;
        self.messages.close().await;
        outcome.unwrap_or_else(|_| {
            Err(PostgresError::lost(std::io::Error::from(std::io::ErrorKind::TimedOut)))
        })
    }
}

/// Standby status update: `Byte1('r') Int64 written, flushed, applied, clock, Byte1 reply`.
///
/// Source: PostgreSQL manual, "Streaming Replication Protocol".
fn status_update(
    written: Lsn,
    flushed: Lsn,
    applied: Lsn,
    clock: PgTime,
    reply_requested: bool,
) -> [u8; 34] {
    let mut message = [0; 34];
    let mut out = &mut message[..];
    out.put_u8(b'r');
    out.put_u64(written.as_u64());
    out.put_u64(flushed.as_u64());
    out.put_u64(applied.as_u64());
    out.put_i64(clock.wire());
    out.put_u8(u8::from(reply_requested));
    message
}

/// The server shows this as `pg_stat_replication.reply_time`; it decides nothing.
fn now() -> PgTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    PgTime::from_unix_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_update_has_the_layout_of_the_manual() {
        let message =
            status_update(Lsn::new(1), Lsn::new(2), Lsn::new(3), PgTime::from_wire(4), true);
        let mut expected = vec![b'r'];
        for number in [1_u64, 2, 3, 4] {
            expected.extend_from_slice(&number.to_be_bytes());
        }
        expected.push(1);
        assert_eq!(message[..], expected[..]);
    }
}
