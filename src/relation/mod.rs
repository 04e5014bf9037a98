//! What a table looks like: columns, types, keys, and which tables are wanted.

mod filter;
mod message_filter;
mod table;

pub(crate) use filter::split_list;
pub use filter::{FilterError, TableFilter};
pub use message_filter::MessageFilter;
pub use table::{Column, PgType, ReplicaIdentity, Table, TypeKind};
