//! Settings of the Kafka clients: our defaults under `producer.override.*`.
//!
//! The names are those of Kafka Connect, whose producer is the Java one. librdkafka shares most of
//! them, calls some by another name, and lacks the rest; what it lacks is refused by name rather
//! than dropped.

use super::error::{KafkaError, SettingProblem};
use crate::config::SinkConfig;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use std::time::Duration;

/// How often librdkafka calls back with nothing to say but the time.
const TICK_MS: &str = "5000";

/// A broker closes the connection on requests above `socket.request.max.bytes` (100 MiB) without a
/// word, and the record would be sent again for ever: so larger records are refused here. Below,
/// the topic's own limit decides.
const RECORD_BYTES_MAX: &str = "100000000";

/// The longest that brokers allow by default (`transaction.max.timeout.ms`): a broker that is away
/// for less interrupts nothing. A writer that died does not keep readers waiting so long, as the
/// next start ends what it left open.
const TRANSACTION_TIMEOUT_MS: &str = "900000";

/// What the Java client's name means to librdkafka.
enum Meaning {
    /// The same under this name; for librdkafka's own aliases too, so that the later one wins.
    Called(&'static str),
    /// Bytes there, kilobytes here.
    InKilobytes(&'static str),
    /// Nothing; here is what to do instead.
    Nothing(&'static str),
}

use Meaning::{Called, InKilobytes, Nothing};

const SERIALIZER: &str = "the format is set with key.converter and value.converter";
const JAAS: &str = "set sasl.username and sasl.password";
const TRUSTSTORE: &str = "set ssl.ca.location to a PEM file, or ssl.truststore.certificates";
const BOUNDED: &str = "leave it out: minicdc bounds what is in flight itself";
const CALLBACK: &str = "leave it out: Java classes are not loaded";

#[rustfmt::skip] // one name a line
const NAMES: &[(&str, Meaning)] = &[
    ("acks", Called("request.required.acks")),
    ("buffer.memory", InKilobytes("queue.buffering.max.kbytes")),
    ("compression.codec", Called("compression.type")),
    ("compression.gzip.level", Called("compression.level")),
    ("compression.lz4.level", Called("compression.level")),
    ("compression.zstd.level", Called("compression.level")),
    ("delivery.timeout.ms", Called("message.timeout.ms")),
    ("max.in.flight", Called("max.in.flight.requests.per.connection")),
    ("max.request.size", Called("message.max.bytes")),
    ("metadata.broker.list", Called("bootstrap.servers")),
    ("queue.buffering.max.ms", Called("linger.ms")),
    ("receive.buffer.bytes", Called("socket.receive.buffer.bytes")),
    ("retries", Called("message.send.max.retries")),
    ("sasl.mechanism", Called("sasl.mechanisms")),
    ("send.buffer.bytes", Called("socket.send.buffer.bytes")),
    ("socket.connection.setup.timeout.max.ms", Called("socket.connection.setup.timeout.ms")),
    ("ssl.enabled.protocols", Nothing("leave it out: OpenSSL chooses, TLS 1.2 or later")),
    ("ssl.keystore.certificate.chain", Called("ssl.certificate.pem")),
    ("ssl.keystore.key", Called("ssl.key.pem")),
    ("ssl.keystore.type", Nothing("set ssl.keystore.location to a PKCS#12 file, or ssl.certificate.location and ssl.key.location to PEM files")),
    ("ssl.protocol", Nothing("leave it out: OpenSSL chooses, TLS 1.2 or later")),
    ("ssl.truststore.certificates", Called("ssl.ca.pem")),
    ("ssl.truststore.location", Nothing(TRUSTSTORE)),
    ("ssl.truststore.password", Nothing(TRUSTSTORE)),
    ("ssl.truststore.type", Nothing(TRUSTSTORE)),
    ("interceptor.classes", Nothing(CALLBACK)),
    ("key.deserializer", Nothing("leave it out: signals are text")),
    ("value.deserializer", Nothing("leave it out: signals are text")),
    ("key.serializer", Nothing(SERIALIZER)),
    ("max.block.ms", Nothing(BOUNDED)),
    ("metric.reporters", Nothing(CALLBACK)),
    ("partitioner.class", Nothing("set partitioner (murmur2_random is what Kafka's producers use)")),
    ("sasl.client.callback.handler.class", Nothing(CALLBACK)),
    ("sasl.jaas.config", Nothing(JAAS)),
    ("sasl.login.callback.handler.class", Nothing(CALLBACK)),
    ("sasl.login.class", Nothing(CALLBACK)),
    ("security.providers", Nothing(CALLBACK)),
    ("value.serializer", Nothing(SERIALIZER)),
];

/// Settings that every client shares: where Kafka is and how to log in.
const SHARED: &[&str] = &[
    "api.version.",
    "bootstrap.servers",
    "broker.",
    "client.",
    "connections.max.idle.ms",
    "enable.sasl.",
    "enable.ssl.",
    "https.",
    "metadata.",
    "reconnect.",
    "sasl.",
    "security.",
    "socket.",
    "ssl.",
];

/// `bootstrap.servers`: the override's, else the sink's.
///
/// # Errors
///
/// [`KafkaError::NoBrokers`] when neither is set.
pub fn brokers(config: &SinkConfig) -> Result<String, KafkaError> {
    config
        .producer_overrides
        .iter()
        .rfind(|(name, _)| matches!(name.as_str(), "bootstrap.servers" | "metadata.broker.list"))
        .map(|(_, value)| value)
        .or(config.brokers.as_ref())
        .filter(|brokers| !brokers.trim().is_empty())
        .cloned()
        .ok_or(KafkaError::NoBrokers)
}

/// Settings of the producer that carries the records.
///
/// # Errors
///
/// [`KafkaError::Setting`] for an override that cannot be used, [`KafkaError::NoBrokers`].
pub fn producer_settings(config: &SinkConfig) -> Result<ClientConfig, KafkaError> {
    let mut client = base(config)?;
    let records = config.in_flight_records_max.saturating_mul(2).max(100_000);
    // More than the caller ever has in flight, whatever single records weigh.
    let kilobytes = (config.in_flight_bytes_max / 512).max(1 << 20);
    client
        .set("enable.idempotence", "true")
        .set("request.required.acks", "all")
        // Key to partition as Kafka's own producers do it; librdkafka's default is another hash.
        .set("partitioner", "murmur2_random")
        // No end: an outage is waited for, and the slot keeps what is not confirmed.
        .set("message.timeout.ms", "0")
        .set("message.max.bytes", RECORD_BYTES_MAX)
        .set("queue.buffering.max.messages", records.to_string())
        .set("queue.buffering.max.kbytes", kilobytes.to_string())
        .set("linger.ms", "5")
        // Half the CPU time of batches of 64 KiB, here and in the broker; a broker's own limit for
        // a batch is 1 MiB.
        .set("batch.size", "524288")
        .set("compression.type", "lz4")
        .set("statistics.interval.ms", TICK_MS);
    if let Some(transactions) = &config.transactions {
        client
            .set("transactional.id", &transactions.id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            // Records come in chunks, and a commit waits for the last of them.
            .set("linger.ms", "1")
            // A record must not outlive its transaction: librdkafka takes that one's time.
            .remove("message.timeout.ms");
    }
    for (name, value) in &config.producer_overrides {
        apply(&mut client, name, value, config)?;
    }
    checked(client)
}

/// How long Kafka lets a transaction of the producer be open.
///
/// # Errors
///
/// As [`producer_settings`].
pub fn transaction_timeout(config: &SinkConfig) -> Result<Duration, KafkaError> {
    let settings = producer_settings(config)?;
    let ms = settings.get("transaction.timeout.ms").unwrap_or(TRANSACTION_TIMEOUT_MS);
    Ok(Duration::from_millis(ms.parse().unwrap_or_default()))
}

/// Settings of any other client (admin, reader): the overrides that say where Kafka is and how to
/// log in.
///
/// # Errors
///
/// As [`producer_settings`].
pub fn client_settings(config: &SinkConfig) -> Result<ClientConfig, KafkaError> {
    let mut client = base(config)?;
    for (name, value) in &config.producer_overrides {
        let (called, _) = translated(name, value)?;
        if SHARED.iter().any(|shared| called.starts_with(shared)) {
            apply(&mut client, name, value, config)?;
        }
    }
    checked(client)
}

/// Settings of a consumer: `defaults` under all of the overrides.
///
/// # Errors
///
/// As [`producer_settings`].
pub(super) fn consumer_settings(
    config: &SinkConfig,
    defaults: &[(&str, &str)],
) -> Result<ClientConfig, KafkaError> {
    let mut client = base(config)?;
    for (name, value) in defaults {
        client.set(*name, *value);
    }
    for (name, value) in &config.producer_overrides {
        apply(&mut client, name, value, config)?;
    }
    checked(client)
}

fn base(config: &SinkConfig) -> Result<ClientConfig, KafkaError> {
    let mut client = ClientConfig::new();
    let debug = tracing::enabled!(target: "librdkafka", tracing::Level::DEBUG);
    client.set_log_level(if debug { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Error });
    client
        .set("bootstrap.servers", brokers(config)?)
        .set("client.id", "minicdc")
        // A broker that restarts is found again within two seconds, not ten.
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true");
    Ok(client)
}

fn apply(
    client: &mut ClientConfig,
    name: &str,
    value: &str,
    config: &SinkConfig,
) -> Result<(), KafkaError> {
    let (called, value) = translated(name, value)?;
    if let Some(why) = broken_promise(called, &value, config) {
        return Err(refused(name, SettingProblem::Fixed { why }));
    }
    client.set(called, value);
    Ok(())
}

/// librdkafka's name and value for an override.
fn translated<'a>(name: &'a str, value: &str) -> Result<(&'a str, String), KafkaError> {
    let value = value.trim();
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, Called(called))) => Ok((called, value.to_owned())),
        Some((_, InKilobytes(called))) => match value.parse::<u64>() {
            Ok(bytes) => Ok((called, bytes.div_ceil(1024).to_string())),
            Err(_) => {
                let reason = "expected a number of bytes".to_owned();
                Err(refused(name, SettingProblem::Invalid { reason }))
            }
        },
        Some((_, Nothing(instead))) => Err(refused(name, SettingProblem::JavaOnly { instead })),
        // Java's way to say "no check of the host name" is the empty string.
        None if name == "ssl.endpoint.identification.algorithm" && value.is_empty() => {
            Ok((name, "none".to_owned()))
        }
        None if name == "security.protocol" => Ok((name, value.to_ascii_lowercase())),
        None => Ok((name, value.to_owned())),
    }
}

