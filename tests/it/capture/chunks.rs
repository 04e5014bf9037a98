//! Snapshots in chunks: parallel ones, and those that go on after they were interrupted.

use super::{Record, Shop, TOPIC, ids, materialise, range};
use crate::support::minicdc::Minicdc;
use crate::support::wait_until;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// As many chunks as there can be: of 64 pages each.
const SMALL_CHUNKS: [&str; 2] = ["--set", "snapshot.max.threads.multiplier=1000"];

/// Slow enough to be met in the middle: a few rows at a time, each waited for.
const SLOW: [&str; 4] = ["--set", "max.queue.size=50", "--set", "snapshot.fetch.size=10"];

fn wide_rows(shop: &Shop, rows: u32) {
    shop.server.psql(&format!(
        "insert into items select i, repeat('n', 200) || i from generate_series(1, {rows}) i"
    ));
}

/// The stored progress of an unfinished snapshot.
fn progress(shop: &Shop) -> Option<Value> {
    let text = fs::read_to_string(shop.dir.path().join("log/offsets.json")).ok()?;
    let all: Value = serde_json::from_str(&text).ok()?;
    let (_, stored) = all.as_object()?.iter().next()?;
    let progress = stored.get("minicdc_snapshot")?.as_str()?;
    assert_eq!(stored["snapshot"], "INITIAL", "Debezium takes it for an unfinished snapshot");
    assert_eq!(stored["snapshot_completed"], false);
    serde_json::from_str(progress).ok()
}

/// A capture that was begun and has read some chunks of `items`, but not all.
fn in_the_middle(shop: &Shop) -> Minicdc {
    let mut arguments = SMALL_CHUNKS.to_vec();
    arguments.extend(SLOW);
    let capture = shop.capture(&arguments);
    wait_until("a durable chunk", || {
        progress(shop).is_some_and(|progress| {
            assert_eq!(progress["complete"].as_array().map(Vec::len), Some(0), "too late");
            progress["open"].as_object().is_some_and(|open| !open.is_empty())
        })
    });
    capture
}

