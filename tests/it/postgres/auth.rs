//! Reaching the server and logging in.

use super::server::{Server, TRUST};
use super::{assert_tells, both, chain};
use minicdc::config::{DatabaseConfig, SslMode};
use minicdc::postgres::{ConnectError, LoginError, PostgresError, ReplicationConnection, connect};
use std::io::{Read as _, Write as _};

/// Every method of `pg_hba.conf` that we have, one role each.
const METHODS: &str = "\
    host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\n\
    host all clear 127.0.0.1/32 password\nhost all trusted 127.0.0.1/32 trust\n\
    host all nologin 127.0.0.1/32 trust\nhost all absent 127.0.0.1/32 trust\n";

const ROLES: &str = "\
    SET password_encryption = 'scram-sha-256'; \
    CREATE ROLE scram LOGIN REPLICATION PASSWORD 'päss wörd''1'; \
    CREATE ROLE clear LOGIN REPLICATION PASSWORD 'clear'; \
    CREATE ROLE trusted LOGIN REPLICATION; CREATE ROLE nologin; CREATE ROLE outside LOGIN; \
    SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN REPLICATION PASSWORD 'md5 too'";

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn every_method_lets_in_who_knows_the_password() {
    let server = Server::start("", METHODS);
    server.client().await.batch_execute(ROLES).await.unwrap();
    for (user, password) in
        [("scram", "päss wörd'1"), ("md5", "md5 too"), ("clear", "clear"), ("trusted", "")]
    {
        both(&server.config_of(user, password)).await.unwrap();
    }
    both(&server.local()).await.unwrap();
    for user in ["scram", "md5", "clear"] {
        let wrong = both(&server.config_of(user, "a wrong one")).await.unwrap_err();
        assert!(matches!(wrong, PostgresError::Login(LoginError::WrongPassword { .. })));
        assert_tells(&wrong, &[user, "ALTER ROLE"]);
        assert!(!chain(&wrong).contains("a wrong one") && !wrong.is_transient());
        let missing = both(&server.config_of(user, "")).await.unwrap_err();
        assert!(matches!(missing, PostgresError::Login(LoginError::PasswordMissing { .. })));
        assert_tells(&missing, &[user, "PGPASSWORD"]);
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn refused_login_says_what_is_missing() {
    let server = Server::start("", METHODS);
    server.client().await.batch_execute(ROLES).await.unwrap();

    let error = both(&server.config_of("outside", "")).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::NoHbaEntry { .. })));
    assert_tells(&error, &["outside", "pg_hba.conf", "127.0.0.1", "pg_reload_conf"]);

    let error = both(&server.config_of("absent", "")).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::NoSuchRole { .. })));
    assert_tells(&error, &["CREATE ROLE \"absent\""]);

    let error = both(&server.config_of("nologin", "")).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::Refused { .. })));
    assert_tells(&error, &["not permitted to log in"]);

    let config = DatabaseConfig { dbname: "no shop".to_owned(), ..server.local() };
    let error = both(&config).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::NoSuchDatabase { .. })));
    assert_tells(&error, &["CREATE DATABASE \"no shop\""]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn unreachable_server_is_named_with_its_address() {
    let server = Server::start("", TRUST);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = DatabaseConfig { port: free, ..server.config() };
    let error = both(&config).await.unwrap_err();
    assert!(matches!(error, PostgresError::Connect(ConnectError::Unreachable { .. })));
    assert_tells(&error, &[&format!("127.0.0.1:{free}"), "pg_isready"]);
    assert!(error.is_transient() && error.is_unreachable());

    let error = both(&DatabaseConfig { port: free, ..server.local() }).await.unwrap_err();
    assert!(matches!(error, PostgresError::Connect(ConnectError::Socket { .. })));
    assert_tells(&error, &[&format!(".s.PGSQL.{free}"), "unix_socket_directories"]);

    let config = DatabaseConfig { hostname: "no-such-host.invalid".to_owned(), ..config };
    let error = both(&config).await.unwrap_err();
    assert!(matches!(error, PostgresError::Connect(ConnectError::HostUnknown { .. })));
    assert_tells(&error, &["no-such-host.invalid"]);
}

/// Where a server listens that answers every connection's first bytes with `answer`.
fn fake_server(answer: &'static [u8]) -> DatabaseConfig {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut startup = [0; 1024];
            if stream.read(&mut startup).is_ok_and(|len| len > 0) {
                drop(stream.write_all(answer));
            }
            // Stays open until the client has read it and gone.
            drop(stream.read(&mut startup));
        }
    });
    DatabaseConfig {
        hostname: "127.0.0.1".to_owned(),
        port,
        sslmode: SslMode::Disable,
        ..DatabaseConfig::default()
    }
}

