//! Which Connect schema and which converter a column's type has.
//!
//! Types are found by identifier when they are built in and by name when an extension brings them,
//! as Debezium does. A type that is in no table is *unknown*: its columns are left out, or with
//! `include.unknown.datatypes` delivered as the bytes of their text.

use super::array::ArrayConverter;
use super::converter::Converter;
use super::decimal_number::write_scaled;
use super::geometric::{Shape, write_shape};
use super::mapping_temporal::{Origin, temporal};
use super::numeric::{DecimalForm, MoneyForm};
use super::schema::{Schema, SchemaKind};
use super::temporal::DateForm;
use super::unavailable::Unavailable;
use super::{BinaryMode, DecimalMode, HstoreMode, Phase, Release, ValueOptions};
use crate::oid::Oid;
use crate::relation::{PgType, TypeKind};
use std::borrow::Cow;

/// All there is to know about a type under the given settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    /// The schema of a NOT NULL column.
    pub(super) schema: Schema,
    /// How values are written.
    pub(super) converter: Converter,
    /// JSON of what Debezium invents for a NOT NULL column that was not sent.
    pub(super) zero: Cow<'static, str>,
    /// What stands for a TOAST value that was not sent.
    pub(super) unavailable: Unavailable,
}

impl Mapping {
    pub(super) fn new(
        schema: Schema,
        converter: Converter,
        zero: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { schema, converter, zero: zero.into(), unavailable: Unavailable::Null }
    }

    /// A type that is delivered as text.
    fn text(schema: Schema) -> Self {
        Self { unavailable: Unavailable::Text, ..Self::new(schema, Converter::Text, "\"\"") }
    }

    /// A type with a semantic name that is delivered as text.
    fn named_text(name: &'static str) -> Self {
        Self::text(Schema::named(SchemaKind::String, name))
    }
}

/// The mapping of a column's type; `None` when Debezium leaves the column out.
pub(super) fn map_column(
    declared: &PgType,
    typmod: i32,
    phase: Phase,
    options: &ValueOptions,
) -> Option<Mapping> {
    let (pg_type, typmod) = declared.base(typmod);
    let is_lost = !options.include_unknown && !options.exact;
    if pg_type.oid == Oid::NAME && phase == Phase::Stream && is_lost {
        return Some(Mapping::new(Schema::new(SchemaKind::String), Converter::Absent, "\"\""));
    }
    let origin = match phase {
        Phase::Snapshot => Origin::Snapshot,
        Phase::Stream => Origin::Stream,
    };
    let known = map_scalar(pg_type, typmod, origin, options);
    if known.is_some() || matches!(pg_type.kind, TypeKind::Array { .. }) {
        return known.or_else(|| map_array(pg_type, typmod, options));
    }
    map_vector(pg_type.oid, options)
        .or_else(|| options.include_unknown.then(|| unknown(pg_type, options)))
}

/// The mapping of a type that is no array and that Debezium knows.
fn map_scalar(
    pg_type: &PgType,
    typmod: i32,
    origin: Origin,
    options: &ValueOptions,
) -> Option<Mapping> {
    if let Some(mapping) = temporal(pg_type.oid, typmod, origin, options) {
        return Some(mapping);
    }
    let int =
        |kind, digits_max| Mapping::new(Schema::new(kind), Converter::Int { digits_max }, "0");
    Some(match pg_type.oid {
        Oid::BOOL => boolean(Converter::Bool),
        Oid::INT2 => int(SchemaKind::Int16, 5),
        Oid::INT4 => int(SchemaKind::Int32, 10),
        Oid::INT8 => int(SchemaKind::Int64, 19),
        Oid::OID => int(SchemaKind::Int64, 10),
        Oid::FLOAT4 => Mapping::new(Schema::new(SchemaKind::Float32), Converter::Float32, "0.0"),
        Oid::FLOAT8 => Mapping::new(Schema::new(SchemaKind::Float64), Converter::Float64, "0.0"),
        Oid::NUMERIC => numeric(typmod, options),
        Oid::MONEY => money(options),
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::CHAR | Oid::NAME => {
            Mapping::text(Schema::new(SchemaKind::String))
        }
        Oid::INET | Oid::CIDR | Oid::MACADDR | Oid::MACADDR8 => {
            Mapping::text(Schema::new(SchemaKind::String))
        }
        Oid::INT4RANGE
        | Oid::INT8RANGE
        | Oid::NUMRANGE
        | Oid::TSRANGE
        | Oid::TSTZRANGE
        | Oid::DATERANGE => Mapping::text(Schema::new(SchemaKind::String)),
        Oid::UUID => Mapping::named_text("io.debezium.data.Uuid"),
        Oid::JSON | Oid::JSONB => Mapping::named_text("io.debezium.data.Json"),
        Oid::XML => Mapping::named_text("io.debezium.data.Xml"),
        Oid::TSVECTOR => Mapping::named_text("io.debezium.data.Tsvector"),
        Oid::BYTEA => bytea(options.binary),
        Oid::BIT | Oid::VARBIT => bits(typmod, None),
        Oid::POINT => point(),
        Oid::LINE | Oid::LSEG | Oid::BOX | Oid::PATH | Oid::POLYGON | Oid::CIRCLE
            if options.release == Release::V3_7 =>
        {
            shape(pg_type.oid)?
        }
        _ => return map_enum(pg_type).or_else(|| map_extension(pg_type, options)),
    })
}

