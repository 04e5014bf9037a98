//! Kafka Connect's connector JSON: the settings alone, as in `PUT /connectors/NAME/config`, or
//! wrapped with a name, as in `POST /connectors` and in what `GET /connectors/NAME` answers.

use super::{Entry, SyntaxError, join_list};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    if !text.trim_start().starts_with('{') {
        // Anything else that is JSON is no settings file; what is no JSON says where it breaks.
        serde_json::from_str::<Value>(text)?;
        return Err(SyntaxError::NoObject);
    }
    let Members(members) = serde_json::from_str(text)?;
    if members.iter().any(|(key, value)| key == "config" && value.is_object()) {
        unwrap(members, text)
    } else {
        entries(members)
    }
}

/// The settings of `config`, and the connector's name from beside it.
fn unwrap(members: Vec<(String, Value)>, text: &str) -> Result<Vec<Entry>, SyntaxError> {
    #[derive(serde::Deserialize)]
    struct Wrapper {
        config: Members,
    }
    let Wrapper { config: Members(config) } = serde_json::from_str(text)?;
    let mut result = entries(config)?;
    for (key, value) in members {
        match (key.as_str(), value) {
            // Members of an answer of Kafka Connect that describe its own state.
            ("config" | "tasks" | "type", _) => {}
            ("initial_state", Value::String(state)) if state.eq_ignore_ascii_case("running") => {}
            ("initial_state", state) => return Err(SyntaxError::InitialState(state.to_string())),
            ("name", Value::String(value)) => {
                match result.iter().find(|entry| entry.key == "name") {
                    Some(inner) if inner.value == value => {}
                    Some(_) => return Err(SyntaxError::Names),
                    None => result.push(Entry { key, value, line: None }),
                }
            }
            _ => return Err(SyntaxError::Member(key)),
        }
    }
    Ok(result)
}

fn entries(members: Vec<(String, Value)>) -> Result<Vec<Entry>, SyntaxError> {
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| Ok(Entry { value: scalar(&key, value)?, key, line: None }))
        .collect()
}

fn scalar(key: &str, value: Value) -> Result<String, SyntaxError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Array(items) => {
            let items: Result<Vec<String>, _> =
                items.into_iter().map(|item| scalar(key, item)).collect();
            Ok(join_list(&items?))
        }
        Value::Object(_) => Err(SyntaxError::Value { key: key.to_owned(), found: "an object" }),
        Value::Null => Err(SyntaxError::Value { key: key.to_owned(), found: "null in a list" }),
    }
}

/// The members of an object in their order; unlike a map it notices a key that stands twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
