use super::*;

/// What one source sends: `(from, frames)`, sent to whoever asks for `from` or an earlier position.
fn stream() -> Vec<(u64, Vec<Vec<u8>>)> {
    let row = |id: &'static str| [Some(id), Some("a")];
    vec![
        (
            150,
            vec![
                wire::begin(150, 7),
                wire::relation(OID),
                wire::insert(145, OID, &row("1")),
                // Three rows of one statement share their LSN.
                wire::insert(146, OID, &row("2")),
                wire::insert(146, OID, &row("3")),
                wire::insert(146, OID, &row("4")),
                wire::message(147, true, "in", b"x"),
                wire::commit(150, 160),
            ],
        ),
        // Both stand directly behind the commit before.
        (160, vec![wire::message(160, false, "out", b"x")]),
        (
            210,
            vec![
                wire::begin(210, 8),
                wire::relation(OID),
                wire::insert(160, OID, &row("5")),
                wire::update(165, OID, Some((b'K', &[Some("5"), None])), &row("6")),
                wire::delete(166, OID, &[Some("6"), None]),
                wire::commit(210, 220),
            ],
        ),
        (220, vec![wire::message(220, false, "out", b"y")]),
        (230, vec![wire::message(230, false, "out", b"z")]),
        // Its first change is older than the transaction before.
        (
            300,
            vec![
                wire::begin(300, 6),
                wire::relation(OID),
                wire::insert(120, OID, &row("7")),
                wire::insert(280, OID, &row("8")),
                wire::commit(300, 310),
            ],
        ),
    ]
}

/// The frames that the server sends when it is asked to begin at `from`.
fn frames_from(from: Option<Lsn>) -> Vec<Vec<u8>> {
    let from = from.unwrap_or_default().as_u64();
    stream().into_iter().filter(|(at, _)| *at >= from).flat_map(|(_, frames)| frames).collect()
}

fn values(bench: &Bench) -> Vec<(String, Option<String>, Option<String>)> {
    let sent = bench.sent.iter();
    sent.map(|sent| (sent.topic.clone(), sent.key.clone(), sent.value.clone())).collect()
}

#[test]
fn run_that_resumes_behind_any_frame_sends_the_rest_and_nothing_else() {
    for metadata in [false, true] {
        let options = |options: &mut EnvelopeOptions| options.transaction_metadata = metadata;
        let all = frames_from(None);
        let mut straight = Bench::new(options);
        straight.run(&all);
        for cut in 0..=all.len() {
            let mut first = Bench::new(options);
            first.run(&all[..cut]);
            let position = first.engine.position();
            let mut second = Bench::new(options);
            second.engine.resume(&position);
            assert_eq!(second.engine.position(), position, "kept as it was");
            second.run(&frames_from(position.complete));
            let both: Vec<_> = values(&first).into_iter().chain(values(&second)).collect();
            assert_eq!(both, values(&straight), "cut at frame {cut}, {position:?}");
            assert_eq!(second.engine.position(), straight.engine.position());
        }
    }
}

#[test]
fn connection_lost_behind_any_frame_sends_nothing_twice() {
    let all = frames_from(None);
    let mut straight = Bench::new(|_| {});
    straight.run(&all);
    for cut in 0..=all.len() {
        let mut bench = Bench::new(|_| {});
        bench.run(&all[..cut]);
        bench.engine.reconnected();
        let from = Some(bench.engine.resume_lsn()).filter(|lsn| *lsn != Lsn::INVALID);
        bench.run(&frames_from(from));
        assert_eq!(bench.sent, straight.sent, "cut at frame {cut}");
    }
}

#[test]
fn position_names_what_was_read_last() {
    let all = frames_from(None);
    let mut bench = Bench::new(|_| {});
    assert_eq!(bench.engine.position(), Position::default());
    let mut seen = Vec::new();
    for frame in &all {
        bench.run(std::slice::from_ref(frame));
        let position = bench.engine.position();
        let complete = position.complete.map(Lsn::as_u64);
        seen.push((position.processed.name(), position.lsn.as_u64(), position.changes, complete));
    }
    assert_eq!(
        seen[..8],
        [
            ("BEGIN", 145, 0, None),
            ("BEGIN", 145, 0, None),
            ("INSERT", 145, 1, None),
            ("INSERT", 146, 1, None),
            ("INSERT", 146, 2, None),
            ("INSERT", 146, 3, None),
            ("MESSAGE", 147, 1, None),
            ("COMMIT", 160, 0, Some(160)),
        ]
    );
    assert_eq!(seen[8], ("MESSAGE", 160, 0, Some(160)));
    assert_eq!(seen[11], ("INSERT", 160, 1, Some(160)));
    bench.run(&[wire::keepalive(400, false)]);
    let idle = bench.engine.position();
    assert_eq!((idle.lsn, idle.xid, idle.processed), (Lsn::new(400), None, Processed::Commit));
}
