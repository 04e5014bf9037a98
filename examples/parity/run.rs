//! One run: a database, both captures, statements, and what came of them.

use crate::compare::difference;
use crate::kafka::{Reader, Record};
use crate::random::Sequence;
use crate::report::Tally;
use crate::script::{Script, Step};
use crate::workers::{Workers, Written, environment, make_database, psql, psql_all};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What a run of random sequences does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sequences: u64,
    pub(crate) seed: u64,
    pub(crate) batch: u64,
    pub(crate) partitions: u32,
}

/// Runs a script; true when both wrote the same.
pub(crate) fn script(
    path: &Path,
    settings: &[(String, String)],
    partitions: u32,
    out: &Path,
) -> Result<bool> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let script = Script::parse(&text)?;
    let mut all = script.settings;
    all.extend(settings.iter().cloned());
    all.retain(|(key, _)| !key.starts_with("oracle."));
    make_database()?;
    psql(&script.setup)?;
    let mut reader = Reader::connect(&environment("KAFKA_BROKERS")?)?;
    reader.skip_to_end()?;
    let mut workers = Workers::start(&all, partitions, out)?;
    let mut written = Written::default();
    for step in script.steps {
        match step {
            Step::Sql(sql) => drop(psql(&sql)?),
            Step::WaitSeconds(seconds) => thread::sleep(Duration::from_secs_f64(seconds)),
            Step::Sync => written.add(workers.catch_up(&mut reader)?),
        }
    }
    written.add(workers.catch_up(&mut reader)?);
    keep(&written.debezium, &out.join("debezium.jsonl"))?;
    keep(&written.minicdc, &out.join("minicdc.jsonl"))?;
    let mut equal = true;
    for (topic, [debezium, minicdc]) in by_topic(written) {
        if let Some(difference) = difference(&debezium, &minicdc) {
            equal = false;
            println!("{}: {topic}, {difference}", path.display());
        } else {
            println!("{}: {topic}: {} records equal", path.display(), debezium.len());
        }
    }
    Ok(equal)
}

/// Writes records for a look at them.
fn keep(records: &[Record], path: &Path) -> Result<()> {
    let none = || "null".to_owned();
    let lines: String = records
        .iter()
        .map(|record| {
            let (key, value) = (record.key.clone(), record.value.clone());
            let (key, value) = (key.unwrap_or_else(none), value.unwrap_or_else(none));
            let topic = &record.topic;
            format!("{{\"topic\":{topic:?},\"key\":{key},\"value\":{value}}}\n")
        })
        .collect();
    Ok(fs::write(path, lines)?)
}

/// Runs random sequences, batch by batch; true when both wrote the same.
pub(crate) fn random(plan: &Plan, settings: &[(String, String)], out: &Path) -> Result<bool> {
    for (key, value) in settings {
        println!("{key}={value}");
    }
    make_database()?;
    psql(crate::random::SHARED)?;
    let mut reader = Reader::connect(&environment("KAFKA_BROKERS")?)?;
    reader.skip_to_end()?;
    let mut tally = Tally::default();
    let mut workers = None;
    let mut errors = String::new();
    let seeds: Vec<u64> = (plan.seed..plan.seed.saturating_add(plan.sequences)).collect();
    for batch in seeds.chunks(usize::try_from(plan.batch)?) {
        let sequences: Vec<Sequence> =
            (0..).zip(batch).map(|(place, &seed)| Sequence::new(seed, place)).collect();
        // Rows of the first phase of the first batch are what the snapshot reads.
        let mut written = Written::default();
        let phases = sequences.iter().map(|sequence| sequence.phases.len()).max().unwrap_or(0);
        for phase in 0..phases {
            let mut sql = String::new();
            for sequence in &sequences {
                if let Some(statements) = sequence.phases.get(phase) {
                    sql.push_str(&format!("\\echo -- seed {}\n{statements}", sequence.seed));
                }
            }
            // Kept for the case that one of both does not survive it.
            fs::write(out.join("statements.sql"), &sql)?;
            errors.push_str(&psql_all(&sql)?);
            let workers = match &mut workers {
                Some(workers) => workers,
                none => none.insert(Workers::start(settings, plan.partitions, out)?),
            };
            written.add(workers.catch_up(&mut reader)?);
        }
        judge(&sequences, written, &mut tally, out)?;
        psql_all(&sequences.iter().map(Sequence::clean_up).collect::<String>())?;
        println!("{} sequences, {} different", tally.sequences, tally.different);
    }
    fs::write(out.join("psql-errors.txt"), errors)?;
    tally.print();
    Ok(tally.different == 0)
}

fn judge(sequences: &[Sequence], written: Written, tally: &mut Tally, out: &Path) -> Result<()> {
    let mut rest = by_topic(written);
    for sequence in sequences {
        let mine: Vec<String> = rest.keys().filter(|topic| sequence.owns(topic)).cloned().collect();
        let (mut equal, mut records) = (true, 0);
        for topic in mine {
            let [debezium, minicdc] = rest.remove(&topic).unwrap_or_default();
            records += debezium.len();
            if let Some(difference) = difference(&debezium, &minicdc) {
                if equal {
                    let file = out.join(format!("seed-{}.sql", sequence.seed));
                    fs::write(&file, sequence.script())?;
                    println!("seed {}: {topic}, {difference}", sequence.seed);
                    println!("  statements in {}", file.display());
                }
                equal = false;
            }
        }
        tally.count(equal, records, &sequence.families);
    }
    for (topic, [debezium, minicdc]) in rest {
        let found = difference(&debezium, &minicdc);
        if let Some(difference) = &found {
            println!("{topic}, {difference}");
        }
        tally.count(found.is_none(), debezium.len(), &["(topics of all)"]);
    }
    Ok(())
}

impl Written {
    fn add(&mut self, more: Self) {
        self.debezium.extend(more.debezium);
        self.minicdc.extend(more.minicdc);
    }
}

/// Records of each topic and partition, in their order. Without a key, the partition is chance.
fn by_topic(written: Written) -> BTreeMap<String, [Vec<Record>; 2]> {
    let mut topics: BTreeMap<String, [Vec<Record>; 2]> = BTreeMap::new();
    for (side, records) in [written.debezium, written.minicdc].into_iter().enumerate() {
        for record in records {
            let name = match (&record.key, record.partition) {
                (Some(_), 1..) => format!("{} [{}]", record.topic, record.partition),
                _ => record.topic.clone(),
            };
            topics.entry(name).or_default()[side].push(record);
        }
    }
    topics
}
