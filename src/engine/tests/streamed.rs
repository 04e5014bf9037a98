use super::*;

const XID: u32 = 7;

/// Changes of transaction 7 as `(sub-transaction, frame)`.
fn changes() -> Vec<(u32, Vec<u8>)> {
    vec![
        (XID, wire::relation(OID)),
        (XID, wire::insert(110, OID, &[Some("1"), Some("a")])),
        (8, wire::insert(112, OID, &[Some("2"), Some("b")])),
        (9, wire::update(115, OID, Some((b'K', &[Some("2"), None])), &[Some("3"), Some("b")])),
        (8, wire::message(117, true, "m", b"x")),
        (XID, wire::delete(120, OID, &[Some("1"), None])),
    ]
}

/// What a server sends that does not stream, without the sub-transactions in `aborted`.
fn whole(changes: &[(u32, Vec<u8>)], aborted: &[u32]) -> Vec<Vec<u8>> {
    let mut frames = vec![wire::begin(150, XID)];
    frames.extend(changes.iter().filter(|(xid, _)| !aborted.contains(xid)).map(|(_, f)| f.clone()));
    frames.push(wire::commit(150, 160));
    frames
}

/// The same in blocks of `size` messages, without the commit.
fn blocks(changes: &[(u32, Vec<u8>)], size: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for (n, block) in changes.chunks(size).enumerate() {
        // The frame of a first block has the position that BEGIN's has.
        frames.push(wire::stream_start(145, XID, n == 0));
        frames.extend(block.iter().map(|(xid, frame)| wire::streamed(*xid, frame)));
        frames.push(wire::stream_stop());
    }
    frames
}

fn bench(metadata: bool) -> Bench {
    let mut bench = Bench::new(|options| options.transaction_metadata = metadata);
    bench.engine.set_protocol(Protocol::V4);
    bench
}

#[test]
fn streamed_transaction_is_the_same_as_a_whole_one() {
    for (size, metadata) in [(1, true), (2, false), (4, true), (100, true)] {
        for aborted in [&[][..], &[8], &[9], &[8, 9], &[55]] {
            let mut straight = bench(metadata);
            straight.run(&whole(&changes(), aborted));
            let mut streamed = bench(metadata);
            streamed.engine.buffer_in(Box::new(MemorySpool::default()), 64);
            streamed.run(&blocks(&changes(), size));
            assert!(streamed.sent.is_empty());
            for subxid in aborted {
                streamed.run(&[wire::stream_abort(140, XID, *subxid)]);
            }
            streamed.run(&[wire::stream_commit(XID, 150, 160)]);
            assert_eq!(streamed.sent, straight.sent, "blocks of {size} without {aborted:?}");
            let counted = |bench: &Bench| (bench.engine.counters(), bench.engine.last_commit());
            assert_eq!(counted(&streamed), counted(&straight));
            streamed.deliver_all();
            assert_eq!(streamed.engine.progress().safe_lsn(), Lsn::new(160));
            assert_eq!(streamed.engine.buffered_bytes(), 0);
        }
    }
}

#[test]
fn small_transactions_pass_a_long_one_and_are_confirmed() {
    let mut bench = bench(false);
    let frames = blocks(&changes(), 3);
    let (first, second) = frames.split_at(5);
    bench.run(first);
    bench.run(&one_insert(60));
    assert_eq!(bench.ops(), ["c"]);
    bench.deliver_all();
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(120));
    // Between two blocks and inside of one.
    bench.run(&[wire::keepalive(130, false)]);
    bench.run(&second[..2]);
    bench.run(&[wire::keepalive(135, false)]);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(135));
    bench.run(&second[2..]);
    bench.run(&[wire::stream_commit(XID, 150, 160)]);
    assert_eq!(bench.sent.len(), 9);
}

#[test]
fn rolled_back_transaction_leaves_nothing() {
    let mut bench = bench(true);
    bench.run(&blocks(&changes(), 2));
    assert!(bench.engine.buffered_bytes() > 0);
    bench.run(&[wire::stream_abort(150, XID, XID)]);
    assert_eq!(bench.engine.buffered_bytes(), 0);
    assert!(bench.feed(&wire::stream_commit(XID, 150, 160)).is_err());
    assert!(bench.sent.is_empty());
}

#[test]
fn transaction_without_changes_is_none_from_postgresql_15_on() {
    for (protocol, records) in [(Protocol::V2, 2), (Protocol::V4, 0)] {
        let mut bench = bench(true);
        bench.engine.set_protocol(protocol);
        bench.run(&[wire::stream_start(145, XID, true)]);
        bench.run(&[wire::streamed(8, &wire::insert(146, OID, &[None]))]);
        bench.run(&[wire::stream_stop(), wire::stream_abort(147, XID, 8)]);
        bench.run(&[wire::stream_commit(XID, 150, 160)]);
        assert_eq!(bench.sent.len(), records);
        bench.deliver_all();
        assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(160));
        let commit = bench.engine.last_commit().0;
        assert_eq!(commit, (records > 0).then_some(Lsn::new(160)));
    }
}

