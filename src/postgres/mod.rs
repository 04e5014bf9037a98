//! PostgreSQL: connections for SQL and for replication, and what replication needs on the server.
//!
//! [`connect()`] gives a `tokio-postgres` client for ordinary SQL;
//! [`ReplicationConnection`] is our own client for the walsender, because `tokio-postgres` has no
//! CopyBoth mode. Both stand on the same sockets, TLS sessions and session settings, and both
//! report by [`PostgresError`]. [`Slot`], [`ensure_publication`], [`IdentityRules`] and
//! [`Readiness`] look after the server's side.

mod catalog;
mod channel_binding;
mod chunk;
mod claim;
mod client;
mod copy_line;
mod copy_out;
mod copy_row;
mod error;
mod frames;
mod identity;
mod login;
mod messages;
mod patience;
mod privileges;
mod publication;
mod quote;
mod readiness;
mod refusal;
mod slot;
mod socket;
mod stream;
mod table_files;
mod tls;
mod unwatched;
mod wire;

pub use catalog::{captured_tables, enum_labels, stream_table, table_named};
pub use chunk::{ChunkBounds, ChunkTable, copy_rows, identities};
pub use claim::{Claim, claim_slot, release_slot};
pub use client::connect;
pub use copy_line::CopyLine;
pub use copy_out::{CopyEvent, CopySession};
pub use copy_row::CopyRow;
pub use error::{PostgresError, ServerError};
pub use identity::{IdentityError, IdentityOutcome, IdentityRules};
pub use privileges::{PrivilegeError, check_readable};
pub use publication::{
    PublicationAction, PublicationError, PublicationOutcome, ensure as ensure_publication,
    exists as publication_exists, full_identity_statement,
};
pub use quote::{quote_identifier, quote_table};
pub use readiness::{Readiness, ReadinessError};
pub use refusal::LoginError;
pub use slot::{Holder, Slot, SlotError, open_writers};
pub use socket::ConnectError;
pub use stream::ReplicationStream;
pub use table_files::{TableFile, table_files};
pub use tls::TlsError;
pub use wire::{Canceller, CreatedSlot, ReplicationConnection, SlotOptions, SystemIdentity};
