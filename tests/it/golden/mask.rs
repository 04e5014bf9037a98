//! Replaces what differs between any two runs, and nothing else.

use super::json::Json;
use std::collections::HashMap;

/// Numbers transaction ids and LSNs in order of first appearance; one per sequence of records.
///
/// LSNs of three kinds are numbered apart. Whether a transaction begins exactly where the one
/// before was committed, or the stream where the snapshot ended, is chance: the server's background
/// processes may write WAL between them.
#[derive(Debug, Default)]
pub(super) struct Masker {
    transactions: HashMap<String, usize>,
    lsns: HashMap<(Kind, String), usize>,
    windows: HashMap<String, usize>,
}

/// What an LSN is the position of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Snapshot,
    Change,
    Commit,
}

impl Masker {
    /// Masks key and value of a record, with or without schemas around them.
    pub(super) fn mask(&mut self, topic: &str, key: &mut Json, value: &mut Json) {
        let status = payload(value).member("status").and_then(|status| status.text());
        let kind = if status == Some("END") { Kind::Commit } else { Kind::Change };
        if topic.ends_with(".public.hb") {
            mask_recorded_now(payload(value));
        }
        if topic.ends_with(".public.sig") {
            self.mask_window(payload(key));
            for image in ["before", "after"] {
                if let Some(row) = payload(value).member_mut(image) {
                    self.mask_window(row);
                }
            }
        }
        let is_transaction = topic.ends_with(".transaction");
        self.mask_payload(is_transaction.then_some(kind), payload(key));
        self.mask_payload(is_transaction.then_some(kind), payload(value));
    }

    /// `transaction` is the kind of LSN in the `id` of a transaction's own record.
    fn mask_payload(&mut self, transaction: Option<Kind>, payload: &mut Json) {
        let Json::Object(members) = payload else { return };
        for (name, value) in members {
            match (name.trim_matches('"'), transaction) {
                ("source", _) => self.mask_source(value),
                ("transaction", _) => {
                    if let Some(id) = value.member_mut("id") {
                        self.mask_transaction_id(Kind::Change, id);
                    }
                }
                ("id", Some(kind)) => self.mask_transaction_id(kind, value),
                ("data_collections", Some(_)) => mask_java_objects(value),
                ("__lsn" | "__source_lsn", _) => self.mask_lsn(Kind::Change, value),
                ("__txId" | "__source_txId", _) => self.mask_transaction(value),
                (name, _) => {
                    let name = name.trim_start_matches("__").trim_start_matches("source_");
                    mask_time(name, value);
                }
            }
        }
    }

    fn mask_source(&mut self, source: &mut Json) {
        let streamed =
            matches!(source.member("snapshot").and_then(|s| s.text()), Some("false") | None);
        let kind = if streamed { Kind::Change } else { Kind::Snapshot };
        let Json::Object(members) = source else { return };
        for (name, value) in members {
            match name.trim_matches('"') {
                "lsn" => self.mask_lsn(kind, value),
                "txId" => self.mask_transaction(value),
                "sequence" => self.mask_sequence(kind, value),
                "xmin" if is_number(value) => *value = Json::Scalar("<xmin>".to_owned()),
                name => mask_time(name, value),
            }
        }
    }

    /// A row that opens or closes the window of a chunk: a random id and times.
    fn mask_window(&mut self, row: &mut Json) {
        const UUID_LEN: usize = 36;
        if let Some(id) = row.member_mut("id")
            && let Some((uuid, end)) = id.text().and_then(|id| id.split_at_checked(UUID_LEN))
            && matches!(end, "-open" | "-close")
        {
            let next = self.windows.len() + 1;
            let number = self.windows.entry(uuid.to_owned()).or_insert(next);
            *id = Json::Scalar(format!("\"<window {number}>{end}\""));
            if let Some(Json::Scalar(data)) = row.member_mut("data") {
                *data = mask_instants(data);
            }
        }
    }

    fn mask_lsn(&mut self, kind: Kind, value: &mut Json) {
        if is_number(value) {
            *value = Json::Scalar(self.lsn(kind, &value.to_string()));
        }
    }

    fn mask_transaction(&mut self, value: &mut Json) {
        if is_number(value) {
            *value = Json::Scalar(self.transaction(&value.to_string()));
        }
    }

