//! Transactions that the server sends before their end.

use super::{Shop, TOPIC, ids, materialise, range, said, wait_streaming};
use crate::support::minicdc::Minicdc;
use crate::support::postgres::{Options, Server};
use crate::support::wait_until;
use serde_json::Value;
use std::thread;

/// The server sends what exceeds this before the commit.
const SMALL_WORK_MEM: &str = "logical_decoding_work_mem = 64kB";

/// Everything that a stream can hold, in transactions of more than 64 kB.
const SCRIPT: &str = "
create table f (id int primary key, v text);
alter table f replica identity full;
create table toast (id int primary key, small int, large text);
alter table toast alter large set storage external;

begin;
insert into t select i, repeat('a', 100), i / 3.0 from generate_series(1, 2000) i;
savepoint one;
update t set v = 'one' where id <= 700;
insert into f select i, repeat('f', 200) from generate_series(1, 1000) i;
rollback to one;
savepoint two;
delete from t where id between 10 and 400;
savepoint three;
update t set id = id + 10000 where id between 500 and 900;
release three;
savepoint four;
insert into t select i, 'four', null from generate_series(20000, 21000) i;
rollback to four;
update t set v = 'two' where id > 1000;
commit;

begin;
insert into f select i, repeat('f', 200) from generate_series(1, 1000) i;
select pg_logical_emit_message(true, 'inside', repeat('m', 500));
update f set id = -id where id <= 100;
update f set v = 'short' where id > 900;
truncate t, f;
insert into t select i, 'after truncate', 1 from generate_series(1, 800) i;
commit;

begin;
insert into toast select i, 0, string_agg(md5(i || '.' || k), '') from generate_series(1, 30) i, generate_series(1, 100) k group by i;
update toast set small = 1;
update toast set id = id + 100 where id < 10;
update toast set large = 'x' || large where id = 20;
commit;

begin;
insert into t select i, 'rolled back', 0 from generate_series(30000, 33000) i;
rollback;

begin;
insert into t select i, 'before ddl', 0 from generate_series(40000, 41000) i;
alter table t add column more int default 5;
insert into t select i, 'with more', 0, i from generate_series(42000, 43000) i;
savepoint ddl;
alter table t drop column n;
insert into t select i, 'without n', i from generate_series(44000, 45000) i;
rollback to ddl;
insert into t select i, 'with n again', 7, i from generate_series(46000, 47000) i;
commit;

begin;
insert into t values (50001, 'small', 1, 1);
commit;
select pg_logical_emit_message(false, 'outside', 'm');

begin;
alter table t alter v type varchar(200);
insert into t select i, 'ddl first', 7, i from generate_series(50002, 52000) i;
commit;

do $$ begin
    for i in 60001..60500 loop
        begin
            insert into t values (i, repeat('l', 200), i);
            if i % 3 = 0 then raise 'no'; end if;
        exception when raise_exception then null;
        end;
    end loop;
end $$;

create table unseen (id int primary key, v text);
begin;
insert into unseen select i, repeat('u', 100) from generate_series(1, 2000) i;
commit;
insert into t values (70000, 'last', 1, 1);
";

/// The record in one line, without what is different in each run.
fn masked(line: &str) -> String {
    let mut record: Value = serde_json::from_str(line).unwrap();
    if let Some(headers) = record["headers"].as_array_mut() {
        headers.retain(|header| header["key"] != "__debezium.context.runId");
    }
    // The position of BEGIN is that of the transaction's first WAL record, which nobody tells
    // before the end: a streamed transaction has the one of its first change.
    if record["value"]["status"] == "BEGIN" {
        let id = record["key"]["id"].as_str().unwrap().split(':').next().unwrap().to_owned();
        record["key"]["id"] = Value::from(id.clone());
        record["value"]["id"] = Value::from(id);
    }
    if let Some(value) = record["value"].as_object_mut()
        && value.contains_key("op")
    {
        for clock in ["ts_ms", "ts_us", "ts_ns"] {
            value.remove(clock);
        }
    }
    record.to_string()
}

