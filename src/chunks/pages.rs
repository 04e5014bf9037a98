//! Ranges of a table's pages, and sets of them.

use serde::{Deserialize, Serialize};

/// The end of a range that goes on as far as the table does.
const OPEN: u32 = u32::MAX;

/// Pages from `from` up to, and without, `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct PageRange {
    from: u32,
    to: u32,
}

impl From<(u32, u32)> for PageRange {
    fn from((from, to): (u32, u32)) -> Self {
        Self { from, to }
    }
}

impl From<PageRange> for (u32, u32) {
    fn from(range: PageRange) -> Self {
        (range.from, range.to)
    }
}

impl PageRange {
    /// Every page of a table.
    pub const ALL: Self = Self { from: 0, to: OPEN };

    /// First page.
    #[must_use]
    pub const fn start(self) -> u32 {
        self.from
    }

    /// The page behind the last one; `None` when the range ends with the table.
    #[must_use]
    pub const fn end(self) -> Option<u32> {
        if self.to == OPEN { None } else { Some(self.to) }
    }

    /// How many pages that are in a table of `pages`.
    #[must_use]
    pub fn count(self, pages: u32) -> u32 {
        self.to.min(pages).saturating_sub(self.from)
    }

    /// Cuts the range into chunks of `chunk` pages; the one that holds the table's end is open, as
    /// the table may have grown since somebody counted `pages`.
    #[must_use]
    pub fn cut(self, pages: u32, chunk: u32) -> Vec<Self> {
        let chunk = chunk.max(1);
        let mut cuts = Vec::new();
        let mut from = self.from;
        loop {
            let to = from.saturating_add(chunk);
            if to >= self.to || (self.to == OPEN && to >= pages) {
                cuts.push(Self { from, to: self.to });
                return cuts;
            }
            cuts.push(Self { from, to });
            from = to;
        }
    }
}

/// A set of pages, as ranges that neither touch nor overlap, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageSet(Vec<PageRange>);

impl PageSet {
    /// Adds a range.
    pub fn insert(&mut self, range: PageRange) {
        if range.from >= range.to {
            return;
        }
        let mut merged = range;
        self.0.retain(|known| {
            let apart = known.to < merged.from || known.from > merged.to;
            if !apart {
                merged.from = merged.from.min(known.from);
                merged.to = merged.to.max(known.to);
            }
            apart
        });
        let place = self.0.partition_point(|known| known.from < merged.from);
        self.0.insert(place, merged);
    }

    /// The ranges that are not in the set, in their order.
    #[must_use]
    pub fn missing(&self) -> Vec<PageRange> {
        let mut missing = Vec::new();
        let mut from = 0;
        for range in &self.0 {
            if from < range.from {
                missing.push(PageRange { from, to: range.from });
            }
            from = range.to;
        }
        if from < OPEN {
            missing.push(PageRange { from, to: OPEN });
        }
        missing
    }

    /// The ranges of the set, in their order.
    #[must_use]
    pub fn ranges(&self) -> &[PageRange] {
        &self.0
    }

    /// True when every page is in it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == [PageRange::ALL]
    }

    /// True when no page is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(from: u32, to: u32) -> PageRange {
        PageRange { from, to }
    }

    #[test]
    fn table_is_cut_into_chunks_whose_last_is_open() {
        assert_eq!(PageRange::ALL.cut(0, 10), [PageRange::ALL]);
        assert_eq!(PageRange::ALL.cut(10, 10), [PageRange::ALL]);
        assert_eq!(PageRange::ALL.cut(11, 10), [range(0, 10), range(10, OPEN)]);
        assert_eq!(range(5, 12).cut(100, 3), [range(5, 8), range(8, 11), range(11, 12)]);
        assert_eq!(range(50, OPEN).cut(20, 3), [range(50, OPEN)]);
        assert_eq!(PageRange::ALL.cut(3, 0).len(), 3);
    }

    #[test]
    fn length_ends_with_the_table() {
        assert_eq!(PageRange::ALL.count(7), 7);
        assert_eq!(range(5, 12).count(7), 2);
        assert_eq!(range(8, 12).count(7), 0);
    }

    proptest! {
        #[test]
        fn chunks_cover_the_range_without_gap_or_overlap(
            from in 0_u32..500, len in 1_u32..500, pages in 0_u32..800, chunk in 0_u32..60,
            open in any::<bool>(),
        ) {
            let whole = range(from, if open { OPEN } else { from + len });
            let cuts = whole.cut(pages, chunk);
            prop_assert_eq!(cuts.first().unwrap().from, whole.from);
            prop_assert_eq!(cuts.last().unwrap().to, whole.to);
            prop_assert!(cuts.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(cuts.iter().all(|cut| cut.from < cut.to));
        }

        #[test]
        fn set_and_what_is_missing_make_up_all_pages(
            ranges in prop::collection::vec((0_u32..100, 0_u32..20), 0..30),
        ) {
            let mut set = PageSet::default();
            let mut pages = [false; 130];
            for (from, len) in ranges {
                set.insert(range(from, from + len));
                pages.iter_mut().take((from + len) as usize).skip(from as usize)
                    .for_each(|page| *page = true);
            }
            let holds = |ranges: &[PageRange], page: u32| {
                ranges.iter().any(|range| range.from <= page && page < range.to)
            };
            for (page, is_in) in (0..).zip(pages) {
                prop_assert_eq!(holds(set.ranges(), page), is_in);
                prop_assert_eq!(holds(&set.missing(), page), !is_in);
            }
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].to < pair[1].from));
            for range in set.missing() {
                set.insert(range);
            }
            prop_assert!(set.is_all());
        }
    }
}