fn boolean(converter: Converter) -> Mapping {
    Mapping::new(Schema::new(SchemaKind::Boolean), converter, "false")
}

/// `numeric(p,s)`, or without modifier a number that carries its own scale.
fn numeric(typmod: i32, options: &ValueOptions) -> Mapping {
    let modifier = u32::try_from(typmod - 4).ok().filter(|_| typmod >= 4);
    // The driver reads 16 bits of scale, the server stores 11: a negative scale becomes 2046.
    let parts = modifier.map(|modifier| (modifier >> 16, low_half(modifier)));
    match (options.decimal, parts) {
        (DecimalMode::Precise, Some((precision, scale))) => {
            let schema =
                decimal_schema(scale).parameter("connect.decimal.precision", precision.to_string());
            let (form, zero) = fixed(scale, options);
            Mapping::new(schema, Converter::Numeric(form), zero)
        }
        (DecimalMode::Precise, None) => Mapping::new(
            variable_decimal_schema(),
            Converter::Numeric(DecimalForm::Variable),
            "{\"scale\":0,\"value\":\"AA==\"}",
        ),
        (DecimalMode::Double, _) => Mapping::new(
            Schema::new(SchemaKind::Float64),
            Converter::Numeric(DecimalForm::Double),
            "0.0",
        ),
        (DecimalMode::String, parts) => {
            let form = DecimalForm::Text { scale: parts.map(|(_, scale)| scale) };
            Mapping {
                unavailable: Unavailable::Text,
                ..Mapping::new(
                    Schema::new(SchemaKind::String),
                    Converter::Numeric(form),
                    plain_zero(parts.map_or(0, |(_, scale)| scale)),
                )
            }
        }
    }
}

/// How a Decimal of this scale is written, and its zero.
fn fixed(scale: u16, options: &ValueOptions) -> (DecimalForm, Cow<'static, str>) {
    if !options.json.decimal_numbers {
        return (DecimalForm::Fixed { scale }, Cow::Borrowed("\"AA==\""));
    }
    let mut zero = Vec::new();
    write_scaled(b"0", usize::from(scale), &mut zero);
    (DecimalForm::Number { scale }, Cow::Owned(String::from_utf8(zero).unwrap_or_default()))
}

/// `"0.00"` with the given number of zeros.
fn plain_zero(scale: u16) -> String {
    let point = if scale == 0 { "" } else { "." };
    format!("\"0{point}{}\"", "0".repeat(usize::from(scale)))
}

#[expect(clippy::cast_possible_truncation, reason = "the low 16 bits are what is wanted")]
const fn low_half(modifier: u32) -> u16 {
    modifier as u16
}

fn decimal_schema(scale: u16) -> Schema {
    Schema::named(SchemaKind::Bytes, "org.apache.kafka.connect.data.Decimal")
        .parameter("scale", scale.to_string())
}

fn variable_decimal_schema() -> Schema {
    let fields = vec![
        ("scale".to_owned(), Schema::new(SchemaKind::Int32)),
        ("value".to_owned(), Schema::new(SchemaKind::Bytes)),
    ];
    Schema::named(SchemaKind::Struct(fields), "io.debezium.data.VariableScaleDecimal")
        .doc("Variable scaled decimal")
}

