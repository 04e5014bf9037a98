//! When to let the socket fill before it is read again.
//!
//! A reader that takes every row as it comes makes the walsender send every row as a segment of its
//! own, and that is what the walsender then spends its time on. One that looks once a millisecond
//! gets the rows glued together, more than twice as many a second. So: while reads find data at
//! once, time after time, the next read waits until a millisecond after the last. A stream that
//! pauses is read without delay again.

use std::time::Duration;
use tokio::time::Instant;

/// From one read to the next under a steady flow.
const PAUSE: Duration = Duration::from_millis(1);
/// A read that took no longer found its data waiting.
const AT_ONCE: Duration = Duration::from_micros(200);
/// So many reads in a row that found data at once make a steady flow.
const STEADY_READS: u32 = 16;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Patience {
    enabled: bool,
    /// Reads in a row that found data at once.
    at_once: u32,
    /// The next read waits for this moment.
    until: Option<Instant>,
}

impl Patience {
    /// For connections over TCP.
    pub(super) const fn for_tcp() -> Self {
        Self { enabled: true, at_once: 0, until: None }
    }

    /// For unix sockets, where it costs more than it gives.
    pub(super) const fn none() -> Self {
        Self { enabled: false, at_once: 0, until: None }
    }

    /// When the next read may begin, `None` for now. Stays the same until that read is done, so
    /// that a cancelled wait does not begin anew.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Takes note of a read: when it began and ended, what it got and what it had room for.
    pub(super) fn has_read(&mut self, begin: Instant, end: Instant, read: usize, room: usize) {
        if end.duration_since(begin) <= AT_ONCE {
            self.at_once = self.at_once.saturating_add(1);
        } else {
            self.at_once = 0;
        }
        // A read that half fills the buffer got rows glued together already.
        let pause = self.enabled && self.at_once >= STEADY_READS && read < room / 2;
        self.until = pause.then(|| end + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1000;

    fn read_at_once(patience: &mut Patience, times: u32, read: usize) {
        let now = Instant::now();
        for _ in 0..times {
            patience.has_read(now, now, read, ROOM);
        }
    }

    #[test]
    fn steady_small_reads_are_spaced_out() {
        let mut patience = Patience::for_tcp();
        read_at_once(&mut patience, STEADY_READS - 1, 10);
        assert_eq!(patience.until(), None);
        read_at_once(&mut patience, 1, 10);
        assert!(patience.until().is_some());
    }

    #[test]
    fn large_reads_and_pauses_in_the_flow_are_not() {
        let mut patience = Patience::for_tcp();
        read_at_once(&mut patience, STEADY_READS, ROOM / 2);
        assert_eq!(patience.until(), None);
        let begin = Instant::now();
        patience.has_read(begin, begin + AT_ONCE * 2, 10, ROOM);
        read_at_once(&mut patience, 1, 10);
        assert_eq!(patience.until(), None);
    }

    #[test]
    fn unix_sockets_are_always_read_at_once() {
        let mut patience = Patience::none();
        read_at_once(&mut patience, STEADY_READS * 2, 10);
        assert_eq!(patience.until(), None);
    }
}
