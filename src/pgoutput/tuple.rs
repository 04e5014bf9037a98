//! Rows as pgoutput sends them.

use super::DecodeError;
use super::cursor::Cursor;

/// One column's value in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// SQL NULL, or a column that the replica identity leaves out.
    Null,
    /// A TOAST value that the UPDATE did not touch, so it was not sent.
    UnchangedToast,
    /// The type's text output.
    Text(&'a [u8]),
    /// The type's binary output, only with option `binary`.
    Binary(&'a [u8]),
}

/// All columns of a row, in the order of the RELATION message.
pub type Tuple<'a> = Vec<Cell<'a>>;

/// Decodes `TupleData`: `Int16 columns`, then per column a kind byte and, for values, a length
/// and the bytes.
pub(super) fn decode_tuple<'a>(cursor: &mut Cursor<'a>) -> Result<Tuple<'a>, DecodeError> {
    let columns = usize::from(cursor.u16("tuple.columns")?);
    // A cell takes at least one byte, so the rest of the message bounds the reservation.
    let mut cells = Vec::with_capacity(columns.min(cursor.remaining()));
    for _ in 0..columns {
        let offset = cursor.offset();
        cells.push(match cursor.u8("cell.kind")? {
            b'n' => Cell::Null,
            b'u' => Cell::UnchangedToast,
            b't' => Cell::Text(cursor.sized("cell.text")?),
            b'b' => Cell::Binary(cursor.sized("cell.binary")?),
            found => {
                return Err(DecodeError::UnexpectedByte { field: "cell.kind", offset, found });
            }
        });
    }
    Ok(cells)
}
