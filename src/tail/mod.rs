//! `minicdc tail`: reads topics back and shows them.
//!
//! Three steps: find the topics (waiting for them when asked to), show the last changes or go to
//! the place that was asked for, then follow. Output is collected while records are at hand and
//! written when there are none, so that catching up is fast and following is immediate.

mod backlog;
mod printer;
mod start;

pub use printer::Format;
pub use start::{Start, StartError};

use crate::config::SinkConfig;
use crate::error::Error;
use crate::record::StoredRecord;
use crate::source::{Source, StartAt};
use crate::stage::feed::Heading;
use crate::stage::names::{self, NameError};
use crate::stage::{FeedOptions, names::is_internal};
use backlog::Backlog;
use jiff::Zoned;
use printer::{Look, Printer};
use std::io::Write;
use std::time::{Duration, Instant};

/// Records taken from the source at once.
const READ_MAX: usize = 1024;

/// Output that is written without waiting for the end of the records at hand.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// How often topics are looked for: ones that are waited for, and new ones behind `'*'`.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The longest wait between two looks at the clock.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// What `minicdc tail` is asked for.
#[derive(Debug, Clone)]
pub struct TailOptions {
    /// Topics, or the ends of their names; `*` for all.
    pub names: Vec<String>,
    /// Where to begin.
    pub start: Start,
    /// Whether to go on with what comes.
    pub follow: bool,
    /// Whether to wait for topics that do not exist.
    pub wait: bool,
    /// Changes after which to stop.
    pub limit: Option<u64>,
    /// How to show them.
    pub format: Format,
    /// Time between two tables.
    pub interval: Duration,
    /// Whether there are colours.
    pub color: bool,
    /// Asks for the columns of the terminal; `None` when there is none.
    pub width: fn() -> Option<usize>,
    /// The reader's time and zone.
    pub now: Zoned,
}

/// Shows topics on `out` until there is no more to show or `stop` completes. `say` gets what the
/// person should know meanwhile.
///
/// # Errors
///
/// [`Error::Name`] for a topic that cannot be told, [`Error::Source`] when records cannot be read,
/// [`Error::Output`] when `out` cannot be written.
pub async fn run(
    config: &SinkConfig,
    options: TailOptions,
    out: &mut impl Write,
    say: impl Fn(&str),
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let mut stop = std::pin::pin!(stop);
    let found = tokio::select! {
        biased;
        () = &mut stop => return Ok(()),
        found = find(config, &options, say) => found?,
    };
    let mut tail = Tail::new(config, options, found, out);
    let ended = tokio::select! {
        biased;
        () = &mut stop => Ok(()),
        ended = tail.run() => ended,
    };
    ended?;
    tail.finish()
}

