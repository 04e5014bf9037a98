//! Replaces what differs between any two runs, and nothing else.

use super::json::Json;
use std::collections::HashMap;

/// Numbers transaction ids and LSNs in order of first appearance; one per sequence of records.
#[derive(Debug, Default)]
pub(super) struct Masker {
    transactions: HashMap<String, usize>,
    lsns: HashMap<String, usize>,
}

impl Masker {
    /// Masks a key or a value, with or without its schema around it.
    pub(super) fn mask(&mut self, topic: &str, json: &mut Json) {
        let payload = match json {
            Json::Object(members) if members.len() == 2 && members[0].0 == "\"schema\"" => {
                &mut members[1].1
            }
            other => other,
        };
        let is_transaction = topic.ends_with(".transaction");
        let Json::Object(members) = payload else { return };
        for (name, value) in members {
            match name.trim_matches('"') {
                "source" => self.mask_source(value),
                "transaction" => {
                    if let Some(id) = value.member_mut("id") {
                        self.mask_transaction_id(id);
                    }
                }
                "id" if is_transaction => self.mask_transaction_id(value),
                "__lsn" | "__source_lsn" => self.mask_lsn(value),
                "__txId" | "__source_txId" => self.mask_transaction(value),
                name => {
                    let name = name.trim_start_matches("__").trim_start_matches("source_");
                    mask_time(name, value);
                }
            }
        }
    }

    fn mask_source(&mut self, source: &mut Json) {
        let Json::Object(members) = source else { return };
        for (name, value) in members {
            match name.trim_matches('"') {
                "lsn" => self.mask_lsn(value),
                "txId" => self.mask_transaction(value),
                "sequence" => self.mask_sequence(value),
                "xmin" if is_number(value) => *value = Json::Scalar("<xmin>".to_owned()),
                name => mask_time(name, value),
            }
        }
    }

    fn mask_lsn(&mut self, value: &mut Json) {
        if is_number(value) {
            *value = Json::Scalar(self.lsn(&value.to_string()));
        }
    }

    fn mask_transaction(&mut self, value: &mut Json) {
        if is_number(value) {
            *value = Json::Scalar(self.transaction(&value.to_string()));
        }
    }

    /// `"733:22071808"`: transaction and LSN.
    fn mask_transaction_id(&mut self, value: &mut Json) {
        let Some((xid, lsn)) = value.text().and_then(|text| text.split_once(':')) else { return };
        if is_digits(xid) && is_digits(lsn) {
            let (xid, lsn) = (self.transaction(xid), self.lsn(lsn));
            *value = Json::Scalar(format!("\"{xid}:{lsn}\""));
        }
    }

    /// `"[null,\"22125976\"]"`: LSNs inside a string that holds JSON.
    fn mask_sequence(&mut self, value: &mut Json) {
        let Json::Scalar(raw) = value else { return };
        let mut masked = String::new();
        let mut rest = raw.as_str();
        while let Some(from) = rest.find(|c: char| c.is_ascii_digit()) {
            masked.push_str(&rest[..from]);
            rest = &rest[from..];
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            masked.push_str(&self.lsn(&rest[..end]));
            rest = &rest[end..];
        }
        masked.push_str(rest);
        *raw = masked;
    }

    fn lsn(&mut self, lsn: &str) -> String {
        let next = self.lsns.len() + 1;
        format!("<lsn {}>", self.lsns.entry(lsn.to_owned()).or_insert(next))
    }

    fn transaction(&mut self, xid: &str) -> String {
        let next = self.transactions.len() + 1;
        format!("<xid {}>", self.transactions.entry(xid.to_owned()).or_insert(next))
    }
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
        Masker::default().mask(topic, &mut json);
        json.to_string()
    }

    #[test]
    fn envelope_keeps_all_but_times_and_positions() {
        let text = r#"{"before":null,"after":{"ts_ms":5,"lsn":7,"id":1},"source":{"version":"3.6.3.Final","ts_ms":1795337905595,"sequence":"[\"22125970\",\"22125976\"]","ts_us":1795337905595407,"ts_ns":1795337905595407000,"txId":737,"lsn":22125976,"xmin":null},"transaction":{"id":"737:22125976","total_order":1},"op":"r","ts_ms":1795337905841}"#;
        let expected = r#"{"before":null,"after":{"ts_ms":5,"lsn":7,"id":1},"source":{"version":"3.6.3.Final","ts_ms":<ts_ms>,"sequence":"[\"<lsn 1>\",\"<lsn 2>\"]","ts_us":<ts_us>,"ts_ns":<ts_ns>,"txId":<xid 1>,"lsn":<lsn 2>,"xmin":null},"transaction":{"id":"<xid 1>:<lsn 2>","total_order":1},"op":"r","ts_ms":<ts_ms>}"#;
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
        assert_eq!(masked("dbserver1.transaction", text), r#"{"id":"<xid 1>:<lsn 1>"}"#);
    }
}
