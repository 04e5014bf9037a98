//! How long to wait before a lost connection is tried again.

use crate::config::ReplicationConfig;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling delays up to a bound, or those of `retriable.restart.connector.wait.ms`, until
/// [`reset`](Self::reset); as many as `errors.max.retries` allows. By default it doubles without end.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
    attempts_max: Option<u32>,
    fixed: Option<Duration>,
}

impl Backoff {
    pub(super) fn new(config: &ReplicationConfig) -> Self {
        Self {
            attempts: 0,
            attempts_max: config.errors_max_retries,
            fixed: config.restart_wait_ms.map(Duration::from_millis),
        }
    }

    /// The delay before the next attempt; `None` when all attempts were made.
    pub(super) fn next(&mut self) -> Option<Duration> {
        if self.attempts_max.is_some_and(|max| self.attempts >= max) {
            return None;
        }
        let doubled = FIRST.saturating_mul(1 << self.attempts.min(10)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        Some(self.fixed.unwrap_or(doubled))
    }

    /// An attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(attempts_max: Option<u32>, wait_ms: Option<u64>) -> Backoff {
        Backoff::new(&ReplicationConfig {
            errors_max_retries: attempts_max,
            restart_wait_ms: wait_ms,
            ..ReplicationConfig::default()
        })
    }

    #[test]
    fn delays_double_up_to_the_bound_and_end_with_the_attempts() {
        let mut backoff = backoff(Some(7), None);
        let delays: Vec<_> = (0..8).filter_map(|_| backoff.next()).collect();
        assert_eq!(delays.len(), 7);
        assert_eq!(delays[0], Duration::from_millis(200));
        assert_eq!(delays[1], Duration::from_millis(400));
        assert_eq!(delays[6], LONGEST);
        backoff.reset();
        assert_eq!(backoff.next(), Some(FIRST));
    }

    #[test]
    fn a_wait_that_was_set_stays_the_same() {
        let mut backoff = backoff(None, Some(50));
        let delays: Vec<_> = (0..40).filter_map(|_| backoff.next()).collect();
        assert_eq!(delays, [Duration::from_millis(50); 40]);
        assert_eq!(self::backoff(Some(0), Some(50)).next(), None);
    }
}
