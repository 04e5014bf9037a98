//! Notification records: how snapshots go, for whoever waits for one.

use super::EnvelopeOptions;
use super::source_block::number;
use super::topic::sanitise_topic;
use crate::value::write_str;
use std::sync::Arc;

const KEY_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"id"}],"#,
    r#""optional":false,"name":"io.debezium.connector.common.NotificationKey","version":1},"#,
    r#""payload":"#,
);

const VALUE_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":["#,
    r#"{"type":"string","optional":false,"field":"id"},"#,
    r#"{"type":"string","optional":false,"field":"type"},"#,
    r#"{"type":"string","optional":false,"field":"aggregate_type"},"#,
    r#"{"type":"map","keys":{"type":"string","optional":false},"#,
    r#""values":{"type":"string","optional":false},"optional":true,"field":"additional_data"},"#,
    r#"{"type":"int64","optional":false,"field":"timestamp"}],"#,
    r#""optional":false,"name":"io.debezium.connector.common.Notification","version":1},"#,
    r#""payload":"#,
);

/// Which snapshot a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The first one, or a blocking one.
    Initial,
    /// An incremental one.
    Incremental,
}

impl Aggregate {
    /// As Debezium writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "Initial Snapshot",
            Self::Incremental => "Incremental Snapshot",
        }
    }
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Id of the signal that asked for the snapshot, or a random one.
    pub id: String,
    /// Which snapshot.
    pub aggregate: Aggregate,
    /// `STARTED`, `COMPLETED`, ….
    pub kind: &'static str,
    /// `additional_data`, in the order in which it is written.
    pub data: Vec<(&'static str, String)>,
    /// The connector's clock, Unix milliseconds.
    pub timestamp_ms: i64,
}

/// Encodes notifications.
#[derive(Debug)]
pub struct NotificationEncoder {
    topic: Arc<str>,
    key_schemas: bool,
    value_schemas: bool,
}

impl NotificationEncoder {
    /// An encoder for notifications to `topic`.
    #[must_use]
    pub fn new(topic: &str, options: &EnvelopeOptions) -> Self {
        Self {
            topic: sanitise_topic(topic, false).into(),
            key_schemas: options.key_schemas,
            value_schemas: options.value_schemas,
        }
    }

    /// The topic of the notifications.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Appends a notification's key.
    pub fn write_key(&self, notification: &Notification, out: &mut Vec<u8>) {
        let (head, tail) = if self.key_schemas { (KEY_SCHEMA, "}") } else { ("", "") };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"{\"id\":");
        write_str(&notification.id, out);
        out.push(b'}');
        out.extend_from_slice(tail.as_bytes());
    }

    /// Appends a notification's value.
    pub fn write_value(&self, notification: &Notification, out: &mut Vec<u8>) {
        let (head, tail) = if self.value_schemas { (VALUE_SCHEMA, "}") } else { ("", "") };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"{\"id\":");
        write_str(&notification.id, out);
        out.extend_from_slice(b",\"type\":");
        write_str(notification.kind, out);
        out.extend_from_slice(b",\"aggregate_type\":");
        write_str(notification.aggregate.as_str(), out);
        out.extend_from_slice(b",\"additional_data\":{");
        for (index, (name, value)) in notification.data.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_str(name, out);
            out.push(b':');
            write_str(value, out);
        }
        out.extend_from_slice(b"},\"timestamp\":");
        number(out, notification.timestamp_ms);
        out.push(b'}');
        out.extend_from_slice(tail.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(schemas: bool) -> (String, String) {
        let options = EnvelopeOptions {
            key_schemas: schemas,
            value_schemas: schemas,
            ..EnvelopeOptions::default()
        };
        let encoder = NotificationEncoder::new("notes", &options);
        let notification = Notification {
            id: "s1".to_owned(),
            aggregate: Aggregate::Incremental,
            kind: "STARTED",
            data: vec![
                ("connector_name", "dbserver1".to_owned()),
                ("data_collections", "public.t".to_owned()),
            ],
            timestamp_ms: 1_795_578_207_148,
        };
        let (mut key, mut value) = (Vec::new(), Vec::new());
        encoder.write_key(&notification, &mut key);
        encoder.write_value(&notification, &mut value);
        (String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap())
    }

    #[test]
    fn notification_is_written_as_debezium_writes_it() {
        let (key, value) = written(false);
        assert_eq!(key, r#"{"id":"s1"}"#);
        assert_eq!(
            value,
            concat!(
                r#"{"id":"s1","type":"STARTED","aggregate_type":"Incremental Snapshot","#,
                r#""additional_data":{"connector_name":"dbserver1","data_collections":"public.t"},"#,
                r#""timestamp":1795578207148}"#
            )
        );
    }

    #[test]
    fn schemas_are_json_around_the_payload() {
        let (key, value) = written(true);
        let key: serde_json::Value = serde_json::from_str(&key).unwrap();
        let value: serde_json::Value = serde_json::from_str(&value).unwrap();
        assert_eq!(key["payload"]["id"], "s1");
        assert_eq!(value["payload"]["type"], "STARTED");
        assert_eq!(value["schema"]["fields"].as_array().map(Vec::len), Some(5));
    }
}
