use super::*;

const XID: u32 = 7;

/// Prepared at 150 as one block, or as blocks of a stream.
fn prepared(streamed: bool) -> Vec<Vec<u8>> {
    let changes = [wire::relation(OID), wire::insert(110, OID, &[Some("1"), Some("a")])];
    let mut frames = Vec::new();
    if streamed {
        frames.push(wire::stream_start(145, XID, true));
        frames.extend(changes.iter().map(|frame| wire::streamed(XID, frame)));
        frames.extend([wire::stream_stop(), wire::prepare(b'p', (150, 160), XID)]);
    } else {
        frames.push(wire::begin_prepare(145, (150, 160), XID));
        frames.extend(changes);
        frames.push(wire::prepare(b'P', (150, 160), XID));
    }
    frames
}

fn commit() -> Vec<u8> {
    wire::prepare(b'K', (350, 360), XID)
}

fn bench() -> Bench {
    let mut bench = Bench::new(|options| options.transaction_metadata = true);
    bench.engine.set_protocol(Protocol::V4);
    bench
}

#[test]
fn prepared_transaction_is_sent_at_its_commit_as_if_it_came_whole() {
    let mut straight = bench();
    straight.run(&one_insert(200));
    straight.run(&[
        // BEGIN's frame has the position of the first change, whatever the commit's is.
        [&wire::stream_start(145, 0, true)[..25], &wire::begin(350, XID)[25..]].concat(),
        wire::relation(OID),
        wire::insert(110, OID, &[Some("1"), Some("a")]),
        wire::commit(350, 360),
    ]);
    for streamed in [false, true] {
        let mut bench = bench();
        bench.run(&prepared(streamed));
        bench.run(&one_insert(200));
        bench.run(&[commit()]);
        assert_eq!(bench.sent, straight.sent, "streamed: {streamed}");
        bench.deliver_all();
        assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(360));
    }
}

#[test]
fn table_told_before_a_prepare_is_known_to_others() {
    let mut bench = bench();
    bench.run(&prepared(false));
    let insert = wire::insert(200, OID, &[Some("2"), None]);
    bench.run(&[wire::begin(250, 8), insert, wire::commit(250, 260)]);
    // One that was told before need not be told again, also not over a new connection.
    bench.run(&[wire::begin_prepare(270, (280, 290), 9)]);
    bench.run(&[wire::insert(275, OID, &[Some("3"), None])]);
    bench.run(&[wire::prepare(b'P', (280, 290), 9)]);
    bench.engine.reconnected();
    bench.run(&[commit(), wire::prepare(b'K', (370, 380), 9)]);
    let keys: Vec<_> = bench.sent.iter().filter_map(|sent| sent.key.as_deref()).collect();
    let rows: Vec<_> = keys.into_iter().filter(|key| key.len() < 10).collect();
    assert_eq!(rows, [r#"{"id":2}"#, r#"{"id":1}"#, r#"{"id":3}"#]);
}

#[test]
fn nothing_behind_a_prepare_is_confirmed_before_its_end() {
    for end in [commit(), wire::rollback_prepared(160, 360, XID)] {
        let mut bench = bench();
        bench.run(&[wire::keepalive(140, false)]);
        bench.run(&prepared(false));
        bench.run(&one_insert(200));
        bench.run(&[wire::keepalive(300, false)]);
        bench.deliver_all();
        assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(150));
        bench.run(&[end]);
        bench.deliver_all();
        assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(360));
    }
}

#[test]
fn prepared_changes_outlive_a_connection_also_in_the_middle_of_their_replay() {
    for steps in 0..4 {
        let mut bench = bench();
        bench.run(&prepared(true));
        if steps > 0 {
            bench.feed(&commit()).unwrap();
        }
        for _ in 1..steps {
            let step = bench.step(Engine::replay).unwrap();
            bench.answer(step);
        }
        bench.engine.reconnected();
        bench.replay();
        // The server goes on behind the last commit: the changes do not come again.
        bench.run(&[commit()]);
        assert_eq!(bench.sent.len(), 3, "BEGIN, the row, END; cut after {steps} steps");
        bench.deliver_all();
        assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(360));
    }
}

#[test]
fn commit_of_changes_that_others_got_is_an_error() {
    let error = bench().feed(&commit()).unwrap_err();
    assert!(error.to_string().contains("prepared transaction \"gid\""), "{error}");
    assert!(error.hint().contains("snapshot"), "{}", error.hint());
}
