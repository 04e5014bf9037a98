//! Topics: which there are, and making those that are missing.

use super::error::KafkaError;
use super::link;
use super::link::Link;
use super::settings;
use crate::config::SinkConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one request to the controller may take.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
/// How long a controller that is away is waited for, once the first contact has been made.
const OUTAGE_WAIT: Duration = Duration::from_secs(300);

/// The topics of a cluster, as far as we know them, and how new ones are made.
#[derive(Debug)]
pub struct Topics {
    known: HashSet<Arc<str>>,
    settings: ClientConfig,
    brokers: String,
    partitions: i32,
    replication_factor: i32,
    policy: Option<&'static str>,
}

impl Topics {
    /// Starts from the topics that there are; new ones get what `topic.creation.default.*` says.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Setting`], [`KafkaError::NoBrokers`].
    pub fn new(config: &SinkConfig, known: HashSet<Arc<str>>) -> Result<Self, KafkaError> {
        Ok(Self {
            known,
            settings: settings::client_settings(config)?,
            brokers: settings::brokers(config)?,
            partitions: config.topic_partitions,
            replication_factor: config.topic_replication_factor,
            policy: None,
        })
    }

    /// As [`new`](Self::new), for a topic of one partition that keeps the last record of each key.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn compacted(config: &SinkConfig, known: HashSet<Arc<str>>) -> Result<Self, KafkaError> {
        Ok(Self { partitions: 1, policy: Some("compact"), ..Self::new(config, known)? })
    }

    /// Makes those of `names` that are missing.
    ///
    /// # Errors
    ///
    /// [`KafkaError::NotCreated`] with the first topic that was refused.
    pub async fn ensure(&mut self, names: &[Arc<str>]) -> Result<(), KafkaError> {
        let missing: Vec<Arc<str>> =
            names.iter().filter(|name| !self.known.contains(*name)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let mut pause = Duration::from_millis(200);
        loop {
            match self.create(&missing).await {
                Ok(()) => break,
                Err(KafkaError::Request { source, .. })
                    if link::is_transient(&source) && start.elapsed() < OUTAGE_WAIT =>
                {
                    tracing::debug!(brokers = %self.brokers, error = %source, "topics not made yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                Err(error) => return Err(error),
            }
        }
        self.known.extend(missing);
        Ok(())
    }

    async fn create(&self, names: &[Arc<str>]) -> Result<(), KafkaError> {
        let failed = |source| KafkaError::request("create topics", source);
        let admin = self.admin().map_err(failed)?;
        let wanted: Vec<NewTopic<'_>> = names.iter().map(|name| self.wanted(name)).collect();
        let answers = admin.create_topics(&wanted, &options()).await.map_err(failed)?;
        for answer in answers {
            match answer {
                Ok(topic) => tracing::info!(topic, partitions = self.partitions, "topic created"),
                Err((_, Code::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(self.refused(topic, code)),
            }
        }
        Ok(())
    }

    /// `cleanup.policy` of a topic; `None` when we may not ask.
    pub async fn cleanup_policy(&self, topic: &str) -> Option<String> {
        let admin = self.admin().ok()?;
        let topics = [ResourceSpecifier::Topic(topic)];
        let described =
            admin.describe_configs(&topics, &options()).await.ok()?.into_iter().next()?.ok()?;
        described.get("cleanup.policy")?.value.clone()
    }

    /// A client for one request; they are rare, so it does not stay.
    fn admin(&self) -> Result<AdminClient<Link>, Native> {
        self.settings.create_with_context(Link::new(&self.brokers))
    }

    fn wanted<'a>(&self, name: &'a str) -> NewTopic<'a> {
        let replication = TopicReplication::Fixed(self.replication_factor);
        let topic = NewTopic::new(name, self.partitions, replication);
        match self.policy {
            Some(policy) => topic.set("cleanup.policy", policy),
            None => topic,
        }
    }

    fn refused(&self, topic: String, code: Code) -> KafkaError {
        if link::is_transient(&Native::AdminOp(code)) {
            return KafkaError::request("create topics", Native::AdminOp(code));
        }
        let (partitions, replication_factor) = (self.partitions, self.replication_factor);
        KafkaError::NotCreated { topic, partitions, replication_factor, code }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_WAIT)).operation_timeout(Some(REQUEST_WAIT))
}
