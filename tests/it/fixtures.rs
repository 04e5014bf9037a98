//! Recorded replication streams in `tests/fixtures/pgoutput`, for the benches and the decoder's
//! tests: each file is a run of frames, every one behind its length as a big-endian `u32`.
//!
//! `MINICDC_BLESS=1 scripts/test.sh fixtures` records them anew.

use crate::support::postgres::Server;
use minicdc::config::{DatabaseConfig, SslMode};
use minicdc::lsn::Lsn;
use minicdc::pgoutput::{self, Frame, Message};
use minicdc::postgres::ReplicationConnection;
use std::fs;
use std::path::PathBuf;

/// Name, tables, and the changes to record.
const CASES: &[(&str, &str, &str)] = &[
    (
        "insert_8_columns",
        "CREATE TABLE t(id bigint primary key, a int, b text, c numeric(12,2), d timestamptz,
                        e boolean, f uuid, g double precision)",
        "INSERT INTO t SELECT i, i % 1000, 'name ' || i, i / 7.0,
             timestamptz '2024-02-29 12:00:00+00' + i * interval '1.234567 s', i % 2 = 0,
             ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, sqrt(i)
         FROM generate_series(1, 1000) i",
    ),
    (
        "update_full_identity",
        "CREATE TABLE t(id bigint primary key, a int, b text, c numeric(12,2));
         ALTER TABLE t REPLICA IDENTITY FULL;
         INSERT INTO t SELECT i, i, 'name ' || i, i / 7.0 FROM generate_series(1, 1000) i",
        "UPDATE t SET a = a + 1",
    ),
    (
        "delete_by_key",
        "CREATE TABLE t(id bigint primary key, a int, b text);
         INSERT INTO t SELECT i, i, 'name ' || i FROM generate_series(1, 1000) i",
        "DELETE FROM t",
    ),
    (
        "insert_60_columns",
        "DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE t(id int primary key, '
             || string_agg(format('c%s text', n), ', ') || ')' FROM generate_series(1, 59) n);
         END $$",
        "DO $$ BEGIN EXECUTE (SELECT 'INSERT INTO t SELECT i, '
             || string_agg(format('''value %s of '' || i', n), ', ')
             || ' FROM generate_series(1, 200) i' FROM generate_series(1, 59) n); END $$",
    ),
    (
        "small_transactions",
        "CREATE TABLE t(id int primary key, v text)",
        "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN
             FOR i IN 1..500 LOOP INSERT INTO t VALUES (i, 'v' || i); COMMIT; END LOOP;
         END $$;
         CALL fill()",
    ),
];

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/pgoutput/{name}.bin"))
}

fn frames(name: &str) -> Vec<Vec<u8>> {
    let bytes = fs::read(file(name)).unwrap();
    let mut rest = bytes.as_slice();
    let mut frames = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (frame, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        frames.push(frame.to_vec());
        rest = tail;
    }
    frames
}

async fn record(server: &Server, database: &str) -> Vec<u8> {
    let config = DatabaseConfig {
        hostname: "127.0.0.1".to_owned(),
        port: server.port(),
        user: "postgres".to_owned(),
        dbname: database.to_owned(),
        sslmode: SslMode::Disable,
        ..DatabaseConfig::default()
    };
    let connection = ReplicationConnection::connect(&config).await.unwrap();
    let options = [("proto_version", "1".to_owned()), ("publication_names", "p".to_owned())];
    let mut stream = connection.start(database, Lsn::INVALID, &options).await.unwrap();
    let mut recorded = Vec::new();
    loop {
        stream.fill().await.unwrap();
        while let Some(frame) = stream.next_frame().unwrap() {
            // A keepalive behind the changes says that everything was sent.
            if frame[0] == b'k' {
                if !recorded.is_empty() {
                    stream.finish().await.unwrap();
                    return recorded;
                }
                continue;
            }
            recorded.extend(u32::try_from(frame.len()).unwrap().to_be_bytes());
            recorded.extend(frame);
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn streams_are_recorded_when_asked_for() {
    if std::env::var_os("MINICDC_BLESS").is_none() {
        return;
    }
    let server = Server::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (name, tables, changes) in CASES {
        server.psql(&format!("CREATE DATABASE {name}"));
        server.psql_in(name, tables);
        server.psql_in(name, "CREATE PUBLICATION p FOR ALL TABLES");
        server.psql_in(
            name,
            &format!("SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"),
        );
        server.psql_in(name, changes);
        let recorded = runtime.block_on(record(&server, name));
        fs::create_dir_all(file(name).parent().unwrap()).unwrap();
        fs::write(file(name), recorded).unwrap();
    }
}

#[test]
fn recorded_streams_decode_and_no_strict_prefix_of_a_message_does() {
    for (name, ..) in CASES {
        let mut changes = 0;
        for frame in frames(name) {
            let Frame::Wal { body, .. } = Frame::decode(&frame).unwrap() else { continue };
            let message = pgoutput::decode(body, false).unwrap();
            let is_change =
                matches!(message, Message::Insert(_) | Message::Update(_) | Message::Delete(_));
            changes += usize::from(is_change);
            if changes % 97 == 0 {
                for length in 0..body.len() {
                    assert!(pgoutput::decode(&body[..length], false).is_err(), "{name} {length}");
                }
            }
        }
        assert!(changes >= 200, "{name} holds {changes} changes");
    }
}
