//! What librdkafka says about the connection, and the first contact with a cluster.

use super::error::KafkaError;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the first contact may take.
pub(crate) const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Keeps (all clones together) the last words of the network for the error that may follow; prints none of them.
#[derive(Debug, Clone)]
pub struct Link {
    brokers: Arc<str>,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    reason: Option<String>,
    refusal: Option<String>,
}

/// What an error event of librdkafka amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// No broker can be reached at the moment.
    AllDown,
    /// The login was refused.
    Refused,
    /// The client is of no use any more.
    Fatal,
    /// Nothing to act on.
    Passing,
}

impl Link {
    /// A link to `brokers` (`bootstrap.servers`) that has heard nothing yet.
    #[must_use]
    pub fn new(brokers: &str) -> Self {
        Self { brokers: Arc::from(brokers), heard: Arc::default() }
    }

    /// `bootstrap.servers`.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last thing that the network said.
    pub(crate) fn reason(&self) -> String {
        self.heard().reason.clone().unwrap_or_else(|| "no answer".to_owned())
    }

    /// Takes in an error event.
    pub(crate) fn note(&self, error: &Native, reason: &str) -> Event {
        let event = match error.rdkafka_error_code() {
            Some(Code::AllBrokersDown) => Event::AllDown,
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => Event::Refused,
            Some(Code::Fatal) => Event::Fatal,
            _ => Event::Passing,
        };
        tracing::debug!(target: "librdkafka", brokers = %self.brokers, %error, reason, "event");
        let mut heard = self.heard();
        match event {
            // It only counts brokers; the event before it said why.
            Event::AllDown => {}
            Event::Refused => heard.refusal = Some(reason.to_owned()),
            Event::Fatal | Event::Passing => heard.reason = Some(reason.to_owned()),
        }
        event
    }

    /// The error of a login that was refused, if one was.
    pub(crate) fn refusal(&self) -> Option<KafkaError> {
        let reason = self.heard().refusal.clone()?;
        Some(KafkaError::Login { brokers: self.brokers.to_string(), reason })
    }

    /// The error of a cluster that did not answer for so long.
    pub(crate) fn unreachable(&self, waited: Duration) -> KafkaError {
        KafkaError::Unreachable {
            brokers: self.brokers.to_string(),
            waited_s: waited.as_secs(),
            reason: self.reason(),
        }
    }

    /// Lists the cluster's topics; `serve` lets the client handle its events.
    ///
    /// Blocks for up to ten seconds: the first contact, to be run where blocking is allowed.
    pub(crate) fn list<C: ClientContext>(
        &self,
        client: &Client<C>,
        serve: impl Fn(),
    ) -> Result<Metadata, KafkaError> {
        let start = Instant::now();
        loop {
            // In slices, so that a refused login is not waited out.
            let answer = client.fetch_metadata(None, Duration::from_millis(500));
            serve();
            let source = match answer {
                Ok(metadata) => return Ok(metadata),
                Err(source) => source,
            };
            if let Some(refused) = self.refusal() {
                return Err(refused);
            }
            if !is_transient(&source) {
                return Err(KafkaError::request("list topics", source));
            }
            if start.elapsed() >= CONNECT_WAIT {
                return Err(self.unreachable(start.elapsed()));
            }
        }
    }
}

/// Whether trying again can help.
pub(crate) fn is_transient(error: &Native) -> bool {
    let code = match error {
        // Not among those that `rdkafka_error_code` looks into.
        Native::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    };
    matches!(
        code,
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::TimedOutQueue
                | Code::Resolve
                | Code::NotController
                | Code::NotCoordinator
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::NetworkException
                | Code::BrokerNotAvailable
        )
    )
}

/// librdkafka repeats itself every few seconds while a broker is away, so its lines are for
/// `RUST_LOG=librdkafka=debug`; what a person must know is said by the owner of the client.
pub(crate) fn log_line(level: RDKafkaLogLevel, facility: &str, line: &str) {
    tracing::debug!(target: "librdkafka", ?level, facility, "{line}");
}

impl ClientContext for Link {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        log_line(level, facility, line);
    }

    fn error(&self, error: Native, reason: &str) {
        // The end of a partition arrives as an error event as well.
        if !matches!(error, Native::Global(Code::PartitionEOF)) {
            self.note(&error, reason);
        }
    }
}

impl ConsumerContext for Link {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_known_in_every_wrapping() {
        for wrap in [Native::AdminOp, Native::Global, Native::MetadataFetch] {
            assert!(is_transient(&wrap(Code::OperationTimedOut)));
            assert!(!is_transient(&wrap(Code::TopicAuthorizationFailed)));
        }
    }
}
