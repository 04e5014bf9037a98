//! Snapshots beside the stream: asked for by signals, disturbed in every way, and right in the end.

use super::{Record, Shop, TOPIC, ids, materialise, range, said};
use crate::support::minicdc::Minicdc;
use crate::support::wait_until;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const SIGNAL_TABLE: &str =
    "create table signals (id varchar(64) primary key, type varchar(32), data varchar(2048))";
const DONE: &str = "incremental snapshot done";

/// A capture that takes no first snapshot, and a file that takes signals.
struct Live {
    shop: Shop,
    settings: Vec<String>,
    file: PathBuf,
}

impl Live {
    fn start(settings: &[&str]) -> Self {
        let shop = Shop::start();
        let file = shop.dir.path().join("signals.json");
        let own = [
            "snapshot.mode=no_data",
            "signal.enabled.channels=source,file",
            "signal.poll.interval.ms=20",
        ];
        let own = own.iter().chain(settings).map(|setting| (*setting).to_owned());
        let settings = own.chain([format!("signal.file={}", file.display())]).collect();
        Self { shop, settings, file }
    }

    fn streaming(&self) -> Minicdc {
        let arguments = self.settings.iter().flat_map(|setting| ["--set", setting.as_str()]);
        self.shop.streaming(&arguments.collect::<Vec<_>>())
    }

    /// Writes a signal and waits until it was taken.
    fn signal(&self, text: &str) {
        self.send(text);
        wait_until("the signal to be read", || {
            fs::read_to_string(&self.file).is_ok_and(|left| left.is_empty())
        });
    }

    fn send(&self, text: &str) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{text}\n")).unwrap();
        fs::rename(&new, &self.file).unwrap();
    }

    fn records(&self) -> Vec<Record> {
        self.shop.records(TOPIC)
    }
}

fn execute(id: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"execute-snapshot","data":{{"data-collections":["public.items"]{more}}}}}"#
    )
}

fn rows(live: &Live, count: u32) {
    live.shop
        .server
        .psql(&format!("insert into items select i, 'n' || i from generate_series(1, {count}) i"));
}

