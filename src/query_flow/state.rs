//! `--state-dir`: what a query keeps, and how far it has read, in one file.
//!
//! The rows of the tables are the whole truth: what operators keep follows from them. So the file
//! holds the positions and those rows, and a start puts the rows back in as if they came anew. It is
//! written beside the old one, synced and renamed, so that a kill at any moment leaves one of the two
//! whole. How often goes by how long it takes: writing never takes more than a tenth of the time.
//!
//! ```text
//! magic, statement, for each table: topic, columns, positions, rows; CRC-32C of all that
//! ```

use super::QueryFlowError;
use crate::query::codec::{push_bytes, push_value, take_array, take_bytes, take_value};
use crate::query::{LiveQuery, Row};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MAGIC: &[u8] = b"minicdc query state 1\n";
const FILE: &str = "query.state";

/// The shortest time between two writes.
const INTERVAL_MIN: Duration = Duration::from_secs(5);

/// Next offsets of a topic's partitions.
pub(super) type Offsets = BTreeMap<i32, i64>;

/// The directory of one query.
#[derive(Debug)]
pub(super) struct StateDir {
    dir: PathBuf,
    _lock: File,
    next: Instant,
}

impl StateDir {
    /// Opens the directory, which is made if it is missing, for this process alone.
    pub(super) fn open(dir: &Path) -> Result<Self, QueryFlowError> {
        let failed = |action| {
            let path = dir.to_owned();
            move |source| QueryFlowError::State { path, action, source }
        };
        fs::create_dir_all(dir).map_err(failed("cannot be made"))?;
        let lock = File::create(dir.join("lock")).map_err(failed("cannot be written"))?;
        lock.try_lock().map_err(|error| {
            failed("another query uses it")(match error {
                fs::TryLockError::Error(error) => error,
                fs::TryLockError::WouldBlock => io::Error::from(io::ErrorKind::WouldBlock),
            })
        })?;
        Ok(Self { dir: dir.to_owned(), _lock: lock, next: Instant::now() + INTERVAL_MIN })
    }

    /// True when it is time to write.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// Writes the state. Everything before the positions has to be durable downstream.
    pub(super) fn save(
        &mut self,
        sql: &str,
        live: &LiveQuery,
        topics: &[String],
        positions: &[Offsets],
    ) -> Result<(), QueryFlowError> {
        let began = Instant::now();
        let path = self.dir.join(FILE);
        let temporary = self.dir.join("query.state.new");
        let written = write(&temporary, sql, live, topics, positions)
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| File::open(&self.dir)?.sync_all());
        written.map_err(|source| QueryFlowError::State {
            path,
            action: "cannot be written",
            source,
        })?;
        self.next = Instant::now() + INTERVAL_MIN.max(began.elapsed() * 10);
        Ok(())
    }

    /// Puts the state of the last run back; `None` when there is none.
    pub(super) fn load(
        &self,
        sql: &str,
        live: &mut LiveQuery,
        topics: &[String],
    ) -> Result<Option<Vec<Offsets>>, QueryFlowError> {
        let path = self.dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(QueryFlowError::State { path, action: "cannot be read", source });
            }
        };
        let body =
            verified(&bytes).ok_or_else(|| QueryFlowError::Damaged { path: path.clone() })?;
        let mut from = body;
        let damaged = || QueryFlowError::Damaged { path: path.clone() };
        let found = take_bytes(&mut from).ok_or_else(damaged)?;
        let shape = shape(sql, live, topics);
        if found != shape {
            let found = String::from_utf8_lossy(found);
            let found = found.split('\0').next().unwrap_or_default().to_owned();
            return Err(QueryFlowError::OtherQuery { path, found });
        }
        let tables = topics.len();
        let positions: Option<Vec<Offsets>> =
            (0..tables).map(|table| restore(&mut from, live, table)).collect();
        positions.map(Some).ok_or_else(damaged)
    }
}

/// The statement, the topics and the columns: what the rows in the file are rows of.
fn shape(sql: &str, live: &LiveQuery, topics: &[String]) -> Vec<u8> {
    let mut text = format!("{sql}\0");
    for (topic, (columns, _)) in topics.iter().zip(live.states()) {
        text.push_str(topic);
        for column in columns {
            text.push_str(&format!("\0{} {}", column.name, column.ty));
        }
        text.push('\0');
    }
    text.into_bytes()
}

fn write(
    path: &Path,
    sql: &str,
    live: &LiveQuery,
    topics: &[String],
    positions: &[Offsets],
) -> io::Result<()> {
    let mut out = Checked { file: io::BufWriter::new(File::create(path)?), crc: 0 };
    out.push(MAGIC)?;
    let mut bytes = Vec::new();
    push_bytes(&mut bytes, &shape(sql, live, topics));
    for (offsets, (_, state)) in positions.iter().zip(live.states()) {
        bytes.extend((offsets.len() as u64).to_le_bytes());
        for (partition, offset) in offsets {
            bytes.extend(partition.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes.extend((state.len() as u64).to_le_bytes());
        for (key, row, count) in state.rows() {
            bytes.push(u8::from(key.is_some()));
            push_bytes(&mut bytes, key.unwrap_or_default());
            bytes.extend(count.to_le_bytes());
            bytes.extend((row.len() as u64).to_le_bytes());
            row.iter().for_each(|value| push_value(&mut bytes, value));
            out.push(&bytes)?;
            bytes.clear();
        }
    }
    out.push(&bytes)?;
    let crc = out.crc.to_le_bytes();
    out.file.write_all(&crc)?;
    out.file.into_inner()?.sync_all()
}

struct Checked {
    file: io::BufWriter<File>,
    crc: u32,
}

impl Checked {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.file.write_all(bytes)
    }
}

/// What stands between the magic and the checksum, if both are right.
fn verified(bytes: &[u8]) -> Option<&[u8]> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    let is_right = crc32c::crc32c(body) == u32::from_le_bytes(*crc);
    body.strip_prefix(MAGIC).filter(|_| is_right)
}

/// One table: its positions; its rows go into the query.
fn restore(from: &mut &[u8], live: &mut LiveQuery, table: usize) -> Option<Offsets> {
    let mut offsets = Offsets::new();
    for _ in 0..u64::from_le_bytes(take_array(from)?) {
        let partition = i32::from_le_bytes(take_array(from)?);
        offsets.insert(partition, i64::from_le_bytes(take_array(from)?));
    }
    for _ in 0..u64::from_le_bytes(take_array(from)?) {
        let [has_key] = take_array(from)?;
        let key = take_bytes(from)?;
        let count = i64::from_le_bytes(take_array(from)?);
        let width = u64::from_le_bytes(take_array(from)?);
        let row: Option<Row> = (0..width).map(|_| take_value(from)).collect();
        live.restore(table, (has_key == 1).then_some(key), row?, count);
    }
    Some(offsets)
}
