//! `minicdc tail` through the built binary, on a log directory and on a real Kafka.

use crate::kafka::delivered;
use crate::support::kafka;
use crate::support::minicdc::{Finished, Minicdc, command};
use crate::support::process::{self, TempDir};
use crate::support::{PATIENCE, unique};
use minicdc::config::SinkConfig;
use minicdc::log::{LogOptions, LogWriter};
use minicdc::record::Record;
use minicdc::sink::{KafkaSink, Sink};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::Arc;

/// 2024-02-29T12:04:07.112Z
const TIME_MS: i64 = 1_709_208_247_112;

/// A log directory that a capture writes.
struct Capture {
    dir: TempDir,
    writer: LogWriter,
    sequence: u64,
}

impl Capture {
    fn start() -> Self {
        let dir = TempDir::new();
        let writer = LogWriter::open(&dir.path().join("log"), LogOptions::default(), |progress| {
            progress.unwrap();
        });
        Self { dir, writer: writer.unwrap(), sequence: 0 }
    }

    fn log_dir(&self) -> String {
        self.dir.path().join("log").to_str().unwrap().to_owned()
    }

    /// Writes one record; a reader sees it soon.
    fn write(&mut self, topic: &str, key: Option<&str>, value: Option<&str>) {
        let topic = Arc::from(topic);
        let record = record(self.sequence, &topic, key, value);
        let timestamp_ms = TIME_MS + i64::try_from(self.sequence).unwrap();
        self.sequence += 1;
        self.writer.append(&record, timestamp_ms).unwrap();
        self.writer.hand_over().unwrap();
    }

