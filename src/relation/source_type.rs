//! A column's type as the JDBC driver describes it to Debezium.

use super::{Column, PgType, TypeKind};
use crate::oid::Oid;
use std::borrow::Cow;

/// Length of types that have no limit.
const UNLIMITED: i32 = i32::MAX;

/// Where Debezium learns of a table: it reads and describes a few types differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// JDBC's metadata and a `SELECT`, for the snapshot.
    Snapshot,
    /// The replication stream and its RELATION messages.
    Stream,
}

/// Name, length and scale as Debezium has them from JDBC or from a RELATION message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceType<'c> {
    /// `typname`; for the snapshot `serial` and its like for integers that a sequence fills.
    pub name: Cow<'c, str>,
    /// Length, precision or display size; `None` for vectors of any dimension.
    pub length: Option<i32>,
    /// Digits behind the point; `None` when Debezium does not know.
    pub scale: Option<i32>,
    /// True for what JDBC counts as CHAR and VARCHAR: the types that masks apply to.
    pub is_character: bool,
}

impl<'c> SourceType<'c> {
    /// Describes the type of a column; length and scale are those below its domains.
    ///
    /// Source: pgjdbc's PgDatabaseMetaData and TypeInfoCache, the recording `filters.propagate`,
    /// and what `scripts/parity.sh` showed of the other types.
    #[must_use]
    pub fn of(column: &'c Column, phase: Phase) -> Self {
        let (base, typmod) = column.pg_type.base(column.typmod);
        let is_domain = matches!(column.pg_type.kind, TypeKind::Domain { .. });
        let (length, scale) = match base.name.as_str() {
            "vector" | "halfvec" | "sparsevec" => ((typmod > 0).then_some(typmod), Some(0)),
            // JDBC's metadata says 0 and nothing here, and knows better below a domain.
            "numeric" if typmod == -1 && phase == Phase::Snapshot && !is_domain => (Some(0), None),
            _ => {
                let (length, scale) = size(sized_oid(base), typmod);
                (Some(length), Some(scale))
            }
        };
        let is_character =
            matches!(base.oid, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::CHAR | Oid::NAME)
                || matches!(base.kind, TypeKind::Enum { .. });
        Self { name: type_name(column, phase), length, scale, is_character }
    }
}

fn type_name(column: &Column, phase: Phase) -> Cow<'_, str> {
    let is_serial = phase == Phase::Snapshot
        && column.default.as_deref().is_some_and(|default| default.contains("nextval("));
    Cow::Borrowed(match column.pg_type.oid {
        Oid::INT2 if is_serial => "smallserial",
        Oid::INT4 if is_serial => "serial",
        Oid::INT8 if is_serial => "bigserial",
        _ => &column.pg_type.name,
    })
}

/// The type whose sizes hold: arrays that pgjdbc has built in have those of their elements.
fn sized_oid(pg_type: &PgType) -> Oid {
    match &pg_type.kind {
        TypeKind::Array { element } if !matches!(element.oid, Oid::VARBIT | Oid::INTERVAL) => {
            element.oid
        }
        _ => pg_type.oid,
    }
}

