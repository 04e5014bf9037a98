//! A PostgreSQL server of one's own: free port, directory of its own, ready for logical replication.

use super::install;
use super::process::{self, TempDir};
use super::{PATIENCE, free_port, wait_until};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;

const BASE_CONF: &str = include_str!("../../../scripts/servers/postgresql.conf");

/// Which server to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Options {
    /// PostgreSQL major; `None` is what `MINICDC_TEST_PG` says, else the distribution's.
    pub(crate) major: Option<u32>,
    /// Lines for `postgresql.conf`, after ours.
    pub(crate) conf: String,
}

/// A running server; dropped, it is gone with all its data.
#[derive(Debug)]
pub(crate) struct Server {
    // Before `dir`: the process ends before its files go.
    child: Option<Child>,
    bin: PathBuf,
    port: u16,
    dir: TempDir,
}

impl Server {
    /// A server of the major under test.
    pub(crate) fn start() -> Self {
        Self::with(&Options::default())
    }

    /// The same with extra lines in `postgresql.conf`.
    pub(crate) fn with_conf(conf: &str) -> Self {
        Self::with(&Options { major: None, conf: conf.to_owned() })
    }

    pub(crate) fn with(options: &Options) -> Self {
        let bin = install::postgres_bin(options.major.or_else(major_under_test));
        let dir = TempDir::new();
        let data = dir.path().join("data");
        let copied = Command::new("cp").arg("-a").arg(template(&bin)).arg(&data).status().unwrap();
        assert!(copied.success(), "the initialised cluster could not be copied");
        append(&data.join("postgresql.conf"), &options.conf);
        Self::in_dir(bin, dir)
    }

    /// A server with a system identifier of its own; those of the others are copies of each other.
    pub(crate) fn of_another_cluster() -> Self {
        let bin = install::postgres_bin(major_under_test());
        let dir = TempDir::new();
        initialise_at(&bin, &dir.path().join("data"));
        Self::in_dir(bin, dir)
    }

    /// A physical standby of this server, made from a base backup, with more lines for its
    /// `postgresql.conf`.
    pub(crate) fn replica(&self, conf: &str) -> Self {
        let dir = TempDir::new();
        let data = dir.path().join("data");
        if let Some((uid, gid)) = owner() {
            std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let address = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        // npm's trees have no pg_basebackup; the server copies its own files as well.
        self.psql("select pg_switch_wal()");
        self.copy_while_backing_up(&data);
        fs::write(data.join("standby.signal"), "").unwrap();
        append(
            &data.join("postgresql.conf"),
            &format!("primary_conninfo = '{address} application_name=replica'\n{conf}"),
        );
        Self::in_dir(self.bin.clone(), dir)
    }

    /// A low-level base backup: start, copy, stop, and the label that makes it one.
    fn copy_while_backing_up(&self, to: &Path) {
        let (begin, end) = match self.psql("show server_version_num").parse::<u32>().unwrap() {
            150_000.. => (
                "select pg_backup_start('replica', true)",
                "select labelfile from pg_backup_stop(false)",
            ),
            _ => (
                "select pg_start_backup('replica', true, false)",
                "select labelfile from pg_stop_backup(false, false)",
            ),
        };
        // The session that began the backup has to end it; `\!` copies in between.
        let copy = format!("\\! cp -a {} {}", self.data().display(), to.display());
        let label = self.psql(&format!("{begin} \\g /dev/null\n{copy}\n{end};"));
        let slots = to.join("pg_replslot");
        drop(fs::remove_file(to.join("postmaster.pid")));
        drop(fs::remove_dir_all(&slots));
        fs::create_dir(&slots).unwrap();
        let label_path = to.join("backup_label");
        fs::write(&label_path, label + "\n").unwrap();
        let owner = fs::metadata(to).unwrap();
        for path in [slots, label_path] {
            std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    }

    fn in_dir(bin: PathBuf, dir: TempDir) -> Self {
        let owner = fs::metadata(dir.path().join("data")).unwrap();
        std::os::unix::fs::chown(dir.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
        let mut server = Self { child: None, bin, port: 0, dir };
        server.start_again();
        server
    }

    /// Starts a stopped server: the first time on a free port, later on the same one.
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "the server runs");
        let port_is_new = self.port == 0;
        for attempt in 1..=5 {
            if port_is_new {
                self.port = free_port();
            }
            if self.try_start() {
                return;
            }
            // Someone else may have taken the port meanwhile.
            assert!(port_is_new && attempt < 5, "postgres died:\n{}", self.log());
        }
    }

    fn try_start(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        // QUIT is an immediate shutdown, which leaves no shared memory behind.
        let mut command = as_owner(process::tied("QUIT", self.bin.join("postgres")));
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-k"]);
        command
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut child = process::spawn(command);
        let mut died = false;
        wait_until("PostgreSQL to answer", || {
            died = child.try_wait().unwrap().is_some();
            died || self.try_psql("template1", "select 1").is_ok()
        });
        self.child = (!died).then_some(child);
        !died
    }

    /// Stops in the orderly way: sessions are ended, walsenders get everything first.
    pub(crate) fn stop_fast(&mut self) {
        self.stop("INT");
    }

    /// Stops as in a crash: nothing is flushed, the next start recovers.
    pub(crate) fn stop_immediate(&mut self) {
        self.stop("QUIT");
    }

    /// Stops in the orderly way and starts on the same port.
    pub(crate) fn restart(&mut self) {
        self.stop_fast();
        self.start_again();
    }

    fn stop(&mut self, signal: &str) {
        let Some(mut child) = self.child.take() else { return };
        process::signal(&child, signal);
        if process::wait(&mut child, PATIENCE).is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("PostgreSQL did not stop:\n{}", self.log());
        }
    }

