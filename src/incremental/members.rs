//! A queue as members of the stored position, those of Debezium as Debezium writes them.
//!
//! Source: Debezium's `AbstractIncrementalSnapshotContext`, and the recording `signals.on`.

use super::java;
use super::key::Key;
use super::queue::{Collection, Position, Queue};
use serde_json::{Map, Value, json};

const PRIMARY_KEY: &str = "incremental_snapshot_primary_key";
const MAXIMUM_KEY: &str = "incremental_snapshot_maximum_key";
const COLLECTIONS: &str = "incremental_snapshot_collections";
const CORRELATION: &str = "incremental_snapshot_correlation_id";
/// Our own, which Debezium does not look at.
const PAUSED: &str = "incremental_snapshot_paused";
const ROWS: &str = "incremental_snapshot_rows";
const MEMBERS: [&str; 6] = [PRIMARY_KEY, MAXIMUM_KEY, COLLECTIONS, CORRELATION, PAUSED, ROWS];

/// What is stored is no queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("member {member} of the stored position is not one of Debezium's")]
pub struct MembersError {
    member: &'static str,
}

impl Queue {
    /// The members of the position; none when nothing waits.
    #[must_use]
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let Some(first) = self.collections.front() else { return members };
        let collections: Vec<Value> =
            self.collections.iter().map(|one| collection(one, &first.correlation)).collect();
        let mut set = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        set(CORRELATION, json!(first.correlation));
        set(MAXIMUM_KEY, json!(java::encode(self.position.maximum.as_ref())));
        set(COLLECTIONS, json!(Value::Array(collections).to_string()));
        set(PRIMARY_KEY, json!(java::encode(self.position.last.as_ref())));
        if self.position.rows > 0 {
            set(ROWS, json!(self.position.rows));
        }
        if self.paused {
            set(PAUSED, json!(true));
        }
        members
    }

    /// Takes the members out of a stored position.
    ///
    /// # Errors
    ///
    /// [`MembersError`] names the member that cannot be read.
    pub fn take_members(members: &mut Map<String, Value>) -> Result<Self, MembersError> {
        let taken = MEMBERS.map(|name| members.remove(name).unwrap_or_default());
        let [last, maximum, collections, correlation, paused, rows] = taken;
        let Some(text) = collections.as_str() else { return Ok(Self::default()) };
        let broken = || MembersError { member: COLLECTIONS };
        let list: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| broken())?;
        let correlation = correlation.as_str().unwrap_or_default();
        let collections = list
            .iter()
            .map(|one| from_collection(one, correlation).ok_or_else(broken))
            .collect::<Result<_, _>>()?;
        let position = Position {
            last: key(PRIMARY_KEY, &last)?,
            maximum: key(MAXIMUM_KEY, &maximum)?,
            rows: rows.as_u64().unwrap_or_default(),
        };
        Ok(Self { collections, position, paused: paused == Value::Bool(true) })
    }
}

fn collection(one: &Collection, correlation: &str) -> Value {
    let mut written = json!({
        "incremental_snapshot_collections_id": one.table,
        "incremental_snapshot_collections_additional_condition": one.condition,
        "incremental_snapshot_collections_surrogate_key": one.surrogate,
    });
    if one.correlation != correlation
        && let Value::Object(members) = &mut written
    {
        let name = "incremental_snapshot_collections_correlation_id".to_owned();
        members.insert(name, json!(one.correlation));
    }
    written
}

fn from_collection(members: &Map<String, Value>, correlation: &str) -> Option<Collection> {
    let text = |name: &str| {
        let member = members.get(&format!("incremental_snapshot_collections_{name}"));
        member.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Some(Collection {
        table: text("id")?,
        condition: text("additional_condition"),
        surrogate: text("surrogate_key"),
        correlation: text("correlation_id").unwrap_or_else(|| correlation.to_owned()),
    })
}

fn key(member: &'static str, value: &Value) -> Result<Option<Key>, MembersError> {
    match value.as_str() {
        None => Ok(None),
        Some(text) => java::decode(text).ok_or(MembersError { member }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::KeyValue;
    use super::*;

    fn table(name: &str, correlation: &str) -> Collection {
        Collection {
            table: name.to_owned(),
            condition: None,
            surrogate: None,
            correlation: correlation.to_owned(),
        }
    }

    #[test]
    fn members_are_those_of_the_recording() {
        let queue = Queue { collections: [table("public.t", "s1")].into(), ..Queue::default() };
        let members = queue.to_members();
        assert_eq!(members[CORRELATION], "s1");
        assert_eq!(
            members[COLLECTIONS],
            concat!(
                r#"[{"incremental_snapshot_collections_id":"public.t","#,
                r#""incremental_snapshot_collections_additional_condition":null,"#,
                r#""incremental_snapshot_collections_surrogate_key":null}]"#
            )
        );
        assert_eq!(members[PRIMARY_KEY], "aced000570");
        assert_eq!(members.len(), 4);
        assert!(Queue::default().to_members().is_empty());
    }

    #[test]
    fn queue_comes_back_and_other_members_stay() {
        let filtered = Collection { condition: Some("x > 5".to_owned()), ..table("a.b", "s1") };
        let queue = Queue {
            collections: [filtered, table("public.t", "s2")].into(),
            position: Position {
                last: Some(Key(vec![KeyValue::Int(7)])),
                maximum: Some(Key(vec![KeyValue::Int(70)])),
                rows: 7,
            },
            paused: true,
        };
        let mut members = queue.to_members();
        members.insert("xmin".to_owned(), json!(5));
        assert_eq!(Queue::take_members(&mut members).unwrap(), queue);
        assert_eq!(members.len(), 1);
        assert_eq!(Queue::take_members(&mut members).unwrap(), Queue::default());
    }

    #[test]
    fn member_that_cannot_be_read_is_named() {
        let queue = Queue { collections: [table("public.t", "s1")].into(), ..Queue::default() };
        for member in [COLLECTIONS, PRIMARY_KEY, MAXIMUM_KEY] {
            let mut members = queue.to_members();
            members.insert(member.to_owned(), json!("aced"));
            let error = Queue::take_members(&mut members).unwrap_err();
            assert!(error.to_string().contains(member), "{error}");
        }
    }
}
