//! The binary, on a log directory and on a real Kafka.

use crate::kafka::delivered;
use crate::support::kafka;
use crate::support::minicdc::{Finished, Minicdc, command};
use crate::support::postgres::Server;
use crate::support::process::TempDir;
use crate::support::unique;
use minicdc::config::SinkConfig;
use minicdc::log::{LogOptions, LogWriter};
use minicdc::record::Record;
use minicdc::sink::{KafkaSink, Sink as _};
use std::sync::Arc;

/// A log directory with a writer.
struct Log {
    dir: TempDir,
    writer: Option<LogWriter>,
    sequence: u64,
}

impl Log {
    fn new() -> Self {
        let dir = TempDir::new();
        Self { writer: Some(open(&dir)), dir, sequence: 0 }
    }

    /// Waits until everything is durable, so that a reader that does not follow sees it.
    fn sync(&mut self) {
        drop(self.writer.take());
        self.writer = Some(open(&self.dir));
    }

    fn log_dir(&self) -> String {
        self.dir.path().join("log").to_str().unwrap().to_owned()
    }

    fn write(&mut self, topic: &str, key: Option<&str>, value: Option<&str>) {
        let topic = Arc::from(topic);
        let record = record(self.sequence, &topic, key, value);
        self.sequence += 1;
        let writer = self.writer.as_mut().unwrap();
        writer.append(&record, 1_709_208_247_112).unwrap();
        writer.hand_over().unwrap();
    }

    fn order(&mut self, id: u32, product: u32, quantity: u32) {
        let row = format!(r#"{{"id":{id},"product_id":{product},"quantity":{quantity}}}"#);
        self.write("shop.public.orders", Some(&key(id)), Some(&envelope("c", &row)));
    }

    fn shop() -> Self {
        let mut log = Self::new();
        for (id, name) in [(1, "bolt"), (2, "nut")] {
            let row = format!(r#"{{"id":{id},"name":"{name}"}}"#);
            log.write("shop.public.products", Some(&key(id)), Some(&envelope("r", &row)));
        }
        log.order(1, 1, 3);
        log.order(2, 2, 10);
        log.order(3, 1, 4);
        log.sync();
        log
    }
}

fn open(dir: &TempDir) -> LogWriter {
    let report = |progress: Result<u64, _>| assert!(progress.is_ok());
    LogWriter::open(&dir.path().join("log"), LogOptions::default(), report).unwrap()
}

fn record<'a>(
    sequence: u64,
    topic: &'a Arc<str>,
    key: Option<&'a str>,
    value: Option<&'a str>,
) -> Record<'a> {
    Record {
        sequence,
        topic,
        partition: None,
        key: key.map(str::as_bytes),
        value: value.map(str::as_bytes),
        own_header: None,
        headers: &[],
        additions: None,
    }
}

