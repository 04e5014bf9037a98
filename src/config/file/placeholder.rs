//! Kafka's configuration providers, as connector files use them to keep passwords elsewhere:
//! `${env:NAME}`, `${file:/path/to.properties:key}`, `${dir:/path:file}`.

use super::properties;
use crate::config::environment::Environment;
use std::path::Path;

/// The text with every `${provider:…}` replaced.
///
/// A failure names what stands between the braces, and what is missing. `${name}` without a colon
/// is no placeholder to Kafka either, and stays.
pub(super) fn fill_in(text: &str, environment: &Environment) -> Result<String, (String, String)> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        match after.split_once('}') {
            Some((inside, behind)) if inside.contains(':') => {
                let value =
                    value_of(inside, environment).map_err(|reason| (inside.to_owned(), reason))?;
                filled.push_str(&value);
                rest = behind;
            }
            _ => {
                filled.push_str("${");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The value of `provider:key` or `provider:path:key`.
fn value_of(inside: &str, environment: &Environment) -> Result<String, String> {
    let (provider, name) = inside.split_once(':').unwrap_or((inside, ""));
    let (path, key) = name.rsplit_once(':').unwrap_or(("", name));
    match provider {
        "env" => environment
            .variables
            .get(key)
            .cloned()
            .ok_or_else(|| format!("the environment has no {key}")),
        "file" => properties::parse(&read(Path::new(path))?)
            .map_err(|error| format!("{path}: {error}"))?
            .into_iter()
            .rfind(|entry| entry.key == key)
            .map(|entry| entry.value)
            .ok_or_else(|| format!("{path} has no {key}")),
        // A mounted secret: one file per key, often with a line end that is not meant.
        "dir" | "directory" => read(&Path::new(path).join(key))
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned()),
        other => Err(format!("the provider \"{other}\" is not supported yet")),
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
