//! What bad input gets: one paragraph `error:`, a `hint:` with what helps, the right exit status,
//! and nothing half-done.

use crate::capture::Shop;
use crate::support::minicdc::{Finished, Minicdc, command};
use crate::support::process::{self, TempDir};
use crate::support::{free_port, kafka, unique, wait_for, wait_until};
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};

/// Usage or settings.
const USAGE: i32 = 2;
/// Anything else.
const FAILED: i32 = 1;

/// Checks the shape of a refusal and that `error:` and `hint:` say these things.
#[track_caller]
fn refuses(finished: &Finished, code: i32, error: &str, hint: &str) {
    let text = finished.stderr.join("\n");
    assert_eq!(finished.code(), code, "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let [.., error_line, hint_line] = finished.stderr.as_slice() else {
        panic!("fewer than two lines: {text}")
    };
    println!("{error_line}\n{hint_line}\n");
    assert!(error_line.starts_with("error: "), "{text}");
    assert!(hint_line.starts_with("hint:  "), "{text}");
    assert!(error_line.contains(error), "no \"{error}\" in:\n{text}");
    assert!(hint_line.contains(hint), "no \"{hint}\" in:\n{text}");
    let doubled = |line: &str| line.matches("error: ").count() > 1;
    assert!(!doubled(error_line) && error_line.len() < 400, "{text}");
}

/// A capture of a database at `url`, with a log directory that goes away.
fn capture(url: &str, arguments: &[&str]) -> Finished {
    let dir = TempDir::new();
    let mut capture = command();
    capture.args(["capture", "--slot", "shop", "--database-url", url]).args(arguments);
    capture.current_dir(dir.path());
    Minicdc::spawn(capture).finish()
}

impl Shop {
    fn refuses(&self, arguments: &[&str], code: i32, error: &str, hint: &str) {
        let finished = Minicdc::spawn(self.capture_command(arguments)).finish();
        refuses(&finished, code, error, hint);
    }

    fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.server.port())
    }

    /// Slots and publications.
    fn made(&self) -> String {
        self.server.psql(
            "select (select count(*) from pg_replication_slots),
                    (select count(*) from pg_publication)",
        )
    }
}

#[test]
fn no_server_names_the_address_and_how_to_look() {
    let port = free_port();
    let url = format!("postgres://me@127.0.0.1:{port}/shop");
    for command in ["capture", "load"] {
        let finished = match command {
            "capture" => capture(&url, &[]),
            _ => {
                let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
                crate::support::minicdc::run(&["load", data, "--database-url", &url])
            }
        };
        refuses(&finished, FAILED, &format!("127.0.0.1:{port}"), "pg_isready");
    }
}

