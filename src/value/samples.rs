//! A field of every type under every setting, for tests and fuzzing.

use super::{
    BinaryMode, DecimalMode, Field, HstoreMode, IntervalMode, Phase, TimePrecision, ValueOptions,
};
use crate::oid::Oid;
use crate::relation::{Column, PgType, TypeKind};
use std::sync::Arc;

/// Scalar types: identifier (0 where it differs from database to database), name and modifier.
const SCALARS: [(Oid, &str, i32); 55] = [
    (Oid::BOOL, "bool", -1),
    (Oid::INT2, "int2", -1),
    (Oid::INT4, "int4", -1),
    (Oid::INT8, "int8", -1),
    (Oid::OID, "oid", -1),
    (Oid::FLOAT4, "float4", -1),
    (Oid::FLOAT8, "float8", -1),
    (Oid::NUMERIC, "numeric", -1),
    (Oid::NUMERIC, "numeric", (10 << 16) + 2 + 4),
    (Oid::NUMERIC, "numeric", (5 << 16) + 2046 + 4),
    (Oid::MONEY, "money", -1),
    (Oid::TEXT, "text", -1),
    (Oid::VARCHAR, "varchar", 14),
    (Oid::BPCHAR, "bpchar", 9),
    (Oid::CHAR, "char", -1),
    (Oid::NAME, "name", -1),
    (Oid::UUID, "uuid", -1),
    (Oid::JSON, "json", -1),
    (Oid::JSONB, "jsonb", -1),
    (Oid::XML, "xml", -1),
    (Oid::TSVECTOR, "tsvector", -1),
    (Oid::INET, "inet", -1),
    (Oid::CIDR, "cidr", -1),
    (Oid::MACADDR, "macaddr", -1),
    (Oid::MACADDR8, "macaddr8", -1),
    (Oid::INT4RANGE, "int4range", -1),
    (Oid::TSTZRANGE, "tstzrange", -1),
    (Oid::BYTEA, "bytea", -1),
    (Oid::BIT, "bit", 1),
    (Oid::BIT, "bit", 5),
    (Oid::VARBIT, "varbit", -1),
    (Oid::DATE, "date", -1),
    (Oid::TIME, "time", -1),
    (Oid::TIME, "time", 3),
    (Oid::TIMETZ, "timetz", -1),
    (Oid::TIMESTAMP, "timestamp", -1),
    (Oid::TIMESTAMP, "timestamp", 3),
    (Oid::TIMESTAMPTZ, "timestamptz", -1),
    (Oid::TIMESTAMPTZ, "timestamptz", 0),
    (Oid::INTERVAL, "interval", -1),
    (Oid::POINT, "point", -1),
    (Oid::LINE, "line", -1),
    (Oid::BOX, "box", -1),
    (Oid::CIRCLE, "circle", -1),
    (Oid::OIDVECTOR, "oidvector", -1),
    (Oid::INT2VECTOR, "int2vector", -1),
    (Oid(0), "citext", -1),
    (Oid(0), "hstore", -1),
    (Oid(0), "ltree", -1),
    (Oid(0), "isbn", -1),
    (Oid(0), "geometry", -1),
    (Oid(0), "geography", -1),
    (Oid(0), "vector", -1),
    (Oid(0), "halfvec", -1),
    (Oid(0), "sparsevec", -1),
];

/// Settings that reach every converter between them.
fn settings() -> [ValueOptions; 5] {
    let base = ValueOptions { include_unknown: true, ..ValueOptions::default() };
    [
        base.clone(),
        ValueOptions {
            decimal: DecimalMode::Double,
            time: TimePrecision::Connect,
            binary: BinaryMode::Base64UrlSafe,
            ..base.clone()
        },
        ValueOptions {
            decimal: DecimalMode::String,
            time: TimePrecision::IsoString,
            interval: IntervalMode::String,
            hstore: HstoreMode::Map,
            binary: BinaryMode::Hex,
            ..base.clone()
        },
        ValueOptions { time: TimePrecision::Nanoseconds, ..base.clone() },
        ValueOptions { time: TimePrecision::Structured, ..base },
    ]
}

/// A field for each type and for arrays of it, under all settings and in both phases.
#[must_use]
pub fn fields() -> Vec<Field> {
    let mut fields = Vec::new();
    for options in settings() {
        for (oid, name, typmod) in SCALARS {
            let scalar = pg_type(oid, name, TypeKind::Base);
            let array = TypeKind::Array { element: Arc::clone(&scalar) };
            for pg_type in [scalar, pg_type(Oid(0), "_array", array)] {
                let column = column(pg_type, typmod);
                for phase in [Phase::Snapshot, Phase::Stream] {
                    fields.extend(Field::new(&column, phase, &options));
                }
            }
        }
    }
    fields
}

fn pg_type(oid: Oid, name: &str, kind: TypeKind) -> Arc<PgType> {
    Arc::new(PgType { oid, schema: "pg_catalog".to_owned(), name: name.to_owned(), kind })
}

fn column(pg_type: Arc<PgType>, typmod: i32) -> Column {
    Column {
        name: "c".to_owned(),
        pg_type,
        typmod,
        nullable: true,
        default: None,
        generated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(fields);

    /// Every converter either fails and writes nothing, or writes one JSON value.
    fn check(text: &[u8]) -> Result<(), TestCaseError> {
        for field in FIELDS.iter() {
            let mut out = b"before".to_vec();
            match field.write(text, &mut out) {
                Err(_) => prop_assert_eq!(&out[..], &b"before"[..]),
                Ok(()) => {
                    let json = serde_json::from_slice::<&serde_json::value::RawValue>(&out[6..]);
                    prop_assert!(json.is_ok(), "{:?}: {:?}", field.schema, out);
                }
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_bytes_are_one_json_value_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..24)) {
            check(&text)?;
        }

        #[test]
        fn likely_text_is_one_json_value_or_an_error(text in "[-+0-9:. {}(),;/\\\\\"'=><a-fxBCTPZNULinfy]{0,24}") {
            check(text.as_bytes())?;
        }

        #[test]
        fn far_dates_are_one_json_value_or_an_error(year in 0_u32..1_000_000_000, rest in "-[01][0-9]-[0-3][0-9]( [0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?([-+][0-9]{2})?)?( BC)?") {
            check(format!("{year:04}{rest}").as_bytes())?;
        }
    }

    #[test]
    fn samples_reach_every_type() {
        let names: std::collections::HashSet<_> =
            FIELDS.iter().map(|field| field.schema.name.clone()).collect();
        assert!(FIELDS.len() > 700 && names.len() > 25, "{} {names:?}", FIELDS.len());
    }
}
