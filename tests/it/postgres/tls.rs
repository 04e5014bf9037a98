//! TLS with certificates made for the test, in every `sslmode`.

use super::server::{Server, TRUST, run};
use super::{assert_tells, both};
use crate::support::minicdc::{Minicdc, command};
use minicdc::config::{DatabaseConfig, SslMode};
use minicdc::postgres::{LoginError, PostgresError, TlsError, connect};
use std::path::Path;
use std::process::Command;

/// How the server's key is made, and the hash of its signature.
type Kind = (&'static str, &'static str);

const RSA: Kind = ("rsa:2048", "sha256");

/// In `directory`: two authorities `ca` and `other`, and certificates `server` (for the name
/// localhost alone) and `client` (for the role cdc) signed by the first.
fn make_certificates(directory: &Path, (key, hash): Kind) {
    for authority in ["ca", "other"] {
        self_signed(directory, authority);
    }
    std::fs::write(directory.join("server.ext"), "subjectAltName=DNS:localhost").unwrap();
    std::fs::write(directory.join("client.ext"), "basicConstraints=CA:FALSE").unwrap();
    for (name, subject) in [("server", "localhost"), ("client", "cdc")] {
        openssl(
            directory,
            &format!(
                "req -nodes -newkey {key} -subj /CN={subject} -keyout {name}.key -out {name}.csr"
            ),
        );
        openssl(
            directory,
            &format!(
                "x509 -req -{hash} -days 2 -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
                 -extfile {name}.ext -out {name}.crt"
            ),
        );
    }
}

fn self_signed(directory: &Path, name: &str) {
    openssl(
        directory,
        &format!(
            "req -x509 -nodes -days 2 -newkey rsa:2048 -subj /CN={name} -keyout {name}.key \
             -out {name}.crt"
        ),
    );
}

fn openssl(directory: &Path, arguments: &str) {
    run(Command::new("openssl").current_dir(directory).args(arguments.split_whitespace()));
}

/// By the name that the certificate holds.
fn by_name(server: &Server, sslmode: SslMode, root: Option<&str>) -> DatabaseConfig {
    DatabaseConfig {
        hostname: "localhost".to_owned(),
        sslmode,
        sslrootcert: root.map(|root| server.file(root)),
        ..server.config()
    }
}

