//! Which topics a statement means, and which columns they have.

use super::{Options, QueryFlowError};
use crate::config::SinkConfig;
use crate::error::Error;
use crate::query::{Discovery, InputRecord, QueryError, Statement};
use crate::source::{Source, StartAt};
use crate::stage::names::{self, NameError};
use std::time::Duration;

/// Records that are looked at when they bring no schema.
const RECORDS_MAX: usize = 1_000;

/// How often missing topics and columns are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Opens the source and resolves the tables of a statement to topics, one for each table.
pub(super) async fn topics(
    config: &SinkConfig,
    statement: &Statement,
    options: &Options,
    say: &impl Fn(&str),
) -> Result<(Source, Vec<String>), Error> {
    let mut said = false;
    loop {
        let missing = match Source::open(config).await {
            Ok(source) => {
                let known = source.topics().await?;
                match resolve(statement, &known, config) {
                    Ok(topics) => return Ok((source, topics)),
                    Err((error, true)) if options.wait => Error::Query(error),
                    Err((error, _)) => return Err(error.into()),
                }
            }
            Err(error) if options.wait && error.is_not_there_yet() => error.into(),
            Err(error) => return Err(error.into()),
        };
        if !std::mem::replace(&mut said, true) {
            say(&format!("waiting: {missing}"));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The error, and whether waiting can help.
fn resolve(
    statement: &Statement,
    known: &[String],
    config: &SinkConfig,
) -> Result<Vec<String>, (QueryError, bool)> {
    let resolved = statement.tables().iter().map(|table| {
        names::resolve(&table.name, known, &config.offset_topic).map_err(|error| {
            let place = table.error(statement.text(), error.to_string());
            let hint = match &error {
                NameError::Ambiguous { .. } => {
                    "write more of the name, as in audit.orders or \"dbserver1\".audit.orders"
                }
                NameError::Unknown { .. } => "name one of these, or wait for it with --wait",
            };
            (place.hint(hint), !error.is_ambiguous())
        })
    });
    resolved.collect()
}

/// Learns the columns of a topic from its first records; waits for one when following.
pub(super) async fn columns(
    config: &SinkConfig,
    topic: &str,
    options: &Options,
    say: &impl Fn(&str),
) -> Result<Discovery, Error> {
    let mut source = Source::open(config).await?;
    source.add(topic, StartAt::Beginning).await?;
    let mut discovery = Discovery::default();
    let (mut looked_at, mut said) = (0, false);
    let mut records = Vec::new();
    loop {
        records.clear();
        source.read(&mut records, 64)?;
        for record in &records {
            looked_at += 1;
            let record = InputRecord { key: record.key.as_deref(), value: record.value.as_deref() };
            if discovery.look_at(record)
                || looked_at >= RECORDS_MAX && discovery.columns().is_some()
            {
                return Ok(discovery);
            }
        }
        if !records.is_empty() || !source.is_at_end() {
            if records.is_empty() {
                source.wait(LOOK_INTERVAL).await;
            }
            continue;
        }
        if discovery.columns().is_some() {
            return Ok(discovery);
        }
        if !options.follow {
            return Err(QueryFlowError::NoColumns { topic: topic.to_owned() }.into());
        }
        if !std::mem::replace(&mut said, true) {
            say(&format!("waiting for the first record of {topic}"));
        }
        source.wait(LOOK_INTERVAL).await;
    }
}
