//! The way from the engine into the sink, and of deliveries back into the engine.
//!
//! With transforms, a record's topic is known only once it was transformed. One for a topic that was
//! not made yet waits, and everything behind it, until [`Outlet::ensure_topics`] has made it.

use super::position::PositionOrigin;
use super::transforms::Transforms;
use crate::engine::Engine;
use crate::error::Error;
use crate::lsn::Lsn;
use crate::offsets::SourceOffset;
use crate::progress::Progress;
use crate::record::Record;
use crate::sink::AnySink;
use crate::sink::Delivered;
use crate::sink::Deliveries;
use crate::sink::Sink;
use crate::sink::SinkError;
use crate::transform::Chain;
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
    transforms: Option<Box<Transforms>>,
    failure: Option<Error>,
    reports: Vec<Delivered>,
}

impl Outlet {
    pub(super) fn new(sink: AnySink, tap: Option<Box<dyn Tap>>, chain: Chain) -> Self {
        let transforms = (!chain.is_empty()).then(|| Box::new(Transforms::new(chain)));
        Self { sink, tap, transforms, failure: None, reports: Vec::new() }
    }

    pub(super) fn take(&mut self, record: &Record<'_>) {
        if self.failure.is_some() {
            return;
        }
        let Self { sink, tap, transforms, .. } = self;
        let taken = match transforms {
            None => send(sink, tap, record).map_err(Error::from),
            Some(transforms) => match transforms.apply(record) {
                Ok(Some(ready)) => send(sink, tap, &ready).map_err(Error::from),
                Ok(None) => Ok(()),
                Err(error) => Err(error.into()),
            },
        };
        // What is dropped is as good as delivered.
        if let Some(sequence) = self.transforms.as_mut().and_then(|t| t.take_dropped()) {
            self.sink.deliveries().report(Delivered::One(sequence));
        }
        self.failure = taken.err();
    }

    /// True when records wait for [`ensure_topics`](Self::ensure_topics).
    pub(super) fn waits_for_topics(&self) -> bool {
        self.transforms.as_ref().is_some_and(|transforms| transforms.is_waiting())
    }

    /// Makes topics before their first record: `topics`, or with transforms those that they have
    /// come up with; then sends what waited for them.
    pub(super) async fn ensure_topics(&mut self, topics: &[Arc<str>]) -> Result<(), SinkError> {
        let Self { sink, tap, transforms, .. } = self;
        let Some(transforms) = transforms else { return sink.ensure_topics(topics).await };
        let topics = transforms.missing_topics();
        if topics.is_empty() {
            return Ok(());
        }
        sink.ensure_topics(&topics).await?;
        for record in transforms.go_on(topics) {
            send(sink, tap, &record.as_record())?;
        }
        Ok(())
    }

    /// Positions from now on belong to this cluster.
    pub(super) fn set_origin(&mut self, origin: Option<&PositionOrigin>) {
        if let (AnySink::Transactional(sink), Some(origin)) = (&mut self.sink, origin) {
            sink.set_origin(&origin.system_id, origin.timeline);
        }
    }

    /// How far the sink itself has stored the position; `None` when it does not.
    pub(super) fn committed(&self) -> Option<Lsn> {
        match &self.sink {
            AnySink::Transactional(sink) => Some(sink.committed()),
            _ => None,
        }
    }

    /// Takes note of a place where no source transaction is open; called behind each frame.
    pub(super) fn boundary(&mut self, engine: &Engine) {
        if let AnySink::Transactional(sink) = &mut self.sink
            && !engine.in_transaction()
        {
            sink.boundary(engine.position());
        }
    }

    /// Sets the members that stored positions have from here on, beside those of the stream.
    pub(super) fn set_members(&mut self, members: &serde_json::Map<String, serde_json::Value>) {
        if let AnySink::Transactional(sink) = &mut self.sink {
            sink.set_members(members.clone());
        }
    }

    /// Everything sent before `offset`, which says that a snapshot runs, is complete or thrown away.
    pub(super) fn begin_snapshot(&mut self, engine: &Engine, offset: &SourceOffset) {
        if let AnySink::Transactional(sink) = &mut self.sink {
            sink.begin_snapshot(offset, engine.progress().next_sequence().checked_sub(1));
        }
    }

    /// Every row of the snapshot was sent. With Kafka transactions `offset`, which says so, is
    /// stored with them, and counts as a record in flight until it is.
    pub(super) fn end_snapshot(&mut self, engine: &mut Engine, offset: &SourceOffset) {
        if let AnySink::Transactional(sink) = &mut self.sink {
            sink.end_snapshot(offset, engine.progress_mut().sent(0));
        }
    }

    /// The run ends: nothing is gathered any more.
    pub(super) fn finish(&mut self, engine: &Engine) -> Result<(), Error> {
        self.flush(engine)?;
        if let AnySink::Transactional(sink) = &mut self.sink {
            sink.finish(engine.position());
        }
        Ok(())
    }

    /// Nothing more is at hand: starts writing, and tells of a failure.
    pub(super) fn flush(&mut self, engine: &Engine) -> Result<(), Error> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if let Some(transforms) = &mut self.transforms {
            transforms.warn();
        }
        let waits = self.waits_for_topics();
        match &mut self.sink {
            // What waits for its topic is not behind the position yet.
            AnySink::Transactional(sink) if !waits => sink.hand_over(engine.position()),
            sink => sink.flush()?,
        }
        self.tap.as_mut().map_or(Ok(()), |tap| tap.flush())?;
        Ok(())
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
}

fn send(
    sink: &mut AnySink,
    tap: &mut Option<Box<dyn Tap>>,
    record: &Record<'_>,
) -> Result<(), SinkError> {
    sink.send(record)?;
    if let Some(tap) = tap {
        tap.record(record);
    }
    Ok(())
}
