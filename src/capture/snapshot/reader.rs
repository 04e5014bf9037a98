//! A reader: a connection of its own that reads chunks, and encodes their rows.
//!
//! Encoding is done here because it costs more than everything behind it: so it takes place on as
//! many cores as there are readers. What is on its way to the capture loop is bounded by rows and
//! by bytes: a batch in each reader, and a channel with room for one more of each.

use super::super::now_ns;
use super::anchor::READER_SETTINGS;
use crate::config::DatabaseConfig;
use crate::engine::RowBatch;
use crate::engine::RowEncoder;
use crate::envelope::SnapshotMarker;
use crate::error::Error;
use crate::postgres::CopyEvent;
use crate::postgres::CopyLine;
use crate::postgres::CopySession;
use tokio::sync::mpsc;

/// Size at which a batch is handed over.
const BATCH_BYTES: usize = 128 * 1024;

/// A chunk to read.
pub(super) struct Assignment {
    /// Its number.
    pub(super) chunk: usize,
    /// For the rows of its table, unless the last chunk's will do.
    pub(super) encoder: Option<RowEncoder>,
    /// How many columns a row has.
    pub(super) columns: usize,
    /// The statements; if `file` is given, the one before the last gives the file's number.
    pub(super) statements: String,
    /// The file that the chunk belongs to.
    pub(super) file: Option<u32>,
    /// For errors: `read table public.orders`.
    pub(super) what: String,
}

/// What a reader has to say about its chunk. All but `End` is followed by something.
pub(super) enum Report {
    /// The first row, when it is not the last one.
    First(Vec<u8>),
    /// Rows that are neither the first nor the last.
    Rows(RowBatch),
    /// That was the chunk; with its last row, if it had any.
    End { last: Option<Vec<u8>> },
    /// The table was rewritten since the chunk was planned: its rows stand on other pages now.
    Rewritten,
}

/// A report and where it comes from.
pub(super) struct FromReader {
    pub(super) reader: usize,
    pub(super) chunk: usize,
    pub(super) report: Report,
}

/// See the module's description.
pub(super) struct Reader {
    number: usize,
    rows_max: usize,
    session: CopySession,
    encoder: Option<RowEncoder>,
    to: mpsc::Sender<FromReader>,
    row: CopyLine,
    kept: Vec<u8>,
}

impl Reader {
    /// Connects.
    pub(super) async fn connect(
        number: usize,
        config: &DatabaseConfig,
        fetch_size: usize,
        to: mpsc::Sender<FromReader>,
    ) -> Result<Self, Error> {
        let mut session = CopySession::connect(config).await?;
        session.execute(READER_SETTINGS, "prepare a connection for the snapshot").await?;
        Ok(Self {
            number,
            rows_max: if fetch_size == 0 { usize::MAX } else { fetch_size },
            session,
            encoder: None,
            to,
            row: CopyLine::default(),
            kept: Vec::new(),
        })
    }

    /// Reads what it is given until there is nothing more.
    pub(super) async fn run(
        mut self,
        mut assignments: mpsc::Receiver<Assignment>,
    ) -> Result<(), Error> {
        while let Some(assignment) = assignments.recv().await {
            match self.read(assignment).await {
                Ok(()) => {}
                Err(Stop::Gone) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        self.session.close().await;
        Ok(())
    }

    async fn read(&mut self, assignment: Assignment) -> Result<(), Stop> {
        let Assignment { chunk, encoder, columns, statements, file, what } = assignment;
        if encoder.is_some() {
            self.encoder = encoder;
        }
        let found = self.session.copy(&statements, &what).await.map_err(Error::from)?;
        if let Some(file) = file {
            let found = found.last().and_then(|row| row.first()?.as_deref()?.parse().ok());
            if found != Some(file) {
                self.report(chunk, Report::Rewritten).await?;
                // That ends the snapshot as it was planned.
                return Err(Stop::Gone);
            }
        }
        self.read_rows(chunk, columns).await?;
        let last = self.session.last_row(&self.kept).map(<[u8]>::to_vec);
        self.session.finish().await.map_err(Error::from)?;
        self.report(chunk, Report::End { last }).await
    }

    /// Reports all rows but the last one.
    async fn read_rows(&mut self, chunk: usize, columns: usize) -> Result<(), Stop> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(()) };
        let mut batch = encoder.batch();
        let mut rows: u64 = 0;
        let mut first = None;
        let mut clock = now_ns();
        loop {
            match self.session.next_row().map_err(Error::from)? {
                CopyEvent::Row(line) => {
                    rows += 1;
                    if rows == 1 {
                        first = Some(line.to_vec());
                        continue;
                    }
                    let (row, encoder) = (&mut self.row, &mut encoder);
                    // What is in the batch has a successor now, so it is not the last.
                    let full = batch.bytes() >= BATCH_BYTES || batch.rows() >= self.rows_max;
                    let ready = full.then(|| std::mem::replace(&mut batch, encoder.batch()));
                    row.cells(line, columns, |cells| {
                        encoder.encode(cells, SnapshotMarker::True, clock, &mut batch)
                    })
                    .map_err(Error::from)?;
                    if let Some(first) = first.take() {
                        self.report(chunk, Report::First(first)).await?;
                    }
                    if let Some(ready) = ready {
                        self.report(chunk, Report::Rows(ready)).await?;
                        clock = now_ns();
                    }
                }
                CopyEvent::Starving => {
                    self.session.fill(&mut self.kept).await.map_err(Error::from)?;
                }
                CopyEvent::Done => break,
            }
        }
        self.encoder = Some(encoder);
        if rows > 1 {
            batch.pop();
        }
        if batch.rows() > 0 {
            self.report(chunk, Report::Rows(batch)).await?;
        }
        Ok(())
    }

    async fn report(&self, chunk: usize, report: Report) -> Result<(), Stop> {
        let from = FromReader { reader: self.number, chunk, report };
        self.to.send(from).await.map_err(|_| Stop::Gone)
    }
}

/// Why a reader ends before its time.
enum Stop {
    /// There is nobody or nothing to read for any more.
    Gone,
    /// It cannot go on.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
