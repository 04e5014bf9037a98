//! `capture --feed`: the changes of every table on standard output, as `tail` shows them.

use super::text::stdout_width;
use minicdc::capture::Tap;
use minicdc::config::wants_colour;
use minicdc::error::Error;
use minicdc::record::Record;
use minicdc::sink::{BackgroundWriter, SinkError};
use minicdc::stage::{FeedOptions, FeedWriter, RecordView};
use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, PoisonError};

/// Feed lines that are drawn together; they share their widths.
const LINES_WAITING_MAX: usize = 128;

/// Draws the feed of what is captured.
pub(crate) struct FeedTap {
    feed: FeedWriter,
    out: Vec<u8>,
    writer: BackgroundWriter,
    failure: Arc<Mutex<Option<SinkError>>>,
}

impl FeedTap {
    pub(crate) fn start() -> Result<Self, Error> {
        let stdout = io::stdout();
        let zone = jiff::tz::TimeZone::system();
        let options = FeedOptions {
            color: wants_colour(stdout.is_terminal()),
            width: stdout_width(),
            today: Some(jiff::Timestamp::now().to_zoned(zone.clone()).date()),
            zone,
            table_column: true,
        };
        let failure = Arc::<Mutex<_>>::default();
        let failed = Arc::clone(&failure);
        let report = move |outcome: Result<u64, SinkError>| {
            if let Err(error) = outcome {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
        };
        let writer = BackgroundWriter::start("standard output", stdout, report);
        let writer = writer.map_err(Error::Runtime)?;
        Ok(Self { feed: FeedWriter::new(options), out: Vec::new(), writer, failure })
    }

    fn draw(&mut self) {
        if self.feed.waiting() > 0 {
            self.feed.resize(stdout_width());
            self.feed.draw(&mut self.out);
        }
    }
}

impl Tap for FeedTap {
    fn record(&mut self, record: &Record<'_>) {
        self.feed.push(&RecordView::from(record));
        if self.feed.waiting() >= LINES_WAITING_MAX {
            self.draw();
        }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.draw();
        if !self.out.is_empty() {
            self.writer.write(std::mem::take(&mut self.out), 0);
        }
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn bytes_waiting(&self) -> usize {
        self.writer.bytes_waiting()
    }
}
