//! `--exactly-once`: whoever reads committed records sees each change once, whatever is killed.

use super::{Record, Shop, ids, materialise, range, wait_streaming};
use crate::support::kafka::{self, Broker};
use crate::support::minicdc::{Finished, Minicdc, command};
use crate::support::{unique, wait_until};
use serde_json::Value;
use std::thread;
use std::time::Duration;

/// A shop whose changes go to Kafka, each once.
struct Site {
    shop: Shop,
    brokers: String,
    prefix: String,
}

impl Site {
    fn start(brokers: &str) -> Self {
        Self { shop: Shop::start(), brokers: brokers.to_owned(), prefix: unique("once") }
    }

    fn capture(&self, arguments: &[&str]) -> Minicdc {
        let offsets = format!("offset.storage.topic={}-offsets", self.prefix);
        let mut all = vec!["--exactly-once", "--brokers", &self.brokers];
        all.extend(["--topic-prefix", &self.prefix, "--set", &offsets]);
        all.extend(arguments);
        self.shop.capture(&all)
    }

    fn streaming(&self) -> Minicdc {
        let mut capture = self.capture(&[]);
        wait_streaming(&mut capture);
        capture
    }

    fn catch_up(&self) -> Finished {
        self.capture(&["--stop-at", "current"]).finish().success()
    }

    /// The committed records of the topic, in their order.
    fn records(&self) -> Vec<Record> {
        let topic = format!("{}.public.items", self.prefix);
        let mut tail = command();
        tail.args(["tail", &topic, "--brokers", &self.brokers, "--from", "beginning"]);
        tail.args(["--no-follow", "--format", "record"]);
        let lines = Minicdc::spawn(tail).finish().success().stdout;
        lines.iter().map(|line| Record::parse(line)).collect()
    }

    /// The positions that were stored, in their order.
    fn positions(&self) -> Vec<Value> {
        let topic = format!("{}-offsets", self.prefix);
        let mut tail = command();
        tail.args(["tail", &topic, "--brokers", &self.brokers, "--from", "beginning"]);
        tail.args(["--no-follow", "--format", "record"]);
        let lines = Minicdc::spawn(tail).finish().success().stdout;
        let record = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        lines.iter().map(|line| record(line)["value"].clone()).collect()
    }

    /// Writes rows in transactions of many and of one, and changes some, until all are written.
    fn write_rows(&self, rows: u32) {
        for from in (1..=rows).step_by(500) {
            let (many, last) = (from + 399, from + 499);
            self.shop.server.psql(&format!(
                "insert into items select i, 'n' || i from generate_series({from}, {many}) i;
                 update items set name = name || 'u' where id between {from} and {from} + 9;"
            ));
            self.shop.insert(many + 1..=last);
        }
    }

    /// Every row of [`Self::write_rows`] came once, and in the order of the commits.
    fn expect_each_once(&self, rows: i64) {
        let records = self.records();
        let of = |op: &str| -> Vec<i64> {
            let records = records.iter().filter(|record| record.op.as_deref() == Some(op));
            records.map(|record| record.id).collect()
        };
        assert_eq!(of("c"), range(1..=rows));
        let updated: Vec<i64> = (1..=rows).filter(|id| (id - 1) % 500 < 10).collect();
        assert_eq!(of("u"), updated);
        assert_eq!(materialise(&records), self.shop.table());
    }
}

