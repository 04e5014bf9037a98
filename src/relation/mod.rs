//! What a table looks like: columns, types, keys, and which of them are wanted.

mod columns;
mod enum_labels;
mod filter;
mod java_regex;
mod mapper;
mod message_filter;
mod pattern;
mod source_type;
mod table;

pub use columns::ColumnRules;
pub use enum_labels::EnumLabels;
pub use filter::{FilterError, TableFilter};
pub use java_regex::{JavaRegex, Rewrite, RewriteError, regex_reason};
pub use mapper::{ColumnHash, ColumnMapper, HashAlgorithm, HashedForm};
pub use message_filter::MessageFilter;
pub(crate) use pattern::split_list;
pub use source_type::{Phase, SourceType};
pub use table::{Column, PgType, ReplicaIdentity, Table, TypeKind};
