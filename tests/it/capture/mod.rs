//! `minicdc capture` from end to end, through the built binary.

mod chunks;
mod exactly_once;
mod flow;
mod life;
mod limits;
mod live;
mod outage;
mod pace;
mod restart;
mod settings;
mod slot_settings;
mod snapshot;
mod standby;
mod streamed;

use crate::support::minicdc::{Finished, Minicdc, command};
use crate::support::postgres::Server;
use crate::support::process::TempDir;
use crate::support::wait_until;
use serde_json::Value;
use std::collections::BTreeMap;

/// A server with a table `items`, and a directory for the embedded log.
pub(crate) struct Shop {
    pub(crate) server: Server,
    pub(crate) dir: TempDir,
}

/// Payloads without their schemas: smaller, and easier to look into.
const NO_SCHEMAS: [&str; 4] = [
    "--set",
    "key.converter.schemas.enable=false",
    "--set",
    "value.converter.schemas.enable=false",
];

const TOPIC: &str = "shop.public.items";

impl Shop {
    pub(crate) fn start() -> Self {
        Self::with_conf("")
    }

    pub(crate) fn with_conf(conf: &str) -> Self {
        Self::on(Server::with_conf(conf))
    }

    fn on(server: Server) -> Self {
        server.psql("create table items (id int primary key, name text)");
        Self { server, dir: TempDir::new() }
    }

    pub(crate) fn log_dir(&self) -> String {
        self.dir.path().join("log").to_str().unwrap().to_owned()
    }

    /// Rows `ids` by one statement each in a transaction of its own.
    fn insert(&self, ids: std::ops::RangeInclusive<u32>) {
        let (first, last) = ids.into_inner();
        self.server.psql(&format!(
            "do $$ begin for id in {first}..{last} loop
                 insert into items values (id, 'n' || id); commit;
             end loop; end $$"
        ));
    }

    pub(crate) fn capture_command(&self, arguments: &[&str]) -> std::process::Command {
        self.capture_from("shop", &self.log_dir(), arguments)
    }

    fn capture_from(&self, slot: &str, log_dir: &str, arguments: &[&str]) -> std::process::Command {
        let mut capture = command();
        capture.args(["capture", "--slot", slot, "--database-url", &self.server.url("postgres")]);
        capture.args(["--log-dir", log_dir]).args(NO_SCHEMAS).args(arguments);
        capture
    }

    pub(crate) fn capture(&self, arguments: &[&str]) -> Minicdc {
        Minicdc::spawn(self.capture_command(arguments))
    }

    /// A capture that has begun to stream.
    fn streaming(&self, arguments: &[&str]) -> Minicdc {
        let mut capture = self.capture(arguments);
        wait_streaming(&mut capture);
        capture
    }

    /// Captures all there is and stops.
    fn catch_up(&self, arguments: &[&str]) -> Finished {
        let mut all = vec!["--stop-at", "current"];
        all.extend(arguments);
        self.capture(&all).finish().success()
    }

    /// Waits until everything that was committed is confirmed to the server.
    fn wait_confirmed(&self) {
        let end = self.server.psql("select pg_current_wal_insert_lsn()");
        // The header of a new block may stand between the last record's end and the next one's place.
        let confirmed =
            format!("select '{end}' - confirmed_flush_lsn <= 40 from pg_replication_slots");
        wait_until("the position to be confirmed", || self.server.psql(&confirmed) == "t");
    }

    /// The topic's records in the embedded log.
    fn records(&self, topic: &str) -> Vec<Record> {
        let log_dir = self.log_dir();
        let arguments = ["tail", topic, "--log-dir", &log_dir, "--from", "beginning"];
        let mut tail = command();
        tail.args(arguments).args(["--no-follow", "--format", "record"]);
        Minicdc::spawn(tail)
            .finish()
            .success()
            .stdout
            .iter()
            .map(|line| Record::parse(line))
            .collect()
    }

    /// The table as the server has it.
    fn table(&self) -> BTreeMap<i64, String> {
        let rows = self.server.psql("select id || ' ' || name from items");
        let row = |line: &str| {
            let (id, name) = line.split_once(' ').unwrap();
            (id.parse().unwrap(), name.to_owned())
        };
        rows.lines().map(row).collect()
    }
}

fn wait_streaming(capture: &mut Minicdc) {
    capture.wait_stderr("the stream", |line| line.contains("streaming") && line.contains("lsn="));
}

/// How many lines of a log say this.
fn said(capture: &Minicdc, text: &str) -> usize {
    capture.stderr().iter().filter(|line| line.contains(text)).count()
}

/// A record of the table `items`, taken from a line of `tail --format record` or `--sink stdout`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    partition: Option<i64>,
    id: i64,
    /// `None` for a tombstone.
    op: Option<String>,
    /// `None` when the row is gone.
    name: Option<String>,
}

impl Record {
    fn parse(line: &str) -> Self {
        let record: Value = serde_json::from_str(line).unwrap();
        let value = &record["value"];
        Self {
            partition: record["partition"].as_i64(),
            id: record["key"]["id"].as_i64().unwrap(),
            op: value["op"].as_str().map(str::to_owned),
            name: value["after"]["name"].as_str().map(str::to_owned),
        }
    }
}

/// The table as whoever read the records would have it.
fn materialise(records: &[Record]) -> BTreeMap<i64, String> {
    let mut table = BTreeMap::new();
    for record in records {
        match &record.name {
            Some(name) => drop(table.insert(record.id, name.clone())),
            None => drop(table.remove(&record.id)),
        }
    }
    table
}

/// Ids of the records of one kind, sorted.
fn ids(records: &[Record], op: &str) -> Vec<i64> {
    let mut ids: Vec<i64> = records
        .iter()
        .filter(|record| record.op.as_deref() == Some(op))
        .map(|record| record.id)
        .collect();
    ids.sort_unstable();
    ids
}

fn range(ids: std::ops::RangeInclusive<i64>) -> Vec<i64> {
    ids.collect()
}
