//! Kafka's record batch, version 2: bytes in, records out, and back. No files here.
//!
//! ```text
//! 0  i64 base offset            21 i16 attributes          43 i64 producer id
//! 8  i32 length from byte 12    23 i32 last offset delta   51 i16 producer epoch
//! 12 i32 leader epoch           27 i64 base timestamp      53 i32 base sequence
//! 16 i8  magic = 2              35 i64 max timestamp       57 i32 records
//! 17 u32 CRC-32C from byte 21                              61 the records
//! ```
//!
//! Our own encoder, because a borrowed record goes straight into the batch: the crate
//! `kafka-protocol` wants owned records first (and keeps one header of two with the same name); it
//! is the oracle of the tests here and the rival in `benches/log.rs`.
//!
//! Source: Apache Kafka documentation, "Message Format".

#![warn(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

mod encode;
mod records;
mod varint;

pub(super) use encode::Batch;
pub(super) use records::Records;

use crate::record::StoredRecord;
use std::sync::Arc;

/// Bytes in front of the first record.
pub(super) const HEADER_LEN: usize = 61;

/// `length` counts from here on.
const LENGTH_FROM: usize = 12;
/// The checksum covers the bytes from here on.
const CRC_FROM: usize = 21;
const MAGIC: i8 = 2;
const COMPRESSION_MASK: i16 = 0b111;
const CONTROL_BIT: i16 = 1 << 5;

/// What is wrong with bytes that should be a record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// The bytes end within the batch.
    #[error("the batch needs {need} bytes, {have} are there")]
    Short {
        /// Bytes the batch needs.
        need: u64,
        /// Bytes there are.
        have: u64,
    },
    /// No batch has this length.
    #[error("a batch cannot be {0} bytes long")]
    Length(i32),
    /// Another version of the format, or no batch at all.
    #[error("format version {0} instead of 2")]
    Magic(i8),
    /// The checksum does not match.
    #[error("checksum {computed:08x} instead of {stored:08x}")]
    Checksum {
        /// What the batch says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The batch is not the one that follows.
    #[error("base offset {found} instead of {expected}")]
    Offset {
        /// Offset that should follow.
        expected: i64,
        /// Offset found.
        found: i64,
    },
    /// Counts or offsets in the header contradict each other.
    #[error("{records} records cannot have {last_offset_delta} as their last offset delta")]
    Count {
        /// Number of records.
        records: i32,
        /// Last record's offset less the first's.
        last_offset_delta: i32,
    },
    /// Compressed batches are not written here, so not read either.
    #[error("compression type {0} is not supported")]
    Compressed(i16),
    /// The checksum is right and the record is not: a faulty writer.
    #[error("record {index} of the batch: {field} is invalid")]
    Record {
        /// Number of the record in its batch, from 0.
        index: i32,
        /// Part of the record.
        field: &'static str,
    },
}

/// The fixed part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) base_offset: i64,
    /// Offset after the last record.
    pub(super) next_offset: i64,
    /// Bytes of the whole batch, header and all.
    pub(super) len: u64,
    crc: u32,
    attributes: i16,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    records: i32,
}

impl Header {
    /// Reads a header; what it says is checked as far as the header alone can tell.
    pub(super) fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, Defect> {
        let mut rest = bytes.as_slice();
        let base_offset = i64::from_be_bytes(take(&mut rest));
        let length = i32::from_be_bytes(take(&mut rest));
        let _leader_epoch: [u8; 4] = take(&mut rest);
        let magic = i8::from_be_bytes(take(&mut rest));
        let crc = u32::from_be_bytes(take(&mut rest));
        let attributes = i16::from_be_bytes(take(&mut rest));
        let last_offset_delta = i32::from_be_bytes(take(&mut rest));
        let base_timestamp = i64::from_be_bytes(take(&mut rest));
        let max_timestamp = i64::from_be_bytes(take(&mut rest));
        let _producer: [u8; 14] = take(&mut rest);
        let records = i32::from_be_bytes(take(&mut rest));

        if magic != MAGIC {
            return Err(Defect::Magic(magic));
        }
        let len = u64::try_from(length).map_err(|_| Defect::Length(length))? + LENGTH_FROM as u64;
        if len < HEADER_LEN as u64 {
            return Err(Defect::Length(length));
        }
        let next_offset = base_offset
            .checked_add(i64::from(last_offset_delta))
            .and_then(|last| last.checked_add(1))
            .filter(|_| base_offset >= 0 && last_offset_delta >= 0 && records >= 0)
            .ok_or(Defect::Count { records, last_offset_delta })?;
        let header = Self {
            base_offset,
            next_offset,
            len,
            crc,
            attributes,
            base_timestamp,
            max_timestamp,
            records,
        };
        Ok(header)
    }

    /// Checks that this batch starts where the one before it ended.
    pub(super) fn follows(&self, expected: i64) -> Result<(), Defect> {
        if self.base_offset == expected {
            Ok(())
        } else {
            Err(Defect::Offset { expected, found: self.base_offset })
        }
    }

    /// Checks the whole batch against its checksum.
    pub(super) fn verify(&self, batch: &[u8]) -> Result<(), Defect> {
        let computed = crc32c::crc32c(batch.get(CRC_FROM..).unwrap_or_default());
        if computed == self.crc {
            Ok(())
        } else {
            Err(Defect::Checksum { stored: self.crc, computed })
        }
    }

    /// Whether the records are Kafka's own (transaction markers), which no consumer sees.
    pub(super) const fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }
}

/// Splits the first `N` bytes off. Only for input whose length is known.
fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (head, rest) = bytes.split_first_chunk().expect("the header's fields sum up to its length");
    *bytes = rest;
    *head
}

/// Decodes batches that stand one behind the other, as a segment file holds them, into records of
/// `topic`; stops at the first defect.
///
/// # Errors
///
/// [`Defect`] of the first batch that is none; records in front of it are in `into`.
pub fn decode_batches(
    topic: &Arc<str>,
    mut bytes: &[u8],
    into: &mut Vec<StoredRecord>,
) -> Result<(), Defect> {
    while !bytes.is_empty() {
        let have = bytes.len() as u64;
        let head = bytes.first_chunk().ok_or(Defect::Short { need: HEADER_LEN as u64, have })?;
        let header = Header::parse(head)?;
        let (batch, rest) = usize::try_from(header.len)
            .ok()
            .and_then(|len| bytes.split_at_checked(len))
            .ok_or(Defect::Short { need: header.len, have })?;
        header.verify(batch)?;
        let mut records = Records::new(&header, batch)?;
        while let Some(record) = records.next(topic, batch)? {
            into.push(record);
        }
        bytes = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
