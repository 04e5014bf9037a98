use super::*;
use crate::relation::Column;
use crate::relation::PgType;
use crate::relation::ReplicaIdentity;
use crate::relation::TypeKind;

mod columns;
mod heartbeat;
mod live;
mod logical_message;
mod prepared;
mod resume;
mod streamed;

/// Frames as a walsender sends them.
mod wire {
    fn frame(start: u64, body: &[u8]) -> Vec<u8> {
        let mut out = vec![b'w'];
        out.extend(start.to_be_bytes());
        out.extend(start.to_be_bytes());
        out.extend(0i64.to_be_bytes());
        out.extend(body);
        out
    }

    fn tuple(cells: &[Option<&str>]) -> Vec<u8> {
        let mut out = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
        for cell in cells {
            match cell {
                None => out.push(b'n'),
                Some("<toast>") => out.push(b'u'),
                Some(text) => {
                    out.push(b't');
                    out.extend(i32::try_from(text.len()).unwrap().to_be_bytes());
                    out.extend(text.as_bytes());
                }
            }
        }
        out
    }

    pub(super) fn begin(commit_lsn: u64, xid: u32) -> Vec<u8> {
        let mut body = vec![b'B'];
        body.extend(commit_lsn.to_be_bytes());
        body.extend(1_000_000i64.to_be_bytes());
        body.extend(xid.to_be_bytes());
        frame(commit_lsn - 5, &body)
    }

    pub(super) fn commit(commit_lsn: u64, end_lsn: u64) -> Vec<u8> {
        let mut body = vec![b'C', 0];
        body.extend(commit_lsn.to_be_bytes());
        body.extend(end_lsn.to_be_bytes());
        body.extend(1_000_000i64.to_be_bytes());
        frame(end_lsn, &body)
    }

    pub(super) fn relation(oid: u32) -> Vec<u8> {
        let mut body = vec![b'R'];
        body.extend(oid.to_be_bytes());
        body.extend(b"public\0t\0d");
        body.extend(2u16.to_be_bytes());
        for (key, name, oid) in [(1, "id", 23u32), (0, "v", 25)] {
            body.push(key);
            body.extend(name.as_bytes());
            body.push(0);
            body.extend(oid.to_be_bytes());
            body.extend((-1i32).to_be_bytes());
        }
        frame(0, &body)
    }

    pub(super) fn insert(lsn: u64, oid: u32, cells: &[Option<&str>]) -> Vec<u8> {
        let mut body = vec![b'I'];
        body.extend(oid.to_be_bytes());
        body.push(b'N');
        body.extend(tuple(cells));
        frame(lsn, &body)
    }

    pub(super) fn update(
        lsn: u64,
        oid: u32,
        old: Option<(u8, &[Option<&str>])>,
        new: &[Option<&str>],
    ) -> Vec<u8> {
        let mut body = vec![b'U'];
        body.extend(oid.to_be_bytes());
        if let Some((kind, cells)) = old {
            body.push(kind);
            body.extend(tuple(cells));
        }
        body.push(b'N');
        body.extend(tuple(new));
        frame(lsn, &body)
    }

    pub(super) fn delete(lsn: u64, oid: u32, cells: &[Option<&str>]) -> Vec<u8> {
        let mut body = vec![b'D'];
        body.extend(oid.to_be_bytes());
        body.push(b'K');
        body.extend(tuple(cells));
        frame(lsn, &body)
    }

    pub(super) fn message(lsn: u64, transactional: bool, prefix: &str, content: &[u8]) -> Vec<u8> {
        let mut body = vec![b'M', u8::from(transactional)];
        body.extend(lsn.to_be_bytes());
        body.extend(prefix.as_bytes());
        body.push(0);
        body.extend(i32::try_from(content.len()).unwrap().to_be_bytes());
        body.extend(content);
        frame(lsn, &body)
    }

