//! Debezium's envelopes: keys, values, headers and topic names.

mod heartbeat;
mod key;
mod logical_message;
mod notification;
mod options;
mod row_struct;
mod source_block;
mod table_encoder;
mod topic;
mod transaction;

pub use heartbeat::HeartbeatEncoder;
pub use logical_message::LogicalMessageEncoder;
pub use notification::{Aggregate, Notification, NotificationEncoder};
pub use options::{EnvelopeOptions, SkippedOperations};
pub use source_block::{SnapshotMarker, SourceContext};
pub use table_encoder::{
    ConversionWarning, EncodeError, EventContext, Op, Row, TableEncoder, TransactionBlock,
};
pub use topic::{KeyField, TopicNaming, adjust_schema_name, data_topic, transaction_topic};
pub use transaction::TransactionMark;
