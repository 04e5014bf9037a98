use super::*;
use crate::relation::MessageFilter;

/// Key and the members behind `source` of everything sent.
fn messages(bench: &Bench) -> Vec<(&str, &str)> {
    let parts = bench.sent.iter().map(|sent| {
        let value = sent.value.as_deref().unwrap();
        (sent.key.as_deref().unwrap(), &value[value.find("\"transaction\"").unwrap()..])
    });
    parts.collect()
}

#[test]
fn message_outside_of_transactions_is_a_commit_of_its_own() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    bench.run(&[wire::message(170, false, "a", b"x")]);
    let value = bench.sent[1].value.as_deref().unwrap();
    assert_eq!(bench.sent[1].topic, "p.message");
    assert!(value.contains(r#""sequence":"[\"170\",\"170\"]""#), "{value}");
    assert!(value.contains(r#""txId":null,"lsn":170"#), "{value}");
    // The clock is the one of the transaction before: a second after PostgreSQL's epoch.
    assert!(value.contains(r#""ts_us":946684801000000"#), "{value}");
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::INVALID);
    assert_eq!(bench.engine.resume_lsn(), Lsn::new(170));
    bench.deliver_all();
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(170));
    bench.run(&one_insert(200));
    let value = bench.sent[2].value.as_deref().unwrap();
    assert!(value.contains(r#""sequence":"[\"170\",\"200\"]""#), "{value}");
}

#[test]
fn topic_is_asked_for_before_the_first_message_that_is_wanted() {
    let mut bench = Bench::new(|_| {});
    bench.engine.filter_messages(MessageFilter::new("a.*", "").unwrap());
    assert_eq!(bench.feed(&wire::message(10, false, "b", b"x")).unwrap(), Step::Done);
    let asked = bench.feed(&wire::message(20, false, "a", b"x")).unwrap();
    assert_eq!(asked, Step::NeedsTopic("p.message".into()));
    assert!(bench.sent.is_empty());
    assert_eq!(bench.engine.counters().changes, 1);
    bench.engine.topic_made();
    assert_eq!(bench.feed(&wire::message(20, false, "a", b"x")).unwrap(), Step::Done);
    assert_eq!(bench.feed(&wire::message(30, false, "ab", b"x")).unwrap(), Step::Done);
    let keys: Vec<_> = messages(&bench).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [r#"{"prefix":"a"}"#, r#"{"prefix":"ab"}"#]);
}

#[test]
fn messages_are_events_of_their_transaction() {
    let mut bench = Bench::new(|options| options.transaction_metadata = true);
    bench.run(&[
        wire::begin(150, 7),
        wire::message(100, true, "a", b"x"),
        wire::message(110, true, "b", b"x"),
        wire::commit(150, 160),
    ]);
    let sent = &bench.sent[1..3];
    for (n, sent) in sent.iter().enumerate() {
        let block = format!(r#""total_order":{},"data_collection_order":1}}"#, n + 1);
        assert!(sent.value.as_deref().unwrap().contains(&block), "{sent:?}");
    }
    let end = bench.sent[3].value.as_deref().unwrap();
    let one = r#"{"data_collection":"message","event_count":1}"#;
    assert!(end.contains(&format!(r#""event_count":2,"data_collections":[{one},{one}]"#)), "{end}");
}

#[test]
fn message_of_an_interrupted_transaction_is_not_sent_again() {
    let frames = [
        wire::begin(150, 7),
        wire::message(100, true, "a", b"x"),
        wire::message(110, true, "b", b"x"),
        wire::commit(150, 160),
    ];
    let mut bench = Bench::new(|_| {});
    bench.run(&frames[..2]);
    bench.engine.reconnected();
    bench.run(&frames);
    let keys: Vec<_> = messages(&bench).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [r#"{"prefix":"a"}"#, r#"{"prefix":"b"}"#]);
}

#[test]
fn message_on_the_wrong_side_of_a_transactions_bounds_is_an_error() {
    let mut bench = Bench::new(|_| {});
    assert!(bench.feed(&wire::message(10, true, "a", b"x")).is_err());
    bench.run(&[wire::begin(150, 7)]);
    assert!(bench.feed(&wire::message(100, false, "a", b"x")).is_err());
}
