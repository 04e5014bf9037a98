//! The way from the engine into the sink, and of deliveries back into the engine.

use crate::progress::Progress;
use crate::record::Record;
use crate::sink::AnySink;
use crate::sink::Delivered;
use crate::sink::Deliveries;
use crate::sink::Sink;
use crate::sink::SinkError;
use std::sync::Arc;

/// Sees each record on its way, for `--feed`.
pub trait Tap: Send {
    /// A record was taken by the sink.
    fn record(&mut self, record: &Record<'_>);

    /// Nothing more is at hand for the moment.
    ///
    /// # Errors
    ///
    /// When what was seen cannot be shown any more.
    fn flush(&mut self) -> Result<(), SinkError>;

    /// Size of what was flushed and is not shown yet, because whoever looks at it pauses.
    fn bytes_waiting(&self) -> usize;
}

/// How far what is shown may be behind before the capture waits for it.
const TAP_BYTES_MAX: usize = 1024 * 1024;

/// The sink, with the first failure kept until the loop asks for it: the engine emits records
/// without knowing that a sink can fail, and a record that was not taken is never delivered, so
/// nothing behind it is ever confirmed.
pub(super) struct Outlet {
    sink: AnySink,
    tap: Option<Box<dyn Tap>>,
    failure: Option<SinkError>,
    reports: Vec<Delivered>,
}

impl Outlet {
    pub(super) fn new(sink: AnySink, tap: Option<Box<dyn Tap>>) -> Self {
        Self { sink, tap, failure: None, reports: Vec::new() }
    }

    pub(super) fn take(&mut self, record: &Record<'_>) {
        if self.failure.is_some() {
            return;
        }
        if let Err(error) = self.sink.send(record) {
            self.failure = Some(error);
        } else if let Some(tap) = &mut self.tap {
            tap.record(record);
        }
    }

    /// Nothing more is at hand: starts writing, and tells of a failure.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        match self.failure.take() {
            Some(error) => Err(error),
            None => {
                self.sink.flush()?;
                self.tap.as_mut().map_or(Ok(()), |tap| tap.flush())
            }
        }
    }

    /// True when the tap is so far behind that nothing more should be read for now.
    pub(super) fn tap_is_behind(&self) -> bool {
        self.tap_bytes() >= TAP_BYTES_MAX
    }

    /// True when everything that was flushed is shown.
    pub(super) fn tap_is_done(&self) -> bool {
        self.tap_bytes() == 0
    }

    fn tap_bytes(&self) -> usize {
        self.tap.as_ref().map_or(0, |tap| tap.bytes_waiting())
    }

    /// Passes what the sink has reported on to `progress`.
    pub(super) fn collect(&mut self, progress: &mut Progress) -> Result<(), SinkError> {
        self.sink.deliveries().take(&mut self.reports)?;
        for report in &self.reports {
            match *report {
                Delivered::One(sequence) => progress.delivered(sequence),
                Delivered::UpTo(sequence) => progress.delivered_up_to(sequence),
            }
        }
        Ok(())
    }

    pub(super) fn deliveries(&self) -> Arc<Deliveries> {
        self.sink.deliveries().clone()
    }

    pub(super) async fn ensure_topics(&mut self, topics: &[Arc<str>]) -> Result<(), SinkError> {
        self.sink.ensure_topics(topics).await
    }
}
