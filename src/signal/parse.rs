//! From three texts, or from one line of JSON, to a [`Signal`].
//!
//! Source: Debezium's documentation, "Sending signals to a Debezium connector", and its classes
//! `ExecuteSnapshot` and `AbstractSnapshotSignal` for what may be left out.

use super::{Action, Execute, Signal, SignalError, SnapshotKind};
use serde_json::{Map, Value};

type Data = Map<String, Value>;

impl Signal {
    /// A row of the signal table.
    ///
    /// # Errors
    ///
    /// [`SignalError`] says what is wrong with it.
    pub fn from_row(row: &[Option<String>]) -> Result<Self, SignalError> {
        let [id, kind, data] = row else {
            return Err(SignalError::Columns { columns: row.len() });
        };
        let id = id.clone().unwrap_or_default();
        let data = data.as_deref().unwrap_or_default();
        match kind {
            Some(kind) => Self::new(id, kind, data),
            None => Err(SignalError::Missing { id, member: "type" }),
        }
    }

    /// `{"id": …, "type": …, "data": {…}}`; `data` may be JSON inside a string, too. One without an
    /// id gets `id`.
    ///
    /// # Errors
    ///
    /// [`SignalError`] says what is wrong with it.
    pub fn from_json(text: &str, id: &str) -> Result<Self, SignalError> {
        let object: Data = serde_json::from_str(text)
            .map_err(|error| SignalError::NoObject { reason: error.to_string() })?;
        let id = match object.get("id") {
            Some(Value::String(own)) => own.clone(),
            Some(Value::Number(own)) => own.to_string(),
            _ => id.to_owned(),
        };
        let Some(kind) = object.get("type").and_then(Value::as_str) else {
            return Err(SignalError::Missing { id, member: "type" });
        };
        let data = match object.get("data") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        Self::new(id, kind, &data)
    }

    /// From its three parts; empty `data` is an empty object.
    ///
    /// # Errors
    ///
    /// [`SignalError`] says what is wrong with it.
    pub fn new(id: String, kind: &str, data: &str) -> Result<Self, SignalError> {
        let data = || parse_data(&id, data);
        let action = match kind {
            "execute-snapshot" => Action::Execute(execute(&id, &data()?)?),
            "stop-snapshot" => {
                let data = data()?;
                kind_of(&id, &data)?;
                Action::Stop(strings(&id, &data, COLLECTIONS)?)
            }
            "pause-snapshot" => Action::Pause,
            "resume-snapshot" => Action::Resume,
            "log" => match data()?.get("message").and_then(Value::as_str) {
                Some(message) => Action::Log(message.to_owned()),
                None => return Err(SignalError::Missing { id, member: "message" }),
            },
            "snapshot-window-open" => Action::WindowOpen,
            "snapshot-window-close" => Action::WindowClose,
            _ => return Err(SignalError::Type { id, kind: kind.to_owned() }),
        };
        Ok(Self { id, action })
    }
}

const COLLECTIONS: &str = "data-collections";

fn parse_data(id: &str, text: &str) -> Result<Data, SignalError> {
    if text.trim().is_empty() {
        return Ok(Data::new());
    }
    serde_json::from_str(text)
        .map_err(|error| SignalError::Data { id: id.to_owned(), reason: error.to_string() })
}

fn execute(id: &str, data: &Data) -> Result<Execute, SignalError> {
    let kind = kind_of(id, data)?;
    let collections = strings(id, data, COLLECTIONS)?;
    if collections.is_empty() {
        return Err(SignalError::Missing { id: id.to_owned(), member: COLLECTIONS });
    }
    let text = |member: &str| {
        let text = data.get(member).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut conditions = conditions(id, data)?;
    if let Some(condition) = text("additional-condition") {
        // Debezium's older spelling, for all tables.
        conditions.push((".*".to_owned(), condition));
    }
    Ok(Execute { kind, collections, conditions, surrogate: text("surrogate-key") })
}

fn kind_of(id: &str, data: &Data) -> Result<SnapshotKind, SignalError> {
    match data.get("type") {
        None | Some(Value::Null) => Ok(SnapshotKind::default()),
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("incremental") => {
            Ok(SnapshotKind::Incremental)
        }
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("blocking") => {
            Ok(SnapshotKind::Blocking)
        }
        Some(_) => Err(wrong(id, "type", "incremental or blocking")),
    }
}

fn strings(id: &str, data: &Data, member: &'static str) -> Result<Vec<String>, SignalError> {
    let broken = || wrong(id, member, "a list of schema.table");
    match data.get(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(|text| text.trim().to_owned()).ok_or_else(broken))
            .collect(),
        Some(_) => Err(broken()),
    }
}

