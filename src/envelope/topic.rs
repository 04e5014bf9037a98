//! Topic and schema names.

use super::EnvelopeOptions;
use crate::relation::Rewrite;
use crate::value::NameAdjustment;
use std::sync::Arc;

/// Kafka's limit for topic names, in characters.
const TOPIC_LEN_MAX: usize = 249;

/// `topic.naming.strategy`, by what its classes do each in another way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicNaming {
    /// The schema is no part of the name: the classes that begin with `Default`.
    pub table_only: bool,
    /// What Kafka refuses becomes `_uXXXX`: the classes with `Unicode` in their names.
    pub unicode: bool,
    /// `topic.regex` and `topic.replacement` of the classes with `Regex` in their names.
    pub rewrite: Option<Rewrite>,
    /// What these add to keys, so that several tables can share a topic.
    pub key_field: Option<KeyField>,
}

/// A field of keys that tells from which table a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyField {
    /// `topic.key.field.name`.
    pub name: String,
    /// `topic.key.field.regex` and `topic.key.field.replacement`; the topic's own name without.
    pub rewrite: Option<Rewrite>,
}

/// `<topic.prefix><delimiter><schema><delimiter><table>`, made legal for Kafka, and routed
/// elsewhere where the naming strategy says so.
///
/// Source: Debezium's AbstractTopicNamingStrategy and its subclasses; recordings `topics`.
#[must_use]
pub fn data_topic(options: &EnvelopeOptions, schema: &str, table: &str) -> Arc<str> {
    let topic = sanitise_topic(&origin(options, schema, table), options.naming.unicode);
    let routed = options.naming.rewrite.as_ref().and_then(|rewrite| rewrite.apply(&topic));
    routed.filter(|routed| !routed.is_empty()).unwrap_or(topic).into()
}

/// Name and value of the field that the naming strategy adds to keys.
#[must_use]
pub(super) fn key_field<'o>(
    options: &'o EnvelopeOptions,
    schema: &str,
    table: &str,
) -> Option<(&'o str, String)> {
    let field = options.naming.key_field.as_ref()?;
    let origin = origin(options, schema, table);
    let rewritten = field.rewrite.as_ref().and_then(|rewrite| rewrite.apply(&origin));
    Some((&field.name, rewritten.unwrap_or(origin)))
}

/// The parts of a topic's name; blank ones, as Java's `trim` knows them, are left out.
fn origin(options: &EnvelopeOptions, schema: &str, table: &str) -> String {
    let schema = if options.naming.table_only { "" } else { schema };
    let parts: Vec<&str> = [&options.topic_prefix, schema, table]
        .into_iter()
        .filter(|part| part.chars().any(|c| c > ' '))
        .collect();
    parts.join(&options.topic_delimiter)
}

/// `<topic.prefix><delimiter><topic.transaction>`.
#[must_use]
pub fn transaction_topic(options: &EnvelopeOptions) -> Arc<str> {
    let name = [&*options.topic_prefix, &*options.transaction_topic].join(&options.topic_delimiter);
    sanitise_topic(&name, false).into()
}

/// `topic.heartbeat.name`, else `<topic.heartbeat.prefix><delimiter><topic.prefix>`.
#[must_use]
pub(super) fn heartbeat_topic(options: &EnvelopeOptions) -> Arc<str> {
    if !options.heartbeat_topic.is_empty() {
        return sanitise_topic(&options.heartbeat_topic, false).into();
    }
    let name = [&*options.heartbeat_prefix, &*options.topic_prefix].join(&options.topic_delimiter);
    sanitise_topic(&name, false).into()
}

/// Replaces what Kafka refuses in topic names by `_`, one for each UTF-16 unit as Java counts, or
/// with `unicode` by `_uXXXX`, the underscore included.
pub(super) fn sanitise_topic(name: &str, unicode: bool) -> String {
    let replacement = |unit: u16| if unicode { format!("_u{unit:04x}") } else { "_".to_owned() };
    let mut legal = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') || (c == '_' && !unicode) {
            legal.push(c);
        } else {
            let units = &mut [0; 2];
            c.encode_utf16(units).iter().for_each(|unit| legal.push_str(&replacement(*unit)));
        }
    }
    legal.truncate(TOPIC_LEN_MAX);
    match legal.as_str() {
        "." | ".." => replacement(u16::from(b'.')).repeat(legal.len()),
        _ => legal,
    }
}

/// Applies `schema.name.adjustment.mode` to a full schema name.
///
/// Avro allows `[A-Za-z_]` first, then `[A-Za-z0-9_.]`; a leading digit stays behind a `_`.
#[must_use]
pub fn adjust_schema_name(name: &str, mode: NameAdjustment) -> String {
    match mode {
        NameAdjustment::None => name.to_owned(),
        NameAdjustment::Avro => adjust(name, |c| c == '_', |out, _| out.push('_')),
        NameAdjustment::AvroUnicode => adjust(
            name,
            |_| false,
            |out, unit| {
                out.push_str("_u");
                out.push_str(&format!("{unit:04x}"));
            },
        ),
    }
}

fn adjust(
    name: &str,
    underscore_is_legal: impl Fn(char) -> bool,
    replace: impl Fn(&mut String, u16),
) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, c) in name.chars().enumerate() {
        let letter = c.is_ascii_alphabetic() || underscore_is_legal(c);
        match c {
            _ if letter || (index > 0 && (c.is_ascii_digit() || c == '.')) => out.push(c),
            _ if index == 0 && c.is_ascii_digit() => {
                out.push('_');
                out.push(c);
            }
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| replace(&mut out, *unit)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(schema: &str, table: &str) -> String {
        let options = EnvelopeOptions { topic_prefix: "pg".to_owned(), ..Default::default() };
        data_topic(&options, schema, table).to_string()
    }

    #[test]
    fn topic_is_prefix_schema_and_table() {
        assert_eq!(topic("public", "orders"), "pg.public.orders");
        assert_eq!(topic("", "orders"), "pg.orders");
    }

    #[test]
    fn heartbeat_topic_is_made_of_the_prefixes_or_named() {
        let mut options = EnvelopeOptions {
            topic_prefix: "pg".to_owned(),
            heartbeat_prefix: "my-hb".to_owned(),
            topic_delimiter: "-".to_owned(),
            ..Default::default()
        };
        assert_eq!(&*heartbeat_topic(&options), "my-hb-pg");
        options.heartbeat_topic = "beats".to_owned();
        assert_eq!(&*heartbeat_topic(&options), "beats");
    }

    #[test]
    fn illegal_characters_become_underscores_per_utf16_unit() {
        // The recordings' case `identifiers`.
        assert_eq!(topic("My Schema", "ta ble"), "pg.My_Schema.ta_ble");
        assert_eq!(topic("ünï", "täble-1"), "pg._n_.t_ble-1");
        assert_eq!(topic("s", "𝄞"), "pg.s.__");
    }

    #[test]
    fn blank_parts_are_left_out() {
        assert_eq!(topic("public", " "), "pg.public");
    }

    #[test]
    fn long_names_are_cut_to_kafkas_limit() {
        assert_eq!(topic(&"s".repeat(200), &"t".repeat(200)).len(), 249);
    }

    #[test]
    fn schema_names_follow_the_adjustment_mode() {
        let name = "1a-b.c_ü";
        assert_eq!(adjust_schema_name(name, NameAdjustment::None), name);
        assert_eq!(adjust_schema_name(name, NameAdjustment::Avro), "_1a_b.c__");
        assert_eq!(adjust_schema_name("a-b_c", NameAdjustment::AvroUnicode), "a_u002db_u005fc");
    }
}
