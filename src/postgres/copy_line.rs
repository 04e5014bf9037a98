//! Rows of `COPY … TO STDOUT` in text format.
//!
//! Source: PostgreSQL manual, "COPY", Text Format.

use crate::pgoutput::Cell;

/// Splits rows into cells, with buffers that are used again for the next row.
#[derive(Debug, Default)]
pub struct CopyLine {
    /// What had to be unescaped.
    text: Vec<u8>,
    /// Where in `text` each cell ends; `None` is NULL.
    ends: Vec<Option<usize>>,
    /// An empty vector, for its room.
    room: Vec<Cell<'static>>,
}

impl CopyLine {
    /// Calls `with` with the cells of one line of COPY output, which may have its line end. A table
    /// that has no columns has one empty line per row; `columns` tells it from one empty text.
    pub fn cells<R>(
        &mut self,
        line: &[u8],
        columns: usize,
        with: impl FnOnce(&[Cell<'_>]) -> R,
    ) -> R {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut cells = recycled(std::mem::take(&mut self.room));
        if columns > 0 {
            if memchr::memchr(b'\\', line).is_some() {
                self.unescape(line);
                let mut start = 0;
                for end in &self.ends {
                    cells.push(match *end {
                        Some(end) => self.text.get(start..end).map_or(Cell::Null, Cell::Text),
                        None => Cell::Null,
                    });
                    start = end.unwrap_or(start);
                }
            } else {
                let mut rest = line;
                while let Some((field, behind)) =
                    memchr::memchr(b'\t', rest).and_then(|tab| rest.split_at_checked(tab))
                {
                    cells.push(Cell::Text(field));
                    rest = behind.get(1..).unwrap_or_default();
                }
                cells.push(Cell::Text(rest));
            }
        }
        let outcome = with(&cells);
        self.room = recycled(cells);
        outcome
    }

    fn unescape(&mut self, line: &[u8]) {
        self.text.clear();
        self.ends.clear();
        for field in line.split(|&byte| byte == b'\t') {
            if field == b"\\N" {
                self.ends.push(None);
                continue;
            }
            let mut rest = field;
            while let Some((plain, escape)) =
                memchr::memchr(b'\\', rest).and_then(|at| rest.split_at_checked(at))
            {
                self.text.extend_from_slice(plain);
                // COPY TO writes no octal or hexadecimal escapes.
                self.text.push(match escape.get(1) {
                    Some(b'b') => 0x08,
                    Some(b'f') => 0x0C,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'v') => 0x0B,
                    Some(&other) => other,
                    None => b'\\',
                });
                rest = escape.get(2..).unwrap_or_default();
            }
            self.text.extend_from_slice(rest);
            self.ends.push(Some(self.text.len()));
        }
    }
}

/// The same vector without its cells, for cells of another lifetime: collecting in place keeps the
/// room.
fn recycled<'to>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'to>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Null).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut row = CopyLine::default();
        row.cells(b"something before\t\\\\", 2, |cells| assert_eq!(cells.len(), 2));
        row.cells(line, 1, |cells| {
            let text = |cell: &Cell<'_>| match cell {
                Cell::Text(text) => Some(text.to_vec()),
                _ => None,
            };
            cells.iter().map(text).collect()
        })
    }

    #[test]
    fn plain_row_is_split_at_tabs() {
        assert_eq!(
            read(b"1\t\tabc\n"),
            [Some(b"1".to_vec()), Some(Vec::new()), Some(b"abc".to_vec())]
        );
        assert_eq!(read(b"\n"), [Some(Vec::new())]);
    }

    #[test]
    fn row_without_columns_has_no_cells() {
        CopyLine::default().cells(b"\n", 0, |cells| assert_eq!(cells, []));
    }

    #[test]
    fn null_and_escapes_are_undone() {
        assert_eq!(
            read(b"\\N\t\\\\N\ta\\tb\\nc\\\\\\r\\v\\b\\f\n"),
            [None, Some(b"\\N".to_vec()), Some(b"a\tb\nc\\\r\x0b\x08\x0c".to_vec())]
        );
    }

    #[test]
    fn room_of_the_cells_is_used_again() {
        let mut row = CopyLine::default();
        row.cells(b"1\t2\t3", 3, |cells| assert_eq!(cells.len(), 3));
        let room = row.room.capacity();
        assert!(room >= 3);
        row.cells(b"1\t2\t3", 3, |cells| assert_eq!(cells.len(), 3));
        assert_eq!(row.room.capacity(), room);
    }

    proptest! {
        #[test]
        fn what_copy_escapes_comes_back(
            values in proptest::collection::vec(
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)), 1..6),
        ) {
            let mut line = Vec::new();
            for (n, value) in values.iter().enumerate() {
                if n > 0 { line.push(b'\t'); }
                match value {
                    None => line.extend(b"\\N"),
                    Some(bytes) => for byte in bytes {
                        match byte {
                            b'\\' => line.extend(b"\\\\"),
                            b'\n' => line.extend(b"\\n"),
                            b'\t' => line.extend(b"\\t"),
                            b'\r' => line.extend(b"\\r"),
                            other => line.push(*other),
                        }
                    },
                }
            }
            line.push(b'\n');
            prop_assert_eq!(read(&line), values);
        }
    }
}
