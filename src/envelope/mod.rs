//! Debezium's envelopes: keys, values, headers and topic names.

mod options;

pub use options::{EnvelopeOptions, SkippedOperations};
