//! `--to`: the result as an upsert topic. The key is what tells rows apart; a row that goes leaves a
//! tombstone.

use super::QueryFlowError;
use super::feed::push_row;
use crate::config::{SinkConfig, SinkKind};
use crate::error::Error;
use crate::log::LogOptions;
use crate::query::input::Column;
use crate::query::ops::Delta;
use crate::record::Record;
use crate::sink::{AnySink, Delivered, KafkaSink, LogSink, Sink as _, SinkError};
use std::path::Path;
use std::sync::Arc;

/// Records that may be on their way at once.
const IN_FLIGHT_MAX: u64 = 20_000;

/// Writes changes of a result to a topic.
pub(super) struct ResultTopic {
    sink: AnySink,
    topic: Arc<str>,
    key: Vec<usize>,
    sent: u64,
    delivered: Delivery,
}

/// How many records are durable, whichever way the sink counts them.
#[derive(Debug, Default)]
struct Delivery {
    ones: u64,
    up_to: u64,
}

impl ResultTopic {
    /// Opens the topic in Kafka, or in the log of `log_dir`.
    pub(super) async fn open(
        config: &SinkConfig,
        log_dir: Option<&Path>,
        topic: &str,
        unique: Option<&[usize]>,
    ) -> Result<Self, Error> {
        let key = unique.ok_or_else(|| QueryFlowError::NoKey { topic: topic.to_owned() })?.to_vec();
        let mut sink = match (log_dir, config.brokers.is_some()) {
            (None, true) => {
                let config = SinkConfig { kind: SinkKind::Kafka, ..config.clone() };
                AnySink::Kafka(KafkaSink::connect(&config).await?)
            }
            (dir, _) => {
                let dir = dir.unwrap_or(&config.log_dir);
                AnySink::Log(LogSink::open(dir, LogOptions::default())?)
            }
        };
        let topic = Arc::from(topic);
        sink.ensure_topics(&[Arc::clone(&topic)]).await?;
        Ok(Self { sink, topic, key, sent: 0, delivered: Delivery::default() })
    }

    /// Sends what changed: for each key the row that stands now, or a tombstone.
    pub(super) async fn send(
        &mut self,
        changes: &[Delta],
        columns: &[Column],
    ) -> Result<(), Error> {
        let key_of = |change: &Delta| {
            let mut key = String::new();
            let cells = self.key.iter().filter_map(|at| columns.get(*at).zip(change.row.get(*at)));
            push_row(&mut key, cells);
            key
        };
        let come: std::collections::HashSet<String> =
            changes.iter().filter(|change| change.weight > 0).map(key_of).collect();
        let mut records = Vec::with_capacity(changes.len());
        for change in changes {
            let key = key_of(change);
            if change.weight > 0 {
                let mut value = String::new();
                push_row(&mut value, columns.iter().zip(change.row.iter()));
                records.push((key, Some(value)));
            } else if !come.contains(&key) {
                records.push((key, None));
            }
        }
        for (key, value) in records {
            let record = Record {
                sequence: self.sent,
                topic: &self.topic,
                partition: None,
                key: Some(key.as_bytes()),
                value: value.as_ref().map(String::as_bytes),
                own_header: None,
                headers: &[],
                additions: None,
            };
            self.sink.send(&record)?;
            self.sent += 1;
            self.wait_for(IN_FLIGHT_MAX).await?;
        }
        self.sink.flush()?;
        Ok(())
    }

    /// Waits until everything that was sent is durable.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        self.sink.flush()?;
        self.wait_for(0).await
    }

    async fn wait_for(&mut self, in_flight_max: u64) -> Result<(), Error> {
        let mut reports = Vec::new();
        while self.sent.saturating_sub(self.delivered.count()) > in_flight_max {
            self.sink.flush()?;
            self.sink.deliveries().wait().await;
            let taken: Result<(), SinkError> = self.sink.deliveries().take(&mut reports);
            taken?;
            for report in &reports {
                match report {
                    Delivered::One(_) => self.delivered.ones += 1,
                    Delivered::UpTo(last) => self.delivered.up_to = last + 1,
                }
            }
        }
        Ok(())
    }
}

impl Delivery {
    /// A sink reports one by one, or up to a record, and never both.
    const fn count(&self) -> u64 {
        if self.ones > self.up_to { self.ones } else { self.up_to }
    }
}