async fn is_encrypted(config: &DatabaseConfig) -> bool {
    let client = connect(config, "test").await.unwrap();
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    client.query_one(query, &[]).await.unwrap().get(0)
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn each_sslmode_trusts_what_libpq_trusts() {
    let server = Server::start_with_tls(TRUST, |directory| make_certificates(directory, RSA));
    use SslMode::{Disable, Prefer, Require, VerifyCa, VerifyFull};

    // Let in: mode, root, host, encrypted.
    let cases = [
        (Disable, None, "localhost", false),
        (Prefer, None, "localhost", true),
        (Prefer, Some("other.crt"), "localhost", true),
        (Require, None, "localhost", true),
        (Require, Some("ca.crt"), "127.0.0.1", true),
        (VerifyCa, Some("ca.crt"), "127.0.0.1", true),
        (VerifyFull, Some("ca.crt"), "localhost", true),
        // The server's own certificate as the root, as PostgreSQL's manual does it.
        (VerifyFull, Some("server.crt"), "localhost", true),
    ];
    for (sslmode, root, host, encrypted) in cases {
        let config =
            DatabaseConfig { hostname: host.to_owned(), ..by_name(&server, sslmode, root) };
        both(&config).await.unwrap();
        assert_eq!(is_encrypted(&config).await, encrypted, "{sslmode:?} {root:?}");
    }

    for sslmode in [Require, VerifyCa, VerifyFull] {
        let error = both(&by_name(&server, sslmode, Some("other.crt"))).await.unwrap_err();
        assert!(matches!(error, PostgresError::Tls(TlsError::NotTrusted { .. })), "{sslmode:?}");
        assert_tells(&error, &["localhost", "sslrootcert"]);
    }
    // The system's roots do not know our authority.
    let error = both(&by_name(&server, VerifyFull, None)).await.unwrap_err();
    assert!(matches!(
        error,
        PostgresError::Tls(TlsError::NotTrusted { .. } | TlsError::NoSystemRoots)
    ));

    let config = by_name(&server, VerifyFull, Some("ca.crt"));
    let error =
        both(&DatabaseConfig { hostname: "127.0.0.1".to_owned(), ..config }).await.unwrap_err();
    assert!(matches!(error, PostgresError::Tls(TlsError::NameMismatch { .. })));
    assert_tells(&error, &["127.0.0.1", "localhost", "verify-ca"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn files_that_are_no_certificates_are_named() {
    let server = Server::start("", TRUST);
    let tls = Server::start_with_tls(TRUST, |directory| make_certificates(directory, RSA));
    for (root, reason) in [("absent.crt", "No such file"), ("client.key", "holds no certificate")] {
        let error = both(&by_name(&tls, SslMode::VerifyCa, Some(root))).await.unwrap_err();
        assert!(matches!(error, PostgresError::Tls(TlsError::File { .. })));
        assert_tells(&error, &["sslrootcert", root, reason]);
        assert!(error.is_misconfiguration());
    }
    let half = DatabaseConfig {
        sslcert: Some(tls.file("client.crt")),
        ..by_name(&tls, SslMode::Require, None)
    };
    let error = both(&half).await.unwrap_err();
    assert_tells(&error, &["sslcert and sslkey"]);

    let error = both(&by_name(&server, SslMode::Require, None)).await.unwrap_err();
    assert!(matches!(error, PostgresError::Tls(TlsError::NotOffered { .. })));
    assert_tells(&error, &["does not offer TLS", "ssl = on"]);
    both(&by_name(&server, SslMode::Prefer, None)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn client_certificate_stands_for_the_password() {
    let hba = "host all postgres 127.0.0.1/32 trust\nhostssl all cdc 127.0.0.1/32 cert\n";
    let server = Server::start_with_tls(hba, |directory| make_certificates(directory, RSA));
    let create = "CREATE ROLE cdc LOGIN REPLICATION";
    server.client().await.batch_execute(create).await.unwrap();
    let config = DatabaseConfig {
        user: "cdc".to_owned(),
        ..by_name(&server, SslMode::VerifyFull, Some("ca.crt"))
    };
    let with = DatabaseConfig {
        sslcert: Some(server.file("client.crt")),
        sslkey: Some(server.file("client.key")),
        ..config.clone()
    };
    both(&with).await.unwrap();

    let error = both(&config).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::Refused { .. })));
    assert_tells(&error, &["valid client certificate"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn foreign_client_certificate_is_a_failed_handshake() {
    let server = Server::start_with_tls(TRUST, |directory| {
        make_certificates(directory, RSA);
        self_signed(directory, "foreign");
    });
    let config = DatabaseConfig {
        sslcert: Some(server.file("foreign.crt")),
        sslkey: Some(server.file("foreign.key")),
        ..by_name(&server, SslMode::Require, None)
    };
    let error = both(&config).await.unwrap_err();
    assert!(matches!(error, PostgresError::Tls(TlsError::Handshake { .. })), "{error:?}");
    assert_tells(&error, &["UnknownCA", "sslcert"]);
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn prefer_falls_back_where_only_plain_connections_are_let_in() {
    let hba = "hostnossl all all 127.0.0.1/32 trust\n";
    let server = Server::start_with_tls(hba, |directory| make_certificates(directory, RSA));
    let config = by_name(&server, SslMode::Prefer, None);
    both(&config).await.unwrap();
    assert!(!is_encrypted(&config).await);
    let error = both(&by_name(&server, SslMode::Require, None)).await.unwrap_err();
    assert!(matches!(error, PostgresError::Login(LoginError::NoHbaEntry { .. })));
}

/// The server compares our hash of its certificate with its own, so a login proves that the hash
/// follows the certificate's signature.
#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn scram_binds_to_certificates_of_every_signature() {
    const EC: &str = "ec -pkeyopt ec_paramgen_curve:P-384";
    let hba = "host all postgres 127.0.0.1/32 trust\nhostssl all cdc 127.0.0.1/32 scram-sha-256\n";
    for kind in [RSA, (RSA.0, "sha384"), (RSA.0, "sha512"), (EC, "sha256")] {
        let server = Server::start_with_tls(hba, |directory| make_certificates(directory, kind));
        let create = "SET password_encryption = 'scram-sha-256'; \
                      CREATE ROLE cdc LOGIN REPLICATION PASSWORD 'secret'";
        server.client().await.batch_execute(create).await.unwrap();
        let config = DatabaseConfig {
            hostname: "localhost".to_owned(),
            sslmode: SslMode::VerifyFull,
            sslrootcert: Some(server.file("ca.crt")),
            ..server.config_of("cdc", "secret")
        };
        both(&config).await.unwrap();
        let wrong = both(&DatabaseConfig { password: None, ..config }).await.unwrap_err();
        assert!(matches!(wrong, PostgresError::Login(LoginError::PasswordMissing { .. })));
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn capture_logs_in_by_scram_over_verified_tls() {
    let hba = "host all postgres 127.0.0.1/32 trust\nhostssl all cdc 127.0.0.1/32 scram-sha-256\n";
    let server = Server::start_with_tls(hba, |directory| make_certificates(directory, RSA));
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE ROLE cdc SUPERUSER LOGIN REPLICATION PASSWORD 'o''reilly & söhne';
             CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (7)",
        )
        .await
        .unwrap();
    let capture = |password: &str, mode: &str, root: &str| {
        let mut capture = command();
        let url = format!(
            "postgres://cdc@localhost:{}/postgres?sslmode={mode}&sslrootcert={}",
            server.config().port,
            server.file(root).display()
        );
        capture.args(["capture", "--slot", "tls", "--sink", "stdout", "--stop-at", "current"]);
        capture.args(["--database-url", &url]).env("PGPASSWORD", password);
        Minicdc::spawn(capture).finish()
    };
    let seen = capture("o'reilly & söhne", "verify-full", "ca.crt").success().stdout;
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].contains(r#""id":7"#), "{seen:?}");
    for (password, mode, root, error, hint) in [
        ("wrong", "verify-full", "ca.crt", "wrong password for role \"cdc\"", "ALTER ROLE"),
        ("o'reilly & söhne", "verify-full", "other.crt", "certificate", "sslrootcert"),
        ("o'reilly & söhne", "disable", "ca.crt", "does not let role \"cdc\" in", "pg_hba.conf"),
    ] {
        let refused = capture(password, mode, root);
        let text = refused.stderr.join("\n");
        assert_ne!(refused.code(), 0, "{text}");
        assert!(text.contains(error) && text.contains("hint:") && text.contains(hint), "{text}");
        assert!(!text.contains("reilly") && !text.contains("panicked"), "{text}");
    }
}
