//! How long a follower waits before it looks again.

use std::time::Duration;

/// Waits of the first second after a record.
const EAGER: Duration = Duration::from_millis(2);
/// How many eager waits there are.
const EAGER_WAITS: u32 = 500;
/// The longest wait, reached after some seconds without a record.
const PATIENT: Duration = Duration::from_millis(25);

/// Gives the waits of a follower: short while records come, longer when none do.
///
/// ```
/// # use minicdc::log::Pace;
/// let mut pace = Pace::default();
/// let wait = pace.idle(); // read() gave nothing: sleep that long
/// pace.found(); // read() gave records: be eager again
/// assert_eq!(pace.idle(), wait);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Pace {
    idle: u32,
}

impl Pace {
    /// Notes that there were records.
    pub const fn found(&mut self) {
        self.idle = 0;
    }

    /// Notes that there were none, and says how long to wait.
    pub fn idle(&mut self) -> Duration {
        self.idle = self.idle.saturating_add(1);
        let patience = self.idle.saturating_sub(EAGER_WAITS) / 16;
        (EAGER + Duration::from_millis(u64::from(patience))).min(PATIENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follower_waits_longer_the_longer_nothing_comes_and_is_eager_after_a_record() {
        let mut pace = Pace::default();
        let waits: Vec<_> = (0..2_000).map(|_| pace.idle()).collect();
        assert!(waits.is_sorted());
        assert_eq!((waits[0], waits[499], waits[1_999]), (EAGER, EAGER, PATIENT));
        pace.found();
        assert_eq!(pace.idle(), EAGER);
    }
}
