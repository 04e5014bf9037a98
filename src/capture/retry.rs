//! How long to wait before a lost connection is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling delays up to a bound, until [`reset`](Self::reset).
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The delay before the next attempt; `None` when `attempts_max` attempts were made.
    pub(super) fn next(&mut self, attempts_max: Option<u32>) -> Option<Duration> {
        if attempts_max.is_some_and(|max| self.attempts >= max) {
            return None;
        }
        let delay = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts += 1;
        Some(delay)
    }

    /// An attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_bound_and_end_with_the_attempts() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..8).filter_map(|_| backoff.next(Some(7))).collect();
        assert_eq!(delays.len(), 7);
        assert_eq!(delays[0], Duration::from_millis(200));
        assert_eq!(delays[1], Duration::from_millis(400));
        assert_eq!(delays[6], LONGEST);
        backoff.reset();
        assert_eq!(backoff.next(None), Some(FIRST));
    }
}
