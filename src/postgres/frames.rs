//! Cuts the server's byte stream into messages, without copying them.
//!
//! One buffer holds what was read: `bytes[start..end]`, and `start <= end <= bytes.len()` always.
//! Messages are handed out as ranges of it and stay valid until the next call of [`spare`]. A
//! message larger than the buffer makes it grow, by doubling as bytes really arrive and never
//! because a length says so; when it is consumed the buffer goes back to its usual size.
//!
//! [`spare`]: FrameBuffer::spare

use std::ops::Range;

/// Usual size of the buffer.
const BUFFER_BYTES: usize = 512 * 1024;
/// Room below which the rest is moved to the front before the next read.
const ROOM_BYTES_MIN: usize = 128 * 1024;
/// Tag byte and length word in front of every message.
const HEADER_BYTES: usize = 5;
/// The longest message of a session: PostgreSQL builds no string of 1 GB or more, and packs one in
/// a message with a few bytes around it.
pub(super) const SESSION_FRAME_BYTES_MAX: usize = (1 << 30) + 1024;
/// The longest message before the login, when we do not know yet whom we talk to.
pub(super) const LOGIN_FRAME_BYTES_MAX: usize = 64 * 1024;

/// The stream is not made of messages.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum FrameError {
    #[error("message {tag:?} with an impossible length of {len} bytes")]
    Length { tag: char, len: u32 },
}

/// A whole message: tag, and where its body stands in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) tag: u8,
    pub(super) body: Range<usize>,
}

impl Frame {
    /// Tag, length and body, as a parser of whole messages wants them.
    pub(super) fn whole(&self) -> Range<usize> {
        self.body.start - HEADER_BYTES..self.body.end
    }
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    frame_bytes_max: usize,
}

impl FrameBuffer {
    /// An empty buffer that refuses messages longer than `frame_bytes_max`.
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, frame_bytes_max }
    }

    /// Sets another limit from here on.
    pub(super) const fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// Room for the next read, never empty; invalidates the ranges handed out.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        let rest = self.end - self.start;
        if self.bytes.len() != BUFFER_BYTES && rest <= BUFFER_BYTES - ROOM_BYTES_MIN {
            // First use, or back to the usual size after a large message.
            let mut usual = vec![0; BUFFER_BYTES];
            usual[..rest].copy_from_slice(&self.bytes[self.start..self.end]);
            self.bytes = usual;
            (self.start, self.end) = (0, rest);
        } else if rest == 0 {
            (self.start, self.end) = (0, 0);
        } else if self.bytes.len() - self.end < ROOM_BYTES_MIN {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, rest);
        }
        if self.bytes.len() - self.end < ROOM_BYTES_MIN {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Says that the first `len` bytes of [`spare`](Self::spare) hold data now.
    pub(super) fn filled(&mut self, len: usize) {
        debug_assert!(len <= self.bytes.len() - self.end, "more filled than was spare");
        self.end = self.bytes.len().min(self.end + len);
    }

    /// The next whole message, or `None` when more must be read.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(&[tag, a, b, c, d]) = self.bytes[self.start..self.end].first_chunk() else {
            return Ok(None);
        };
        // The length counts itself, not the tag.
        let len = u32::from_be_bytes([a, b, c, d]);
        let bad = FrameError::Length { tag: char::from(tag), len };
        let Ok(after_tag) = usize::try_from(len) else { return Err(bad) };
        if after_tag < HEADER_BYTES - 1 || after_tag > self.frame_bytes_max {
            return Err(bad);
        }
        if self.end - self.start < after_tag + 1 {
            return Ok(None);
        }
        let body = self.start + HEADER_BYTES..self.start + 1 + after_tag;
        self.start = body.end;
        Ok(Some(Frame { tag, body }))
    }

    /// The bytes of a range handed out.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &len.to_be_bytes()[..], body].concat()
    }

    /// Feeds `stream` in pieces and returns the messages, or the error that ended them.
    fn frames(stream: &[u8], pieces: &[usize]) -> Result<Vec<(u8, Vec<u8>)>, FrameError> {
        let mut buffer = FrameBuffer::new(SESSION_FRAME_BYTES_MAX);
        let mut found = Vec::new();
        let mut rest = stream;
        let mut sizes = pieces.iter().cycle();
        while !rest.is_empty() {
            let spare = buffer.spare();
            let len = (*sizes.next().unwrap()).clamp(1, rest.len()).min(spare.len());
            let (piece, after) = rest.split_at(len);
            spare[..len].copy_from_slice(piece);
            buffer.filled(len);
            rest = after;
            while let Some(frame) = buffer.next()? {
                assert_eq!(buffer.bytes(frame.whole())[0], frame.tag);
                found.push((frame.tag, buffer.bytes(frame.body).to_vec()));
            }
        }
        Ok(found)
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            messages in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..40),
            pieces in prop::collection::vec(1_usize..700, 1..20),
        ) {
            let stream: Vec<u8> =
                messages.iter().flat_map(|(tag, body)| message(*tag, body)).collect();
            prop_assert_eq!(frames(&stream, &pieces).unwrap(), messages);
        }

        #[test]
        fn garbage_never_panics(
            stream in prop::collection::vec(any::<u8>(), 0..2000),
            pieces in prop::collection::vec(1_usize..700, 1..20),
        ) {
            // Either outcome is right; both leave the buffer usable.
            let whole = frames(&stream, &[usize::MAX]);
            prop_assert_eq!(frames(&stream, &pieces), whole);
        }
    }

    #[test]
    fn long_message_grows_the_buffer_which_shrinks_again() {
        let mut buffer = FrameBuffer::new(SESSION_FRAME_BYTES_MAX);
        let body = vec![7; 20 * BUFFER_BYTES];
        let stream = [message(b'd', &body), message(b'd', b"short")].concat();
        let mut rest = &stream[..];
        let mut seen = Vec::new();
        while !rest.is_empty() {
            let spare = buffer.spare();
            let len = spare.len().min(rest.len());
            spare[..len].copy_from_slice(&rest[..len]);
            buffer.filled(len);
            rest = &rest[len..];
            while let Some(frame) = buffer.next().unwrap() {
                seen.push(frame.body.len());
            }
        }
        assert_eq!(seen, [body.len(), 5]);
        buffer.spare();
        assert_eq!(buffer.bytes.len(), BUFFER_BYTES);
    }

    #[test]
    fn announced_length_alone_allocates_nothing() {
        let mut buffer = FrameBuffer::new(SESSION_FRAME_BYTES_MAX);
        let header = [b'd', 0x3F, 0xFF, 0xFF, 0xFF];
        buffer.spare()[..5].copy_from_slice(&header);
        buffer.filled(5);
        assert_eq!(buffer.next(), Ok(None));
        buffer.spare();
        assert_eq!(buffer.bytes.len(), BUFFER_BYTES);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for (len, limit) in [(0, 1 << 30), (3, 1 << 30), (u32::MAX, 1 << 30), (101, 100)] {
            let mut buffer = FrameBuffer::new(limit);
            let header = [b"d", &len.to_be_bytes()[..]].concat();
            buffer.spare()[..5].copy_from_slice(&header);
            buffer.filled(5);
            assert_eq!(buffer.next(), Err(FrameError::Length { tag: 'd', len }));
        }
    }
}
