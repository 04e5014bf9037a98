//! minicdc against recordings of the real Debezium, byte by byte.

mod case;
mod compare;
mod json;
mod mask;
mod run;
mod table;

use case::{Case, recordings};
use compare::compare;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::{fs, io, thread};

/// Makes a test of each variant that has to match, and the list of them.
macro_rules! must_match {
    ($($name:ident: $($variant:ident),+;)+) => {
        pub(super) const MUST: &[(&str, &str)] =
            &[$($((stringify!($name), stringify!($variant))),+),+];

        $(pub(super) mod $name {
            $(
                #[test]
                #[ignore = "needs PostgreSQL: scripts/test.sh"]
                fn $variant() {
                    super::super::check(stringify!($name), stringify!($variant));
                }
            )+
        })+
    };
}
use must_match;

/// Fails with a report unless a variant matches, without schemas and with them.
fn check(name: &str, variant: &str) {
    let case = Case::load(name, variant);
    for schemas in [false, true] {
        if let Err(report) = run::run(&case, schemas) {
            let with = if schemas { "with schemas" } else { "without schemas" };
            panic!("{} {with} differs from the recording\n{report}", case.label);
        }
    }
}

/// Runs all cases for later and lists them; one that matches should have been promoted.
#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn cases_for_later_still_differ() {
    let waiting = Mutex::new(table::LATER.iter());
    let promoted = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((name, variant, missing)) = waiting.lock().unwrap().next() else {
                        break;
                    };
                    let case = Case::load(name, variant);
                    let outcome = run::run(&case, false).and_then(|()| run::run(&case, true));
                    match outcome {
                        Ok(()) => promoted.lock().unwrap().push(case.label),
                        Err(report) => list_later(&case.label, missing, &report),
                    }
                }
            });
        }
    });
    let promoted = promoted.into_inner().unwrap();
    assert!(promoted.is_empty(), "these match now, move them up in table.rs: {promoted:?}");
}

/// Says that a case is for later, past the test runner's capturing, so that nobody forgets.
fn list_later(label: &str, missing: &str, report: &str) {
    let mut line = format!("later: {label}: {missing}");
    if std::env::var_os("MINICDC_TEST_REPORTS").is_some() {
        line = format!("{line}\n{report}");
    }
    drop(writeln!(io::stderr(), "{line}"));
}

#[test]
fn each_recording_is_in_the_table_once() {
    let mut listed: Vec<(&str, &str)> = table::MUST.to_vec();
    listed.extend(table::LATER.iter().map(|(name, variant, _)| (*name, *variant)));
    listed.extend(table::DEBEZIUM_FAILS);
    let unique: BTreeSet<(String, String)> =
        listed.iter().map(|(name, variant)| ((*name).to_owned(), (*variant).to_owned())).collect();
    assert_eq!(unique.len(), listed.len(), "a variant is listed twice");
    let mut recorded = BTreeSet::new();
    for entry in fs::read_dir(recordings().join("expected")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let mut parts = file.split('.').map(str::to_owned);
        recorded.insert((parts.next().unwrap(), parts.next().unwrap()));
    }
    assert_eq!(recorded, unique);
}

#[test]
fn every_recording_equals_itself() {
    for_each_recording(|case, schemas| {
        assert_eq!(compare(case.expected(schemas), case.expected(schemas)), Ok(()));
    });
}

#[test]
fn lines_of_a_recording_are_read_without_loss() {
    for_each_recording(|case, schemas| {
        for line in case.expected(schemas) {
            let text = line.value.to_string();
            assert_eq!(json::Json::parse(&text).unwrap(), line.value);
        }
    });
}

fn for_each_recording(test: impl Fn(&Case, bool)) {
    let later = table::LATER.iter().map(|(name, variant, _)| (*name, *variant));
    for (name, variant) in table::MUST.iter().copied().chain(later) {
        let case = Case::load(name, variant);
        test(&case, false);
        test(&case, true);
    }
}

/// One change of each kind in a recording, and the comparison has to find it.
#[test]
fn a_change_in_any_part_of_a_record_is_found() {
    let case = Case::load("inventory", "txmeta");
    let expected =
        fs::read_to_string(recordings().join("expected/inventory.txmeta.jsonl")).unwrap();
    #[rustfmt::skip] // one change a line
    let changes = [
        ("topic", "dbserver1.inventory.orders\"", "dbserver1.inventory.order\""),
        ("key", "\"key\":{\"id\":1001}", "\"key\":{\"id\":1002}"),
        ("string", "Sally", "sally"),
        ("spelling of a float", "3.14", "3.140"),
        ("integer", "\"quantity\":7", "\"quantity\":8"),
        ("null", "\"description\":null", "\"description\":\"\""),
        ("operation", "\"op\":\"u\"", "\"op\":\"c\""),
        ("snapshot marker", "\"snapshot\":\"last\"", "\"snapshot\":\"true\""),
        ("version", "3.6.3.Final", "3.6.2.Final"),
        ("order of members", "\"origin\":null,\"origin_lsn\":null", "\"origin_lsn\":null,\"origin\":null"),
        ("order in a transaction", "\"total_order\":2", "\"total_order\":3"),
        ("status of a transaction", "\"status\":\"BEGIN\"", "\"status\":\"END\""),
        ("unit of a time", "\"ts_ms\":1795", "\"ts_ms\":1795000"),
        ("name of a header", "__debezium.newkey", "__debezium.new"),
        ("text of a header", "\"simpleHeaderConverter\":\"0\"", "\"simpleHeaderConverter\":\"1\""),
    ];
    for (what, from, to) in changes {
        let changed = expected.replacen(from, to, 1);
        assert!(changed != expected, "{what}: nothing to change");
        let actual = changed.lines().map(|line| compare::Line::parse(line).unwrap()).collect();
        assert!(compare(case.expected(false), actual).is_err(), "{what} changed unnoticed");
    }
}

#[test]
fn one_lsn_too_many_or_a_lost_record_is_found() {
    let case = Case::load("inventory", "default");
    let mut lines = case.expected(false);
    lines.pop();
    assert!(compare(case.expected(false), lines).unwrap_err().contains("missing"));
    let mut lines = case.expected(false);
    lines.push(lines[0].clone());
    assert!(compare(case.expected(false), lines).unwrap_err().contains("nobody expects"));
    let mut lines = case.expected(false);
    let lsn = lines[0].value.member_mut("source").and_then(|source| source.member_mut("lsn"));
    *lsn.unwrap() = json::Json::Scalar("1".to_owned());
    assert!(compare(case.expected(false), lines).is_err(), "an LSN unlike the others of its kind");
}
