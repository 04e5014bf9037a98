//! A second process that waits for the slot, and servers that are promoted.

use super::{Shop, TOPIC, ids, materialise, range, said, wait_streaming};
use crate::support::minicdc::Minicdc;
use crate::support::postgres::{Options, Server};
use crate::support::wait_until;
use std::time::{Duration, Instant};

fn wait_standing_by(capture: &mut Minicdc) -> String {
    capture.wait_stderr("the wait", |line| line.contains("standing by"))
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn standby_says_whom_it_waits_for_and_takes_over_within_seconds() {
    let shop = Shop::start();
    shop.insert(1..=10);
    let first = shop.streaming(&["--standby"]);
    shop.insert(11..=110);
    let mut second = shop.capture(&["--standby"]);
    let waiting = wait_standing_by(&mut second);
    let pid = shop.server.psql("select active_pid from pg_replication_slots");
    assert!(waiting.contains(&format!("process {pid} (minicdc")), "{waiting}");
    // One more, to see that only one of two goes ahead.
    let mut third = shop.capture(&["--standby"]);
    wait_standing_by(&mut third);
    shop.insert(111..=120);
    first.kill();
    let died = Instant::now();
    let (mut second, mut third) = (Some(second), Some(third));
    let streams = |capture: &Option<Minicdc>| {
        let capture = capture.as_ref().unwrap();
        said(capture, "streaming slot") > 0
    };
    wait_until("a standby to stream", || streams(&second) || streams(&third));
    let took = died.elapsed();
    println!("taken over {} ms after the kill", took.as_millis());
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (heir, waiting) = if streams(&second) {
        (second.take().unwrap(), third.take().unwrap())
    } else {
        (third.take().unwrap(), second.take().unwrap())
    };
    assert_eq!(said(&heir, "taking over"), 1);
    shop.insert(121..=200);
    shop.wait_confirmed();
    assert_eq!(said(&waiting, "streaming slot"), 0, "{:?}", waiting.stderr());
    heir.terminate().success();
    let mut last = waiting;
    wait_streaming(&mut last);
    last.terminate().success();

    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let mut created = ids(&records, "c");
    let all = created.len();
    created.dedup();
    println!("{} of {all} inserts came twice", all - created.len());
    assert_eq!(created, range(11..=200));
    assert_eq!(ids(&records, "r"), range(1..=10), "one snapshot");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn standby_waits_through_the_first_snapshot_and_takes_it_again_when_that_one_dies() {
    let shop = Shop::start();
    shop.server.psql("insert into items select i, 'n' || i from generate_series(1, 60000) i");
    let mut first = shop.capture(&[]);
    first.wait_stderr("the snapshot", |line| line.contains("snapshot begins"));
    let mut second = shop.capture(&["--standby"]);
    wait_standing_by(&mut second);
    let killed = first.kill();
    assert!(!killed.stderr.iter().any(|line| line.contains("snapshot done")), "killed too late");
    wait_streaming(&mut second);
    shop.wait_confirmed();
    second.terminate().success();
    assert_eq!(materialise(&shop.records(TOPIC)), shop.table());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn standby_without_anyone_to_wait_for_begins_at_once_and_one_that_waits_can_be_stopped() {
    let shop = Shop::start();
    shop.insert(1..=3);
    let first = shop.streaming(&["--standby"]);
    let mut second = shop.capture(&["--standby"]);
    wait_standing_by(&mut second);
    second.terminate().success();
    first.terminate().success();
    assert_eq!(ids(&shop.records(TOPIC), "r"), range(1..=3));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn standby_outlives_a_restart_of_the_server() {
    let mut shop = Shop::start();
    let first = shop.streaming(&["--set", "errors.max.retries=0"]);
    let mut second = shop.capture(&["--standby"]);
    wait_standing_by(&mut second);
    shop.server.stop_fast();
    assert_eq!(first.finish().code(), 1, "no retries");
    shop.server.start_again();
    wait_streaming(&mut second);
    shop.insert(1..=10);
    shop.wait_confirmed();
    second.terminate().success();
    assert_eq!(ids(&shop.records(TOPIC), "c"), range(1..=10));
}

/// A physical standby of a shop's server, and its promotion.
impl Shop {
    /// The server's standby, with `conf` in its `postgresql.conf`.
    fn replica(&self, conf: &str) -> Server {
        self.server.psql("select pg_create_physical_replication_slot('replica', true)");
        let conf = format!("primary_slot_name = 'replica'\nhot_standby_feedback = on\n{conf}");
        let replica = self.server.replica(&conf);
        self.wait_replayed(&replica);
        replica
    }

    fn wait_replayed(&self, replica: &Server) {
        let end = self.server.psql("checkpoint; select pg_current_wal_flush_lsn()");
        let replayed = format!("select pg_last_wal_replay_lsn() >= '{end}'");
        wait_until("the replica to follow", || replica.psql(&replayed) == "t");
    }
}

fn promote(replica: &Server) {
    replica.psql("select pg_promote()");
    // The history of the new timeline is there with the first checkpoint at the latest.
    replica.psql("checkpoint");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn promotion_without_the_slot_is_told_and_healed() {
    let mut shop = Shop::start();
    shop.insert(1..=10);
    shop.catch_up(&[]);
    let replica = shop.replica("");
    shop.insert(11..=20);
    shop.wait_replayed(&replica);
    shop.server.stop_immediate();
    promote(&replica);
    shop.server = replica;
    shop.refused(&[], &["does not exist", "the server was promoted since", "slot.failover"]);
    shop.healed("promoted since");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn promoted_server_that_had_less_than_was_delivered_is_told() {
    let mut shop = Shop::start();
    shop.insert(1..=10);
    shop.catch_up(&[]);
    let replica = shop.replica("");
    // The replica hears of nothing more, but the capture does.
    replica.psql("alter system set primary_conninfo = ''; select pg_reload_conf()");
    wait_until("the replica to be cut off", || {
        shop.server.psql("select count(*) from pg_stat_replication") == "0"
    });
    shop.insert(11..=20);
    shop.catch_up(&[]);
    shop.server.stop_immediate();
    promote(&replica);
    shop.server = replica;
    shop.insert(101..=2000);
    // Someone made the slot again, as if nothing had happened.
    shop.server.psql("select pg_create_logical_replication_slot('shop', 'pgoutput')");
    shop.refused(&[], &["was stored on timeline 1", "now on timeline 2, left that one at"]);
    let trusting = ["--set", "offset.mismatch.strategy=trust_slot"];
    let said = shop.catch_up(&trusting).stderr.join("\n");
    assert!(said.contains("going on at the slot"), "{said}");
    shop.insert(2001..=2010);
    shop.catch_up(&[]);
    assert!(ids(&shop.records(TOPIC), "c").ends_with(&range(2001..=2010)));
}

#[test]
#[ignore = "needs PostgreSQL 17: scripts/test.sh"]
fn failover_slot_goes_on_after_the_promotion() {
    let conf = "synchronized_standby_slots = 'replica'";
    let server = Server::with(&Options { major: Some(17), conf: conf.to_owned() });
    let mut shop = Shop::on(server);
    shop.insert(1..=10);
    shop.server.psql("select pg_create_physical_replication_slot('replica', true)");
    let replica = shop.server.replica(
        "primary_slot_name = 'replica'\nhot_standby_feedback = on\nsync_replication_slots = on",
    );
    let capture = shop.streaming(&["--set", "slot.failover=true"]);
    let failover = "select failover from pg_replication_slots where slot_name = 'shop'";
    assert_eq!(shop.server.psql(failover), "t");
    shop.insert(11..=20);
    wait_until("the slot on the replica", || {
        // A checkpoint writes what a new slot waits for, and flushes what it is about.
        shop.server.psql("checkpoint; select pg_log_standby_snapshot()");
        let synced = "select synced and not temporary from pg_replication_slots";
        replica.psql(synced) == "t"
    });
    shop.insert(21..=30);
    wait_until("the rows", || ids(&shop.records(TOPIC), "c") == range(11..=30));
    capture.kill();
    shop.wait_replayed(&replica);
    shop.server.stop_immediate();
    promote(&replica);
    // It has no standby of its own to wait for.
    replica.psql("alter system set synchronized_standby_slots = ''; select pg_reload_conf()");
    shop.server = replica;
    shop.insert(31..=40);
    let said = shop.catch_up(&["--set", "slot.failover=true"]).stderr.join("\n");
    assert!(said.contains("timeline 1 has become timeline 2"), "{said}");
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let mut created = ids(&records, "c");
    created.dedup();
    assert_eq!(created, range(11..=40), "nothing is left out");
    assert_eq!(ids(&records, "r"), range(1..=10), "and no snapshot was needed");
}
