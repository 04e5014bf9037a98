//! Servers that go away and come back while a capture streams.

use super::{Shop, TOPIC, ids, materialise, range, said};
use crate::support::kafka::{self, Broker};
use crate::support::minicdc::{Minicdc, command};
use crate::support::{unique, wait_until};

fn goes_on_after_postgres_was_away(stop: impl FnOnce(&mut Shop)) {
    let mut shop = Shop::start();
    let mut capture = shop.streaming(&[]);
    shop.insert(1..=50);
    stop(&mut shop);
    capture.wait_stderr("the loss", |line| line.contains("connection to PostgreSQL lost"));
    // Long enough for several attempts.
    std::thread::sleep(std::time::Duration::from_secs(1));
    shop.server.start_again();
    capture.wait_stderr("the stream", |line| line.contains("streaming again"));
    shop.server.psql("select pg_switch_wal()");
    shop.insert(51..=100);
    shop.wait_confirmed();
    assert_eq!(said(&capture, "connection to PostgreSQL lost"), 1, "{:?}", capture.stderr());
    assert_eq!(said(&capture, "streaming again"), 1, "{:?}", capture.stderr());
    capture.terminate().success();
    let records = shop.records(TOPIC);
    // The server of the tests may forget what it committed just before a crash, so the table is
    // what counts; nobody may see a row that it has not.
    assert_eq!(materialise(&records), shop.table());
    assert!(ids(&records, "c").ends_with(&range(51..=100)));
    let mut all = ids(&records, "c");
    all.dedup();
    assert_eq!(all.len(), records.len(), "nothing twice: the process knew where it was");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn postgres_restarted_in_order_is_said_once_and_nothing_is_lost() {
    goes_on_after_postgres_was_away(|shop| shop.server.stop_fast());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn crashed_postgres_is_said_once_and_nothing_is_lost() {
    goes_on_after_postgres_was_away(|shop| {
        shop.server.psql("checkpoint");
        shop.server.stop_immediate();
    });
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn killed_broker_is_said_once_and_nothing_is_lost() {
    let (shop, mut broker, prefix) = (Shop::start(), Broker::start(), unique("shop"));
    let address = broker.address();
    let mut capture = shop.streaming(&["--brokers", &address, "--topic-prefix", &prefix]);
    shop.insert(1..=100);
    shop.wait_confirmed();
    broker.kill();
    shop.insert(101..=200);
    capture.wait_stderr("the outage", |line| line.contains("WARN") && line.contains(&address));
    let end = shop.server.psql("select pg_current_wal_insert_lsn()");
    let confirmed = format!("select confirmed_flush_lsn < '{end}' from pg_replication_slots");
    assert_eq!(shop.server.psql(&confirmed), "t", "confirmed what Kafka does not have");
    broker.start_again();
    shop.insert(201..=300);
    shop.wait_confirmed();
    let warnings = said(&capture, "WARN");
    assert_eq!(warnings, 1, "{:?}", capture.stderr());
    capture.terminate().success();

    let topic = format!("{prefix}.public.items");
    let mut tail = command();
    tail.args(["tail", &topic, "--brokers", &address, "--from", "beginning", "--no-follow"]);
    tail.args(["--format", "record"]);
    let lines = Minicdc::spawn(tail).finish().success().stdout;
    let records: Vec<_> = lines.iter().map(|line| super::Record::parse(line)).collect();
    assert_eq!(ids(&records, "c"), range(1..=300), "an idempotent producer repeats nothing");
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn restart_on_kafka_goes_on_from_the_stored_position() {
    let (shop, brokers, prefix) = (Shop::start(), kafka::shared(), unique("shop"));
    let offsets = format!("offset.storage.topic={prefix}-offsets");
    let to_kafka = ["--brokers", brokers, "--topic-prefix", &prefix, "--set", &offsets];
    shop.insert(1..=10);
    shop.streaming(&to_kafka).terminate().success();
    shop.insert(11..=20);
    let capture = shop.streaming(&to_kafka);
    shop.insert(21..=30);
    capture.kill();
    shop.insert(31..=40);
    shop.catch_up(&to_kafka);

    let topic = format!("{prefix}.public.items");
    let mut tail = command();
    tail.args(["tail", &topic, "--brokers", brokers, "--from", "beginning", "--no-follow"]);
    tail.args(["--format", "record"]);
    let lines = Minicdc::spawn(tail).finish().success().stdout;
    let records: Vec<_> = lines.iter().map(|line| super::Record::parse(line)).collect();
    assert_eq!(ids(&records, "r"), range(1..=10), "the snapshot is taken once");
    let mut created = ids(&records, "c");
    created.dedup();
    assert_eq!(created, range(11..=40));
    wait_until("the walsender to go", || {
        shop.server.psql("select count(*) from pg_stat_replication") == "0"
    });
}
