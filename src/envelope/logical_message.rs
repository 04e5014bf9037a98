//! Records of `pg_logical_emit_message`: their own topic, key and envelope.

use super::EnvelopeOptions;
use super::source_block;
use super::source_block::SourceParts;
use super::table_encoder::{EventContext, TRANSACTION_SCHEMA, write_transaction};
use crate::pgoutput::LogicalMessage;
use crate::value::BinaryMode;
use crate::value::ValueOptions;
use crate::value::write_binary;
use crate::value::write_str;
use std::sync::Arc;

const KEY_SCHEMA: &str = concat!(
    r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":true,"field":"prefix"}],"#,
    r#""optional":false,"name":"io.debezium.connector.postgresql.MessageKey","version":1},"#,
    r#""payload":"#,
);

/// The value's schema up to `source`.
const SCHEMA_HEAD: &str = concat!(
    r#"{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"op"},"#,
    r#"{"type":"int64","optional":true,"field":"ts_ms"},"#,
);

/// The value's schema behind the type of `content`.
const SCHEMA_TAIL: &str = concat!(
    r#","optional":true,"field":"content"}],"optional":false,"#,
    r#""name":"io.debezium.connector.postgresql.Message","version":1,"field":"message"}],"#,
    r#""optional":false,"name":"io.debezium.connector.postgresql.MessageValue","version":1},"#,
    r#""payload":"#,
);

/// Encodes logical decoding messages.
#[derive(Debug)]
pub struct LogicalMessageEncoder {
    topic: Arc<str>,
    binary: BinaryMode,
    key_head: &'static str,
    key_tail: &'static str,
    value_head: Box<[u8]>,
    value_tail: &'static str,
    source: SourceParts,
}

impl LogicalMessageEncoder {
    /// Renders everything that all messages have in common.
    #[must_use]
    pub fn new(options: &EnvelopeOptions, values: &ValueOptions) -> Self {
        let mut value_head = Vec::new();
        if options.value_schemas {
            value_head.extend_from_slice(SCHEMA_HEAD.as_bytes());
            value_head.extend_from_slice(source_block::SCHEMA.as_bytes());
            value_head.extend_from_slice(TRANSACTION_SCHEMA.as_bytes());
            value_head.extend_from_slice(
                br#",{"type":"struct","fields":[{"type":"string","optional":true,"field":"prefix"},"#,
            );
            let content = if values.binary == BinaryMode::Bytes { "bytes" } else { "string" };
            value_head.extend_from_slice(b"{\"type\":");
            write_str(content, &mut value_head);
            value_head.extend_from_slice(SCHEMA_TAIL.as_bytes());
        }
        value_head.extend_from_slice(br#"{"op":"m","ts_ms":"#);
        Self {
            // A dot whatever topic.delimiter says.
            topic: format!("{}.message", options.topic_prefix).into(),
            binary: values.binary,
            key_head: if options.key_schemas { KEY_SCHEMA } else { "" },
            key_tail: if options.key_schemas { "}" } else { "" },
            value_head: value_head.into(),
            value_tail: if options.value_schemas { "}" } else { "" },
            source: SourceParts::new(options, values),
        }
    }

    /// `<topic.prefix>.message`.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// Appends a record's key.
    pub fn write_key(&self, message: &LogicalMessage<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.key_head.as_bytes());
        out.extend_from_slice(b"{\"prefix\":");
        write_str(message.prefix, out);
        out.push(b'}');
        out.extend_from_slice(self.key_tail.as_bytes());
    }

    /// Appends a record's value.
    pub fn write_value(
        &self,
        message: &LogicalMessage<'_>,
        context: EventContext<'_>,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(&self.value_head);
        source_block::number(out, context.now_ns.div_euclid(1_000_000));
        let table = br#","schema":"","table":"","txId":"#;
        context.source.write(&self.source, table, out);
        write_transaction(context.transaction, out);
        out.extend_from_slice(b",\"message\":{\"prefix\":");
        write_str(message.prefix, out);
        out.extend_from_slice(b",\"content\":");
        write_binary(message.content, self.binary, out);
        out.extend_from_slice(b"}}");
        out.extend_from_slice(self.value_tail.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{SnapshotMarker, SourceContext};
    use crate::lsn::Lsn;

    fn written(schemas: bool, binary: BinaryMode) -> (String, String) {
        let options = EnvelopeOptions {
            topic_prefix: "pg".to_owned(),
            topic_delimiter: "/".to_owned(),
            key_schemas: schemas,
            value_schemas: schemas,
            ..EnvelopeOptions::default()
        };
        let encoder =
            LogicalMessageEncoder::new(&options, &ValueOptions { binary, ..Default::default() });
        assert_eq!(&**encoder.topic(), "pg.message");
        let message = LogicalMessage {
            transactional: true,
            lsn: Lsn::new(9),
            prefix: "a\"b",
            content: b"\x00\xff\x01",
        };
        let source = SourceContext {
            ts_us: 1_000_000,
            snapshot: SnapshotMarker::False,
            last_commit_lsn: None,
            lsn: Lsn::new(9),
            tx_id: Some(7),
            xmin: None,
            origin: None,
        };
        let context = EventContext { source: &source, transaction: None, now_ns: 2_000_000_000 };
        let (mut key, mut value) = (Vec::new(), Vec::new());
        encoder.write_key(&message, &mut key);
        encoder.write_value(&message, context, &mut value);
        (String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap())
    }

    #[test]
    fn envelope_has_debeziums_members_in_order() {
        let (key, value) = written(false, BinaryMode::Bytes);
        assert_eq!(key, r#"{"prefix":"a\"b"}"#);
        assert_eq!(
            value,
            concat!(
                r#"{"op":"m","ts_ms":2000,"source":{"version":"3.6.3.Final","#,
                r#""connector":"postgresql","name":"pg","ts_ms":1000,"snapshot":"false","#,
                r#""db":"postgres","sequence":"[null,\"9\"]","ts_us":1000000,"#,
                r#""ts_ns":1000000000,"schema":"","table":"","txId":7,"lsn":9,"xmin":null,"#,
                r#""origin":null,"origin_lsn":null},"transaction":null,"#,
                r#""message":{"prefix":"a\"b","content":"AP8B"}}"#
            )
        );
    }

    #[test]
    fn content_follows_the_binary_mode() {
        for (binary, schema_type, content) in [
            (BinaryMode::Bytes, "bytes", "AP8B"),
            (BinaryMode::Base64, "string", "AP8B"),
            (BinaryMode::Base64UrlSafe, "string", "AP8B"),
            (BinaryMode::Hex, "string", "00ff01"),
        ] {
            let (key, value) = written(true, binary);
            let key: serde_json::Value = serde_json::from_str(&key).unwrap();
            let value: serde_json::Value = serde_json::from_str(&value).unwrap();
            assert_eq!(key["payload"]["prefix"], "a\"b");
            assert_eq!(value["payload"]["message"]["content"], content);
            assert_eq!(value["schema"]["fields"][4]["fields"][1]["type"], schema_type);
        }
    }
}
