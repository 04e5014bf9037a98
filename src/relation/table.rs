//! A captured table as the catalogue and the RELATION message describe it together.

use crate::oid::Oid;
use std::sync::Arc;

/// A table or partitioned table, with everything that shapes its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// `pg_class.oid`, the relation id of pgoutput's messages.
    pub oid: Oid,
    /// Schema name, unquoted.
    pub schema: String,
    /// Table name, unquoted.
    pub name: String,
    /// Columns in `attnum` order, without dropped ones.
    pub columns: Vec<Column>,
    /// Positions in `columns` of the primary key, or of the first unique index that can serve as
    /// one, in index order; empty when the table has neither.
    pub key: Vec<usize>,
    /// What an UPDATE or DELETE carries of the old row.
    pub replica_identity: ReplicaIdentity,
}

impl Table {
    /// The table without some of its columns; a key that needs one of them is none.
    #[must_use]
    pub fn without(&self, is_left_out: impl Fn(&Column) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|index| self.columns.get(*index).is_some_and(|column| !is_left_out(column)))
            .collect();
        let place = |index: &usize| kept.iter().position(|kept| kept == index);
        let key: Option<Vec<usize>> = self.key.iter().map(place).collect();
        Self {
            columns: kept.iter().filter_map(|index| self.columns.get(*index)).cloned().collect(),
            key: key.unwrap_or_default(),
            ..self.clone()
        }
    }

    /// `schema.table`, the name that include and exclude lists match.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Column name, unquoted.
    pub name: String,
    /// The declared type.
    pub pg_type: Arc<PgType>,
    /// Type modifier (`atttypmod`), -1 when there is none.
    pub typmod: i32,
    /// False for NOT NULL columns.
    pub nullable: bool,
    /// Default expression as `pg_get_expr` prints it, such as `'x'::text` or `nextval(…)`; of a
    /// generated column its expression.
    pub default: Option<String>,
    /// True for GENERATED ALWAYS AS (…) STORED or VIRTUAL, which pgoutput leaves out before PostgreSQL 18.
    pub generated: bool,
}

/// A type as `pg_type` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgType {
    /// `pg_type.oid`; fixed for built-in types, not for those of extensions.
    pub oid: Oid,
    /// Schema of the type.
    pub schema: String,
    /// `typname`, such as `int4`, `_int4`, `citext`.
    pub name: String,
    /// What sort of type it is.
    pub kind: TypeKind,
}

impl PgType {
    /// The type below its domains, and the modifier that counts there.
    #[must_use]
    pub fn base(&self, typmod: i32) -> (&Self, i32) {
        let (mut pg_type, mut modifier) = (self, typmod);
        while let TypeKind::Domain { base, typmod } = &pg_type.kind {
            pg_type = base;
            modifier = if *typmod == -1 { modifier } else { *typmod };
        }
        (pg_type, modifier)
    }
}

/// The sorts of types that are treated differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeKind {
    /// A plain scalar type.
    Base,
    /// An enumeration with its labels in `enumsortorder`.
    Enum {
        /// All labels.
        labels: Vec<String>,
    },
    /// A domain over another type.
    Domain {
        /// `typbasetype`, which may be a domain itself.
        base: Arc<PgType>,
        /// `typtypmod` of the domain, -1 when there is none.
        typmod: i32,
    },
    /// A true array type (`typcategory = 'A'` with `typelem`).
    Array {
        /// The element type.
        element: Arc<PgType>,
    },
    /// A range type.
    Range,
    /// A multirange type.
    Multirange,
    /// A row type.
    Composite,
    /// A pseudo-type or one that could not be resolved.
    Pseudo,
}

/// `pg_class.relreplident`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// `d`: primary key, or nothing when there is none.
    Default,
    /// `n`: nothing.
    Nothing,
    /// `f`: the whole old row.
    Full,
    /// `i`: the columns of a chosen unique index.
    Index,
}

impl ReplicaIdentity {
    /// From the catalogue's letter; anything unknown counts as the default.
    #[must_use]
    pub const fn from_catalog(letter: u8) -> Self {
        match letter {
            b'n' => Self::Nothing,
            b'f' => Self::Full,
            b'i' => Self::Index,
            _ => Self::Default,
        }
    }
}
