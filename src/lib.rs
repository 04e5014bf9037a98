//! minicdc: Debezium for PostgreSQL without the JVM.
//!
//! The way of the data, and the modules in that order:
//!
//! ```text
//! postgres::wire ─► pgoutput ─► relation ─► value ─► envelope ─► sink ─► Kafka | log | stdout
//!        ▲                                                         │
//!        └────────────── progress (confirmed LSN) ◄── deliveries ◄─┘
//! ```
//!
//! Layers, each importing only what stands above it: words (`lsn`, `pgtime`, `oid`), cores (bytes
//! and values in, values and bytes out), edges (sockets, files, processes), flows (one per
//! subcommand). `tests/tidy.rs` holds the code to this.

// words
pub mod lsn;
pub mod oid;
pub mod pgtime;
pub mod record;

// cores
pub mod chunks;
pub mod engine;
pub mod envelope;
pub mod incremental;
pub mod pgoutput;
pub mod progress;
pub mod query;
pub mod relation;
pub mod signal;
pub mod stage;
pub mod transform;
pub mod value;

// edges
pub mod config;
pub mod control;
pub mod kafka;
pub mod log;
pub mod offsets;
pub mod postgres;
pub mod sink;
pub mod source;
pub mod spill;
pub mod telemetry;

// flows
pub mod capture;
pub mod load;
pub mod query_flow;
pub mod tail;

pub mod error;
