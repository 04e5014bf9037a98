//! What a Connect schema says about a value's text: enough of it to show the value to a person.

use serde::Deserialize;
use std::sync::Arc;

/// How a JSON value is to be read; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    #[default]
    Plain,
    /// Base64 of a big-endian two's-complement number, with this many digits behind the point.
    Decimal {
        /// Digits behind the point.
        scale: i32,
    },
    /// `{"scale":…,"value":base64}`.
    VariableScaleDecimal,
    /// Base64 of bytes.
    Bytes,
    /// Base64 of a bit string, least significant byte first.
    Bits {
        /// Declared number of bits.
        length: u32,
    },
    /// Days since 1970-01-01.
    Date,
    /// Time of day in this unit.
    Time(Unit),
    /// Time since 1970-01-01T00:00 without a zone, in this unit.
    Timestamp(Unit),
    /// A length of time in this unit.
    Duration(Unit),
    /// ISO text of a time, with `T` and `Z`.
    IsoText,
    /// `{"x":…,"y":…,…}`.
    Point,
    /// An array of values of one kind.
    Array(Arc<Kind>),
    /// Named fields in their order.
    Struct(Arc<[(String, Kind)]>),
}

/// Unit of a number that stands for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 10⁻³ s.
    Millis,
    /// 10⁻⁶ s.
    Micros,
    /// 10⁻⁹ s.
    Nanos,
}

impl Unit {
    /// How many of this unit a second has.
    #[must_use]
    pub const fn per_second(self) -> i64 {
        match self {
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }

    /// Digits behind the point of a second.
    #[must_use]
    pub const fn digits(self) -> usize {
        match self {
            Self::Millis => 3,
            Self::Micros => 6,
            Self::Nanos => 9,
        }
    }
}

/// A node of a schema as the JSON converter writes it; members that are not needed are skipped.
#[derive(Deserialize)]
struct Node {
    #[serde(rename = "type")]
    type_name: String,
    name: Option<String>,
    field: Option<String>,
    #[serde(default)]
    fields: Vec<Node>,
    items: Option<Box<Node>>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    scale: Option<String>,
    length: Option<String>,
}

impl Kind {
    /// Reads the `schema` member of a JSON converter's output; anything odd is [`Kind::Plain`].
    #[must_use]
    pub fn from_schema(json: &str) -> Self {
        serde_json::from_str::<Node>(json).map_or(Self::Plain, Self::from_node)
    }

    fn from_node(node: Node) -> Self {
        if let Some(kind) = node.name.as_deref().and_then(|name| Self::from_name(name, &node)) {
            return kind;
        }
        match node.type_name.as_str() {
            "bytes" => Self::Bytes,
            "array" => {
                node.items.map_or(Self::Plain, |i| Self::Array(Arc::new(Self::from_node(*i))))
            }
            "struct" => Self::Struct(
                node.fields
                    .into_iter()
                    .map(|mut field| {
                        (field.field.take().unwrap_or_default(), Self::from_node(field))
                    })
                    .collect(),
            ),
            _ => Self::Plain,
        }
    }

    /// The semantic types of Kafka Connect and Debezium.
    fn from_name(name: &str, node: &Node) -> Option<Self> {
        let parameters = node.parameters.as_ref();
        if let Some(name) = name.strip_prefix("org.apache.kafka.connect.data.") {
            return Some(match name {
                "Decimal" => Self::Decimal { scale: parameters?.scale.as_deref()?.parse().ok()? },
                "Date" => Self::Date,
                "Time" => Self::Time(Unit::Millis),
                "Timestamp" => Self::Timestamp(Unit::Millis),
                _ => return None,
            });
        }
        Some(match name.strip_prefix("io.debezium.")? {
            "data.VariableScaleDecimal" => Self::VariableScaleDecimal,
            "data.Bits" => Self::Bits { length: parameters?.length.as_deref()?.parse().ok()? },
            "data.geometry.Point" => Self::Point,
            "time.Date" => Self::Date,
            "time.Time" => Self::Time(Unit::Millis),
            "time.MicroTime" => Self::Time(Unit::Micros),
            "time.NanoTime" => Self::Time(Unit::Nanos),
            "time.Timestamp" => Self::Timestamp(Unit::Millis),
            "time.MicroTimestamp" => Self::Timestamp(Unit::Micros),
            "time.NanoTimestamp" => Self::Timestamp(Unit::Nanos),
            "time.MicroDuration" => Self::Duration(Unit::Micros),
            "time.NanoDuration" => Self::Duration(Unit::Nanos),
            "time.ZonedTimestamp"
            | "time.ZonedTime"
            | "time.IsoDate"
            | "time.IsoTime"
            | "time.IsoTimestamp" => Self::IsoText,
            _ => return None,
        })
    }

    /// Kind of the field `name`; writers keep the schema's order, so `index` is tried first.
    #[must_use]
    pub fn field(&self, index: usize, name: &str) -> &Self {
        let Self::Struct(fields) = self else { return &Self::Plain };
        match fields.get(index) {
            Some((found, kind)) if found == name => kind,
            _ => fields.iter().find(|(found, _)| found == name).map_or(&Self::Plain, |(_, k)| k),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_names_decide_the_kind() {
        #[rustfmt::skip] // one case a line
        let cases = [
            (r#"{"type":"int32","optional":false}"#, Kind::Plain),
            (r#"{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}}"#, Kind::Decimal { scale: 2 }),
            (r#"{"type":"struct","fields":[],"name":"io.debezium.data.VariableScaleDecimal","version":1}"#, Kind::VariableScaleDecimal),
            (r#"{"type":"bytes","name":"io.debezium.data.Bits","parameters":{"length":"7"}}"#, Kind::Bits { length: 7 }),
            (r#"{"type":"bytes"}"#, Kind::Bytes),
            (r#"{"type":"int32","name":"io.debezium.time.Date"}"#, Kind::Date),
            (r#"{"type":"int64","name":"io.debezium.time.MicroTimestamp"}"#, Kind::Timestamp(Unit::Micros)),
            (r#"{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp"}"#, Kind::Timestamp(Unit::Millis)),
            (r#"{"type":"string","name":"io.debezium.time.ZonedTimestamp"}"#, Kind::IsoText),
            (r#"{"type":"array","items":{"type":"int32","name":"io.debezium.time.Date"}}"#, Kind::Array(Arc::new(Kind::Date))),
            (r#"{"type":["null","string"]}"#, Kind::Plain),
            ("null", Kind::Plain),
            ("{", Kind::Plain),
        ];
        for (schema, kind) in cases {
            assert_eq!(Kind::from_schema(schema), kind, "{schema}");
        }
    }

    #[test]
    fn field_is_found_by_position_or_by_name() {
        let kind = Kind::from_schema(
            r#"{"type":"struct","fields":[{"type":"int32","field":"id"},{"type":"bytes","field":"b"}]}"#,
        );
        assert_eq!(kind.field(1, "b"), &Kind::Bytes);
        assert_eq!(kind.field(0, "b"), &Kind::Bytes);
        assert_eq!(kind.field(0, "id"), &Kind::Plain);
        assert_eq!(kind.field(9, "other"), &Kind::Plain);
    }
}
