//! The inner layer: reading the messages of the output plugin.

use super::DecodeError;
use super::cursor::Cursor;
use super::message::{
    Begin, BeginPrepare, Commit, Delete, Insert, LogicalMessage, Message, OldTuple, Origin,
    PrepareEnd, Relation, RelationColumn, RollbackPrepared, StreamAbort, StreamCommit, StreamStart,
    Tag, Truncate, TypeMessage, Update,
};
use super::tuple::decode_tuple;
use crate::oid::Oid;

/// Reads one message.
///
/// `in_stream` is true between StreamStart and StreamStop, where changes begin with a
/// transaction id that this reader steps over.
///
/// # Errors
///
/// [`DecodeError`] when the bytes do not have the documented layout, or more bytes than that.
pub fn decode(body: &[u8], in_stream: bool) -> Result<Message<'_>, DecodeError> {
    let mut cursor = Cursor::new(body);
    let c = &mut cursor;
    let tag = Tag::try_from(c.u8("message.tag")?)?;
    let message = match tag {
        Tag::Begin => Message::Begin(decode_begin(c)?),
        Tag::Message => Message::Message(decode_logical_message(c, in_stream)?),
        Tag::Commit => Message::Commit(decode_commit(c)?),
        Tag::Origin => {
            Message::Origin(Origin { lsn: c.lsn("origin.lsn")?, name: c.text("origin.name")? })
        }
        Tag::Relation => Message::Relation(decode_relation(c, in_stream)?),
        Tag::Type => Message::Type(decode_type(c, in_stream)?),
        Tag::Insert => Message::Insert(decode_insert(c, in_stream)?),
        Tag::Update => Message::Update(decode_update(c, in_stream)?),
        Tag::Delete => Message::Delete(decode_delete(c, in_stream)?),
        Tag::Truncate => Message::Truncate(decode_truncate(c, in_stream)?),
        Tag::StreamStart => Message::StreamStart(StreamStart {
            xid: c.u32("stream_start.xid")?,
            first: c.u8("stream_start.first")? != 0,
        }),
        Tag::StreamStop => Message::StreamStop,
        Tag::StreamCommit => Message::StreamCommit(StreamCommit {
            xid: c.u32("stream_commit.xid")?,
            commit: decode_commit(c)?,
        }),
        Tag::StreamAbort => Message::StreamAbort(decode_stream_abort(c)?),
        Tag::BeginPrepare => Message::BeginPrepare(decode_begin_prepare(c)?),
        Tag::Prepare => Message::Prepare(decode_prepare_end(c)?),
        Tag::CommitPrepared => Message::CommitPrepared(decode_prepare_end(c)?),
        Tag::RollbackPrepared => Message::RollbackPrepared(decode_rollback_prepared(c)?),
        Tag::StreamPrepare => Message::StreamPrepare(decode_prepare_end(c)?),
    };
    cursor.finish(tag)?;
    Ok(message)
}

fn skip_stream_xid(c: &mut Cursor<'_>, in_stream: bool) -> Result<(), DecodeError> {
    if in_stream {
        c.u32("stream.xid")?;
    }
    Ok(())
}

fn decode_begin(c: &mut Cursor<'_>) -> Result<Begin, DecodeError> {
    Ok(Begin {
        commit_lsn: c.lsn("begin.commit_lsn")?,
        commit_time: c.time("begin.commit_time")?,
        xid: c.u32("begin.xid")?,
    })
}

fn decode_commit(c: &mut Cursor<'_>) -> Result<Commit, DecodeError> {
    c.u8("commit.flags")?;
    Ok(Commit {
        commit_lsn: c.lsn("commit.commit_lsn")?,
        end_lsn: c.lsn("commit.end_lsn")?,
        commit_time: c.time("commit.commit_time")?,
    })
}

fn decode_logical_message<'a>(
    c: &mut Cursor<'a>,
    in_stream: bool,
) -> Result<LogicalMessage<'a>, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    Ok(LogicalMessage {
        transactional: c.u8("message.flags")? & 1 == 1,
        lsn: c.lsn("message.lsn")?,
        prefix: c.text("message.prefix")?,
        content: c.sized("message.content")?,
    })
}

fn decode_relation<'a>(c: &mut Cursor<'a>, in_stream: bool) -> Result<Relation<'a>, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    let oid = Oid(c.u32("relation.oid")?);
    let schema = c.text("relation.schema")?;
    let name = c.text("relation.name")?;
    let replica_identity = c.u8("relation.replica_identity")?;
    let count = usize::from(c.u16("relation.columns")?);
    // A column takes at least ten bytes.
    let mut columns = Vec::with_capacity(count.min(c.remaining() / 10));
    for _ in 0..count {
        columns.push(RelationColumn {
            key: c.u8("column.flags")? & 1 == 1,
            name: c.text("column.name")?,
            type_oid: Oid(c.u32("column.type")?),
            typmod: c.i32("column.typmod")?,
        });
    }
    Ok(Relation { oid, schema, name, replica_identity, columns })
}