    /// The same message as it comes in a block of a stream, of this (sub-)transaction.
    pub(super) fn streamed(xid: u32, frame: &[u8]) -> Vec<u8> {
        let (header, body) = frame.split_at(25);
        [header, &body[..1], &xid.to_be_bytes(), &body[1..]].concat()
    }

    pub(super) fn stream_start(lsn: u64, xid: u32, first: bool) -> Vec<u8> {
        let mut body = vec![b'S'];
        body.extend(xid.to_be_bytes());
        body.push(u8::from(first));
        frame(lsn, &body)
    }

    pub(super) fn stream_stop() -> Vec<u8> {
        frame(0, b"E")
    }

    pub(super) fn stream_abort(lsn: u64, xid: u32, subxid: u32) -> Vec<u8> {
        let mut body = vec![b'A'];
        body.extend(xid.to_be_bytes());
        body.extend(subxid.to_be_bytes());
        frame(lsn, &body)
    }

    /// [`commit`] of a streamed transaction.
    pub(super) fn stream_commit(xid: u32, commit_lsn: u64, end_lsn: u64) -> Vec<u8> {
        streamed(xid, &commit(commit_lsn, end_lsn))
            .into_iter()
            .enumerate()
            .map(|(at, byte)| if at == 25 { b'c' } else { byte })
            .collect()
    }

    pub(super) fn begin_prepare(lsn: u64, prepare: (u64, u64), xid: u32) -> Vec<u8> {
        let mut body = vec![b'b'];
        body.extend(prepare.0.to_be_bytes());
        body.extend(prepare.1.to_be_bytes());
        body.extend(1_000_000i64.to_be_bytes());
        body.extend(xid.to_be_bytes());
        body.extend(b"gid\0");
        frame(lsn, &body)
    }

    /// PREPARE (`P`), COMMIT PREPARED (`K`) or the end of a stream by PREPARE (`p`).
    pub(super) fn prepare(tag: u8, at: (u64, u64), xid: u32) -> Vec<u8> {
        let mut body = vec![tag, 0];
        body.extend(at.0.to_be_bytes());
        body.extend(at.1.to_be_bytes());
        body.extend(1_000_000i64.to_be_bytes());
        body.extend(xid.to_be_bytes());
        body.extend(b"gid\0");
        frame(at.1, &body)
    }

    pub(super) fn rollback_prepared(prepare_end: u64, rollback_end: u64, xid: u32) -> Vec<u8> {
        let mut body = vec![b'r', 0];
        body.extend(prepare_end.to_be_bytes());
        body.extend(rollback_end.to_be_bytes());
        body.extend([0; 16]);
        body.extend(xid.to_be_bytes());
        body.extend(b"gid\0");
        frame(rollback_end, &body)
    }

    pub(super) fn keepalive(end: u64, reply: bool) -> Vec<u8> {
        let mut out = vec![b'k'];
        out.extend(end.to_be_bytes());
        out.extend(0i64.to_be_bytes());
        out.push(u8::from(reply));
        out
    }
}

const OID: u32 = 16_385;

fn table() -> Table {
    let column = |name: &str, oid: u32, type_name: &str, nullable| Column {
        name: name.to_owned(),
        pg_type: Arc::new(PgType {
            oid: Oid(oid),
            schema: "pg_catalog".to_owned(),
            name: type_name.to_owned(),
            kind: TypeKind::Base,
        }),
        typmod: -1,
        nullable,
        default: None,
        generated: false,
    };
    Table {
        oid: Oid(OID),
        schema: "public".to_owned(),
        name: "t".to_owned(),
        columns: vec![column("id", 23, "int4", false), column("v", 25, "text", true)],
        key: vec![0],
        replica_identity: ReplicaIdentity::Default,
    }
}

/// A record as the tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    sequence: u64,
    topic: String,
    key: Option<String>,
    value: Option<String>,
    own_header: Option<(&'static str, String)>,
}

impl Sent {
    fn op(&self) -> &str {
        match &self.value {
            None => "tombstone",
            Some(value) => {
                let at = value.find("\"op\":\"").expect("an envelope") + 6;
                &value[at..=at]
            }
        }
    }
}