/// Why this value cannot be had, if so.
fn broken_promise(called: &str, value: &str, config: &SinkConfig) -> Option<&'static str> {
    let number = || value.parse::<usize>().unwrap_or(usize::MAX);
    let (kept, why) = match called {
        "enable.idempotence" => {
            (value == "true", "it stays true, or a retry could reorder or repeat records")
        }
        "request.required.acks" => (
            matches!(value, "all" | "-1"),
            "it stays \"all\": PostgreSQL drops the WAL of what counts as delivered",
        ),
        "transactional.id" | "transaction.timeout.ms" => (
            config.transactions.is_some(),
            "it takes effect only with exactly.once.support=required",
        ),
        "statistics.interval.ms" | "delivery.report.only.error" => {
            (false, "minicdc needs its own value to follow deliveries")
        }
        "queue.buffering.max.messages" => (
            number() > config.in_flight_records_max,
            "the queue must hold more records than max.queue.size lets be in flight",
        ),
        "queue.buffering.max.kbytes" => (
            number().saturating_mul(1024) > config.in_flight_bytes_max,
            "the queue must hold more bytes than minicdc lets be in flight",
        ),
        _ => (true, ""),
    };
    (!kept).then_some(why)
}

fn refused(name: &str, problem: SettingProblem) -> KafkaError {
    KafkaError::Setting { name: name.to_owned(), problem }
}

