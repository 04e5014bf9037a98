//! The last row seen of each key, so that an update without a `before` can still show what it
//! changed.
//!
//! Two generations bound the memory: when the young one is full it becomes the old one, and what
//! was old is forgotten. A row that is used moves to the young one. So at least the most recent
//! half of the budget is always known, and nothing is ever searched for a victim.

use super::change::Value;
use super::kind::Kind;
use std::collections::HashMap;

/// Bytes of keys and rows that one generation holds.
const GENERATION_BYTES_MAX: usize = 12 * 1024 * 1024;

/// What a row costs beside its text.
const ROW_OVERHEAD_BYTES: usize = 96;

#[derive(Debug)]
struct Row {
    json: Box<str>,
    kind: Kind,
}

/// Rows by topic and the JSON text of their key.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    young: HashMap<Box<str>, Row>,
    old: HashMap<Box<str>, Row>,
    young_bytes: usize,
    /// Topic and key of the last question, to ask without allocating.
    id: String,
}

impl Rows {
    /// The last row of `key`, if it is still known.
    pub(crate) fn get(&mut self, topic: usize, key: &str) -> Option<Value<'_>> {
        self.set_id(topic, key);
        let row = self.young.get(self.id.as_str()).or_else(|| self.old.get(self.id.as_str()))?;
        Some(Value { json: &row.json, kind: row.kind.clone() })
    }

    /// Remembers `row` as the last one of `key`.
    pub(crate) fn put(&mut self, topic: usize, key: &str, row: &Value<'_>) {
        self.set_id(topic, key);
        let new = Row { json: row.json.into(), kind: row.kind.clone() };
        let bytes = row.json.len();
        if let Some(known) = self.young.get_mut(self.id.as_str()) {
            self.young_bytes = self.young_bytes.saturating_sub(known.json.len()) + bytes;
            *known = new;
        } else {
            self.young_bytes += self.id.len() + bytes + ROW_OVERHEAD_BYTES;
            self.young.insert(self.id.as_str().into(), new);
        }
        if self.young_bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }

    /// Forgets `key`: its row is gone.
    pub(crate) fn remove(&mut self, topic: usize, key: &str) {
        self.set_id(topic, key);
        if let Some(row) = self.young.remove(self.id.as_str()) {
            let bytes = self.id.len() + row.json.len() + ROW_OVERHEAD_BYTES;
            self.young_bytes = self.young_bytes.saturating_sub(bytes);
        }
        self.old.remove(self.id.as_str());
    }

    /// Forgets every row of a topic: the table was emptied.
    pub(crate) fn clear(&mut self, topic: usize) {
        self.set_id(topic, "");
        let prefix = self.id.as_str();
        self.old.retain(|id, _| !id.starts_with(prefix));
        self.young.retain(|id, _| !id.starts_with(prefix));
        self.young_bytes =
            self.young.iter().map(|(id, row)| id.len() + row.json.len() + ROW_OVERHEAD_BYTES).sum();
    }

    fn set_id(&mut self, topic: usize, key: &str) {
        self.id.clear();
        self.id.push_str(itoa::Buffer::new().format(topic));
        self.id.push(' ');
        self.id.push_str(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value<'_> {
        Value { json, kind: Kind::Plain }
    }

    #[test]
    fn last_row_of_a_key_is_known_until_removed() {
        let mut rows = Rows::default();
        rows.put(1, "1", &value("a"));
        rows.put(1, "1", &value("b"));
        rows.put(1, "2", &value("c"));
        rows.put(11, "2", &value("other"));
        assert_eq!(rows.get(1, "1").unwrap().json, "b");
        rows.remove(1, "1");
        assert!(rows.get(1, "1").is_none());
        rows.clear(1);
        assert!(rows.get(1, "2").is_none());
        assert_eq!(rows.get(11, "2").unwrap().json, "other");
    }

    #[test]
    fn memory_is_bounded_and_recent_rows_stay() {
        let mut rows = Rows::default();
        let big = "x".repeat(1024 * 1024);
        for key in 0..100 {
            rows.put(0, &key.to_string(), &value(&big));
        }
        assert!(rows.young.len() + rows.old.len() <= 2 * 13);
        assert_eq!(rows.get(0, "99").unwrap().json.len(), big.len());
        assert!(rows.get(0, "0").is_none());
        // A key of the old generation that was written again is not resurrected by a removal.
        let old = rows.old.keys().next().unwrap().split_once(' ').unwrap().1.to_owned();
        rows.put(0, &old, &value("new"));
        rows.remove(0, &old);
        assert!(rows.get(0, &old).is_none());
    }
}
