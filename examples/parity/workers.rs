//! Debezium in a Kafka Connect worker, and minicdc, on the same database and broker.

use crate::kafka::{Reader, Record};
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// `topic.prefix` of both.
pub(crate) const PREFIX: &str = "dbserver1";
/// In front of Debezium's topics, put there by Kafka Connect's own RegexRouter. What a record says
/// does not depend on its topic's name, so nothing in it has to be rewritten to compare.
const MARK: &str = "dbz.";
/// Its records tell how far a capture is.
const DONE: &str = "zz_done";
const SLOTS: [&str; 2] = ["parity_debezium", "parity_minicdc"];
/// Made anew for each run.
const DATABASE: &str = "parity";
static RUNS: AtomicUsize = AtomicUsize::new(0);
const PATIENCE: Duration = Duration::from_secs(120);

/// Both captures; ended and cleaned up when dropped.
pub(crate) struct Workers {
    debezium: Child,
    minicdc: Child,
    /// How many marks were written, and how many of them each has sent.
    marks: i64,
    seen: [i64; 2],
    mark_table: String,
    out: PathBuf,
}

/// What both wrote since the last time.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) debezium: Vec<Record>,
    pub(crate) minicdc: Vec<Record>,
}

impl Workers {
    /// Starts both and waits until they stream. The database is as the snapshot has to find it.
    pub(crate) fn start(
        settings: &[(String, String)],
        partitions: u32,
        out: &Path,
    ) -> Result<Self> {
        let mark_table = mark_table(settings);
        psql(&format!("create table if not exists {mark_table}(id bigint primary key)"))?;
        let mut both = vec![
            ("connector.class", "io.debezium.connector.postgresql.PostgresConnector".to_owned()),
            ("plugin.name", "pgoutput".to_owned()),
            ("database.hostname", environment("PGHOST")?),
            ("database.port", environment("PGPORT")?),
            ("database.user", environment("PGUSER")?),
            ("database.password", "none".to_owned()),
            ("database.dbname", DATABASE.to_owned()),
            ("topic.prefix", PREFIX.to_owned()),
            ("poll.interval.ms", "20".to_owned()),
            ("topic.creation.default.partitions", partitions.to_string()),
            ("topic.creation.default.replication.factor", "1".to_owned()),
        ];
        for converter in ["key.converter", "value.converter"] {
            both.push((converter, "org.apache.kafka.connect.json.JsonConverter".to_owned()));
        }
        let mut both: Vec<(String, String)> =
            both.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        both.extend(settings.iter().cloned());
        for (key, value) in &mut both {
            if key == "table.include.list" {
                *value += &format!(",{}", mark_table.replace('.', "\\."));
            }
        }
        let brokers = environment("KAFKA_BROKERS")?;
        let debezium = start_debezium(both.clone(), &brokers, out)?;
        let minicdc = start_minicdc(both, &brokers, out)?;
        let (marks, seen, out) = (0, [0; 2], out.to_owned());
        let mut workers = Self { debezium, minicdc, marks, seen, mark_table, out };
        workers.await_streaming()?;
        Ok(workers)
    }

