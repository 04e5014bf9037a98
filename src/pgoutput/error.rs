//! Why bytes from the server could not be read.

use super::Tag;

/// A frame or message did not have the documented layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ended inside a field.
    #[error("{field}: need {need} bytes at offset {offset}, {have} left")]
    Truncated {
        /// Field being read.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// Bytes it takes.
        need: usize,
        /// Bytes that are left.
        have: usize,
    },
    /// A length was negative.
    #[error("{field}: negative length {len} at offset {offset}")]
    NegativeLength {
        /// Field being read.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// The length as sent.
        len: i32,
    },
    /// A byte had none of its allowed values.
    #[error("{field}: unexpected byte {found:#04x} at offset {offset}")]
    UnexpectedByte {
        /// Field being read.
        field: &'static str,
        /// Where it stands.
        offset: usize,
        /// The byte.
        found: u8,
    },
    /// A name was not closed by a zero byte, or was no UTF-8.
    #[error("{field}: no zero-terminated UTF-8 text at offset {offset}")]
    InvalidText {
        /// Field being read.
        field: &'static str,
        /// Where it begins.
        offset: usize,
    },
    /// A message of a kind that no protocol version up to 4 has.
    #[error("unknown pgoutput message {tag:#04x}; protocol versions 1 to 4 are known")]
    UnknownTag {
        /// The message's first byte.
        tag: u8,
    },
    /// Bytes were left over, so the layout was misread.
    #[error("{tag:?}: {left} bytes left after the last field")]
    TrailingBytes {
        /// Kind of message.
        tag: Tag,
        /// How many.
        left: usize,
    },
    /// A frame was neither WAL data nor a keepalive.
    #[error("unknown replication frame {kind:#04x}; expected 'w' or 'k'")]
    UnknownFrame {
        /// The frame's first byte.
        kind: u8,
    },
}
