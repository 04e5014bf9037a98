//! One column as a field of an event: its schema and everything that can be written for it.

use super::converter::Converter;
use super::default::default_json;
use super::mapped::{Change, MappedConverter, parameters};
use super::mapping::{Mapping, map_column};
use super::schema::Schema;
use super::{ValueError, ValueOptions};
use crate::relation::{Column, ColumnMapper, Phase, SourceType, TypeKind};

/// A field of key and value structs; made once per column and relation version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The column's name after `field.name.adjustment.mode`.
    pub name: String,
    /// The Connect schema.
    pub schema: Schema,
    converter: Converter,
    /// JSON for NULL and for what the replica identity left out.
    null: Box<[u8]>,
    /// JSON for an unchanged TOAST value.
    unavailable: Box<[u8]>,
    /// JSON for a value that could not be converted.
    failed: Box<[u8]>,
}

impl Field {
    /// The field of a column; `None` when Debezium leaves the column out of schema and rows.
    #[must_use]
    pub fn new(column: &Column, phase: Phase, options: &ValueOptions) -> Option<Self> {
        let Mapping { mut schema, converter, zero, unavailable } =
            map_column(&column.pg_type, column.typmod, phase, options)?;
        let name = options.field_names.field_name(&column.name).into_owned();
        schema.optional |= column.nullable;
        schema.default = default_of(column, phase, options);
        // Of its own Debezium puts a default only where NULL is not allowed; JsonConverter does
        // it everywhere unless told otherwise.
        let null_default = schema.default.clone().filter(|_| options.json.null_defaults);
        let failed = null_default.unwrap_or_else(|| b"null".to_vec().into());
        let null = match &schema.default {
            _ if column.nullable => failed.clone(),
            Some(default) => default.clone(),
            None => zero.as_bytes().into(),
        };
        let unavailable = unavailable
            .json(&options.unavailable_placeholder)
            .map_or_else(|| failed.clone(), Into::into);
        Some(Self { name, schema, converter, null, unavailable, failed })
    }

    /// The same field under a column rule; `column` is the one it was made of.
    ///
    /// What stands for a value that cannot be converted stays as it is, and so does the schema's
    /// default.
    #[must_use]
    pub fn mapped(mut self, mapper: &ColumnMapper, column: &Column, phase: Phase) -> Self {
        let source = SourceType::of(column, phase);
        self.schema.parameters.extend(parameters(mapper, column, &source));
        let Some(change) = Change::new(mapper, &source, &self.schema, &self.converter) else {
            return self;
        };
        let changed = |json: &[u8]| {
            let mut out = Vec::new();
            change.apply(json, &mut out).map_or_else(|_| json.into(), |()| out.into())
        };
        // A NULL is no value, unless the column cannot hold one: then something stands for it.
        let is_constant = matches!(change, Change::Constant(_));
        if is_constant || !column.nullable {
            self.null = changed(&self.null);
        }
        if is_constant || self.unavailable != self.failed {
            self.unavailable = changed(&self.unavailable);
        }
        if is_constant || self.converter != Converter::Absent {
            let inner = std::mem::replace(&mut self.converter, Converter::Absent);
            self.converter = Converter::Mapped(Box::new(MappedConverter { inner, change }));
        }
        self
    }

    /// Writes one value, given as PostgreSQL's text, that is not NULL.
    ///
    /// # Errors
    ///
    /// Any [`ValueError`]; `out` is then as before, and [`Field::write_failed`] writes what stands
    /// there unless conversion failures end the capture.
    pub fn write(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ValueError> {
        if self.converter == Converter::Absent {
            self.write_null(out);
            return Ok(());
        }
        let start = out.len();
        self.converter.write(text, out).inspect_err(|_| out.truncate(start))
    }

    /// Writes SQL NULL: null, unless the schema has a default, which Connect then puts there
    /// (KIP-581). A NOT NULL column without a default gets the zero of its type.
    pub fn write_null(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.null);
    }

    /// Writes what stands for a column that the replica identity did not send; Debezium cannot
    /// tell it from NULL.
    pub fn write_absent(&self, out: &mut Vec<u8>) {
        self.write_null(out);
    }

    /// Writes what stands for an unchanged TOAST value.
    pub fn write_unavailable(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.unavailable);
    }

    /// Writes what stands for a value that could not be converted: null, or the schema's default.
    pub fn write_failed(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.failed);
    }
}

