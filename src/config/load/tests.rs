use super::*;
use crate::config::property::{self, Kind, State};
use crate::config::{SinkKind, SnapshotMode, SslMode, StopAt};
use proptest::prelude::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let mut environment = Environment::default();
    for (name, value) in variables {
        environment.variables.insert((*name).to_owned(), (*value).to_owned());
    }
    environment
}

fn set(arguments: &[&str]) -> Overrides {
    Overrides { set: arguments.iter().map(|a| (*a).to_owned()).collect(), ..Overrides::default() }
}

fn problem(overrides: &Overrides, environment: &Environment) -> String {
    resolve(overrides, environment).err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn nothing_set_gives_the_defaults_of_the_structs() {
    let resolved = resolve(&Overrides::default(), &Environment::default()).unwrap();
    assert_eq!(format!("{:#?}", resolved.config), format!("{:#?}", Config::default()));
}

#[test]
fn stronger_sources_win_and_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.properties");
    std::fs::write(
        &path,
        "topic.prefix=file\nslot.name=file\ndatabase.hostname=file\ndatabase.user=file\n\
         snapshot.mode=no_data\nlog.dir=file\n",
    )
    .unwrap();
    let environment = environment(&[
        ("PGHOST", "pg"),
        ("PGUSER", "pg"),
        ("PGPORT", "1"),
        ("PGPASSWORD", "pg"),
        ("DATABASE_URL", "postgres://url:url@url:2/url"),
        ("MINICDC_DATABASE_HOSTNAME", "minicdc"),
        ("MINICDC_SLOT_NAME", "minicdc"),
        ("MINICDC_LOG_DIR", "minicdc"),
    ]);
    let overrides = Overrides {
        database_url: Some("postgres://flag@/".to_owned()),
        config_file: Some(path.clone()),
        set: vec!["slot.name=set".to_owned(), "log.dir=set".to_owned()],
        flags: vec![("log.dir".to_owned(), "flag".to_owned())],
    };
    let resolved = resolve(&overrides, &environment).unwrap();
    let got = |key: &str| {
        let origin = resolved.values.origin(key).to_string();
        format!("{} ({origin})", resolved.values.text(key))
    };
    assert_eq!(got("topic.prefix"), format!("file ({} line 1)", path.display()));
    assert_eq!(got("snapshot.mode"), format!("no_data ({} line 5)", path.display()));
    assert_eq!(got("database.hostname"), "minicdc (environment MINICDC_DATABASE_HOSTNAME)");
    assert_eq!(got("database.port"), "2 (environment DATABASE_URL)");
    assert_eq!(got("database.user"), "flag (--database-url)");
    assert_eq!(got("database.dbname"), "url (environment DATABASE_URL)");
    assert_eq!(got("slot.name"), "set (--set)");
    assert_eq!(got("log.dir"), "flag (--log-dir)");
    assert_eq!(got("publication.name"), "set (slot.name)");
    assert_eq!(got("name"), "file (topic.prefix)");
    assert_eq!(got("snapshot.include.collection.list"), " (default)");
    assert_eq!(resolved.config.replication.slot_name, "set");
    assert_eq!(resolved.config.snapshot.mode, SnapshotMode::NoData);
}

#[test]
fn a_connector_file_runs_with_the_names_that_debezium_gives() {
    let class = "connector.class=io.debezium.connector.postgresql.PostgresConnector";
    let resolved = resolve(&set(&[class, "topic.prefix=shop"]), &Environment::default()).unwrap();
    assert_eq!(resolved.config.replication.slot_name, "debezium");
    assert_eq!(resolved.config.replication.publication_name, "dbz_publication");
    assert_eq!(resolved.config.replication.connector_name, "shop");
    let resolved = resolve(&set(&[class, "slot.name=s"]), &Environment::default()).unwrap();
    assert_eq!(resolved.config.replication.publication_name, "dbz_publication");
    assert_eq!(resolved.config.envelope.topic_prefix, "s");
}

#[test]
fn values_reach_their_section() {
    let resolved = resolve(
        &set(&[
            "database.sslmode=verify-ca",
            "database.sslrootcert=system",
            "driver.connectTimeout=3",
            "errors.max.retries=4",
            "stop.at=16/B374D848",
            "skipped.operations=c,t",
            "unavailable.value.placeholder=hex:00ff",
            "bootstrap.servers=a:1,b:2",
            "producer.override.linger.ms=5",
            "producer.override.sasl.password=SECRET",
            "max.queue.size.in.bytes=0",
            "topic.creation.default.partitions=-1",
        ]),
        &Environment::default(),
    )
    .unwrap();
    let config = &resolved.config;
    assert_eq!(config.database.sslmode, SslMode::VerifyCa);
    assert_eq!(config.database.sslrootcert, None);
    assert_eq!(config.database.connect_timeout_ms, 3_000);
    assert_eq!(config.replication.errors_max_retries, Some(4));
    assert_eq!(config.replication.stop_at, Some(StopAt::Lsn("16/B374D848".parse().unwrap())));
    assert!(config.envelope.skipped.create && config.envelope.skipped.truncate);
    assert!(!config.envelope.skipped.update && !config.envelope.skipped.delete);
    assert_eq!(config.values.unavailable_placeholder, [0, 255]);
    assert_eq!(config.sink.kind, SinkKind::Kafka);
    assert_eq!(config.sink.brokers.as_deref(), Some("a:1,b:2"));
    assert_eq!(config.sink.producer_overrides[0], ("linger.ms".to_owned(), "5".to_owned()));
    assert_eq!(config.sink.producer_overrides.len(), 2);
    assert_eq!(config.sink.in_flight_bytes_max, 24 * 1024 * 1024);
    assert_eq!(config.sink.topic_partitions, -1);
    assert!(!format!("{config:?}").contains("SECRET"));
    let shown: Vec<&str> = resolved.values.iter().map(|(key, value)| value.shown(key)).collect();
    assert!(!shown.contains(&"SECRET") && shown.contains(&"***"));
}