    /// `"733:22071808"`: transaction and LSN.
    fn mask_transaction_id(&mut self, kind: Kind, value: &mut Json) {
        let Some((xid, lsn)) = value.text().and_then(|text| text.split_once(':')) else { return };
        if is_digits(xid) && is_digits(lsn) {
            let (xid, lsn) = (self.transaction(xid), self.lsn(kind, lsn));
            *value = Json::Scalar(format!("\"{xid}:{lsn}\""));
        }
    }

    /// `"[\"22125970\",\"22125976\"]"`, JSON inside a string: the last commit, and this change.
    fn mask_sequence(&mut self, kind: Kind, value: &mut Json) {
        let Json::Scalar(raw) = value else { return };
        let Some((commit, change)) = raw.split_once(',') else { return };
        let commit = self.mask_digits(Kind::Commit, commit);
        let change = self.mask_digits(kind, change);
        *raw = format!("{commit},{change}");
    }

    /// Replaces the one number in a text, if there is one.
    fn mask_digits(&mut self, kind: Kind, text: &str) -> String {
        let Some(from) = text.find(|c: char| c.is_ascii_digit()) else { return text.to_owned() };
        let (before, rest) = text.split_at(from);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        format!("{before}{}{after}", self.lsn(kind, digits))
    }

    fn lsn(&mut self, kind: Kind, lsn: &str) -> String {
        let next = self.lsns.keys().filter(|(known, _)| *known == kind).count() + 1;
        let number = self.lsns.entry((kind, lsn.to_owned())).or_insert(next);
        format!("<{} {number}>", format!("{kind:?}").to_lowercase())
    }

    fn transaction(&mut self, xid: &str) -> String {
        let next = self.transactions.len() + 1;
        format!("<xid {}>", self.transactions.entry(xid.to_owned()).or_insert(next))
    }
}

/// What a converter with schemas puts behind the schema; without one, all of it.
fn payload(json: &mut Json) -> &mut Json {
    if !matches!(json, Json::Object(members) if members.len() == 2 && members[0].0 == "\"schema\"")
    {
        return json;
    }
    json.member_mut("payload").expect("a schema stands in front of its payload")
}

/// `heartbeat.sql` has a date where the script that was recorded had `now()`.
fn mask_recorded_now(envelope: &mut Json) {
    let is_read = envelope.member("op").and_then(|op| op.text()) == Some("r");
    let Some(ts) = envelope.member_mut("after").and_then(|after| after.member_mut("ts")) else {
        return;
    };
    let is_time = |text: &str| {
        text.len() == "2023-01-01T00:00:00.000000Z".len()
            && text.bytes().filter(u8::is_ascii_digit).count() == 20
    };
    if is_read && ts.text().is_some_and(is_time) {
        *ts = Json::Scalar("<now>".to_owned());
    }
}

/// What END counts logical messages under in a recording: a Java class, and where an object of it
/// was in memory. minicdc writes `message`.
fn mask_java_objects(collections: &mut Json) {
    const OBJECT: &str =
        "io.debezium.connector.postgresql.LogicalDecodingMessageMonitor$LogicalDecodingMessageId@";
    let Json::Array(items) = collections else { return };
    for name in items.iter_mut().filter_map(|item| item.member_mut("data_collection")) {
        let address = name.text().and_then(|text| text.strip_prefix(OBJECT));
        if address.is_some_and(|address| address.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            *name = Json::Scalar("\"message\"".to_owned());
        }
    }
}

/// Replaces times such as `2026-11-22T09:04:49.411352194Z` in a text.
fn mask_instants(text: &str) -> String {
    let is_instant = |word: &str| {
        let (date, time) = word.split_once('T').unwrap_or_default();
        let plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.');
        date.len() == "2026-11-22".len()
            && time.strip_suffix('Z').is_some_and(|time| time.len() >= 8 && time.chars().all(plain))
    };
    let words = text.split_inclusive(['"', '\\']).map(|word| {
        let end = word.len() - usize::from(word.ends_with(['"', '\\']));
        if is_instant(&word[..end]) { format!("<time>{}", &word[end..]) } else { word.to_owned() }
    });
    words.collect()
}

/// A time of this century has a known number of digits in each unit; anything else is an error
/// that must stay visible.
fn mask_time(name: &str, value: &mut Json) {
    let digits = match name {
        "ts_ms" => 13,
        "ts_us" => 16,
        "ts_ns" => 19,
        _ => return,
    };
    if is_number(value) && value.text().is_some_and(|text| text.len() == digits) {
        *value = Json::Scalar(format!("<{name}>"));
    }
}

