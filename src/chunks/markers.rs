//! Which row of a snapshot is the first or the last: of its table, and of all.
//!
//! Readers hold back the first and the last row of each chunk, which come here; every row between
//! them is simply `true`. A last row waits until the next row of its table is there, the last row of
//! a table until any other row is there: what waits at the end is the snapshot's last.
//!
//! Source: Debezium's `setSnapshotMarker`, and the recordings `keys` and `truncate`.

use crate::envelope::SnapshotMarker;
use std::collections::HashMap;

/// A row that can go out, with its marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T> {
    /// Its table's place among all.
    pub table: usize,
    /// As it was given.
    pub row: T,
    /// What `source.snapshot` says.
    pub marker: SnapshotMarker,
}

/// A table that is being read.
#[derive(Debug)]
struct Open<T> {
    chunks: usize,
    has_sent: bool,
    held: Option<T>,
}

/// See the module's description. `T` is a row.
#[derive(Debug)]
pub struct Markers<T> {
    /// Whether there is a row marked as the snapshot's first; not with a thread per table.
    marks_first: bool,
    tables: HashMap<usize, Open<T>>,
    /// The last row of the table that ended last, and whether it is its first one, too.
    pending: Option<(usize, T, bool)>,
}

impl<T> Markers<T> {
    /// For a snapshot of which nothing has been read.
    #[must_use]
    pub fn new(marks_first: bool) -> Self {
        Self { marks_first, tables: HashMap::new(), pending: None }
    }

    /// A table will be read in so many chunks. Tables are numbered in their order, from 0.
    pub fn open(&mut self, table: usize, chunks: usize) {
        self.tables.insert(table, Open { chunks, has_sent: false, held: None });
    }

    /// The first row of a chunk that has more of them; `out` gets the rows that can go out.
    pub fn first_row(&mut self, table: usize, row: T, out: &mut Vec<Marked<T>>) {
        self.other_rows(out);
        let held = self.tables.get_mut(&table).and_then(|open| open.held.take());
        // A row that was held back is not the last one, now that there is this one.
        for row in held.into_iter().chain([row]) {
            let is_first = self.tables.get_mut(&table).is_some_and(Open::sends_first);
            out.push(Marked { table, row, marker: self.marker(table, is_first, false) });
        }
    }

    /// Rows that are neither the first nor the last of a chunk are about to go out.
    pub fn other_rows(&mut self, out: &mut Vec<Marked<T>>) {
        if let Some((table, row, is_first)) = self.pending.take() {
            out.push(Marked { table, row, marker: self.marker(table, is_first, true) });
        }
    }

    /// A chunk has ended; `last` is its last row if it has any. True when its table has ended.
    pub fn chunk_end(&mut self, table: usize, last: Option<T>, out: &mut Vec<Marked<T>>) -> bool {
        if last.is_some() {
            self.other_rows(out);
        }
        let Some(open) = self.tables.get_mut(&table) else { return true };
        open.chunks = open.chunks.saturating_sub(1);
        let ends = open.chunks == 0;
        if let Some(last) = last
            && let Some(row) = open.held.replace(last)
        {
            let is_first = open.sends_first();
            out.push(Marked { table, row, marker: self.marker(table, is_first, false) });
        }
        if ends
            && let Some(mut ended) = self.tables.remove(&table)
            && let Some(row) = ended.held.take()
        {
            self.other_rows(out);
            self.pending = Some((table, row, ended.sends_first()));
        }
        ends
    }

    /// Every table has ended: the row that is left is the last one of all.
    pub fn finish(&mut self, out: &mut Vec<Marked<T>>) {
        if let Some((table, row, _)) = self.pending.take() {
            out.push(Marked { table, row, marker: SnapshotMarker::Last });
        }
    }

    /// In Debezium's order of precedence. A snapshot whose first table is empty has no `first` row.
    const fn marker(&self, table: usize, is_first: bool, is_last: bool) -> SnapshotMarker {
        match (is_first, is_last) {
            (true, _) if table == 0 && self.marks_first => SnapshotMarker::First,
            (_, true) => SnapshotMarker::LastInDataCollection,
            (true, false) => SnapshotMarker::FirstInDataCollection,
            (false, false) => SnapshotMarker::True,
        }
    }
}

