//! What the process tells about itself.

mod logging;

pub use logging::{LogFormat, start_logging};
