//! Slots that can be used, and those that cannot; what the server must be set up for.

use super::assert_tells;
use super::server::{Server, TRUST};
use minicdc::config::DatabaseConfig;
use minicdc::lsn::Lsn;
use minicdc::postgres::{
    LoginError, PostgresError, Readiness, ReadinessError, ReplicationConnection, Slot, SlotError,
    SlotOptions, connect, open_writers,
};

async fn replication(config: &DatabaseConfig) -> ReplicationConnection {
    ReplicationConnection::connect(config).await.unwrap()
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn slot_is_made_found_and_dropped() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    assert_eq!(Slot::find(&client, "shop").await.unwrap(), None);
    let mut connection = replication(&server.config()).await;
    let created = connection.create_slot("shop", SlotOptions::default()).await.unwrap();
    assert_eq!(created.snapshot_name, None);

    let slot = Slot::find(&client, "shop").await.unwrap().unwrap();
    assert_eq!(slot.confirmed_flush_lsn, Some(created.consistent_point));
    assert_eq!(slot.plugin.as_deref(), Some("pgoutput"));
    slot.check_ours("postgres").unwrap();
    slot.check_free().unwrap();

    Slot::drop(&client, "shop").await.unwrap();
    let error = Slot::drop(&client, "shop").await.unwrap_err();
    assert!(matches!(error, PostgresError::Slot(SlotError::Missing { .. })), "{error:?}");
    let error = Slot::find(&client, "Shop'; --").await.unwrap_err();
    assert!(matches!(error, PostgresError::Slot(SlotError::InvalidName { .. })));
    assert!(error.is_misconfiguration());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn slot_waits_for_open_writers_and_can_be_given_up() {
    let server = Server::start("", TRUST);
    let writer = server.client().await;
    writer.batch_execute("CREATE TABLE t (); BEGIN; INSERT INTO t DEFAULT VALUES").await.unwrap();
    let mut connection = replication(&server.config()).await;
    let canceller = connection.canceller();
    let exporting = SlotOptions { export_snapshot: true, ..SlotOptions::default() };
    let making = tokio::spawn(async move { connection.create_slot("shop", exporting).await });

    let client = server.client().await;
    let waiting = "SELECT FROM pg_stat_activity WHERE application_name = 'minicdc' \
                   AND wait_event_type = 'Lock'";
    while client.query_opt(waiting, &[]).await.unwrap().is_none() {}
    let [writer] = &open_writers(&client).await.unwrap()[..] else { panic!("not one writer") };
    assert_eq!(writer.application.as_deref(), Some("test"));
    assert!(writer.pid.is_some() && writer.since.is_some());

    canceller.cancel().await.unwrap();
    let error = making.await.unwrap().unwrap_err();
    assert_tells(&error, &["57014"]);
    assert_eq!(Slot::find(&client, "shop").await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn slot_in_use_names_who_uses_it() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client.batch_execute("CREATE PUBLICATION p").await.unwrap();
    let mut connection = replication(&server.config()).await;
    connection.create_slot("shop", SlotOptions::default()).await.unwrap();
    let options = [("proto_version", "1".to_owned()), ("publication_names", "p".to_owned())];
    let stream = connection.start("shop", Lsn::INVALID, &options).await.unwrap();

    let slot = Slot::find(&client, "shop").await.unwrap().unwrap();
    let pid = slot.holder.as_ref().and_then(|holder| holder.pid).unwrap();
    let error = PostgresError::from(slot.check_free().unwrap_err());
    let terminate = format!("pg_terminate_backend({pid})");
    let process = format!("process {pid} (minicdc, on 127.0.0.1, since 20");
    assert_tells(&error, &["\"shop\"", &process, "UTC)", &terminate, "--slot"]);
    let error = Slot::drop(&client, "shop").await.unwrap_err();
    assert!(matches!(&error, PostgresError::Slot(error) if error.is_in_use()));

    stream.finish().await.unwrap();
    Slot::find(&client, "shop").await.unwrap().unwrap().check_free().unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn slots_of_others_are_refused() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client.batch_execute("SELECT pg_create_physical_replication_slot('physical')").await.unwrap();
    let slot = Slot::find(&client, "physical").await.unwrap().unwrap();
    let error = PostgresError::from(slot.check_ours("postgres").unwrap_err());
    assert_tells(&error, &["\"physical\" is a physical one", "--slot"]);

    client
        .batch_execute("SELECT pg_create_logical_replication_slot('foreign', 'test_decoding')")
        .await
        .unwrap();
    let slot = Slot::find(&client, "foreign").await.unwrap().unwrap();
    let error = PostgresError::from(slot.check_ours("postgres").unwrap_err());
    assert_tells(&error, &["test_decoding, not pgoutput", "pg_drop_replication_slot('foreign')"]);

    let there = DatabaseConfig { dbname: "template1".to_owned(), ..server.config() };
    replication(&there).await.create_slot("elsewhere", SlotOptions::default()).await.unwrap();
    let slot = Slot::find(&client, "elsewhere").await.unwrap().unwrap();
    let error = PostgresError::from(slot.check_ours("postgres").unwrap_err());
    assert_tells(&error, &["\"template1\", not \"postgres\"", "database.dbname=template1"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn full_slots_are_said_before_and_by_the_server() {
    let server = Server::start("max_replication_slots = 1", TRUST);
    let client = server.client().await;
    let mut connection = replication(&server.config()).await;
    Readiness::read(&client).await.unwrap().require(true).unwrap();
    connection.create_slot("one", SlotOptions::default()).await.unwrap();

    let said_before = Readiness::read(&client).await.unwrap().require(true).unwrap_err();
    let said_by_server = connection.create_slot("two", SlotOptions::default()).await.unwrap_err();
    for error in [said_before, said_by_server] {
        assert!(matches!(error, PostgresError::Slot(SlotError::NoneFree)), "{error:?}");
        assert_tells(&error, &["max_replication_slots = 20"]);
    }
    Readiness::read(&client).await.unwrap().require(false).unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn lost_slot_says_that_changes_are_gone() {
    let conf = "max_slot_wal_keep_size = 1MB\nmax_wal_size = 32MB\nmin_wal_size = 32MB";
    let server = Server::start(conf, TRUST);
    let client = server.client().await;
    let mut connection = replication(&server.config()).await;
    connection.create_slot("shop", SlotOptions::default()).await.unwrap();
    client
        .batch_execute("CREATE TABLE t (v text); CREATE PUBLICATION p FOR TABLE t")
        .await
        .unwrap();
    for _ in 0..4 {
        client
            .batch_execute(
                "INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 20000); \
                 SELECT pg_switch_wal()",
            )
            .await
            .unwrap();
        client.batch_execute("CHECKPOINT").await.unwrap();
    }
    let slot = Slot::find(&client, "shop").await.unwrap().unwrap();
    assert!(slot.lost().is_some(), "{slot:?}");

    let options = [("proto_version", "1".to_owned()), ("publication_names", "p".to_owned())];
    let error = connection.start("shop", Lsn::INVALID, &options).await.err().unwrap();
    assert!(matches!(error, PostgresError::Slot(SlotError::Lost { .. })), "{error:?}");
    assert_tells(&error, &["lost", "max_slot_wal_keep_size", "--snapshot when_needed"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn server_without_logical_wal_is_refused_with_the_remedy() {
    let server = Server::start("wal_level = replica", TRUST);
    let client = server.client().await;
    let error = Readiness::read(&client).await.unwrap().require(true).unwrap_err();
    assert!(matches!(error, PostgresError::Readiness(ReadinessError::WalLevel { .. })));
    assert_tells(&error, &["wal_level is replica", "ALTER SYSTEM SET wal_level = 'logical'"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn role_without_replication_is_refused_with_the_remedy() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE ROLE plain LOGIN; CREATE ROLE cdc LOGIN REPLICATION; \
                        CREATE ROLE rds_replication; CREATE ROLE managed LOGIN; \
                        GRANT rds_replication TO managed",
        )
        .await
        .unwrap();
    let plain = server.config_of("plain", "");
    let session = connect(&plain, "test").await.unwrap();
    let before = Readiness::read(&session).await.unwrap().require(true).unwrap_err();
    let at_login = ReplicationConnection::connect(&plain).await.err().unwrap();
    assert!(matches!(at_login, PostgresError::Login(LoginError::NoReplication { .. })));
    for error in [before, at_login] {
        assert_tells(&error, &["\"plain\" may not replicate", "ALTER ROLE \"plain\" REPLICATION"]);
    }
    for user in ["cdc", "managed"] {
        let session = connect(&server.config_of(user, ""), "test").await.unwrap();
        Readiness::read(&session).await.unwrap().require(true).unwrap();
    }
}
