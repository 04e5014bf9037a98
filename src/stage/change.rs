//! What a record says: a change in Debezium's envelope, a bare row, a tombstone, or anything else.

use super::RecordView;
use super::json::{self, Member};
use super::kind::Kind;
use super::topic_map::TopicMap;
use serde::Deserialize;

/// JSON text together with what its schema says about it.
#[derive(Debug, Clone)]
pub struct Value<'a> {
    /// The JSON text.
    pub json: &'a str,
    /// Its kind; [`Kind::Plain`] when the record brought no schema.
    pub kind: Kind,
}

/// What happened to a row (or table), from the envelope's `op`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `r`: read by a snapshot.
    Read,
    /// `c`: inserted.
    Create,
    /// `u`: updated.
    Update,
    /// `d`: deleted.
    Delete,
    /// `t`: the table was emptied.
    Truncate,
    /// `m`: a logical decoding message.
    Message,
}

impl Op {
    fn parse(json: &str) -> Option<Self> {
        Some(match json {
            "\"r\"" => Self::Read,
            "\"c\"" => Self::Create,
            "\"u\"" => Self::Update,
            "\"d\"" => Self::Delete,
            "\"t\"" => Self::Truncate,
            "\"m\"" => Self::Message,
            _ => return None,
        })
    }
}

/// The parts of a Debezium envelope that are shown.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// What happened.
    pub op: Op,
    /// The old row, when PostgreSQL sent one.
    pub before: Option<Value<'a>>,
    /// The new row.
    pub after: Option<Value<'a>>,
    /// Prefix and content of a logical decoding message.
    pub message: Option<Value<'a>>,
}

/// The value of a record.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// No value.
    Tombstone,
    /// A change.
    Envelope(Envelope<'a>),
    /// A JSON object that is no envelope: an unwrapped row, a transaction mark, a heartbeat.
    Object(Value<'a>),
    /// Anything else.
    Bytes(&'a [u8]),
}

/// The key of a record.
#[derive(Debug, Clone)]
pub enum Key<'a> {
    /// A JSON object, one member per key column.
    Object {
        /// The object and its kind.
        value: Value<'a>,
        /// The object taken apart.
        members: Vec<Member<'a>>,
    },
    /// Anything else.
    Bytes(&'a [u8]),
}

/// A record, understood as far as it can be.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The key, if there is one.
    pub key: Option<Key<'a>>,
    /// The value.
    pub body: Body<'a>,
    /// When it was committed, in milliseconds since the Unix epoch: `source.ts_ms`, else the
    /// envelope's `ts_ms`, else the record's own time.
    pub time_ms: Option<i64>,
}

/// Reads records; remembers the last schema of each topic, because it is most of the bytes and
/// nearly always the same.
#[derive(Debug, Default)]
pub struct Parser {
    topics: TopicMap<TopicSchemas>,
}

#[derive(Debug, Default)]
struct TopicSchemas {
    key: SchemaMemory,
    value: SchemaMemory,
}

impl Parser {
    /// Understands one record. Never fails: what cannot be read is [`Body::Bytes`].
    pub fn parse<'a>(&mut self, record: &RecordView<'a>) -> Change<'a> {
        let schemas = self.topics.get_or_default(record.topic);
        let key = record.key.map(|bytes| {
            let object = schemas
                .key
                .split(bytes)
                .and_then(|value| Some(Key::Object { members: json::members(value.json)?, value }));
            object.unwrap_or(Key::Bytes(bytes))
        });
        let mut time_ms = record.timestamp_ms;
        let body = match record.value {
            None => Body::Tombstone,
            Some(bytes) => match schemas.value.split(bytes) {
                Some(value) => body(value, bytes, &mut time_ms),
                None => Body::Bytes(bytes),
            },
        };
        Change { key, body, time_ms }
    }

    /// The JSON of a record's value without its schema; `None` when the value is no JSON.
    pub fn payload<'a>(&mut self, topic: &str, value: &'a [u8]) -> Option<&'a str> {
        let payload = self.topics.get_or_default(topic).value.split(value)?.json;
        json::valid(payload.as_bytes()).or_else(|| json::valid(value))
    }
}

/// The start of the last record that had a schema, up to its payload, and what that schema says.
#[derive(Debug, Default)]
struct SchemaMemory {
    prefix: Box<[u8]>,
    kind: Kind,
}

