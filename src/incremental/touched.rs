//! What the stream has changed while chunks are read.

use super::visibility::Visibility;
use crate::oid::Oid;
use crate::pgoutput::Cell;
use std::collections::{HashMap, VecDeque};

/// How many transactions are remembered that were sent lately. Those that others do not see yet
/// are few: their commit waits for a standby, or for its turn.
const RECENT_MAX: usize = 4096;

/// Notes the keys of changes that were sent. Each note has a number; numbers only grow, and a
/// reader remembers the number at which it began.
///
/// Invariants: nothing is noted unless someone reads; notes older than every reader are forgotten,
/// so memory goes by the changes during one read.
#[derive(Debug, Default)]
pub struct Touched {
    /// Number of the next note.
    next: u64,
    /// Where the readers began, in that order.
    readers: VecDeque<u64>,
    tables: HashMap<Oid, Notes>,
    /// Entries of all tables that were there when old ones were last forgotten.
    kept: usize,
    entries: usize,
    /// Transactions that were sent, with the number of the note that came next.
    recent: VecDeque<(u32, u64)>,
}

/// Keys of one table, each with the number of its last note.
#[derive(Debug, Default)]
struct Notes {
    /// Positions of the key's columns in rows of the stream.
    columns: Vec<usize>,
    keys: HashMap<Box<[u8]>, u64>,
    truncated: Option<u64>,
}

impl Touched {
    /// Sets which tables are noted, with the positions of their keys' columns in rows of the
    /// stream; tables that were noted before keep their notes.
    pub fn watch(&mut self, oid: Oid, columns: Vec<usize>) {
        self.tables.entry(oid).or_default().columns = columns;
    }

    /// Forgets everything but the transactions that were sent.
    pub fn clear(&mut self) {
        self.readers.clear();
        self.tables.clear();
        (self.kept, self.entries) = (0, 0);
    }

    /// A reader begins; returns the number that it is known by.
    pub fn begin(&mut self) -> u64 {
        self.next += 1;
        self.readers.push_back(self.next);
        self.next
    }

    /// A reader needs no more notes.
    pub fn end(&mut self, reader: u64) {
        self.readers.retain(|number| *number != reader);
        if self.readers.is_empty() {
            self.tables.values_mut().for_each(Notes::clear);
            (self.kept, self.entries) = (0, 0);
        }
    }

    /// True when changes of the table have to be noted.
    #[must_use]
    pub fn is_watched(&self, oid: Oid) -> bool {
        !self.readers.is_empty() && self.tables.contains_key(&oid)
    }

    /// A change of a row was sent, which is noted if anyone reads its table; `fallback` has the values that `cells` does not repeat.
    pub fn row(&mut self, oid: Oid, cells: &[Cell<'_>], fallback: Option<&[Cell<'_>]>) {
        if self.readers.is_empty() {
            return;
        }
        let Some(notes) = self.tables.get_mut(&oid) else { return };
        self.next += 1;
        let key = row_key(&notes.columns, cells, fallback);
        if notes.keys.insert(key, self.next).is_none() {
            self.entries += 1;
        }
        if self.entries > 1024 && self.entries > 2 * self.kept {
            self.forget();
        }
    }

    /// The table was emptied.
    pub fn truncated(&mut self, oid: Oid) {
        if !self.readers.is_empty()
            && let Some(notes) = self.tables.get_mut(&oid)
        {
            self.next += 1;
            notes.truncated = Some(self.next);
        }
    }

    /// A transaction was sent.
    pub fn committed(&mut self, xid: u32) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((xid, self.next + 1));
    }

    fn forget(&mut self) {
        let oldest = self.readers.front().copied().unwrap_or(u64::MAX);
        for notes in self.tables.values_mut() {
            notes.keys.retain(|_, number| *number >= oldest);
        }
        self.entries = self.tables.values().map(|notes| notes.keys.len()).sum();
        self.kept = self.entries;
    }

    /// How many keys are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
    }

    /// True when no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// True when a row with this key was changed since the reader began.
    #[must_use]
    pub fn has(&self, oid: Oid, key: &[u8], reader: u64) -> bool {
        let since = |number: Option<u64>| number.is_some_and(|number| number > reader);
        self.tables
            .get(&oid)
            .is_some_and(|notes| since(notes.truncated) || since(notes.keys.get(key).copied()))
    }

    /// True when a transaction that was sent before the reader began is not seen by its snapshot:
    /// what it changed may be missing in what was read, and was not noted.
    #[must_use]
    pub fn hides_from(&self, seen: &Visibility, reader: u64) -> bool {
        self.recent.iter().any(|(xid, number)| *number <= reader && !seen.sees(*xid))
    }
}

