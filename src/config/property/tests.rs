use super::*;

#[test]
fn names_are_unique_and_so_are_variables_and_flags() {
    let unique = |mut names: Vec<String>| {
        names.sort();
        let before = names.clone();
        names.dedup();
        assert_eq!(before, names);
    };
    unique(all().map(|row| row.name.to_owned()).collect());
    unique(all().map(Property::variable).collect());
    unique(all().filter_map(|row| row.flag).map(str::to_owned).collect());
}

#[test]
fn every_default_is_a_value_of_its_property() {
    for row in all() {
        if let Default::Value(default) = row.default {
            assert_eq!(row.check(default), Ok(default.to_owned()), "{}", row.name);
        }
    }
}

#[test]
fn the_longest_family_takes_a_key_and_a_property_takes_precedence() {
    let cases = [
        ("key.converter.schemas.enable", "key.converter.schemas.enable"),
        ("key.converter.other", "key.converter.*"),
        ("topic.creation.default.partitions", "topic.creation.default.partitions"),
        ("topic.creation.default.retention.ms", "topic.creation.*"),
        ("producer.override.linger.ms", "producer.override.*"),
        ("openlineage.integration.enabled", "openlineage.integration.enabled"),
    ];
    for (key, row) in cases {
        assert_eq!(find(key).map(|row| row.name), Some(row), "{key}");
    }
    for key in ["producer.override.", "producer.override.*", "slot", "", "topic.creation."] {
        let found = find(key).map(|row| row.name);
        assert!(found.is_none() || key.ends_with('*'), "{key} → {found:?}");
    }
}

#[test]
fn nearest_name_is_what_a_typing_error_meant() {
    let cases = [
        ("slot.nam", "slot.name"),
        ("slot_name", "slot.name"),
        ("Slot.Name", "slot.name"),
        ("tombstone.on.delete", "tombstones.on.delete"),
        ("debezium.source.table.include.list", "table.include.list"),
        ("table.includelist", "table.include.list"),
        ("database.host", "database.hostname"),
    ];
    for (typed, meant) in cases {
        assert_eq!(nearest(typed).map(|row| row.name), Some(meant), "{typed}");
    }
    assert!(nearest("zzzzqqqq").is_none());
    assert!(nearest("").is_none());
}

#[test]
fn values_are_checked_by_their_kind() {
    let check = |key: &str, value: &str| find(key).unwrap().check(value);
    let ok = |text: &str| Ok(text.to_owned());
    let rule = Err(Refusal::Rule);
    let not_yet = Err(Refusal::NotYet);
    #[rustfmt::skip] // one case a line
    let cases = [
        ("database.port", " 5432 ", ok("5432")),
        ("database.port", "0", rule.clone()),
        ("database.port", "65536", rule.clone()),
        ("database.port", "", rule.clone()),
        ("tombstones.on.delete", "FALSE", ok("false")),
        ("tombstones.on.delete", "no", rule.clone()),
        ("decimal.handling.mode", "Double", ok("double")),
        ("decimal.handling.mode", "exact", rule.clone()),
        ("snapshot.mode", "custom", not_yet.clone()),
        ("snapshot.mode", "sometimes", rule.clone()),
        ("slot.name", "dbserver1", ok("dbserver1")),
        ("slot.name", "DbServer1", rule.clone()),
        ("slot.name", "", ok("")),
        ("topic.prefix", "a-b.c_9", ok("a-b.c_9")),
        ("topic.prefix", "a b", rule.clone()),
        ("skipped.operations", "c, U", ok("c, U")),
        ("skipped.operations", "x", rule.clone()),
        ("unavailable.value.placeholder", "hex:00ff", ok("hex:00ff")),
        ("unavailable.value.placeholder", "hex:0", rule.clone()),
        ("unavailable.value.placeholder", "hex:é9", rule.clone()),
        ("replica.identity.autoset.values", r"public\.a:FULL,b:index i", ok(r"public\.a:FULL,b:index i")),
        ("replica.identity.autoset.values", "public.a:SOME", rule.clone()),
        ("bootstrap.servers", "a:9092,[::1]:9093", ok("a:9092,[::1]:9093")),
        ("bootstrap.servers", "localhost", rule.clone()),
        ("topic.creation.default.partitions", "0", rule.clone()),
        ("topic.creation.default.partitions", "-1", ok("-1")),
        ("stop.at", "0/1A2B3C8", ok("0/1A2B3C8")),
        ("stop.at", "now", rule.clone()),
        ("database.password", " spaces count ", ok(" spaces count ")),
        // What is not supported may still be set to what minicdc does.
        ("guardrail.collections.max", "0", ok("0")),
        ("guardrail.collections.max", "1000", not_yet.clone()),
        ("guardrail.collections.max", "soon", rule.clone()),
        ("column.exclude.list", "", ok("")),
        ("column.exclude.list", "a.b.c", ok("a.b.c")),
        ("message.key.columns", "a.b:c", ok("a.b:c")),
        ("message.key.columns", "a.b.c", rule.clone()),
        ("database.sslfactory", "", ok("")),
        ("database.sslfactory", "x.Y", not_yet.clone()),
        // Settings without meaning here are checked all the same.
        ("connector.class", "io.debezium.connector.postgresql.PostgresConnector", ok("io.debezium.connector.postgresql.PostgresConnector")),
        ("connector.class", "io.debezium.connector.mysql.MySqlConnector", rule.clone()),
        ("plugin.name", "pgoutput", ok("pgoutput")),
        ("plugin.name", "decoderbufs", not_yet.clone()),
        ("value.converter", "io.confluent.connect.avro.AvroConverter", not_yet),
        ("tasks.max", "0", rule),
    ];
    for (key, value, expected) in cases {
        assert_eq!(check(key, value), expected, "{key}={value}");
    }
}

#[test]
fn every_setting_of_the_recordings_has_a_row() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cases");
    let mut settings = 0;
    for file in std::fs::read_dir(cases).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "props") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // Keys of the recorder itself steer how a case was recorded.
        for line in text.lines().filter(|line| line.contains('=') && !line.starts_with("oracle.")) {
            let key = line.split_once('=').unwrap().0.trim();
            assert!(find(key).is_some(), "{key} in {}", path.display());
            settings += 1;
        }
    }
    assert!(settings > 20, "only {settings} settings were read from {cases}");
}