impl SchemaMemory {
    /// Takes `{"schema":…,"payload":…}` apart; other text is a payload without schema. `None` for
    /// bytes that are no text. The payload is not checked to be JSON.
    fn split<'a>(&mut self, bytes: &'a [u8]) -> Option<Value<'a>> {
        if !self.prefix.is_empty()
            && let Some(rest) = bytes.strip_prefix(&*self.prefix)
            && let Some(payload) = rest.strip_suffix(b"}")
        {
            let json = std::str::from_utf8(payload).ok()?;
            return Some(Value { json, kind: self.kind.clone() });
        }
        let text = std::str::from_utf8(bytes).ok()?;
        Some(self.learn(text).unwrap_or(Value { json: text, kind: Kind::Plain }))
    }

    fn learn<'a>(&mut self, text: &'a str) -> Option<Value<'a>> {
        let first = text.trim_ascii_start().strip_prefix('{')?.trim_ascii_start();
        if !first.starts_with("\"schema\"") {
            return None;
        }
        let members = json::members(text)?;
        let [schema, payload] = members.as_slice() else { return None };
        if schema.name != "schema" || payload.name != "payload" || !is_schema(schema.json) {
            return None;
        }
        let kind = Kind::from_schema(schema.json);
        if let Some(prefix) = text.strip_suffix('}').and_then(|t| t.strip_suffix(payload.json)) {
            *self = Self { prefix: prefix.as_bytes().into(), kind: kind.clone() };
        }
        Some(Value { json: payload.json, kind })
    }
}

/// A schema is an object with a type, or `null` for a value without one.
fn is_schema(json: &str) -> bool {
    json == "null"
        || json::members(json).is_some_and(|members| members.iter().any(|m| m.name == "type"))
}

/// Finds the envelope in a payload.
fn body<'a>(value: Value<'a>, bytes: &'a [u8], time_ms: &mut Option<i64>) -> Body<'a> {
    let Some(members) = json::members(value.json) else { return Body::Bytes(bytes) };
    let (mut op, mut before, mut after, mut message, mut source) = (None, None, None, None, None);
    let mut ts_ms = None;
    let mut rows = false;
    for (index, member) in members.iter().enumerate() {
        let part = || {
            let kind = || value.kind.field(index, &member.name).clone();
            (member.json != "null").then(|| Value { json: member.json, kind: kind() })
        };
        match member.name.as_ref() {
            "op" => op = Op::parse(member.json),
            "before" => (before, rows) = (part(), true),
            "after" => (after, rows) = (part(), true),
            "message" => (message, rows) = (part(), true),
            "source" => (source, rows) = (Some(member.json), true),
            "ts_ms" => ts_ms = member.json.parse().ok(),
            _ => {}
        }
    }
    let Some(op) = op.filter(|_| rows) else { return Body::Object(value) };
    *time_ms = source.and_then(source_time_ms).or(ts_ms).or(*time_ms);
    Body::Envelope(Envelope { op, before, after, message })
}

fn source_time_ms(json: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Source {
        ts_ms: Option<i64>,
    }
    early_time_ms(json).or_else(|| serde_json::from_str::<Source>(json).ok()?.ts_ms)
}