fn money(options: &ValueOptions) -> Mapping {
    let digits = options.money_fraction_digits;
    let (schema, form, zero) = match options.decimal {
        DecimalMode::Precise => {
            let (form, zero) = fixed(digits, options);
            (decimal_schema(digits), form, zero)
        }
        DecimalMode::Double => {
            (Schema::new(SchemaKind::Float64), DecimalForm::Double, Cow::Borrowed("0.0"))
        }
        DecimalMode::String => {
            let form = DecimalForm::Text { scale: Some(digits) };
            (Schema::new(SchemaKind::String), form, Cow::Owned(plain_zero(digits)))
        }
    };
    Mapping::new(schema, Converter::Money(MoneyForm { digits, form }), zero)
}

/// The schema of what `binary.handling.mode` governs.
fn binary_schema(mode: BinaryMode) -> Schema {
    Schema::new(match mode {
        BinaryMode::Bytes => SchemaKind::Bytes,
        BinaryMode::Base64 | BinaryMode::Base64UrlSafe | BinaryMode::Hex => SchemaKind::String,
    })
}

fn bytea(mode: BinaryMode) -> Mapping {
    Mapping {
        unavailable: Unavailable::Binary(mode),
        ..Mapping::new(binary_schema(mode), Converter::Bytea(mode), "\"\"")
    }
}

/// One bit is a boolean, more are `Bits`; `nothing` replaces the converter.
fn bits(typmod: i32, nothing: Option<Converter>) -> Mapping {
    if typmod == 1 {
        return boolean(nothing.unwrap_or(Converter::Bit));
    }
    let length = if typmod < 0 { i32::MAX } else { typmod };
    let schema = Schema::named(SchemaKind::Bytes, "io.debezium.data.Bits")
        .parameter("length", length.to_string());
    Mapping::new(schema, nothing.unwrap_or(Converter::Bits), "\"\"")
}

/// A geometric type since Debezium 3.7, whose schema is optional even in a NOT NULL column.
fn shape(oid: Oid) -> Option<Mapping> {
    let (shape, zero) = match oid {
        Oid::LINE => (Shape::Line, "{0,1,0}"),
        Oid::CIRCLE => (Shape::Circle, "<(0,0),0>"),
        Oid::BOX => (Shape::Box, "(1,1),(0,0)"),
        Oid::LSEG => (Shape::Lseg, "[(0,0),(1,0)]"),
        Oid::PATH => (Shape::Path, "[(0,0),(1,0)]"),
        Oid::POLYGON => (Shape::Polygon, "((0,0),(1,0),(0,1))"),
        _ => return None,
    };
    let number = || Schema::new(SchemaKind::Float64);
    let (name, doc, fields) = match shape {
        Shape::Line => {
            let fields = ["a", "b", "c"].map(|name| (name.to_owned(), number()));
            ("io.debezium.data.geometry.Line", "Geometry (LINE)", fields.to_vec())
        }
        Shape::Circle => {
            let center = ("center".to_owned(), point_schema());
            let fields = vec![center, ("radius".to_owned(), number())];
            ("io.debezium.data.geometry.Circle", "Geometry (CIRCLE)", fields)
        }
        _ => {
            return Some(Mapping::new(
                extended_schema(),
                Converter::Shape(shape),
                shape_zero(shape, zero),
            ));
        }
    };
    let schema = Schema::named(SchemaKind::Struct(fields), name).doc(doc).optional(true);
    Some(Mapping::new(schema, Converter::Shape(shape), shape_zero(shape, zero)))
}

/// The JSON of a shape that is known to be one.
fn shape_zero(shape: Shape, text: &str) -> String {
    let mut out = Vec::new();
    let written = write_shape(text.as_bytes(), shape, &mut out);
    written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default()
}

/// Geometry of Debezium 3.7: a second version, with room for what a type has of its own.
fn extended_schema() -> Schema {
    let text = || Box::new(Schema::new(SchemaKind::String));
    let map = Schema::new(SchemaKind::Map(text(), text())).optional(true);
    let fields = vec![
        ("wkb".to_owned(), Schema::new(SchemaKind::Bytes)),
        ("srid".to_owned(), Schema::new(SchemaKind::Int32).optional(true)),
        ("extensions".to_owned(), map),
    ];
    let name = "io.debezium.data.geometry.Geometry";
    let schema = Schema::named(SchemaKind::Struct(fields), name).doc("Geometry").optional(true);
    Schema { version: Some(2), ..schema }
}

fn point() -> Mapping {
    let zero = "{\"x\":0.0,\"y\":0.0,\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\",\"srid\":null}";
    Mapping::new(point_schema(), Converter::Point, zero)
}