/// Opens the source and finds the topics.
async fn find(
    config: &SinkConfig,
    options: &TailOptions,
    say: impl Fn(&str),
) -> Result<(Source, Vec<String>), Error> {
    let mut said = false;
    loop {
        let missing = match Source::open(config).await {
            Ok(source) => match resolve(options, &source.topics().await?, config) {
                Ok(topics) => return Ok((source, topics)),
                Err(error @ NameError::Unknown { .. }) if options.wait => Error::from(error),
                Err(error) => return Err(error.into()),
            },
            Err(error) if options.wait && error.is_not_there_yet() => error.into(),
            Err(error) => return Err(error.into()),
        };
        if !std::mem::replace(&mut said, true) {
            say(&format!("waiting: {missing}"));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The topics that are meant, each once, in the order they were named.
fn resolve(
    options: &TailOptions,
    topics: &[String],
    config: &SinkConfig,
) -> Result<Vec<String>, NameError> {
    let mut found: Vec<String> = Vec::new();
    for name in &options.names {
        let named = if name == "*" {
            let all = topics.iter().filter(|topic| !is_internal(topic, &config.offset_topic));
            let all: Vec<String> = all.cloned().collect();
            if all.is_empty() {
                return Err(NameError::Unknown { name: name.clone(), topics: Vec::new() });
            }
            all
        } else {
            vec![names::resolve(name, topics, &config.offset_topic)?]
        };
        for topic in named {
            if !found.contains(&topic) {
                found.push(topic);
            }
        }
    }
    Ok(found)
}

/// The running tail.
struct Tail<'a, W> {
    options: TailOptions,
    offset_topic: &'a str,
    source: Source,
    topics: Vec<String>,
    printer: Printer,
    out: &'a mut W,
    /// Text that is not written yet.
    text: Vec<u8>,
    shown: u64,
    next_look: Instant,
    next_batch: Instant,
}

impl<'a, W: Write> Tail<'a, W> {
    fn new(
        config: &'a SinkConfig,
        options: TailOptions,
        (source, topics): (Source, Vec<String>),
        out: &'a mut W,
    ) -> Self {
        let feed = FeedOptions {
            color: options.color,
            width: (options.width)(),
            zone: options.now.time_zone().clone(),
            today: Some(options.now.date()),
            table_column: topics.len() > 1 || options.names.iter().any(|name| name == "*"),
        };
        Self {
            printer: Printer::new(options.format, feed),
            offset_topic: &config.offset_topic,
            options,
            source,
            topics,
            out,
            text: Vec::new(),
            shown: 0,
            next_look: Instant::now() + LOOK_INTERVAL,
            next_batch: Instant::now(),
        }
    }

    async fn run(&mut self) -> Result<(), Error> {
        let headings = self.open().await?;
        let look = Look { following: self.options.follow, color: self.options.color };
        self.printer.headings(&mut self.text, &headings, look);
        self.write()?;
        if self.is_done() {
            return Ok(());
        }
        if let Start::Last(shown_max) = self.options.start {
            self.show_last(shown_max).await?;
        }
        self.follow().await
    }

    /// Opens every topic at its start.
    async fn open(&mut self) -> Result<Vec<Heading>, Error> {
        let start = match self.options.start {
            Start::At(start) => start,
            // Tombstones and the marks of transactions take offsets, too.
            Start::Last(0) => StartAt::Last(self.printer.records_before()),
            Start::Last(shown_max) => {
                let shown_max = u64::try_from(shown_max).unwrap_or(u64::MAX);
                let enough = shown_max.saturating_mul(4).saturating_add(100);
                StartAt::Last(enough.max(self.printer.records_before()))
            }
        };
        let names: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let mut headings = Vec::new();
        for topic in &self.topics {
            let records = self.source.add(topic, start).await?;
            let label = names::short(topic, &names);
            headings.push(Heading { label, topic: topic.clone(), records });
        }
        Ok(headings)
    }

    /// Reads to the end and shows the last changes.
    async fn show_last(&mut self, shown_max: usize) -> Result<(), Error> {
        let mut backlog = Backlog::new(shown_max);
        let mut records = Vec::with_capacity(READ_MAX);
        while !self.source.is_at_end() {
            if self.source.read(&mut records, READ_MAX)? == 0 && !self.source.is_at_end() {
                self.source.wait(WAIT_MAX).await;
            }
            for record in records.drain(..) {
                let shown = self.printer.shows(&record);
                backlog.push(record, shown, |record| self.printer.note(record));
            }
            tokio::task::yield_now().await;
        }
        let last = backlog.finish(|record| self.printer.note(record));
        self.show(&last)
    }

    /// Shows what comes; without `--follow` up to where the topics ended.
    async fn follow(&mut self) -> Result<(), Error> {
        let mut records: Vec<StoredRecord> = Vec::with_capacity(READ_MAX);
        while !self.is_done() {
            records.clear();
            let ended = !self.options.follow && self.source.is_at_end();
            let read = if ended { 0 } else { self.source.read(&mut records, READ_MAX)? };
            self.show(&records)?;
            if read > 0 {
                // The first table holds all there was; the next ones come in time, also when
                // records never cease.
                if self.source.is_at_end() && Instant::now() >= self.next_batch {
                    self.pause()?;
                }
                tokio::task::yield_now().await;
                continue;
            }
            self.pause()?;
            if !self.options.follow && self.source.is_at_end() {
                return Ok(());
            }
            self.look_for_topics().await;
            self.source.wait(WAIT_MAX.min(self.options.interval)).await;
        }
        Ok(())
    }

    /// Shows records, as many as the limit allows.
    fn show(&mut self, records: &[StoredRecord]) -> Result<(), Error> {
        for record in records {
            if self.is_done() {
                break;
            }
            self.shown += u64::from(self.printer.push(record, &mut self.text));
            if self.text.len() >= OUTPUT_BYTES_MAX {
                self.write()?;
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.shown >= limit)
    }

    /// No record is at hand: everything that waits is written, tables when it is their time.
    fn pause(&mut self) -> Result<(), Error> {
        self.draw();
        let now = Instant::now();
        if now >= self.next_batch {
            self.printer.draw_batches(&mut self.text);
            self.next_batch = now + self.options.interval;
        }
        self.write()
    }

    /// Shows what still waits, at the very end.
    fn finish(mut self) -> Result<(), Error> {
        self.draw();
        self.printer.draw_batches(&mut self.text);
        self.write()
    }

    fn draw(&mut self) {
        if self.printer.is_waiting() {
            self.printer.draw(&mut self.text, (self.options.width)());
        }
    }

    fn write(&mut self) -> Result<(), Error> {
        if !self.text.is_empty() {
            self.out.write_all(&self.text).map_err(Error::Output)?;
            self.out.flush().map_err(Error::Output)?;
            self.text.clear();
        }
        Ok(())
    }

    /// Behind `'*'` a topic that is made meanwhile is shown, too, from its beginning.
    async fn look_for_topics(&mut self) {
        let now = Instant::now();
        if now < self.next_look || !self.options.names.iter().any(|name| name == "*") {
            return;
        }
        self.next_look = now + LOOK_INTERVAL;
        // The topics are listed again soon; what keeps failing shows in the reading itself.
        let Ok(topics) = self.source.topics().await else { return };
        for topic in topics {
            let known = self.topics.contains(&topic) || is_internal(&topic, self.offset_topic);
            if !known && self.source.add(&topic, StartAt::Beginning).await.is_ok() {
                self.topics.push(topic);
            }
        }
    }
}
