//! Counts records and throws them away, for measuring everything before the sink.

use super::Delivered;
use super::Deliveries;
use super::Sink;
use super::SinkError;
use crate::record::Record;
use std::sync::Arc;

/// See the module's description.
#[derive(Debug, Default)]
pub struct NullSink {
    deliveries: Arc<Deliveries>,
    last: Option<u64>,
    records: u64,
    bytes: u64,
}

impl NullSink {
    /// Records and bytes that were thrown away.
    #[must_use]
    pub const fn thrown_away(&self) -> (u64, u64) {
        (self.records, self.bytes)
    }
}

impl Sink for NullSink {
    async fn ensure_topics(&mut self, _topics: &[Arc<str>]) -> Result<(), SinkError> {
        Ok(())
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        self.records += 1;
        self.bytes += record.weight() as u64;
        self.last = Some(record.sequence);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if let Some(last) = self.last.take() {
            self.deliveries.report(Delivered::UpTo(last));
        }
        Ok(())
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}