    /// Runs statements in the database `postgres` and gives what they print: unaligned, tuples
    /// only, one row a line.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.psql_in("postgres", sql)
    }

    pub(crate) fn psql_in(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{error}\nin: {sql}"))
    }

    /// The same, but a failing statement is the caller's business: the error is psql's.
    pub(crate) fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = self.run_psql(database, sql);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.truncate(text.trim_end_matches('\n').len());
        Ok(text)
    }

    fn run_psql(&self, database: &str, sql: &str) -> Output {
        let mut psql = Command::new(install::psql());
        psql.args(["-XqAt", "-h", "127.0.0.1", "-U", "postgres", "-v", "ON_ERROR_STOP=1"]);
        psql.args(["-p", &self.port.to_string(), "-d", database, "-f", "-"]);
        psql.env("PGCLIENTENCODING", "UTF8").env_remove("PGOPTIONS").env_remove("PGSERVICE");
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        thread::scope(|scope| {
            // psql may stop reading at an error; then the rest has nowhere to go.
            scope.spawn(move || drop(stdin.write_all(sql.as_bytes())));
            child.wait_with_output().unwrap()
        })
    }

    /// `postgres://…` of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Directory of the unix socket.
    pub(crate) fn socket_dir(&self) -> &Path {
        self.dir.path()
    }

    /// Data directory, for `pg_hba.conf` and certificates; changes need [`Self::psql`] with
    /// `select pg_reload_conf()` or a restart.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Waits until someone streams from this server (and has caught up, or is about to).
    pub(crate) fn wait_streaming(&self) {
        wait_until("a walsender to stream", || {
            let sql = "select 1 from pg_stat_replication where state in ('streaming', 'catchup')";
            !self.psql(sql).is_empty()
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        process::signal(&child, "QUIT");
        if process::wait(&mut child, PATIENCE).is_none() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// `MINICDC_TEST_PG`, when `scripts/test.sh --pg` set it.
fn major_under_test() -> Option<u32> {
    let asked = std::env::var("MINICDC_TEST_PG").ok().filter(|major| !major.is_empty())?;
    Some(asked.parse().expect("MINICDC_TEST_PG is a major such as 17"))
}

/// Appends lines to a configuration file of a server.
pub(crate) fn append(file: &Path, lines: &str) {
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "{lines}").unwrap();
}

/// Rewrites a command to run as the user who owns clusters: `postgres` (or `nobody`) when we are
/// root, ourselves otherwise.
fn as_owner(command: Command) -> Command {
    let Some((uid, gid)) = owner() else { return command };
    let mut outer = Command::new("setpriv");
    outer.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    outer
        .args(["env", "HOME=/tmp", "LC_ALL=C"])
        .arg(command.get_program())
        .args(command.get_args());
    outer
}

fn owner() -> Option<(u32, u32)> {
    if !install::is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |user: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{user}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user who is not root"))
}

/// An initialised cluster to copy, made once per PostgreSQL release and kept in the cache.
fn template(bin: &Path) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let version = Command::new(bin.join("postgres")).arg("--version").output().unwrap().stdout;
    // "postgres (PostgreSQL) 15.18 (Debian …)"
    let version = String::from_utf8(version).unwrap();
    let release = version.split_whitespace().nth(2).unwrap();
    let done = install::cache().join(format!("cluster-{release}"));
    if !done.join("PG_VERSION").exists() {
        initialise(bin, &done);
    }
    done
}

fn initialise(bin: &Path, done: &Path) {
    let work = install::cache().join(format!("cluster.new.{}", std::process::id()));
    initialise_at(bin, &work);
    // Another test process may have been faster; then its cluster serves and ours goes.
    if fs::rename(&work, done).is_err() {
        fs::remove_dir_all(&work).unwrap();
    }
}

fn initialise_at(bin: &Path, work: &Path) {
    fs::create_dir_all(work).unwrap();
    if let Some((uid, gid)) = owner() {
        std::os::unix::fs::chown(work, Some(uid), Some(gid)).unwrap();
    }
    let locale = if has_c_utf8() { "C.UTF-8" } else { "C" };
    let mut initdb = as_owner(Command::new(bin.join("initdb")));
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--locale", locale, "-D"]);
    let output = initdb.arg(work).output().unwrap();
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    append(&work.join("postgresql.conf"), BASE_CONF);
}

fn has_c_utf8() -> bool {
    let locales = Command::new("locale").arg("-a").output().unwrap().stdout;
    String::from_utf8_lossy(&locales)
        .lines()
        .any(|name| matches!(name.to_ascii_lowercase().as_str(), "c.utf-8" | "c.utf8"))
}
