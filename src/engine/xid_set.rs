//! A set of transaction ids that takes little room when they follow each other.

/// Sorted ranges, both ends included. A loop that rolls back a savepoint in each turn aborts ids
/// that follow each other, and they are one range.
#[derive(Debug, Default)]
pub(super) struct XidSet {
    ranges: Vec<(u32, u32)>,
}

impl XidSet {
    pub(super) fn insert(&mut self, xid: u32) {
        // The first range that ends at or behind the place before `xid`.
        let at = self.ranges.partition_point(|(_, last)| last.saturating_add(1) < xid);
        let joins_next =
            self.ranges.get(at + 1).is_some_and(|(first, _)| xid.checked_add(1) == Some(*first));
        match self.ranges.get_mut(at) {
            Some((first, last)) if *first <= xid && xid <= *last => {}
            Some((_, last)) if last.checked_add(1) == Some(xid) => {
                *last = xid;
                if joins_next {
                    let (_, end) = self.ranges.remove(at + 1);
                    if let Some((_, last)) = self.ranges.get_mut(at) {
                        *last = end;
                    }
                }
            }
            Some((first, _)) if xid.checked_add(1) == Some(*first) => *first = xid,
            _ => self.ranges.insert(at, (xid, xid)),
        }
    }

    pub(super) fn contains(&self, xid: u32) -> bool {
        let at = self.ranges.partition_point(|(_, last)| *last < xid);
        self.ranges.get(at).is_some_and(|(first, _)| *first <= xid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_in_a_row_are_one_range() {
        let mut set = XidSet::default();
        for xid in [5, 7, 6, 4, u32::MAX, u32::MAX - 1, 0, 5] {
            set.insert(xid);
        }
        assert_eq!(set.ranges, [(0, 0), (4, 7), (u32::MAX - 1, u32::MAX)]);
    }

    proptest! {
        #[test]
        fn holds_what_was_inserted(xids in proptest::collection::vec(0u32..40, 0..60)) {
            let mut set = XidSet::default();
            for xid in &xids {
                set.insert(*xid);
            }
            let all: BTreeSet<u32> = xids.into_iter().collect();
            for xid in 0..42 {
                prop_assert_eq!(set.contains(xid), all.contains(&xid));
            }
            prop_assert!(set.ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