fn decode_type<'a>(c: &mut Cursor<'a>, in_stream: bool) -> Result<TypeMessage<'a>, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    Ok(TypeMessage {
        oid: Oid(c.u32("type.oid")?),
        schema: c.text("type.schema")?,
        name: c.text("type.name")?,
    })
}

fn decode_insert<'a>(c: &mut Cursor<'a>, in_stream: bool) -> Result<Insert<'a>, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    let relation = Oid(c.u32("insert.relation")?);
    c.expect("insert.new_tuple", b'N')?;
    Ok(Insert { relation, new: decode_tuple(c)? })
}

fn decode_old<'a>(c: &mut Cursor<'a>, kind: u8) -> Result<Option<OldTuple<'a>>, DecodeError> {
    Ok(match kind {
        b'K' => Some(OldTuple::Key(decode_tuple(c)?)),
        b'O' => Some(OldTuple::Full(decode_tuple(c)?)),
        _ => None,
    })
}

fn decode_update<'a>(c: &mut Cursor<'a>, in_stream: bool) -> Result<Update<'a>, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    let relation = Oid(c.u32("update.relation")?);
    let offset = c.offset();
    let kind = c.u8("update.tuple")?;
    let old = decode_old(c, kind)?;
    match (&old, kind) {
        (Some(_), _) => c.expect("update.new_tuple", b'N')?,
        (None, b'N') => {}
        (None, found) => {
            return Err(DecodeError::UnexpectedByte { field: "update.tuple", offset, found });
        }
    }
    Ok(Update { relation, old, new: decode_tuple(c)? })
}

fn decode_delete<'a>(c: &mut Cursor<'a>, in_stream: bool) -> Result<Delete<'a>, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    let relation = Oid(c.u32("delete.relation")?);
    let offset = c.offset();
    let kind = c.u8("delete.tuple")?;
    let old = decode_old(c, kind)?.ok_or(DecodeError::UnexpectedByte {
        field: "delete.tuple",
        offset,
        found: kind,
    })?;
    Ok(Delete { relation, old })
}

fn decode_truncate(c: &mut Cursor<'_>, in_stream: bool) -> Result<Truncate, DecodeError> {
    skip_stream_xid(c, in_stream)?;
    let offset = c.offset();
    let len = c.i32("truncate.relations")?;
    let count = usize::try_from(len).map_err(|_| DecodeError::NegativeLength {
        field: "truncate.relations",
        offset,
        len,
    })?;
    let options = c.u8("truncate.options")?;
    let mut relations = Vec::with_capacity(count.min(c.remaining() / 4));
    for _ in 0..count {
        relations.push(Oid(c.u32("truncate.relation")?));
    }
    Ok(Truncate { relations, cascade: options & 1 != 0, restart_identity: options & 2 != 0 })
}

/// Protocol 4 with parallel streaming appends the abort's position and time.
fn decode_stream_abort(c: &mut Cursor<'_>) -> Result<StreamAbort, DecodeError> {
    let abort =
        StreamAbort { xid: c.u32("stream_abort.xid")?, subxid: c.u32("stream_abort.subxid")? };
    if c.remaining() > 0 {
        c.lsn("stream_abort.lsn")?;
        c.time("stream_abort.time")?;
    }
    Ok(abort)
}

fn decode_begin_prepare<'a>(c: &mut Cursor<'a>) -> Result<BeginPrepare<'a>, DecodeError> {
    Ok(BeginPrepare {
        prepare_lsn: c.lsn("begin_prepare.lsn")?,
        end_lsn: c.lsn("begin_prepare.end_lsn")?,
        prepare_time: c.time("begin_prepare.time")?,
        xid: c.u32("begin_prepare.xid")?,
        gid: c.text("begin_prepare.gid")?,
    })
}

fn decode_prepare_end<'a>(c: &mut Cursor<'a>) -> Result<PrepareEnd<'a>, DecodeError> {
    c.u8("prepare.flags")?;
    Ok(PrepareEnd {
        lsn: c.lsn("prepare.lsn")?,
        end_lsn: c.lsn("prepare.end_lsn")?,
        time: c.time("prepare.time")?,
        xid: c.u32("prepare.xid")?,
        gid: c.text("prepare.gid")?,
    })
}

fn decode_rollback_prepared<'a>(c: &mut Cursor<'a>) -> Result<RollbackPrepared<'a>, DecodeError> {
    c.u8("rollback_prepared.flags")?;
    Ok(RollbackPrepared {
        prepare_end_lsn: c.lsn("rollback_prepared.prepare_end_lsn")?,
        rollback_end_lsn: c.lsn("rollback_prepared.rollback_end_lsn")?,
        prepare_time: c.time("rollback_prepared.prepare_time")?,
        rollback_time: c.time("rollback_prepared.rollback_time")?,
        xid: c.u32("rollback_prepared.xid")?,
        gid: c.text("rollback_prepared.gid")?,
    })
}

#[cfg(test)]
mod tests;
