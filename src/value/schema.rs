//! Connect schemas, and how JsonConverter writes them.

use super::json::{write_integer, write_str};
use std::borrow::Cow;

/// A Kafka Connect schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The physical type.
    pub kind: SchemaKind,
    /// True when null is allowed.
    pub optional: bool,
    /// Name of the semantic type, such as `io.debezium.time.Date`.
    pub name: Option<Cow<'static, str>>,
    /// Version of the semantic type.
    pub version: Option<u32>,
    /// Documentation.
    pub doc: Option<&'static str>,
    /// Parameters in their order.
    pub parameters: Vec<(&'static str, String)>,
    /// The default value, already in JSON.
    pub default: Option<Box<[u8]>>,
}

/// The physical type of a [`Schema`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaKind {
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `float`
    Float32,
    /// `double`
    Float64,
    /// `boolean`
    Boolean,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `array` of items
    Array(Box<Schema>),
    /// `map` of keys to values
    Map(Box<Schema>, Box<Schema>),
    /// `struct` of named fields
    Struct(Vec<(String, Schema)>),
}

impl Schema {
    /// A required schema without a name.
    #[must_use]
    pub const fn new(kind: SchemaKind) -> Self {
        Self {
            kind,
            optional: false,
            name: None,
            version: None,
            doc: None,
            parameters: Vec::new(),
            default: None,
        }
    }

    /// A required schema of a semantic type, version 1.
    #[must_use]
    pub fn named(kind: SchemaKind, name: &'static str) -> Self {
        Self { name: Some(Cow::Borrowed(name)), version: Some(1), ..Self::new(kind) }
    }

    /// The same schema, optional or not.
    #[must_use]
    pub fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }

    /// The same schema with a documentation text.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = Some(doc);
        self
    }

    /// The same schema with one more parameter.
    #[must_use]
    pub fn parameter(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// Writes the schema's JSON; `field` is the name within a struct and comes last.
    pub fn write_json(&self, field: Option<&str>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":");
        write_str(self.kind.word(), out);
        self.kind.write_members(out);
        out.extend_from_slice(b",\"optional\":");
        out.extend_from_slice(if self.optional { b"true" } else { b"false" });
        if let Some(name) = &self.name {
            out.extend_from_slice(b",\"name\":");
            write_str(name, out);
        }
        if let Some(version) = self.version {
            out.extend_from_slice(b",\"version\":");
            write_integer(version, out);
        }
        if let Some(doc) = self.doc {
            out.extend_from_slice(b",\"doc\":");
            write_str(doc, out);
        }
        self.write_parameters(out);
        if let Some(default) = &self.default {
            out.extend_from_slice(b",\"default\":");
            out.extend_from_slice(default);
        }
        if let Some(field) = field {
            out.extend_from_slice(b",\"field\":");
            write_str(field, out);
        }
        out.push(b'}');
    }

    fn write_parameters(&self, out: &mut Vec<u8>) {
        for (position, (name, value)) in self.parameters.iter().enumerate() {
            out.extend_from_slice(if position == 0 { b",\"parameters\":{" } else { b"," });
            write_str(name, out);
            out.push(b':');
            write_str(value, out);
        }
        if !self.parameters.is_empty() {
            out.push(b'}');
        }
    }
}

impl SchemaKind {
    /// The word JsonConverter uses for the type.
    const fn word(&self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float",
            Self::Float64 => "double",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Array(_) => "array",
            Self::Map(..) => "map",
            Self::Struct(_) => "struct",
        }
    }

    /// `items`, `keys` and `values`, or `fields`.
    fn write_members(&self, out: &mut Vec<u8>) {
        match self {
            Self::Array(items) => {
                out.extend_from_slice(b",\"items\":");
                items.write_json(None, out);
            }
            Self::Map(keys, values) => {
                out.extend_from_slice(b",\"keys\":");
                keys.write_json(None, out);
                out.extend_from_slice(b",\"values\":");
                values.write_json(None, out);
            }
            Self::Struct(fields) => {
                out.extend_from_slice(b",\"fields\":[");
                for (position, (name, schema)) in fields.iter().enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    schema.write_json(Some(name), out);
                }
                out.push(b']');
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(schema: &Schema, field: Option<&str>) -> String {
        let mut out = Vec::new();
        schema.write_json(field, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn members_stand_in_json_converters_order() {
        let mut schema = Schema::named(SchemaKind::String, "io.debezium.data.Enum")
            .optional(true)
            .parameter("allowed", "sad,quo\"te")
            .doc("d");
        schema.default = Some(b"\"sad\"".to_vec().into());
        assert_eq!(
            json(&schema, Some("e")),
            r#"{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"doc":"d","parameters":{"allowed":"sad,quo\"te"},"default":"sad","field":"e"}"#
        );
    }

    #[test]
    fn structs_arrays_and_maps_nest() {
        let map = Schema::new(SchemaKind::Map(
            Box::new(Schema::new(SchemaKind::Int16)),
            Box::new(Schema::new(SchemaKind::Float64)),
        ));
        let array = Schema::new(SchemaKind::Array(Box::new(Schema::new(SchemaKind::Int8))));
        let schema = Schema::new(SchemaKind::Struct(vec![
            ("m".to_owned(), map),
            ("a".to_owned(), array.optional(true)),
        ]));
        assert_eq!(
            json(&schema, None),
            r#"{"type":"struct","fields":[{"type":"map","keys":{"type":"int16","optional":false},"values":{"type":"double","optional":false},"optional":false,"field":"m"},{"type":"array","items":{"type":"int8","optional":false},"optional":true,"field":"a"}],"optional":false}"#
        );
    }
}
