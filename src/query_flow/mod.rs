//! `minicdc query`: keeps the result of a statement up to date and shows it.
//!
//! Finds the topics, learns their columns from the first records, and reads everything from the
//! beginning, or from where the state directory says. Output is made when no record is at hand, or
//! when it is time.

mod discover;
mod error;
mod feed;
mod state;
mod table;
mod topic;

pub use error::QueryFlowError;

use crate::config::SinkConfig;
use crate::error::Error;
use crate::query::{Discovery, InputRecord, LiveOptions, LiveQuery, Statement};
use crate::record::StoredRecord;
use crate::source::Source;
use state::{Offsets, StateDir};
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use topic::ResultTopic;

/// Records taken from the source at once.
const READ_MAX: usize = 1024;

/// The longest wait between two looks at the clock.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As a table: in place on a terminal, one below the other elsewhere.
    Table,
    /// One line for each row that comes or goes.
    Changes,
    /// The same as JSON.
    Json,
    /// Not at all: it goes to a topic.
    Silent,
}

/// What `minicdc query` is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// How to show the result.
    pub format: Format,
    /// Whether to go on with what comes.
    pub follow: bool,
    /// Whether to wait for topics that do not exist.
    pub wait: bool,
    /// Rows of a table at most.
    pub rows_max: Option<usize>,
    /// Time between two tables.
    pub interval: Duration,
    /// How late rows can be for their window; `None` keeps windows open.
    pub lateness: Option<Duration>,
    /// Where state is kept across restarts.
    pub state_dir: Option<PathBuf>,
    /// The topic that gets the result.
    pub to: Option<String>,
    /// The embedded log that this topic is in, when it is not where the tables are.
    pub to_log_dir: Option<PathBuf>,
    /// Stands for values that PostgreSQL did not send.
    pub placeholder: String,
    /// Whether there are colours.
    pub color: bool,
    /// Columns and lines of the terminal; `None` in a pipe.
    pub screen: fn() -> Option<(usize, usize)>,
}

/// Runs a statement until `stop` completes, or until the end without `follow`. `say` gets what the
/// person should know meanwhile.
///
/// # Errors
///
/// [`Error::Query`] for a statement that cannot be run, [`Error::Live`] when its result has no
/// value, [`Error::Source`] when records cannot be read, [`Error::Output`] when `out` cannot be
/// written, [`Error::QueryFlow`] for its state and its topic.
pub async fn run(
    config: &SinkConfig,
    sql: &str,
    options: Options,
    out: &mut impl Write,
    say: impl Fn(&str),
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let statement = Statement::parse(sql)?;
    if options.lateness.is_some() && options.state_dir.is_some() {
        let message = "--lateness and --state-dir do not go together yet: rows that came late \
                       would count after a restart";
        return Err(QueryFlowError::Options(message).into());
    }
    let mut stop = std::pin::pin!(stop);
    let opened = tokio::select! {
        biased;
        () = &mut stop => return Ok(()),
        opened = Flow::open(config, statement, options, out, &say) => opened,
    };
    let mut flow = opened?;
    flow.run(stop).await?;
    flow.finish(&say).await
}

/// The running query.
struct Flow<'a, W> {
    sql: String,
    options: Options,
    live: LiveQuery,
    source: Source,
    topics: Vec<String>,
    /// Tables of the statement that are read from a topic: one, unless it is named in two ways.
    tables: HashMap<Arc<str>, Vec<usize>>,
    positions: Vec<Offsets>,
    state: Option<StateDir>,
    to: Option<ResultTopic>,
    out: &'a mut W,
    text: String,
    read: u64,
    /// Whether the table on the screen is not the result any more.
    is_stale: bool,
    drawn_lines: usize,
    next_draw: Instant,
    saved_at: u64,
}