fn point_schema() -> Schema {
    let fields = vec![
        ("x".to_owned(), Schema::new(SchemaKind::Float64)),
        ("y".to_owned(), Schema::new(SchemaKind::Float64)),
        ("wkb".to_owned(), Schema::new(SchemaKind::Bytes).optional(true)),
        ("srid".to_owned(), Schema::new(SchemaKind::Int32).optional(true)),
    ];
    Schema::named(SchemaKind::Struct(fields), "io.debezium.data.geometry.Point")
        .doc("Geometry (POINT)")
}

fn map_enum(pg_type: &PgType) -> Option<Mapping> {
    let TypeKind::Enum { labels } = &pg_type.kind else { return None };
    let schema = Schema::named(SchemaKind::String, "io.debezium.data.Enum")
        .parameter("allowed", labels.join(","));
    Some(Mapping::text(schema))
}

/// Types of extensions, whose identifiers differ from database to database.
fn map_extension(pg_type: &PgType, options: &ValueOptions) -> Option<Mapping> {
    if pg_type.kind != TypeKind::Base {
        return None;
    }
    let array = |kind, name| Schema::named(SchemaKind::Array(Box::new(Schema::new(kind))), name);
    Some(match pg_type.name.as_str() {
        "citext" | "isbn" => Mapping::text(Schema::new(SchemaKind::String)),
        "ltree" => Mapping::named_text("io.debezium.data.Ltree"),
        "hstore" => hstore(options.hstore),
        "geometry" if options.release == Release::V3_7 => Mapping::new(
            extended_schema(),
            Converter::ExtendedGeometry,
            "{\"wkb\":\"AQcAAAAAAAAA\",\"srid\":null,\"extensions\":null}",
        ),
        // Debezium builds this schema as optional, and so it stays in NOT NULL columns.
        "geometry" => geometry(Schema::optional, "io.debezium.data.geometry.Geometry", "Geometry"),
        "geography" => {
            geometry(|schema, _| schema, "io.debezium.data.geometry.Geography", "Geography")
        }
        "vector" => Mapping::new(
            array(SchemaKind::Float64, "io.debezium.data.DoubleVector"),
            Converter::Vector,
            "[]",
        ),
        "halfvec" => Mapping::new(
            array(SchemaKind::Float32, "io.debezium.data.FloatVector"),
            Converter::HalfVector,
            "[]",
        ),
        "sparsevec" => sparse_vector(),
        _ => return None,
    })
}

fn hstore(mode: HstoreMode) -> Mapping {
    let (schema, zero) = match mode {
        HstoreMode::Json => (Schema::named(SchemaKind::String, "io.debezium.data.Json"), "\"{}\""),
        HstoreMode::Map => {
            let key = Box::new(Schema::new(SchemaKind::String));
            let value = Box::new(Schema::new(SchemaKind::String).optional(true));
            (Schema::new(SchemaKind::Map(key, value)), "{}")
        }
    };
    Mapping {
        unavailable: Unavailable::Hstore(mode),
        ..Mapping::new(schema, Converter::Hstore(mode), zero)
    }
}

fn geometry(
    optional: impl Fn(Schema, bool) -> Schema,
    name: &'static str,
    doc: &'static str,
) -> Mapping {
    let fields = vec![
        ("wkb".to_owned(), Schema::new(SchemaKind::Bytes)),
        ("srid".to_owned(), Schema::new(SchemaKind::Int32).optional(true)),
    ];
    let schema = optional(Schema::named(SchemaKind::Struct(fields), name).doc(doc), true);
    // An empty geometry collection.
    Mapping::new(schema, Converter::Geometry, "{\"wkb\":\"AQcAAAAAAAAA\",\"srid\":null}")
}

fn sparse_vector() -> Mapping {
    let map = SchemaKind::Map(
        Box::new(Schema::new(SchemaKind::Int16)),
        Box::new(Schema::new(SchemaKind::Float64)),
    );
    let fields = vec![
        ("dimensions".to_owned(), Schema::new(SchemaKind::Int16)),
        ("vector".to_owned(), Schema::new(map)),
    ];
    let schema = Schema::named(SchemaKind::Struct(fields), "io.debezium.data.SparseDoubleVector")
        .doc("Sparse double vector");
    Mapping::new(schema, Converter::SparseVector, "{\"dimensions\":0,\"vector\":[]}")
}

