//! What a RELATION message says, kept until the catalogue has been asked for the rest.

use crate::oid::Oid;
use crate::pgoutput::Relation;

/// A table's shape as the stream announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationRequest {
    /// `pg_class.oid`.
    pub oid: Oid,
    /// Schema, unquoted.
    pub schema: String,
    /// Table, unquoted.
    pub name: String,
    /// `pg_class.relreplident`.
    pub replica_identity: u8,
    /// The columns that rows will have, in their order.
    pub columns: Vec<RequestedColumn>,
}

/// One column of a [`RelationRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedColumn {
    /// Name, unquoted.
    pub name: String,
    /// `pg_attribute.atttypid`.
    pub type_oid: Oid,
    /// `pg_attribute.atttypmod`.
    pub typmod: i32,
}

impl RelationRequest {
    pub(super) fn new(relation: &Relation<'_>) -> Self {
        Self {
            oid: relation.oid,
            // The protocol sends an empty name for pg_catalog.
            schema: if relation.schema.is_empty() { "pg_catalog" } else { relation.schema }
                .to_owned(),
            name: relation.name.to_owned(),
            replica_identity: relation.replica_identity,
            columns: relation
                .columns
                .iter()
                .map(|column| RequestedColumn {
                    name: column.name.to_owned(),
                    type_oid: column.type_oid,
                    typmod: column.typmod,
                })
                .collect(),
        }
    }
}