    /// Everything written is durable from here on.
    fn stop(self) -> TempDir {
        drop(self.writer);
        self.dir
    }
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

fn envelope(op: &str, after: &str) -> String {
    format!(r#"{{"before":null,"after":{after},"source":{{"ts_ms":{TIME_MS}}},"op":"{op}"}}"#)
}

fn key(id: u32) -> String {
    format!(r#"{{"id":{id}}}"#)
}

fn order(id: u32, quantity: u32) -> String {
    format!(r#"{{"id":{id},"quantity":{quantity}}}"#)
}

const ORDERS: &str = "dbserver1.public.orders";

/// Orders 1 to 20, then an update, and a delete with its tombstone.
fn write_orders(mut write: impl FnMut(Option<&str>, Option<&str>)) {
    for id in 1..=20 {
        write(Some(&key(id)), Some(&envelope("c", &order(id, id * 10))));
    }
    write(Some(&key(3)), Some(&envelope("u", &order(3, 31))));
    write(Some(&key(4)), Some(&envelope("d", "null")));
    write(Some(&key(4)), None);
}

fn shop() -> TempDir {
    let mut capture = Capture::start();
    write_orders(|key, value| capture.write(ORDERS, key, value));
    capture.write(ORDERS, None, Some(&envelope("t", "null")));
    capture.write("dbserver1.public.customers", Some(&key(1)), Some(&envelope("c", r#"{"id":1}"#)));
    capture.write("minicdc-offsets", Some("k"), Some("{}"));
    capture.stop()
}

/// `minicdc tail` on a log, in UTC.
fn tail(log_dir: &str, arguments: &[&str]) -> Minicdc {
    let mut tail = command();
    tail.env("TZ", "UTC").args(["tail", "--log-dir", log_dir]).args(arguments);
    Minicdc::spawn(tail)
}

fn run(dir: &TempDir, arguments: &[&str]) -> Finished {
    tail(dir.path().join("log").to_str().unwrap(), arguments).finish()
}

#[test]
fn feed_begins_with_the_last_changes_and_knows_the_rows_before_them() {
    let finished = run(&shop(), &["orders", "-n", "4", "--no-follow"]).success();
    assert_eq!(
        finished.stdout,
        [
            "orders   dbserver1.public.orders   24 records",
            "  2024-02-29",
            "  12:04:07.112  +  id 20   quantity 200",
            "  12:04:07.112  ~  id 3    quantity 30 → 31",
            "  12:04:07.112  -  id 4    quantity 40",
            "  12:04:07.112  ×  truncated",
        ]
    );
    assert_eq!(finished.stderr, [] as [&str; 0]);
}

#[test]
fn from_and_limit_choose_the_part_that_is_shown() {
    let dir = shop();
    let ids = |arguments: &[&str]| {
        let mut all = vec!["public.orders", "--format", "json", "--no-follow"];
        all.extend(arguments);
        let lines = run(&dir, &all).success().stdout;
        let id = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
        lines.iter().map(|line| id(line)["after"]["id"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]).len(), 10);
    assert_eq!(ids(&["-n", "0"]), []);
    assert_eq!(ids(&["--from", "end"]), []);
    assert_eq!(ids(&["--from", "beginning"]).len(), 23);
    assert_eq!(ids(&["--from", "beginning", "--limit", "2"]), [Some(1), Some(2)]);
    assert_eq!(ids(&["--from", "18", "--limit", "3"]), [Some(19), Some(20), Some(3)]);
    assert_eq!(ids(&["--from", "2024-02-29T12:04:07.130Z", "--limit", "1"]), [Some(19)]);
    let finished = run(&dir, &["orders", "--from", "25", "--no-follow"]);
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr[1].contains("from 0 to 24"), "{:?}", finished.stderr);
}

#[test]
fn record_format_gives_each_record_whole() {
    let finished = run(&shop(), &["orders", "-n", "2", "--no-follow", "--format", "record"]);
    let truncate = envelope("t", "null");
    assert_eq!(
        finished.success().stdout,
        [
            format!(
                r#"{{"topic":"{ORDERS}","partition":0,"offset":22,"timestamp":{},"key":{{"id":4}},"value":null,"headers":[]}}"#,
                TIME_MS + 22
            ),
            format!(
                r#"{{"topic":"{ORDERS}","partition":0,"offset":23,"timestamp":{},"key":null,"value":{truncate},"headers":[]}}"#,
                TIME_MS + 23
            ),
        ]
    );
}

#[test]
fn table_format_prints_a_batch_of_all_there_is() {
    let finished = run(&shop(), &["customers", "--format", "table", "--no-follow"]);
    let rule = "-".repeat(43);
    let expected = [&rule, "Batch: 0", &rule, "+---+", "| id|", "+---+", "|  1|", "+---+", ""];
    assert_eq!(finished.success().stdout, expected);
}

#[test]
fn star_means_every_topic_but_the_internal_ones() {
    let finished = run(&shop(), &["*", "-n", "2", "--no-follow"]).success();
    assert_eq!(
        finished.stdout,
        [
            "customers   dbserver1.public.customers    1 record",
            "orders      dbserver1.public.orders      24 records",
            "  2024-02-29",
            "  12:04:07.112  orders     ×  truncated",
            "  12:04:07.112  customers  +  id 1",
        ]
    );
    let named = run(&shop(), &["minicdc-offsets", "--no-follow", "--format", "json"]).success();
    assert_eq!(named.stdout, ["{}"]);
}

#[test]
fn name_that_leads_to_no_topic_or_several_lists_what_there_is() {
    let mut capture = Capture::start();
    capture.write(ORDERS, None, Some("1"));
    capture.write("dbserver1.audit.orders", None, Some("1"));
    let dir = capture.stop();
    let finished = run(&dir, &["orders"]);
    assert_eq!(finished.code(), 2);
    assert_eq!(
        finished.stderr,
        [
            "error: \"orders\" is the end of 2 topics: dbserver1.audit.orders, \
             dbserver1.public.orders",
            "hint:  name one of them: minicdc tail dbserver1.audit.orders",
        ]
    );
    let finished = run(&dir, &["audit.orders", "customers"]);
    assert_eq!(finished.code(), 1);
    assert_eq!(
        finished.stderr,
        [
            "error: no topic is named \"customers\" or ends in it; there are \
             dbserver1.audit.orders, dbserver1.public.orders",
            "hint:  name one of these, '*' for all of them, or wait for it with --wait",
        ]
    );
    assert_eq!(finished.stdout, [] as [&str; 0]);
}

#[test]
fn missing_log_says_how_to_make_one() {
    let finished = tail("/nonexistent/log", &["orders"]).finish();
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr[0].contains("/nonexistent/log"), "{:?}", finished.stderr);
    assert!(finished.stderr[1].contains("minicdc capture"), "{:?}", finished.stderr);
}

#[test]
fn bad_usage_exits_with_2() {
    for arguments in [&["--from", "soon", "orders"][..], &[], &["orders", "--interval", "0s"]] {
        assert_eq!(tail("/nonexistent", arguments).finish().code(), 2, "{arguments:?}");
    }
}

#[test]
fn following_shows_what_is_captured_until_a_signal() {
    for signal in ["INT", "TERM"] {
        let mut capture = Capture::start();
        capture.write(ORDERS, Some(&key(1)), Some(&envelope("c", &order(1, 5))));
        let mut feed = tail(&capture.log_dir(), &["orders", "--wait"]);
        feed.wait_stdout("the heading", |line| line.ends_with("(Ctrl-C stops)"));
        feed.wait_stdout("the first change", |line| line.ends_with("+  id 1   quantity 5"));
        capture.write(ORDERS, Some(&key(1)), Some(&envelope("u", &order(1, 6))));
        feed.wait_stdout("the update", |line| line.ends_with("~  id 1   quantity 5 → 6"));
        feed.signal(signal);
        assert_eq!(feed.finish().success().stderr, [] as [&str; 0]);
    }
}

#[test]
fn waiting_tail_shows_a_topic_and_a_log_that_come_later() {
    let dir = TempDir::new();
    let log_dir = dir.path().join("log");
    let mut feed = tail(log_dir.to_str().unwrap(), &["orders", "--wait"]);
    feed.wait_stderr("the notice", |line| line.starts_with("waiting: "));
    let mut writer = LogWriter::open(&log_dir, LogOptions::default(), drop).unwrap();
    let topic = Arc::from(ORDERS);
    writer.append(&record(0, &topic, None, Some(&envelope("c", "{\"id\":7}"))), TIME_MS).unwrap();
    writer.hand_over().unwrap();
    feed.wait_stdout("the change", |line| line.ends_with("+  id 7"));
    assert_eq!(feed.terminate().success().stderr.len(), 1);
}

#[test]
fn star_takes_topics_in_that_are_made_later() {
    let mut capture = Capture::start();
    capture.write("s.public.a", None, Some(r#"{"x":1}"#));
    let mut feed = tail(&capture.log_dir(), &["*"]);
    feed.wait_stdout("the first topic", |line| line.ends_with("a  *  x 1"));
    capture.write("s.public.b", None, Some(r#"{"y":2}"#));
    feed.wait_stdout("the new topic", |line| line.ends_with("b  *  y 2"));
    feed.terminate().success();
}

#[test]
fn tables_come_in_batches_while_following() {
    let mut capture = Capture::start();
    capture.write(ORDERS, None, Some(&envelope("c", "{\"id\":1}")));
    let mut feed = tail(&capture.log_dir(), &["orders", "--format", "table", "--interval", "50ms"]);
    feed.wait_stdout("the first batch", |line| line == "|  1|");
    capture.write(ORDERS, None, Some(&envelope("c", "{\"id\":2}")));
    feed.wait_stdout("the second batch", |line| line == "|  2|");
    let stdout = feed.terminate().success().stdout;
    assert!(stdout.contains(&"Batch: 1".to_owned()), "{stdout:?}");
}

#[test]
fn reader_that_goes_away_is_no_failure() {
    let mut capture = Capture::start();
    let long = format!("\"{}\"", "x".repeat(1_000));
    for _ in 0..2_000 {
        capture.write("t", None, Some(&long));
    }
    let dir = capture.stop();
    let mut tail = command();
    tail.args(["tail", "t", "--from", "beginning", "--format", "json", "--log-dir"]);
    tail.arg(dir.path().join("log")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tail.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), long);
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn following_ends_when_its_reader_goes_away_though_nothing_comes() {
    let dir = shop();
    let mut tail = command();
    tail.args(["tail", "orders", "--log-dir"]).arg(dir.path().join("log"));
    let mut child = tail.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().ends_with("(Ctrl-C stops)"));
    drop(lines);
    let status = process::wait(&mut child, PATIENCE);
    assert!(status.is_some_and(|status| status.success()), "{status:?}");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let dir = shop();
    let first = |arguments: &[&str]| run(&dir, arguments).success().stdout.remove(0);
    let plain = first(&["customers", "--no-follow"]);
    assert_eq!(plain, "customers   dbserver1.public.customers   1 record");
    assert_eq!(first(&["customers", "--no-follow", "--color", "never"]), plain);
    let coloured = first(&["customers", "--no-follow", "--color", "always"]);
    assert!(coloured.starts_with("\u{1b}[1mcustomers\u{1b}[0m"), "{coloured:?}");
}

/// `minicdc tail` on Kafka, in UTC.
fn tail_kafka(arguments: &[&str]) -> Minicdc {
    let mut tail = command();
    tail.env("TZ", "UTC").args(["tail", "--brokers", kafka::shared()]).args(arguments);
    Minicdc::spawn(tail)
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn kafka_topics_are_shown_and_followed() {
    let config = SinkConfig {
        brokers: Some(kafka::shared().to_owned()),
        topic_partitions: 3,
        ..SinkConfig::default()
    };
    let table = unique("orders");
    let topic: Arc<str> = Arc::from(format!("dbserver1.public.{table}"));
    let mut sink = KafkaSink::connect(&config).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&topic)]).await.unwrap();
    let mut sequence = 0;
    let mut send = |sink: &mut KafkaSink, key: Option<&str>, value: Option<&str>| {
        sink.send(&record(sequence, &topic, key, value)).unwrap();
        sequence += 1;
    };
    write_orders(|key, value| send(&mut sink, key, value));
    delivered(&sink, 23).await.unwrap();

    let mut feed = tail_kafka(&[&table, "--from", "beginning"]);
    feed.wait_stdout("the update", |line| line.contains("~  id 3 ") && line.ends_with("30 → 31"));
    feed.wait_stdout("the delete", |line| line.contains("-  id 4 ") && line.ends_with("40"));
    send(&mut sink, Some(&key(5)), Some(&envelope("u", &order(5, 51))));
    feed.wait_stdout("what comes", |line| line.contains("~  id 5 ") && line.ends_with("50 → 51"));
    let stdout = feed.terminate().success().stdout;
    assert_eq!(stdout[0], format!("{table}   {topic}   23 records, following   (Ctrl-C stops)"));
    // A date, and 23 changes: the tombstone has no line.
    assert_eq!(stdout.len(), 2 + 23);

    // The last ones, over three partitions, in the order in which they were written.
    let last = tail_kafka(&[&topic, "-n", "5", "--no-follow", "--format", "record"]);
    let lines = last.finish().success().stdout;
    let time = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let times: Vec<_> = lines.iter().map(|line| time(line)["timestamp"].as_i64()).collect();
    assert_eq!(times.len(), 5);
    assert!(times.is_sorted(), "{times:?}");

    let unknown = tail_kafka(&[&format!("{table}x")]).finish();
    assert_eq!(unknown.code(), 1);
    assert!(unknown.stderr[0].contains("no topic is named"), "{:?}", unknown.stderr);
}
