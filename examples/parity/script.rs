//! Scripts and settings files, in the format of `tests/golden/cases`.

use anyhow::{Context as _, Result};

/// A script: what comes before both start, what comes while they stream, and with which settings.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) setup: String,
    pub(crate) steps: Vec<Step>,
}

/// A part of what comes while they stream.
#[derive(Debug)]
pub(crate) enum Step {
    Sql(String),
    WaitSeconds(f64),
    /// Both have to have caught up.
    Sync,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut script = Self::default();
        for line in text.lines() {
            if let Some(setting) = line.strip_prefix("-- @props ") {
                script.settings.push(property(setting)?);
            }
        }
        let (setup, stream) = text.split_once("\n-- stream").unwrap_or((text, ""));
        setup.clone_into(&mut script.setup);
        let mut sql = String::new();
        for line in stream.split_once('\n').map_or("", |(_, rest)| rest).lines() {
            let step = if let Some(seconds) = line.strip_prefix("-- wait ") {
                Step::WaitSeconds(seconds.trim().parse().context("-- wait needs seconds")?)
            } else if line.trim_end() == "-- sync" {
                Step::Sync
            } else {
                sql.push_str(line);
                sql.push('\n');
                continue;
            };
            script.steps.push(Step::Sql(std::mem::take(&mut sql)));
            script.steps.push(step);
        }
        script.steps.push(Step::Sql(sql));
        Ok(script)
    }
}

/// Properties of a file, without those that only steer a recording.
pub(crate) fn properties(text: &str) -> Result<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(property).collect()
}

pub(crate) fn property(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').with_context(|| format!("no = in {text:?}"))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
