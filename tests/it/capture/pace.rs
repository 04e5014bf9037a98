//! Idle tables and slow readers.

use super::{Record, Shop, ids, range};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn traffic_elsewhere_advances_the_slot_of_an_idle_table() {
    let shop = Shop::start();
    shop.server.psql("create database other");
    shop.server.psql_in("other", "create table t (x text)");
    let capture = shop.streaming(&["--tables", "public.items"]);
    shop.server.psql("create table elsewhere (x text)");
    for _ in 0..3 {
        shop.server.psql_in(
            "other",
            "insert into t select repeat('x', 500) from generate_series(1, 2000)",
        );
        shop.server
            .psql("insert into elsewhere select repeat('x', 500) from generate_series(1, 2000)");
        shop.wait_confirmed();
    }
    let held =
        "select pg_current_wal_lsn() - confirmed_flush_lsn < 100000 from pg_replication_slots";
    assert_eq!(shop.server.psql(held), "t");
    capture.terminate().success();
}

/// The walsender cuts off whoever is silent for `wal_sender_timeout`.
fn slow_reader_keeps_the_connection(arguments: &[&str], counts: impl Fn(&str) -> Option<i64>) {
    let shop = Shop::with_conf("wal_sender_timeout = 2s");
    let mut capture = shop.capture_command(arguments);
    let mut capture = capture.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    shop.server.wait_streaming();
    let walsender = || shop.server.psql("select pid from pg_stat_replication");
    let pid = walsender();
    // Far more than a pipe holds.
    shop.server
        .psql("insert into items select i, repeat('n', 100) from generate_series(1, 10000) i");
    thread::sleep(Duration::from_secs(6));
    assert_eq!(walsender(), pid, "it was cut off");
    let reader = BufReader::new(capture.stdout.take().unwrap());
    let mut seen = Vec::new();
    for line in reader.lines() {
        seen.extend(counts(&line.unwrap()));
        if seen.len() == 10_000 {
            crate::support::process::signal(&capture, "TERM");
        }
    }
    assert_eq!(seen, range(1..=10_000));
    let output = capture.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !stderr.contains("lost"), "{stderr}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn status_replies_go_on_while_nobody_reads_the_records() {
    slow_reader_keeps_the_connection(&["--sink", "stdout"], |line| {
        let record = Record::parse(line);
        (record.op.as_deref() == Some("c")).then_some(record.id)
    });
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn status_replies_go_on_while_nobody_reads_the_feed() {
    slow_reader_keeps_the_connection(&["--feed"], |line| {
        line.split_once("+  id ")?.1.split(' ').next()?.parse().ok()
    });
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn small_queue_still_takes_everything() {
    let shop = Shop::start();
    shop.catch_up(&["--snapshot", "no_data"]);
    shop.insert(1..=500);
    let small = ["--set", "max.queue.size=10", "--set", "max.batch.size=5"];
    let capture = shop.streaming(&small);
    shop.wait_confirmed();
    capture.terminate().success();
    assert_eq!(ids(&shop.records(super::TOPIC), "c").len(), 500);
}
