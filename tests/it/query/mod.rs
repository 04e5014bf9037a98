//! `minicdc query`: against PostgreSQL as the oracle, and through the built binary.

mod binary;
mod model;
mod oracle;
mod random;
mod statement;
