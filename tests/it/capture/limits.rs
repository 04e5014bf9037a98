//! Two captures on one thing.

use super::Shop;
use crate::support::minicdc::Minicdc;

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn second_capture_on_the_same_log_or_slot_is_refused_and_the_first_goes_on() {
    let shop = Shop::start();
    let capture = shop.streaming(&[]);
    let pid = capture.pid();
    let second = shop.capture_from("second", &shop.log_dir(), &[]);
    let second = Minicdc::spawn(second).finish();
    assert_eq!(second.code(), 1, "{:?}", second.stderr);
    let error = second.stderr.join("\n");
    assert!(error.contains(&format!("is being written by process {pid}")), "{error}");
    assert!(error.contains(&format!("kill {pid}")), "{error}");
    assert_eq!(shop.server.psql("select slot_name from pg_replication_slots"), "shop");

    let walsender = shop.server.psql("select pid from pg_stat_replication");
    let elsewhere = shop.dir.path().join("second");
    let patience = ["--set", "slot.max.retries=0"];
    let second = shop.capture_from("shop", elsewhere.to_str().unwrap(), &patience);
    let second = Minicdc::spawn(second).finish();
    assert_eq!(second.code(), 1, "{:?}", second.stderr);
    let error = second.stderr.join("\n");
    assert!(error.contains("slot \"shop\" is in use by process "), "{error}");
    assert!(error.contains(&format!("pg_terminate_backend({walsender})")), "{error}");

    shop.insert(1..=3);
    shop.wait_confirmed();
    capture.terminate().success();
    assert_eq!(shop.records(super::TOPIC).len(), 3);
}