#[test]
fn every_allowed_word_of_a_supported_setting_builds_a_section() {
    for row in property::all().filter(|row| row.state == State::Supported) {
        let words: &[&str] = match row.kind {
            Kind::Choice { allowed, .. } => allowed,
            Kind::Boolean => &["true", "false"],
            _ => continue,
        };
        for word in words {
            let argument = format!("{}={word}", row.name);
            let flag = "snapshot.mode.configuration.based.start.stream=true";
            let mut arguments = vec![flag, argument.as_str(), "bootstrap.servers=h:1"];
            arguments.extend(["topic.regex=a", "topic.replacement=b"]);
            if row.name == "transaction.boundary" {
                arguments.push("exactly.once.support=required");
            }
            let overrides = set(&arguments);
            assert_eq!(problem(&overrides, &Environment::default()), "", "{argument}");
        }
    }
}

#[test]
fn exactly_once_names_its_writer_and_how_long_its_transactions_last() {
    let once = ["exactly.once.support=required", "bootstrap.servers=h:1", "slot.name=s"];
    let transactions = |more: &[&str]| {
        let overrides = set(&[&once, more].concat());
        let config = resolve(&overrides, &Environment::default()).unwrap().config;
        config.sink.transactions.map(|settings| (settings.id, settings.interval_ms))
    };
    assert_eq!(transactions(&[]), Some(("minicdc-s-s".to_owned(), None)));
    let by_interval = ["topic.prefix=p", "transaction.boundary=interval"];
    assert_eq!(transactions(&by_interval), Some(("minicdc-p-s".to_owned(), Some(1_000))));
    let given = [&by_interval[..], &["transaction.boundary.interval.ms=70"]].concat();
    assert_eq!(transactions(&given), Some(("minicdc-p-s".to_owned(), Some(70))));
}

#[test]
fn wrong_settings_are_told_with_their_origin() {
    #[rustfmt::skip] // one case a line
    let cases: &[(&[&str], &str)] = &[
        (&["slot.nam=x"], "unknown setting slot.nam (--set)"),
        (&["slot.name"], "--set slot.name: expected KEY=VALUE"),
        (&["exactly.once.support=required"], "exactly.once.support=required (--set) needs bootstrap.servers"),
        (&["exactly.once.support=required", "bootstrap.servers=h:1", "sink.type=log"], "exactly.once.support=required (--set) needs sink.type=kafka"),
        (&["transaction.boundary=interval", "bootstrap.servers=h:1"], "transaction.boundary=interval (--set) needs exactly.once.support=required"),
        (&["transaction.boundary.interval.ms=9"], "transaction.boundary.interval.ms=9 (--set) needs transaction.boundary=interval"),
        (&["transaction.boundary=connector"], "transaction.boundary: invalid value \"connector\" (--set): expected poll or interval"),
        (&["snapshot.mode=x"], "snapshot.mode: invalid value \"x\" (--set): expected initial, no_data, never, always, initial_only, when_needed or configuration_based"),
        (&["snapshot.mode=custom"], "snapshot.mode: \"custom\" (--set) is a known Debezium value that minicdc does not support yet; it supports initial, no_data, never, always, initial_only, when_needed or configuration_based"),
        (&["snapshot.query.mode.custom.name=X"], "snapshot.query.mode.custom.name (--set) is a known Debezium key that minicdc does not support yet"),
        (&["transforms.route.type=x"], "transforms.route.type is set, but transforms does not name \"route\" (--set)"),
        (&["transforms=route"], "transforms.route.type is missing (--set)"),
        (&["transforms=route", "transforms.route.type=x"], "transforms.route.type: unknown class \"x\", expected io.debezium.transforms.ExtractNewRecordState, io.debezium.transforms.outbox.EventRouter, io.debezium.transforms.ByLogicalTableRouter, org.apache.kafka.connect.transforms.RegexRouter (--set)"),
        (&["database.server.name=x"], "database.server.name (--set) is the old name of topic.prefix"),
        (&["table.include.list=a", "table.exclude.list=b"], "table.include.list (--set) and table.exclude.list (--set) exclude each other"),
        (&["table.include.list=a,public.("], "table.include.list: invalid regular expression \"public.(\" (--set): opening parenthesis without closing parenthesis"),
        (&["snapshot.include.collection.list=["], "snapshot.include.collection.list: invalid regular expression \"[\" (--set): invalid character class"),
        (&["snapshot.mode=configuration_based"], "snapshot.mode=configuration_based (--set) needs snapshot.mode.configuration.based.start.stream=true, or …snapshot.data=true"),
        (&["lsn.flush.mode=connector", "flush.lsn.source=false"], "lsn.flush.mode (--set) and flush.lsn.source (--set) exclude each other"),
        (&["slot.stream.params=a=b;streaming=on"], "slot.stream.params: invalid value \"a=b;streaming=on\" (--set): expected k=v;k=v, and none of proto_version, publication_names, messages, binary, streaming and two_phase, which minicdc sets itself"),
        (&["sink.type=kafka"], "sink.type=kafka (--set) needs bootstrap.servers"),
        (&["slot.max.retries=-1"], "slot.max.retries: invalid value \"-1\" (--set): expected a whole number from 0"),
    ];
    for (arguments, expected) in cases {
        assert_eq!(problem(&set(arguments), &Environment::default()), *expected, "{arguments:?}");
    }
}

