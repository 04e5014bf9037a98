//! Settings of slot, confirmation and retries.

use super::{Shop, TOPIC, ids, range, said, wait_streaming};
use crate::support::postgres::{Options, Server};
use crate::support::wait_until;
use std::time::{Duration, Instant};

const CONFIRMED: &str = "select confirmed_flush_lsn from pg_replication_slots";

fn shop_on(major: u32) -> Shop {
    Shop::on(Server::with(&Options { major: Some(major), conf: String::new() }))
}

#[test]
#[ignore = "needs PostgreSQL 16 and 18: scripts/test.sh"]
fn failover_slot_is_made_where_there_are_some() {
    let shop = shop_on(18);
    let failover = ["--set", "slot.failover=true"];
    assert_eq!(said(&shop.streaming(&failover), "slot.failover"), 0);
    let is_failover = "select failover from pg_replication_slots";
    assert_eq!(shop.server.psql(is_failover), "t");
    shop.wait_free();
    shop.server.psql("select pg_drop_replication_slot('shop')");
    shop.catch_up(&["--snapshot", "when_needed"]);
    let kept = shop.catch_up(&failover);
    let told = kept.stderr.join("\n");
    assert!(told.contains("ALTER_REPLICATION_SLOT shop (FAILOVER true)"), "{told}");
    assert_eq!(shop.server.psql(is_failover), "f");

    let older = shop_on(16).catch_up(&failover).stderr.join("\n");
    assert!(older.contains("WARN") && older.contains("needs PostgreSQL 17"), "{older}");
}

impl Shop {
    fn wait_free(&self) {
        let held = "select count(*) from pg_replication_slots where active";
        wait_until("the slot to be free", || self.server.psql(held) == "0");
    }
}

