//! What the process tells about itself.

mod logging;

pub use logging::{LogFormat, LoggingError, start_logging};
