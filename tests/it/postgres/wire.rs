//! The replication stream against a real walsender.

use super::server::{Server, TRUST};
use super::{assert_tells, chain};
use minicdc::lsn::Lsn;
use minicdc::postgres::{
    PostgresError, ReplicationConnection, ReplicationStream, ServerError, Slot, SlotError,
    SlotOptions,
};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// A table `t`, its publication `p` and a slot `s`.
async fn prepare(server: &Server) -> Client {
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE PUBLICATION p FOR TABLE t",
        )
        .await
        .unwrap();
    let mut connection = ReplicationConnection::connect(&server.local()).await.unwrap();
    connection.create_slot("s", SlotOptions::default()).await.unwrap();
    connection.close().await;
    client
}

fn options() -> [(&'static str, String); 2] {
    [("proto_version", "1".to_owned()), ("publication_names", "\"p\"".to_owned())]
}

/// Streams from `s`, waiting for a process that is about to leave it.
async fn stream(server: &Server) -> ReplicationStream {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let connection = ReplicationConnection::connect(&server.config()).await.unwrap();
        match connection.start("s", Lsn::INVALID, &options()).await {
            Ok(stream) => return stream,
            Err(PostgresError::Slot(error)) if error.is_in_use() && Instant::now() < deadline => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Reads one frame.
async fn frame(stream: &mut ReplicationStream) -> Result<Vec<u8>, PostgresError> {
    loop {
        if let Some(frame) = stream.next_frame()? {
            return Ok(frame.to_vec());
        }
        stream.fill().await?;
    }
}

/// The next message of pgoutput: what is behind `w`, two LSNs and a clock.
async fn message(stream: &mut ReplicationStream) -> Result<Vec<u8>, PostgresError> {
    loop {
        let frame = frame(stream).await?;
        if frame[0] == b'w' {
            return Ok(frame[25..].to_vec());
        }
        answer(stream, &frame).await?;
    }
}

/// Confirms what a keepalive says, as a reader does that has nothing in flight.
async fn answer(stream: &mut ReplicationStream, keepalive: &[u8]) -> Result<(), PostgresError> {
    assert_eq!(keepalive[0], b'k');
    let end = Lsn::new(u64::from_be_bytes(keepalive[1..9].try_into().unwrap()));
    stream.send_status(end, end, end, false).await
}

/// Tags of pgoutput's messages up to and with the next commit.
async fn transaction(stream: &mut ReplicationStream) -> String {
    let mut tags = String::new();
    while !tags.ends_with('C') {
        tags.push(char::from(message(stream).await.unwrap()[0]));
    }
    tags
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn stream_delivers_changes_and_confirmed_ones_only_once() {
    let server = Server::start("", TRUST);
    let client = prepare(&server).await;
    client.batch_execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')").await.unwrap();

    let mut reader = stream(&server).await;
    assert_eq!(transaction(&mut reader).await, "BRIIC");
    client.batch_execute("UPDATE t SET v = 'c' WHERE id = 1").await.unwrap();
    assert_eq!(transaction(&mut reader).await, "BUC");
    let row = client.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.unwrap();
    let end: Lsn = row.get::<_, &str>(0).parse().unwrap();
    reader.send_status(end, end, end, false).await.unwrap();
    reader.finish().await.unwrap();

    let slot = Slot::find(&client, "s").await.unwrap().unwrap();
    assert_eq!((slot.confirmed_flush_lsn, slot.holder), (Some(end), None));
    client.batch_execute("DELETE FROM t WHERE id = 2").await.unwrap();
    let mut reader = stream(&server).await;
    assert_eq!(transaction(&mut reader).await, "BRDC");
    reader.finish().await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn idle_stream_outlives_the_servers_timeout_while_keepalives_are_answered() {
    let server = Server::start("wal_sender_timeout = 300ms", TRUST);
    let client = prepare(&server).await;
    let mut reader = stream(&server).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1500) {
        let frame = frame(&mut reader).await.unwrap();
        answer(&mut reader, &frame).await.unwrap();
    }
    client.batch_execute("INSERT INTO t VALUES (1, 'still there')").await.unwrap();
    assert_eq!(transaction(&mut reader).await, "BRIC");

    // Without answers the server ends it.
    let error = loop {
        if let Err(error) = frame(&mut reader).await {
            break error;
        }
    };
    assert!(matches!(error, PostgresError::ConnectionLost { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn twenty_megabytes_pass_in_one_row() {
    let server = Server::start("", TRUST);
    let client = prepare(&server).await;
    for config in [server.config(), server.local()] {
        client
            .batch_execute("TRUNCATE t; INSERT INTO t VALUES (1, repeat('x', 20000000)), (2, 'y')")
            .await
            .unwrap();
        let connection = ReplicationConnection::connect(&config).await.unwrap();
        let mut reader = connection.start("s", Lsn::INVALID, &options()).await.unwrap();
        let mut sizes = Vec::new();
        loop {
            let message = message(&mut reader).await.unwrap();
            match message[0] {
                b'I' => sizes.push(message.len()),
                b'C' if !sizes.is_empty() => break,
                _ => {}
            }
        }
        // Tag, relation, 'N', two columns, and for each its kind and length.
        assert_eq!(sizes, [8 + 5 + 1 + 5 + 20_000_000, 8 + 5 + 1 + 5 + 1]);
        reader.finish().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn cancelled_reads_lose_nothing() {
    let server = Server::start("", TRUST);
    let client = prepare(&server).await;
    client
        .batch_execute(
            "INSERT INTO t SELECT g, repeat('x', g % 997) FROM generate_series(1, 20000) g",
        )
        .await
        .unwrap();
    let mut reader = stream(&server).await;
    let mut inserts = 0;
    'reading: loop {
        while let Some(frame) = reader.next_frame().unwrap() {
            match (frame[0], frame.get(25)) {
                (b'w', Some(b'I')) => inserts += 1,
                (b'w', Some(b'C')) => break 'reading,
                _ => {}
            }
        }
        let soon = Duration::from_micros(50);
        if let Ok(read) = tokio::time::timeout(soon, reader.fill()).await {
            read.unwrap();
        }
    }
    assert_eq!(inserts, 20_000);
    reader.finish().await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn end_of_the_server_is_worth_a_retry() {
    let server = Server::start("", TRUST);
    let client = prepare(&server).await;
    let mut reader = stream(&server).await;
    let kill = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots";
    client.query_one(kill, &[]).await.unwrap();
    let error = read_to_the_end(&mut reader).await;
    assert!(matches!(error, PostgresError::Unavailable { .. }), "{error:?}");
    assert_tells(&error, &["57P01"]);
    assert!(error.is_transient());

    // A shutdown: the server ends the stream once everything is confirmed.
    let mut reader = stream(&server).await;
    let stopping = server.stop_fast();
    let error = read_to_the_end(&mut reader).await;
    assert!(error.is_transient(), "{error:?}");
    let error = client.query_one("SELECT 1", &[]).await.map_err(PostgresError::from).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    stopping.join().unwrap();

    // A crash.
    let mut server = Server::start("", TRUST);
    prepare(&server).await;
    let mut reader = stream(&server).await;
    server.stop_immediate();
    let error = read_to_the_end(&mut reader).await;
    assert!(error.is_transient(), "{error:?}");
}

async fn read_to_the_end(reader: &mut ReplicationStream) -> PostgresError {
    loop {
        match frame(reader).await {
            Ok(frame) if frame[0] == b'k' => {
                if let Err(error) = answer(reader, &frame).await {
                    return error;
                }
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn refused_start_says_why() {
    let server = Server::start("", TRUST);
    let _client = prepare(&server).await;
    let connect = || async { ReplicationConnection::connect(&server.config()).await.unwrap() };

    let missing = connect().await.start("absent", Lsn::INVALID, &options()).await.err().unwrap();
    assert!(matches!(missing, PostgresError::Slot(SlotError::Missing { .. })));

    let reader = stream(&server).await;
    let busy = connect().await.start("s", Lsn::INVALID, &options()).await.err().unwrap();
    assert!(matches!(&busy, PostgresError::Slot(error) if error.is_in_use()));
    assert_tells(&busy, &["process ", "pg_terminate_backend("]);
    reader.finish().await.unwrap();

    let options = [("proto_version", "1".to_owned()), ("nonsense", "it's".to_owned())];
    let refused = connect().await.start("s", Lsn::INVALID, &options).await.err().unwrap();
    assert!(matches!(refused, PostgresError::Statement { .. }));
    assert_tells(&refused, &["nonsense"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn exported_snapshot_sees_what_is_before_the_consistent_point() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client.batch_execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await.unwrap();
    let mut connection = ReplicationConnection::connect(&server.config()).await.unwrap();
    let row = client.query_one("SELECT current_setting('server_version_num')", &[]).await.unwrap();
    assert_eq!(connection.server_version().to_string(), row.get::<_, &str>(0));
    let identity = connection.identify_system().await.unwrap();
    assert_eq!((identity.dbname.as_str(), identity.timeline), ("postgres", 1));

    let exporting = SlotOptions { export_snapshot: true, ..SlotOptions::default() };
    let created = connection.create_slot("s", exporting).await.unwrap();
    assert!(created.consistent_point >= identity.flushed);
    client.batch_execute("INSERT INTO t VALUES (2)").await.unwrap();
    let snapshot = created.snapshot_name.unwrap();
    client
        .batch_execute(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{snapshot}'"
        ))
        .await
        .unwrap();
    let count: i64 = client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);

    let again = connection.create_slot("s", SlotOptions::default()).await.unwrap_err();
    assert!(matches!(again, PostgresError::Slot(SlotError::Exists { .. })));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn statement_error_keeps_the_servers_words() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    let error = client.batch_execute("SELECT 1/0").await.map_err(PostgresError::from).unwrap_err();
    assert!(chain(&error).ends_with("division by zero [SQLSTATE 22012]"), "{}", chain(&error));
    assert!(!error.is_transient());
    let PostgresError::Statement { error, .. } = error else { panic!("{error:?}") };
    let ServerError { sqlstate, .. } = *error;
    assert_eq!(sqlstate, "22012");
}