/// `ts_ms` as the writers of envelopes put it: near the front of an object without objects in it.
/// A quote within a string is escaped, so the name can only be found as a member's name.
fn early_time_ms(json: &str) -> Option<i64> {
    let (front, rest) = json.split_once("\"ts_ms\":")?;
    let is_member = front.ends_with(['{', ',']) && front.strip_prefix('{')?.find('{').is_none();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..digits).filter(|_| is_member)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse<'a>(parser: &mut Parser, key: Option<&'a str>, value: Option<&'a str>) -> Change<'a> {
        parser.parse(&RecordView {
            topic: "shop.public.t",
            timestamp_ms: Some(5),
            key: key.map(str::as_bytes),
            value: value.map(str::as_bytes),
        })
    }

    const SCHEMA: &str = r#"{"type":"struct","fields":[{"type":"struct","fields":[{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"price"}],"field":"before"},{"type":"struct","fields":[{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"price"}],"field":"after"}]}"#;

    #[test]
    fn envelope_is_found_with_and_without_schema() {
        let payload = r#"{"before":null,"after":{"price":"fQ=="},"source":{"ts_ms":77,"table":"t"},"op":"c","ts_ms":99}"#;
        let with_schema = format!("{{\"schema\":{SCHEMA},\"payload\":{payload}}}");
        let mut parser = Parser::default();
        // The second round goes through the remembered schema.
        for (value, kind) in [
            (payload, Kind::Plain),
            (with_schema.as_str(), Kind::Decimal { scale: 2 }),
            (with_schema.as_str(), Kind::Decimal { scale: 2 }),
            (payload, Kind::Plain),
        ] {
            let change = parse(&mut parser, None, Some(value));
            assert_eq!(change.time_ms, Some(77));
            let Body::Envelope(envelope) = change.body else { panic!("{value}") };
            assert_eq!(envelope.op, Op::Create);
            assert!(envelope.before.is_none());
            let after = envelope.after.unwrap();
            assert_eq!(after.json, r#"{"price":"fQ=="}"#);
            assert_eq!(after.kind.field(0, "price"), &kind);
        }
    }

    #[test]
    fn source_time_is_found_wherever_it_stands() {
        #[rustfmt::skip] // one case a line
        let cases = [
            (r#"{"version":"3","ts_ms":77,"ts_us":1}"#, Some(77)),
            (r#"{"ts_ms":77}"#, Some(77)),
            (r#"{"a":{"ts_ms":1},"ts_ms":77}"#, Some(77)),
            (r#"{"a":",\"ts_ms\":1","ts_ms":77}"#, Some(77)),
            (r#"{"a":"{", "ts_ms" : 77 }"#, Some(77)),
            (r#"{"ts_ms":-77}"#, Some(-77)),
            (r#"{"ts_ms":null}"#, None),
            (r#"{"ts_us":1}"#, None),
            ("12", None),
        ];
        for (json, time) in cases {
            assert_eq!(source_time_ms(json), time, "{json}");
        }
    }

    #[test]
    fn a_row_with_a_column_named_op_is_no_envelope() {
        let mut parser = Parser::default();
        for value in [
            r#"{"id":1,"op":"c"}"#,
            r#"{"op":"create","after":{}}"#,
            r#"{"schema":"x","payload":1}"#,
        ] {
            let change = parse(&mut parser, Some("{\"id\":1}"), Some(value));
            assert!(matches!(change.body, Body::Object(v) if v.json == value), "{value}");
            assert!(matches!(change.key, Some(Key::Object { .. })));
            assert_eq!(change.time_ms, Some(5));
        }
    }

    #[test]
    fn what_is_no_object_stays_bytes() {
        let mut parser = Parser::default();
        for value in ["", "12", "\"x\"", "[1]", "{", "{\"a\":1}x", "plain"] {
            let change = parse(&mut parser, Some("k1"), Some(value));
            assert!(matches!(change.body, Body::Bytes(b) if b == value.as_bytes()), "{value}");
            assert!(matches!(change.key, Some(Key::Bytes(b"k1"))));
        }
        assert!(matches!(parse(&mut parser, None, None).body, Body::Tombstone));
    }

    #[test]
    fn payload_is_the_json_behind_the_schema() {
        let mut parser = Parser::default();
        let value = format!("{{\"schema\":{SCHEMA},\"payload\":{{\"price\": 1.50}}}}");
        for _ in 0..2 {
            assert_eq!(parser.payload("t", value.as_bytes()), Some("{\"price\": 1.50}"));
        }
        // Begins like the remembered record, but has a third member.
        let other = value.replace(" 1.50}}", "1}, \"x\":{}}");
        assert_eq!(parser.payload("t", other.as_bytes()), Some(other.as_str()));
        assert_eq!(parser.payload("t", b"1.50"), Some("1.50"));
        assert_eq!(parser.payload("t", b"no json"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_understood_somehow(
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60)),
            value in proptest::option::of("(\\{\"(schema|payload|op|after|source|before)\":(\"[curdtm]\"|\\{\"[a-z]\":[0-9]\\}|null)[,}]?)*"),
        ) {
            let mut parser = Parser::default();
            for _ in 0..2 {
                let view = RecordView {
                    topic: "t",
                    timestamp_ms: None,
                    key: key.as_deref(),
                    value: value.as_deref().map(str::as_bytes),
                };
                let change = parser.parse(&view);
                prop_assert_eq!(change.key.is_some(), key.is_some());
                prop_assert_eq!(matches!(change.body, Body::Tombstone), value.is_none());
            }
        }
    }
}
