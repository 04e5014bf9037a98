use super::super::{Field, Phase, ValueOptions};
use super::*;
use crate::oid::Oid;
use crate::relation::{PgType, TypeKind};
use std::sync::Arc;

fn column(oid: Oid, name: &str, typmod: i32) -> Column {
    let kind = TypeKind::Base;
    Column {
        name: "c".to_owned(),
        pg_type: Arc::new(PgType { oid, schema: String::new(), name: name.to_owned(), kind }),
        typmod,
        nullable: true,
        default: None,
        generated: false,
    }
}

fn text_column() -> Column {
    column(Oid::TEXT, "text", -1)
}

fn field(column: &Column, property: &str) -> Field {
    let mapper = ColumnMapper::from_property(property).unwrap();
    Field::new(column, Phase::Stream, &ValueOptions::default()).unwrap().mapped(
        &mapper,
        column,
        Phase::Stream,
    )
}

fn json(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"[".to_vec();
    write(&mut out);
    String::from_utf8(out.split_off(1)).unwrap()
}

fn value(field: &Field, text: &str) -> String {
    json(|out| field.write(text.as_bytes(), out).unwrap())
}

fn parameters_of(field: &Field) -> Vec<(&str, &str)> {
    field.schema.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Expected digests are those of `java.security.MessageDigest` over the salt and, for version 1,
/// what `java.io.ObjectOutputStream` wrote.
#[test]
fn hashes_are_those_of_java() {
    let long = "x".repeat(70_000);
    #[rustfmt::skip] // one digest a line
    let cases = [
        ("SHA-256", "hash me", "3c341f915eb5a3cd3b23f6971feb9c44a9bfc6493bf8c08c24e85a207875e719"),
        ("v2.SHA-256", "hash me", "a0cf216a11ca354a086fef834a915433db45151eac23ad32b84decb6bbc47c81"),
        ("SHA-256", "", "7b061bc77caec9afdc6b986ab6c4de894d58006b32ac0f7ea728404a5cf3a9e5"),
        ("v2.SHA-256", "", "38bc986eb4a5475fab16ac693f6c1b4c2445600da5c5aec3d04301e48d6d0d68"),
        ("SHA-256", &long, "21042a3875b47dd8220328aaae40017a2549733682fadda8e245c213391dc13f"),
        ("v2.SHA-256", &long, "d0b74c74bb612bef1c7a7bb3ff2d211de4c4f8b19597c4838d8b57803a75328b"),
        ("SHA-256", "\0aü☃😀", "34c0791b450ef182cd2ed870f72f33ae89451ee8024878d4e7832fc16acfaab2"),
        ("v2.SHA-256", "\0aü☃😀", "03467ed58930d8a3ac3a9c9efd7b821cadbe17a3e4676ec021ff6c7550c19b73"),
    ];
    for (algorithm, text, expected) in cases {
        let property = format!("column.mask.hash.{algorithm}.with.salt.CzQMA0cB5K");
        assert_eq!(value(&field(&text_column(), &property), text), format!("\"{expected}\""));
    }
}

#[test]
fn every_digest_is_the_one_of_its_name() {
    #[rustfmt::skip] // one digest a line
    let cases = [
        ("MD5", "f280a6bd1d154096c73363c3fccb1acf"),
        ("SHA-1", "874af27bff84bcdff40a956c9e7bf404b8e12434"),
        ("SHA-224", "2032d3d6a046ea27f304d8216877049a45a4693bdc547018eb480b8c"),
        ("SHA-384", "3c38a8142be799ec12fcf300a24cce3627d563012a33bbae63ce5f45821e64c9d52359a9471af658b4d41e827021ceed"),
        ("SHA-512", "c0ecae90e7ebe52fd3a54a2eafc7a64fac5ce928954f39d8667d423f5d27f685f639fcc497709961d36588c147edd661ef4f5ca2ee1107dbde7a10d65941f395"),
        ("SHA-512/224", "047d8711199e498714eeeb21e227c7891cf8a9d43783a2e52c671b40"),
        ("SHA-512/256", "e7ed2cc789de942b0cd71b7c3e983f6d52c5ef6877b199ed39a08d3956df61e5"),
    ];
    for (algorithm, expected) in cases {
        let property = format!("column.mask.hash.v2.{algorithm}.with.salt.pepper");
        assert_eq!(value(&field(&text_column(), &property), "hash me"), format!("\"{expected}\""));
    }
}

#[test]
fn hash_is_cut_to_the_column_and_leaves_null() {
    let hashed =
        field(&column(Oid::VARCHAR, "varchar", 14), "column.mask.hash.v2.MD5.with.salt.pepper");
    assert_eq!(value(&hashed, "hash me"), "\"f280a6bd1d\"");
    assert_eq!(json(|out| hashed.write_null(out)), "null");
    assert_eq!(parameters_of(&hashed), [("masked", "true")]);
    // A NOT NULL column that was not sent holds an empty text, which is hashed.
    let required = Column { nullable: false, ..text_column() };
    let hashed = field(&required, "column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K");
    assert_eq!(
        json(|out| hashed.write_absent(out)),
        "\"38bc986eb4a5475fab16ac693f6c1b4c2445600da5c5aec3d04301e48d6d0d68\""
    );
}

#[test]
fn mask_replaces_null_and_unchanged_toast_too() {
    let masked = field(&text_column(), "column.mask.with.5.chars");
    assert_eq!(value(&masked, "secret"), "\"*****\"");
    assert_eq!(json(|out| masked.write_null(out)), "\"*****\"");
    assert_eq!(json(|out| masked.write_unavailable(out)), "\"*****\"");
    assert_eq!(value(&field(&text_column(), "column.mask.with.0.chars"), "secret"), "\"\"");
}

#[test]
fn masks_leave_what_is_no_text_but_mark_it() {
    for property in ["column.mask.with.5.chars", "column.mask.hash.MD5.with.salt.x"] {
        let number = field(&column(Oid::INT4, "int4", -1), property);
        assert_eq!(value(&number, "42"), "42");
        assert_eq!(json(|out| number.write_null(out)), "null");
        assert_eq!(parameters_of(&number), [("masked", "true")]);
        let uuid = field(&column(Oid::UUID, "uuid", -1), property);
        assert_eq!(value(&uuid, "u"), "\"u\"", "uuid is no character type");
    }
}

#[test]
fn truncation_counts_utf16_units() {
    let cut = field(&text_column(), "column.truncate.to.3.chars");
    assert_eq!(parameters_of(&cut), [("truncateLength", "3")]);
    for (text, expected) in [
        ("abcd", "\"abc\""),
        ("ü☃é!", "\"ü☃é\""),
        ("a\"\\b", r#""a\"\\""#),
        ("ab", "\"ab\""),
        // The second half of the pair would be the fourth unit.
        ("ab😀", r#""ab\uD83D""#),
        ("a😀b", r#""a\uD83D\uDE00""#),
    ] {
        assert_eq!(value(&cut, text), expected);
    }
    assert_eq!(json(|out| cut.write_null(out)), "null");
    assert_eq!(json(|out| cut.write_unavailable(out)), "\"__d\"");
}

#[test]
fn bytes_are_cut_and_short_columns_are_not() {
    let bytes = field(&column(Oid::BYTEA, "bytea", -1), "column.truncate.to.2.chars");
    assert_eq!(value(&bytes, r"\x010203"), "\"AQI=\"");
    let short = field(&column(Oid::VARCHAR, "varchar", 24), "column.truncate.to.20.chars");
    assert_eq!((parameters_of(&short), value(&short, "x")), (vec![], "\"x\"".to_owned()));
}

#[test]
fn source_type_becomes_parameters_in_their_order() {
    let mapper = ColumnMapper::SourceType;
    let number = column(Oid::NUMERIC, "numeric", (5 << 16 | 2) + 4);
    let field = Field::new(&number, Phase::Stream, &ValueOptions::default()).unwrap().mapped(
        &mapper,
        &number,
        Phase::Stream,
    );
    assert_eq!(
        parameters_of(&field),
        [
            ("scale", "2"),
            ("connect.decimal.precision", "5"),
            ("__debezium.source.column.type", "NUMERIC"),
            ("__debezium.source.column.length", "5"),
            ("__debezium.source.column.scale", "2"),
            ("__debezium.source.column.name", "c"),
        ]
    );
    assert_eq!(value(&field, "1.5"), "\"AJY=\"");
}
