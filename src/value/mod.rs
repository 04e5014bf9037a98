//! From a PostgreSQL value's text to the JSON that Kafka Connect's converter writes for it.
//!
//! A [`Field`] is made once per column and relation version; it knows the Connect schema and how
//! to write a value, a NULL, a value that was not sent, and a TOAST value that did not change.
//! Values go from the tuple straight into the output buffer: the common types allocate nothing.

mod array;
mod bigint;
mod bits;
mod bytea;
mod converter;
mod decimal_number;
mod default;
mod error;
mod field;
mod float;
mod geometric;
mod geometry;
mod header;
mod hstore;
mod java_float;
mod java_map;
mod json;
mod mapped;
mod mapping;
mod mapping_temporal;
mod names;
mod numeric;
mod options;
#[cfg(any(test, feature = "fuzzing"))]
pub mod samples;
mod scalar;
mod schema;
mod temporal;
mod unavailable;
mod vector;

pub use crate::relation::Phase;
pub use bytea::write_binary;
pub use error::ValueError;
pub use field::Field;
pub(crate) use float::write_f64;
pub use header::{HeaderForm, json_header, write_header};
pub use json::{write_str, write_string};
pub use options::{
    BinaryMode, ConversionFailure, DecimalMode, HeaderFormat, HstoreMode, IntervalMode, JsonFormat,
    NameAdjustment, Release, TimePrecision, ValueOptions,
};
pub use schema::{Schema, SchemaKind};
