//! Records into a batch.

use super::{CRC_FROM, HEADER_LEN, LENGTH_FROM, MAGIC, varint};
use crate::record::Record;

/// More than a record without key, value and headers can take: lengths, timestamp, offset.
const RECORD_OVERHEAD: usize = 32;

const CREATE_TIME_UNCOMPRESSED: i16 = 0;
const NO_PRODUCER_ID: i64 = -1;
const NO_PRODUCER_EPOCH: i16 = -1;
const NO_SEQUENCE: i32 = -1;

/// A batch that takes records; their bytes are final at once, the header follows in
/// [`seal`](Self::seal).
#[derive(Debug, Default)]
pub(in crate::log) struct Batch {
    /// Room for the header, then the records.
    bytes: Vec<u8>,
    records: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl Batch {
    /// An empty batch that writes into `bytes`, which is cleared.
    pub(in crate::log) fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { bytes, ..Self::default() }
    }

    /// Number of records.
    pub(in crate::log) const fn records(&self) -> i32 {
        self.records
    }

    /// Size so far.
    pub(in crate::log) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Latest timestamp of the records.
    pub(in crate::log) const fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Whether the format has room for this record behind those that are here.
    pub(in crate::log) fn has_room_for(&self, record: &Record<'_>) -> bool {
        let headers = record.all_headers().count();
        let bound = record
            .weight()
            .saturating_add((2 + 2 * headers) * RECORD_OVERHEAD)
            .saturating_add(self.bytes.len().max(HEADER_LEN));
        i32::try_from(bound).is_ok() && self.records < i32::MAX
    }

    /// Appends a record; the caller has asked [`has_room_for`](Self::has_room_for).
    pub(in crate::log) fn push(&mut self, record: &Record<'_>, timestamp_ms: i64) {
        let timestamp_ms = record.timestamp_ms().unwrap_or(timestamp_ms);
        if self.records == 0 {
            self.bytes.resize(HEADER_LEN, 0);
            self.base_timestamp = timestamp_ms;
            self.max_timestamp = timestamp_ms;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp_ms);
        let timestamp_delta = timestamp_ms.wrapping_sub(self.base_timestamp);
        let offset_delta = i64::from(self.records);
        let (headers, headers_len) = record.all_headers().fold((0, 0), |(count, len), header| {
            (count + 1, len + field_len(Some(header.0.as_bytes())) + field_len(header.1))
        });
        let body = 1
            + varint::len(timestamp_delta)
            + varint::len(offset_delta)
            + field_len(record.key)
            + field_len(record.value)
            + varint::len(headers)
            + headers_len;

        let out = &mut self.bytes;
        varint::put(out, signed(body));
        out.push(0); // attributes: none are defined
        varint::put(out, timestamp_delta);
        varint::put(out, offset_delta);
        put_field(out, record.key);
        put_field(out, record.value);
        varint::put(out, headers);
        for (name, value) in record.all_headers() {
            put_field(out, Some(name.as_bytes()));
            put_field(out, value);
        }
        self.records += 1;
    }

    /// Writes the header and returns the whole batch.
    pub(in crate::log) fn seal(&mut self, base_offset: i64) -> &[u8] {
        let length = i32::try_from(self.bytes.len() - LENGTH_FROM)
            .expect("`has_room_for` was asked for every record");
        let mut head = Vec::with_capacity(HEADER_LEN);
        head.extend_from_slice(&base_offset.to_be_bytes());
        head.extend_from_slice(&length.to_be_bytes());
        head.extend_from_slice(&0_i32.to_be_bytes()); // leader epoch: there was one leader, ever
        head.extend_from_slice(&MAGIC.to_be_bytes());
        head.extend_from_slice(&0_u32.to_be_bytes());
        head.extend_from_slice(&CREATE_TIME_UNCOMPRESSED.to_be_bytes());
        head.extend_from_slice(&(self.records - 1).to_be_bytes());
        head.extend_from_slice(&self.base_timestamp.to_be_bytes());
        head.extend_from_slice(&self.max_timestamp.to_be_bytes());
        head.extend_from_slice(&NO_PRODUCER_ID.to_be_bytes());
        head.extend_from_slice(&NO_PRODUCER_EPOCH.to_be_bytes());
        head.extend_from_slice(&NO_SEQUENCE.to_be_bytes());
        head.extend_from_slice(&self.records.to_be_bytes());
        if let Some(room) = self.bytes.first_chunk_mut::<HEADER_LEN>() {
            room.copy_from_slice(&head);
        }
        let crc = crc32c::crc32c(self.bytes.get(CRC_FROM..).unwrap_or_default());
        if let Some(room) = self.bytes.get_mut(CRC_FROM - 4..CRC_FROM) {
            room.copy_from_slice(&crc.to_be_bytes());
        }
        &self.bytes
    }

    /// The buffer, for the next batch.
    pub(in crate::log) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

fn field_len(field: Option<&[u8]>) -> usize {
    field.map_or(1, |bytes| varint::len(signed(bytes.len())) + bytes.len())
}

fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => varint::put(out, -1),
        Some(bytes) => {
            varint::put(out, signed(bytes.len()));
            out.extend_from_slice(bytes);
        }
    }
}

fn signed(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is larger than isize::MAX")
}
