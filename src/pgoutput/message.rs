//! The inner layer: what each message of the output plugin holds.

use super::DecodeError;
use super::Tuple;
use crate::lsn::Lsn;
use crate::oid::Oid;
use crate::pgtime::PgTime;

/// Kind of a message, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the manual")]
pub enum Tag {
    Begin,
    Message,
    Commit,
    Origin,
    Relation,
    Type,
    Insert,
    Update,
    Delete,
    Truncate,
    StreamStart,
    StreamStop,
    StreamCommit,
    StreamAbort,
    BeginPrepare,
    Prepare,
    CommitPrepared,
    RollbackPrepared,
    StreamPrepare,
}

impl TryFrom<u8> for Tag {
    type Error = DecodeError;

    fn try_from(tag: u8) -> Result<Self, DecodeError> {
        Ok(match tag {
            b'B' => Self::Begin,
            b'M' => Self::Message,
            b'C' => Self::Commit,
            b'O' => Self::Origin,
            b'R' => Self::Relation,
            b'Y' => Self::Type,
            b'I' => Self::Insert,
            b'U' => Self::Update,
            b'D' => Self::Delete,
            b'T' => Self::Truncate,
            b'S' => Self::StreamStart,
            b'E' => Self::StreamStop,
            b'c' => Self::StreamCommit,
            b'A' => Self::StreamAbort,
            b'b' => Self::BeginPrepare,
            b'P' => Self::Prepare,
            b'K' => Self::CommitPrepared,
            b'r' => Self::RollbackPrepared,
            b'p' => Self::StreamPrepare,
            _ => return Err(DecodeError::UnknownTag { tag }),
        })
    }
}

/// One message of the output plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's struct is documented")]
pub enum Message<'a> {
    Begin(Begin),
    Message(LogicalMessage<'a>),
    Commit(Commit),
    Origin(Origin<'a>),
    Relation(Relation<'a>),
    Type(TypeMessage<'a>),
    Insert(Insert<'a>),
    Update(Update<'a>),
    Delete(Delete<'a>),
    Truncate(Truncate),
    StreamStart(StreamStart),
    StreamStop,
    StreamCommit(StreamCommit),
    StreamAbort(StreamAbort),
    BeginPrepare(BeginPrepare<'a>),
    Prepare(PrepareEnd<'a>),
    CommitPrepared(PrepareEnd<'a>),
    RollbackPrepared(RollbackPrepared<'a>),
    StreamPrepare(PrepareEnd<'a>),
}

/// A transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// Position of the transaction's commit record; names the transaction.
    pub commit_lsn: Lsn,
    /// When it was committed.
    pub commit_time: PgTime,
    /// Its 32-bit transaction id.
    pub xid: u32,
}

/// `pg_logical_emit_message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalMessage<'a> {
    /// False for messages outside of any transaction's fate.
    pub transactional: bool,
    /// Position of the message.
    pub lsn: Lsn,
    /// Its prefix.
    pub prefix: &'a str,
    /// Its content, any bytes.
    pub content: &'a [u8],
}

/// A transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Position of the commit record, as in [`Begin`].
    pub commit_lsn: Lsn,
    /// First position behind it: what is confirmed.
    pub end_lsn: Lsn,
    /// When it was committed.
    pub commit_time: PgTime,
}

/// The transaction came from another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Commit position on that server.
    pub lsn: Lsn,
    /// Name of the replication origin.
    pub name: &'a str,
}

/// Shape of a table, sent before its first change and whenever it may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation<'a> {
    /// `pg_class.oid`.
    pub oid: Oid,
    /// Schema; empty stands for `pg_catalog`.
    pub schema: &'a str,
    /// Table.
    pub name: &'a str,
    /// `pg_class.relreplident`.
    pub replica_identity: u8,
    /// Columns that are published.
    pub columns: Vec<RelationColumn<'a>>,
}

/// A column of a [`Relation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelationColumn<'a> {
    /// True when it belongs to the replica identity.
    pub key: bool,
    /// Name.
    pub name: &'a str,
    /// `pg_attribute.atttypid`.
    pub type_oid: Oid,
    /// `pg_attribute.atttypmod`.
    pub typmod: i32,
}

/// Name of a type that is not built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeMessage<'a> {
    /// `pg_type.oid`.
    pub oid: Oid,
    /// Schema; empty stands for `pg_catalog`.
    pub schema: &'a str,
    /// Name.
    pub name: &'a str,
}

/// A new row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert<'a> {
    /// Table.
    pub relation: Oid,
    /// The row.
    pub new: Tuple<'a>,
}

/// What UPDATE and DELETE carry of the old row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldTuple<'a> {
    /// `K`: only the columns of the replica identity; the others read as NULL.
    Key(Tuple<'a>),
    /// `O`: the whole row.
    Full(Tuple<'a>),
}

impl<'a> OldTuple<'a> {
    /// The cells, whatever they cover.
    #[must_use]
    pub fn cells(&self) -> &[super::Cell<'a>] {
        match self {
            Self::Key(cells) | Self::Full(cells) => cells,
        }
    }
}

/// A changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update<'a> {
    /// Table.
    pub relation: Oid,
    /// What was sent of the old row.
    pub old: Option<OldTuple<'a>>,
    /// The new row.
    pub new: Tuple<'a>,
}

/// A row that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete<'a> {
    /// Table.
    pub relation: Oid,
    /// What was sent of it.
    pub old: OldTuple<'a>,
}

/// Tables that were emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncate {
    /// The tables.
    pub relations: Vec<Oid>,
    /// `CASCADE` was given.
    pub cascade: bool,
    /// `RESTART IDENTITY` was given.
    pub restart_identity: bool,
}

/// A block of an unfinished transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStart {
    /// The top-level transaction.
    pub xid: u32,
    /// True for its first block.
    pub first: bool,
}

/// A streamed transaction was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCommit {
    /// The top-level transaction.
    pub xid: u32,
    /// As in [`Commit`].
    pub commit: Commit,
}

/// A streamed transaction, or a part of it, was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamAbort {
    /// The top-level transaction.
    pub xid: u32,
    /// What was rolled back; equal to `xid` for all of it.
    pub subxid: u32,
}

/// A prepared transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeginPrepare<'a> {
    /// Position of the prepare record.
    pub prepare_lsn: Lsn,
    /// First position behind it.
    pub end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: PgTime,
    /// Its transaction id.
    pub xid: u32,
    /// The name given to `PREPARE TRANSACTION`.
    pub gid: &'a str,
}

/// End of a prepared transaction's changes, or its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareEnd<'a> {
    /// Position of the prepare or commit record.
    pub lsn: Lsn,
    /// First position behind it.
    pub end_lsn: Lsn,
    /// When it happened.
    pub time: PgTime,
    /// Its transaction id.
    pub xid: u32,
    /// The name given to `PREPARE TRANSACTION`.
    pub gid: &'a str,
}

/// A prepared transaction was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackPrepared<'a> {
    /// First position behind the prepare record.
    pub prepare_end_lsn: Lsn,
    /// First position behind the rollback record.
    pub rollback_end_lsn: Lsn,
    /// When it was prepared.
    pub prepare_time: PgTime,
    /// When it was rolled back.
    pub rollback_time: PgTime,
    /// Its transaction id.
    pub xid: u32,
    /// The name given to `PREPARE TRANSACTION`.
    pub gid: &'a str,
}
