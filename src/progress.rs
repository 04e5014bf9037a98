//! Which LSN is safe to confirm: deliveries in any order in, one position out.
//!
//! Every record sent gets the next sequence number. A *mark* says "once everything sent so far is
//! delivered, this LSN is complete": the engine sets one at each COMMIT, and at keepalives between
//! transactions. Invariants, held by the property test below:
//!
//! - the safe LSN never moves back, and never passes a mark behind an undelivered record;
//! - it reaches the last mark once everything is delivered;
//! - marks without records between them fold into one, so an idle stream costs no memory.

use crate::lsn::Lsn;
use std::collections::VecDeque;

/// State of one record in flight: its weight, or [`DELIVERED`].
type Slot = u32;
const DELIVERED: Slot = Slot::MAX;

/// Counts what is in flight and turns deliveries into the safe LSN. No I/O, no clock.
#[derive(Debug, Default)]
pub struct Progress {
    /// Sequence number of the front of `slots`.
    first: u64,
    slots: VecDeque<Slot>,
    undelivered: usize,
    bytes: usize,
    /// Number of records that must be delivered first, and the LSN that is complete then.
    marks: VecDeque<(u64, Lsn)>,
    marked: Lsn,
    safe: Lsn,
}

impl Progress {
    /// Takes note of a record of `weight` bytes and gives it its sequence number.
    pub fn sent(&mut self, weight: usize) -> u64 {
        let slot = Slot::try_from(weight).unwrap_or(DELIVERED - 1).min(DELIVERED - 1);
        self.bytes += slot as usize;
        self.undelivered += 1;
        self.slots.push_back(slot);
        self.next_sequence() - 1
    }

    /// Sequence number of the next record; the number of records sent so far.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// `lsn` is complete once everything sent so far is delivered.
    pub fn mark(&mut self, lsn: Lsn) {
        self.marked = self.marked.max(lsn);
        let sent = self.next_sequence();
        match self.marks.back_mut() {
            Some((records, last)) if *records == sent => *last = lsn.max(*last),
            _ => self.marks.push_back((sent, lsn)),
        }
        self.advance();
    }

    /// One record is durable; reports of records that are not in flight change nothing.
    pub fn delivered(&mut self, sequence: u64) {
        let Some(index) = sequence.checked_sub(self.first).and_then(|i| usize::try_from(i).ok())
        else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(index)
            && *slot != DELIVERED
        {
            self.bytes -= std::mem::replace(slot, DELIVERED) as usize;
            self.undelivered -= 1;
        }
        if index == 0 {
            while self.slots.front() == Some(&DELIVERED) {
                self.slots.pop_front();
                self.first += 1;
            }
            self.advance();
        }
    }

    /// Every record up to and including `sequence` is durable.
    pub fn delivered_up_to(&mut self, sequence: u64) {
        while self.first <= sequence {
            let Some(slot) = self.slots.pop_front() else { break };
            self.first += 1;
            if slot != DELIVERED {
                self.bytes -= slot as usize;
                self.undelivered -= 1;
            }
        }
        while self.slots.front() == Some(&DELIVERED) {
            self.slots.pop_front();
            self.first += 1;
        }
        self.advance();
    }

    fn advance(&mut self) {
        while let Some(&(records, lsn)) = self.marks.front()
            && records <= self.first
        {
            self.safe = self.safe.max(lsn);
            self.marks.pop_front();
        }
    }

    /// Everything before this position has been sent.
    #[must_use]
    pub fn marked(&self) -> Lsn {
        self.marked
    }

    /// Every record before this sequence number is delivered.
    #[must_use]
    pub fn delivered_below(&self) -> u64 {
        self.first
    }

    /// Everything before this position is durable downstream.
    #[must_use]
    pub fn safe_lsn(&self) -> Lsn {
        self.safe
    }

    /// How many records, counted from the first one, are delivered without a gap.
    #[must_use]
    pub fn delivered_without_gap(&self) -> u64 {
        self.first
    }

    /// Records sent and not yet delivered.
    #[must_use]
    pub fn records_in_flight(&self) -> usize {
        self.undelivered
    }

    /// Their weight in bytes.
    #[must_use]
    pub fn bytes_in_flight(&self) -> usize {
        self.bytes
    }

    /// True when everything sent is delivered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.undelivered == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lsn_is_safe_only_when_everything_before_its_mark_is_delivered() {
        let mut progress = Progress::default();
        let (a, b) = (progress.sent(10), progress.sent(20));
        progress.mark(Lsn::new(100));
        let c = progress.sent(30);
        progress.mark(Lsn::new(200));
        assert_eq!((progress.records_in_flight(), progress.bytes_in_flight()), (3, 60));
        progress.delivered(b);
        progress.delivered(c);
        assert_eq!(progress.safe_lsn(), Lsn::INVALID);
        progress.delivered(a);
        assert_eq!(progress.safe_lsn(), Lsn::new(200));
        assert!(progress.is_idle());
        assert_eq!(progress.bytes_in_flight(), 0);
    }

    #[test]
    fn idle_marks_fold_and_count_at_once() {
        let mut progress = Progress::default();
        for position in 1..1000 {
            progress.mark(Lsn::new(position));
        }
        assert_eq!(progress.safe_lsn(), Lsn::new(999));
        progress.sent(1);
        for position in 1000..2000 {
            progress.mark(Lsn::new(position));
        }
        assert_eq!(progress.safe_lsn(), Lsn::new(999));
        assert_eq!(progress.marks.len(), 1);
        progress.delivered_up_to(0);
        assert_eq!(progress.safe_lsn(), Lsn::new(1999));
    }

    #[test]
    fn repeated_and_unknown_deliveries_change_nothing() {
        let mut progress = Progress::default();
        let (a, b) = (progress.sent(1), progress.sent(1));
        progress.delivered(b);
        progress.delivered(b);
        progress.delivered(77);
        assert_eq!(progress.records_in_flight(), 1);
        progress.delivered_up_to(a);
        progress.delivered_up_to(a);
        progress.delivered(a);
        assert!(progress.is_idle());
    }

    proptest! {
        #[test]
        fn safe_lsn_never_passes_an_undelivered_record(
            sizes in proptest::collection::vec(0usize..4, 1..40),
            order in any::<prop::sample::Index>().prop_flat_map(|_| {
                proptest::collection::vec(any::<prop::sample::Index>(), 0..200)
            }),
        ) {
            let mut progress = Progress::default();
            let mut waiting = Vec::new();
            let mut marks = Vec::new();
            for (n, size) in sizes.iter().enumerate() {
                for _ in 0..*size { waiting.push(progress.sent(3)); }
                let lsn = Lsn::new(10 + n as u64);
                progress.mark(lsn);
                marks.push((progress.next_sequence(), lsn));
            }
            let mut before = progress.safe_lsn();
            for pick in order {
                if waiting.is_empty() { break; }
                progress.delivered(waiting.swap_remove(pick.index(waiting.len())));
                let oldest = waiting.iter().min().copied().unwrap_or(u64::MAX);
                let allowed = marks.iter().filter(|(n, _)| *n <= oldest).map(|(_, l)| *l).max();
                prop_assert_eq!(progress.safe_lsn(), allowed.unwrap_or_default());
                prop_assert!(progress.safe_lsn() >= before);
                before = progress.safe_lsn();
                prop_assert_eq!(progress.bytes_in_flight(), waiting.len() * 3);
            }
        }
    }
}
