//! pgvector's `vector`, `halfvec` and `sparsevec`.

use super::ValueError;
use super::float::{Float, write_f, write_f64};
use super::java_map::sort_as_sized_hash_map;
use super::json::write_integer;

const MALFORMED: ValueError = ValueError::Malformed { what: "vector" };

/// Writes `[1,2.5]` as an array of floats.
pub(super) fn write_vector<F: Float>(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let text = std::str::from_utf8(text).map_err(|_| MALFORMED)?;
    let items = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).ok_or(MALFORMED)?;
    out.push(b'[');
    for (position, item) in items.split(',').filter(|_| !items.is_empty()).enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_f(item.trim().parse::<F>().map_err(|_| MALFORMED)?, out);
    }
    out.push(b']');
    Ok(())
}

/// Writes `{1:3,5:4}/25` as a struct of dimensions and a map, in Java's order.
pub(super) fn write_sparse_vector(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let text = std::str::from_utf8(text).map_err(|_| MALFORMED)?;
    let (items, dimensions) = text.rsplit_once('/').ok_or(MALFORMED)?;
    let items = items.strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or(MALFORMED)?;
    let mut entries = Vec::new();
    for item in items.split(',').filter(|_| !items.is_empty()) {
        let (index, value) = item.split_once(':').ok_or(MALFORMED)?;
        entries.push((short(index)?, value.trim().parse::<f64>().map_err(|_| MALFORMED)?));
    }
    sort_as_sized_hash_map(&mut entries, |(index, _)| i32::from(*index).cast_unsigned());
    out.extend_from_slice(b"{\"dimensions\":");
    write_integer(short(dimensions)?, out);
    out.extend_from_slice(b",\"vector\":[");
    for (position, (index, value)) in entries.into_iter().enumerate() {
        out.extend_from_slice(if position == 0 { b"[" } else { b",[" });
        write_integer(index, out);
        out.push(b',');
        write_f64(value, out);
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

/// The schema has 16 bits for indices and dimensions.
fn short(text: &str) -> Result<i16, ValueError> {
    let number: u32 = text.trim().parse().map_err(|_| MALFORMED)?;
    let lost = ValueError::OutOfRange { what: "sparse vector", target: "16-bit indices" };
    i16::try_from(number).map_err(|_| lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_become_arrays_and_pairs() {
        let mut out = Vec::new();
        write_vector::<f64>(b"[1,2.5]", &mut out).unwrap();
        write_vector::<f32>(b"[101,0.1]", &mut out).unwrap();
        write_vector::<f32>(b"[]", &mut out).unwrap();
        write_sparse_vector(b"{1:3,5:4,17:1}/25", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"[1.0,2.5][101.0,0.1][]{"dimensions":25,"vector":[[1,3.0],[5,4.0],[17,1.0]]}"#
        );
    }

    #[test]
    fn broken_and_large_ones_are_errors() {
        for text in ["", "[", "[1,]", "1,2", "[a]"] {
            assert!(write_vector::<f64>(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
        for text in ["", "{1:3}", "{1}/2", "{1:3/2", "{1:3}/40000"] {
            assert!(write_sparse_vector(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