impl<'a, W: Write> Flow<'a, W> {
    async fn open(
        config: &SinkConfig,
        statement: Statement,
        options: Options,
        out: &'a mut W,
        say: &impl Fn(&str),
    ) -> Result<Self, Error> {
        let (mut source, topics) = discover::topics(config, &statement, &options, say).await?;
        let mut discoveries: Vec<Discovery> = Vec::with_capacity(topics.len());
        for topic in &topics {
            discoveries.push(discover::columns(config, topic, &options, say).await?);
        }
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let live_options = LiveOptions {
            placeholder: options.placeholder.clone(),
            keeps_result: options.format == Format::Table,
            lateness: options.lateness.map(micros),
        };
        let mut live = LiveQuery::new(&statement, &discoveries, live_options)?;
        let sql = statement.text().to_owned();
        let state = options.state_dir.as_deref().map(StateDir::open).transpose()?;
        let to = match &options.to {
            None => None,
            Some(topic) => {
                let dir = options.to_log_dir.as_deref();
                Some(ResultTopic::open(config, dir, topic, live.unique()).await?)
            }
        };
        let restored = match &state {
            Some(state) => state.load(&sql, &mut live, &topics)?,
            None => None,
        };
        let is_restored = restored.is_some();
        let positions = restored.unwrap_or_else(|| vec![Offsets::new(); topics.len()]);
        let mut tables: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
        for (table, topic) in topics.iter().enumerate() {
            let known = tables.entry(Arc::from(topic.as_str())).or_default();
            if known.is_empty() {
                let offsets = positions.get(table).cloned().unwrap_or_default();
                source.add_from(topic, &offsets).await?;
            }
            known.push(table);
        }
        if is_restored {
            // The result as it was: it is on the screen and in the topic already.
            live.flush()?;
        }
        Ok(Self {
            sql,
            options,
            live,
            source,
            topics,
            tables,
            positions,
            state,
            to,
            out,
            text: String::new(),
            read: 0,
            is_stale: true,
            drawn_lines: 0,
            next_draw: Instant::now(),
            saved_at: 0,
        })
    }

    /// Reads and shows until `stop` completes, which is looked at only between two batches: what was
    /// read is in the result and on its way before anything is kept.
    async fn run(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> Result<(), Error> {
        let mut records: Vec<StoredRecord> = Vec::with_capacity(READ_MAX);
        loop {
            records.clear();
            let ended = !self.options.follow && self.source.is_at_end();
            let read = if ended { 0 } else { self.source.read(&mut records, READ_MAX)? };
            if read > 0 {
                self.take_in(&records)?;
                self.give_out().await?;
                if self.source.is_at_end() || self.draws_in_place() {
                    self.draw_when_due()?;
                }
                self.save_when_due().await?;
                tokio::select! {
                    biased;
                    () = &mut stop => return Ok(()),
                    () = tokio::task::yield_now() => continue,
                }
            }
            if self.source.is_at_end() {
                self.give_out().await?;
                if !self.options.follow {
                    return Ok(());
                }
                self.draw_when_due()?;
            }
            self.save_when_due().await?;
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                () = self.source.wait(WAIT_MAX.min(self.options.interval)) => {}
            }
        }
    }

    /// Reads records into the query.
    fn take_in(&mut self, records: &[StoredRecord]) -> Result<(), Error> {
        for record in records {
            let Some(tables) = self.tables.get(&record.topic) else { continue };
            let input = InputRecord { key: record.key.as_deref(), value: record.value.as_deref() };
            for table in tables {
                self.live.read(*table, record.partition, input)?;
                if let Some(offsets) = self.positions.get_mut(*table) {
                    offsets.insert(record.partition, record.offset + 1);
                }
            }
        }
        self.read += records.len() as u64;
        Ok(())
    }