/// Length and scale of a type with a modifier, -1 standing for none.
fn size(oid: Oid, typmod: i32) -> (i32, i32) {
    let or_else = |default| if typmod == -1 { default } else { typmod };
    // A point, and the digits behind it.
    let fraction = match typmod {
        -1 => 7,
        0 => 0,
        1 => 3,
        digits => digits + 1,
    };
    match oid {
        Oid::INT2 => (5, 0),
        Oid::INT4 | Oid::OID => (10, 0),
        Oid::INT8 => (19, 0),
        Oid::FLOAT4 => (8, 8),
        Oid::FLOAT8 => (17, 17),
        Oid::NUMERIC if typmod == -1 => (131_089, 0),
        Oid::NUMERIC => ((typmod - 4) >> 16 & 0xFFFF, (typmod - 4) & 0xFFFF),
        Oid::BOOL | Oid::CHAR => (1, 0),
        Oid::BPCHAR | Oid::VARCHAR if typmod != -1 => (typmod - 4, 0),
        Oid::BIT | Oid::VARBIT => (or_else(UNLIMITED), 0),
        Oid::DATE => (13, 0),
        Oid::TIME => (8 + fraction, or_else(6)),
        Oid::TIMETZ => (14 + fraction, or_else(6)),
        Oid::TIMESTAMP => (22 + fraction, or_else(6)),
        Oid::TIMESTAMPTZ => (28 + fraction, or_else(6)),
        Oid::INTERVAL => (49, if typmod == -1 { 6 } else { typmod & 0xFFFF }),
        _ => (UNLIMITED, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn column(oid: Oid, name: &str, typmod: i32, default: Option<&str>) -> Column {
        let kind = TypeKind::Base;
        Column {
            name: "c".to_owned(),
            pg_type: Arc::new(PgType { oid, schema: String::new(), name: name.to_owned(), kind }),
            typmod,
            nullable: true,
            default: default.map(str::to_owned),
            generated: false,
        }
    }

    #[test]
    fn length_and_scale_as_jdbc_reports_them() {
        #[rustfmt::skip] // filters.propagate, and the reference's appendix C
        let cases = [
            (Oid::INT4, -1, 10, 0), (Oid::TEXT, -1, UNLIMITED, 0), (Oid::VARCHAR, 24, 20, 0),
            (Oid::VARCHAR, -1, UNLIMITED, 0), (Oid::NUMERIC, (5 << 16 | 2) + 4, 5, 2),
            (Oid::NUMERIC, -1, 131_089, 0), (Oid::NUMERIC, (5 << 16 | 2046) + 4, 5, 2046),
            (Oid::TIMESTAMP, -1, 29, 6), (Oid::TIMESTAMP, 0, 22, 0), (Oid::TIMESTAMP, 1, 25, 1),
            (Oid::TIMESTAMPTZ, -1, 35, 6), (Oid::TIME, 3, 12, 3), (Oid::TIMETZ, -1, 21, 6),
            (Oid::BIT, 3, 3, 0), (Oid::DATE, -1, 13, 0), (Oid::FLOAT8, -1, 17, 17),
        ];
        for (oid, typmod, length, scale) in cases {
            let column = column(oid, "t", typmod, None);
            let found = SourceType::of(&column, Phase::Stream);
            assert_eq!((found.length, found.scale), (Some(length), Some(scale)), "{oid} {typmod}");
        }
    }

    #[test]
    fn vectors_have_their_dimension_or_none() {
        let length = |typmod| {
            let column = column(Oid(16_400), "vector", typmod, None);
            SourceType::of(&column, Phase::Stream).length
        };
        assert_eq!((length(3), length(-1)), (Some(3), None));
    }

    #[test]
    fn integers_with_a_sequence_are_serials_in_a_snapshot() {
        let name = |oid, name, default, phase| {
            SourceType::of(&column(oid, name, -1, Some(default)), phase).name.into_owned()
        };
        let nextval = "nextval('s'::regclass)";
        assert_eq!(name(Oid::INT8, "int8", nextval, Phase::Snapshot), "bigserial");
        assert_eq!(name(Oid::INT8, "int8", nextval, Phase::Stream), "int8");
        assert_eq!(name(Oid::INT8, "int8", "1", Phase::Snapshot), "int8");
        assert_eq!(name(Oid::TEXT, "text", nextval, Phase::Snapshot), "text");
    }

    #[test]
    fn numeric_without_precision_has_no_scale_in_a_snapshot() {
        let column = column(Oid::NUMERIC, "numeric", -1, None);
        let of = |phase| {
            let found = SourceType::of(&column, phase);
            (found.length, found.scale)
        };
        assert_eq!(of(Phase::Snapshot), (Some(0), None));
        assert_eq!(of(Phase::Stream), (Some(131_089), Some(0)));
    }

    #[test]
    fn arrays_have_the_sizes_of_their_elements() {
        let length = |oid, name, typmod| {
            let element = column(oid, name, -1, None).pg_type;
            let kind = TypeKind::Array { element };
            let (schema, name) = (String::new(), format!("_{name}"));
            let array = Arc::new(PgType { oid: Oid(1), schema, name, kind });
            let column = Column { pg_type: array, typmod, ..column(oid, "", typmod, None) };
            let found = SourceType::of(&column, Phase::Stream);
            (found.length, found.scale)
        };
        assert_eq!(length(Oid::NUMERIC, "numeric", (10 << 16 | 2) + 4), (Some(10), Some(2)));
        assert_eq!(length(Oid::VARCHAR, "varchar", 7), (Some(3), Some(0)));
        assert_eq!(length(Oid::TIME, "time", 3), (Some(12), Some(3)));
        assert_eq!(length(Oid::INTERVAL, "interval", -1), (Some(UNLIMITED), Some(0)));
    }

    #[test]
    fn domains_keep_their_name_and_take_the_rest_from_below() {
        let base = column(Oid::VARCHAR, "varchar", -1, None).pg_type;
        let kind = TypeKind::Domain { base, typmod: 14 };
        let (schema, name) = (String::new(), "short".to_owned());
        let domain = Arc::new(PgType { oid: Oid(16_400), schema, name, kind });
        let column = Column { pg_type: domain, ..column(Oid::TEXT, "text", -1, None) };
        let found = SourceType::of(&column, Phase::Stream);
        assert_eq!((&*found.name, found.length), ("short", Some(10)));
        assert!(found.is_character);
    }
}
