//! Messages over a socket, in both directions: what the login, the commands and the stream share.

use super::frames::{Frame, FrameBuffer, FrameError};
use super::{PostgresError, ServerError, socket::Socket};
use bytes::{Buf as _, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{ErrorFields, ErrorResponseBody, Message};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};

/// How long the server may take to accept what we write. It reads between the rows it sends, so a
/// longer silence means that it, or the way to it, is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A socket with what was read from it and what is still to be written to it.
pub(super) struct Messages {
    socket: Socket,
    frames: FrameBuffer,
    /// Bytes of messages that the socket did not take yet; a cancelled write leaves its rest here.
    unsent: BytesMut,
}

impl Messages {
    /// Over a socket, refusing messages longer than `frame_bytes_max`.
    pub(super) fn new(socket: Socket, frame_bytes_max: usize) -> Self {
        Self { socket, frames: FrameBuffer::new(frame_bytes_max), unsent: BytesMut::new() }
    }

    /// Sets another limit from here on.
    pub(super) const fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.frames.set_frame_bytes_max(frame_bytes_max);
    }

    /// What was read so far.
    pub(super) const fn frames(&self) -> &FrameBuffer {
        &self.frames
    }

    /// True when the bytes come over a network stack that may carry each row alone.
    pub(super) const fn is_tcp(&self) -> bool {
        matches!(self.socket, Socket::Tcp(_) | Socket::Tls(_))
    }

    /// Nothing is read for a moment; what comes in meanwhile wakes nobody.
    pub(super) fn unwatch(&mut self) {
        self.socket.unwatch();
    }

    /// The next whole message in the buffer.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, PostgresError> {
        self.frames.next().map_err(|error: FrameError| PostgresError::protocol(error.to_string()))
    }

    /// Reads what is there, waiting until something is; returns how many bytes, and how many the
    /// buffer had room for. Cancel-safe: bytes are in the buffer or still in the socket.
    pub(super) async fn fill(&mut self) -> Result<(usize, usize), PostgresError> {
        let (read, room) =
            std::future::poll_fn(|cx| self.poll_fill(cx)).await.map_err(PostgresError::lost)?;
        if read == 0 {
            let gone = "the server closed the connection";
            return Err(PostgresError::lost(io::Error::new(io::ErrorKind::UnexpectedEof, gone)));
        }
        Ok((read, room))
    }

    /// TLS hands out one record of at most 16 KB at a time, so it is read until it has no more.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(usize, usize)>> {
        let is_tls = matches!(self.socket, Socket::Tls(_));
        let mut buffer = ReadBuf::new(self.frames.spare());
        let room = buffer.remaining();
        loop {
            let before = buffer.filled().len();
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
                Poll::Pending if before == 0 => return Poll::Pending,
                Poll::Ready(Err(error)) if before == 0 => return Poll::Ready(Err(error)),
                // What ends the connection ends the next read too; first what came before it.
                Poll::Pending | Poll::Ready(Err(_)) => break,
                Poll::Ready(Ok(())) => {}
            }
            let ended = buffer.filled().len() == before;
            if !is_tls || ended || buffer.remaining() == 0 {
                break;
            }
        }
        let read = buffer.filled().len();
        self.frames.filled(read);
        Poll::Ready(Ok((read, room)))
    }

    /// Writes one message. When cancelled, the next write first ends this one.
    pub(super) async fn send(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> io::Result<()>,
    ) -> Result<(), PostgresError> {
        encode(&mut self.unsent)
            .map_err(|error| PostgresError::protocol(format!("could not encode: {error}")))?;
        let write = async {
            while self.unsent.has_remaining() {
                let written = self.socket.write(&self.unsent).await?;
                if written == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                self.unsent.advance(written);
            }
            self.socket.flush().await
        };
        let outcome = tokio::time::timeout(WRITE_TIMEOUT, write).await;
        outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(PostgresError::lost)
    }

    /// The next message that is not a notice or a changed parameter after the login; for the
    /// login and for commands, where the messages are few.
    pub(super) async fn receive(&mut self) -> Result<Message, PostgresError> {
        loop {
            let frame = self.receive_frame().await?;
            match self.parse(&frame)? {
                Message::NoticeResponse(body) => log_notice(&mut body.fields()),
                message => return Ok(message),
            }
        }
    }

    /// As [`receive`](Self::receive), but unparsed, for a tag that the parser does not know.
    pub(super) async fn receive_frame(&mut self) -> Result<Frame, PostgresError> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// Parses a message that is still in the buffer.
    pub(super) fn parse(&self, frame: &Frame) -> Result<Message, PostgresError> {
        let mut copy = BytesMut::from(self.frames.bytes(frame.whole()));
        match Message::parse(&mut copy) {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(PostgresError::protocol("half a message")),
            Err(error) => Err(PostgresError::protocol(error.to_string())),
        }
    }

    /// Closes the connection in the server's sight, as far as it still can be.
    pub(super) async fn close(mut self) {
        let goodbye = self.send(|out| {
            postgres_protocol::message::frontend::terminate(out);
            Ok(())
        });
        if goodbye.await.is_ok() {
            // The peer may be gone already; there is nobody left to tell.
            self.socket.shutdown().await.ok();
        }
    }
}

/// The fields of an ErrorResponse.
pub(super) fn server_error(body: &ErrorResponseBody) -> ServerError {
    fields(&mut body.fields())
}

/// Logs what the server says without being asked.
pub(super) fn log_notice(from: &mut ErrorFields<'_>) {
    let notice = fields(from);
    tracing::debug!(sqlstate = notice.sqlstate, "notice from the server: {}", notice.message);
}

fn fields(from: &mut ErrorFields<'_>) -> ServerError {
    let mut error = ServerError {
        sqlstate: "XX000".to_owned(),
        message: "an error without a message".to_owned(),
        detail: None,
        hint: None,
    };
    // A malformed field ends the list; what came before it is still worth showing.
    while let Ok(Some(field)) = from.next() {
        let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => error.sqlstate = value,
            b'M' => error.message = value,
            b'D' => error.detail = Some(value),
            b'H' => error.hint = Some(value),
            _ => {}
        }
    }
    error
}
