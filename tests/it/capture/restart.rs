//! Stops of every kind, and what a restart finds.

use super::{Record, Shop, TOPIC, ids, materialise, range, wait_streaming};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn restart_after_a_clean_stop_neither_loses_nor_repeats() {
    let shop = Shop::start();
    shop.insert(1..=10);
    let capture = shop.streaming(&[]);
    shop.insert(11..=110);
    // What is on its way when the signal comes is either delivered and confirmed, or read again.
    capture.terminate().success();
    shop.insert(111..=200);
    shop.server.psql("update items set name = 'x' where id <= 5; delete from items where id = 6");
    let capture = shop.streaming(&[]);
    shop.insert(201..=250);
    shop.wait_confirmed();
    capture.terminate().success();

    let records = shop.records(TOPIC);
    assert_eq!(ids(&records, "r"), range(1..=10));
    assert_eq!(ids(&records, "c"), range(11..=250));
    assert_eq!(ids(&records, "u"), range(1..=5));
    assert_eq!(ids(&records, "d"), [6]);
    assert_eq!(materialise(&records), shop.table());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn kill_in_the_middle_of_inserts_loses_nothing() {
    let shop = Shop::start();
    drop(shop.streaming(&[]).terminate());
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for from in (1..=20_000).step_by(500) {
                let to = from + 499;
                shop.server.psql(&format!(
                    "insert into items select i, 'n' || i from generate_series({from}, {to}) i;
                     update items set name = name || 'u' where id between {from} and {from} + 9"
                ));
            }
        });
        let mut runs = 0;
        while !writing.is_finished() {
            let capture = shop.streaming(&[]);
            thread::sleep(Duration::from_millis(200 + 70 * runs));
            capture.kill();
            runs += 1;
        }
        println!("killed {runs} times");
        writing.join().unwrap();
    });
    shop.catch_up(&[]);

    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let mut created = ids(&records, "c");
    let all = created.len();
    created.dedup();
    println!("{} of {all} inserts came twice", all - created.len());
    assert_eq!(created, range(1..=20_000));
    assert!(in_order(&records), "the first appearance of each row is in commit order");
}

/// Whether ids appear for the first time in the order of the inserts.
fn in_order(records: &[Record]) -> bool {
    let mut first = BTreeMap::new();
    for (place, record) in records.iter().enumerate() {
        first.entry(record.id).or_insert(place);
    }
    first.values().is_sorted()
}

/// Leaves a loaded machine time to interrupt a snapshot.
const SLOWLY: [&str; 2] = ["--set", "max.queue.size=200"];

