//! Values, their types, and their text.

use super::decimal::Decimal;
use super::time::{self, Interval};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A type of PostgreSQL that expressions can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A quoted literal or NULL that nothing has given a type yet.
    Unknown,
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `numeric`
    Numeric,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `text` and everything that is delivered as text
    Text,
    /// `bytea`
    Bytea,
    /// `uuid`
    Uuid,
    /// `json`, `jsonb`, and structures such as arrays and points, as JSON
    Json,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `timestamp`
    Timestamp,
    /// `timestamptz`
    TimestampTz,
    /// `interval`
    Interval,
}

impl Type {
    /// `smallint`, `integer` or `bigint`.
    #[must_use]
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    /// `real` or `double precision`.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    /// A number of any kind.
    #[must_use]
    pub const fn is_number(self) -> bool {
        self.is_integer() || self.is_float() || matches!(self, Self::Numeric)
    }

    /// A type that has an order; JSON has none.
    #[must_use]
    pub const fn is_comparable(self) -> bool {
        !matches!(self, Self::Json)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Numeric => "numeric",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Text => "text",
            Self::Bytea => "bytea",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Interval => "interval",
        })
    }
}

/// A value; its [`Type`] is known from the expression that made it.
///
/// Equality is by representation, so that `1.5` and `1.50` are two values of a result;
/// [`Value::compare`] is SQL's comparison, and [`Value::canonical`] makes equal ones the same.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// NULL
    #[default]
    Null,
    /// `boolean`
    Bool(bool),
    /// Any integer type.
    Int(i64),
    /// Any float type; a `real` keeps to its precision.
    Float(f64),
    /// `numeric`
    Decimal(Decimal),
    /// `text`, `json`
    Text(Arc<str>),
    /// `bytea`
    Bytes(Arc<[u8]>),
    /// `uuid`
    Uuid([u8; 16]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds of the day.
    Time(i64),
    /// Microseconds since 1970-01-01, with and without time zone.
    Timestamp(i64),
    /// `interval`
    Interval(Interval),
}

/// A row; cheap to clone, since rows lie in several states at once.
pub type Row = Arc<[Value]>;

impl Value {
    /// True for NULL.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// SQL's order of two values of one type. NaN is the largest float, and equal to itself. NULL
    /// comes last.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) | (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => {
                a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            }
            (Self::Decimal(a), Self::Decimal(b)) => a.compare(b),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Interval(a), Self::Interval(b)) => a.compare(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// A total order that agrees with [`Value::compare`] and tells equal values of different
    /// representations apart.
    #[must_use]
    pub fn total_compare(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| match (self, other) {
            (Self::Decimal(a), Self::Decimal(b)) => a.scale().cmp(&b.scale()),
            (Self::Float(a), Self::Float(b)) => a.to_bits().cmp(&b.to_bits()),
            (Self::Interval(a), Self::Interval(b)) => {
                (a.months, a.days, a.micros).cmp(&(b.months, b.days, b.micros))
            }
            _ => Ordering::Equal,
        })
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Int(_) => 1,
            Self::Float(_) => 2,
            Self::Decimal(_) => 3,
            Self::Text(_) => 4,
            Self::Bytes(_) => 5,
            Self::Uuid(_) => 6,
            Self::Date(_) => 7,
            Self::Time(_) => 8,
            Self::Timestamp(_) => 9,
            Self::Interval(_) => 10,
            Self::Null => 11,
        }
    }

    /// The one representation that all values share which SQL holds for equal.
    #[must_use]
    pub fn canonical(&self) -> Self {
        match self {
            Self::Decimal(number) => Self::Decimal(number.canonical()),
            Self::Float(value) if value.is_nan() => Self::Float(f64::NAN),
            Self::Float(0.0) => Self::Float(0.0),
            Self::Interval(interval) => {
                let total = interval.total_micros();
                let day = i128::from(time::DAY);
                Self::Interval(Interval {
                    months: 0,
                    days: i32::try_from(total.div_euclid(day)).unwrap_or(i32::MAX),
                    micros: i64::try_from(total.rem_euclid(day)).unwrap_or(i64::MAX),
                })
            }
            other => other.clone(),
        }
    }

    /// Appends the value as PostgreSQL prints it; nothing for NULL.
    pub fn write(&self, ty: Type, out: &mut String) {
        match self {
            Self::Null => {}
            Self::Bool(value) => out.push_str(if *value { "t" } else { "f" }),
            Self::Int(value) => out.push_str(itoa::Buffer::new().format(*value)),
            Self::Float(value) => write_float(*value, ty, out),
            Self::Decimal(value) => out.push_str(&value.to_string()),
            Self::Text(text) => out.push_str(text),
            Self::Bytes(bytes) => {
                out.push_str("\\x");
                write_hex(bytes, out);
            }
            Self::Uuid(bytes) => write_uuid(bytes, out),
            Self::Date(days) => time::write_date(out, *days),
            Self::Time(micros) => time::write_time(out, *micros),
            Self::Timestamp(micros) => {
                let zone = if ty == Type::TimestampTz { "+00" } else { "" };
                time::write_timestamp(out, *micros, zone);
            }
            Self::Interval(interval) => interval.write(out),
        }
    }

    /// The value as PostgreSQL prints it.
    #[must_use]
    pub fn to_text(&self, ty: Type) -> String {
        let mut out = String::new();
        self.write(ty, &mut out);
        out
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Uuid(a), Self::Uuid(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Int(a), Self::Int(b))
            | (Self::Time(a), Self::Time(b))
            | (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Interval(a), Self::Interval(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => 0_u8.hash(state),
            Self::Bool(value) => value.hash(state),
            Self::Int(value) | Self::Time(value) | Self::Timestamp(value) => value.hash(state),
            Self::Float(value) => value.to_bits().hash(state),
            Self::Decimal(value) => value.hash(state),
            Self::Text(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::Uuid(value) => value.hash(state),
            Self::Date(value) => value.hash(state),
            Self::Interval(value) => value.hash(state),
        }
    }
}

/// Shortest digits that read back as the same float, in plain notation up to 15 digits in front of
/// the point (6 for `real`) and exponents behind that, as PostgreSQL does.
fn write_float(value: f64, ty: Type, out: &mut String) {
    if !value.is_finite() {
        out.push_str(match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => "NaN",
        });
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a real was a real before")]
    let (shortest, plain_max) = match ty {
        Type::Float4 => (format!("{:e}", value as f32), 6),
        _ => (format!("{value:e}"), 15),
    };
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..plain_max).contains(&exponent) {
        out.push_str(&match ty {
            #[expect(clippy::cast_possible_truncation, reason = "a real was a real before")]
            Type::Float4 => (value as f32).to_string(),
            _ => value.to_string(),
        });
        return;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.push_str(&format!("{digits}e{sign}{:02}", exponent.unsigned_abs()));
}

fn write_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
        }
    }
}

