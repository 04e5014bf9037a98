use super::*;

#[test]
fn heartbeat_goes_to_partition_0_of_its_topic_and_is_waited_for() {
    let mut bench = Bench::new(|_| {});
    bench.engine.set_now(5_000_000_000);
    let mut sent = Vec::new();
    bench.engine.on_heartbeat(&mut |record| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(record.all_headers().count(), 0);
        sent.push((record.partition, record.key.map(text), record.value.map(text)));
    });
    let (key, value) = (r#"{"serverName":"p"}"#.to_owned(), r#"{"ts_ms":5000}"#.to_owned());
    assert_eq!(sent, [(Some(0), Some(key), Some(value))]);
    assert_eq!(&**bench.engine.heartbeat_topic(), "__debezium-heartbeat.p");
    bench.run(&[wire::keepalive(50, false)]);
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::INVALID);
    bench.deliver_all();
    assert_eq!(bench.engine.progress().safe_lsn(), Lsn::new(50));
}

#[test]
fn heartbeat_inside_a_transaction_does_not_count_as_its_change() {
    let frames = one_insert(100);
    let mut bench = Bench::new(|_| {});
    bench.run(&frames[..1]);
    bench.engine.on_heartbeat(&mut |_| {});
    bench.engine.reconnected();
    bench.run(&frames);
    assert_eq!(bench.ops(), ["c"]);
}

#[test]
fn transactions_carry_the_xmin_that_was_known_at_their_beginning() {
    let mut bench = Bench::new(|_| {});
    bench.run(&one_insert(100));
    bench.engine.set_xmin(Some(729));
    bench.run(&one_insert(200));
    for (sent, xmin) in bench.sent.iter().zip([r#""xmin":null"#, r#""xmin":729"#]) {
        assert!(sent.value.as_deref().unwrap().contains(xmin), "{sent:?}");
    }
}
