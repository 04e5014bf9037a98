//! From a PostgreSQL value's text to the JSON that Kafka Connect's converter writes for it.
//!
//! A [`Field`] is made once per column and relation version; it knows the Connect schema and how
//! to write a value, a NULL, a value that was not sent, and a TOAST value that did not change.

mod options;

pub use options::{
    BinaryMode, ConversionFailure, DecimalMode, HstoreMode, IntervalMode, NameAdjustment,
    TimePrecision, ValueOptions,
};
