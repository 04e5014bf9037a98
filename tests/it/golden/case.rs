//! A recorded case: its script, its settings, and what Debezium emitted.

use super::compare::Line;
use std::fs;
use std::path::PathBuf;

/// One variant of one script.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) label: String,
    /// PostgreSQL major that the script asks for.
    pub(super) major: Option<u32>,
    /// Lines for `postgresql.conf`.
    pub(super) conf: String,
    /// Nothing was read before the script's end, so that the catalogue was as that left it.
    pub(super) reads_late: bool,
    /// The run ends with the snapshot.
    pub(super) snapshot_only: bool,
    /// What `minicdc capture` is told with `--set`.
    pub(super) settings: Vec<(String, String)>,
    /// Statements before capture starts.
    pub(super) setup: String,
    /// Statements while it streams.
    pub(super) steps: Vec<Step>,
    name: String,
    variant: String,
}

/// A part of the streamed half of a script.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Sql(String),
    WaitSeconds(f64),
}

/// Directory of the recordings.
pub(super) fn recordings() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

impl Case {
    pub(super) fn load(name: &str, variant: &str) -> Self {
        let cases = recordings().join("cases");
        let script = fs::read_to_string(cases.join(format!("{name}.sql"))).unwrap();
        let mut case = Self {
            label: format!("{name}.{variant}"),
            major: None,
            conf: String::new(),
            reads_late: false,
            snapshot_only: false,
            settings: Vec::new(),
            setup: String::new(),
            steps: Vec::new(),
            name: name.to_owned(),
            variant: variant.to_owned(),
        };
        for line in script.lines() {
            if let Some(major) = line.strip_prefix("-- @pg ") {
                case.major = Some(major.trim().parse().unwrap());
            } else if let Some(setting) = line.strip_prefix("-- @props ") {
                case.set(setting);
            }
        }
        if variant != "default" {
            let path = cases.join(format!("{name}.{variant}.props"));
            let properties = fs::read_to_string(path).unwrap();
            properties.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).for_each(|line| {
                case.set(line);
            });
        }
        let (setup, stream) = script.split_once("\n-- stream").unwrap_or((&script, ""));
        setup.clone_into(&mut case.setup);
        case.steps = steps(stream.split_once('\n').map_or("", |(_, rest)| rest));
        case
    }

    fn set(&mut self, property: &str) {
        let (key, value) = property.split_once('=').unwrap();
        let (key, value) = (key.trim(), value.trim());
        match key.strip_prefix("oracle.") {
            None => {
                self.settings.retain(|(known, _)| known != key);
                self.settings.push((key.to_owned(), value.to_owned()));
            }
            Some("pgconf") => self.conf = value.replace(';', "\n"),
            Some("late") => self.reads_late = true,
            Some("nostream") => self.snapshot_only = true,
            Some("idle.seconds" | "jvm") => {} // how Debezium was run
            Some(other) => panic!("{}: unknown key oracle.{other}", self.label),
        }
    }

    /// True when headers are JSON, and not the text that Kafka Connect writes by default.
    pub(super) fn has_json_headers(&self) -> bool {
        self.setting("header.converter").is_some_and(|class| class.ends_with(".JsonConverter"))
    }

    pub(super) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// What Debezium emitted.
    pub(super) fn expected(&self, schemas: bool) -> Vec<Line> {
        let middle = if schemas { ".schemas" } else { "" };
        let file = format!("expected/{}.{}{middle}.jsonl", self.name, self.variant);
        let text = fs::read_to_string(recordings().join(file)).unwrap();
        let line = if self.has_json_headers() { Line::recorded_json_headers } else { Line::parse };
        text.lines().map(|text| line(text).unwrap()).collect()
    }
}

fn steps(stream: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut sql = String::new();
    for line in stream.lines() {
        if let Some(seconds) = line.strip_prefix("-- wait ") {
            steps.push(Step::Sql(std::mem::take(&mut sql)));
            steps.push(Step::WaitSeconds(seconds.trim().parse().unwrap()));
        } else {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    steps.push(Step::Sql(sql));
    steps.retain(|step| !matches!(step, Step::Sql(sql) if sql.trim().is_empty()));
    steps
}

#[test]
fn script_splits_at_waits_and_keeps_copy_data() {
    let stream = "COPY t FROM stdin;\n1\ta\n\\.\n-- wait 1.5\nSELECT 1;\n";
    let sql = |text: &str| Step::Sql(text.to_owned());
    let expected =
        [sql("COPY t FROM stdin;\n1\ta\n\\.\n"), Step::WaitSeconds(1.5), sql("SELECT 1;\n")];
    assert_eq!(steps(stream), expected);
}
