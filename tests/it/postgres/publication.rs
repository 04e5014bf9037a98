//! Publications in every mode, and replica identities.

use super::assert_tells;
use super::server::{Server, TRUST};
use minicdc::config::{PublicationAutocreate, ReplicationConfig};
use minicdc::postgres::{
    IdentityOutcome, IdentityRules, PostgresError, PublicationAction, PublicationError,
    PublicationOutcome, connect, ensure_publication, full_identity_statement,
};
use tokio_postgres::Client;

use PublicationAction::{Altered, Found, Made};
use PublicationAutocreate::{AllTables, Disabled, Filtered, NoTables};

/// `a` has a key, `"B b"` has none.
const TABLES: &str = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE \"B b\" (id int)";

fn config(name: &str, mode: PublicationAutocreate) -> ReplicationConfig {
    ReplicationConfig {
        publication_name: name.to_owned(),
        publication_autocreate: mode,
        ..ReplicationConfig::default()
    }
}

fn tables(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ("public".to_owned(), (*name).to_owned())).collect()
}

async fn ensure(
    client: &Client,
    name: &str,
    mode: PublicationAutocreate,
    names: &[&str],
) -> Result<PublicationOutcome, PostgresError> {
    ensure_publication(client, &config(name, mode), &tables(names)).await
}

