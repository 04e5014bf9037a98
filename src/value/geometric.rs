//! PostgreSQL's geometric types as structs, as Debezium writes them since 3.7.

use super::ValueError;
use super::float::write_f64;
use super::geometry::{point_wkb, write_point_of};
use super::json::write_bytes;

/// The geometric types beside `point`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `{A,B,C}`
    Line,
    /// `[(x1,y1),(x2,y2)]`
    Lseg,
    /// `(x1,y1),(x2,y2)`, the upper right corner first
    Box,
    /// `[(x1,y1),…]`, or with parentheses when it is closed
    Path,
    /// `((x1,y1),…)`
    Polygon,
    /// `<(x,y),r>`
    Circle,
}

const MALFORMED: ValueError = ValueError::Malformed { what: "geometric value" };

/// Well-known binary's type numbers.
const LINE_STRING: u32 = 2;
const POLYGON: u32 = 3;

type Point = (f64, f64);

/// Writes the struct of a value, given as PostgreSQL's text.
pub(super) fn write_shape(text: &[u8], shape: Shape, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let text = std::str::from_utf8(text).map_err(|_| ValueError::NotUtf8)?;
    let numbers = numbers(text)?;
    match shape {
        Shape::Line => write_line(&numbers, out),
        Shape::Circle => write_circle(&numbers, out),
        Shape::Lseg => {
            let points = exactly_two(&numbers)?;
            write_geometry(&line_string(&points), "{\"type\":\"lseg\"}", out);
            Ok(())
        }
        Shape::Box => {
            let [(right, top), (left, bottom)] = exactly_two(&numbers)?;
            let ring = [(right, top), (right, bottom), (left, bottom), (left, top), (right, top)];
            write_geometry(&polygon(&ring), "{\"type\":\"box\"}", out);
            Ok(())
        }
        Shape::Path => {
            // A closed path stays as open as its points are.
            let kind = if text.starts_with('[') {
                "{\"type\":\"path\",\"closed\":\"false\"}"
            } else {
                "{\"type\":\"path\",\"closed\":\"true\"}"
            };
            write_geometry(&line_string(&points(&numbers)?), kind, out);
            Ok(())
        }
        Shape::Polygon => {
            let mut ring = points(&numbers)?;
            let first = *ring.first().ok_or(MALFORMED)?;
            if ring.last() != Some(&first) {
                ring.push(first);
            }
            write_geometry(&polygon(&ring), "{\"type\":\"polygon\"}", out);
            Ok(())
        }
    }
}

fn numbers(text: &str) -> Result<Vec<f64>, ValueError> {
    text.split(|c: char| "()[]<>{},".contains(c))
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_err(|_| MALFORMED))
        .collect()
}

fn points(numbers: &[f64]) -> Result<Vec<Point>, ValueError> {
    let (pairs, []) = numbers.as_chunks::<2>() else { return Err(MALFORMED) };
    Ok(pairs.iter().map(|[x, y]| (*x, *y)).collect())
}

fn exactly_two(numbers: &[f64]) -> Result<[Point; 2], ValueError> {
    points(numbers)?.try_into().map_err(|_| MALFORMED)
}

fn write_line(numbers: &[f64], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let [a, b, c] = numbers.try_into().map_err(|_| MALFORMED)?;
    for (name, value) in [("{\"a\":", a), (",\"b\":", b), (",\"c\":", c)] {
        out.extend_from_slice(name.as_bytes());
        write_f64(value, out);
    }
    out.push(b'}');
    Ok(())
}

fn write_circle(numbers: &[f64], out: &mut Vec<u8>) -> Result<(), ValueError> {
    let [x, y, radius] = numbers.try_into().map_err(|_| MALFORMED)?;
    out.extend_from_slice(b"{\"center\":");
    write_point_of(x, y, out);
    out.extend_from_slice(b",\"radius\":");
    write_f64(radius, out);
    out.push(b'}');
    Ok(())
}

fn write_geometry(wkb: &[u8], extensions: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"wkb\":");
    write_bytes(wkb, out);
    out.extend_from_slice(b",\"srid\":null,\"extensions\":");
    out.extend_from_slice(extensions.as_bytes());
    out.push(b'}');
}

fn line_string(points: &[Point]) -> Vec<u8> {
    let mut wkb = head(LINE_STRING);
    push_points(points, &mut wkb);
    wkb
}

fn polygon(ring: &[Point]) -> Vec<u8> {
    let mut wkb = head(POLYGON);
    wkb.extend_from_slice(&1_u32.to_le_bytes());
    push_points(ring, &mut wkb);
    wkb
}

/// Little-endian byte order mark and type.
fn head(kind: u32) -> Vec<u8> {
    let mut wkb = vec![1];
    wkb.extend_from_slice(&kind.to_le_bytes());
    wkb
}

fn push_points(points: &[Point], wkb: &mut Vec<u8>) {
    // PostgreSQL's limit of a value, 1 GB, is far from 2^32 points.
    let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
    wkb.extend_from_slice(&count.to_le_bytes());
    for (x, y) in points {
        // A point's own binary ends with its two numbers.
        wkb.extend_from_slice(point_wkb(*x, *y).get(5..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str, shape: Shape) -> String {
        let mut out = Vec::new();
        write_shape(text.as_bytes(), shape, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn shapes_as_debezium_documents_them() {
        assert_eq!(
            shape("(1,1),(0,0)", Shape::Box),
            r#"{"wkb":"AQMAAAABAAAABQAAAAAAAAAAAPA/AAAAAAAA8D8AAAAAAADwPwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8D8AAAAAAADwPwAAAAAAAPA/","srid":null,"extensions":{"type":"box"}}"#
        );
        assert_eq!(shape("{-1,0,0}", Shape::Line), r#"{"a":-1.0,"b":0.0,"c":0.0}"#);
        assert_eq!(
            shape("<(10,4),10>", Shape::Circle),
            r#"{"center":{"x":10.0,"y":4.0,"wkb":"AQEAAAAAAAAAAAAkQAAAAAAAABBA","srid":null},"radius":10.0}"#
        );
        assert_eq!(
            shape("[(0,0),(1,1)]", Shape::Lseg),
            r#"{"wkb":"AQIAAAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAA8D8=","srid":null,"extensions":{"type":"lseg"}}"#
        );
    }

    #[test]
    fn paths_say_whether_they_are_closed_and_polygons_are() {
        let open = shape("[(0,0),(1,1)]", Shape::Path);
        assert!(open.ends_with(r#""extensions":{"type":"path","closed":"false"}}"#), "{open}");
        let closed = shape("((0,0),(1,1))", Shape::Path);
        assert!(closed.ends_with(r#""closed":"true"}}"#), "{closed}");
        let ring = shape("((0,0),(0,1),(1,1),(0,0))", Shape::Polygon);
        assert_eq!(shape("((0,0),(0,1),(1,1))", Shape::Polygon), ring);
    }

    #[test]
    fn what_is_no_shape_is_an_error() {
        for (text, shape) in [
            ("(1,2)", Shape::Lseg),
            ("{1,2}", Shape::Line),
            ("((1,x))", Shape::Polygon),
            ("((1,2),(3))", Shape::Path),
            ("()", Shape::Polygon),
        ] {
            assert!(write_shape(text.as_bytes(), shape, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
