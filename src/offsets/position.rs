//! The position itself, member by member as Debezium stores it.

use crate::engine::{Position, Processed};
use crate::lsn::Lsn;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Debezium's offset of a PostgreSQL connector; members that are absent or null are `None`.
///
/// Source: `PostgresOffsetContext` of Debezium 3.6.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceOffset {
    /// `lsn_proc`: the last LSN that was processed completely.
    #[serde(default, with = "lsn", skip_serializing_if = "Option::is_none")]
    pub lsn_proc: Option<Lsn>,
    /// `messageType`: the last operation, `INSERT`, `COMMIT`, ….
    #[serde(default, rename = "messageType", skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    /// `lsn_commit`: LSN of the last COMMIT that was processed.
    #[serde(default, with = "lsn", skip_serializing_if = "Option::is_none")]
    pub lsn_commit: Option<Lsn>,
    /// `lsn`: LSN of the last event.
    #[serde(default, with = "lsn", skip_serializing_if = "Option::is_none")]
    pub lsn: Option<Lsn>,
    /// `lsn_events_processed`: events with that same `lsn` that were processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lsn_events_processed: Option<u64>,
    /// `txId`: transaction of the last event.
    #[serde(default, rename = "txId", skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<i64>,
    /// `ts_usec`: its commit time, microseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts_usec: Option<i64>,
    /// `snapshot`: the kind of snapshot that runs, `INITIAL` for the first one.
    #[serde(default, deserialize_with = "snapshot", skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// `last_snapshot_record`: the event is the snapshot's last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_snapshot_record: Option<bool>,
    /// `snapshot_completed`: whether that snapshot came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_completed: Option<bool>,
    /// `system_id`, minicdc's own: the cluster that the position belongs to. Debezium takes from an
    /// offset what it knows by name, and does not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_id: Option<String>,
    /// `timeline`, minicdc's own: the cluster's timeline at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<u32>,
    /// Members we do not read, kept as they are.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl SourceOffset {
    /// What is stored of a position in the stream, as Debezium stores it behind such an event.
    #[must_use]
    pub fn at(position: &Position) -> Self {
        Self {
            lsn_proc: Some(position.lsn),
            message_type: Some(position.processed.name().to_owned()),
            lsn_commit: position.complete,
            lsn: Some(position.lsn),
            lsn_events_processed: Some(position.changes).filter(|changes| *changes > 0),
            tx_id: position.xid.map(i64::from),
            ts_usec: position.commit_time_us,
            ..Self::default()
        }
    }

    /// Where the stream goes on; `None` when nothing of it was read.
    ///
    /// Debezium before 3.7 does not store how many changes with the event's LSN were read. There is
    /// one then: rows that one statement wrote under one LSN may come again, and none is lost.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        let xid = self.tx_id.and_then(|id| u32::try_from(id).ok());
        let processed = self.message_type.as_deref().and_then(Processed::from_name);
        let known = Position { xid, commit_time_us: self.ts_usec, ..Position::default() };
        match (processed.unwrap_or_default(), self.lsn, xid) {
            (Processed::Begin, Some(lsn), Some(_)) => {
                let (processed, complete) = (Processed::Begin, self.lsn_commit);
                Some(Position { processed, lsn, complete, ..known })
            }
            (Processed::Message, Some(lsn), None) => {
                let (processed, complete) = (Processed::Message, Some(lsn));
                Some(Position { processed, lsn, complete, ..known })
            }
            (Processed::Commit, _, _) | (_, None, _) | (_, _, None) => {
                let lsn = self.lsn_commit.or(self.lsn_proc)?;
                Some(Position { lsn, complete: Some(lsn), ..known })
            }
            (processed, Some(lsn), Some(_)) => {
                let changes = self.lsn_events_processed.unwrap_or_default().max(1);
                let complete = self.lsn_commit;
                Some(Position { processed, lsn, changes, complete, ..known })
            }
        }
    }

    /// The furthest position that anything was delivered of.
    #[must_use]
    pub fn reached(&self) -> Option<Lsn> {
        self.lsn_commit.max(self.lsn_proc).max(self.lsn)
    }

    /// True when a snapshot was begun and did not come to its end.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.snapshot.is_some() && self.snapshot_completed != Some(true)
    }
}

/// Older versions of Debezium store `true` for the only kind of snapshot there was.
fn snapshot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a kind of snapshot or a boolean")]
    enum Stored {
        Kind(String),
        Running(bool),
    }
    Ok(match Option::deserialize(deserializer)? {
        Some(Stored::Kind(kind)) => Some(kind),
        Some(Stored::Running(true)) => Some("INITIAL".to_owned()),
        Some(Stored::Running(false)) | None => None,
    })
}

/// LSNs as JSON numbers, which is what Kafka Connect makes of a Java `long`.
mod lsn {
    use super::{Deserialize, Deserializer, Lsn, Serializer};