struct Bench {
    engine: Engine,
    sent: Vec<Sent>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut EnvelopeOptions)) -> Self {
        let mut options = EnvelopeOptions {
            topic_prefix: "p".to_owned(),
            key_schemas: false,
            value_schemas: false,
            ..EnvelopeOptions::default()
        };
        change(&mut options);
        Self { engine: Engine::new(options, ValueOptions::default(), "run"), sent: Vec::new() }
    }

    fn feed(&mut self, frame: &[u8]) -> Result<Step, EngineError> {
        self.step(|engine, emit| engine.on_frame(frame, emit))
    }

    fn step(
        &mut self,
        step: impl FnOnce(&mut Engine, &mut Emit<'_>) -> Result<Step, EngineError>,
    ) -> Result<Step, EngineError> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let sent = &mut self.sent;
        step(&mut self.engine, &mut |record| {
            sent.push(Sent {
                sequence: record.sequence,
                topic: record.topic.to_string(),
                key: record.key.map(text),
                value: record.value.map(text),
                own_header: record.own_header.map(|(name, value)| (name, text(value))),
            });
        })
    }

    /// Feeds frames, and answers what they ask.
    fn run(&mut self, frames: &[Vec<u8>]) {
        for frame in frames {
            let step = self.feed(frame).unwrap();
            if self.answer(step) {
                assert_eq!(self.feed(frame).unwrap(), Step::Done);
            }
            self.replay();
        }
    }

    /// Replays what there is to replay.
    fn replay(&mut self) {
        while self.engine.is_replaying() {
            let step = self.step(Engine::replay).unwrap();
            self.answer(step);
        }
    }

    /// True when the same frame is wanted again.
    fn answer(&mut self, step: Step) -> bool {
        match step {
            Step::NeedsTable(request) => {
                assert_eq!(request.name, "t");
                self.engine.define(request.oid, Some(&table()));
                false
            }
            Step::NeedsTopic(_) => {
                self.engine.topic_made();
                true
            }
            Step::Done | Step::Reply | Step::Signal(_) => false,
        }
    }

    fn ops(&self) -> Vec<&str> {
        self.sent.iter().map(Sent::op).collect()
    }

    fn deliver_all(&mut self) {
        let next = self.engine.progress().next_sequence();
        self.engine.progress_mut().delivered_up_to(next.saturating_sub(1));
    }
}

fn one_insert(lsn: u64) -> Vec<Vec<u8>> {
    vec![
        wire::begin(lsn + 50, 7),
        wire::relation(OID),
        wire::insert(lsn, OID, &[Some("1"), Some("a")]),
        wire::commit(lsn + 50, lsn + 60),
    ]
}

