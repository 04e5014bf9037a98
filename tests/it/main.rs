//! Tests against real servers: PostgreSQL, Apache Kafka and the built `minicdc` binary.
//!
//! Each test starts what it needs on free ports and takes it down again. Tests that need a server
//! are ignored by a bare `cargo test`; `scripts/test.sh` installs the servers and runs them all.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]
#![allow(clippy::disallowed_methods, reason = "tests are steered by the environment")]

mod bad_input;
mod capture;
mod content;
mod embedded_log;
mod fixtures;
mod golden;
mod heartbeat;
mod kafka;
mod load;
mod postgres;
mod query;
mod servers;
mod support;
mod tail;
mod values;
