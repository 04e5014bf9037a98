//! When to let the socket fill before it is read again.
//!
//! A reader that takes every row as it comes makes the walsender send every row by itself, and that
//! is what the walsender then spends its time on. One that looks once in a while gets the rows glued
//! together, more than twice as many a second. So while data flows in bulk the next read waits until
//! a moment after the last one; light traffic is read at once, always.
//!
//! What bulk is, a leaky bucket tells: bytes that were read fill it, and it leaks at
//! [`BULK_BYTES_PER_US`]. A flow that is faster than that soon keeps it filled, whatever the
//! scheduler does to single reads; a flow that ends has emptied it within [`BUCKET_BYTES_MAX`] of
//! leaking.

use std::time::{Duration, Instant};

/// From one read to the next over TCP. Longer ones gain nothing, since the receive buffer is full.
const TCP_PAUSE: Duration = Duration::from_millis(1);
/// The same on a unix socket, whose buffer holds fewer than 300 small messages: a millisecond would
/// stop the walsender (measured: 138k rows/s against 250k without any pause).
const UNIX_PAUSE: Duration = Duration::from_micros(100);
/// A faster flow is bulk: 4 MB/s, about 20,000 small rows a second.
const BULK_BYTES_PER_US: u64 = 4;
/// The bucket never holds more: 16 ms of leaking.
const BUCKET_BYTES_MAX: u64 = 64_000;
/// Reads wait while it holds more than this.
const BULK_BYTES: u64 = 16_000;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Patience {
    pause: Duration,
    bucket: u64,
    /// When the last read ended.
    last: Option<Instant>,
    /// It got so much that more is waiting.
    was_full: bool,
}

impl Patience {
    /// For connections over TCP.
    pub(super) const fn for_tcp() -> Self {
        Self { pause: TCP_PAUSE, bucket: 0, last: None, was_full: false }
    }

    /// For unix sockets.
    pub(super) const fn for_unix() -> Self {
        Self { pause: UNIX_PAUSE, bucket: 0, last: None, was_full: false }
    }

    /// How long the next read has to wait, if at all.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        if self.was_full || self.bucket <= BULK_BYTES {
            return None;
        }
        self.pause.checked_sub(now.duration_since(self.last?)).filter(|pause| !pause.is_zero())
    }

    /// Takes note of a read: when it ended, what it got and what it had room for.
    pub(super) fn has_read(&mut self, now: Instant, read: usize, room: usize) {
        let passed = self.last.map_or(Duration::ZERO, |last| now.duration_since(last));
        let leaked =
            u64::try_from(passed.as_micros()).unwrap_or(u64::MAX).saturating_mul(BULK_BYTES_PER_US);
        self.bucket =
            self.bucket.saturating_sub(leaked).saturating_add(read as u64).min(BUCKET_BYTES_MAX);
        self.was_full = read >= room / 2;
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 500_000;

    /// Reads `bytes` every `gap` for `times` times; whether the next read has to wait.
    fn waits_after(patience: &mut Patience, bytes: usize, gap: Duration, times: u32) -> bool {
        let mut now = patience.last.unwrap_or_else(Instant::now);
        for _ in 0..times {
            now += gap;
            patience.has_read(now, bytes, ROOM);
        }
        patience.pause(now).is_some()
    }

    #[test]
    fn bulk_is_spaced_out_even_when_single_reads_are_late() {
        let mut patience = Patience::for_tcp();
        assert!(!waits_after(&mut patience, 200, Duration::from_micros(3), 10));
        assert!(waits_after(&mut patience, 200, Duration::from_micros(3), 200));
        assert!(waits_after(&mut patience, 60_000, Duration::from_millis(1), 3));
    }

    #[test]
    fn light_traffic_is_read_at_once() {
        for mut patience in [Patience::for_tcp(), Patience::for_unix()] {
            // 5,000 rows of 200 bytes a second, one by one or ten at a time.
            assert!(!waits_after(&mut patience, 200, Duration::from_micros(200), 5_000));
            assert!(!waits_after(&mut patience, 2_000, Duration::from_millis(2), 5_000));
        }
    }

    #[test]
    fn flow_that_ended_is_forgotten() {
        let mut patience = Patience::for_tcp();
        assert!(waits_after(&mut patience, 60_000, Duration::from_millis(1), 10));
        assert!(!waits_after(&mut patience, 200, Duration::from_millis(20), 1));
    }

    #[test]
    fn pause_counts_from_the_last_read_and_a_full_read_has_none() {
        let mut patience = Patience::for_tcp();
        let now = Instant::now();
        patience.has_read(now, 60_000, ROOM);
        assert_eq!(patience.pause(now), Some(TCP_PAUSE));
        assert_eq!(patience.pause(now + TCP_PAUSE / 4), Some(TCP_PAUSE / 4 * 3));
        assert_eq!(patience.pause(now + TCP_PAUSE), None);
        patience.has_read(now, ROOM / 2, ROOM);
        assert_eq!(patience.pause(now), None);
    }
}