#[tokio::test]
async fn method_that_we_do_not_have_is_said() {
    // AuthenticationGSS
    let config = fake_server(b"R\0\0\0\x08\0\0\0\x07");
    let error = both(&config).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::Method)));
    assert_tells(&error, &["pg_hba.conf"]);
}

#[tokio::test]
async fn server_that_is_no_postgres_is_found_out() {
    let config = fake_server(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let error = ReplicationConnection::connect(&config).await.err().unwrap();
    assert!(matches!(error, PostgresError::Protocol { .. }));
    assert_tells(&error, &["'H'", "check that host and port belong to PostgreSQL"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn silent_server_is_given_up_after_the_timeout() {
    // Takes connections into its backlog and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = DatabaseConfig {
        hostname: "127.0.0.1".to_owned(),
        port: silent.local_addr().unwrap().port(),
        connect_timeout_ms: 200,
        ..DatabaseConfig::default()
    };
    for sslmode in [SslMode::Disable, SslMode::Prefer] {
        let error = both(&DatabaseConfig { sslmode, ..config.clone() }).await.unwrap_err();
        assert!(matches!(error, PostgresError::Connect(ConnectError::Timeout { .. })));
        assert_tells(&error, &["200 ms"]);
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn full_server_is_worth_a_retry() {
    let conf = "max_connections = 3\nsuperuser_reserved_connections = 0\nmax_wal_senders = 1\n\
                max_logical_replication_workers = 0";
    let server = Server::start(conf, TRUST);
    let sender = ReplicationConnection::connect(&server.config()).await.unwrap();
    let error =
        ReplicationConnection::connect(&server.config()).await.err().expect("only one walsender");
    assert!(matches!(error, PostgresError::Login(LoginError::TooManySenders { .. })));
    assert_tells(&error, &["max_wal_senders"]);
    assert!(error.is_transient());
    sender.close().await;

    let mut clients = Vec::new();
    let error = loop {
        match connect(&server.config(), "test").await {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
        assert!(clients.len() <= 3, "more connections than max_connections");
    };
    assert!(matches!(error, PostgresError::Login(LoginError::TooManyConnections { .. })));
    assert_tells(&error, &["max_connections"]);
    assert!(error.is_transient());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn sessions_write_values_the_same_way_whatever_the_servers_defaults() {
    let conf = "datestyle = 'German, DMY'\nintervalstyle = iso_8601\ntimezone = 'Asia/Tokyo'\n\
                extra_float_digits = -10\nbytea_output = escape";
    let server = Server::start(conf, TRUST);
    let client = server.client().await;
    let row = client
        .query_one(
            "SELECT '2026-02-03 04:05:06+00'::timestamptz::text, '1 day'::interval::text, \
                    (0.1::float8 + 0.2::float8)::text, '\\x00ff'::bytea::text, \
                    current_setting('client_encoding'), current_setting('application_name')",
            &[],
        )
        .await
        .unwrap();
    let texts: Vec<String> = (0..6).map(|at| row.get(at)).collect();
    let expected =
        ["2026-02-03 04:05:06+00", "1 day", "0.30000000000000004", "\\x00ff", "UTF8", "test"];
    assert_eq!(texts, expected);
}
