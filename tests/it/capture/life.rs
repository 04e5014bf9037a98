//! What can become of slot, publication and server between two runs, and during one.

use super::{Shop, TOPIC, ids, materialise, range, wait_streaming};
use crate::support::minicdc::Finished;
use crate::support::postgres::Server;
use crate::support::wait_until;

const END: [&str; 2] = ["--stop-at", "current"];

/// A shop whose rows 1 to 10 are captured; then rows 11 to 20 are written, uncaptured.
fn captured_shop() -> Shop {
    captured_shop_with("")
}

fn captured_shop_with(conf: &str) -> Shop {
    let shop = Shop::with_conf(conf);
    shop.insert(1..=10);
    shop.catch_up(&[]);
    shop.insert(11..=20);
    shop
}

impl Shop {
    /// A start that must fail, saying each of `words`.
    pub(super) fn refused(&self, arguments: &[&str], words: &[&str]) -> Finished {
        let mut all = END.to_vec();
        all.extend(arguments);
        let finished = self.capture(&all).finish();
        let said = finished.stderr.join("\n");
        assert_eq!(finished.code(), 1, "{said}");
        for word in words {
            assert!(said.contains(word), "no \"{word}\" in:\n{said}");
        }
        finished
    }

    /// A start that goes on with a snapshot, after which the topic has everything.
    pub(super) fn healed(&self, word: &str) {
        let finished = self.catch_up(&["--snapshot", "when_needed"]);
        let said = finished.stderr.join("\n");
        assert!(said.contains(word) && said.contains("all rows are read anew"), "{said}");
        assert_eq!(materialise(&self.records(TOPIC)), self.table());
        // What is healed stays healed.
        self.insert(21..=30);
        self.catch_up(&[]);
        assert_eq!(materialise(&self.records(TOPIC)), self.table());
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn missing_slot_with_a_stored_position_stops_or_starts_over() {
    let shop = captured_shop();
    shop.server.psql("select pg_drop_replication_slot('shop')");
    shop.refused(&[], &["slot \"shop\" does not exist, though position", "--snapshot when_needed"]);
    shop.refused(&["--set", "offset.mismatch.strategy=trust_slot"], &["does not exist"]);
    assert_eq!(shop.server.psql("select count(*) from pg_replication_slots"), "0");
    shop.healed("slot \"shop\" does not exist");
}

/// Moves the slot to the end of the WAL, which has to be on disk for that.
fn advance(shop: &Shop) {
    shop.server.psql("checkpoint");
    let advance = "select pg_replication_slot_advance('shop', pg_current_wal_insert_lsn())";
    shop.server.psql(advance);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slot_moved_ahead_by_someone_else_stops_or_goes_on_with_the_gap() {
    let shop = captured_shop();
    advance(&shop);
    shop.insert(21..=30);
    let words = ["\"shop\" stands at", "ahead of the stored position", "--snapshot when_needed"];
    shop.refused(&[], &words);
    shop.refused(&["--set", "offset.mismatch.strategy=trust_offset"], &words);

    let goes_on = |strategy: &str| {
        let strategy = format!("offset.mismatch.strategy={strategy}");
        let said = shop.catch_up(&["--set", &strategy]).stderr.join("\n");
        assert!(said.contains("going on all the same"), "{said}");
    };
    goes_on("trust_greater_lsn");
    assert_eq!(ids(&shop.records(TOPIC), "c"), range(21..=30), "the gap was asked for");
    shop.insert(31..=40);
    advance(&shop);
    goes_on("no_validation");
    advance(&shop);
    shop.insert(41..=50);
    goes_on("trust_slot");
    assert_eq!(ids(&shop.records(TOPIC), "c"), [range(21..=30), range(41..=50)].concat());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slot_moved_ahead_is_healed_by_a_snapshot() {
    let shop = captured_shop();
    advance(&shop);
    shop.healed("ahead of the stored position");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slot_behind_the_position_is_advanced_when_the_position_is_trusted() {
    let shop = captured_shop();
    let confirmed = "select confirmed_flush_lsn from pg_replication_slots";
    shop.catch_up(&["--set", "lsn.flush.mode=manual"]);
    let behind = shop.server.psql(confirmed);
    assert_eq!(ids(&shop.records(TOPIC), "c"), range(11..=20));
    shop.catch_up(&[
        "--set",
        "offset.mismatch.strategy=trust_offset",
        "--set",
        "lsn.flush.mode=manual",
    ]);
    let advanced = format!("select confirmed_flush_lsn > '{behind}' from pg_replication_slots");
    assert_eq!(shop.server.psql(&advanced), "t");
    assert_eq!(ids(&shop.records(TOPIC), "c"), range(11..=20), "nothing twice");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn lost_slot_is_said_while_streaming_and_at_the_start_and_made_anew_when_needed() {
    let conf = "max_slot_wal_keep_size = 1MB\nmax_wal_size = 32MB\nmin_wal_size = 32MB";
    let shop = captured_shop_with(conf);
    let mut capture = shop.streaming(&["--set", "lsn.flush.mode=manual"]);
    let fill = "create table if not exists filler (v text);
        insert into filler select repeat('x', 1000) from generate_series(1, 20000);
        select pg_switch_wal()";
    wait_until("the slot to be lost", || {
        shop.server.psql(fill);
        shop.server.psql("checkpoint");
        shop.server.psql("select wal_status from pg_replication_slots") == "lost"
    });
    capture.wait_stderr("what happened", |line| line.contains("slot \"shop\" is lost"));
    assert_eq!(capture.finish().code(), 1);
    shop.refused(&[], &["slot \"shop\" is lost", "max_slot_wal_keep_size", "when_needed"]);
    shop.healed("slot \"shop\" is lost");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn another_cluster_behind_the_address_is_told_from_the_one_before() {
    let shop = captured_shop();
    // Another cluster with the same tables, and a slot further on than ours.
    let other = Shop { dir: shop.dir, ..Shop::on(Server::of_another_cluster()) };
    other.insert(1..=2000);
    let make = "create publication shop for all tables;
        select pg_create_logical_replication_slot('shop', 'pgoutput')";
    other.server.psql(make);
    other.refused(&[], &["system identifier", "check the address", "when_needed"]);
    other.server.psql("delete from items where id between 21 and 30");
    other.healed("system identifier");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn dropped_publication_stops_the_start() {
    let shop = captured_shop();
    shop.server.psql("drop publication shop");
    shop.refused(&[], &["publication \"shop\" does not exist any more", "when_needed"]);
    assert_eq!(shop.server.psql("select count(*) from pg_publication"), "0", "not papered over");
    shop.healed("publication \"shop\" does not exist any more");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn a_mode_without_snapshots_does_not_go_on_inside_of_one() {
    let shop = captured_shop();
    let path = shop.dir.path().join("log/offsets.json");
    let stored = std::fs::read_to_string(&path).unwrap();
    let mut all: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let position = all.as_object_mut().unwrap().values_mut().next().unwrap();
    assert!(position["system_id"].is_string() && position["timeline"].is_u64(), "{stored}");
    position["snapshot"] = "INITIAL".into();
    position["snapshot_completed"] = false.into();
    std::fs::write(&path, all.to_string()).unwrap();
    for mode in ["no_data", "never"] {
        shop.refused(&["--snapshot", mode], &["inside of a snapshot", "--snapshot initial"]);
    }
    shop.catch_up(&[]);
    assert_eq!(materialise(&shop.records(TOPIC)), shop.table());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn flags_of_configuration_based_say_what_a_start_does() {
    const MODE: [&str; 3] = ["--snapshot", "configuration_based", "--set"];
    let flag = |name: &str| format!("snapshot.mode.configuration.based.{name}=true");
    let run = |shop: &Shop, flags: &[&str]| {
        let flags: Vec<String> = flags.iter().map(|name| flag(name)).collect();
        let mut arguments = MODE.to_vec();
        arguments.extend(flags.iter().flat_map(|flag| ["--set", flag.as_str()]).skip(1));
        shop.catch_up(&arguments);
    };
    let shop = Shop::start();
    shop.insert(1..=3);
    run(&shop, &["start.stream"]);
    shop.insert(4..=6);
    run(&shop, &["snapshot.data", "start.stream"]);
    let records = shop.records(TOPIC);
    assert_eq!((ids(&records, "r"), ids(&records, "c")), (range(1..=6), range(4..=6)));
    run(&shop, &["snapshot.data"]);
    assert_eq!(ids(&shop.records(TOPIC), "r").len(), 12, "every start");
    shop.server.psql("select pg_drop_replication_slot('shop')");
    shop.refused(&[MODE[0], MODE[1], MODE[2], &flag("start.stream")], &["does not exist"]);
    run(&shop, &["start.stream", "snapshot.on.data.error"]);
    assert_eq!(ids(&shop.records(TOPIC), "r").len(), 18);

    let nothing = shop.capture(&["--snapshot", "configuration_based"]).finish();
    assert_eq!(nothing.code(), 2, "{:?}", nothing.stderr);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn position_is_confirmed_only_when_it_is_stored() {
    let shop = captured_shop();
    // A position that takes long to be stored: minutes.
    let slow = ["offset.flush.interval.ms=600000", "status.update.interval.ms=200"];
    let confirmed = "select confirmed_flush_lsn from pg_replication_slots";
    let before = shop.server.psql(confirmed);
    let capture = shop.streaming(&["--set", slow[0], "--set", slow[1]]);
    wait_until("the first position to be confirmed", || shop.server.psql(confirmed) != before);
    shop.insert(21..=30);
    let end = shop.server.psql("select pg_current_wal_insert_lsn()");
    wait_until("the rows", || ids(&shop.records(TOPIC), "c").len() >= 20);
    let replied = "select reply_time from pg_stat_replication";
    let last = shop.server.psql(replied);
    wait_until("another reply", || shop.server.psql(replied) != last);
    let behind = format!("select confirmed_flush_lsn < '{end}' from pg_replication_slots");
    assert_eq!(shop.server.psql(&behind), "t");
    capture.kill();
    shop.catch_up(&[]);
    let mut created = ids(&shop.records(TOPIC), "c");
    created.dedup();
    assert_eq!(created, range(11..=30));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slot_is_dropped_at_the_stop_when_asked_for() {
    let shop = Shop::start();
    let mut capture = shop.capture(&["--set", "slot.drop.on.stop=true", "--sink", "stdout"]);
    wait_streaming(&mut capture);
    let finished = capture.terminate().success();
    assert_eq!(shop.server.psql("select count(*) from pg_replication_slots"), "0");
    let said = finished.stderr.join("\n");
    assert!(said.contains("WARN") && said.contains("slot.drop.on.stop"), "{said}");
}
