use super::*;
use crate::relation::ColumnRules;

/// Old rows come whole; `v` has a default, so that NULL looks like it.
fn run(bench: &mut Bench, changes: &[Vec<u8>]) {
    bench.run(&[wire::begin(150, 7)]);
    assert!(matches!(bench.feed(&wire::relation(OID)).unwrap(), Step::NeedsTable(_)));
    let mut table = table();
    table.columns[1].default = Some("'x'::text".to_owned());
    bench.engine.define(Oid(OID), Some(&table));
    bench.run(changes);
    bench.run(&[wire::commit(150, 160)]);
}

fn update(old: &[Option<&str>], new: &[Option<&str>]) -> Vec<u8> {
    wire::update(100, OID, Some((b'O', old)), new)
}

fn keys(bench: &Bench) -> Vec<&str> {
    bench.sent.iter().map(|sent| sent.key.as_deref().unwrap()).collect()
}

fn after(sent: &Sent) -> &str {
    let value = sent.value.as_deref().unwrap();
    let (_, after) = value.split_once("\"after\":").unwrap();
    after.split_once(",\"source\"").unwrap().0
}

#[test]
fn update_without_change_is_left_out_when_asked_for() {
    let one = [Some("1"), Some("a")];
    let changes = [
        update(&one, &one),
        update(&one, &[Some("1"), Some("<toast>")]),
        wire::update(110, OID, None, &one),
        update(&one, &[Some("1"), Some("b")]),
        // Both print the default, and they are different values.
        update(&[Some("1"), Some("x")], &[Some("1"), None]),
    ];
    let mut bench = Bench::new(|options| options.skip_unchanged = true);
    run(&mut bench, &changes);
    assert_eq!(bench.ops(), ["u", "u", "u"]);
    let mut bench = Bench::new(|_| {});
    run(&mut bench, &changes);
    assert_eq!(bench.ops(), ["u"; 5]);
}

#[test]
fn columns_that_are_not_captured_change_nothing() {
    let mut bench = Bench::new(|options| {
        options.skip_unchanged = true;
        options.columns = ColumnRules::new("", r"public\.t\.v").unwrap();
    });
    let changes = [
        update(&[Some("1"), Some("a")], &[Some("1"), Some("b")]),
        wire::insert(120, OID, &[Some("2"), Some("c")]),
    ];
    run(&mut bench, &changes);
    assert_eq!(bench.ops(), ["c"]);
    assert_eq!(after(&bench.sent[0]), r#"{"id":2}"#);
}

#[test]
fn key_columns_stay_in_the_key_when_they_are_not_captured() {
    let mut bench = Bench::new(|options| {
        options.key_schemas = true;
        options.columns = ColumnRules::new("public.t.v", "").unwrap();
    });
    run(&mut bench, &[wire::insert(100, OID, &[Some("1"), Some("a")])]);
    assert_eq!(after(&bench.sent[0]), r#"{"v":"a"}"#);
    // As recorded in filters.skipnochange, the stream does not know that it is NOT NULL.
    assert_eq!(
        keys(&bench),
        [concat!(
            r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":true,"field":"id"}],"#,
            r#""optional":false,"name":"p.public.t.Key"},"payload":{"id":1}}"#
        )]
    );
}

#[test]
fn change_of_a_custom_key_is_delete_tombstone_create() {
    let mut bench = Bench::new(|options| {
        options.columns = ColumnRules::default().with_keys("public.t:v,id").unwrap();
    });
    let changes = [update(&[Some("1"), Some("a")], &[Some("1"), Some("b")])];
    run(&mut bench, &changes);
    assert_eq!(bench.ops(), ["d", "tombstone", "c"]);
    let (old, new) = (r#"{"v":"a","id":1}"#, r#"{"v":"b","id":1}"#);
    assert_eq!(keys(&bench), [old, old, new]);
    // Without the old row nobody knows that the key changed.
    run(&mut bench, &[wire::update(210, OID, None, &[Some("1"), Some("c")])]);
    assert_eq!(bench.ops()[3..], ["u"]);
}
