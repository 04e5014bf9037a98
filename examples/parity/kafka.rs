//! Reads all topics of the broker, as bytes.

use anyhow::{Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How long nothing may come before what was read counts as everything.
const QUIET: Duration = Duration::from_millis(400);
const ANSWER: Duration = Duration::from_secs(30);

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) headers: Vec<(String, Option<String>)>,
}

/// Reads what others write, from the first record on.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    known: HashSet<String>,
}

impl Reader {
    pub(crate) fn connect(brokers: &str) -> Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "parity")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "50")
            .set("topic.metadata.refresh.interval.ms", "1000")
            .create()?;
        Ok(Self { consumer, known: HashSet::new() })
    }

    /// Reads on until `enough` says so of everything read by this call, and then until nothing
    /// comes any more.
    pub(crate) fn read(
        &mut self,
        patience: Duration,
        mut enough: impl FnMut(&[Record]) -> Result<bool>,
    ) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        let (mut last_look, mut last_record) = (None::<Instant>, Instant::now());
        loop {
            if last_look.is_none_or(|look| look.elapsed() > Duration::from_millis(200)) {
                last_look = Some(Instant::now());
                if self.add_new_topics()? {
                    last_record = Instant::now();
                }
                if enough(&records)? && last_record.elapsed() > QUIET {
                    return Ok(records);
                }
            }
            match self.consumer.poll(Duration::from_millis(50)) {
                Some(message) => {
                    records.push(record(&message?)?);
                    last_record = Instant::now();
                }
                None if last_record.elapsed() > patience => {
                    bail!("nothing was written for {patience:?}, and not all is there");
                }
                None => {}
            }
        }
    }

    /// Leaves out what earlier runs wrote.
    pub(crate) fn skip_to_end(&mut self) -> Result<()> {
        self.read(Duration::from_secs(10), |_| Ok(true)).map(drop)
    }

    /// True when there were some.
    fn add_new_topics(&mut self) -> Result<bool> {
        let metadata = self.consumer.fetch_metadata(None, ANSWER)?;
        let mut added = TopicPartitionList::new();
        for topic in metadata.topics() {
            let name = topic.name();
            let is_internal = name == "__consumer_offsets" || name.starts_with("minicdc");
            if !is_internal && !topic.partitions().is_empty() && self.known.insert(name.to_owned())
            {
                for partition in topic.partitions() {
                    added.add_partition_offset(name, partition.id(), Offset::Beginning)?;
                }
            }
        }
        let some = added.count() > 0;
        if some {
            self.consumer.incremental_assign(&added)?;
        }
        Ok(some)
    }
}

fn record(message: &BorrowedMessage<'_>) -> Result<Record> {
    let text = |bytes: Option<&[u8]>| -> Result<Option<String>> {
        Ok(bytes.map(|bytes| String::from_utf8(bytes.to_vec())).transpose()?)
    };
    let mut headers = Vec::new();
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        headers.push((header.key.to_owned(), text(header.value)?));
    }
    Ok(Record {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        key: text(message.key())?,
        value: text(message.payload())?,
        headers,
    })
}
