//! Servers and processes for the tests, and waiting for them.
#![allow(dead_code, reason = "a tool box: not every tool is in use at every time")]

pub(crate) mod install;
pub(crate) mod kafka;
pub(crate) mod minicdc;
pub(crate) mod postgres;
pub(crate) mod process;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up; generous, since machines are shared.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `probe` gives a value; panics with `what` when it does not in time.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `probe` is true.
pub(crate) fn wait_until(what: &str, mut probe: impl FnMut() -> bool) {
    wait_for(what, || probe().then_some(()));
}

/// A name that no other test of this run uses: for topics and groups on the shared broker.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A loopback port that nobody listens on right now.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
