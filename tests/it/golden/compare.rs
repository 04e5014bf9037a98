//! Records of two runs side by side: the first differences, readably.

use super::json::Json;
use super::mask::Masker;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt::Write as _;

/// A record as a line of a recording or of `--sink stdout`; other members are information.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) topic: String,
    pub(super) key: Json,
    pub(super) value: Json,
    /// Names, and texts as they reach Kafka; `None` is a null header.
    pub(super) headers: Vec<(String, Option<String>)>,
}

#[derive(Deserialize)]
struct RawLine<'a> {
    topic: String,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Vec<RawHeader<'a>>,
}

#[derive(Deserialize)]
struct RawHeader<'a> {
    key: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    /// In recordings: the text that Kafka Connect writes by default.
    #[serde(rename = "simpleHeaderConverter")]
    simple: Option<String>,
}

impl Line {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        Self::read(line, |header| match &header.simple {
            Some(text) => Ok(Some(text.clone())),
            None => Ok(Json::parse(header.value.map_or("null", RawValue::get))?.string()),
        })
    }

    /// A line of a recording, with its headers as JsonConverter wrote them.
    pub(super) fn recorded_json_headers(line: &str) -> Result<Self, String> {
        Self::read(line, |header| Ok(header.value.map(|value| value.get().to_owned())))
    }

    fn read(
        line: &str,
        header_text: impl Fn(&RawHeader<'_>) -> Result<Option<String>, String>,
    ) -> Result<Self, String> {
        let raw: RawLine<'_> =
            serde_json::from_str(line).map_err(|error| format!("{error} in line {line}"))?;
        let json = |raw: Option<&RawValue>| Json::parse(raw.map_or("null", RawValue::get));
        let mut headers = Vec::new();
        for header in raw.headers {
            let text = header_text(&header)?;
            headers.push((header.key, text));
        }
        Ok(Self { topic: raw.topic, key: json(raw.key)?, value: json(raw.value)?, headers })
    }
}

/// A record with everything masked that differs between runs.
#[derive(Debug, PartialEq, Eq)]
struct Masked {
    topic: String,
    key: String,
    value: String,
    headers: String,
}

/// Compares what was recorded with what came out; order counts within a topic.
pub(super) fn compare(expected: Vec<Line>, actual: Vec<Line>) -> Result<(), String> {
    let mut topics: Vec<String> = Vec::new();
    for line in expected.iter().chain(&actual) {
        if !topics.contains(&line.topic) {
            topics.push(line.topic.clone());
        }
    }
    // Both sides are masked in the same order of topics, so that numbers given to LSNs agree.
    let (expected, actual) = (masked(expected, &topics), masked(actual, &topics));
    let mut report = String::new();
    for topic in &topics {
        let of_topic = |side: &[Masked]| -> Vec<usize> {
            (0..side.len()).filter(|&index| side[index].topic == *topic).collect()
        };
        let (left, right) = (of_topic(&expected), of_topic(&actual));
        let count = left.len().max(right.len());
        for index in 0..count {
            let (expected, actual) =
                (left.get(index).map(|&i| &expected[i]), right.get(index).map(|&i| &actual[i]));
            if expected == actual {
                continue;
            }
            let _infallible = writeln!(report, "{topic}, record {} of {count}:", index + 1);
            describe(&mut report, expected, actual);
            // What follows in this topic is most often the same difference again.
            break;
        }
    }
    if report.is_empty() { Ok(()) } else { Err(report) }
}

fn masked(mut lines: Vec<Line>, topics: &[String]) -> Vec<Masked> {
    lines.sort_by_key(|line| topics.iter().position(|topic| *topic == line.topic));
    let mut masker = Masker::default();
    let mut masked: Vec<Masked> =
        lines.into_iter().map(|line| mask_line(&mut masker, line)).collect();
    // How many heartbeats a run has is chance; they must all be alike.
    masked.dedup_by(|line, before| line.key.contains(r#"{"serverName":"#) && line == before);
    masked
}

/// Leaves out changes that repeat an earlier one of their topic, apart from time and position.
pub(super) fn without_repeats(lines: Vec<Line>) -> Vec<Line> {
    let mut known = HashSet::new();
    let mut is_new = |line: &Line| {
        let value = line.value.member("payload").unwrap_or(&line.value);
        let part = |name| value.member(name).map(Json::to_string);
        known.insert((line.topic.clone(), line.key.to_string(), part("op"), part("after")))
    };
    lines.into_iter().filter(|line| is_new(line)).collect()
}

fn mask_line(masker: &mut Masker, mut line: Line) -> Masked {
    masker.mask(&line.topic, &mut line.key, &mut line.value);
    let mut headers = String::new();
    for (name, text) in line.headers {
        let is_run_id = name == "__debezium.context.runId" && text.is_some();
        let text = if is_run_id { Some("<run id>".to_owned()) } else { text };
        let _infallible = write!(headers, "{name}={text:?} ");
    }
    Masked { topic: line.topic, key: line.key.to_string(), value: line.value.to_string(), headers }
}

fn describe(report: &mut String, expected: Option<&Masked>, actual: Option<&Masked>) {
    let (Some(expected), Some(actual)) = (expected, actual) else {
        let (what, record) = match (expected, actual) {
            (Some(record), _) => ("missing", record),
            (_, Some(record)) => ("nobody expects", record),
            (None, None) => return,
        };
        let value: String = record.value.chars().take(400).collect();
        let _infallible = writeln!(report, "  {what}: key {} value {value}", record.key);
        return;
    };
    let parts = [
        ("key", &expected.key, &actual.key),
        ("value", &expected.value, &actual.value),
        ("headers", &expected.headers, &actual.headers),
    ];
    for (part, expected, actual) in parts {
        if expected != actual {
            let (at, expected, actual) = around_difference(expected, actual);
            let _infallible = writeln!(
                report,
                "  {part} differs at character {at}\n    expected {expected}\n    actual   {actual}"
            );
        }
    }
}

/// The neighbourhood of the first differing character in both texts.
fn around_difference(expected: &str, actual: &str) -> (usize, String, String) {
    let same = expected.chars().zip(actual.chars()).take_while(|(left, right)| left == right);
    let at = same.count();
    let from = at.saturating_sub(90);
    let cut = |text: &str| -> String {
        let mut part: String = text.chars().skip(from).take(200).collect();
        if from > 0 {
            part.insert(0, '…');
        }
        part
    };
    (at, cut(expected), cut(actual))
}