fn wait_done(capture: &mut Minicdc, times: usize) {
    wait_until("the snapshot to be done", || said(capture, DONE) >= times);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn snapshot_without_a_signal_table_reads_each_row_once_in_order_of_its_key() {
    let live = Live::start(&["incremental.snapshot.chunk.size=7"]);
    rows(&live, 100);
    let mut capture = live.streaming();
    live.signal(&execute("a", ""));
    wait_done(&mut capture, 1);
    live.signal(&execute(
        "b",
        r#","additional-conditions":[{"data-collection":"public.items","filter":"id > 95 -- x"}]"#,
    ));
    wait_done(&mut capture, 2);
    // By a column whose values come many times over.
    live.shop.server.psql("update items set name = 'same' where id % 3 > 0");
    live.signal(&execute("c", r#","surrogate-key":"name""#));
    wait_done(&mut capture, 3);
    live.shop.wait_confirmed();
    capture.terminate().success();
    let read: Vec<Record> =
        live.records().into_iter().filter(|record| record.op.as_deref() == Some("r")).collect();
    let places = |part: &[Record]| part.iter().map(|record| record.id).collect::<Vec<_>>();
    assert_eq!(places(&read[..100]), range(1..=100));
    assert_eq!(places(&read[100..105]), range(96..=100));
    assert_eq!(ids(&read[105..], "r"), range(1..=100));
    assert_eq!(materialise(&live.records()), live.shop.table());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn table_without_a_key_is_read_by_pages() {
    let live = Live::start(&["incremental.snapshot.chunk.size=10"]);
    live.shop.server.psql(
        "create table notes (x int, pad text);
         insert into notes select i, repeat('x', 500) from generate_series(1, 1000) i;
         delete from notes where x between 200 and 700",
    );
    let mut capture = live.streaming();
    live.signal(r#"{"type":"execute-snapshot","data":{"data-collections":["public.notes"]}}"#);
    wait_done(&mut capture, 1);
    capture.terminate().success();
    let log_dir = live.shop.log_dir();
    let arguments = ["tail", "shop.public.notes", "--log-dir", &log_dir, "--from", "beginning"];
    let mut tail = crate::support::minicdc::command();
    tail.args(arguments).args(["--no-follow", "--format", "record"]);
    let lines = Minicdc::spawn(tail).finish().success().stdout;
    let number = |line: &String| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["value"]["after"]["x"].as_i64().unwrap()
    };
    let mut read: Vec<i64> = lines.iter().map(number).collect();
    read.sort_unstable();
    assert_eq!(read, [range(1..=199), range(701..=1000)].concat());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn wrong_signals_are_told_of_and_nothing_stops() {
    let live = Live::start(&[]);
    rows(&live, 3);
    let mut capture = live.streaming();
    live.signal("nonsense\n{\"id\":\"7\",\"type\":\"dance\"}");
    live.signal(r#"{"id":"8","type":"execute-snapshot","data":{"data-collections":["public.("]}}"#);
    live.signal(
        r#"{"id":"9","type":"execute-snapshot","data":{"data-collections":["public.no"]}}"#,
    );
    wait_done(&mut capture, 1);
    live.signal(r#"{"id":"l","type":"log","data":{"message":"here at {}"}}"#);
    live.signal(&execute("a", ""));
    wait_done(&mut capture, 2);
    live.shop.wait_confirmed();
    let said = capture.terminate().success().stderr.join("\n");
    for text in [
        "signal is no JSON object",
        "\\\"dance\\\"; known are execute-snapshot",
        "\\\"public.(\\\" is no regular expression",
        "there is no such table",
        "here at {lsn=",
    ] {
        assert!(
            said.contains(text) || said.contains(&text.replace("\\\"", "\"")),
            "{text}\n{said}"
        );
    }
    assert_eq!(ids(&live.records(), "r"), range(1..=3));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn people_ask_for_snapshots_and_notifications_tell_of_them() {
    let live = Live::start(&[
        "incremental.snapshot.chunk.size=30",
        "notification.enabled.channels=sink,log",
        "notification.sink.topic.name=notes",
    ]);
    rows(&live, 100);
    let mut capture = live.streaming();
    let log_dir = live.shop.log_dir();
    let ask = |arguments: &[&str]| {
        let mut all = vec!["snapshot", "--slot", "shop", "--log-dir", &log_dir];
        all.extend(arguments);
        crate::support::minicdc::run(&all)
    };
    assert_eq!(ask(&["--status"]).success().stdout, ["no incremental snapshot is running"]);
    ask(&["items"]).success();
    wait_done(&mut capture, 1);
    ask(&["items", "--where", "id > 90"]).success();
    wait_done(&mut capture, 2);
    let select = "select id, name from items where id <= 2 order by id";
    ask(&["items", "--blocking", "--where", select]).success();
    capture.wait_stderr("the blocking snapshot", |line| line.contains("blocking snapshot done"));
    ask(&["items", "--blocking", "--where", "id > 5"]).success();
    capture.wait_stderr("the failure", |line| line.contains("filter is a whole SELECT"));
    live.shop.insert(101..=101);
    live.shop.wait_confirmed();
    capture.terminate().success();
    assert_eq!(ask(&["--status"]).code(), 1);
    let read = ids(&live.records(), "r");
    assert_eq!(read.len(), 100 + 10 + 2);
    assert_eq!(ids(&live.records(), "c"), [101]);

    let arguments = ["tail", "notes", "--log-dir", &log_dir, "--from", "beginning"];
    let mut tail = crate::support::minicdc::command();
    tail.args(arguments).args(["--no-follow", "--format", "record"]);
    let lines = Minicdc::spawn(tail).finish().success().stdout;
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["key"]["id"], record["value"]["id"]);
            assert_eq!(record["value"]["additional_data"]["connector_name"], "shop");
            let of = record["value"]["aggregate_type"].as_str().unwrap();
            format!("{} {}", &of[..3], record["value"]["type"].as_str().unwrap())
        })
        .collect();
    #[rustfmt::skip] // one snapshot a line
    let expected = [
        "Ini SKIPPED",
        "Inc STARTED", "Inc IN_PROGRESS", "Inc IN_PROGRESS", "Inc IN_PROGRESS", "Inc IN_PROGRESS", "Inc TABLE_SCAN_COMPLETED", "Inc COMPLETED",
        "Inc STARTED", "Inc IN_PROGRESS", "Inc TABLE_SCAN_COMPLETED", "Inc COMPLETED",
        "Ini STARTED", "Ini IN_PROGRESS", "Ini TABLE_SCAN_COMPLETED", "Ini COMPLETED",
        "Ini STARTED", "Ini IN_PROGRESS", "Ini ABORTED",
    ];
    assert_eq!(told, expected);
}

/// Writes as long as `go_on`: inserts, updates, deletes, changed keys, in transactions of one or
/// more.
fn write(live: &Live, go_on: &AtomicBool, seed: u32) {
    let mut round = seed;
    while go_on.load(Ordering::Relaxed) {
        round += 1;
        live.shop.server.psql(&format!(
            "select setseed({}::float8 / 1000);
             do $$ declare k int; begin for i in 1..60 loop
                 k := 1 + (random() * 2500)::int;
                 case (random() * 4)::int
                     when 0 then insert into items values (k, 'i{round}.' || i)
                         on conflict (id) do update set name = 'c{round}.' || i;
                     when 1 then delete from items where id = k;
                     when 2 then update items set id = 3000 + {round} * 60 + i where id = k;
                     when 3 then update items set id = k where id = (
                         select max(id) from items) and not exists (select from items where id = k);
                     else update items set name = 'u{round}.' || i where id between k and k + 3;
                 end case;
                 if random() < 0.7 then commit; end if;
             end loop; end $$",
            round % 1000
        ));
    }
}

/// Snapshots that are paused, stopped, killed and asked for again while everything changes; in the
/// end the topic is the table.
fn disturbed(settings: &[&str], seed: u32) {
    let live = Live::start(settings);
    live.shop.server.psql(SIGNAL_TABLE);
    rows(&live, 2000);
    let go_on = AtomicBool::new(true);
    let kills = thread::scope(|scope| {
        let writing = scope.spawn(|| write(&live, &go_on, seed));
        let mut capture = live.streaming();
        let nap =
            |factor: u32| thread::sleep(Duration::from_millis(u64::from((seed * factor) % 180)));
        for round in 0..4 {
            live.signal(&execute(&format!("s{seed}.{round}"), ""));
            nap(7 + round);
            live.signal(r#"{"id":"p","type":"pause-snapshot"}"#);
            nap(13);
            live.signal(r#"{"id":"r","type":"resume-snapshot"}"#);
            nap(17 + round);
            if round % 2 == 0 {
                live.signal(r#"{"id":"x","type":"stop-snapshot"}"#);
                live.signal(&execute(&format!("t{seed}.{round}"), ""));
                nap(11);
            }
            capture.kill();
            capture = live.streaming();
        }
        live.signal(&execute("last", ""));
        wait_until("the last snapshot to be done", || {
            said(&capture, DONE) > 0
                && capture.stderr().iter().any(|line| line.contains(DONE) && line.contains("last"))
        });
        go_on.store(false, Ordering::Relaxed);
        writing.join().unwrap();
        live.shop.wait_confirmed();
        capture.terminate().success();
        4
    });
    let records = live.records();
    let read = ids(&records, "r");
    println!("{} records, {} rows read, {kills} kills", records.len(), read.len());
    assert!(read.len() > 500, "{} rows", read.len());
    let (topic, table) = (materialise(&records), live.shop.table());
    let differs: BTreeMap<_, _> = topic
        .iter()
        .filter(|(id, name)| table.get(id) != Some(name))
        .chain(table.iter().filter(|(id, _)| !topic.contains_key(id)))
        .collect();
    assert!(differs.is_empty(), "seed {seed}: {differs:?}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn disturbed_snapshots_without_a_signal_table_end_with_the_table() {
    disturbed(&["incremental.snapshot.chunk.size=40"], 3);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn disturbed_snapshots_with_marks_in_a_table_end_with_the_table() {
    let table = "signal.data.collection=public.signals";
    disturbed(&["incremental.snapshot.chunk.size=40", table], 5);
    let strategy = "incremental.snapshot.watermarking.strategy=insert_delete";
    disturbed(&["incremental.snapshot.chunk.size=60", table, strategy], 8);
}