fn key(id: u32) -> String {
    format!(r#"{{"id":{id}}}"#)
}

fn envelope(op: &str, after: &str) -> String {
    format!(r#"{{"before":null,"after":{after},"source":{{"ts_ms":1}},"op":"{op}"}}"#)
}

fn query(log_dir: &str, arguments: &[&str]) -> Minicdc {
    let mut query = command();
    query.args(["query", "--log-dir", log_dir]).args(arguments);
    Minicdc::spawn(query)
}

fn run(log_dir: &str, arguments: &[&str]) -> Finished {
    query(log_dir, arguments).finish()
}

const SOLD: &str = "SELECT p.name, sum(o.quantity) AS sold FROM orders o JOIN public.products p \
                    ON p.id = o.product_id GROUP BY p.name ORDER BY sold DESC";

#[test]
fn result_is_a_table_in_a_pipe() {
    let log = Log::shop();
    let dir = log.log_dir();
    let finished = run(&dir, &[SOLD, "--no-follow"]).success();
    let expected = [
        " name │ sold",
        "──────┼──────",
        " nut  │   10",
        " bolt │    7",
        "(2 rows, from 5 records)",
    ];
    assert_eq!(finished.stdout, expected);
    assert_eq!(finished.stderr, [] as [&str; 0]);
    let json =
        run(&dir, &["SELECT id FROM orders WHERE quantity > 3", "--no-follow", "--format", "json"]);
    let expected = [r#"{"op":"+","row":{"id":2}}"#, r#"{"op":"+","row":{"id":3}}"#];
    assert_eq!(json.success().stdout, expected);
}

#[test]
fn changes_retract_and_add_while_the_log_is_written() {
    let mut log = Log::shop();
    let mut query = query(&log.log_dir(), &[SOLD, "--format", "changes"]);
    query.wait_stdout("the first result", |line| line == "+  bolt | 7");
    log.order(3, 2, 5);
    query.wait_stdout("the retraction", |line| line == "-  bolt | 7");
    query.wait_stdout("the new sum", |line| line == "+  bolt | 3");
    query.wait_stdout("the other sum", |line| line == "+  nut | 15");
    log.write("shop.public.orders", Some(&key(2)), Some(&envelope("d", "null")));
    query.wait_stdout("the delete", |line| line == "+  nut | 5");
    query.terminate().success();
}

#[test]
fn statement_that_is_not_supported_is_shown_with_a_caret() {
    let log = Log::shop();
    let finished =
        run(&log.log_dir(), &["SELECT id\nFROM orders\nWHERE quantty > 3", "--no-follow"]);
    assert_eq!(finished.code(), 2);
    let expected = [
        "error: 3:7: there is no column \"quantty\"",
        "  WHERE quantty > 3",
        "        ^",
        "hint:  did you mean quantity? the columns are id, product_id, quantity",
    ];
    assert_eq!(finished.stderr, expected);
    let finished = run(&log.log_dir(), &["SELECT id FROM order", "--no-follow"]);
    assert_eq!(finished.code(), 2);
    assert!(
        finished.stderr[0].starts_with("error: 1:16: no topic is named \"order\""),
        "{finished:?}"
    );
    let finished = run(&log.log_dir(), &["SELECT 1 / (quantity - 3) FROM orders", "--no-follow"]);
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr[0].contains("division by zero"), "{finished:?}");
}

#[test]
fn state_survives_a_kill() {
    let mut log = Log::shop();
    let state = TempDir::new();
    let state = state.path().join("state");
    let arguments = [SOLD, "--state-dir", state.to_str().unwrap(), "--format", "changes"];
    let mut first = query(&log.log_dir(), &arguments);
    first.wait_stdout("the first result", |line| line == "+  bolt | 7");
    first.terminate().success();
    // A second run goes on behind what the first one has read, and dies without a word.
    log.order(3, 2, 5);
    let mut second = query(&log.log_dir(), &arguments);
    let told = second.wait_stdout("the change", |line| line.contains("bolt"));
    assert_eq!(told, "-  bolt | 7");
    second.kill();
    log.order(4, 1, 1);
    log.sync();
    let third = [&arguments[..3], &["--no-follow"]].concat();
    let finished = run(&log.log_dir(), &third).success();
    assert_eq!(finished.stdout[2..4], [" nut  │   15", " bolt │    4"], "{finished:?}");
    // Everything is read now; the state alone gives the same table.
    let finished = run(&log.log_dir(), &third).success();
    assert_eq!(finished.stdout[2..], [" nut  │   15", " bolt │    4", "(2 rows, from 0 records)"]);
    let other = run(
        &log.log_dir(),
        &["SELECT id FROM orders", "--state-dir", state.to_str().unwrap(), "--no-follow"],
    );
    assert_eq!(other.code(), 2);
    assert!(other.stderr[0].contains("holds the state of another query"), "{other:?}");
}

#[test]
fn result_goes_to_a_topic_with_keys_and_tombstones() {
    let mut log = Log::shop();
    log.write("shop.public.orders", Some(&key(2)), Some(&envelope("d", "null")));
    log.sync();
    let dir = TempDir::new();
    let (state, to) = (dir.path().join("state"), dir.path().join("result"));
    let to = to.to_str().unwrap();
    let arguments =
        [SOLD, "--to", "sold", "--to-log-dir", to, "--state-dir", state.to_str().unwrap()];
    let once = [&arguments[..], &["--no-follow"]].concat();
    assert_eq!(run(&log.log_dir(), &once).success().stdout, [] as [&str; 0]);
    log.write("shop.public.orders", None, Some(&envelope("t", "null")));
    log.order(9, 2, 1);
    log.sync();
    run(&log.log_dir(), &once).success();
    let arguments = [
        "tail",
        "--log-dir",
        to,
        "sold",
        "--from",
        "beginning",
        "--no-follow",
        "--format",
        "record",
    ];
    let written = Minicdc::start(&arguments).finish().success().stdout;
    let found: Vec<(String, String)> = written
        .iter()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            (record["key"].to_string(), record["value"].to_string())
        })
        .collect();
    let expected = [
        (r#"{"name":"bolt"}"#, r#"{"name":"bolt","sold":7}"#),
        (r#"{"name":"bolt"}"#, "null"),
        (r#"{"name":"nut"}"#, r#"{"name":"nut","sold":1}"#),
    ];
    assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn query_reads_every_partition_of_a_kafka_topic() {
    let brokers = kafka::shared();
    let topic = unique("query.public.orders");
    let config = SinkConfig {
        brokers: Some(brokers.to_owned()),
        topic_partitions: 3,
        ..SinkConfig::default()
    };
    let mut sink = KafkaSink::connect(&config).await.unwrap();
    let name: Arc<str> = topic.as_str().into();
    sink.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
    for id in 0..30_u32 {
        let row = format!(r#"{{"id":{id},"quantity":{id}}}"#);
        let (key, value) = (key(id), envelope("c", &row));
        sink.send(&record(id.into(), &name, Some(&key), Some(&value))).unwrap();
    }
    sink.flush().unwrap();
    delivered(&sink, 30).await.unwrap();
    let sql = format!("SELECT count(*), sum(quantity) FROM \"{topic}\"");
    let arguments = ["query", "--brokers", brokers, &sql, "--no-follow", "--format", "json"];
    let finished = Minicdc::start(&arguments).finish().success();
    assert_eq!(finished.stdout.last().unwrap(), r#"{"op":"+","row":{"count":30,"sum":435}}"#);
}

/// The real capture engine in front: what it writes, with schemas and without, is what PostgreSQL
/// has.
#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn captured_tables_give_the_answers_of_postgresql() {
    let server = Server::start();
    server.psql(
        "create table things (id int primary key, n numeric(12,3), free numeric, f float8, r real, \
         t text, b bytea, d date, ts timestamp, tz timestamptz, u uuid, j jsonb, ok boolean, \
         tm time, s smallint);
         create table bag (w text, n int);
         alter table bag replica identity full",
    );
    let dir = TempDir::new();
    let log = dir.path().join("log");
    let capture = |set: &str| {
        let url = server.url("postgres");
        let log = log.to_str().unwrap();
        let arguments = [
            "capture",
            "--database-url",
            &url,
            "--slot",
            "oracle",
            "--log-dir",
            log,
            "--stop-at",
            "current",
            "--set",
            set,
        ];
        Minicdc::start(&arguments).finish().success();
    };
    capture("value.converter.schemas.enable=true");
    server.psql(
        "insert into things select i, i * 1.5, (i * 3 + 1) / 9.0, i / 4.0, i / 8.0, 'text ' || i, \
         decode(lpad(to_hex(i), 4, '0'), 'hex'), date '2024-02-01' + i, \
         timestamp '2024-02-01 12:00' + i * interval '1 hour 1 second', \
         timestamptz '2024-02-01 12:00Z' + i * interval '7 minutes', \
         ('00000000-0000-0000-0000-00000000' || lpad(to_hex(i), 4, '0'))::uuid, \
         jsonb_build_object('i', i), i % 2 = 0, time '00:00' + i * interval '1 minute', i \
         from generate_series(1, 50) i;
         update things set n = n + 1, t = upper(t) where id % 3 = 0;
         update things set id = id + 1000 where id % 10 = 0;
         delete from things where id % 7 = 0;
         insert into bag select 'w' || i % 3, i % 5 from generate_series(1, 40) i;
         delete from bag where n = 2;
         update bag set n = 7 where n = 3",
    );
    capture("value.converter.schemas.enable=true");
    let statements = [
        "SELECT * FROM things ORDER BY id",
        "SELECT ok, count(*), sum(n), avg(n), min(free), max(f), sum(r), avg(s), max(ts), min(tz), max(d), max(tm), min(t) FROM things GROUP BY ok ORDER BY ok",
        "SELECT w, count(*), sum(n) FROM bag GROUP BY w HAVING count(*) > 1 ORDER BY w",
        "SELECT date_trunc('day', ts) AS day, count(*), sum(free) FROM things GROUP BY 1 ORDER BY 1",
        "SELECT a.id, b.n FROM things a LEFT JOIN bag b ON b.n = a.s WHERE a.n > 20 ORDER BY 1, 2",
        "SELECT DISTINCT extract(hour from tz) AS h, u IS NULL AS x FROM things ORDER BY h DESC LIMIT 3",
        "SELECT id, j ->> 'i' AS i, n / 7 AS q, encode FROM (SELECT id, j, n, b::text AS encode FROM things) t ORDER BY id",
    ];
    for sql in statements {
        let lines = run(log.to_str().unwrap(), &[sql, "--no-follow", "--color", "never"]).success();
        let rows = &lines.stdout[2..lines.stdout.len() - 1];
        let ours: Vec<String> = rows
            .iter()
            .map(|line| line.split('│').map(str::trim).collect::<Vec<_>>().join("|"))
            .collect();
        let theirs = server.psql(&format!("\\pset null NULL\nset timezone = 'UTC';\n{sql}"));
        let theirs: Vec<&str> =
            theirs.lines().filter(|line| !line.starts_with("Null display")).collect();
        assert_eq!(ours, theirs, "{sql}");
        assert!(!ours.is_empty(), "{sql}");
    }
}
