//! `point`, PostGIS geometries, and PostgreSQL's other geometric types as the driver prints them.

use super::ValueError;
use super::bytea::decode_hex;
use super::float::write_f64;
use super::json::{write_bytes, write_integer};

/// Writes `(1.5,-2.25)` as coordinates and well-known binary.
pub(super) fn write_point(text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let (x, y) = parse_point(text).ok_or(ValueError::Malformed { what: "point" })?;
    write_point_of(x, y, out);
    Ok(())
}

/// Writes the struct of a point.
pub(super) fn write_point_of(x: f64, y: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"x\":");
    write_f64(x, out);
    out.extend_from_slice(b",\"y\":");
    write_f64(y, out);
    out.extend_from_slice(b",\"wkb\":");
    write_bytes(&point_wkb(x, y), out);
    out.extend_from_slice(b",\"srid\":null}");
}

fn parse_point(text: &[u8]) -> Option<(f64, f64)> {
    let text = std::str::from_utf8(text).ok()?;
    let (x, y) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    Some((x.parse().ok()?, y.parse().ok()?))
}

/// Little-endian byte order mark, type 1, two doubles; NaN is Java's one NaN.
pub(super) fn point_wkb(x: f64, y: f64) -> [u8; 21] {
    let mut wkb = [0; 21];
    wkb[0] = 1;
    wkb[1] = 1;
    for (slot, value) in wkb[5..].chunks_exact_mut(8).zip([x, y]) {
        let value = if value.is_nan() { f64::NAN } else { value };
        slot.copy_from_slice(&value.to_le_bytes());
    }
    wkb
}

/// Writes a PostGIS value, which comes as hexadecimal EWKB, with the bytes as they are; `tail` are
/// the members behind `srid`.
pub(super) fn write_geometry(text: &[u8], tail: &str, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let malformed = ValueError::Malformed { what: "geometry" };
    let mut bytes = vec![0; text.len() / 2];
    let ewkb = decode_hex(text, &mut bytes).ok_or(malformed)?;
    out.extend_from_slice(b"{\"wkb\":");
    write_bytes(ewkb, out);
    out.extend_from_slice(b",\"srid\":");
    match srid(ewkb).ok_or(malformed)? {
        Some(srid) => write_integer(srid, out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(tail.as_bytes());
    out.push(b'}');
    Ok(())
}

/// The SRID behind byte order and type, when the type has the flag for one.
fn srid(ewkb: &[u8]) -> Option<Option<i32>> {
    let (order, rest) = ewkb.split_first()?;
    let word = |bytes: &[u8; 4]| match order {
        0 => Some(u32::from_be_bytes(*bytes)),
        1 => Some(u32::from_le_bytes(*bytes)),
        _ => None,
    };
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    if word(kind)? & 0x2000_0000 == 0 {
        return Some(None);
    }
    let (srid, _) = rest.split_first_chunk::<4>()?;
    Some(Some(word(srid)?.cast_signed()))
}

/// Copies a geometric text such as `[(0,0),(1,1)]` with its numbers in Java's spelling, which is
/// how the driver prints `line`, `lseg`, `box`, `path`, `polygon` and `circle`.
pub(super) fn respell_numbers(text: &[u8]) -> Result<Vec<u8>, ValueError> {
    let malformed = ValueError::Malformed { what: "geometric value" };
    let text = std::str::from_utf8(text).map_err(|_| ValueError::NotUtf8)?;
    let mut out = Vec::with_capacity(text.len() * 2);
    for part in text.split_inclusive(|c: char| "()[]<>{},".contains(c)) {
        let number = part.trim_end_matches(|c: char| "()[]<>{},".contains(c));
        if !number.is_empty() {
            let value: f64 = number.parse().map_err(|_| malformed)?;
            let start = out.len();
            write_f64(value, &mut out);
            // Only JSON needs quotes around NaN and infinity.
            if out.get(start) == Some(&b'"') {
                out.remove(start);
                out.pop();
            }
        }
        out.extend_from_slice(part.get(number.len()..).unwrap_or_default().as_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<(), ValueError>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn points_as_recorded() {
        #[rustfmt::skip] // types_geo.default
        let cases = [
            ("(1.5,-2.25)", r#"{"x":1.5,"y":-2.25,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAALA","srid":null}"#),
            ("(0,0)", r#"{"x":0.0,"y":0.0,"wkb":"AQEAAAAAAAAAAAAAAAAAAAAAAAAA","srid":null}"#),
            ("(1e+300,1e-300)", r#"{"x":1.0E300,"y":1.0E-300,"wkb":"AQEAAACcdQCIPOQ3flnz+MIfbqUB","srid":null}"#),
            ("(-0.1,123456789.123)", r#"{"x":-0.1,"y":1.23456789123E8,"wkb":"AQEAAACamZmZmZm5v7bzfVQ0b51B","srid":null}"#),
            ("(NaN,Infinity)", r#"{"x":"NaN","y":"Infinity","wkb":"AQEAAAAAAAAAAAD4fwAAAAAAAPB/","srid":null}"#),
            ("(10000000000,-0)", r#"{"x":1.0E10,"y":-0.0,"wkb":"AQEAAAAAAAAgX6ACQgAAAAAAAACA","srid":null}"#),
        ];
        for (point, expected) in cases {
            assert_eq!(text(|out| write_point(point.as_bytes(), out)), expected);
        }
        for broken in ["", "(1)", "(1,2", "1,2", "(1,2,3)", "(x,y)"] {
            assert!(write_point(broken.as_bytes(), &mut Vec::new()).is_err(), "{broken}");
        }
    }

    #[test]
    fn geometry_keeps_its_bytes_and_names_its_srid() {
        let point = b"0101000020730C00001C7C613255DE6540787AA52C435C42C0";
        assert_eq!(
            text(|out| write_geometry(point, "", out)),
            r#"{"wkb":"AQEAACBzDAAAHHxhMlXeZUB4eqUsQ1xCwA==","srid":3187}"#
        );
        let plain = b"0101000000000000000000F03F000000000000F03F";
        assert_eq!(
            text(|out| write_geometry(plain, "", out)),
            r#"{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAPA/","srid":null}"#
        );
        for broken in [&b""[..], b"01", b"0101", b"02010000000000", b"0101000020", b"zz"] {
            assert!(write_geometry(broken, "", &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn numbers_are_respelled_and_all_else_stays() {
        #[rustfmt::skip] // types_geo.unknown
        let cases = [
            ("{1,2,3}", "{1.0,2.0,3.0}"), ("[(0,0),(1,1)]", "[(0.0,0.0),(1.0,1.0)]"), ("(1,1),(0,0)", "(1.0,1.0),(0.0,0.0)"),
            ("((0,0),(1,1),(1,0))", "((0.0,0.0),(1.0,1.0),(1.0,0.0))"), ("<(1,2),3>", "<(1.0,2.0),3.0>"), ("<(1e+20,NaN),-0.1>", "<(1.0E20,NaN),-0.1>"),
        ];
        for (printed, expected) in cases {
            assert_eq!(respell_numbers(printed.as_bytes()).unwrap(), expected.as_bytes());
        }
        assert!(respell_numbers(b"(a,b)").is_err());
    }
}