#[test]
fn commit_is_safe_only_after_its_records_are_delivered() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::INVALID);
    bench.engine.progress_mut().delivered(0);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(160));
    let sent = &bench.sent[0];
    assert_eq!((sent.topic.as_str(), sent.key.as_deref()), ("p.public.t", Some(r#"{"id":1}"#)));
    let value = sent.value.as_deref().unwrap();
    assert!(value.starts_with(r#"{"before":null,"after":{"id":1,"v":"a"},"source":{"#), "{value}");
    assert!(value.contains(r#""sequence":"[null,\"100\"]""#), "{value}");
}

#[test]
fn sequence_names_the_transaction_before() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    bench.run(&one_insert(200));
    let value = bench.sent[1].value.as_deref().unwrap();
    assert!(value.contains(r#""sequence":"[\"160\",\"200\"]""#), "{value}");
}

#[test]
fn keepalive_counts_between_transactions_and_not_inside() {
    let mut bench = Bench::new(|_| {});
    assert_eq!(bench.feed(&wire::keepalive(50, false)).unwrap(), Step::Done);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(50));
    bench.run(&[wire::begin(150, 7)]);
    assert_eq!(bench.feed(&wire::keepalive(120, true)).unwrap(), Step::Reply);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(50));
    bench.run(&[wire::commit(150, 160), wire::keepalive(170, false)]);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(170));
}

#[test]
fn keepalive_without_idle_progress_moves_nothing_and_still_tells_that_all_was_read() {
    let mut bench = Bench::new(|_| {});
    bench.engine.set_idle_progress(false);
    bench.run(&one_insert(100));
    bench.run(&[wire::keepalive(500, false)]);
    assert!(!bench.engine.has_passed(Lsn::new(500)), "a record is in flight");
    bench.deliver_all();
    let safe = bench.engine.progress().safe_lsn();
    assert!(safe < Lsn::new(500), "{safe}");
    assert!(bench.engine.has_passed(Lsn::new(500)));
    assert!(!bench.engine.has_passed(Lsn::new(501)));
}

#[test]
fn keepalive_waits_for_records_in_flight() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    bench.run(&[wire::keepalive(500, false)]);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::INVALID);
    bench.deliver_all();
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(500));
}

#[test]
fn key_change_is_delete_tombstone_and_create_with_headers() {
    let mut bench = Bench::new(|_| {});
    bench.run(&[
        wire::begin(150, 7),
        wire::relation(OID),
        wire::update(110, OID, Some((b'K', &[Some("1"), None])), &[Some("2"), Some("b")]),
        wire::commit(150, 160),
    ]);
    assert_eq!(bench.ops(), ["d", "tombstone", "c"]);
    let header = |name, value: &str| Some((name, value.to_owned()));
    assert_eq!(bench.sent[0].own_header, header("__debezium.newkey", r#"{"id":2}"#));
    assert_eq!(bench.sent[1].own_header, bench.sent[0].own_header);
    assert_eq!(bench.sent[2].own_header, header("__debezium.oldkey", r#"{"id":1}"#));
    assert_eq!(bench.sent[1].key.as_deref(), Some(r#"{"id":1}"#));
    assert_eq!(bench.sent[2].key.as_deref(), Some(r#"{"id":2}"#));
}

#[test]
fn full_identity_fills_unchanged_toast_from_the_old_row() {
    let mut bench = Bench::new(|_| {});
    bench.run(&[
        wire::begin(150, 7),
        wire::relation(OID),
        wire::update(
            110,
            OID,
            Some((b'O', &[Some("1"), Some("long")])),
            &[Some("1"), Some("<toast>")],
        ),
        wire::update(120, OID, None, &[Some("1"), Some("<toast>")]),
        wire::commit(150, 160),
    ]);
    assert_eq!(bench.ops(), ["u", "u"]);
    let value = |n: usize| bench.sent[n].value.clone().unwrap();
    assert!(value(0).starts_with(r#"{"before":{"id":1,"v":"long"},"after":{"id":1,"v":"long"}"#));
    assert!(
        value(1)
            .starts_with(r#"{"before":null,"after":{"id":1,"v":"__debezium_unavailable_value"}"#)
    );
}

#[test]
fn delete_has_a_tombstone_unless_switched_off() {
    let frames = [
        wire::begin(150, 7),
        wire::relation(OID),
        wire::delete(110, OID, &[Some("1"), None]),
        wire::commit(150, 160),
    ];
    let mut bench = Bench::new(|_| {});
    bench.run(&frames);
    assert_eq!(bench.ops(), ["d", "tombstone"]);
    let mut bench = Bench::new(|options| options.tombstones = false);
    bench.run(&frames);
    assert_eq!(bench.ops(), ["d"]);
}

#[test]
fn skipped_operations_leave_no_record_but_move_the_position() {
    let mut bench = Bench::new(|options| options.skipped.create = true);
    bench.run(&one_insert(100));
    assert!(bench.sent.is_empty());
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(160));
}

#[test]
fn halves_of_a_key_change_are_skipped_for_themselves() {
    let update = |old: &str, new: &str| {
        let old = [Some(old), None];
        [
            wire::begin(150, 7),
            wire::relation(OID),
            wire::update(110, OID, Some((b'K', &old)), &[Some(new), Some("b")]),
            wire::commit(150, 160),
        ]
    };
    let ops = |skip: fn(&mut EnvelopeOptions), frames: &[Vec<u8>]| {
        let mut bench = Bench::new(skip);
        bench.run(frames);
        bench.ops().join(" ")
    };
    let key_change = update("1", "2");
    assert_eq!(ops(|options| options.skipped.update = true, &key_change), "d tombstone c");
    assert_eq!(ops(|options| options.skipped.delete = true, &key_change), "c");
    assert_eq!(ops(|options| options.skipped.create = true, &key_change), "d tombstone");
    assert_eq!(ops(|options| options.skipped.update = true, &update("1", "1")), "");
}

#[test]
fn table_that_is_not_captured_leaves_no_record() {
    let mut bench = Bench::new(|_| {});
    for frame in one_insert(100) {
        if let Step::NeedsTable(request) = bench.feed(&frame).unwrap() {
            bench.engine.define(request.oid, None);
        }
    }
    assert!(bench.sent.is_empty());
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(160));
}

#[test]
fn reconnect_inside_a_transaction_sends_no_change_twice() {
    for cut in 0..=4 {
        for metadata in [false, true] {
            let mut frames = vec![wire::begin(150, 7), wire::relation(OID)];
            for n in 0..3u64 {
                let id = n.to_string();
                frames.push(wire::insert(110 + n, OID, &[Some(&id), None]));
            }
            frames.push(wire::commit(150, 160));
            let mut straight = Bench::new(|options| options.transaction_metadata = metadata);
            straight.run(&frames);

            let mut cut_off = Bench::new(|options| options.transaction_metadata = metadata);
            cut_off.run(&frames[..=cut]);
            cut_off.engine.reconnected();
            assert_eq!(cut_off.engine.progress().safe_lsn(), Lsn::INVALID);
            cut_off.run(&frames);
            assert_eq!(cut_off.sent, straight.sent, "cut behind frame {cut}");
        }
    }
}

#[test]
fn keepalive_of_a_new_connection_does_not_skip_an_interrupted_transaction() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100)[..3]);
    bench.engine.reconnected();
    bench.deliver_all();
    bench.run(&[wire::keepalive(999, false)]);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::INVALID);
    bench.run(&one_insert(100));
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(160));
}

#[test]
fn transaction_metadata_frames_and_numbers_the_events() {
    let mut bench = Bench::new(|options| options.transaction_metadata = true);
    bench.run(&one_insert(100));
    assert_eq!(bench.sent.len(), 3);
    assert_eq!(bench.sent[0].topic, "p.transaction");
    assert_eq!(bench.sent[0].key.as_deref(), Some(r#"{"id":"7:145"}"#));
    let event = bench.sent[1].value.as_deref().unwrap();
    assert!(
        event.contains(r#""transaction":{"id":"7:100","total_order":1,"data_collection_order":1}"#),
        "{event}"
    );
    let end = bench.sent[2].value.as_deref().unwrap();
    assert!(end.contains(r#""event_count":1,"data_collections":[{"data_collection":"public.t","#));
}

#[test]
fn messages_out_of_place_are_errors() {
    let insert = wire::insert(100, OID, &[Some("1"), None]);
    for frames in [
        vec![insert.clone()],
        vec![wire::commit(1, 2)],
        vec![wire::begin(150, 1), wire::begin(151, 2)],
        vec![wire::begin(150, 1), insert],
        vec![wire::begin(150, 1), wire::relation(OID), wire::insert(100, OID, &[Some("1")])],
        vec![b"w".to_vec()],
    ] {
        let mut bench = Bench::new(|_| {});
        let (last, before) = frames.split_last().unwrap();
        bench.run(before);
        assert!(bench.feed(last).is_err());
    }
}
