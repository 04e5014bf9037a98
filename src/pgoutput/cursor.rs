//! Checked big-endian reader over one message.

use super::DecodeError;
use super::Tag;
use crate::lsn::Lsn;
use crate::pgtime::PgTime;

/// Reads fields in order and remembers where it is, for error messages.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    input: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, rest: input }
    }

    pub(super) fn offset(&self) -> usize {
        self.input.len() - self.rest.len()
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes everything that is left.
    pub(super) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Takes `need` bytes.
    pub(super) fn bytes(
        &mut self,
        field: &'static str,
        need: usize,
    ) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(need) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(DecodeError::Truncated {
                field,
                offset: self.offset(),
                need,
                have: self.rest.len(),
            }),
        }
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(DecodeError::Truncated {
                field,
                offset: self.offset(),
                need: N,
                have: self.rest.len(),
            }),
        }
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.array(field).map(i32::from_be_bytes)
    }

    pub(super) fn lsn(&mut self, field: &'static str) -> Result<Lsn, DecodeError> {
        self.array(field).map(u64::from_be_bytes).map(Lsn::new)
    }

    pub(super) fn time(&mut self, field: &'static str) -> Result<PgTime, DecodeError> {
        self.array(field).map(i64::from_be_bytes).map(PgTime::from_wire)
    }

    /// Reads one byte that can only be `want`.
    pub(super) fn expect(&mut self, field: &'static str, want: u8) -> Result<(), DecodeError> {
        let offset = self.offset();
        match self.u8(field)? {
            found if found == want => Ok(()),
            found => Err(DecodeError::UnexpectedByte { field, offset, found }),
        }
    }

    /// Takes `Int32 length`, then that many bytes.
    pub(super) fn sized(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let offset = self.offset();
        let len = self.i32(field)?;
        let need =
            usize::try_from(len).map_err(|_| DecodeError::NegativeLength { field, offset, len })?;
        self.bytes(field, need)
    }

    /// Takes a zero-terminated UTF-8 text; minicdc asks for `client_encoding` UTF8.
    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let invalid = DecodeError::InvalidText { field, offset: self.offset() };
        let Some(end) = self.rest.iter().position(|&byte| byte == 0) else { return Err(invalid) };
        let bytes = self.bytes(field, end)?;
        self.u8(field)?;
        std::str::from_utf8(bytes).map_err(|_| invalid)
    }

    /// The message must end here.
    pub(super) fn finish(&self, tag: Tag) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes { tag, left }),
        }
    }
}