/// Lets librdkafka look at every name and value, before a client is made of them.
fn checked(client: ClientConfig) -> Result<ClientConfig, KafkaError> {
    use rdkafka::error::KafkaError as Native;
    match client.create_native_config() {
        Ok(_) => Ok(client),
        // The value is left out: it may be a password.
        Err(Native::ClientConfig(_, reason, name, _)) => {
            Err(refused(&name, SettingProblem::Invalid { reason }))
        }
        Err(source) => Err(KafkaError::request("set up the Kafka client", source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TransactionConfig;

    fn with(overrides: &[(&str, &str)]) -> SinkConfig {
        SinkConfig {
            brokers: Some("localhost:9092".to_owned()),
            producer_overrides: overrides
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..SinkConfig::default()
        }
    }

    fn problem(overrides: &[(&str, &str)]) -> (String, SettingProblem) {
        match producer_settings(&with(overrides)).unwrap_err() {
            KafkaError::Setting { name, problem } => (name, problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn producer_defaults_keep_order_and_every_record() {
        let settings = producer_settings(&with(&[])).unwrap();
        let native = settings.create_native_config().unwrap();
        for (name, value) in [
            ("enable.idempotence", "true"),
            ("request.required.acks", "-1"),
            ("partitioner", "murmur2_random"),
            ("message.timeout.ms", "0"),
        ] {
            assert_eq!(native.get(name).unwrap(), value, "{name}");
        }
        let queued: usize = native.get("queue.buffering.max.messages").unwrap().parse().unwrap();
        assert!(queued > SinkConfig::default().in_flight_records_max);
    }

    #[test]
    fn java_names_become_librdkafkas() {
        let settings = producer_settings(&with(&[
            ("max.request.size", "2097152"),
            ("buffer.memory", "67108864"),
            ("compression.type", "zstd"),
            ("linger.ms", "50"),
            ("batch.size", "1048576"),
            ("delivery.timeout.ms", "120000"),
            ("acks", "-1"),
            ("retries", "10"),
            ("security.protocol", "SASL_SSL"),
            ("ssl.endpoint.identification.algorithm", ""),
            ("sasl.mechanism", "SCRAM-SHA-512"),
        ]))
        .unwrap();
        for (name, value) in [
            ("message.max.bytes", "2097152"),
            ("queue.buffering.max.kbytes", "65536"),
            ("compression.type", "zstd"),
            ("linger.ms", "50"),
            ("batch.size", "1048576"),
            ("message.timeout.ms", "120000"),
            ("request.required.acks", "-1"),
            ("message.send.max.retries", "10"),
            ("security.protocol", "sasl_ssl"),
            ("ssl.endpoint.identification.algorithm", "none"),
            ("sasl.mechanisms", "SCRAM-SHA-512"),
        ] {
            assert_eq!(settings.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn every_translated_name_is_known_to_librdkafka() {
        for (name, meaning) in NAMES {
            if let Called(called) | InKilobytes(called) = meaning {
                let result = ClientConfig::new().set(*called, "1").create_native_config();
                let unknown = result.is_err_and(|error| error.to_string().contains("No such"));
                assert!(!unknown, "{name} → {called}");
            }
        }
        let result = ClientConfig::new().set("lingr.ms", "1").create_native_config();
        assert!(result.is_err_and(|error| error.to_string().contains("No such")));
    }

    #[test]
    fn java_only_names_are_refused_with_what_to_use() {
        let (name, problem) = problem(&[("sasl.jaas.config", "x required username=\"a\";")]);
        assert_eq!(name, "sasl.jaas.config");
        assert!(problem.to_string().contains("sasl.username"), "{problem}");
    }

    #[test]
    fn values_that_would_lose_or_reorder_records_are_refused() {
        for (name, value) in [
            ("acks", "1"),
            ("enable.idempotence", "false"),
            ("transactional.id", "t"),
            ("queue.buffering.max.messages", "10"),
            ("buffer.memory", "1048576"),
        ] {
            let (refused, problem) = problem(&[(name, value)]);
            assert_eq!(refused, name);
            assert!(matches!(problem, SettingProblem::Fixed { .. }), "{name}: {problem:?}");
        }
    }

    #[test]
    fn transactions_have_their_name_and_no_record_outlives_them() {
        let transactional = |overrides: &[(&str, &str)]| {
            let transactions = Some(TransactionConfig { id: "me".to_owned(), interval_ms: None });
            producer_settings(&SinkConfig { transactions, ..with(overrides) })
        };
        let settings = transactional(&[]).unwrap();
        assert_eq!(settings.get("transactional.id"), Some("me"));
        assert_eq!(settings.get("transaction.timeout.ms"), Some("900000"));
        assert_eq!(settings.get("message.timeout.ms"), None);
        let own = transactional(&[("transactional.id", "own")]).unwrap();
        assert_eq!(own.get("transactional.id"), Some("own"));
        let refused = transactional(&[("enable.idempotence", "false")]).unwrap_err();
        assert!(refused.is_misconfiguration(), "{refused}");
    }

    #[test]
    fn unknown_names_and_values_are_refused_without_the_value() {
        let (name, _) = problem(&[("lingr.ms", "5")]);
        assert_eq!(name, "lingr.ms");
        let (name, problem) = problem(&[("linger.ms", "sooner")]);
        assert_eq!(name, "linger.ms");
        assert!(matches!(problem, SettingProblem::Invalid { .. }));
    }

    #[test]
    fn other_clients_take_the_login_and_leave_the_rest() {
        let config = with(&[
            ("linger.ms", "50"),
            ("security.protocol", "SSL"),
            ("ssl.ca.location", "/etc/ssl/ca.pem"),
            ("bootstrap.servers", "other:9092"),
        ]);
        let settings = client_settings(&config).unwrap();
        assert_eq!(settings.get("security.protocol"), Some("ssl"));
        assert_eq!(settings.get("bootstrap.servers"), Some("other:9092"));
        assert_eq!(settings.get("linger.ms"), None);
        assert_eq!(brokers(&config).unwrap(), "other:9092");
    }

    #[test]
    fn missing_brokers_are_an_error() {
        let config = SinkConfig { brokers: Some(" ".to_owned()), ..SinkConfig::default() };
        assert!(matches!(producer_settings(&config), Err(KafkaError::NoBrokers)));
    }
}
