//! Live queries: records of a log through a filter and through a grouped sum.
//!
//! `cargo bench --bench query`; records carry Debezium's envelope with its schema, eight columns.
//! The records lie in memory, so that the query is measured and not the disk; `log_to_*` reads them
//! from the embedded log.

#![allow(clippy::unwrap_used, reason = "a bench may fail loudly anywhere")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minicdc::log::{LogOptions, LogReader, LogWriter, StartAt};
use minicdc::query::{Discovery, InputRecord, LiveOptions, LiveQuery, Statement};
use minicdc::record::Record;
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, mpsc};

const RECORDS: u64 = 200_000;
const BATCH: usize = 1024;
const TOPIC: &str = "shop.public.orders";

const FILTER: &str = "SELECT id, status, price FROM orders WHERE quantity > 2 AND status <> 'new'";
const SUM: &str =
    "SELECT customer_id, count(*), sum(price * quantity) FROM orders GROUP BY customer_id";

type Bytes = (Vec<u8>, Vec<u8>);

/// Inserts, and updates of a tenth of the rows.
fn records() -> Vec<Bytes> {
    let field = |ty: &str, name: &str| format!(r#"{{{ty},"optional":true,"field":"{name}"}}"#);
    let decimal = r#""type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"10"}"#;
    let fields = [
        field(r#""type":"int32""#, "id"),
        field(r#""type":"int32""#, "customer_id"),
        field(r#""type":"int32""#, "product_id"),
        field(r#""type":"int32""#, "quantity"),
        field(decimal, "price"),
        field(r#""type":"string""#, "status"),
        field(r#""type":"string""#, "note"),
        field(r#""type":"int64","name":"io.debezium.time.MicroTimestamp","version":1"#, "at"),
    ]
    .join(",");
    let row = |name| {
        format!(r#"{{"type":"struct","fields":[{fields}],"optional":true,"field":"{name}"}}"#)
    };
    let schema = format!(
        r#"{{"type":"struct","fields":[{},{},{{"type":"string","field":"op"}}],"optional":false,"name":"shop.public.orders.Envelope"}}"#,
        row("before"),
        row("after")
    );
    let source = r#"{"version":"3.6.3.Final","connector":"postgresql","name":"shop","ts_ms":1709208247112,"snapshot":"false","db":"shop","sequence":"[\"24023128\",\"24023128\"]","ts_us":1709208247112000,"ts_ns":1709208247112000000,"schema":"public","table":"orders","txId":555,"lsn":24023128,"xmin":null}"#;
    (0..RECORDS)
        .map(|n| {
            let (id, op) = if n % 10 == 9 { (n / 2, 'u') } else { (n, 'c') };
            let status = ["new", "paid", "shipped", "returned"][usize::try_from(n % 4).unwrap()];
            let after = format!(
                r#"{{"id":{id},"customer_id":{},"product_id":{},"quantity":{},"price":"MDk=","status":"{status}","note":"leave it at the door","at":1709208247112000}}"#,
                n % 5_000,
                n % 300,
                n % 7
            );
            let value = format!(
                r#"{{"schema":{schema},"payload":{{"before":null,"after":{after},"source":{source},"transaction":null,"op":"{op}","ts_ms":1709208247200,"ts_us":1709208247200000,"ts_ns":1709208247200000000}}}}"#
            );
            (format!(r#"{{"id":{id}}}"#).into_bytes(), value.into_bytes())
        })
        .collect()
}

fn input((key, value): &Bytes) -> InputRecord<'_> {
    InputRecord { key: Some(key), value: Some(value) }
}

fn start(sql: &str, first: &Bytes) -> LiveQuery {
    let statement = Statement::parse(sql).unwrap();
    let mut discovery = Discovery::default();
    discovery.look_at(input(first));
    LiveQuery::new(&statement, &[discovery], LiveOptions::default()).unwrap()
}

fn run(sql: &str, records: &[Bytes]) -> usize {
    let mut live = start(sql, &records[0]);
    let mut changes = 0;
    for batch in records.chunks(BATCH) {
        for record in batch {
            live.read(0, 0, input(record)).unwrap();
        }
        changes += black_box(live.flush().unwrap()).len();
    }
    changes
}

fn write(dir: &Path, records: &[Bytes]) {
    let topic: Arc<str> = TOPIC.into();
    let (sender, durable) = mpsc::channel();
    let report = move |progress: Result<u64, _>| drop(sender.send(progress));
    let mut writer = LogWriter::open(dir, LogOptions::default(), report).unwrap();
    for (sequence, (key, value)) in (0..).zip(records) {
        let record = Record {
            sequence,
            topic: &topic,
            partition: None,
            key: Some(key),
            value: Some(value),
            own_header: None,
            headers: &[],
            additions: None,
        };
        writer.append(&record, 1_700_000_000_000).unwrap();
    }
    writer.hand_over().unwrap();
    while durable.recv().unwrap().unwrap() < RECORDS - 1 {}
}

fn run_from_log(sql: &str, dir: &Path, first: &Bytes) -> usize {
    let mut live = start(sql, first);
    let mut reader = LogReader::open(dir).unwrap().topic(TOPIC, StartAt::Beginning).unwrap();
    let (mut records, mut changes) = (Vec::new(), 0);
    while reader.read(&mut records, BATCH).unwrap() > 0 {
        for record in &records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            live.read(0, record.partition, InputRecord { key, value }).unwrap();
        }
        records.clear();
        changes += live.flush().unwrap().len();
    }
    changes
}

fn query(c: &mut Criterion) {
    let records = records();
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &records);
    let mut group = c.benchmark_group("query");
    group.sample_size(10);
    group.throughput(Throughput::Elements(RECORDS));
    for (name, sql) in [("filter", FILTER), ("grouped_sum", SUM)] {
        group.bench_function(name, |b| b.iter(|| run(sql, &records)));
        group.bench_function(format!("log_to_{name}"), |b| {
            b.iter(|| run_from_log(sql, dir.path(), &records[0]));
        });
    }
    group.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
