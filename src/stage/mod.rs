//! The stage: reads records back and shows them. Bytes in, text out; no clock, files or terminal.

pub mod json;
pub mod record_json;
