//! Records out of a batch.

use super::{COMPRESSION_MASK, Defect, HEADER_LEN, Header, varint};
use crate::record::StoredRecord;
use std::sync::Arc;

/// A place within a batch, so that the batch need not be borrowed between two records.
#[derive(Debug, Clone, Copy)]
pub(in crate::log) struct Records {
    header: Header,
    /// Byte of the batch where the next record starts.
    position: usize,
    index: i32,
}

impl Records {
    /// At the first record of `batch`.
    ///
    /// # Errors
    ///
    /// [`Defect::Compressed`].
    pub(in crate::log) fn new(header: &Header, batch: &[u8]) -> Result<Self, Defect> {
        debug_assert_eq!(batch.len() as u64, header.len, "the batch is the header's");
        match header.attributes & COMPRESSION_MASK {
            // Control batches are Kafka's own business: skip their records.
            0 if header.is_control() => {
                Ok(Self { header: *header, position: batch.len(), index: header.records })
            }
            0 => Ok(Self { header: *header, position: HEADER_LEN, index: 0 }),
            kind => Err(Defect::Compressed(kind)),
        }
    }

    /// Header of the batch.
    pub(in crate::log) const fn header(&self) -> &Header {
        &self.header
    }

    /// The next record of `batch`, which is the one given to [`new`](Self::new).
    pub(in crate::log) fn next(
        &mut self,
        topic: &Arc<str>,
        batch: &[u8],
    ) -> Result<Option<StoredRecord>, Defect> {
        let mut rest = batch.get(self.position..).unwrap_or_default();
        if self.index >= self.header.records {
            return if rest.is_empty() { Ok(None) } else { Err(self.defect("bytes behind it")) };
        }
        let body = take_bytes(&mut rest).flatten().ok_or(self.defect("length"))?;
        let record = self.decode(topic, body)?;
        self.position = batch.len() - rest.len();
        self.index += 1;
        Ok(Some(record))
    }

    fn decode(&self, topic: &Arc<str>, mut body: &[u8]) -> Result<StoredRecord, Defect> {
        let body = &mut body;
        let (_attributes, tail) = body.split_first().ok_or(self.defect("attributes"))?;
        *body = tail;
        let timestamp_ms = varint::take(body)
            .and_then(|delta| self.header.base_timestamp.checked_add(delta))
            .ok_or(self.defect("timestamp"))?;
        let offset = varint::take(body)
            .and_then(|delta| self.header.base_offset.checked_add(delta))
            .filter(|offset| (self.header.base_offset..self.header.next_offset).contains(offset))
            .ok_or(self.defect("offset"))?;
        let key = take_bytes(body).ok_or(self.defect("key"))?.map(<[u8]>::to_vec);
        let value = take_bytes(body).ok_or(self.defect("value"))?.map(<[u8]>::to_vec);
        let count = self.header_count(body)?;
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            let name = take_bytes(body)
                .flatten()
                .and_then(|name| std::str::from_utf8(name).ok())
                .ok_or(self.defect("header name"))?;
            let value = take_bytes(body).ok_or(self.defect("header value"))?;
            headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
        }
        if !body.is_empty() {
            return Err(self.defect("end"));
        }
        let topic = Arc::clone(topic);
        Ok(StoredRecord { topic, partition: 0, offset, timestamp_ms, key, value, headers })
    }

    fn header_count(&self, body: &mut &[u8]) -> Result<usize, Defect> {
        varint::take(body)
            .and_then(|count| usize::try_from(count).ok())
            // A header takes two bytes at least, so the body bounds what is reserved.
            .filter(|count| *count <= body.len() / 2)
            .ok_or(self.defect("header count"))
    }

    const fn defect(&self, field: &'static str) -> Defect {
        Defect::Record { index: self.index, field }
    }
}

/// A length and that many bytes; -1 is Kafka's null. The outer `None`: not there.
#[expect(clippy::option_option, reason = "absent and null are different things here")]
fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match varint::take(from)? {
        -1 => Some(None),
        len => {
            let (bytes, rest) = from.split_at_checked(usize::try_from(len).ok()?)?;
            *from = rest;
            Some(Some(bytes))
        }
    }
}
