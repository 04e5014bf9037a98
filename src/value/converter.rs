//! From the text of one value to its JSON, for every type.

use super::array::ArrayConverter;
use super::bits::{write_bit, write_bits};
use super::bytea::{write_bytea, write_text_as_bytes};
use super::float::write_float;
use super::geometric::{Shape, write_shape};
use super::geometry::{respell_numbers, write_geometry, write_point};
use super::hstore::write_hstore;
use super::json::write_string;
use super::mapped::MappedConverter;
use super::numeric::{DecimalForm, MoneyForm, write_money, write_numeric};
use super::scalar::{write_bool, write_int, write_list};
use super::temporal::{
    Calendar, DateForm, IntervalForm, TimeForm, TimestampForm, ZonedForm, write_date,
    write_interval, write_time, write_timestamp, write_zoned_time, write_zoned_timestamp,
};
use super::vector::{write_sparse_vector, write_vector};
use super::{BinaryMode, HstoreMode, ValueError};

/// How the text of a value becomes JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Converter {
    Bool,
    Int {
        digits_max: usize,
    },
    Float32,
    Float64,
    Numeric(DecimalForm),
    Money(MoneyForm),
    Text,
    Bytea(BinaryMode),
    /// A type that Debezium does not know: its text as bytes.
    Unknown(BinaryMode),
    /// A geometric type that Debezium does not know: the driver prints its numbers.
    UnknownGeometry(BinaryMode),
    Bit,
    Bits,
    Date(DateForm, Calendar),
    Time(TimeForm, Calendar),
    Timestamp(TimestampForm, Calendar),
    ZonedTime(ZonedForm, Calendar),
    ZonedTimestamp(ZonedForm, Calendar),
    Interval(IntervalForm),
    Point,
    Shape(Shape),
    Geometry,
    /// A PostGIS value of Debezium 3.7.
    ExtendedGeometry,
    Vector,
    HalfVector,
    SparseVector,
    Hstore(HstoreMode),
    Array(Box<ArrayConverter>),
    /// A column rule changes what another converter writes.
    Mapped(Box<MappedConverter>),
    /// `oidvector` and `int2vector`, number by number.
    NumberList,
    /// `oidvector` and `int2vector`: Debezium makes an empty array of any of them.
    EmptyArray,
    /// `name` in the stream: Debezium declares the column and takes every value for NULL.
    Absent,
    /// Debezium declares the column and fails on every value.
    Nothing {
        what: &'static str,
    },
}

impl Converter {
    /// Writes one value that is not NULL; on an error `out` may hold a part of it.
    pub(super) fn write(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        match self {
            Self::Bool => write_bool(text, out),
            Self::Int { digits_max } => write_int(text, *digits_max, out),
            Self::Float32 => write_float::<f32>(text, out),
            Self::Float64 => write_float::<f64>(text, out),
            Self::Numeric(form) => write_numeric(text, *form, out),
            Self::Money(form) => write_money(text, *form, out),
            Self::Text => write_string(text, out),
            Self::Bytea(mode) => write_bytea(text, *mode, out),
            Self::Unknown(mode) => write_text_as_bytes(text, *mode, out),
            Self::UnknownGeometry(mode) => write_text_as_bytes(&respell_numbers(text)?, *mode, out),
            Self::Bit => write_bit(text, out),
            Self::Bits => write_bits(text, out),
            Self::Date(form, calendar) => write_date(text, *form, *calendar, out),
            Self::Time(form, calendar) => write_time(text, *form, *calendar, out),
            Self::Timestamp(form, calendar) => write_timestamp(text, *form, *calendar, out),
            Self::ZonedTime(form, calendar) => write_zoned_time(text, *form, *calendar, out),
            Self::ZonedTimestamp(form, calendar) => {
                write_zoned_timestamp(text, *form, *calendar, out)
            }
            Self::Interval(form) => write_interval(text, *form, out),
            Self::Point => write_point(text, out),
            Self::Shape(shape) => write_shape(text, *shape, out),
            Self::Geometry => write_geometry(text, "", out),
            Self::ExtendedGeometry => write_geometry(text, ",\"extensions\":null", out),
            Self::Vector => write_vector::<f64>(text, out),
            Self::HalfVector => write_vector::<f32>(text, out),
            Self::SparseVector => write_sparse_vector(text, out),
            Self::Hstore(mode) => write_hstore(text, *mode, out),
            Self::Array(array) => array.write(text, out),
            Self::Mapped(mapped) => mapped.write(text, out),
            Self::NumberList => write_list(text, out),
            Self::EmptyArray if text.is_empty() => {
                Err(ValueError::Malformed { what: "vector of numbers" })
            }
            Self::EmptyArray => {
                out.extend_from_slice(b"[]");
                Ok(())
            }
            Self::Absent => Err(ValueError::Unsupported { what: "a name outside a snapshot" }),
            Self::Nothing { what } => Err(ValueError::Unsupported { what }),
        }
    }
}