fn many_rows(shop: &Shop) {
    shop.server.psql("insert into items select i, 'n' || i from generate_series(1, 60000) i");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn kill_during_the_snapshot_takes_it_again() {
    let shop = Shop::start();
    many_rows(&shop);
    let mut capture = shop.capture(&SLOWLY);
    capture.wait_stderr("the snapshot", |line| line.contains("snapshot begins"));
    let killed = capture.kill();
    assert!(!killed.stderr.iter().any(|line| line.contains("snapshot done")), "killed too late");
    shop.server.psql("update items set name = 'x' where id = 1; delete from items where id = 2");
    shop.catch_up(&[]);
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let mut rows = ids(&records, "r");
    rows.dedup();
    // The second snapshot, and perhaps the beginning of the first.
    assert!(rows.len() >= 59_999, "{}", rows.len());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn stopped_snapshot_leaves_no_slot_and_is_taken_again() {
    for sink in ["log", "stdout"] {
        let shop = Shop::start();
        many_rows(&shop);
        let mut capture = shop.capture(&[&SLOWLY[..], &["--sink", sink]].concat());
        capture.wait_stderr("the snapshot", |line| line.contains("snapshot begins"));
        let stopped = capture.terminate().success();
        let done = stopped.stderr.iter().any(|line| line.contains("snapshot done"));
        assert!(!done, "stopped too late: {:?}", stopped.stderr);
        assert_eq!(shop.server.psql("select slot_name from pg_replication_slots"), "", "{sink}");
        let again = shop.catch_up(&["--sink", sink]);
        let records: Vec<Record> = match sink {
            "stdout" => again.stdout.iter().map(|line| Record::parse(line)).collect(),
            _ => shop.records(TOPIC),
        };
        assert_eq!(materialise(&records), shop.table(), "{sink}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn reader_who_has_seen_enough_is_a_clean_end_without_a_slot() {
    let shop = Shop::start();
    many_rows(&shop);
    let mut capture = shop.capture_command(&["--sink", "stdout"]);
    let mut capture = capture.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(capture.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(Record::parse(&first).id, 1);
    let output = capture.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !stderr.contains("error"), "{stderr}");
    assert_eq!(shop.server.psql("select slot_name from pg_replication_slots"), "");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn first_signal_drains_and_the_second_ends_at_once() {
    let shop = Shop::start();
    // Nobody reads the pipe, so what is in flight stays there.
    let mut capture = shop.capture_command(&["--sink", "stdout"]);
    capture.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut capture = capture.spawn().unwrap();
    shop.server.wait_streaming();
    // More than may be in flight and than the socket holds: the server has to wait with the rest.
    shop.server.psql("insert into items select i, 'n' || i from generate_series(1, 300000) i");
    let held_up = "select count(*) from pg_stat_activity
        where backend_type = 'walsender' and wait_event = 'WalSenderWriteData'";
    crate::support::wait_until("a full pipe", || shop.server.psql(held_up) == "1");
    let signal = || crate::support::process::signal(&capture, "TERM");
    signal();
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    signal();
    let status = crate::support::process::wait(&mut capture, Duration::from_secs(20)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(143), "ended by the second signal, not by the drain's end");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn stop_at_ends_when_that_position_is_delivered() {
    let shop = Shop::start();
    shop.catch_up(&["--snapshot", "no_data"]);
    shop.insert(1..=20);
    let middle = shop.server.psql("select pg_current_wal_insert_lsn()");
    shop.insert(21..=40);
    shop.capture(&["--stop-at", &middle]).finish().success();
    let first = ids(&shop.records(TOPIC), "c");
    assert!(first.starts_with(&range(1..=20)), "{first:?}");
    shop.catch_up(&[]);
    assert_eq!(ids(&shop.records(TOPIC), "c"), range(1..=40));
    // Nothing is left: the end is there already, and found although nobody writes.
    let begun = Instant::now();
    shop.catch_up(&[]);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn signal_while_the_slot_waits_leaves_nothing_on_the_server() {
    let shop = Shop::start();
    // A transaction that writes and stays open: making a slot waits for it.
    let holding = "begin; insert into items values (1, 'a'); select pg_sleep(60)";
    thread::scope(|scope| {
        let holder = scope.spawn(|| shop.server.try_psql("postgres", holding));
        let open = "select pid from pg_stat_activity where backend_xid is not null";
        let pid = crate::support::wait_for("the open transaction", || {
            Some(shop.server.psql(open)).filter(|pid| !pid.is_empty())
        });
        let mut capture = shop.capture(&[]);
        let said = capture.wait_stderr("what it waits for", |line| line.contains("slot waits for"));
        assert!(said.contains(&format!("process {pid}")), "{said}");
        assert!(said.contains(&format!("pg_terminate_backend({pid})")), "{said}");
        capture.signal("INT");
        capture.finish().success();
        shop.server.psql(&format!("select pg_terminate_backend({pid})"));
        holder.join().unwrap().unwrap_err();
    });
    assert_eq!(shop.server.psql("select count(*) from pg_replication_slots"), "0");
    let mut capture = shop.capture(&[]);
    wait_streaming(&mut capture);
    capture.terminate().success();
}