#[test]
#[ignore = "needs PostgreSQL 16: scripts/test.sh"]
fn stream_parameters_reach_the_plugin() {
    let shop = shop_on(16);
    shop.catch_up(&["--set", "slot.stream.params=origin=none"]);
    let refused = shop.capture(&["--set", "slot.stream.params=origin=nobody;"]).finish();
    let told = refused.stderr.join("\n");
    assert!(refused.code() == 1 && told.contains("nobody"), "{told}");
    for ours in ["proto_version=2", "binary=true", "origin"] {
        let setting = format!("slot.stream.params={ours}");
        let refused = shop.capture(&["--set", &setting]).finish();
        assert_eq!(refused.code(), 2, "{ours}: {:?}", refused.stderr);
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn manual_mode_confirms_nothing_and_goes_on_at_the_stored_position() {
    let shop = Shop::start();
    shop.catch_up(&[]);
    let before = shop.server.psql(CONFIRMED);
    shop.insert(1..=10);
    shop.catch_up(&["--set", "flush.lsn.source=false"]);
    shop.insert(11..=20);
    shop.catch_up(&["--set", "lsn.flush.mode=manual"]);
    assert_eq!(shop.server.psql(CONFIRMED), before);
    assert_eq!(ids(&shop.records(TOPIC), "c"), range(1..=20), "nothing twice");
    shop.catch_up(&[]);
    assert_ne!(shop.server.psql(CONFIRMED), before);
    let both = ["--set", "lsn.flush.mode=manual", "--set", "flush.lsn.source=false"];
    assert_eq!(shop.capture(&both).finish().code(), 2);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn connector_mode_confirms_captured_changes_only() {
    let shop = Shop::start();
    shop.server.psql("create table others (id int)");
    let only_items = ["--tables", "public.items", "--set", "publication.autocreate.mode=filtered"];
    let mode = ["--set", "lsn.flush.mode=connector"];
    let arguments = [only_items.as_slice(), &mode].concat();
    shop.catch_up(&arguments);
    let before = shop.server.psql(CONFIRMED);
    // A walk through WAL that holds nothing for us ends, and leaves the slot where it is.
    shop.server.psql("insert into others select generate_series(1, 1000)");
    shop.catch_up(&arguments);
    assert_eq!(shop.server.psql(CONFIRMED), before);
    shop.insert(1..=1);
    shop.catch_up(&arguments);
    let after = shop.server.psql(CONFIRMED);
    assert_ne!(after, before);
    shop.server.psql("insert into others select generate_series(1, 1000)");
    shop.catch_up(&only_items);
    assert_ne!(shop.server.psql(CONFIRMED), after, "keepalives move it by default");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slot_in_use_is_tried_again_as_often_as_asked() {
    let shop = Shop::start();
    let first = shop.streaming(&[]);
    let begun = Instant::now();
    let second =
        shop.capture(&["--set", "slot.max.retries=2", "--set", "slot.retry.delay.ms=300"]).finish();
    let told = second.stderr.join("\n");
    assert_eq!(second.code(), 1, "{told}");
    assert!(told.contains("in use by process") && told.contains("--standby"), "{told}");
    assert!(begun.elapsed() >= Duration::from_millis(5_600), "{:?}", begun.elapsed());
    let mut third =
        shop.capture(&["--set", "slot.max.retries=100", "--set", "slot.retry.delay.ms=100"]);
    third.wait_stderr("the warning", |line| line.contains("waiting for it"));
    first.terminate().success();
    wait_streaming(&mut third);
    third.terminate().success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn making_a_slot_is_given_up_in_time_when_asked_to() {
    let shop = Shop::start();
    let holding = "begin; insert into items values (1, 'a'); select pg_sleep(60)";
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| shop.server.try_psql("postgres", holding));
        let open = "select pid from pg_stat_activity where backend_xid is not null";
        let pid = crate::support::wait_for("the open transaction", || {
            Some(shop.server.psql(open)).filter(|pid| !pid.is_empty())
        });
        let limits = [
            "internal.create.slot.command.timeout=1",
            "slot.max.retries=1",
            "slot.retry.delay.ms=100",
        ];
        let mut arguments = Vec::new();
        arguments.extend(limits.iter().flat_map(|limit| ["--set", limit]));
        let finished = shop.capture(&arguments).finish();
        let told = finished.stderr.join("\n");
        assert_eq!(finished.code(), 1, "{told}");
        assert!(told.contains("was not made within 1 s") && told.contains("backend_xid"), "{told}");
        shop.server.psql(&format!("select pg_terminate_backend({pid})"));
        holder.join().unwrap().unwrap_err();
    });
    assert_eq!(shop.server.psql("select count(*) from pg_replication_slots"), "0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn lost_connection_is_tried_again_as_often_and_as_soon_as_asked() {
    let mut shop = Shop::start();
    let limits = ["errors.max.retries=2", "retriable.restart.connector.wait.ms=700"];
    let capture = shop.streaming(&["--set", limits[0], "--set", limits[1]]);
    let begun = Instant::now();
    shop.server.stop_fast();
    assert_eq!(capture.finish().code(), 1);
    assert!(begun.elapsed() >= Duration::from_millis(1_400), "{:?}", begun.elapsed());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn initial_statements_and_the_time_limit_hold_in_each_session() {
    let shop = Shop::start();
    shop.insert(1..=3);
    let action = "insert into items select 100, current_setting('my.mark') || \
                  current_setting('statement_timeout') on conflict do nothing";
    let settings = [
        "database.initial.statements=set my.mark = 'a;;b'; select 1".to_owned(),
        "database.query.timeout.ms=7000".to_owned(),
        "heartbeat.interval.ms=100".to_owned(),
        format!("heartbeat.action.query={action}"),
    ];
    let mut arguments = Vec::new();
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    let capture = shop.streaming(&arguments);
    let mark = "select name from items where id = 100";
    wait_until("a heartbeat's row", || !shop.server.psql(mark).is_empty());
    assert_eq!(shop.server.psql(mark), "a;b7s");
    capture.terminate().success();
    let broken = shop.capture(&["--set", "database.initial.statements=selec"]).finish();
    let told = broken.stderr.join("\n");
    assert!(broken.code() == 1 && told.contains("database.initial.statements"), "{told}");
}