impl Notes {
    fn clear(&mut self) {
        self.keys.clear();
        self.truncated = None;
    }
}

/// A row's key as bytes that are equal exactly when every value's text is.
#[must_use]
pub fn row_key(columns: &[usize], cells: &[Cell<'_>], fallback: Option<&[Cell<'_>]>) -> Box<[u8]> {
    let mut key = Vec::with_capacity(16 * columns.len());
    for &column in columns {
        let cell = match cells.get(column) {
            Some(Cell::UnchangedToast) => fallback.and_then(|cells| cells.get(column)),
            cell => cell,
        };
        match cell {
            Some(Cell::Text(bytes) | Cell::Binary(bytes)) => {
                key.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
                key.extend_from_slice(bytes);
            }
            Some(Cell::Null | Cell::UnchangedToast) | None => {
                key.extend_from_slice(&u64::MAX.to_be_bytes());
            }
        }
    }
    key.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Oid = Oid(7);

    fn touched() -> Touched {
        let mut touched = Touched::default();
        touched.watch(TABLE, vec![1, 0]);
        touched
    }

    fn row<'a>(a: &'a str, b: &'a str) -> [Cell<'a>; 3] {
        [Cell::Text(a.as_bytes()), Cell::Text(b.as_bytes()), Cell::Null]
    }

    #[test]
    fn only_changes_since_a_reader_began_count() {
        let mut touched = touched();
        let first = touched.begin();
        touched.row(TABLE, &row("1", "x"), None);
        let second = touched.begin();
        let key = row_key(&[1, 0], &row("1", "x"), None);
        assert!(touched.has(TABLE, &key, first));
        assert!(!touched.has(TABLE, &key, second));
        assert!(!touched.has(TABLE, &row_key(&[1, 0], &row("x", "1"), None), first));
        touched.end(first);
        touched.end(second);
        assert!(touched.is_empty() && !touched.is_watched(TABLE));
    }

    #[test]
    fn truncate_touches_every_key() {
        let mut touched = touched();
        let reader = touched.begin();
        touched.truncated(TABLE);
        assert!(touched.has(TABLE, b"any", reader));
        assert!(!touched.has(TABLE, b"any", touched.next));
    }

    #[test]
    fn key_that_was_not_sent_again_comes_from_the_old_row() {
        let cells = [Cell::UnchangedToast, Cell::Text(b"x")];
        let old = [Cell::Text(b"1"), Cell::Text(b"y")];
        let expected = row_key(&[0, 1], &[Cell::Text(b"1"), Cell::Text(b"x")], None);
        assert_eq!(row_key(&[0, 1], &cells, Some(&old)), expected);
    }

    #[test]
    fn old_notes_are_forgotten_while_someone_always_reads() {
        let mut touched = touched();
        let mut reader = touched.begin();
        for number in 0..100_000 {
            touched.row(TABLE, &row(&number.to_string(), "x"), None);
            if number % 100 == 0 {
                let next = touched.begin();
                touched.end(reader);
                reader = next;
            }
        }
        assert!(touched.len() <= 2100, "{}", touched.len());
    }

    #[test]
    fn transaction_that_was_sent_and_is_not_seen_is_found() {
        let mut touched = touched();
        touched.committed(12);
        let reader = touched.begin();
        touched.committed(13);
        assert!(touched.hides_from(&Visibility::parse("12:20:12").unwrap(), reader));
        assert!(!touched.hides_from(&Visibility::parse("13:20:13").unwrap(), reader));
    }
}