    fn await_streaming(&mut self) -> Result<()> {
        let sql = "select count(*) from pg_replication_slots s \
                   join pg_stat_replication r on r.pid = s.active_pid \
                   where slot_name ~ '^parity_' and r.state = 'streaming'";
        let start = Instant::now();
        while psql(sql)?.trim() != "2" {
            self.both_run()?;
            if start.elapsed() > PATIENCE {
                bail!("not both stream after {PATIENCE:?}{}", self.logs());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Waits until both have sent everything that is committed now, and returns what they sent.
    pub(crate) fn catch_up(&mut self, reader: &mut Reader) -> Result<Written> {
        // The second mark is there because a producer may send partitions in any order.
        for _ in 0..2 {
            self.marks += 1;
            psql(&format!("insert into {} values ({})", self.mark_table, self.marks))?;
            thread::sleep(Duration::from_millis(100));
        }
        let seen = self.seen;
        let topics = [MARK, ""].map(|mark| format!("{mark}{PREFIX}.{}", self.mark_table));
        let count = |records: &[Record], topic: &str| {
            let marks = records.iter().filter(|record| record.topic == topic).count();
            i64::try_from(marks).unwrap_or(i64::MAX)
        };
        let read = reader.read(PATIENCE, |records| {
            self.both_run()?;
            Ok((0..2).all(|side| seen[side] + count(records, &topics[side]) >= self.marks))
        });
        let records = read.with_context(|| format!("not both caught up{}", self.logs()))?;
        for (seen, topic) in self.seen.iter_mut().zip(&topics) {
            *seen += count(&records, topic);
        }
        let mut written = Written::default();
        for mut record in records {
            if topics.contains(&record.topic) {
                continue;
            }
            match record.topic.strip_prefix(MARK).map(str::to_owned) {
                Some(topic) => {
                    record.topic = topic;
                    written.debezium.push(record);
                }
                None => written.minicdc.push(record),
            }
        }
        Ok(written)
    }

    fn both_run(&mut self) -> Result<()> {
        let failed = fs::read_to_string(self.out.join("debezium.log"))
            .is_ok_and(|log| log.contains("Task is being killed"));
        if failed || self.debezium.try_wait()?.is_some() {
            bail!("Debezium has ended{}", self.logs());
        }
        if self.minicdc.try_wait()?.is_some() {
            bail!("minicdc has ended{}", self.logs());
        }
        Ok(())
    }

    /// Where the logs are, and the last of minicdc's and Debezium's errors.
    fn logs(&self) -> String {
        let tail = |name: &str, wanted: &dyn Fn(&str) -> bool| {
            let log = fs::read_to_string(self.out.join(name)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().filter(|line| wanted(line)).collect();
            lines[lines.len().saturating_sub(6)..].join("\n")
        };
        format!(
            "\nlogs in {}\n{}\n{}",
            self.out.display(),
            tail("debezium.log", &|line| line.contains("Caused by")),
            tail("minicdc.log", &|_| true)
        )
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in [&mut self.debezium, &mut self.minicdc] {
            let _gone = child.kill();
            let _gone = child.wait();
        }
        for slot in SLOTS {
            for _ in 0..100 {
                let sql = format!(
                    "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
                     where slot_name = '{slot}'"
                );
                if psql(&sql).is_ok() {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Where marks are written: in a schema that is captured.
fn mark_table(settings: &[(String, String)]) -> String {
    let listed = settings.iter().rev().find(|(key, _)| key == "schema.include.list");
    let schemas: Vec<&str> = listed.map_or(Vec::new(), |(_, list)| list.split(',').collect());
    let schema =
        if schemas.is_empty() || schemas.contains(&"public") { "public" } else { schemas[0] };
    format!("{schema}.{DONE}")
}

fn start_debezium(mut settings: Vec<(String, String)>, brokers: &str, out: &Path) -> Result<Child> {
    let chain = settings.iter().rev().find(|(key, _)| key == "transforms");
    let chain = chain.map_or("mark".to_owned(), |(_, chain)| format!("{chain},mark"));
    for (key, value) in [
        ("name", "parity"),
        ("slot.name", SLOTS[0]),
        ("transforms", &chain),
        ("transforms.mark.type", "org.apache.kafka.connect.transforms.RegexRouter"),
        ("transforms.mark.regex", "(.*)"),
        ("transforms.mark.replacement", &format!("{MARK}$1")),
    ] {
        settings.push((key.to_owned(), value.to_owned()));
    }
    let work = fs::canonicalize(out)?;
    let worker = format!(
        "bootstrap.servers={brokers}\nlisteners=http://127.0.0.1:0\nplugin.discovery=only_scan\n\
         offset.storage.file.filename={}/debezium.offsets\noffset.flush.interval.ms=1000\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         topic.creation.enable=true\n",
        work.display()
    );
    let _none_yet = fs::remove_file(work.join("debezium.offsets"));
    fs::write(work.join("worker.properties"), worker)?;
    write_properties(&work.join("debezium.properties"), &settings)?;
    let mut java = tied("java");
    java.args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
    java.arg(format!("-Dlog4j2.configurationFile={}", environment("PARITY_LOGGING")?));
    java.args(["-cp", &environment("PARITY_CLASSPATH")?]);
    java.arg("org.apache.kafka.connect.cli.ConnectStandalone");
    java.args([work.join("worker.properties"), work.join("debezium.properties")]);
    start(java, &work.join("debezium.log"))
}

fn start_minicdc(mut settings: Vec<(String, String)>, brokers: &str, out: &Path) -> Result<Child> {
    settings.push(("slot.name".to_owned(), SLOTS[1].to_owned()));
    // No position of an earlier run, whose slot is gone.
    let offsets = format!("minicdc.offsets.{}", std::process::id());
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    settings.push(("offset.storage.topic".to_owned(), format!("{offsets}.{number}")));
    let path = out.join("minicdc.properties");
    write_properties(&path, &settings)?;
    let mut command = tied(environment("PARITY_MINICDC")?);
    for (name, _) in std::env::vars() {
        if ["PG", "DATABASE_", "MINICDC_", "KAFKA_"].iter().any(|known| name.starts_with(known)) {
            command.env_remove(name);
        }
    }
    command.args(["capture", "--brokers", brokers, "--config"]).arg(path);
    start(command, &out.join("minicdc.log"))
}

/// Java's properties: the last value of a key counts, and backslashes are escapes.
fn write_properties(path: &Path, settings: &[(String, String)]) -> Result<()> {
    let mut file = File::create(path)?;
    for (index, (key, value)) in settings.iter().enumerate() {
        if !settings[index + 1..].iter().any(|(later, _)| later == key) {
            writeln!(file, "{key}={}", value.replace('\\', "\\\\"))?;
        }
    }
    Ok(())
}

/// A command that ends when we do.
fn tied(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

fn start(mut command: Command, log: &Path) -> Result<Child> {
    let log = File::create(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {command:?}"))
}

pub(crate) fn environment(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: use scripts/parity.sh"))
}

/// An empty database for the next run.
pub(crate) fn make_database() -> Result<()> {
    let sql =
        format!("drop database if exists {DATABASE} with (force);\ncreate database {DATABASE};");
    let (ok, _, errors) = run_psql("postgres", &sql, true)?;
    if !ok {
        bail!("psql: {errors}");
    }
    Ok(())
}

/// Runs statements up to the first one that fails, and returns what they printed.
pub(crate) fn psql(sql: &str) -> Result<String> {
    let (ok, out, errors) = run_psql(DATABASE, sql, true)?;
    if !ok {
        bail!("psql: {errors}");
    }
    Ok(out)
}

/// Runs statements, whether or not some fail; returns what was said about those.
pub(crate) fn psql_all(sql: &str) -> Result<String> {
    Ok(run_psql(DATABASE, sql, false)?.2)
}

fn run_psql(database: &str, sql: &str, stop: bool) -> Result<(bool, String, String)> {
    let mut command = Command::new("psql");
    command.args([
        "-XqAt",
        "-v",
        &format!("ON_ERROR_STOP={}", u8::from(stop)),
        "-f",
        "-",
        "-d",
        database,
    ]);
    command.env("PGCLIENTENCODING", "UTF8").env("PGOPTIONS", "-c client_min_messages=error");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start psql")?;
    let mut stdin = child.stdin.take().context("psql has no standard input")?;
    let text = sql.to_owned();
    let writer = thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    // It may have ended before it read everything.
    drop(writer.join());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
}
