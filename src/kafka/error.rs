//! What can go wrong with Kafka, and what to do about it.

use rdkafka::error::RDKafkaErrorCode as Code;

/// A Kafka operation failed for good; what passes by itself is retried and never gets here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// Neither `bootstrap.servers` nor `--brokers` is set.
    #[error("no Kafka brokers are set")]
    NoBrokers,
    /// A `producer.override.*` setting cannot be used.
    #[error("setting \"producer.override.{name}\" cannot be used: {problem}")]
    Setting {
        /// Name without the prefix.
        name: String,
        /// Why not.
        #[source]
        problem: SettingProblem,
    },
    /// No broker answered at the start.
    #[error("no Kafka broker at {brokers} answered within {waited_s} s ({reason})")]
    Unreachable {
        /// `bootstrap.servers`.
        brokers: String,
        /// How long we waited, in seconds.
        waited_s: u64,
        /// The last thing that the network said.
        reason: String,
    },
    /// The broker refused user, password or mechanism.
    #[error("Kafka at {brokers} refused the login: {reason}")]
    Login {
        /// `bootstrap.servers`.
        brokers: String,
        /// The broker's words.
        reason: String,
    },
    /// A topic could not be created.
    #[error("{code}")]
    NotCreated {
        /// Topic name.
        topic: String,
        /// Partitions asked for; -1 is the broker's default.
        partitions: i32,
        /// Replicas asked for; -1 is the broker's default.
        replication_factor: i32,
        /// What the broker said.
        code: Code,
    },
    /// A record was refused for good.
    #[error("{code}")]
    Rejected {
        /// Topic name.
        topic: String,
        /// Bytes of key and value.
        bytes: usize,
        /// What the broker, or librdkafka before it was sent, said.
        code: Code,
    },
    /// The producer cannot keep its promise of order without gaps any more.
    #[error("the idempotent producer failed: {reason}")]
    Fatal {
        /// librdkafka's words.
        reason: String,
    },
    /// Another producer with the same `transactional.id` has begun to write.
    #[error("another writer has taken over: {reason}")]
    Fenced {
        /// librdkafka's words.
        reason: String,
    },
    /// A transaction could not be committed, however often it was repeated.
    #[error("transaction given up after {attempts} attempts")]
    NotCommitted {
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        #[source]
        source: Box<rdkafka::error::KafkaError>,
    },
    /// Settings that hold one by one exclude each other.
    #[error("the settings of the Kafka producer do not fit together: {reason}")]
    Conflict {
        /// librdkafka's words.
        reason: String,
    },
    /// A named topic does not exist.
    #[error("topic \"{topic}\" does not exist")]
    UnknownTopic {
        /// Topic name.
        topic: String,
    },
    /// A partition does not hold the offset that was asked for.
    #[error("topic \"{topic}\" partition {partition} holds offsets {first} to {end}, not {offset}")]
    OutOfRange {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// The offset asked for.
        offset: i64,
        /// The first offset there is.
        first: i64,
        /// The offset behind the last.
        end: i64,
    },
    /// Any other request that Kafka refused.
    #[error("{action} failed")]
    Request {
        /// What was tried: `list topics`.
        action: &'static str,
        /// What librdkafka said.
        #[source]
        source: Box<rdkafka::error::KafkaError>,
    },
}

/// Why a `producer.override.*` setting cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingProblem {
    /// Only Kafka's Java client knows it.
    #[error("only Kafka's Java client knows it; {instead}")]
    JavaOnly {
        /// What to set, or do, instead.
        instead: &'static str,
    },
    /// The value would break a promise.
    #[error("{why}")]
    Fixed {
        /// Which value is allowed, and why.
        why: &'static str,
    },
    /// librdkafka does not know the name, or not this value.
    #[error("{reason}")]
    Invalid {
        /// librdkafka's words.
        reason: String,
    },
}

impl KafkaError {
    pub(crate) fn request(action: &'static str, source: rdkafka::error::KafkaError) -> Self {
        Self::Request { action, source: Box::new(source) }
    }

