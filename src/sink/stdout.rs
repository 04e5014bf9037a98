//! One JSON line per record on standard output.

use super::BackgroundWriter;
use super::Delivered;
use super::Deliveries;
use super::Sink;
use super::SinkError;
use crate::record::Record;
use crate::stage::record_json;
use std::io::Write;
use std::sync::Arc;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Writes records as lines; a record counts as delivered once its line was taken by whoever reads
/// standard output.
#[derive(Debug)]
pub struct StdoutSink {
    writer: BackgroundWriter,
    buffer: Vec<u8>,
    last: Option<u64>,
    deliveries: Arc<Deliveries>,
}

impl StdoutSink {
    /// Writes to standard output.
    ///
    /// # Errors
    ///
    /// As [`BackgroundWriter::start`].
    pub fn start() -> std::io::Result<Self> {
        Self::to(std::io::stdout())
    }

    /// Writes to `out` instead.
    ///
    /// # Errors
    ///
    /// As [`BackgroundWriter::start`].
    pub fn to(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let deliveries = Arc::<Deliveries>::default();
        let board = Arc::clone(&deliveries);
        let report = move |outcome| match outcome {
            Ok(last) => board.report(Delivered::UpTo(last)),
            Err(error) => board.fail(error),
        };
        let writer = BackgroundWriter::start("standard output", out, report)?;
        Ok(Self { writer, buffer: Vec::new(), last: None, deliveries })
    }
}

impl Sink for StdoutSink {
    async fn ensure_topics(&mut self, _topics: &[Arc<str>]) -> Result<(), SinkError> {
        Ok(())
    }

    fn send(&mut self, record: &Record<'_>) -> Result<(), SinkError> {
        record_json::write(
            &mut self.buffer,
            record.topic,
            record.partition,
            None,
            None,
            record.key,
            record.value,
            record.all_headers(),
        );
        self.buffer.push(b'\n');
        self.last = Some(record.sequence);
        if self.buffer.len() >= BUFFER_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if let Some(last) = self.last.take() {
            self.writer.write(std::mem::take(&mut self.buffer), last);
        }
        Ok(())
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}