fn captured(server: &Server, slot: &str, streaming: bool, more: &[&str]) -> Vec<String> {
    let mut capture = crate::support::minicdc::command();
    let url = server.url("postgres");
    capture.args(["capture", "--slot", slot, "--publication", "all", "--topic-prefix", "p"]);
    capture.args(["--database-url", &url, "--sink", "stdout", "--snapshot", "no_data"]);
    capture.args(["--stop-at", "current", "--set", "table.exclude.list=public.unseen"]);
    capture.args(["--set", "provide.transaction.metadata=true", "--memory", "1MB"]);
    capture.args(super::NO_SCHEMAS).args(more);
    capture.args(["--set", &format!("streaming.in.progress={streaming}")]);
    let finished = Minicdc::spawn(capture).finish().success();
    finished.stdout.iter().map(|line| masked(line)).collect()
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn streamed_transactions_have_the_bytes_of_whole_ones() {
    for major in [None, Some(14), Some(17)] {
        let server = Server::with(&Options { major, conf: SMALL_WORK_MEM.to_owned() });
        server.psql("create table t (id int primary key, v text, n numeric)");
        assert!(captured(&server, "streamed", true, &[]).is_empty());
        assert!(captured(&server, "whole", false, &[]).is_empty());
        server.psql(SCRIPT);
        let streamed = captured(&server, "streamed", true, &[]);
        let whole = captured(&server, "whole", false, &[]);
        for (n, (streamed, whole)) in streamed.iter().zip(&whole).enumerate() {
            assert_eq!(streamed, whole, "record {n}, server {major:?}");
        }
        assert_eq!(streamed.len(), whole.len());
        assert!(streamed.len() > 10_000, "{}", streamed.len());
        let counted = |slot| {
            let sql = "select stream_txns from pg_stat_replication_slots where slot_name = ";
            server.psql(&format!("{sql}'{slot}'")).parse::<u32>().unwrap()
        };
        wait_until("the statistics", || counted("streamed") >= 7);
        assert_eq!(counted("whole"), 0);
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn long_transaction_delays_no_other_and_leaves_no_file() {
    let shop = Shop::with_conf(SMALL_WORK_MEM);
    let spill = shop.dir.path().join("spill");
    let spill_dir = format!("spill.dir={}", spill.display());
    let mut capture = shop.capture(&["--memory", "1MB", "--set", &spill_dir]);
    wait_streaming(&mut capture);
    shop.server.psql("create table go (id int)");
    shop.insert(1..=1);
    thread::scope(|scope| {
        let long = scope.spawn(|| {
            shop.server.psql(
                "begin;
                 insert into items select i, repeat('long', 100) from generate_series(1001, 6000) i;
                 do $$ begin
                     while not exists (select from go) loop perform pg_sleep(0.02); end loop;
                 end $$;
                 insert into items select i, repeat('long', 100) from generate_series(6001, 7000) i;
                 commit",
            )
        });
        capture.wait_stderr("the spill", |line| line.contains("transaction goes to disk"));
        shop.insert(2..=100);
        wait_until("the small ones", || ids(&shop.records(TOPIC), "c") == range(1..=100));
        shop.wait_confirmed();
        assert_eq!(std::fs::read_dir(&spill).unwrap().count(), 0, "files without a name");
        shop.server.psql("insert into go values (1)");
        long.join().unwrap();
    });
    shop.insert(101..=110);
    shop.wait_confirmed();
    assert_eq!(said(&capture, "transaction's file removed"), 1);
    capture.terminate().success();
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let order: Vec<i64> = records.iter().map(|record| record.id).collect();
    assert_eq!(order, [range(1..=100), range(1001..=7_000), range(101..=110)].concat());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn kill_while_a_long_transaction_is_kept_loses_and_repeats_nothing() {
    let shop = Shop::with_conf(SMALL_WORK_MEM);
    let capture = shop.streaming(&["--memory", "1MB"]);
    shop.server.psql("create table go (id int)");
    thread::scope(|scope| {
        let long = scope.spawn(|| {
            shop.server.psql(
                "begin;
                 insert into items select i, repeat('long', 100) from generate_series(1001, 6000) i;
                 do $$ begin
                     while not exists (select from go) loop perform pg_sleep(0.02); end loop;
                 end $$;
                 commit",
            )
        });
        shop.insert(1..=100);
        shop.wait_confirmed();
        wait_until("the long one to be streamed", || {
            shop.server.psql("select coalesce(sum(stream_count), 0) from pg_stat_replication_slots")
                != "0"
        });
        capture.kill();
        let capture = shop.streaming(&["--memory", "1MB"]);
        shop.insert(101..=110);
        shop.server.psql("insert into go values (1)");
        long.join().unwrap();
        shop.wait_confirmed();
        capture.terminate().success();
    });
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    assert_eq!(ids(&records, "c"), [range(1..=110), range(1001..=6_000)].concat());
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn disk_that_takes_nothing_stops_the_capture_and_loses_nothing() {
    let shop = Shop::with_conf(SMALL_WORK_MEM);
    let file = shop.dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let spill_dir = format!("spill.dir={}", file.display());
    let mut capture = shop.capture(&["--memory", "1MB", "--set", &spill_dir]);
    wait_streaming(&mut capture);
    shop.server.psql("insert into items select i, 'n' || i from generate_series(1, 50000) i");
    let failed = capture.finish();
    assert_eq!(failed.code(), 1, "{:?}", failed.stderr);
    let error = failed.stderr.join("\n");
    assert!(error.contains("cannot make the directory"), "{error}");
    assert!(error.contains("spill.dir"), "{error}");
    shop.catch_up(&[]);
    let records = shop.records(TOPIC);
    assert_eq!(ids(&records, "c"), range(1..=50_000));
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn transaction_of_120_mb_takes_less_than_100_mb() {
    let shop = Shop::start();
    let mut capture = shop.capture(&["--sink", "null"]);
    wait_streaming(&mut capture);
    shop.server
        .psql("insert into items select i, repeat('n', 300) from generate_series(1, 400000) i");
    shop.wait_confirmed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", capture.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    println!("peak memory {peak}");
    let kilobytes: u32 = peak.split(' ').next().unwrap().parse().unwrap();
    assert!(kilobytes < 100 * 1024, "{peak}");
    assert_eq!(said(&capture, "transaction goes to disk"), 1);
    capture.terminate().success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn slot_that_was_made_for_two_phases_gives_prepared_transactions_at_their_commit() {
    let conf = format!("{SMALL_WORK_MEM}\nmax_prepared_transactions = 5");
    let shop = Shop::with_conf(&conf);
    shop.server.psql(
        "create publication shop for all tables;
         select pg_create_logical_replication_slot('shop', 'pgoutput', false, true)",
    );
    let arguments = ["--snapshot", "no_data"];
    let capture = shop.streaming(&arguments);
    shop.insert(0..=0);
    shop.wait_confirmed();
    shop.server.psql(
        "begin; insert into items values (1, 'prepared'); prepare transaction 'one';
         begin; insert into items select i, 'p' from generate_series(101, 2000) i;
         savepoint s; insert into items values (3000, 'no'); rollback to s;
         prepare transaction 'many';
         begin; insert into items values (4000, 'no'); prepare transaction 'no';
         rollback prepared 'no'",
    );
    shop.insert(2..=3);
    wait_until("the small ones", || ids(&shop.records(TOPIC), "c") == [0, 2, 3]);
    // Nothing says to the server that we have the prepared changes, so a kill loses none.
    capture.kill();
    let capture = shop.streaming(&arguments);
    shop.server.psql("commit prepared 'many'; commit prepared 'one'");
    shop.insert(4..=5);
    shop.wait_confirmed();
    capture.terminate().success();
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let order: Vec<i64> = records.iter().map(|record| record.id).collect();
    assert!(order.ends_with(&[range(101..=2000), vec![1, 4, 5]].concat()), "{order:?}");
}