    pub(super) fn serialize<S: Serializer>(lsn: &Option<Lsn>, to: S) -> Result<S::Ok, S::Error> {
        match lsn {
            Some(lsn) => to.serialize_u64(lsn.as_u64()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Lsn>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Lsn::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debezium_offset_goes_both_ways_with_unknown_members() {
        let stored = concat!(
            r#"{"lsn_proc":37017808,"messageType":"INSERT","lsn_commit":37017808,"lsn":37018000,"#,
            r#""lsn_events_processed":2,"txId":745,"ts_usec":1722854400123456,"xmin":700}"#
        );
        let offset: SourceOffset = serde_json::from_str(stored).unwrap();
        assert_eq!(offset.lsn, Some(Lsn::new(37_018_000)));
        assert_eq!(offset.tx_id, Some(745));
        assert_eq!(offset.other["xmin"], 700);
        assert_eq!(serde_json::to_string(&offset).unwrap(), stored);
    }

    #[test]
    fn offset_of_a_running_snapshot_is_read_in_old_and_new_spelling() {
        for (stored, kind) in [
            (r#"{"lsn":1,"snapshot":"INITIAL","last_snapshot_record":false}"#, Some("INITIAL")),
            (r#"{"lsn":1,"snapshot":true,"last_snapshot_record":false}"#, Some("INITIAL")),
            (r#"{"lsn":1,"snapshot":null,"last_snapshot_record":false}"#, None),
        ] {
            let offset: SourceOffset = serde_json::from_str(stored).unwrap();
            assert_eq!(offset.snapshot.as_deref(), kind, "{stored}");
            assert_eq!(offset.last_snapshot_record, Some(false), "{stored}");
        }
    }

    #[test]
    fn nulls_of_kafka_connect_are_absent_members() {
        let stored = r#"{"transaction_id":null,"lsn_proc":null,"lsn":5,"txId":null}"#;
        let offset: SourceOffset = serde_json::from_str(stored).unwrap();
        assert_eq!((offset.lsn_proc, offset.tx_id), (None, None));
        assert_eq!(serde_json::to_string(&offset).unwrap(), r#"{"lsn":5,"transaction_id":null}"#);
    }

    #[test]
    fn position_in_the_stream_goes_both_ways() {
        let inside = Position {
            processed: Processed::Insert,
            lsn: Lsn::new(7),
            changes: 3,
            complete: Some(Lsn::new(5)),
            xid: Some(700),
            commit_time_us: Some(9),
        };
        let commit = Position {
            processed: Processed::Commit,
            lsn: Lsn::new(8),
            changes: 0,
            complete: Some(Lsn::new(8)),
            ..inside
        };
        let begin = Position { processed: Processed::Begin, changes: 0, ..inside };
        let message = Position { processed: Processed::Message, xid: None, ..commit };
        for position in [inside, commit, begin, message] {
            assert_eq!(SourceOffset::at(&position).position(), Some(position));
        }
    }

    #[test]
    fn positions_that_debezium_recorded_are_read() {
        let position = |stored: &str| {
            let offset: SourceOffset = serde_json::from_str(stored).unwrap();
            let position = offset.position()?;
            let complete = position.complete.map(Lsn::as_u64);
            Some((position.is_inside(), complete, position.lsn.as_u64(), position.changes))
        };
        let commit = r#"{"lsn_proc":9,"messageType":"COMMIT","lsn_commit":9,"lsn":9,"txId":7}"#;
        assert_eq!(position(commit), Some((false, Some(9), 9, 0)));
        // The first change of a transaction can stand where the one before ends.
        let change = r#"{"lsn_proc":9,"messageType":"INSERT","lsn_commit":9,"lsn":9,"txId":8}"#;
        assert_eq!(position(change), Some((true, Some(9), 9, 1)));
        let first = r#"{"lsn_proc":12,"messageType":"UPDATE","lsn":12,"txId":8}"#;
        assert_eq!(position(first), Some((true, None, 12, 1)));
        let alone = r#"{"lsn_proc":9,"messageType":"MESSAGE","lsn_commit":9,"lsn":9}"#;
        assert_eq!(position(alone), Some((false, Some(9), 9, 0)));
        let snapshot = r#"{"last_snapshot_record":true,"lsn":9,"txId":7,"snapshot":"INITIAL","#;
        assert_eq!(position(&format!("{snapshot}\"snapshot_completed\":true}}")), None);
        assert_eq!(position(r#"{"lsn":9,"txId":7,"ts_usec":1}"#), None, "where no_data began");
    }

    #[test]
    fn members_of_another_type_are_refused() {
        for stored in [r#"{"lsn":"0/1"}"#, r#"{"lsn":-1}"#, "[]", "7"] {
            assert!(serde_json::from_str::<SourceOffset>(stored).is_err(), "{stored}");
        }
    }
}
