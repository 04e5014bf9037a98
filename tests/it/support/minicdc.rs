//! The built `minicdc` binary as a child process whose output can be waited for.

use super::process;
use super::{PATIENCE, wait_for};
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A running `minicdc`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Minicdc {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// What a finished `minicdc` left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Finished {
    /// Exit status as a number; a signal is a failure of the test.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {self:#?}"))
    }

    /// Fails the test unless the exit status is 0.
    pub(crate) fn success(self) -> Self {
        assert!(self.status.success(), "{:?}\nstderr:\n{}", self.status, self.stderr.join("\n"));
        self
    }
}

/// The binary under test, shielded from the environment of whoever runs the tests.
pub(crate) fn command() -> Command {
    let mut command = process::tied("KILL", env!("CARGO_BIN_EXE_minicdc"));
    for (name, _) in std::env::vars() {
        let steers_us = ["PG", "DATABASE_", "MINICDC_", "KAFKA_", "RUST_LOG", "NO_COLOR"];
        if steers_us.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs `minicdc` with these arguments to its end.
pub(crate) fn run(arguments: &[&str]) -> Finished {
    Minicdc::start(arguments).finish()
}

impl Minicdc {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(arguments);
        Self::spawn(command)
    }

    /// Starts a [`command`] that the test has changed (environment, directory).
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process::spawn(command);
        let stdout = Lines::collect(child.stdout.take().unwrap());
        let stderr = Lines::collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Waits for a line of standard output and gives it.
    pub(crate) fn wait_stdout(&mut self, what: &str, matches: impl Fn(&str) -> bool) -> String {
        let lines = self.stdout.clone_handle();
        self.wait_line(what, &lines, matches)
    }

    /// Waits for a line of standard error and gives it.
    pub(crate) fn wait_stderr(&mut self, what: &str, matches: impl Fn(&str) -> bool) -> String {
        let lines = self.stderr.clone_handle();
        self.wait_line(what, &lines, matches)
    }

    fn wait_line(&mut self, what: &str, lines: &Shared, matches: impl Fn(&str) -> bool) -> String {
        let mut seen = 0;
        wait_for(what, || {
            // Asked first: a process that ended has written everything it will.
            let ended = self.child.try_wait().unwrap();
            let all = lines.lock().unwrap();
            let found = all[seen..].iter().find(|line| matches(line)).cloned();
            seen = all.len();
            drop(all);
            assert!(
                found.is_some() || ended.is_none() || !self.output_is_complete(),
                "minicdc ended ({ended:?}) before {what}\nstderr:\n{}",
                self.stderr().join("\n")
            );
            found
        })
    }

    fn output_is_complete(&self) -> bool {
        self.stdout.is_complete() && self.stderr.is_complete()
    }

    /// Standard output so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    /// Standard error so far.
    pub(crate) fn stderr(&self) -> Vec<String> {
        self.stderr.so_far()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status if it ended already.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal such as `TERM` or `INT` and goes on.
    pub(crate) fn signal(&self, signal: &str) {
        process::signal(&self.child, signal);
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    pub(crate) fn terminate(self) -> Finished {
        self.signal("TERM");
        self.finish()
    }

    /// Ends it as a crash would (SIGKILL), and gives what it had printed.
    pub(crate) fn kill(mut self) -> Finished {
        self.child.kill().unwrap();
        self.finish()
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        let status = process::wait(&mut self.child, PATIENCE).unwrap_or_else(|| {
            panic!("minicdc did not end\nstderr:\n{}", self.stderr().join("\n"))
        });
        Finished { status, stdout: self.stdout.all(), stderr: self.stderr.all() }
    }
}

impl Drop for Minicdc {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

type Shared = Arc<Mutex<Vec<String>>>;

/// Lines that a thread collects from a pipe, so that the child never waits for us.
#[derive(Debug)]
struct Lines {
    lines: Shared,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn collect(pipe: impl Read + Send + 'static) -> Self {
        let lines = Shared::default();
        let target = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n') {
                // A killed process may leave half a line, half a character even.
                let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
                target.lock().unwrap().push(line);
            }
        });
        Self { lines, reader: Some(reader) }
    }

    fn clone_handle(&self) -> Shared {
        Arc::clone(&self.lines)
    }

    fn so_far(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn is_complete(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// All lines; the process must have ended.
    fn all(&mut self) -> Vec<String> {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}
