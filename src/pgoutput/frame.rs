//! The outer layer: what each CopyData message of a replication stream holds.

use super::DecodeError;
use super::cursor::Cursor;
use crate::lsn::Lsn;
use crate::pgtime::PgTime;

/// A message of the walsender.
///
/// Source: PostgreSQL manual, "Streaming Replication Protocol", XLogData and Primary keepalive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `w`: one message of the output plugin.
    Wal {
        /// Position of the change; the transaction's end for COMMIT, 0/0 for RELATION and TYPE.
        start: Lsn,
        /// End of WAL on the server when it was sent (equal to `start` in logical mode).
        end: Lsn,
        /// The server's clock.
        clock: PgTime,
        /// The plugin's message.
        body: &'a [u8],
    },
    /// `k`: the server is alive.
    Keepalive {
        /// Everything before this position has been sent.
        end: Lsn,
        /// The server's clock.
        clock: PgTime,
        /// True when the server will cut the connection unless it gets a status update soon.
        reply_requested: bool,
    },
}

impl<'a> Frame<'a> {
    /// Reads one frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes do not have the documented layout.
    pub fn decode(input: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(input);
        match cursor.u8("frame.kind")? {
            b'w' => Ok(Self::Wal {
                start: cursor.lsn("frame.start")?,
                end: cursor.lsn("frame.end")?,
                clock: cursor.time("frame.clock")?,
                body: cursor.take_rest(),
            }),
            b'k' => Ok(Self::Keepalive {
                end: cursor.lsn("keepalive.end")?,
                clock: cursor.time("keepalive.clock")?,
                reply_requested: cursor.u8("keepalive.reply")? != 0,
            }),
            kind => Err(DecodeError::UnknownFrame { kind }),
        }
    }
}

/// Length of a status update in bytes.
pub const STATUS_UPDATE_LEN: usize = 34;

/// Writes a standby status update (`r`), the reply to keepalives and the confirmation of LSNs.
#[must_use]
pub fn status_update(
    written: Lsn,
    flushed: Lsn,
    applied: Lsn,
    clock: PgTime,
    reply_requested: bool,
) -> [u8; STATUS_UPDATE_LEN] {
    let fields = [
        written.as_u64().to_be_bytes(),
        flushed.as_u64().to_be_bytes(),
        applied.as_u64().to_be_bytes(),
        clock.wire().to_be_bytes(),
    ];
    let mut out = [0; STATUS_UPDATE_LEN];
    let bytes = std::iter::once(b'r')
        .chain(fields.into_iter().flatten())
        .chain(std::iter::once(u8::from(reply_requested)));
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wal_frame_keeps_the_body() {
        let mut input = vec![b'w'];
        input.extend(7u64.to_be_bytes());
        input.extend(9u64.to_be_bytes());
        input.extend(11i64.to_be_bytes());
        input.extend(b"body");
        let frame = Frame::decode(&input).unwrap();
        assert_eq!(
            frame,
            Frame::Wal {
                start: Lsn::new(7),
                end: Lsn::new(9),
                clock: PgTime::from_wire(11),
                body: b"body"
            }
        );
        for len in 0..25 {
            assert!(Frame::decode(&input[..len]).is_err(), "prefix of {len} bytes");
        }
    }

    #[test]
    fn keepalive_says_whether_a_reply_is_due() {
        let mut input = vec![b'k'];
        input.extend(7u64.to_be_bytes());
        input.extend(0i64.to_be_bytes());
        input.push(1);
        let frame = Frame::decode(&input).unwrap();
        assert!(matches!(frame, Frame::Keepalive { reply_requested: true, .. }));
        assert!(Frame::decode(&input[..17]).is_err());
    }

    #[test]
    fn unknown_frame_is_an_error() {
        assert_eq!(Frame::decode(b"x"), Err(DecodeError::UnknownFrame { kind: b'x' }));
    }

    #[test]
    fn status_update_has_the_documented_layout() {
        let update =
            status_update(Lsn::new(1), Lsn::new(2), Lsn::new(3), PgTime::from_wire(4), true);
        assert_eq!(update[0], b'r');
        assert_eq!(update[8], 1);
        assert_eq!(update[16], 2);
        assert_eq!(update[24], 3);
        assert_eq!(update[32], 4);
        assert_eq!(update[33], 1);
    }
}