/// A different pause each time, without a clock or dice.
fn pause(run: u64) {
    thread::sleep(Duration::from_millis(60 + run * 379 % 700));
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn killed_capture_writes_each_change_once() {
    const ROWS: u32 = 30_000;
    let site = Site::start(kafka::shared());
    site.streaming().terminate().success();
    let mut kills = 0;
    thread::scope(|scope| {
        let writing = scope.spawn(|| site.write_rows(ROWS));
        while !writing.is_finished() || kills < 8 {
            let capture = site.streaming();
            pause(kills);
            capture.kill();
            kills += 1;
        }
    });
    site.catch_up();
    println!("killed {kills} times");
    site.expect_each_once(i64::from(ROWS));
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn capture_killed_inside_of_a_huge_transaction_goes_on_inside_of_it() {
    let site = Site::start(kafka::shared());
    site.streaming().terminate().success();
    // Rows of one statement share LSNs; those of the second come one by one.
    site.shop.server.psql(
        "begin;
         insert into items select i, 'n' || i from generate_series(1, 60000) i;
         update items set name = 'u' where id <= 20000;
         commit",
    );
    let ends = || {
        let inside = |position: &Value| position["messageType"] != "COMMIT";
        site.positions().iter().filter(|position| inside(position)).count()
    };
    for _ in 0..3 {
        let known = ends();
        // Small transactions, so that there is something to interrupt.
        let mut capture = site.capture(&["--set", "max.queue.size=2000"]);
        wait_streaming(&mut capture);
        wait_until("an end inside of the transaction", || ends() > known);
        capture.kill();
    }
    let last = site.positions().pop().unwrap();
    assert_ne!(last["messageType"], "COMMIT", "killed too late: {last}");
    site.catch_up();
    let records = site.records();
    let of = |op: &str| -> Vec<i64> {
        let records = records.iter().filter(|record| record.op.as_deref() == Some(op));
        records.map(|record| record.id).collect()
    };
    assert_eq!(of("c"), range(1..=60_000));
    assert_eq!(of("u"), range(1..=20_000));
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn snapshot_that_is_killed_shows_no_row_until_it_is_complete() {
    let site = Site::start(kafka::shared());
    site.shop.server.psql("insert into items select i, 'n' from generate_series(1, 60000) i");
    for _ in 0..2 {
        // Slow enough to be killed in its middle.
        let mut capture = site.capture(&["--set", "max.queue.size=100"]);
        capture.wait_stderr("the snapshot", |line| line.contains("snapshot begins"));
        pause(1);
        let killed = capture.kill();
        assert!(!killed.stderr.iter().any(|line| line.contains("snapshot done")), "too late");
        assert_eq!(site.records(), []);
    }
    site.shop.server.psql("delete from items where id <= 100");
    site.catch_up();
    let records = site.records();
    assert_eq!(ids(&records, "r"), range(101..=60_000));
    let deletes_and_tombstones = records.len() - 59_900;
    assert_eq!((ids(&records, "d"), deletes_and_tombstones), (range(1..=100), 200));
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn killed_broker_interrupts_and_repeats_nothing() {
    const ROWS: u32 = 15_000;
    let mut broker = Broker::start();
    let site = Site::start(&broker.address());
    let mut capture = site.streaming();
    thread::scope(|scope| {
        let writing = scope.spawn(|| site.write_rows(ROWS));
        for run in 0..3 {
            pause(run);
            broker.kill();
            pause(run + 1);
            broker.start_again();
        }
        writing.join().unwrap();
    });
    site.shop.wait_confirmed();
    assert!(capture.ended().is_none());
    capture.terminate().success();
    site.expect_each_once(i64::from(ROWS));
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn postgres_that_crashes_repeats_nothing() {
    let mut site = Site::start(kafka::shared());
    let mut capture = site.streaming();
    for run in 0..3 {
        let from = run * 10_000_u64 + 1;
        let to = from + 9_999;
        site.shop.server.psql(&format!(
            "insert into items select i, 'n' || i from generate_series({from}, {to}) i; checkpoint"
        ));
        thread::sleep(Duration::from_millis(run * 40));
        site.shop.server.stop_immediate();
        site.shop.server.start_again();
    }
    site.shop.insert(30_001..=30_010);
    site.shop.wait_confirmed();
    assert!(capture.ended().is_none());
    capture.terminate().success();
    let records = site.records();
    assert_eq!(records.iter().map(|record| record.id).collect::<Vec<_>>(), range(1..=30_010));
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn second_writer_locks_the_first_one_out() {
    let one = Site::start(kafka::shared());
    let mut first = one.streaming();
    one.shop.insert(1..=10);
    one.shop.wait_confirmed();
    // Another server, but the same names: as if a backup had been restored beside the original.
    let two = Site { shop: Shop::start(), ..Site::start(kafka::shared()) };
    let two = Site { prefix: one.prefix.clone(), ..two };
    two.shop.server.psql("select pg_create_logical_replication_slot('shop', 'pgoutput')");
    let second = two.capture(&["--snapshot", "no_data"]);
    wait_until("the second to take over or to refuse", || {
        one.shop.insert(11..=11);
        one.shop.server.psql("delete from items where id = 11");
        first.ended().is_some()
    });
    let first = first.finish();
    assert_eq!(first.code(), 1, "{:?}", first.stderr);
    let stderr = first.stderr.join("\n");
    assert!(stderr.contains("another writer has taken over"), "{stderr}");
    assert!(stderr.contains("stop one of them"), "{stderr}");
    drop(second);
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn start_that_finds_the_slot_in_use_does_not_disturb_its_user() {
    let site = Site::start(kafka::shared());
    let capture = site.streaming();
    let second = site.capture(&["--set", "slot.max.retries=0"]).finish();
    assert_eq!(second.code(), 1, "{:?}", second.stderr);
    site.shop.insert(1..=10);
    site.shop.wait_confirmed();
    capture.terminate().success();
    assert_eq!(ids(&site.records(), "c"), range(1..=10));
}

/// Where each change of the slot stands: its transaction, its LSN, and the end of the transaction
/// before.
fn places(shop: &Shop) -> Vec<(i64, i64, i64)> {
    let peeked = shop.server.psql(
        "select chr(get_byte(data, 0)), xid, lsn - '0/0' from pg_logical_slot_peek_binary_changes(
             'shop', null, null, 'proto_version', '1', 'publication_names', 'shop')",
    );
    let (mut places, mut end) = (Vec::new(), 0);
    for line in peeked.lines() {
        let mut fields = line.split('|');
        let kind = fields.next().unwrap();
        let numbers: Vec<i64> = fields.map(|field| field.parse().unwrap()).collect();
        match kind {
            "I" => places.push((numbers[0], numbers[1], end)),
            "C" => end = numbers[1],
            _ => {}
        }
    }
    places
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn position_that_debezium_stored_inside_of_a_transaction_is_taken_over() {
    use minicdc::config::SinkConfig;
    use minicdc::offsets::{OffsetKey, OffsetStore, SourceOffset};
    let site = Site::start(kafka::shared());
    site.shop.server.psql(
        "create publication shop for all tables;
         select pg_create_logical_replication_slot('shop', 'pgoutput')",
    );
    site.shop.insert(1..=3);
    site.shop
        .server
        .psql("begin; insert into items select i, 'a' from generate_series(4, 9) i; commit");
    site.shop.insert(10..=12);
    // The server of the tests flushes its WAL a little later.
    wait_until("all changes to be seen", || places(&site.shop).len() == 12);
    let (xid, lsn, end) = places(&site.shop)[5];
    // As Debezium 3.6 stores it behind row 6.
    let stored: SourceOffset = serde_json::from_value(serde_json::json!({
        "lsn_proc": lsn, "messageType": "INSERT", "lsn_commit": end, "lsn": lsn, "txId": xid,
        "ts_usec": 1_722_854_400_123_456_i64,
    }))
    .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = SinkConfig {
            brokers: Some(site.brokers.clone()),
            offset_topic: format!("{}-offsets", site.prefix),
            ..SinkConfig::default()
        };
        let key = OffsetKey::new(&site.prefix, &site.prefix);
        let store = OffsetStore::kafka(&config, key).await.unwrap();
        store.save(&stored).await.unwrap();
    });
    site.catch_up();
    let records = site.records();
    assert_eq!(records.iter().map(|record| record.id).collect::<Vec<_>>(), range(7..=12));
}