/// A type that Debezium does not know, as bytes of its text.
fn unknown(pg_type: &PgType, options: &ValueOptions) -> Mapping {
    let mode = options.binary;
    let converter = match pg_type.oid {
        Oid::LINE | Oid::LSEG | Oid::BOX | Oid::PATH | Oid::POLYGON | Oid::CIRCLE => {
            Converter::UnknownGeometry(mode)
        }
        _ => Converter::Unknown(mode),
    };
    Mapping {
        unavailable: Unavailable::Binary(mode),
        ..Mapping::new(binary_schema(mode), converter, "\"\"")
    }
}

/// The catalogue's own arrays, which Debezium reads in the wrong form.
fn map_vector(oid: Oid, options: &ValueOptions) -> Option<Mapping> {
    let kind = match oid {
        Oid::OIDVECTOR => SchemaKind::Int64,
        Oid::INT2VECTOR => SchemaKind::Int16,
        _ => return None,
    };
    let schema = Schema::new(SchemaKind::Array(Box::new(Schema::new(kind))));
    let converter = if options.exact { Converter::NumberList } else { Converter::EmptyArray };
    Some(Mapping::new(schema, converter, "[]"))
}

/// The mapping of an array type; `None` for arrays that are left out.
fn map_array(pg_type: &PgType, typmod: i32, options: &ValueOptions) -> Option<Mapping> {
    if let Some(vector) = map_vector(pg_type.oid, options) {
        return Some(vector);
    }
    let TypeKind::Array { element } = &pg_type.kind else { return None };
    match element.oid {
        _ if options.exact => {}
        Oid::MONEY
        | Oid::NAME
        | Oid::INTERVAL
        | Oid::VARBIT
        | Oid::XML
        | Oid::POINT
        | Oid::REFCURSOR => return None,
        // Debezium takes the array for the scalar, and no value fits.
        Oid::BIT => {
            return Some(bits(typmod, Some(Converter::Nothing { what: "an array of bit" })));
        }
        _ => {}
    }
    let inner = match &element.kind {
        TypeKind::Domain { .. } if options.exact => {
            let (base, typmod) = element.base(-1);
            map_scalar(base, typmod, Origin::Array, options)
        }
        TypeKind::Domain { .. } => None,
        _ => map_scalar(element, typmod, Origin::Array, options),
    };
    let inner = match inner {
        Some(inner) => inner,
        None if options.include_unknown => unknown(element, options),
        None => return None,
    };
    Some(array_of(element, inner, options))
}

/// The array of a type whose own mapping is known.
fn array_of(element: &PgType, inner: Mapping, options: &ValueOptions) -> Mapping {
    let known = !matches!(inner.converter, Converter::Unknown(_) | Converter::UnknownGeometry(_));
    let is_enum = matches!(element.kind, TypeKind::Enum { .. });
    let listed =
        !matches!(element.name.as_str(), "tsvector" | "isbn" | "vector" | "halfvec" | "sparsevec");
    let optional = (known && !is_enum && listed) || options.exact || inner.schema.optional;
    // The driver hands these over as bytes, which is why they behave unlike other texts.
    let bytes = matches!(element.name.as_str(), "citext" | "ltree" | "hstore");
    let converter = Converter::Array(Box::new(ArrayConverter {
        delimiter: if element.oid == Oid::BOX { b';' } else { b',' },
        nulls: optional && (element.name != "ltree" || options.exact),
        nested_text: inner.converter == Converter::Text && !bytes,
        forgiving: matches!(inner.converter, Converter::Timestamp(..)),
        finite: element.oid == Oid::NUMERIC && !options.exact,
        element: inner.converter.clone(),
    }));
    let unavailable = match element.oid {
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::JSON | Oid::JSONB => Unavailable::TextArray,
        Oid::INT4 | Oid::INT8 => Unavailable::ByteValues,
        Oid::DATE if is_plain_days(&inner) => Unavailable::ByteValues,
        Oid::UUID => Unavailable::UuidArray,
        Oid::BYTEA if inner.converter == Converter::Bytea(BinaryMode::Bytes) => {
            Unavailable::BytesArray
        }
        _ => Unavailable::Null,
    };
    let items = Box::new(inner.schema.optional(optional));
    let schema = Schema::new(SchemaKind::Array(items));
    Mapping { unavailable, ..Mapping::new(schema, converter, "[]") }
}

/// True for Debezium's own Date, whose plain numbers take anything.
fn is_plain_days(inner: &Mapping) -> bool {
    matches!(inner.converter, Converter::Date(DateForm::Days, _))
        && inner.schema.name.as_deref() == Some("io.debezium.time.Date")
}
