//! The tool box itself: the servers come up as the tests need them, and go when told.

use crate::support::kafka::{self, Broker};
use crate::support::postgres::Server;
use crate::support::{minicdc, unique};

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn postgres_is_ready_for_logical_replication_and_keeps_data_over_a_restart() {
    let mut server = Server::with_conf("max_replication_slots = 3");
    assert_eq!(server.psql("show wal_level; show max_replication_slots"), "logical\n3");
    server.psql("create table t(v text); insert into t values ('ключ ☃')");
    server.restart();
    assert_eq!(server.psql("select v from t"), "ключ ☃");
    server.psql("insert into t values ('lost in no crash')");
    server.stop_immediate();
    server.start_again();
    assert!(server.log().contains("not properly shut down"), "{}", server.log());
    // With fsync off a crash of the server still loses nothing: the kernel has the pages. But
    // synchronous_commit is off as well, so the last commit may be gone; only the table is sure.
    assert_ne!(server.psql("select count(*) from t"), "0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn two_servers_at_once_do_not_meet() {
    let (one, two) = (Server::start(), Server::start());
    one.psql("create table only_here(id int)");
    assert!(two.try_psql("postgres", "table only_here").unwrap_err().contains("does not exist"));
}

#[test]
#[ignore = "needs Kafka: scripts/test.sh"]
fn shared_broker_makes_no_topics_by_itself() {
    let broker = kafka::shared();
    let topic = unique("made");
    kafka::tool(
        "org.apache.kafka.tools.TopicCommand",
        &["--create", "--topic", &topic, "--partitions", "3"],
        broker,
    );
    let topics = kafka::tool("org.apache.kafka.tools.TopicCommand", &["--list"], broker);
    assert!(topics.contains(&topic), "{topics:?}");
}

#[test]
#[ignore = "needs Kafka: scripts/test.sh"]
fn own_broker_keeps_its_topics_when_it_is_killed() {
    let mut broker = Broker::start();
    let create = ["--create", "--topic", "kept"];
    kafka::tool("org.apache.kafka.tools.TopicCommand", &create, &broker.address());
    broker.kill();
    broker.start_again();
    let list = kafka::tool("org.apache.kafka.tools.TopicCommand", &["--list"], &broker.address());
    assert_eq!(list, ["kept"]);
}

#[test]
fn binary_says_its_version() {
    let finished = minicdc::run(&["--version"]).success();
    assert_eq!(finished.stdout, [format!("minicdc {}", env!("CARGO_PKG_VERSION"))]);
}