fn conditions(id: &str, data: &Data) -> Result<Vec<(String, String)>, SignalError> {
    let member = "additional-conditions";
    let broken = || wrong(id, member, "a list of {\"data-collection\": …, \"filter\": …}");
    let condition = |item: &Value| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::trim);
        let (table, filter) = (text("data-collection")?, text("filter")?);
        Some((table.to_owned(), filter.to_owned()))
    };
    match data.get(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| condition(item).ok_or_else(broken)).collect()
        }
        Some(_) => Err(broken()),
    }
}

fn wrong(id: &str, member: &'static str, rule: &'static str) -> SignalError {
    SignalError::Member { id: id.to_owned(), member, rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(kind: &str, data: &str) -> Result<Action, String> {
        let signal = Signal::new("s1".to_owned(), kind, data);
        signal.map(|signal| signal.action).map_err(|error| error.to_string())
    }

    #[test]
    fn execute_takes_what_debezium_documents() {
        let data = r#"{"data-collections": ["public.t", "a\\.[bc]"], "type": "INCREMENTAL",
            "additional-conditions": [{"data-collection": "public.t", "filter": "id > 4"}],
            "surrogate-key": "v"}"#;
        let expected = Execute {
            kind: SnapshotKind::Incremental,
            collections: vec!["public.t".to_owned(), r"a\.[bc]".to_owned()],
            conditions: vec![("public.t".to_owned(), "id > 4".to_owned())],
            surrogate: Some("v".to_owned()),
        };
        assert_eq!(parsed("execute-snapshot", data), Ok(Action::Execute(expected)));
        let short = r#"{"data-collections": ["public.t"], "type": "blocking",
            "additional-condition": "x"}"#;
        let expected = Execute {
            kind: SnapshotKind::Blocking,
            collections: vec!["public.t".to_owned()],
            conditions: vec![(".*".to_owned(), "x".to_owned())],
            surrogate: None,
        };
        assert_eq!(parsed("execute-snapshot", short), Ok(Action::Execute(expected)));
    }

    #[test]
    fn other_types_need_little() {
        assert_eq!(parsed("pause-snapshot", ""), Ok(Action::Pause));
        assert_eq!(parsed("resume-snapshot", "{"), Ok(Action::Resume));
        assert_eq!(parsed("stop-snapshot", ""), Ok(Action::Stop(Vec::new())));
        let message = parsed("log", r#"{"message": "at {}"}"#);
        assert_eq!(message, Ok(Action::Log("at {}".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_said() {
        #[rustfmt::skip] // one case a line
        let cases = [
            ("execute-snapshot", "{", "is no JSON object"),
            ("execute-snapshot", "[]", "is no JSON object"),
            ("execute-snapshot", "{}", "has no data-collections"),
            ("execute-snapshot", r#"{"data-collections": []}"#, "has no data-collections"),
            ("execute-snapshot", r#"{"data-collections": "t"}"#, "a list of schema.table"),
            ("execute-snapshot", r#"{"data-collections": [7]}"#, "a list of schema.table"),
            ("execute-snapshot", r#"{"data-collections": ["t"], "type": "fast"}"#, "incremental or blocking"),
            ("execute-snapshot", r#"{"data-collections": ["t"], "additional-conditions": [{}]}"#, "\"filter\""),
            ("stop-snapshot", r#"{"type": 5}"#, "incremental or blocking"),
            ("log", "{}", "has no message"),
            ("dance", "{}", "\"dance\"; known are execute-snapshot"),
        ];
        for (kind, data, expected) in cases {
            let error = parsed(kind, data).unwrap_err();
            assert!(error.contains(expected) && error.contains("\"s1\""), "{kind} {data}: {error}");
        }
    }

    #[test]
    fn line_of_json_holds_data_as_object_or_text() {
        let pause = Signal { id: "7".to_owned(), action: Action::Pause };
        let read = |text: &str| Signal::from_json(text, "file-1");
        assert_eq!(read(r#"{"id": 7, "type": "pause-snapshot"}"#), Ok(pause));
        let data = r#"{"type": "stop-snapshot", "data": "{\"data-collections\": [\"a.b\"]}"}"#;
        let stop = Signal { id: "file-1".to_owned(), action: Action::Stop(vec!["a.b".to_owned()]) };
        assert_eq!(read(data), Ok(stop));
        assert!(matches!(read("nonsense"), Err(SignalError::NoObject { .. })));
        assert!(matches!(read("{}"), Err(SignalError::Missing { member: "type", .. })));
    }

    #[test]
    fn row_needs_three_columns() {
        let text = |text: &str| Some(text.to_owned());
        let row = [text("1"), text("pause-snapshot"), None];
        assert_eq!(Signal::from_row(&row).map(|signal| signal.action), Ok(Action::Pause));
        assert_eq!(Signal::from_row(&row[..2]), Err(SignalError::Columns { columns: 2 }));
        let row = [text("1"), None, None];
        assert!(matches!(Signal::from_row(&row), Err(SignalError::Missing { .. })));
    }
}
