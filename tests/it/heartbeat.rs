//! Heartbeats and the statement that goes with them, on a real server.

use crate::support::minicdc::Minicdc;
use crate::support::postgres::Server;

fn capture(server: &Server, query: &str) -> Minicdc {
    let (url, query) = (server.url("postgres"), format!("heartbeat.action.query={query}"));
    Minicdc::start(&[
        "capture",
        "--slot=dbserver1",
        "--sink=stdout",
        "--database-url",
        &url,
        "--set=heartbeat.interval.ms=50",
        "--set=topic.heartbeat.name=beats",
        "--set",
        &query,
    ])
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn statement_of_heartbeats_is_tried_again_after_a_failure_that_may_pass() {
    let server = Server::start();
    server.psql("create table beaten(n int); create table divisors(n int)");
    let mut capture = capture(&server, "insert into beaten select 1 / count(*) from divisors");
    capture.wait_stderr("the warning", |line| line.contains("heartbeat.action.query failed"));
    server.psql("insert into divisors values (1)");
    capture.wait_stdout("a change", |line| line.contains(r#"{"topic":"dbserver1.public.beaten""#));
    capture
        .wait_stdout("a heartbeat", |line| line.starts_with(r#"{"topic":"beats","partition":0,"#));
    capture.terminate().success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn statement_on_a_table_that_does_not_exist_stops_the_capture() {
    let server = Server::start();
    server.psql("create table t(n int primary key)");
    let finished = capture(&server, "update nosuch set n = 1").finish();
    assert_eq!(finished.code(), 2, "{:?}", finished.stderr);
    let said = finished.stderr.join("\n");
    assert!(said.contains(r#"relation "nosuch" does not exist"#), "{said}");
}
