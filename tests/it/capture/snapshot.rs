//! Snapshots: when they are taken, and how they meet the stream.

use super::{Shop, TOPIC, ids, materialise, range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn each_mode_reads_rows_when_it_should() {
    // Rows read by the first start, and by the second.
    for (mode, first, second) in [("initial", 3, 3), ("no_data", 0, 0), ("always", 3, 7)] {
        let shop = Shop::start();
        shop.insert(1..=3);
        shop.catch_up(&["--snapshot", mode]);
        let read = || match shop.dir.path().join("log").join(format!("{TOPIC}-0")).exists() {
            true => ids(&shop.records(TOPIC), "r").len(),
            false => 0,
        };
        assert_eq!(read(), first, "{mode}");
        shop.insert(4..=4);
        shop.catch_up(&["--snapshot", mode]);
        assert_eq!(read(), second, "{mode}");
        assert!(ids(&shop.records(TOPIC), "c").ends_with(&[4]), "{mode}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn initial_only_reads_rows_and_ends_without_slot_or_publication() {
    let shop = Shop::start();
    shop.insert(1..=3);
    shop.capture(&["--snapshot", "initial_only"]).finish().success();
    assert_eq!(ids(&shop.records(TOPIC), "r"), range(1..=3));
    let left = "select (select count(*) from pg_replication_slots), \
                (select count(*) from pg_publication)";
    assert_eq!(shop.server.psql(left), "0|0");
    shop.capture(&["--snapshot", "initial_only"]).finish().success();
    assert_eq!(shop.records(TOPIC).len(), 3, "it was complete");
}

/// Rows are made, changed and removed all the time; each must come either by the snapshot or by
/// the stream, not by both and not by none.
#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn snapshot_and_stream_meet_without_gap_or_overlap_under_writes() {
    let shop = Shop::start();
    shop.server.psql("insert into items select i, 'n' || i from generate_series(1, 20000) i");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers = [0, 1].map(|writer| {
            let (shop, stop) = (&shop, &stop);
            scope.spawn(move || {
                let mut at = 20_001 + writer;
                while !stop.load(Ordering::Relaxed) {
                    let last = at + 38;
                    shop.server.psql(&format!(
                        "do $$ begin for new in {at}..{last} by 2 loop
                             insert into items values (new, 'n' || new);
                             update items set name = name || 'x' where id = {at} - 20000 + 1;
                             if new % 7 = 0 then delete from items where id = new - 7; end if;
                             commit;
                         end loop; end $$"
                    ));
                    at = last + 2;
                }
            })
        });
        let capture = shop.streaming(&[]);
        thread::sleep(std::time::Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        shop.wait_confirmed();
        capture.terminate().success();
    });
    let records = shop.records(TOPIC);
    assert_eq!(materialise(&records), shop.table());
    let mut born = ids(&records, "r");
    assert!(born.len() >= 20_000);
    let streamed = ids(&records, "c");
    assert!(!streamed.is_empty(), "the stream saw writes");
    assert!(born.len() > 20_000, "the snapshot saw writes");
    born.extend(streamed);
    let all = born.len();
    born.sort_unstable();
    born.dedup();
    assert_eq!(born.len(), all, "a row was born twice");
}
