//! Live queries: SQL text to a plan, and changes of tables to changes of its result.
//!
//! SQL is meant as PostgreSQL means it, with text compared by its bytes (collation `C`) and UTC as
//! the session's time zone. Pure: no clock, no files, no terminal.
// The enums of sqlparser have dozens of variants, of which each place knows a few: what is left is
// refused, with its place in the text.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

pub mod codec;
pub mod decimal;
pub mod error;
pub mod expr;
pub mod input;
pub mod live;
pub mod ops;
pub mod plan;
pub mod time;
pub mod value;

pub use error::{EvalError, QueryError};
pub use input::{Discovery, InputRecord};
pub use live::{LiveError, LiveOptions, LiveQuery};
pub use plan::Statement;
pub use value::{Row, Type, Value};
