//! One JSON line per record on standard output.

use super::Delivered;
use super::Deliveries;
use super::Sink;
use super::SinkError;
use crate::record::Record;
use crate::stage::record_json;
use std::io::{ErrorKind, Stdout, Write};
use std::sync::Arc;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Writes records as lines; a record counts as delivered once its line was taken by whoever reads
/// standard output.
#[derive(Debug)]
pub struct StdoutSink<W = Stdout> {
    out: W,
    buffer: Vec<u8>,
    last: Option<u64>,
    deliveries: Arc<Deliveries>,
}

impl Default for StdoutSink {
    fn default() -> Self {
        Self::new(std::io::stdout())
    }
}

impl<W: Write + Send> StdoutSink<W> {
    /// Writes to `out` instead of standard output.
    pub fn new(out: W) -> Self {
        Self { out, buffer: Vec::new(), last: None, deliveries: Arc::default() }
    }

    fn write_out(&mut self) -> Result<(), SinkError> {
        let written = self.out.write_all(&self.buffer).and_then(|()| self.out.flush());
        self.buffer.clear();
        match written {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(SinkError::Closed),
            Err(error) => Err(SinkError::Broken {
                sink: "standard output".to_owned(),
                source: Box::new(error),
            }),
        }
    }
}

impl<W: Write + Send> Sink for StdoutSink<W> {
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
            record.all_headers().map(|(name, value)| (name, Some(value))),
        );
        self.buffer.push(b'\n');
        self.last = Some(record.sequence);
        if self.buffer.len() >= BUFFER_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        if let Some(last) = self.last.take() {
            self.write_out()?;
            self.deliveries.report(Delivered::UpTo(last));
        }
        Ok(())
    }

    fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}