fn outcome(
    action: PublicationAction,
    count: usize,
    without_identity: &[&str],
) -> PublicationOutcome {
    PublicationOutcome { action, tables: count, without_identity: tables(without_identity) }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn each_mode_makes_what_it_says() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client.batch_execute(TABLES).await.unwrap();

    let error = ensure(&client, "it's \"p\"", Disabled, &["a"]).await.unwrap_err();
    assert_tells(&error, &["does not exist", "CREATE PUBLICATION"]);

    let all = ensure(&client, "it's \"p\"", AllTables, &[]).await.unwrap();
    assert_eq!(all, outcome(Made, 2, &["B b"]));
    let again = ensure(&client, "it's \"p\"", AllTables, &[]).await.unwrap();
    assert_eq!(again, outcome(Found, 2, &["B b"]));
    let error = ensure(&client, "it's \"p\"", Filtered, &["a"]).await.unwrap_err();
    assert!(matches!(error, PostgresError::Publication(PublicationError::ForAllTables { .. })));

    let none = ensure(&client, "none", NoTables, &["a"]).await.unwrap();
    assert_eq!(none, outcome(Made, 0, &[]));
    let found = ensure(&client, "none", Disabled, &[]).await.unwrap();
    assert_eq!(found, outcome(Found, 0, &[]));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn filtered_publication_follows_the_captured_tables() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client.batch_execute(TABLES).await.unwrap();

    let error = ensure(&client, "p", Filtered, &[]).await.unwrap_err();
    assert!(matches!(error, PostgresError::Publication(PublicationError::NoTable { .. })));
    assert_tells(&error, &["--tables"]);

    let made = ensure(&client, "p", Filtered, &["a"]).await.unwrap();
    assert_eq!(made, outcome(Made, 1, &[]));
    assert_eq!(ensure(&client, "p", Filtered, &["a"]).await.unwrap().action, Found);
    let both = ensure(&client, "p", Filtered, &["a", "B b"]).await.unwrap();
    assert_eq!(both, outcome(Altered, 2, &["B b"]));
    assert_eq!(ensure(&client, "p", Filtered, &["B b", "a"]).await.unwrap().action, Found);
    let one = ensure(&client, "p", Filtered, &["B b"]).await.unwrap();
    assert_eq!(one, outcome(Altered, 1, &["B b"]));

    client.batch_execute(&full_identity_statement("public", "B b")).await.unwrap();
    let one = ensure(&client, "p", Filtered, &["B b"]).await.unwrap();
    assert_eq!(one, outcome(Found, 1, &[]));
    client.batch_execute("ALTER TABLE a REPLICA IDENTITY NOTHING").await.unwrap();
    let one = ensure(&client, "p", Filtered, &["a"]).await.unwrap();
    assert_eq!(one, outcome(Altered, 1, &["a"]));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn partition_root_is_published_when_asked_for() {
    let server = Server::start("", TRUST);
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id); \
             CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10); \
             CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20)",
        )
        .await
        .unwrap();
    let leaves = ensure(&client, "leaves", Filtered, &["parted"]).await.unwrap();
    assert_eq!(leaves, outcome(Made, 2, &[]));
    assert_eq!(ensure(&client, "leaves", Filtered, &["parted"]).await.unwrap().action, Found);
    let root = ReplicationConfig { publish_via_partition_root: true, ..config("root", AllTables) };
    let root = ensure_publication(&client, &root, &[]).await.unwrap();
    assert_eq!(root, outcome(Made, 1, &[]));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn role_without_rights_is_told_what_it_needs() {
    let server = Server::start("", TRUST);
    let admin = server.client().await;
    admin.batch_execute(&format!("{TABLES}; CREATE ROLE cdc LOGIN REPLICATION")).await.unwrap();
    let client = connect(&server.config_of("cdc", ""), "test").await.unwrap();

    let error = ensure(&client, "p", AllTables, &["a"]).await.unwrap_err();
    let grant = "GRANT CREATE ON DATABASE";
    assert_tells(&error, &["\"cdc\"", "publication.autocreate.mode=filtered", grant]);
    let error = ensure(&client, "p", Filtered, &["a"]).await.unwrap_err();
    assert_tells(
        &error,
        &["permission denied", "GRANT CREATE ON DATABASE \"postgres\" TO \"cdc\""],
    );
    admin.batch_execute("GRANT CREATE ON DATABASE postgres TO cdc").await.unwrap();
    let error = ensure(&client, "p", AllTables, &["a"]).await.unwrap_err();
    assert!(matches!(error, PostgresError::Publication(PublicationError::NeedsSuperuser { .. })));
    let error = ensure(&client, "p", Filtered, &["a"]).await.unwrap_err();
    assert_tells(&error, &["must be owner of table a", "OWNER TO \"cdc\""]);
    admin.batch_execute("ALTER TABLE a OWNER TO cdc").await.unwrap();
    assert_eq!(ensure(&client, "p", Filtered, &["a"]).await.unwrap(), outcome(Made, 1, &[]));
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn identities_are_set_where_they_differ() {
    let server = Server::start("", TRUST);
    let admin = server.client().await;
    admin
        .batch_execute(&format!(
            "{TABLES}; CREATE TABLE c (id int NOT NULL); CREATE UNIQUE INDEX c_id ON c (id); \
             CREATE TABLE d (id int); CREATE ROLE cdc LOGIN; \
             ALTER TABLE a OWNER TO cdc; ALTER TABLE c OWNER TO cdc"
        ))
        .await
        .unwrap();
    let rules =
        IdentityRules::parse(r"public\.a:FULL, public\.B b:FULL, public.c:index c_id, public.[ad]:DEFAULT, public.d:FULL")
            .unwrap();
    let client = connect(&server.config_of("cdc", ""), "test").await.unwrap();
    let all = tables(&["a", "B b", "c", "d", "gone"]);
    let outcomes = rules.apply(&client, &all).await.unwrap();
    let named = |name: &str| ("public".to_owned(), name.to_owned());
    let [first, second, third, fourth] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(*first, IdentityOutcome::Ambiguous { table: named("a") });
    assert!(matches!(second, IdentityOutcome::Refused { statement, .. }
        if statement == "ALTER TABLE \"public\".\"B b\" REPLICA IDENTITY FULL"));
    let identity = "USING INDEX \"c_id\"".to_owned();
    assert_eq!(*third, IdentityOutcome::Set { table: named("c"), identity });
    assert_eq!(*fourth, IdentityOutcome::Ambiguous { table: named("d") });

    let again = rules.apply(&client, &tables(&["c"])).await.unwrap();
    assert_eq!(again, []);
    let letter: String = admin
        .query_one("SELECT relreplident::text FROM pg_class WHERE relname = 'c'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(letter, "i");
}