fn is_number(value: &Json) -> bool {
    matches!(value, Json::Scalar(raw) if is_digits(raw))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(topic: &str, text: &str) -> String {
        let mut json = Json::parse(text).unwrap();
        Masker::default().mask(topic, &mut Json::Scalar("null".to_owned()), &mut json);
        json.to_string()
    }

    #[test]
    fn envelope_keeps_all_but_times_and_positions() {
        let text = r#"{"before":null,"after":{"ts_ms":5,"lsn":7,"id":1},"source":{"version":"3.6.3.Final","ts_ms":1795337905595,"snapshot":"false","sequence":"[\"22125970\",\"22125976\"]","ts_us":1795337905595407,"ts_ns":1795337905595407000,"txId":737,"lsn":22125976,"xmin":null},"transaction":{"id":"737:22125976","total_order":1},"op":"r","ts_ms":1795337905841}"#;
        let expected = r#"{"before":null,"after":{"ts_ms":5,"lsn":7,"id":1},"source":{"version":"3.6.3.Final","ts_ms":<ts_ms>,"snapshot":"false","sequence":"[\"<commit 1>\",\"<change 1>\"]","ts_us":<ts_us>,"ts_ns":<ts_ns>,"txId":<xid 1>,"lsn":<change 1>,"xmin":null},"transaction":{"id":"<xid 1>:<change 1>","total_order":1},"op":"r","ts_ms":<ts_ms>}"#;
        assert_eq!(masked("dbserver1.public.t", text), expected);
    }

    #[test]
    fn time_in_a_wrong_unit_is_not_masked() {
        let text = r#"{"ts_ms":1795337905595407,"source":{"ts_us":1795337905595}}"#;
        assert_eq!(masked("t", text), text);
    }

    #[test]
    fn schema_is_left_alone() {
        let text = r#"{"schema":{"ts_ms":1795337905595},"payload":{"ts_ms":1795337905595}}"#;
        let expected = r#"{"schema":{"ts_ms":1795337905595},"payload":{"ts_ms":<ts_ms>}}"#;
        assert_eq!(masked("t", text), expected);
    }

    #[test]
    fn id_is_a_transaction_only_in_the_transaction_topic() {
        let text = r#"{"id":"12:34"}"#;
        assert_eq!(masked("dbserver1.public.t", text), text);
        assert_eq!(masked("dbserver1.transaction", text), r#"{"id":"<xid 1>:<change 1>"}"#);
    }

    #[test]
    fn java_object_that_counts_messages_equals_our_name_and_no_other() {
        let end = |name: &str| {
            let text = format!(
                r#"{{"status":"END","data_collections":[{{"data_collection":"{name}","event_count":1}}]}}"#
            );
            masked("dbserver1.transaction", &text)
        };
        let object = "io.debezium.connector.postgresql.LogicalDecodingMessageMonitor$LogicalDecodingMessageId@2205a00f";
        assert_eq!(end(object), end("message"));
        assert_ne!(end("public.t"), end("message"));
    }

    #[test]
    fn ids_and_times_of_windows_are_masked_and_their_shape_is_not() {
        let row = |id: &str, time: &str| {
            let text = format!(
                r#"{{"after":{{"id":"{id}-open","type":"snapshot-window-open","data":"{{\"openWindowTimestamp\": \"{time}\"}}"}}}}"#
            );
            masked("dbserver1.public.sig", &text)
        };
        let one = row("fcc887e2-315a-4760-bf13-9000cb883037", "2026-11-22T09:04:49.411352194Z");
        let two = row("26c0cdb7-f35f-41df-bb27-c7636cff3d37", "2026-11-25T09:04:49Z");
        assert_eq!(one, two);
        assert!(one.contains(r#""id":"<window 1>-open""#), "{one}");
        assert_ne!(one, row("26c0cdb7-f35f-41df-bb27-c7636cff3d37", "2026-11-25 09:04"));
        assert_ne!(one, row("s1", "2026-11-25T09:04:49Z"));
    }

    #[test]
    fn transaction_may_begin_where_the_last_one_was_committed_or_later() {
        let end = |lsn: u32| format!(r#"{{"status":"END","id":"7:{lsn}"}}"#);
        let begin = |lsn: u32| format!(r#"{{"status":"BEGIN","id":"8:{lsn}"}}"#);
        let both = |second: u32| {
            let mut masker = Masker::default();
            [end(100), begin(second)].map(|text| {
                let mut value = Json::parse(&text).unwrap();
                masker.mask("dbserver1.transaction", &mut value.clone(), &mut value);
                value.to_string()
            })
        };
        assert_eq!(both(100), both(156));
    }
}