    /// Whether the producer did not take a record because of the transaction's state.
    pub(crate) const fn is_wrong_state(code: Code) -> bool {
        matches!(code, Code::State)
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBrokers => "set them with --brokers HOST:PORT or bootstrap.servers".to_owned(),
            Self::Setting { problem: SettingProblem::Invalid { .. }, .. } => {
                "names and values are those of librdkafka: \
                 https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
                    .to_owned()
            }
            Self::Setting { name, .. } => {
                format!("remove producer.override.{name} from the settings, or change it as said")
            }
            Self::Unreachable { brokers, .. } => format!(
                "check that Kafka runs and that {brokers} is the address it advertises to clients; \
                 a listener with TLS or a login needs producer.override.security.protocol; \
                 without --brokers the embedded log serves"
            ),
            Self::Login { .. } => "check producer.override.security.protocol, \
                 producer.override.sasl.mechanism, producer.override.sasl.username and \
                 producer.override.sasl.password"
                .to_owned(),
            Self::NotCreated { topic, partitions, replication_factor, code } => {
                not_created_hint(topic, *partitions, *replication_factor, *code)
            }
            Self::Rejected { topic, bytes, code } => rejected_hint(topic, *bytes, *code)?,
            Self::Fatal { .. } => {
                "start again: everything that was not confirmed is read from the slot once more"
                    .to_owned()
            }
            Self::Fenced { .. } => {
                "two processes with the same topic.prefix and slot.name write to \
                 this Kafka: stop one of them; what is not committed is read from the slot again"
                    .to_owned()
            }
            Self::NotCommitted { .. } => {
                "nothing of it is visible; start again, and it is read from the slot once more"
                    .to_owned()
            }
            Self::Conflict { .. } => {
                "change or remove the producer.override.* settings that it names".to_owned()
            }
            Self::OutOfRange { first, end, .. } => {
                format!("choose an offset from {first} to {end}, or beginning or end")
            }
            Self::UnknownTopic { .. } | Self::Request { .. } => return None,
        })
    }

    /// Whether a setting is at fault, so that the exit status says "usage".
    #[must_use]
    pub const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::NoBrokers | Self::Setting { .. } | Self::Conflict { .. })
    }
}

fn not_created_hint(topic: &str, partitions: i32, replicas: i32, code: Code) -> String {
    match code {
        Code::InvalidReplicationFactor => format!(
            "topic.creation.default.replication.factor={replicas} asks for more replicas than \
             there are brokers (or for less than one): lower it, or set -1 for the broker's default"
        ),
        Code::InvalidPartitions => format!(
            "topic.creation.default.partitions={partitions} is refused: set it to 1 or more, or \
             to -1 for the broker's default"
        ),
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => format!(
            "allow it with kafka-acls.sh --add --allow-principal User:NAME --operation Create \
             --operation Describe --operation Write --topic '{topic}', or create the topic by hand"
        ),
        _ => format!(
            "create it by hand: kafka-topics.sh --bootstrap-server HOST:PORT --create \
             --topic '{topic}'; minicdc uses topics that exist as they are"
        ),
    }
}

fn rejected_hint(topic: &str, bytes: usize, code: Code) -> Option<String> {
    Some(match code {
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => format!(
            "let the topic take it: kafka-configs.sh --bootstrap-server HOST:PORT --alter \
             --topic '{topic}' --add-config max.message.bytes={}; a limit set with \
             producer.override.max.request.size must be at least as high",
            // Headers and framing come on top of key and value.
            (bytes + bytes / 8).next_multiple_of(1 << 20)
        ),
        Code::TopicAuthorizationFailed => format!(
            "allow it: kafka-acls.sh --add --allow-principal User:NAME --operation Write \
             --operation Describe --topic '{topic}'"
        ),
        Code::ClusterAuthorizationFailed => "allow the idempotent producer: kafka-acls.sh --add \
             --allow-principal User:NAME --operation IdempotentWrite --cluster"
            .to_owned(),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            format!("topic '{topic}' went away while minicdc ran: start again and it is made anew")
        }
        Code::InvalidRecord => format!(
            "a compacted topic takes no record without a key: give the table a primary key, or \
             set cleanup.policy=delete on topic '{topic}'"
        ),
        Code::MessageTimedOut => "producer.override.delivery.timeout.ms gave up on Kafka: unset \
             it, and minicdc waits for Kafka to come back"
            .to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_hint_names_a_limit_above_the_record() {
        let error = KafkaError::Rejected {
            topic: "shop.public.orders".to_owned(),
            bytes: 2_000_000,
            code: Code::MessageSizeTooLarge,
        };
        let hint = error.hint().unwrap();
        assert!(hint.contains("--topic 'shop.public.orders'"), "{hint}");
        assert!(hint.contains("max.message.bytes=3145728"), "{hint}");
    }

    #[test]
    fn settings_are_usage_errors_and_outages_are_not() {
        assert!(KafkaError::NoBrokers.is_misconfiguration());
        assert!(!KafkaError::Fatal { reason: String::new() }.is_misconfiguration());
    }
}