/// How often rows came, beyond once each.
fn repeated(records: &[Record]) -> usize {
    let mut read = ids(records, "r");
    let all = read.len();
    read.dedup();
    all - read.len()
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn parallel_snapshot_reads_what_a_serial_one_reads() {
    let shop = Shop::start();
    wide_rows(&shop, 20_000);
    shop.server.psql(
        "create table zempty (id int primary key, name text);
         create table single (id int primary key, name text);
         insert into single values (1, null);
         create table parted (id int primary key, name text) partition by range (id);
         create table parted_1 partition of parted for values from (0) to (5000);
         create table parted_2 partition of parted for values from (5000) to (10000);
         insert into parted select i, repeat('p', 150) || i from generate_series(0, 9999) i",
    );
    let rows = |arguments: &[&str]| {
        let mut all = vec!["--snapshot", "initial_only", "--sink", "stdout"];
        all.extend(arguments);
        let seen = shop.capture(&all).finish().success();
        let mut rows = BTreeMap::<String, Vec<(i64, Option<String>, String)>>::new();
        for line in &seen.stdout {
            let record: Value = serde_json::from_str(line).unwrap();
            let value = &record["value"];
            rows.entry(record["topic"].as_str().unwrap().to_owned()).or_default().push((
                value["after"]["id"].as_i64().unwrap(),
                value["after"]["name"].as_str().map(str::to_owned),
                value["source"]["snapshot"].as_str().unwrap().to_owned(),
            ));
        }
        rows
    };
    let serial = rows(&[]);
    assert_eq!(serial.len(), 5, "the empty table has no topic: {:?}", serial.keys());
    assert!(serial.values().all(|rows| rows.is_sorted()), "in the order of the table");
    let serial_markers = markers(&serial);
    for threads in ["1", "3"] {
        let threads = format!("snapshot.max.threads={threads}");
        let mut arguments = SMALL_CHUNKS.to_vec();
        arguments.extend(["--set", &threads, "--set", "snapshot.fetch.size=100"]);
        let chunked = rows(&arguments);
        assert_eq!(contents(&chunked), contents(&serial), "{threads}");
        assert_eq!(markers(&chunked), serial_markers, "{threads}");
        let first = &chunked["shop.public.items"][0].2;
        assert_eq!(first, "first", "{threads}");
    }
    let legacy = rows(&[
        "--set",
        "snapshot.max.threads=3",
        "--set",
        "legacy.snapshot.max.threads=true",
        "--set",
        "snapshot.tables.order.by.row.count=descending",
    ]);
    assert_eq!(contents(&legacy), contents(&serial));
    assert_eq!(markers(&legacy).get("first"), None);
    assert_eq!(markers(&legacy)["last"], 1);
}

type Rows = BTreeMap<String, Vec<(i64, Option<String>, String)>>;

fn contents(rows: &Rows) -> BTreeMap<String, Vec<(i64, Option<String>)>> {
    let sorted = |rows: &Vec<(i64, Option<String>, String)>| {
        let mut rows: Vec<_> = rows.iter().map(|(id, name, _)| (*id, name.clone())).collect();
        rows.sort();
        rows
    };
    rows.iter().map(|(topic, rows)| (topic.clone(), sorted(rows))).collect()
}

fn markers(rows: &Rows) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, _, marker) in rows.values().flatten() {
        *counts.entry(marker.clone()).or_insert(0) += 1;
    }
    counts
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn killed_snapshot_goes_on_with_the_missing_chunks() {
    let shop = Shop::start();
    wide_rows(&shop, 10_000);
    in_the_middle(&shop).kill();
    let before = ids(&shop.records(TOPIC), "r").len();
    // Rows that move: onto pages that were read, and from there.
    shop.server.psql(
        "update items set name = 'x' where id % 400 = 0; delete from items where id % 400 = 1;
         vacuum items; update items set id = -id where id % 400 = 2;
         insert into items values (30000, 'new')",
    );
    shop.catch_up(&SMALL_CHUNKS);
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    // At most the chunks that were in flight, of about 2200 rows, and rows that were changed.
    let repeated = repeated(&records);
    assert!(repeated <= 2 * 2200 + 100, "{repeated} rows came again, of {before}");
    assert!(progress(&shop).is_none());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn stopped_snapshot_keeps_its_slot_and_goes_on() {
    let shop = Shop::start();
    wide_rows(&shop, 10_000);
    let stopped = in_the_middle(&shop).terminate().success();
    let kept = stopped.stderr.iter().any(|line| line.contains("slot \"shop\" stays for it"));
    assert!(kept, "{:?}", stopped.stderr);
    assert_eq!(shop.server.psql("select count(*) from pg_replication_slots"), "1");
    shop.catch_up(&SMALL_CHUNKS);
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let repeated = repeated(&records);
    assert!(repeated <= 2 * 2200, "{repeated} rows came again");

    // Whoever drops the slot meanwhile gets a whole one: what changed since cannot be had.
    let shop = Shop::start();
    wide_rows(&shop, 10_000);
    in_the_middle(&shop).terminate().success();
    shop.server.psql("select pg_drop_replication_slot('shop'); update items set name = 'x'");
    shop.catch_up(&[]);
    assert_eq!(materialise(&shop.records(TOPIC)), shop.table());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn lost_connection_costs_the_chunks_that_were_in_flight() {
    let shop = Shop::start();
    wide_rows(&shop, 10_000);
    let mut capture = in_the_middle(&shop);
    let ended = "select count(pg_terminate_backend(pid)) > 0 from pg_stat_activity
                 where application_name like 'minicdc%' and pid <> pg_backend_pid()";
    assert_eq!(shop.server.psql(ended), "t");
    capture.wait_stderr("the loss", |line| line.contains("connection to PostgreSQL lost"));
    capture.wait_stderr("the stream", |line| line.contains("streaming again"));
    capture.terminate().success();
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let repeated = repeated(&records);
    assert!(repeated <= 2 * 2200, "{repeated} rows came again");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn rewritten_table_is_read_again_from_its_beginning() {
    let shop = Shop::start();
    wide_rows(&shop, 10_000);
    let mut capture = in_the_middle(&shop);
    shop.server.psql("delete from items where id <= 5000; vacuum full items");
    capture.wait_stderr("the stream", |line| line.contains("streaming again"));
    capture.terminate().success();
    shop.catch_up(&[]);
    assert_eq!(materialise(&shop.records(TOPIC)), shop.table());
}

/// A row that moves between two chunks comes by the stream without the large value that nobody
/// touched; the snapshot has to bring it.
#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn large_values_of_rows_that_moved_are_not_lost() {
    let shop = Shop::start();
    shop.server.psql(
        "create table docs (id int primary key, n int, pad text, body text);
         alter table docs alter body set storage external;
         insert into docs select i, 0, repeat('p', 300), case when i % 50 = 0
           then repeat('b', 3000) || i end from generate_series(1, 20000) i;
         delete from docs where id <= 1000 and id % 50 <> 0; vacuum docs",
    );
    let tables = ["--tables", "public.docs"];
    let mut arguments = [&SMALL_CHUNKS[..], &SLOW, &tables].concat();
    let capture = shop.capture(&arguments);
    wait_until("a durable chunk", || {
        progress(&shop).is_some_and(|p| p["open"].as_object().is_some_and(|open| !open.is_empty()))
    });
    capture.kill();
    // From the end of the table to the room at its beginning.
    shop.server.psql("update docs set n = 1 where id > 19000 and id % 50 = 0");
    arguments.truncate(2);
    arguments.extend(tables);
    shop.catch_up(&arguments);

    let log_dir = shop.log_dir();
    let topic = "shop.public.docs";
    let mut tail = crate::support::minicdc::command();
    tail.args(["tail", topic, "--log-dir", &log_dir, "--from", "beginning", "--no-follow"]);
    tail.args(["--format", "record"]);
    let mut bodies = BTreeMap::new();
    for line in Minicdc::spawn(tail).finish().success().stdout {
        let record: Value = serde_json::from_str(&line).unwrap();
        let after = &record["value"]["after"];
        let (id, body) = (after["id"].as_i64().unwrap(), after["body"].as_str());
        if body != Some("__debezium_unavailable_value") {
            bodies.insert(id, body.map(str::to_owned));
        }
    }
    let expected = shop.server.psql("select id || ' ' || body from docs where body is not null");
    for line in expected.lines() {
        let (id, body) = line.split_once(' ').unwrap();
        let found = bodies.get(&id.parse().unwrap()).cloned().flatten();
        assert_eq!(found.as_deref(), Some(body), "row {id}");
    }
    assert_eq!(shop.server.psql("select count(*) from docs"), bodies.len().to_string());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn every_isolation_reads_every_row_and_locks_are_waited_for_in_vain() {
    for isolation in ["serializable", "repeatable_read", "read_committed", "read_uncommitted"] {
        let shop = Shop::start();
        wide_rows(&shop, 1000);
        let isolation = format!("snapshot.isolation.mode={isolation}");
        let arguments = ["--snapshot", "initial_only", "--set", "snapshot.locking.mode=shared"];
        let mut all = arguments.to_vec();
        all.extend(["--set", &isolation]);
        shop.capture(&all).finish().success();
        assert_eq!(ids(&shop.records(TOPIC), "r"), range(1..=1000), "{isolation}");
    }
    let shop = Shop::start();
    let holding = "begin; lock table items in access exclusive mode; select pg_sleep(60)";
    thread::scope(|scope| {
        scope.spawn(|| shop.server.try_psql("postgres", holding));
        let locked = "select count(*) from pg_locks where mode = 'AccessExclusiveLock'
                      and relation = 'items'::regclass";
        wait_until("the lock", || shop.server.psql(locked) == "1");
        let refused = shop
            .capture(&[
                "--snapshot",
                "initial_only",
                "--set",
                "snapshot.locking.mode=shared",
                "--set",
                "snapshot.lock.timeout.ms=100",
            ])
            .finish();
        shop.server.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()");
        assert_eq!(refused.code(), 1);
        let said = refused.stderr.join("\n");
        assert!(
            said.contains("lock timeout") && said.contains("snapshot.lock.timeout.ms"),
            "{said}"
        );
    });
}

/// Numbers that look random, and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Inserts, updates, deletes and key changes go on while a snapshot is taken, killed, stopped and
/// gone on with; in the end the topic tells what the table holds. `MINICDC_TEST_SEEDS` asks for
/// more of them.
#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn interrupted_snapshots_under_writes_end_with_the_table() {
    let asked = std::env::var("MINICDC_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..asked.unwrap_or(3) {
        interrupted_under_writes(seed);
    }
}

fn interrupted_under_writes(seed: u64) {
    let mut dice = Dice(seed);
    let shop = Shop::start();
    wide_rows(&shop, 4000 + u32::try_from(dice.roll(8000)).unwrap());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut writes = Dice(seed + 1000);
        let (shop_of_writer, stop_of_writer) = (&shop, &stop);
        let writer = scope.spawn(move || {
            let mut next = 100_000;
            while !stop_of_writer.load(Ordering::Relaxed) {
                let (a, b, c) = (writes.roll(12_000), writes.roll(12_000), writes.roll(12_000));
                shop_of_writer.server.psql(&format!(
                    "insert into items values ({next}, 'i');
                     update items set name = name || 'u' where id between {a} and {a} + 20;
                     delete from items where id between {b} and {b} + 3;
                     update items set id = id + 1000000 where id = {c};
                     {}",
                    if writes.roll(10) == 0 { "vacuum items" } else { "" }
                ));
                next += 1;
            }
        });
        for _ in 0..dice.roll(4) {
            let threads = format!("snapshot.max.threads={}", 1 + dice.roll(3));
            let queue = format!("max.queue.size={}", 20 + dice.roll(400));
            let fetch = format!("snapshot.fetch.size={}", 1 + dice.roll(50));
            let mut arguments = SMALL_CHUNKS.to_vec();
            arguments.extend(["--set", &threads, "--set", &queue, "--set", &fetch]);
            let capture = shop.capture(&arguments);
            thread::sleep(Duration::from_millis(300 + dice.roll(1500)));
            match dice.roll(3) {
                0 => drop(capture.terminate().success()),
                _ => drop(capture.kill()),
            }
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    });
    shop.catch_up(&SMALL_CHUNKS);
    assert_eq!(materialise(&shop.records(TOPIC)), shop.table(), "seed {seed}");
}
