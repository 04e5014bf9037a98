//! Heartbeat records: a topic that shows that a capture lives though nothing changes.

use super::EnvelopeOptions;
use super::source_block::number;
use super::topic::heartbeat_topic;
use crate::value::write_str;
use std::sync::Arc;

const KEY_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"serverName"}],"#,
    r#""optional":false,"name":"io.debezium.connector.common.ServerNameKey","version":1},"#,
    r#""payload":"#,
);

const VALUE_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":["#,
    r#"{"type":"int64","optional":false,"field":"ts_ms"}],"optional":false,"#,
    r#""name":"io.debezium.connector.common.Heartbeat","version":1},"payload":"#,
);

/// Encodes heartbeats.
#[derive(Debug)]
pub struct HeartbeatEncoder {
    topic: Arc<str>,
    /// The same for all heartbeats.
    key: Box<[u8]>,
    value_head: &'static str,
    value_tail: &'static str,
}

impl HeartbeatEncoder {
    /// Renders everything that all heartbeats have in common.
    #[must_use]
    pub fn new(options: &EnvelopeOptions) -> Self {
        let mut key = Vec::new();
        if options.key_schemas {
            key.extend_from_slice(KEY_SCHEMA.as_bytes());
        }
        key.extend_from_slice(b"{\"serverName\":");
        write_str(&options.topic_prefix, &mut key);
        key.push(b'}');
        if options.key_schemas {
            key.push(b'}');
        }
        Self {
            topic: heartbeat_topic(options),
            key: key.into(),
            value_head: if options.value_schemas { VALUE_SCHEMA } else { "" },
            value_tail: if options.value_schemas { "}" } else { "" },
        }
    }

    /// The topic of the heartbeats.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Appends a heartbeat's key.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key);
    }

    /// Appends a heartbeat's value.
    pub fn write_value(&self, now_ns: i64, out: &mut Vec<u8>) {
        out.extend_from_slice(self.value_head.as_bytes());
        out.extend_from_slice(b"{\"ts_ms\":");
        number(out, now_ns.div_euclid(1_000_000));
        out.push(b'}');
        out.extend_from_slice(self.value_tail.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(schemas: bool) -> HeartbeatEncoder {
        HeartbeatEncoder::new(&EnvelopeOptions {
            topic_prefix: "pg".to_owned(),
            key_schemas: schemas,
            value_schemas: schemas,
            ..EnvelopeOptions::default()
        })
    }

    #[test]
    fn heartbeat_names_the_server_and_the_time() {
        let encoder = encoder(false);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        encoder.write_key(&mut key);
        encoder.write_value(1_795_338_230_668_999_999, &mut value);
        assert_eq!(&**encoder.topic(), "__debezium-heartbeat.pg");
        assert_eq!(key, br#"{"serverName":"pg"}"#);
        assert_eq!(value, br#"{"ts_ms":1795338230668}"#);
    }

    #[test]
    fn schemas_are_json_around_the_payload() {
        let encoder = encoder(true);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        encoder.write_key(&mut key);
        encoder.write_value(5_000_000, &mut value);
        let key: serde_json::Value = serde_json::from_slice(&key).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&value).unwrap();
        assert_eq!(key["payload"]["serverName"], "pg");
        assert_eq!(value["payload"]["ts_ms"], 5);
    }
}