#[test]
fn settings_that_do_not_hold_are_usage_errors() {
    let url = "postgres://me@127.0.0.1:1/shop";
    for (arguments, error, hint) in [
        (["--set", "slot.nme=x"], "unknown setting slot.nme", "slot.name"),
        (["--set", "snapshot.query.mode.custom.name=X"], "does not support", "config --list"),
        (["--snapshot", "sometimes"], "initial, no_data, never, always", "snapshot.mode"),
        (["--stop-at", "tomorrow"], "expected current or an LSN", "stop.at"),
        (["--sink", "kafka"], "needs bootstrap.servers", "--brokers"),
        (["--tables", "public.(orders"], "table.include.list", "public.orders"),
    ] {
        let finished = capture(url, &arguments);
        refuses(&finished, USAGE, error, hint);
    }
    let acks = ["--brokers", "127.0.0.1:1", "--set", "producer.override.acks=1"];
    refuses(&capture(url, &acks), USAGE, "acks", "producer.override.acks");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn logins_that_are_refused_say_how_to_get_in() {
    let shop = Shop::start();
    shop.server.psql(
        "set password_encryption = 'scram-sha-256';
                      create role cdc login replication password 'right'",
    );
    let hba = "host all cdc 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";
    fs::write(shop.server.data().join("pg_hba.conf"), hba).unwrap();
    shop.server.psql("select pg_reload_conf()");
    let of = |user: &str, database: &str| capture(&shop.url_of(user, database), &[]);
    wait_until("the new rules", || {
        of("cdc", "postgres").stderr.iter().any(|line| line.contains("password"))
    });
    refuses(&of("cdc", "postgres"), FAILED, "asks for the password of role \"cdc\"", "PGPASSWORD");
    refuses(
        &of("cdc:wrong", "postgres"),
        FAILED,
        "wrong password for role \"cdc\"",
        "ALTER ROLE \"cdc\"",
    );
    refuses(
        &of("nobody_here", "postgres"),
        FAILED,
        "role \"nobody_here\" does not exist",
        "CREATE ROLE",
    );
    refuses(
        &of("postgres", "shoop"),
        FAILED,
        "database \"shoop\" does not exist",
        "CREATE DATABASE \"shoop\"",
    );
    assert_eq!(shop.made(), "0|0");
    let no_password = of("cdc:wrong", "postgres").stderr.join("\n");
    assert!(!no_password.contains(":wrong"), "{no_password}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn server_without_logical_wal_or_right_to_replicate_says_the_statement() {
    let physical = Shop::with_conf("wal_level = replica");
    physical.refuses(&[], FAILED, "wal_level", "ALTER SYSTEM SET wal_level = 'logical'");
    assert_eq!(physical.made(), "0|0");

    let shop = Shop::start();
    shop.server
        .psql("create role reader login; grant select on all tables in schema public to reader");
    let finished = capture(&shop.url_of("reader", "postgres"), &[]);
    refuses(
        &finished,
        FAILED,
        "role \"reader\" may not replicate",
        "ALTER ROLE \"reader\" REPLICATION",
    );

    shop.server.psql("alter role reader replication");
    let finished = capture(&shop.url_of("reader", "postgres"), &[]);
    refuses(&finished, FAILED, "publication", "CREATE PUBLICATION");
    assert_eq!(shop.made(), "0|0");

    shop.server.psql("create publication shop for all tables; revoke select on items from reader");
    let finished = capture(&shop.url_of("reader", "postgres"), &[]);
    let grant = "GRANT SELECT ON \"public\".\"items\" TO \"reader\"";
    refuses(&finished, FAILED, "role \"reader\" may not read public.items", grant);
    shop.server
        .psql("grant select on items to reader; alter table items enable row level security");
    let finished = capture(&shop.url_of("reader", "postgres"), &[]);
    refuses(&finished, FAILED, "row-level security hides rows of public.items", "BYPASSRLS");
    assert_eq!(shop.made(), "0|1", "a slot that no snapshot belongs to was left behind");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slots_that_are_not_ours_are_named_with_their_owner() {
    let shop = Shop::with_conf("max_replication_slots = 2");
    let make = |name: &str, plugin: &str, database: &str| {
        let sql = format!("select pg_create_logical_replication_slot('{name}', '{plugin}')");
        shop.server.psql_in(database, &sql);
    };
    let drop_slot = |name: &str| {
        shop.server.psql(&format!("select pg_drop_replication_slot('{name}')"));
    };
    make("shop", "test_decoding", "postgres");
    shop.refuses(
        &[],
        FAILED,
        "is for the plugin test_decoding",
        "pg_drop_replication_slot('shop')",
    );
    drop_slot("shop");

    shop.server.psql("create database other");
    make("shop", "pgoutput", "other");
    shop.refuses(&[], FAILED, "belongs to database \"other\"", "database.dbname=other");
    shop.server.psql_in("other", "select pg_drop_replication_slot('shop')");

    shop.server.psql("select pg_create_physical_replication_slot('shop')");
    shop.refuses(&[], FAILED, "is a physical one", "--slot");
    drop_slot("shop");

    make("a", "pgoutput", "postgres");
    make("b", "pgoutput", "postgres");
    shop.refuses(&[], FAILED, "no free replication slot", "max_replication_slots");
    assert_eq!(shop.made(), "2|0");
    let name = capture(&shop.server.url("postgres"), &["--set", "slot.name=Shop-1"]);
    refuses(&name, USAGE, "a-z, 0-9 and _", "slot.name");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn tables_without_identity_are_a_warning_with_the_statement() {
    let shop = Shop::start();
    shop.server.psql("create table keyless (a int)");
    let mut capture = Minicdc::spawn(shop.capture_command(&[]));
    let warning = capture.wait_stderr("the warning", |line| line.contains("WARN"));
    assert!(warning.contains("public.keyless"), "{warning}");
    assert!(
        warning.contains("ALTER TABLE \"public\".\"keyless\" REPLICA IDENTITY FULL"),
        "{warning}"
    );
    capture.terminate().success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn pattern_without_a_table_is_refused_before_anything_is_made() {
    let shop = Shop::start();
    shop.refuses(&["--tables", "public.itms,items"], USAGE, "public.itms,items", "\\dt");
    assert_eq!(shop.made(), "0|0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn publication_that_may_not_be_made_says_the_statement() {
    let shop = Shop::start();
    let disabled = ["--set", "publication.autocreate.mode=disabled"];
    shop.refuses(&disabled, FAILED, "publication \"shop\" does not exist", "CREATE PUBLICATION");
    assert_eq!(shop.made(), "0|0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn unreachable_broker_is_said_before_anything_is_made() {
    let shop = Shop::start();
    let broker = format!("127.0.0.1:{}", free_port());
    shop.refuses(&["--brokers", &broker], FAILED, &broker, "check that Kafka runs");
    assert_eq!(shop.made(), "0|0");
}

#[test]
#[ignore = "needs PostgreSQL and Kafka: scripts/test.sh"]
fn refused_topic_leaves_no_slot_behind() {
    let shop = Shop::start();
    shop.server.psql("insert into items values (1, 'a')");
    let (prefix, offsets) = (unique("refused"), unique("offsets"));
    let topic = ["--create", "--topic", &offsets, "--config", "cleanup.policy=compact"];
    let offsets = format!("offset.storage.topic={offsets}");
    let mut arguments = vec!["--brokers", kafka::shared(), "--topic-prefix", &prefix];
    arguments.extend(["--set", "topic.creation.default.replication.factor=3", "--set", &offsets]);
    let hint = "topic.creation.default.replication.factor=3";
    shop.refuses(&arguments, FAILED, "offset topic", hint);
    assert_eq!(shop.made(), "0|0");
    kafka::tool("org.apache.kafka.tools.TopicCommand", &topic, kafka::shared());
    let error = format!("topic \"{prefix}.public.items\" could not be created");
    shop.refuses(&arguments, FAILED, &error, hint);
    assert_eq!(shop.made(), "0|1", "the slot is dropped, the publication stays");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn log_directory_that_cannot_be_written_is_named() {
    let shop = Shop::start();
    fs::write(shop.log_dir(), "a file").unwrap();
    let finished = Minicdc::spawn(shop.capture_command(&[])).finish();
    refuses(&finished, FAILED, &shop.log_dir(), "--log-dir");
    assert_eq!(shop.made(), "0|0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn corrupt_segment_is_named_with_its_place() {
    let shop = Shop::start();
    shop.server.psql("insert into items select i, repeat('n', 100) from generate_series(1, 100) i");
    let until_current = ["--stop-at", "current"];
    Minicdc::spawn(shop.capture_command(&until_current)).finish().success();
    let segment = fs::read_dir(shop.dir.path().join("log/shop.public.items-0"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "log"))
        .unwrap();
    let name = segment.to_str().unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.seek(SeekFrom::Start(500)).unwrap();
    file.write_all(b"damage").unwrap();
    let log_dir = shop.log_dir();
    let tail = ["tail", "items", "--log-dir", &log_dir, "--from", "beginning", "--no-follow"];
    refuses(&crate::support::minicdc::run(&tail), FAILED, name, "backup");
    // What was durable is checked by whoever reads it; that it is there, by whoever writes on.
    file.set_len(400).unwrap();
    shop.refuses(&until_current, FAILED, name, "restore the file from a backup");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn stored_position_without_its_slot_needs_a_decision() {
    let shop = Shop::start();
    shop.server.psql("insert into items values (1, 'a')");
    Minicdc::spawn(shop.capture_command(&["--stop-at", "current"])).finish().success();
    wait_until("the slot to be free", || {
        shop.server.try_psql("postgres", "select pg_drop_replication_slot('shop')").is_ok()
    });
    shop.refuses(&[], FAILED, "slot \"shop\" does not exist", "--snapshot when_needed");
    assert_eq!(shop.made(), "0|1");
    let again = ["--snapshot", "always", "--stop-at", "current"];
    Minicdc::spawn(shop.capture_command(&again)).finish().success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn server_that_was_set_back_is_noticed() {
    let shop = Shop::start();
    shop.server.psql("select pg_switch_wal(); insert into items values (1, 'a')");
    Minicdc::spawn(shop.capture_command(&["--stop-at", "current"])).finish().success();
    // Another server, whose WAL is not as far.
    let young = Shop::start();
    young.server.psql("select pg_create_logical_replication_slot('shop', 'pgoutput')");
    let log_dir = shop.log_dir();
    let url = young.server.url("postgres");
    let finished = capture(&url, &["--log-dir", &log_dir]);
    refuses(&finished, FAILED, "is ahead of the server", "--slot");
}

#[test]
fn signal_while_the_server_does_not_answer_ends_in_order() {
    // A server that accepts and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@127.0.0.1:{}/shop", silent.local_addr().unwrap().port());
    let dir = TempDir::new();
    let mut capture = command();
    capture.args(["capture", "--slot", "shop", "--database-url", &url]).current_dir(dir.path());
    let mut capture = process::spawn(capture);
    let connection = wait_for("the connection", || silent.accept().ok());
    // The handlers are installed before anybody is connected to.
    process::signal(&capture, "TERM");
    let status = process::wait(&mut capture, crate::support::PATIENCE).unwrap();
    assert_eq!(status.code(), Some(0));
    drop(connection);
}