    /// Tells what has changed in the result.
    async fn give_out(&mut self) -> Result<(), Error> {
        let changes = self.live.flush()?;
        if changes.is_empty() {
            return Ok(());
        }
        self.is_stale = true;
        let columns = self.live.columns();
        match self.options.format {
            Format::Changes => {
                feed::push_changes(&mut self.text, &changes, columns, self.options.color);
            }
            Format::Json => feed::push_json_changes(&mut self.text, &changes, columns),
            Format::Table | Format::Silent => {}
        }
        if let Some(to) = &mut self.to {
            to.send(&changes, columns).await?;
        }
        self.write()
    }

    fn draws_in_place(&self) -> bool {
        self.options.format == Format::Table && (self.options.screen)().is_some()
    }

    fn draw_when_due(&mut self) -> Result<(), Error> {
        if self.is_stale && Instant::now() >= self.next_draw {
            self.draw()?;
            self.next_draw = Instant::now() + self.options.interval;
        }
        Ok(())
    }

    /// Draws the table, over the last one when there is a terminal.
    fn draw(&mut self) -> Result<(), Error> {
        if self.options.format != Format::Table || !self.is_stale {
            return Ok(());
        }
        self.is_stale = false;
        let screen = (self.options.screen)();
        // Heading, rule, the line that counts the rest, the status line, and the cursor's own.
        let fits = screen.map_or(usize::MAX, |(_, height)| height.saturating_sub(5).max(1));
        let look = table::Look {
            width: screen.map(|(width, _)| width),
            rows_max: self.options.rows_max.unwrap_or(fits).min(fits),
            color: self.options.color,
        };
        let total = self.live.row_count();
        let mut lines = table::lines(self.live.columns(), self.live.rows(), total, look);
        lines.push(self.status(total));
        if screen.is_some() {
            if self.drawn_lines > 0 {
                self.text.push_str(&format!("\x1b[{}A\r\x1b[J", self.drawn_lines));
            }
            self.drawn_lines = lines.len();
        } else if self.drawn_lines > 0 {
            self.text.push('\n');
        } else {
            self.drawn_lines = 1;
        }
        for line in lines {
            self.text.push_str(&line);
            self.text.push('\n');
        }
        self.write()
    }

    fn status(&self, total: usize) -> String {
        let grouped = |number: u64| crate::stage::grouped(number);
        let mut status = format!(
            "({} row{}, from {} record{})",
            grouped(total as u64),
            if total == 1 { "" } else { "s" },
            grouped(self.read),
            if self.read == 1 { "" } else { "s" },
        );
        if self.live.late() > 0 {
            status.push_str(&format!(
                "  {} came too late for their window",
                grouped(self.live.late())
            ));
        }
        if self.options.color { format!("\x1b[2m{status}\x1b[0m") } else { status }
    }

    async fn save_when_due(&mut self) -> Result<(), Error> {
        let is_due = self.state.as_ref().is_some_and(StateDir::is_due);
        if is_due && self.saved_at != self.read { self.save().await } else { Ok(()) }
    }

    /// Writes state and positions, once the result that belongs to them is durable.
    async fn save(&mut self) -> Result<(), Error> {
        if let Some(to) = &mut self.to {
            to.settle().await?;
        }
        if let Some(state) = &mut self.state {
            state.save(&self.sql, &self.live, &self.topics, &self.positions)?;
            self.saved_at = self.read;
        }
        Ok(())
    }

    /// Shows what still waits and keeps the state, at the very end.
    async fn finish(mut self, say: &impl Fn(&str)) -> Result<(), Error> {
        self.give_out().await?;
        self.draw()?;
        if let Some(to) = &mut self.to {
            to.settle().await?;
        }
        if self.saved_at != self.read || self.read == 0 {
            self.save().await?;
        }
        if self.live.late() > 0 && self.options.format != Format::Table {
            say(&format!("{} rows came too late for their window", self.live.late()));
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        if !self.text.is_empty() {
            self.out.write_all(self.text.as_bytes()).map_err(Error::Output)?;
            self.out.flush().map_err(Error::Output)?;
            self.text.clear();
        }
        Ok(())
    }
}