#[test]
fn unknown_variables_with_our_prefix_are_an_error_but_not_those_of_kubernetes() {
    let wrong = environment(&[("MINICDC_SLOT_NAM", "x")]);
    let error = resolve(&Overrides::default(), &wrong).err().unwrap();
    assert_eq!(
        error.to_string(),
        "unknown setting MINICDC_SLOT_NAM (environment MINICDC_SLOT_NAM)"
    );
    assert!(error.hint().unwrap().contains("MINICDC_SLOT_NAME"));
    let right = environment(&[
        ("MINICDC_SERVICE_HOST", "10.0.0.1"),
        ("MINICDC_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("MINICDC_CACHE", "/var/cache/minicdc"),
        ("MINICDC_PRODUCER_OVERRIDE_LINGER_MS", "7"),
    ]);
    let resolved = resolve(&Overrides::default(), &right).unwrap();
    assert_eq!(resolved.config.sink.producer_overrides, [("linger.ms".to_owned(), "7".to_owned())]);
}

#[test]
fn several_problems_are_collected() {
    let overrides = set(&["slot.nam=x", "database.port=x", "slot.name=ok"]);
    let problems = resolve_all(&overrides, &Environment::default()).err().unwrap();
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_secret_value_is_never_repeated() {
    let wrong = set(&["database.sslpassword=SECRET"]);
    let error = resolve(&wrong, &Environment::default()).err().unwrap();
    assert!(!error.to_string().contains("SECRET"), "{error}");
    assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
}

proptest! {
    #[test]
    fn no_value_of_any_setting_panics_and_what_holds_builds_every_section(
        row in 0..property::all().count(),
        value in "\\PC{0,12}|-?[0-9]{1,20}|hex:[0-9a-f]{0,4}|[a-z_,:]{0,12}",
    ) {
        let row = property::all().nth(row).unwrap();
        let key = row.name.replace('*', "x");
        let result = resolve(&set(&[&format!("{key}={value}")]), &Environment::default());
        match row.state {
            State::Supported | State::Accepted(_) => {}
            State::NotYet => prop_assert!(result.is_err() || row.check(&value).is_ok()),
            State::Renamed(_) => prop_assert!(result.is_err()),
        }
        if let Err(error) = result {
            prop_assert!(error.to_string().contains(&key) || key == "sink.type", "{error}");
        }
    }
}

#[test]
fn rules_for_columns_are_checked_where_they_are_named() {
    let none = Environment::default();
    let salted = "column.mask.hash.ROT13.with.salt.pepper=public.t.a";
    let problem_of = |settings: &[&str]| problem(&set(settings), &none);
    assert_eq!(
        problem_of(&[salted]),
        "column.mask.hash.ROT13.with.salt.*** (--set) names no change of columns"
    );
    assert_eq!(
        problem_of(&["column.mask.hash.MD5.with.salt.pepper=public.("]).split(':').next(),
        Some("column.mask.hash.MD5.with.salt.***")
    );
    assert!(problem_of(&["column.include.list=a", "column.exclude.list=b"]).contains("exclude"));
    assert!(problem_of(&["message.key.columns=public.(:a"]).contains("regular expression"));
    assert_eq!(
        problem_of(&["snapshot.select.statement.overrides.public.t=select 1"]),
        "snapshot.select.statement.overrides.public.t (--set) has no effect: \
         snapshot.select.statement.overrides does not name public.t"
    );
}

#[test]
fn listed_table_without_a_select_is_noticed() {
    let overrides = set(&["snapshot.select.statement.overrides=public.t"]);
    let resolved = resolve(&overrides, &Environment::default()).unwrap();
    assert!(resolved.notices[0].contains("public.t"), "{:?}", resolved.notices);
}
