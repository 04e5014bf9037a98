//! Repeats a recording with minicdc. See `tests/golden/README.md` for the procedure.

use super::case::{Case, Step};
use super::compare::{Line, compare, without_repeats};
use crate::support::minicdc::Minicdc;
use crate::support::postgres::{Options, Server};
use crate::support::wait_until;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How long one step may take. Shorter than elsewhere: cases for later may well hang here.
const PATIENCE: Duration = Duration::from_secs(20);
const DONE_TABLE: &str = "zz_done";

/// Runs one variant and compares; the error is a readable report.
pub(super) fn run(case: &Case, schemas: bool) -> Result<(), String> {
    let options = Options { major: case.major, conf: case.conf.clone() };
    let server = server_for(&options);
    let lines = record(case, schemas, &server)?;
    keep(options, server);
    let mut actual = Vec::new();
    for line in &lines {
        actual.push(Line::parse(line)?);
    }
    let (mut expected, mut actual) = (case.expected(schemas), without_end_mark(actual));
    if case.setting("heartbeat.action.query").is_some() {
        // As many changes as there were heartbeats.
        (expected, actual) = (without_repeats(expected), without_repeats(actual));
    }
    compare(expected, actual)
}

/// Lines that `minicdc capture` printed for a case.
fn record(case: &Case, schemas: bool, server: &Server) -> Result<Vec<String>, String> {
    let sql = |sql: &str| server.try_psql("postgres", sql).map(drop);
    sql(&format!("create table public.{DONE_TABLE}(id int primary key)"))?;
    sql(&case.setup)?;
    let mut end_mark = format!("public.{DONE_TABLE}");
    let mut settings = case.settings.clone();
    for (key, value) in &mut settings {
        if key == "table.include.list" {
            value.push_str(&format!(",public.{DONE_TABLE}"));
        }
    }
    if let Some(listed) = case.setting("schema.include.list")
        && !listed.split(',').any(|schema| schema == "public")
    {
        end_mark = format!("{}.{DONE_TABLE}", listed.split(',').next().unwrap_or_default());
        sql(&format!("create table {end_mark}(id int primary key)"))?;
    }
    if case.has_json_headers() {
        settings.push(("header.converter.schemas.enable".to_owned(), schemas.to_string()));
    }
    for converter in ["key", "value"] {
        settings.push((format!("{converter}.converter.schemas.enable"), schemas.to_string()));
    }
    let mut capture = start_capture(server, &settings);
    if case.snapshot_only {
        await_end(&mut capture)?;
        return finished(capture);
    }
    await_condition(&mut capture, "streaming", |_| {
        let sql = "select 1 from pg_stat_replication where state in ('streaming', 'catchup')";
        server.try_psql("postgres", sql).is_ok_and(|rows| !rows.is_empty())
    })?;
    if case.reads_late {
        capture.signal("STOP");
    }
    for step in &case.steps {
        match step {
            Step::Sql(text) => sql(text)?,
            Step::WaitSeconds(seconds) => thread::sleep(Duration::from_secs_f64(*seconds)),
        }
    }
    sql(&format!("insert into {end_mark} values (1)"))?;
    if case.reads_late {
        capture.signal("CONT");
    }
    await_condition(&mut capture, "the end mark's record", |capture| {
        let is_mark = |line: &String| Line::parse(line).is_ok_and(|line| is_end_mark(&line.topic));
        capture.stdout().iter().rev().any(is_mark)
    })?;
    capture.signal("TERM");
    await_end(&mut capture)?;
    finished(capture)
}

fn start_capture(server: &Server, settings: &[(String, String)]) -> Minicdc {
    let url = server.url("postgres");
    let settings: Vec<String> =
        settings.iter().map(|(key, value)| format!("--set={key}={value}")).collect();
    let mut arguments =
        vec!["capture", "--slot", "dbserver1", "--sink", "stdout", "--database-url", &url];
    arguments.extend(settings.iter().map(String::as_str));
    Minicdc::start(&arguments)
}

fn await_condition(
    capture: &mut Minicdc,
    what: &str,
    mut holds: impl FnMut(&Minicdc) -> bool,
) -> Result<(), String> {
    let start = Instant::now();
    while !holds(capture) {
        if let Some(status) = capture.ended() {
            return Err(format!("ended before {what}, {status}\n{}", said(capture)));
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("no sign of {what} in {PATIENCE:?}\n{}", said(capture)));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn await_end(capture: &mut Minicdc) -> Result<(), String> {
    let start = Instant::now();
    while capture.ended().is_none() {
        if start.elapsed() > PATIENCE {
            return Err(format!("did not end in {PATIENCE:?}\n{}", said(capture)));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn finished(capture: Minicdc) -> Result<Vec<String>, String> {
    let finished = capture.finish();
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    Err(format!("{}\n{}", finished.status, finished.stderr.join("\n")))
}

/// The last of what it said on standard error.
fn said(capture: &Minicdc) -> String {
    let lines = capture.stderr();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// True for the end mark's topic, whatever the naming strategy makes of its name.
fn is_end_mark(topic: &str) -> bool {
    topic.ends_with(DONE_TABLE) || topic.ends_with(&DONE_TABLE.replace('_', "_u005f"))
}

/// Leaves out the end mark's records and those of its transaction.
fn without_end_mark(lines: Vec<Line>) -> Vec<Line> {
    let is_mark = |line: &Line| is_end_mark(&line.topic);
    let xid = |line: &Line| -> Option<String> {
        let value = line.value.member("payload").unwrap_or(&line.value);
        value.member("source")?.member("txId")?.text().map(str::to_owned)
    };
    let end = lines.iter().find(|line| is_mark(line)).and_then(xid);
    let of_end = |line: &Line| {
        let key = line.key.member("payload").unwrap_or(&line.key);
        let id = key.member("id").and_then(|id| id.text()).and_then(|id| id.split_once(':'));
        line.topic.ends_with(".transaction")
            && id.is_some_and(|(xid, _)| end.as_deref() == Some(xid))
    };
    lines.into_iter().filter(|line| !is_mark(line) && !of_end(line)).collect()
}

/// Servers between two cases; a case that failed does not give its server back.
static IDLE: Mutex<Vec<(Options, Server)>> = Mutex::new(Vec::new());

/// A server with an empty database `postgres` and no slots.
fn server_for(options: &Options) -> Server {
    let mut idle = IDLE.lock().unwrap();
    let Some(index) = idle.iter().position(|(known, _)| known == options) else {
        drop(idle);
        return Server::with(options);
    };
    let (_, server) = idle.swap_remove(index);
    drop(idle);
    let sql = "select pg_drop_replication_slot(slot_name) from pg_replication_slots;
        drop database postgres with (force);
        create database postgres";
    // The walsender of a stopped capture may need a moment to notice.
    wait_until("the server to be clean again", || server.try_psql("template1", sql).is_ok());
    server
}

fn keep(options: Options, server: Server) {
    IDLE.lock().unwrap().push((options, server));
}