/// The JSON of the column's default; columns of a domain have none.
fn default_of(column: &Column, phase: Phase, options: &ValueOptions) -> Option<Box<[u8]>> {
    let expression = column.default.as_deref()?;
    if matches!(column.pg_type.kind, TypeKind::Domain { .. }) {
        return None;
    }
    let mapping = map_column(&column.pg_type, column.typmod, phase, options)?;
    let (pg_type, typmod) = column.pg_type.base(column.typmod);
    default_json(expression, pg_type, typmod, &mapping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid::Oid;
    use crate::relation::PgType;
    use crate::value::{NameAdjustment, Release, TimePrecision};
    use std::sync::Arc;

    fn pg_type(oid: Oid, name: &str, kind: TypeKind) -> Arc<PgType> {
        Arc::new(PgType { oid, schema: String::new(), name: name.to_owned(), kind })
    }

    fn column(pg_type: Arc<PgType>, nullable: bool, default: Option<&str>) -> Column {
        Column {
            name: "a-b".to_owned(),
            pg_type,
            typmod: -1,
            nullable,
            default: default.map(str::to_owned),
            generated: false,
        }
    }

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn null_is_null_then_default_then_zero() {
        let int = || pg_type(Oid::INT4, "int4", TypeKind::Base);
        let options = ValueOptions::default();
        #[rustfmt::skip]
        let cases = [
            (true, None, "null"), (true, Some("7"), "7"), (false, None, "0"), (false, Some("7"), "7"),
        ];
        for (nullable, default, expected) in cases {
            let column = column(int(), nullable, default);
            let field = Field::new(&column, Phase::Stream, &options).unwrap();
            assert_eq!(text(|out| field.write_null(out)), expected);
            assert_eq!(text(|out| field.write_absent(out)), expected);
        }
    }

    #[test]
    fn failed_value_leaves_the_output_and_becomes_null_or_default() {
        let numeric = pg_type(Oid::NUMERIC, "numeric", TypeKind::Base);
        let column = column(numeric, true, None);
        let field = Field::new(&column, Phase::Stream, &ValueOptions::default()).unwrap();
        let mut out = b"{".to_vec();
        field.write(b"NaN", &mut out).unwrap_err();
        assert_eq!(out, b"{");
        assert_eq!(text(|out| field.write_failed(out)), "null");
        assert_eq!(text(|out| field.write_unavailable(out)), "null");
    }

    #[test]
    fn default_at_the_end_of_a_day_is_javas_last_time() {
        let time = pg_type(Oid::TIME, "time", TypeKind::Base);
        let column = column(time, true, Some("'24:00:00'::time without time zone"));
        for (mode, expected) in [
            (TimePrecision::Adaptive, "86399999999"),
            (TimePrecision::Connect, "86399999"),
            (TimePrecision::Nanoseconds, "86399999999999"),
            (TimePrecision::IsoString, "\"23:59:59.999999999Z\""),
        ] {
            let options = ValueOptions { time: mode, ..ValueOptions::default() };
            let field = Field::new(&column, Phase::Snapshot, &options).unwrap();
            assert_eq!(text(|out| field.write_null(out)), expected);
        }
    }

    #[test]
    fn domain_over_an_enum_is_that_enum() {
        // Debezium 3.6.3 does not even start when such a domain exists.
        let labels = vec!["sad".to_owned(), "ok".to_owned()];
        let base = pg_type(Oid(16_400), "mood", TypeKind::Enum { labels });
        let domain = pg_type(Oid(16_401), "moodd", TypeKind::Domain { base, typmod: -1 });
        let column = column(domain, true, None);
        let field = Field::new(&column, Phase::Stream, &ValueOptions::default()).unwrap();
        assert_eq!(field.schema.name.as_deref(), Some("io.debezium.data.Enum"));
        assert_eq!(text(|out| field.write(b"ok", out).unwrap()), "\"ok\"");
    }

    #[test]
    fn exact_values_lose_neither_era_nor_elements() {
        let options = ValueOptions { exact: true, ..ValueOptions::default() };
        let write = |pg_type, phase, input: &str| {
            let field = Field::new(&column(pg_type, true, None), phase, &options).unwrap();
            text(|out| field.write(input.as_bytes(), out).unwrap())
        };
        let array = |element: Arc<PgType>| pg_type(Oid(90_000), "_x", TypeKind::Array { element });
        let base = |oid, name| pg_type(oid, name, TypeKind::Base);
        let date = || base(Oid::DATE, "date");
        for phase in [Phase::Snapshot, Phase::Stream] {
            assert_eq!(write(date(), phase, "4713-01-01 BC"), "-2440550");
            assert_eq!(write(date(), phase, "infinity"), "-2147472692");
            assert_eq!(write(base(Oid::NAME, "name"), phase, "n"), "\"n\"");
        }
        let stream = |pg_type, input| write(pg_type, Phase::Stream, input);
        assert_eq!(stream(array(base(Oid::TIME, "time")), "{12:00:00.123456}"), "[43200123456]");
        assert_eq!(stream(array(base(Oid::XML, "xml")), "{<a/>,NULL}"), "[\"<a/>\",null]");
        assert_eq!(stream(array(base(Oid::MONEY, "money")), "{$1.50}"), "[\"AJY=\"]");
        assert_eq!(stream(base(Oid::OIDVECTOR, "oidvector"), "1 2"), "[1,2]");
        let labels = vec!["a".to_owned()];
        let mood = pg_type(Oid(90_001), "mood", TypeKind::Enum { labels });
        assert_eq!(stream(array(mood), "{a,NULL}"), "[\"a\",null]");
        let domain = TypeKind::Domain { base: base(Oid::INT4, "int4"), typmod: -1 };
        assert_eq!(stream(array(pg_type(Oid(90_002), "d", domain)), "{1,2}"), "[1,2]");
    }

    #[test]
    fn shapes_have_structs_since_release_3_7() {
        let column = column(pg_type(Oid::CIRCLE, "circle", TypeKind::Base), false, None);
        assert!(Field::new(&column, Phase::Stream, &ValueOptions::default()).is_none());
        let options = ValueOptions { release: Release::V3_7, ..ValueOptions::default() };
        let field = Field::new(&column, Phase::Stream, &options).unwrap();
        assert!(field.schema.optional, "also in a NOT NULL column");
        assert_eq!(field.schema.name.as_deref(), Some("io.debezium.data.geometry.Circle"));
        assert!(text(|out| field.write(b"<(1,2),3>", out).unwrap()).ends_with("\"radius\":3.0}"));
        assert!(text(|out| field.write_absent(out)).ends_with("\"radius\":0.0}"));
    }

    #[test]
    fn field_names_are_adjusted() {
        let column = column(pg_type(Oid::TEXT, "text", TypeKind::Base), true, None);
        let options = ValueOptions { field_names: NameAdjustment::Avro, ..ValueOptions::default() };
        assert_eq!(Field::new(&column, Phase::Stream, &options).unwrap().name, "a_b");
    }
}
