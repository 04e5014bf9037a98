//! The Kafka sink, the reader and the stored position on a real Apache Kafka.

use crate::support::kafka::{self, Broker};
use crate::support::{PATIENCE, install, unique};
use minicdc::config::SinkConfig;
use minicdc::kafka::{KafkaError, KafkaReader, SettingProblem, StartAt, TopicInfo};
use minicdc::lsn::Lsn;
use minicdc::offsets::{OffsetKey, OffsetStore, SourceOffset};
use minicdc::record::{Record, StoredRecord};
use minicdc::sink::{Delivered, KafkaSink, Sink as _, SinkError};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

fn config(brokers: &str) -> SinkConfig {
    SinkConfig { brokers: Some(brokers.to_owned()), ..SinkConfig::default() }
}

fn with(brokers: &str, overrides: &[(&str, &str)]) -> SinkConfig {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    SinkConfig { producer_overrides: overrides.iter().map(owned).collect(), ..config(brokers) }
}

fn record<'a>(sequence: u64, topic: &'a Arc<str>, key: &'a [u8], value: &'a [u8]) -> Record<'a> {
    Record {
        sequence,
        topic,
        partition: None,
        key: Some(key),
        value: Some(value),
        own_header: None,
        headers: &[],
        additions: None,
    }
}

/// Takes reports until `count` records are durable; each must be reported once.
pub(crate) async fn delivered(sink: &KafkaSink, count: usize) -> Result<BTreeSet<u64>, SinkError> {
    let (mut done, mut reports) = (BTreeSet::new(), Vec::new());
    while done.len() < count {
        let waited = tokio::time::timeout(PATIENCE, sink.deliveries().wait()).await;
        assert!(waited.is_ok(), "{} of {count} records delivered", done.len());
        sink.deliveries().take(&mut reports)?;
        for report in &reports {
            let Delivered::One(sequence) = *report else { panic!("{report:?}") };
            assert!(done.insert(sequence), "record {sequence} reported twice");
        }
    }
    Ok(done)
}

async fn topic_of(reader: &KafkaReader, name: &str) -> TopicInfo {
    let topics = reader.topics().await.unwrap();
    topics.into_iter().find(|topic| &*topic.name == name).unwrap()
}

/// Everything that a topic holds from `start` to its present end.
async fn read(brokers: &str, name: &str, start: StartAt) -> Vec<StoredRecord> {
    let mut reader = KafkaReader::connect(&config(brokers)).await.unwrap();
    let topic = topic_of(&reader, name).await;
    reader.open(&topic, start).await.unwrap();
    read_to_end(&mut reader).await
}

async fn read_to_end(reader: &mut KafkaReader) -> Vec<StoredRecord> {
    let (mut records, begun) = (Vec::new(), Instant::now());
    while reader.read(&mut records, 1_000).unwrap() > 0 || !reader.is_at_end() {
        assert!(begun.elapsed() < PATIENCE, "not at the end after {} records", records.len());
        reader.wait(Duration::from_millis(50)).await;
    }
    records
}

/// Sends records whose key and value are their number, and waits for all of them.
async fn produce(brokers: &str, topic: &Arc<str>, numbers: std::ops::Range<u64>) {
    let mut sink = KafkaSink::connect(&config(brokers)).await.unwrap();
    sink.ensure_topics(&[Arc::clone(topic)]).await.unwrap();
    let count = numbers.clone().count();
    for (sequence, number) in numbers.enumerate() {
        let text = number.to_string();
        sink.send(&record(sequence as u64, topic, text.as_bytes(), text.as_bytes())).unwrap();
    }
    delivered(&sink, count).await.unwrap();
}

fn topic(name: &str) -> Arc<str> {
    Arc::from(unique(name))
}