fn write_uuid(bytes: &[u8; 16], out: &mut String) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        write_hex(&[*byte], out);
    }
}

/// Reads a UUID with or without its hyphens.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.trim().trim_start_matches('{').trim_end_matches('}');
    let mut bytes = [0; 16];
    let mut nibbles = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
    for byte in &mut bytes {
        let value = nibbles.next()?? << 4 | nibbles.next()??;
        *byte = u8::try_from(value).ok()?;
    }
    nibbles.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_postgresql_prints_them() {
        #[rustfmt::skip] // one case a line
        let cases = [
            (1.0, "1"), (0.1, "0.1"), (1e14, "100000000000000"), (1e15, "1e+15"), (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"), (-0.0, "-0"), (f64::NAN, "NaN"), (1e300, "1e+300"), (123456.789, "123456.789"),
        ];
        for (value, text) in cases {
            assert_eq!(Value::Float(value).to_text(Type::Float8), text);
        }
        assert_eq!(Value::Float(f64::from(123_456.79_f32)).to_text(Type::Float4), "123456.79");
        assert_eq!(Value::Float(1e6).to_text(Type::Float4), "1e+06");
    }

    #[test]
    fn equal_values_have_one_canonical_form_and_an_order() {
        let decimal = |text: &str| Value::Decimal(text.parse().unwrap());
        assert_ne!(decimal("1.5"), decimal("1.50"));
        assert_eq!(decimal("1.5").canonical(), decimal("1.50").canonical());
        assert!(decimal("1.5").compare(&decimal("1.50")).is_eq());
        assert!(decimal("1.5").total_compare(&decimal("1.50")).is_lt());
        assert!(Value::Float(f64::NAN).compare(&Value::Float(f64::INFINITY)).is_gt());
        assert_eq!(Value::Float(-0.0).canonical(), Value::Float(0.0).canonical());
        assert!(Value::Null.compare(&Value::Int(1)).is_gt());
    }

    #[test]
    fn uuids_are_read_and_printed() {
        let text = "123e4567-e89b-12d3-a456-426614174000";
        assert_eq!(Value::Uuid(parse_uuid(text).unwrap()).to_text(Type::Uuid), text);
        assert_eq!(parse_uuid("123e4567"), None);
        assert_eq!(parse_uuid(&text.replace('1', "é")), None);
    }
}
