//! Recorded streams for the benches; see `tests/it/fixtures.rs`.
#![allow(dead_code, reason = "each bench uses a part")]

use minicdc::oid::Oid;
use minicdc::relation::{Column, PgType, ReplicaIdentity, Table, TypeKind};
use std::sync::Arc;

/// Each case's name and frames.
pub(crate) fn cases() -> Vec<(&'static str, Vec<&'static [u8]>)> {
    let files: [(&str, &'static [u8]); 5] = [
        ("insert_8_columns", include_bytes!("../../tests/fixtures/pgoutput/insert_8_columns.bin")),
        (
            "update_full_identity",
            include_bytes!("../../tests/fixtures/pgoutput/update_full_identity.bin"),
        ),
        ("delete_by_key", include_bytes!("../../tests/fixtures/pgoutput/delete_by_key.bin")),
        (
            "insert_60_columns",
            include_bytes!("../../tests/fixtures/pgoutput/insert_60_columns.bin"),
        ),
        (
            "small_transactions",
            include_bytes!("../../tests/fixtures/pgoutput/small_transactions.bin"),
        ),
    ];
    files.map(|(name, bytes)| (name, split(bytes))).to_vec()
}

fn split(bytes: &'static [u8]) -> Vec<&'static [u8]> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (frame, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        frames.push(frame);
        rest = tail;
    }
    frames
}

/// The table that a RELATION message announces, without a catalogue: every type is a base type.
pub(crate) fn table(request: &minicdc::engine::RelationRequest) -> Table {
    let type_name = |oid: Oid| match oid.0 {
        16 => "bool",
        20 => "int8",
        23 => "int4",
        25 => "text",
        701 => "float8",
        1184 => "timestamptz",
        1700 => "numeric",
        2950 => "uuid",
        other => panic!("no name for type {other}"),
    };
    Table {
        oid: request.oid,
        schema: request.schema.clone(),
        name: request.name.clone(),
        columns: request
            .columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                pg_type: Arc::new(PgType {
                    oid: column.type_oid,
                    schema: "pg_catalog".to_owned(),
                    name: type_name(column.type_oid).to_owned(),
                    kind: TypeKind::Base,
                }),
                typmod: column.typmod,
                nullable: column.name != "id",
                default: None,
                generated: false,
            })
            .collect(),
        key: vec![0],
        replica_identity: ReplicaIdentity::from_catalog(request.replica_identity),
    }
}