fn numbers(records: &[StoredRecord]) -> Vec<u64> {
    let number = |record: &StoredRecord| {
        String::from_utf8(record.value.clone().unwrap()).unwrap().parse().unwrap()
    };
    records.iter().map(number).collect()
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn headers_tombstones_and_null_keys_come_back_as_sent() {
    let (brokers, topic) = (kafka::shared(), topic("shapes"));
    let mut sink = KafkaSink::connect(&config(brokers)).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&topic)]).await.unwrap();
    let headers: Vec<(&'static str, Arc<[u8]>)> =
        vec![("a", Arc::from(*b"1")), ("b", Arc::from(Vec::new()))];
    let plain = record(0, &topic, b"k", b"v");
    let own = Some(("__debezium.newkey", &b"n"[..]));
    sink.send(&Record { own_header: own, headers: &headers, ..plain }).unwrap();
    sink.send(&Record { sequence: 1, value: None, ..plain }).unwrap();
    sink.send(&Record { sequence: 2, key: None, ..plain }).unwrap();
    sink.send(&Record { sequence: 3, key: Some(b""), value: Some(b""), ..plain }).unwrap();
    assert_eq!(delivered(&sink, 4).await.unwrap(), (0..4).collect());

    let records = read(brokers, &topic, StartAt::Beginning).await;
    let shapes: Vec<_> = records.iter().map(|r| (r.key.as_deref(), r.value.as_deref())).collect();
    let (k, v, empty) = (Some(&b"k"[..]), Some(&b"v"[..]), Some(&b""[..]));
    assert_eq!(shapes, [(k, v), (k, None), (None, v), (empty, empty)]);
    let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_owned()));
    let sent = [header("__debezium.newkey", b"n"), header("a", b"1"), header("b", b"")];
    assert_eq!(records[0].headers, sent);
    assert!(records[1].headers.is_empty());
    assert!(records.iter().all(|r| r.timestamp_ms > 1_600_000_000_000));
    assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn keys_go_to_the_partitions_that_the_java_producer_chooses() {
    let (brokers, ours, javas) = (kafka::shared(), topic("ours"), topic("javas"));
    let wide = SinkConfig { topic_partitions: 7, ..config(brokers) };
    let mut sink = KafkaSink::connect(&wide).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&ours), Arc::clone(&javas)]).await.unwrap();
    let keys: Vec<String> = (0..100)
        .map(|id| format!(r#"{{"id":{id}}}"#))
        .chain(["".into(), "ä€😀".into(), "x".repeat(1_000)])
        .collect();
    for (sequence, key) in keys.iter().enumerate() {
        sink.send(&record(sequence as u64, &ours, key.as_bytes(), b"v")).unwrap();
    }
    delivered(&sink, keys.len()).await.unwrap();
    let lines: String = keys.iter().map(|key| format!("{key}\tv\n")).collect();
    console_producer(brokers, &javas, &lines);

    let placed = |records: Vec<StoredRecord>| -> BTreeSet<(Vec<u8>, i32)> {
        records.into_iter().map(|record| (record.key.unwrap(), record.partition)).collect()
    };
    let ours = placed(read(brokers, &ours, StartAt::Beginning).await);
    assert_eq!(ours, placed(read(brokers, &javas, StartAt::Beginning).await));
    let used: BTreeSet<i32> = ours.iter().map(|(_, partition)| *partition).collect();
    assert_eq!(used.len(), 7, "103 keys reach every partition");
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn console_consumer_reads_what_the_sink_wrote() {
    let (brokers, topic) = (kafka::shared(), topic("console"));
    produce(brokers, &topic, 0..3).await;
    let lines = kafka::console_consumer(brokers, &topic, 3, &["print.key=true"]);
    assert_eq!(lines, ["0\t0", "1\t1", "2\t2"]);
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn reader_starts_where_it_is_told_and_follows() {
    let (brokers, topic) = (kafka::shared(), topic("starts"));
    produce(brokers, &topic, 0..10).await;
    let all = read(brokers, &topic, StartAt::Beginning).await;
    assert_eq!(numbers(&all), (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(&read(brokers, &topic, StartAt::Last(3)).await), [7, 8, 9]);
    assert_eq!(numbers(&read(brokers, &topic, StartAt::Offset(8)).await), [8, 9]);
    assert_eq!(numbers(&read(brokers, &topic, StartAt::End).await), [] as [u64; 0]);
    let (first, last) = (all[0].timestamp_ms, all[9].timestamp_ms);
    assert_eq!(read(brokers, &topic, StartAt::TimestampMs(first)).await.len(), 10);
    assert_eq!(read(brokers, &topic, StartAt::TimestampMs(last + 1)).await.len(), 0);

    let mut reader = KafkaReader::connect(&config(brokers)).await.unwrap();
    let info = topic_of(&reader, &topic).await;
    let refused = reader.open(&info, StartAt::Offset(11)).await.unwrap_err();
    assert!(matches!(refused, KafkaError::OutOfRange { first: 0, end: 10, .. }), "{refused}");
    reader.open(&info, StartAt::End).await.unwrap();
    assert!(read_to_end(&mut reader).await.is_empty());
    produce(brokers, &topic, 10..12).await;
    let (mut new, begun) = (Vec::new(), Instant::now());
    while new.len() < 2 {
        assert!(begun.elapsed() < PATIENCE);
        reader.wait(Duration::from_millis(50)).await;
        reader.read(&mut new, 10).unwrap();
    }
    assert_eq!(numbers(&new), [10, 11]);
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn reader_of_several_topics_reaches_the_end_of_each() {
    let (brokers, empty) = (kafka::shared(), topic("empty"));
    let full: Vec<Arc<str>> = (0..3).map(|n| topic(&format!("many{n}"))).collect();
    produce(brokers, &empty, 0..0).await;
    for (n, topic) in (1..).zip(&full) {
        produce(brokers, topic, 0..n * 1_000).await;
    }
    let mut reader = KafkaReader::connect(&config(brokers)).await.unwrap();
    for name in full.iter().chain([&empty]) {
        let info = topic_of(&reader, name).await;
        reader.open(&info, StartAt::Beginning).await.unwrap();
    }
    let records = read_to_end(&mut reader).await;
    for (n, topic) in (1..).zip(&full) {
        let of_topic: Vec<_> = records.iter().filter(|r| r.topic == *topic).cloned().collect();
        assert_eq!(numbers(&of_topic), (0..n * 1_000).collect::<Vec<_>>());
    }
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn reader_passes_over_aborted_transactions_and_their_markers() {
    use rdkafka::config::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    let (brokers, topic) = (kafka::shared(), topic("transactions"));
    produce(brokers, &topic, 0..1).await;
    let id = format!("{topic}-producer");
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", id)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    for (value, commit) in [("1", true), ("2", false)] {
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::to(&topic).key(value).payload(value)).map_err(|e| e.0).unwrap();
        if commit {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.flush(PATIENCE).unwrap();
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    // The last offset is a marker, which no reader ever gets to see.
    assert_eq!(numbers(&read(brokers, &topic, StartAt::Beginning).await), [0, 1]);
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn refused_topic_creation_says_what_to_change() {
    let brokers = kafka::shared();
    let three = SinkConfig { topic_replication_factor: 3, ..config(brokers) };
    let mut sink = KafkaSink::connect(&three).await.unwrap();
    let name = topic("replicas");
    let error = sink.ensure_topics(&[Arc::clone(&name)]).await.unwrap_err();
    assert!(matches!(&error, SinkError::Topic { topic, .. } if **topic == *name), "{error:?}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("topic.creation.default.replication.factor=3"), "{hint}");

    let mut sink = KafkaSink::connect(&config(brokers)).await.unwrap();
    let error = sink.ensure_topics(&[Arc::from("no/topic")]).await.unwrap_err();
    assert!(matches!(error, SinkError::Topic { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn topics_that_exist_are_left_alone_and_defaults_can_be_the_brokers() {
    let (brokers, name) = (kafka::shared(), topic("existing"));
    let defaults =
        SinkConfig { topic_partitions: -1, topic_replication_factor: -1, ..config(brokers) };
    let mut first = KafkaSink::connect(&defaults).await.unwrap();
    let mut second = KafkaSink::connect(&config(brokers)).await.unwrap();
    first.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
    // Unknown to the second, who listed the topics before.
    second.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn record_above_the_topics_limit_is_refused_with_its_size() {
    let (brokers, name) = (kafka::shared(), topic("large"));
    let plain = with(brokers, &[("compression.type", "none")]);
    let mut sink = KafkaSink::connect(&plain).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
    let large = vec![b'x'; 2_000_000];
    sink.send(&record(0, &name, b"k", b"small")).unwrap();
    assert_eq!(delivered(&sink, 1).await.unwrap(), BTreeSet::from([0]));
    sink.send(&record(1, &name, b"k", &large)).unwrap();
    let error = delivered(&sink, 1).await.unwrap_err();
    assert!(matches!(error, SinkError::Refused { bytes: 2_000_001, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("max.message.bytes="), "{:?}", error.hint());

    // What is larger than any broker takes never leaves us.
    let mut sink = KafkaSink::connect(&with(brokers, &[("max.request.size", "1000000")])).await;
    let error = sink.as_mut().unwrap().send(&record(0, &name, b"k", &large)).unwrap_err();
    assert!(matches!(error, SinkError::Refused { .. }), "{error:?}");
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn broker_killed_under_load_loses_nothing_and_is_said_once() {
    const RECORDS: u64 = 20_000;
    let mut broker = Broker::start();
    let said = said();
    let name = topic("killed");
    let mut sink = KafkaSink::connect(&config(&broker.address())).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
    let mut send = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            let text = number.to_string();
            sink.send(&record(number, &name, b"k", text.as_bytes())).unwrap();
        }
    };
    let mut reader = KafkaReader::connect(&config(&broker.address())).await.unwrap();
    let info = topic_of(&reader, &name).await;
    reader.open(&info, StartAt::Beginning).await.unwrap();
    send(0..RECORDS / 2);
    broker.kill();
    send(RECORDS / 2..RECORDS);
    // Long enough for several reconnects, each of which librdkafka would report.
    let begun = Instant::now();
    let mut followed = Vec::new();
    while begun.elapsed() < Duration::from_secs(4) {
        if reader.read(&mut followed, 1_000).unwrap() == 0 {
            reader.wait(Duration::from_millis(100)).await;
        }
    }
    broker.start_again();
    delivered(&sink, usize::try_from(RECORDS).unwrap()).await.unwrap();

    let records = read(&broker.address(), &name, StartAt::Beginning).await;
    // An idempotent producer is known again by the broker's own log: no record twice, either.
    assert_eq!(numbers(&records), (0..RECORDS).collect::<Vec<_>>());
    // A reader that was open all the time gets them as well.
    let begun = Instant::now();
    while followed.len() < records.len() {
        assert!(begun.elapsed() < PATIENCE, "{} of {}", followed.len(), records.len());
        if reader.read(&mut followed, 1_000).unwrap() == 0 {
            reader.wait(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(followed, records);
    let count = |text| said.count(&broker.address(), text);
    assert_eq!(count("Kafka does not answer; records wait and are sent again"), 1, "{said}");
    assert_eq!(count("Kafka does not answer; trying again"), 1, "{said}");
    assert_eq!(count("Kafka answers again"), 2, "{said}");
    let why = ["Disconnected", "Connection refused", "Connection reset"].map(count);
    assert_eq!(why.iter().sum::<usize>(), 2, "the sink and the reader say why: {said}");
}

#[tokio::test]
#[ignore = "takes ten seconds: scripts/test.sh"]
async fn unreachable_broker_is_an_error_that_names_it() {
    let begun = Instant::now();
    let error = KafkaSink::connect(&config("127.0.0.1:1")).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(13), "{:?}", begun.elapsed());
    let SinkError::Broken { source, .. } = &error else { panic!("{error:?}") };
    let text = source.to_string();
    assert!(text.contains("127.0.0.1:1") && text.contains("Connection refused"), "{text}");
    assert!(error.hint().unwrap().contains("--brokers"));
    assert!(!error.is_misconfiguration());

    let error = KafkaReader::connect(&config("127.0.0.1:1")).await.unwrap_err();
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn setting_that_cannot_be_used_is_an_error_before_any_connection() {
    let config = with("127.0.0.1:1", &[("key.serializer", "x")]);
    let error = KafkaSink::connect(&config).await.unwrap_err();
    assert!(error.is_misconfiguration());
    let SinkError::Broken { source, .. } = error else { panic!("{error:?}") };
    let problem = source.downcast_ref().unwrap();
    assert!(
        matches!(problem, KafkaError::Setting { problem: SettingProblem::JavaOnly { .. }, .. }),
        "{problem}"
    );
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn position_comes_back_from_the_compacted_topic() {
    let brokers = kafka::shared();
    let config = SinkConfig { offset_topic: unique("offsets"), ..config(brokers) };
    let key = || OffsetKey::new("inventory", "dbserver1");
    let store = OffsetStore::kafka(&config, key()).await.unwrap();
    assert_eq!(store.load().await.unwrap(), None);
    let at = |lsn| SourceOffset { lsn: Some(Lsn::new(lsn)), ..SourceOffset::default() };
    let other = OffsetStore::kafka(&config, OffsetKey::new("inventory", "other")).await.unwrap();
    for lsn in 1..=3 {
        store.save(&at(lsn)).await.unwrap();
        other.save(&at(lsn + 100)).await.unwrap();
    }
    let again = OffsetStore::kafka(&config, key()).await.unwrap();
    assert_eq!(again.load().await.unwrap(), Some(at(3)));
    assert_eq!(other.load().await.unwrap(), Some(at(103)));

    let stored = read(brokers, &config.offset_topic, StartAt::Beginning).await;
    assert_eq!(stored[4].key.as_deref(), Some(&br#"["inventory",{"server":"dbserver1"}]"#[..]));
    assert_eq!(stored[4].value.as_deref(), Some(&br#"{"lsn":3}"#[..]));
    let described = kafka::tool(
        "org.apache.kafka.tools.TopicCommand",
        &["--describe", "--topic", &config.offset_topic],
        brokers,
    );
    assert!(described[0].contains("cleanup.policy=compact"), "{described:?}");
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn position_that_kafka_connect_wrote_is_found_in_any_partition() {
    let brokers = kafka::shared();
    let config = SinkConfig { offset_topic: unique("connect-offsets"), ..config(brokers) };
    kafka::tool(
        "org.apache.kafka.tools.TopicCommand",
        &["--create", "--partitions", "25", "--topic", &config.offset_topic],
        brokers,
    );
    let key = r#"["inventory-connector",{"server":"dbserver1"}]"#;
    let value = concat!(
        r#"{"transaction_id":null,"lsn_proc":37017808,"messageType":"INSERT","#,
        r#""lsn_commit":37017808,"lsn":37018000,"txId":745,"ts_usec":1722854400123456}"#
    );
    let lines = format!("{key}\t{{\"lsn\":1}}\n{key}\t{value}\n");
    console_producer(brokers, &config.offset_topic, &lines);
    let key = OffsetKey::new("inventory-connector", "dbserver1");
    let store = OffsetStore::kafka(&config, key).await.unwrap();
    let mut offset = store.load().await.unwrap().unwrap();
    assert_eq!(offset.lsn, Some(Lsn::new(37_018_000)));
    assert_eq!(offset.message_type.as_deref(), Some("INSERT"));
    // Ours goes to the partition that Kafka Connect will look at, or the older one would win there.
    offset.lsn = Some(Lsn::new(40_000_000));
    store.save(&offset).await.unwrap();
    assert_eq!(store.load().await.unwrap(), Some(offset));
    let records = read(brokers, &config.offset_topic, StartAt::Beginning).await;
    let partitions: BTreeSet<i32> = records.iter().map(|record| record.partition).collect();
    assert_eq!((records.len(), partitions.len()), (3, 1));
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn login_is_used_by_every_client_and_its_refusal_is_said_at_once() {
    let broker = Broker::with(
        "listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         sasl.enabled.mechanisms=PLAIN\n\
         sasl.mechanism.inter.broker.protocol=PLAIN\n\
         listener.name.plaintext.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"broker\" password=\"inside\" user_broker=\"inside\" user_shop=\"secret\";",
    );
    let login = |password| {
        with(
            &broker.address(),
            &[
                ("security.protocol", "SASL_PLAINTEXT"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.username", "shop"),
                ("sasl.password", password),
            ],
        )
    };
    let good = login("secret");
    let name = topic("login");
    let mut sink = KafkaSink::connect(&good).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
    sink.send(&record(0, &name, b"k", b"0")).unwrap();
    delivered(&sink, 1).await.unwrap();
    let store = OffsetStore::kafka(&good, OffsetKey::new("a", "b")).await.unwrap();
    assert_eq!(store.load().await.unwrap(), None);

    let bad = login("guessed");
    let begun = Instant::now();
    let error = KafkaSink::connect(&bad).await.unwrap_err();
    let SinkError::Broken { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(source.downcast_ref(), Some(KafkaError::Login { .. })), "{source}");
    assert!(error.hint().unwrap().contains("sasl.password"));
    let error = KafkaReader::connect(&bad).await.unwrap_err();
    assert!(matches!(error, KafkaError::Login { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
#[ignore = "needs Kafka: scripts/test.sh"]
async fn tls_is_used_by_every_client_and_an_unknown_root_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (store, root) = (path("broker.p12"), path("root.pem"));
    #[rustfmt::skip]
    keytool(&["-genkeypair", "-keystore", &store, "-storetype", "PKCS12", "-alias", "broker",
        "-keyalg", "RSA", "-dname", "CN=broker", "-ext", "san=ip:127.0.0.1", "-ext", "bc=ca:true"]);
    keytool(&["-exportcert", "-rfc", "-keystore", &store, "-alias", "broker", "-file", &root]);
    let broker = Broker::with(&format!(
        "listener.security.protocol.map=PLAINTEXT:SSL,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         ssl.keystore.type=PKCS12\nssl.keystore.location={store}\nssl.keystore.password=secret\n\
         ssl.truststore.type=PEM\nssl.truststore.location={root}"
    ));
    let tls = [("security.protocol", "SSL"), ("ssl.ca.location", &root)];
    let good = with(&broker.address(), &tls);
    let name = topic("tls");
    let mut sink = KafkaSink::connect(&good).await.unwrap();
    sink.ensure_topics(&[Arc::clone(&name)]).await.unwrap();
    sink.send(&record(0, &name, b"k", b"0")).unwrap();
    delivered(&sink, 1).await.unwrap();
    let store = OffsetStore::kafka(&good, OffsetKey::new("a", "b")).await.unwrap();
    assert_eq!(store.load().await.unwrap(), None);

    let error = KafkaReader::connect(&with(&broker.address(), &tls[..1])).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("certificate"), "{text}");
}

fn keytool(arguments: &[&str]) {
    let mut keytool = Command::new("keytool");
    let output = keytool.args(arguments).args(["-storepass", "secret"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Feeds lines to Kafka's own console producer, the Java one.
pub(crate) fn console_producer(brokers: &str, topic: &str, lines: &str) {
    let mut java = Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-cp", &install::kafka_class_path()]);
    java.args(["org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", brokers]);
    java.args(["--topic", topic, "--reader-property", "parse.key=true"]);
    let mut child = java.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Everything that `minicdc` logs at INFO and above in this process, from all threads.
fn said() -> &'static Said {
    static SAID: OnceLock<Said> = OnceLock::new();
    SAID.get_or_init(|| {
        let said = Said::default();
        let lines = said.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || lines.clone()).with_ansi(false).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        said
    })
}

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// How many lines about these brokers say `text`.
    fn count(&self, brokers: &str, text: &str) -> usize {
        let said = self.to_string();
        said.lines().filter(|line| line.contains(brokers) && line.contains(text)).count()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.0.lock().unwrap()).unwrap())
    }
}

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