impl<T> Open<T> {
    /// True the first time.
    const fn sends_first(&mut self) -> bool {
        let is_first = !self.has_sent;
        self.has_sent = true;
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SnapshotMarker::{First, FirstInDataCollection, Last, LastInDataCollection, True};
    use proptest::prelude::*;

    /// Feeds whole chunks of so many rows in the order given, each as its reader would, and gives
    /// the marker of each row in the order in which they go out.
    fn markers(tables: &[usize], chunks: &[(usize, usize)]) -> Vec<(usize, SnapshotMarker)> {
        let mut markers = Markers::new(true);
        for (table, chunks) in tables.iter().enumerate() {
            markers.open(table, *chunks);
        }
        let mut sent: Vec<(usize, SnapshotMarker)> = Vec::new();
        for &(table, rows) in chunks {
            let mut out = Vec::new();
            if rows > 1 {
                markers.first_row(table, (), &mut out);
            }
            if rows > 2 {
                markers.other_rows(&mut out);
            }
            sent.extend(out.drain(..).map(|marked| (marked.table, marked.marker)));
            sent.extend(vec![(table, True); rows.saturating_sub(2)]);
            markers.chunk_end(table, (rows > 0).then_some(()), &mut out);
            sent.extend(out.drain(..).map(|marked| (marked.table, marked.marker)));
        }
        let mut out = Vec::new();
        markers.finish(&mut out);
        sent.extend(out.drain(..).map(|marked| (marked.table, marked.marker)));
        sent
    }

    #[test]
    fn tables_one_after_the_other_are_marked_as_debezium_does() {
        assert_eq!(
            markers(&[1, 1, 1, 1], &[(0, 3), (1, 1), (2, 0), (3, 2)]),
            [
                (0, First),
                (0, True),
                (0, LastInDataCollection),
                (1, LastInDataCollection),
                (3, FirstInDataCollection),
                (3, Last),
            ]
        );
        assert_eq!(markers(&[1], &[(0, 1)]), [(0, Last)]);
        assert_eq!(markers(&[1, 1], &[(0, 1), (1, 0)]), [(0, Last)]);
        assert_eq!(markers(&[1, 1], &[(0, 1), (1, 1)]), [(0, First), (1, Last)]);
        assert_eq!(
            markers(&[1, 1], &[(0, 0), (1, 2)]),
            [(1, FirstInDataCollection), (1, Last)],
            "there is no first row when the first table is empty"
        );
    }

    proptest! {
        #[test]
        fn chunks_in_any_order_have_one_first_and_one_last_row_a_table(
            sizes in prop::collection::vec(prop::collection::vec(0_usize..4, 1..5), 1..5),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 20),
        ) {
            let mut waiting: Vec<(usize, usize)> = sizes.iter().enumerate()
                .flat_map(|(table, chunks)| chunks.iter().map(move |rows| (table, *rows)))
                .collect();
            let rows: usize = waiting.iter().map(|(_, rows)| rows).sum();
            let mut order = Vec::new();
            for pick in picks {
                if !waiting.is_empty() {
                    order.push(waiting.swap_remove(pick.index(waiting.len())));
                }
            }
            let counts: Vec<usize> = sizes.iter().map(Vec::len).collect();
            let sent = markers(&counts, &order);
            prop_assert_eq!(sent.len(), rows, "every row goes out once");
            for (table, chunks) in sizes.iter().enumerate() {
                let own: Vec<_> =
                    sent.iter().filter(|(of, _)| *of == table).map(|(_, marker)| *marker).collect();
                let rows: usize = chunks.iter().sum();
                prop_assert_eq!(own.len(), rows);
                if rows > 1 {
                    let first = if table == 0 { First } else { FirstInDataCollection };
                    prop_assert_eq!(own[0], first);
                    prop_assert!(matches!(own[rows - 1], Last | LastInDataCollection));
                    prop_assert!(own[1..rows - 1].iter().all(|marker| *marker == True));
                }
            }
            let lasts = sent.iter().filter(|(_, marker)| *marker == Last).count();
            prop_assert_eq!(lasts, usize::from(rows > 0));
            prop_assert!(rows == 0 || sent[rows - 1].1 == Last);
        }
    }
}
