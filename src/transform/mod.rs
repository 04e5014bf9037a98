//! Single message transforms: what Kafka Connect does to a record between the connector and the
//! converter, under the same keys (`transforms`, `predicates`), in the order of the list.
//!
//! A [`Chain`] stands between the engine and the sink, only when transforms are set. The engine then
//! writes every record with its schemas, because transforms go by them; the chain takes a record
//! apart into schema and payload texts (`connect`), applies its stages, and writes what the
//! converters are set to write. Texts that a transform does not touch stay byte for byte.

mod chain;
mod connect;
mod error;
mod event;
mod header;
mod logical_router;
mod options;
mod outbox;
mod pattern;
mod predicate;
mod regex_router;
mod unwrap;

pub use chain::Chain;
pub use error::{SettingError, TransformError};
pub use options::TransformSettings;

#[cfg(test)]
mod tests;
