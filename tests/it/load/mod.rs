//! `minicdc load` through the built binary, on a real PostgreSQL.

mod errors;
mod made;
mod modes;
mod text;

use crate::support::minicdc::{self, Finished, Minicdc};
use crate::support::postgres::Server;
use crate::support::unique;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// One server for all tests here, a database and a directory for each.
struct Case {
    database: String,
    dir: TempDir,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Case {
    fn new() -> Self {
        let database = unique("load");
        server().psql(&format!("create database {database}"));
        Self { database, dir: tempfile::tempdir().unwrap() }
    }

    /// A case whose tables are these, beside none of the shop's.
    fn with(sql: &str) -> Self {
        let case = Self::new();
        case.psql(sql);
        case
    }

    fn psql(&self, sql: &str) -> String {
        server().psql_in(&self.database, sql)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.dir.path().join(name), content).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = minicdc::command();
        command.env("DATABASE_URL", server().url(&self.database)).current_dir(self.dir.path());
        command.arg("load").args(arguments);
        command
    }

    /// Runs it on the case's directory, without the shop's tables.
    fn load(&self, arguments: &[&str]) -> Finished {
        self.load_as("postgres", arguments)
    }

    /// The same as another role.
    fn load_as(&self, role: &str, arguments: &[&str]) -> Finished {
        let arguments = [&[".", "--no-migrations"], arguments].concat();
        let mut command = self.command(&arguments);
        let url = server().url(&self.database).replace("postgres@", &format!("{role}@"));
        command.env("DATABASE_URL", url);
        Minicdc::spawn(command).finish()
    }

    /// Runs it, expects it to fail with nothing loaded, and gives the error.
    fn refused(&self, arguments: &[&str]) -> String {
        let before = self.contents();
        let finished = self.load(arguments);
        let text = finished.stderr.join("\n");
        assert_eq!(finished.code(), 1, "{text}");
        assert_eq!(finished.stdout, [""; 0], "{text}");
        assert_eq!(self.contents(), before, "nothing was loaded");
        text.replace("./", "")
    }

    /// Every table of the database with its rows.
    fn contents(&self) -> String {
        self.psql("select database_to_xml(true, true, '')")
    }
}

/// The columns of standard output without the times: `["orders", "3 rows", "4 columns"]`.
fn lines(finished: &Finished) -> Vec<Vec<&str>> {
    let keep = |cell: &&str| !cell.is_empty() && !cell.ends_with(" ms");
    let lines = finished.stdout.iter();
    lines.map(|line| line.split("   ").map(str::trim).filter(keep).collect()).collect()
}

fn shop() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data")
}
