//! A server of a test's own, with the settings and the `pg_hba.conf` that the test wants.

use crate::support::postgres::{self, append};
use minicdc::config::{DatabaseConfig, Secret};
use minicdc::postgres::connect;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::PathBuf;
use std::process::Command;
use tokio_postgres::Client;

/// Lets the superuser in from everywhere, as the tests' own psql needs it; a test's lines follow.
const HBA: &str = "local all all trust\nhost all postgres 127.0.0.1/32 trust\n";

/// Lets everyone in.
pub(crate) const TRUST: &str = "host all all 127.0.0.1/32 trust\n";

/// What a server with TLS needs besides its certificates.
const TLS: &str = "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n\
                   ssl_ca_file = 'ca.crt'\n";

pub(crate) struct Server {
    server: postgres::Server,
}

impl Server {
    /// Starts a server that is ready for logical replication unless `conf` says otherwise.
    pub(crate) fn start(conf: &str, hba: &str) -> Self {
        let mut server = postgres::Server::with_conf(conf);
        fs::write(server.data().join("pg_hba.conf"), format!("{HBA}{hba}")).unwrap();
        server.restart();
        Self { server }
    }

    /// Starts a server with TLS; `make` puts `server.crt`, `server.key` and `ca.crt` into the
    /// directory it is given. `hba` says it all, also how the superuser comes in.
    pub(crate) fn start_with_tls(hba: &str, make: impl FnOnce(&std::path::Path)) -> Self {
        let mut server = postgres::Server::start();
        let data = server.data();
        make(&data);
        let owner = fs::metadata(&data).unwrap();
        for name in ["server.crt", "server.key", "ca.crt"] {
            chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        fs::write(data.join("pg_hba.conf"), format!("local all all trust\n{hba}")).unwrap();
        append(&data.join("postgresql.conf"), TLS);
        server.restart();
        Self { server }
    }

    /// Shuts the server down, which waits until replication took note; hence on a thread.
    pub(crate) fn stop_fast(mut self) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || self.server.stop_fast())
    }

    /// Crashes the server.
    pub(crate) fn stop_immediate(&mut self) {
        self.server.stop_immediate();
    }

    /// A file in the data directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.server.data().join(name)
    }

    /// TCP, as the superuser.
    pub(crate) fn config(&self) -> DatabaseConfig {
        DatabaseConfig {
            hostname: "127.0.0.1".to_owned(),
            port: self.server.port(),
            ..DatabaseConfig::default()
        }
    }

    /// The unix socket, as the superuser.
    pub(crate) fn local(&self) -> DatabaseConfig {
        DatabaseConfig { hostname: self.server.socket_dir().display().to_string(), ..self.config() }
    }

    /// TCP, as another role.
    pub(crate) fn config_of(&self, user: &str, password: &str) -> DatabaseConfig {
        let password = (!password.is_empty()).then(|| Secret::new(password));
        DatabaseConfig { user: user.to_owned(), password, ..self.config() }
    }

    pub(crate) async fn client(&self) -> Client {
        connect(&self.local(), "test").await.unwrap()
    }
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
}
