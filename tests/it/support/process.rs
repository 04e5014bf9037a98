//! Child processes that never outlive the tests, and directories that go with them.
//!
//! Three nets, each for a worse end than the one before: `Drop` (the test returns or panics), the
//! kernel's parent-death signal (the test process is killed; it fires when the *thread* that
//! spawned the child ends, so all spawning is done by one thread that lives as long as the
//! process), and a small shell that waits for our end of a pipe to close and removes directories.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

type Job = (Command, Sender<io::Result<Child>>);

/// Spawns a command from the thread that lives as long as this process.
pub(crate) fn spawn(command: Command) -> Child {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                // A test that gave up waiting has dropped its end; nothing is lost then.
                drop(reply.send(command.spawn()));
            }
        });
        jobs
    });
    let name = format!("{command:?}");
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply)).unwrap();
    answer.recv().unwrap().unwrap_or_else(|error| panic!("cannot start {name}: {error}"))
}

/// A command that the kernel sends `signal` when we die. Needs [`spawn`].
pub(crate) fn tied(signal: &str, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal, "--"]).arg(program.as_ref());
    command
}

/// Sends a signal such as `TERM`.
pub(crate) fn signal(child: &Child, signal: &str) {
    let status =
        Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(status.unwrap().success(), "kill -{signal} {}", child.id());
}

/// Waits for the end of a process, for a limited time.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

/// A directory below the system's for temporary files, removed with everything in it when dropped
/// or when this process ends in whatever way.
#[derive(Debug)]
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("minicdc-test.").tempdir().unwrap().keep();
        // PostgreSQL runs as somebody else when we are root, and has to get through.
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        remove_at_exit(&dir);
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

/// Names a directory to the shell that outlives us for a moment.
fn remove_at_exit(dir: &Path) {
    static REAPER: OnceLock<Mutex<ChildStdin>> = OnceLock::new();
    // The servers may still be writing while they die: try until the directory is gone.
    const SCRIPT: &str = r#"
        trap '' HUP INT TERM
        while read -r dir; do set -- "$@" "$dir"; done
        for dir; do
            tries=0
            until rm -rf "$dir" 2>/dev/null || [ $tries -gt 50 ]; do
                tries=$((tries + 1)); sleep 0.1
            done
        done"#;
    let reaper = REAPER.get_or_init(|| {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).stdin(Stdio::piped());
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        Mutex::new(spawn(shell).stdin.take().unwrap())
    });
    writeln!(reaper.lock().unwrap(), "{}", dir.display()).unwrap();
}
