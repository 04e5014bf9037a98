//! What to say about a Kafka that is away: its going once, its coming back once.
//!
//! States: `Up` → (no broker is left) `Suspected` → (records wait, and the network says why or a
//! tick passes) `Down` → (a record is acknowledged) `Up`. Invariants: going down and coming back are said in turn, never
//! twice in a row; nothing is said while no record waits, because a broker closes connections that
//! are idle and librdkafka reports that like an outage.

use std::time::{Duration, Instant};

/// How long records may wait without any acknowledgement before that is said.
const STALL: Duration = Duration::from_secs(10);

/// Something worth a line in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Kafka does not answer; records wait and are sent again.
    Down {
        /// The network's words, or that nothing is acknowledged.
        reason: String,
    },
    /// Kafka acknowledges records again.
    Back {
        /// How long it was away.
        after: Duration,
    },
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Up,
    Suspected {
        since: Instant,
    },
    Down {
        since: Instant,
    },
}

/// Follows one client.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    state: State,
    /// Acknowledged records at the last tick, and when that number last changed.
    progress: Option<(u64, Instant)>,
}

impl Outage {
    /// No broker can be reached; why is said by the error that follows.
    pub(crate) fn brokers_lost(&mut self, now: Instant) {
        if matches!(self.state, State::Up) {
            self.state = State::Suspected { since: now };
        }
    }

    /// The network said something while `waiting` records are in flight.
    pub(crate) fn heard(&mut self, reason: &str, waiting: u64) -> Option<Notice> {
        match self.state {
            State::Suspected { since } if waiting > 0 => {
                Some(self.go_down(reason.to_owned(), since))
            }
            State::Up | State::Suspected { .. } | State::Down { .. } => None,
        }
    }

    /// A record was acknowledged.
    pub(crate) fn acknowledged(&mut self, now: Instant) -> Option<Notice> {
        match std::mem::take(&mut self.state) {
            State::Down { since } => Some(Notice::Back { after: now - since }),
            State::Up | State::Suspected { .. } => None,
        }
    }

    /// Time passes: `acknowledged` records in all, `waiting` in flight; `reason` is what the network
    /// said last.
    pub(crate) fn tick(
        &mut self,
        acknowledged: u64,
        waiting: u64,
        reason: &str,
        now: Instant,
    ) -> Option<Notice> {
        let stalled_since = match self.progress {
            Some((before, since)) if before == acknowledged && waiting > 0 => since,
            _ => {
                self.progress = Some((acknowledged, now));
                return None;
            }
        };
        match self.state {
            State::Up if now - stalled_since >= STALL => {
                let waited_s = (now - stalled_since).as_secs();
                let reason = format!("no record acknowledged for {waited_s} s");
                Some(self.go_down(reason, stalled_since))
            }
            State::Suspected { since } => Some(self.go_down(reason.to_owned(), since)),
            State::Up | State::Down { .. } => None,
        }
    }

    /// Whether the next acknowledgement is worth telling.
    pub(crate) fn is_troubled(&self) -> bool {
        !matches!(self.state, State::Up)
    }

    fn go_down(&mut self, reason: String, since: Instant) -> Notice {
        self.state = State::Down { since };
        Notice::Down { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn down(reason: &str) -> Option<Notice> {
        Some(Notice::Down { reason: reason.to_owned() })
    }

    #[test]
    fn outage_under_load_is_said_once_with_its_reason_and_its_end_once() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        assert_eq!(outage.heard("one of three", 7), None);
        outage.brokers_lost(start);
        assert_eq!(outage.heard("refused", 7), down("refused"));
        for second in 1..100 {
            outage.brokers_lost(start + SECOND * second);
            assert_eq!(outage.heard("refused", 7), None);
            assert_eq!(outage.tick(3, 7, "refused", start + SECOND * second), None);
        }
        let back = outage.acknowledged(start + SECOND * 100);
        assert_eq!(back, Some(Notice::Back { after: SECOND * 100 }));
        assert_eq!(outage.acknowledged(start + SECOND * 101), None);
    }

    #[test]
    fn outage_without_records_is_said_only_when_records_wait() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        assert_eq!(outage.tick(3, 0, "", start), None);
        outage.brokers_lost(start);
        assert_eq!(outage.heard("refused", 0), None);
        assert_eq!(outage.tick(3, 0, "refused", start + SECOND * 60), None);
        assert_eq!(outage.tick(3, 1, "refused", start + SECOND * 61), down("refused"));
    }

    #[test]
    fn idle_disconnect_that_heals_is_never_said() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        outage.brokers_lost(start);
        assert_eq!(outage.acknowledged(start + SECOND), None);
        assert_eq!(outage.heard("closed", 1), None);
        assert_eq!(outage.tick(4, 1, "closed", start + SECOND * 5), None);
    }

    #[test]
    fn stalled_acknowledgements_are_said_after_ten_seconds() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        assert_eq!(outage.tick(3, 5, "", start), None);
        assert_eq!(outage.tick(3, 5, "", start + SECOND * 5), None);
        let said = outage.tick(3, 5, "", start + SECOND * 10);
        assert_eq!(said, down("no record acknowledged for 10 s"));
        assert_eq!(outage.tick(3, 5, "", start + SECOND * 15), None);
    }

    #[test]
    fn slow_progress_is_no_outage() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        for tick in 0..20 {
            assert_eq!(outage.tick(u64::from(tick), 5, "", start + SECOND * 9 * tick), None);
        }
    }
}
