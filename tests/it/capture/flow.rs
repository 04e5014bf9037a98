//! load → capture → tail, on the embedded log and on Kafka.

use super::{Record, Shop, wait_streaming};
use crate::kafka::console_producer;
use crate::support::minicdc::{Minicdc, command};
use crate::support::postgres::Server;
use crate::support::process::TempDir;
use crate::support::{kafka, unique};
use std::collections::BTreeSet;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

/// The demo: files become tables, tables become topics, topics become a feed of what changes.
fn rows_of_files_and_later_changes_are_seen(sink: &[&str]) {
    let server = Server::start();
    let url = server.url("postgres");
    let slot = unique("demo");
    Minicdc::start(&["load", DATA, "--database-url", &url]).finish().success();

    let mut capture = command();
    capture.args(["capture", "--slot", &slot, "--database-url", &url]).args(sink);
    let mut capture = Minicdc::spawn(capture);
    wait_streaming(&mut capture);

    let tail = |arguments: &[&str]| {
        let mut tail = command();
        tail.env("TZ", "UTC").arg("tail").args(sink).args(arguments);
        Minicdc::spawn(tail)
    };
    for (table, rows) in [("customers", 300), ("products", 40), ("orders", 1200)] {
        let topic = format!("{slot}.public.{table}");
        let arguments = [&topic, "--from", "beginning", "--no-follow", "--format", "json"];
        let lines = tail(&arguments).finish().success().stdout;
        assert_eq!(lines.len(), rows, "{table}");
        assert!(lines.iter().all(|line| line.contains(r#""op":"r""#)), "{table}");
    }

    let topic = format!("{slot}.public.orders");
    let mut feed = tail(&[&topic, "-n", "1"]);
    feed.wait_stdout("the last row of the snapshot", |line| line.contains("·  id 1200 "));
    server.psql(
        "update orders set quantity = 77 where id = 1200;
         insert into orders values (1201, 1, 1, 5);
         delete from orders where id = 1201",
    );
    feed.wait_stdout("the update", |line| line.contains("~  id 1200 ") && line.ends_with(" → 77"));
    feed.wait_stdout("the insert", |line| line.contains("+  id 1201 ") && line.ends_with(" 5"));
    feed.wait_stdout("the delete", |line| line.contains("-  id 1201 "));
    feed.terminate().success();
    capture.terminate().success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn files_become_feeds_on_the_embedded_log() {
    let dir = TempDir::new();
    let log_dir = dir.path().join("log");
    rows_of_files_and_later_changes_are_seen(&["--log-dir", log_dir.to_str().unwrap()]);
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn files_become_feeds_on_kafka() {
    rows_of_files_and_later_changes_are_seen(&["--brokers", kafka::shared()]);
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn kafkas_own_tools_see_the_same_records_in_the_same_partitions() {
    let (shop, brokers, prefix) = (Shop::start(), kafka::shared(), unique("shop"));
    shop.insert(1..=50);
    let to_kafka = [
        "--brokers",
        brokers,
        "--topic-prefix",
        &prefix,
        "--set",
        "topic.creation.default.partitions=5",
    ];
    let capture = shop.streaming(&to_kafka);
    shop.insert(51..=100);
    shop.server.psql("update items set name = 'x' where id = 7; delete from items where id = 8");
    shop.wait_confirmed();
    capture.terminate().success();

    let topic = format!("{prefix}.public.items");
    let mut tail = command();
    tail.args(["tail", &topic, "--brokers", brokers, "--from", "beginning", "--no-follow"]);
    let lines = Minicdc::spawn(tail_record(tail)).finish().success().stdout;
    // 100 rows, an update, a delete and its tombstone.
    assert_eq!(lines.len(), 103);

    let properties = ["print.partition=true", "print.offset=true", "print.key=true"];
    let theirs = kafka::console_consumer(brokers, &topic, 103, &properties);
    let ours: BTreeSet<String> = lines.iter().map(|line| as_the_console_consumer(line)).collect();
    assert_eq!(theirs.into_iter().collect::<BTreeSet<_>>(), ours);

    // The Java producer, given the same keys, chooses the same partitions.
    let javas = unique("javas");
    let create = ["--create", "--topic", &javas, "--partitions", "5"];
    kafka::tool("org.apache.kafka.tools.TopicCommand", &create, brokers);
    let keys: String = (1..=100).map(|id| format!("{{\"id\":{id}}}\tv\n")).collect();
    console_producer(brokers, &javas, &keys);
    let chosen = kafka::console_consumer(brokers, &javas, 100, &properties[..1]);
    assert_eq!(chosen.len(), 100);
    let properties = ["print.partition=true", "print.key=true", "print.value=false"];
    let placed = |topic: &str, count| -> BTreeSet<String> {
        kafka::console_consumer(brokers, topic, count, &properties).into_iter().collect()
    };
    let ours = placed(&topic, 103);
    assert_eq!(ours, placed(&javas, 100));
    let partitions: BTreeSet<_> = ours.iter().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(partitions.len(), 5, "100 keys reach every partition");
}

fn tail_record(mut tail: std::process::Command) -> std::process::Command {
    tail.args(["--format", "record"]);
    tail
}

/// A line of `tail --format record` in the shape of the console consumer's: key and value are
/// taken out as they stand.
fn as_the_console_consumer(line: &str) -> String {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    let (_, rest) = line.split_once(r#","key":"#).unwrap();
    let (key, rest) = rest.split_once(r#","value":"#).unwrap();
    let (value, _) = rest.rsplit_once(r#","headers":"#).unwrap();
    format!("Partition:{}\tOffset:{}\t{key}\t{value}", record["partition"], record["offset"])
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn feed_shows_changes_beside_the_sink() {
    let shop = Shop::start();
    shop.insert(1..=2);
    let mut capture = shop.capture(&["--feed"]);
    capture.wait_stdout("the snapshot", |line| line.contains("items  ·  id 2 "));
    wait_streaming(&mut capture);
    shop.server.psql("update items set name = 'new' where id = 2");
    capture.wait_stdout("the update", |line| line.ends_with("name n2 → new"));
    capture.terminate().success();
    let written: Vec<Record> = shop.records(super::TOPIC);
    assert_eq!(written.len(), 3);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn stdout_has_one_json_line_per_record_and_nothing_else() {
    let shop = Shop::start();
    shop.insert(1..=3);
    let lines = shop.catch_up(&["--sink", "stdout"]).stdout;
    let records: Vec<Record> = lines.iter().map(|line| Record::parse(line)).collect();
    assert_eq!(super::ids(&records, "r"), [1, 2, 3]);
}
