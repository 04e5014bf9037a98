use super::*;
use crate::incremental::row_key;
use crate::pgoutput::Cell;

fn key(id: &str) -> Box<[u8]> {
    row_key(&[0], &[Cell::Text(id.as_bytes())], None)
}

#[test]
fn keys_of_changes_are_noted_while_someone_reads() {
    let mut bench = Bench::new(|options| options.skipped.update = true);
    bench.engine.watch(vec![(Oid(OID), vec!["id".to_owned()])]);
    bench.run(&one_insert(100));
    assert_eq!(bench.engine.touched(), 0, "nobody reads");
    let reader = bench.engine.touched_mut().begin();
    bench.run(&[
        wire::begin(250, 8),
        wire::insert(200, OID, &[Some("1"), Some("a")]),
        wire::update(205, OID, None, &[Some("2"), Some("b")]),
        wire::delete(210, OID, &[Some("3"), None]),
        wire::commit(250, 260),
    ]);
    let touched = bench.engine.touched_mut();
    assert!(touched.has(Oid(OID), &key("1"), reader) && touched.has(Oid(OID), &key("3"), reader));
    assert!(!touched.has(Oid(OID), &key("2"), reader), "skipped, so nobody has its row");
}

#[test]
fn changed_key_is_noted_as_both() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    let reader = bench.engine.touched_mut().begin();
    bench.engine.watch(vec![(Oid(OID), vec!["id".to_owned()])]);
    let old: (u8, &[Option<&str>]) = (b'K', &[Some("1"), None]);
    bench.run(&[
        wire::begin(250, 8),
        wire::update(205, OID, Some(old), &[Some("2"), Some("b")]),
        wire::commit(250, 260),
    ]);
    let touched = bench.engine.touched_mut();
    assert!(touched.has(Oid(OID), &key("1"), reader) && touched.has(Oid(OID), &key("2"), reader));
}

#[test]
fn rows_of_the_signal_table_are_signals_once() {
    let mut bench = Bench::new(|_| {});
    bench.engine.set_signal_table("public.t".to_owned());
    let frames = one_insert(100);
    bench.run(&frames[..2]);
    let row =
        SignalRow { values: vec![Some("1".to_owned()), Some("a".to_owned())], deleted: false };
    assert_eq!(bench.feed(&frames[2]).unwrap(), Step::Signal(row));
    bench.engine.reconnected();
    bench.run(&frames[..2]);
    assert_eq!(bench.feed(&frames[2]).unwrap(), Step::Done, "sent before");
    let deleted = bench.feed(&wire::delete(110, OID, &[Some("1"), None])).unwrap();
    let row = SignalRow { values: vec![Some("1".to_owned()), None], deleted: true };
    assert_eq!(deleted, Step::Signal(row));
    assert_eq!(bench.ops(), ["c", "d", "tombstone"]);
}

#[test]
fn row_of_a_chunk_has_the_place_of_the_last_event_in_its_sequence_alone() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    bench.engine.set_now(5_000_000_123);
    let mut encoder = bench.engine.incremental_encoder(&table());
    let mut values = Vec::new();
    let cells = [Cell::Text(b"9"), Cell::Null];
    bench
        .engine
        .on_incremental_row(&mut encoder, &cells, &mut |record| {
            values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
        })
        .unwrap();
    let value = &values[0];
    assert!(value.contains(r#""after":{"id":9,"v":null}"#), "{value}");
    assert!(value.contains(r#""ts_ms":5000,"snapshot":"incremental""#), "{value}");
    assert!(value.contains(r#""sequence":"[\"160\",\"100\"]""#), "{value}");
    assert!(value.contains(r#""txId":null,"lsn":null,"xmin":null"#), "{value}");
    assert!(value.contains(r#""transaction":null,"op":"r""#), "{value}");
}

#[test]
fn members_belong_to_the_position_once_what_was_sent_before_is_delivered() {
    let members = |name: &str| {
        let mut members = serde_json::Map::new();
        members.insert(name.to_owned(), true.into());
        members
    };
    let mut bench = Bench::new(|_| {});
    bench.engine.set_members(members("a"));
    assert_eq!(*bench.engine.durable_members(), members("a"));
    bench.run(&one_insert(100));
    bench.engine.set_members(members("b"));
    bench.engine.set_members(members("c"));
    assert_eq!(*bench.engine.durable_members(), members("a"));
    bench.deliver_all();
    assert_eq!(*bench.engine.durable_members(), members("c"));
}