#[test]
fn reconnect_during_a_replay_sends_no_change_twice() {
    let mut again = blocks(&changes(), 2);
    again.push(wire::stream_commit(XID, 150, 160));
    let mut straight = bench(true);
    straight.run(&again);
    for again in [again.clone(), whole(&changes(), &[])] {
        for steps in 0..8 {
            let mut cut_off = bench(true);
            cut_off.run(&blocks(&changes(), 2));
            cut_off.feed(&wire::stream_commit(XID, 150, 160)).unwrap();
            for _ in 0..steps {
                let step = cut_off.step(Engine::replay).unwrap();
                cut_off.answer(step);
            }
            cut_off.engine.reconnected();
            cut_off.deliver_all();
            assert!(!cut_off.engine.is_replaying());
            assert_eq!(cut_off.engine.buffered_bytes(), 0);
            assert_eq!(cut_off.engine.progress().safe_lsn(), Lsn::INVALID);
            cut_off.run(&again);
            assert_eq!(cut_off.sent, straight.sent, "cut after {steps} steps");
        }
    }
}

#[test]
fn shape_told_meanwhile_outlives_an_older_one_of_the_replay() {
    let one = wire::insert(110, OID, &[Some("1"), Some("a")]);
    let mut bench = bench(false);
    bench.run(&[
        wire::stream_start(100, XID, true),
        wire::streamed(XID, &wire::relation(OID)),
        wire::streamed(XID, &one),
        wire::stream_stop(),
        wire::begin(120, 20),
    ]);
    // Another transaction sees the table with a column less.
    assert!(matches!(bench.feed(&wire::relation(OID)).unwrap(), Step::NeedsTable(_)));
    let mut narrow = table();
    narrow.columns.truncate(1);
    bench.engine.define(Oid(OID), Some(&narrow));
    bench.run(&[wire::insert(115, OID, &[Some("2")]), wire::commit(120, 130)]);
    // The streamed one still has both, and behind it the newer shape holds.
    bench.run(&[wire::stream_commit(XID, 150, 160)]);
    bench.run(&[
        wire::begin(170, 21),
        wire::insert(165, OID, &[Some("3")]),
        wire::commit(170, 180),
    ]);
    let after: Vec<_> = bench.sent.iter().map(|sent| sent.value.as_deref().unwrap()).collect();
    assert!(after[0].contains(r#""after":{"id":2}"#), "{}", after[0]);
    assert!(after[1].contains(r#""after":{"id":1,"v":"a"}"#), "{}", after[1]);
    assert!(after[2].contains(r#""after":{"id":3}"#), "{}", after[2]);
}

#[test]
fn block_messages_out_of_place_are_errors() {
    let start = wire::stream_start(100, XID, true);
    for frames in [
        vec![wire::stream_stop()],
        vec![wire::stream_start(100, XID, false)],
        vec![wire::stream_commit(XID, 150, 160)],
        vec![start.clone(), start.clone()],
        vec![start.clone(), wire::begin(150, 9)],
        vec![start.clone(), wire::prepare(b'P', (150, 160), XID)],
        vec![wire::begin(150, 9), start.clone()],
        vec![start, wire::stream_stop(), wire::stream_commit(9, 150, 160)],
    ] {
        let mut bench = bench(false);
        let (last, before) = frames.split_last().unwrap();
        bench.run(before);
        assert!(bench.feed(last).is_err(), "{frames:?}");
    }
}

#[test]
fn no_frame_is_read_during_a_replay() {
    let mut bench = bench(false);
    bench.run(&blocks(&changes(), 9));
    bench.feed(&wire::stream_commit(XID, 150, 160)).unwrap();
    assert!(bench.engine.is_replaying());
    assert!(bench.feed(&wire::begin(170, 9)).is_err());
}

#[test]
fn full_disk_is_an_error_that_names_the_place() {
    #[derive(Debug)]
    struct FullDisk;
    impl Spool for FullDisk {
        fn append(&mut self, _: u32, _: &[u8]) -> Result<(), SpoolError> {
            let source = std::io::ErrorKind::StorageFull.into();
            Err(SpoolError { doing: "write", path: "/spill/1".into(), source })
        }
        fn next(&mut self, _: u32, _: &mut Vec<u8>) -> Result<bool, SpoolError> {
            Ok(false)
        }
        fn remove(&mut self, _: u32) {}
    }
    let mut bench = bench(false);
    bench.engine.buffer_in(Box::new(FullDisk), 0);
    bench.run(&[wire::stream_start(100, XID, true)]);
    let error = bench.feed(&wire::streamed(XID, &wire::relation(OID))).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "cannot write /spill/1");
    assert!(error.hint().starts_with("make room there"), "{}", error.hint());
}
