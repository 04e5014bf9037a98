//! Random sequences of statements, each of its own seed.
//!
//! A sequence has tables of its own and up to three phases. Between two phases both captures catch
//! up, because what Debezium knows of keys, defaults and NOT NULL comes from the catalogue at the
//! time of reading; changes to tables and the rows behind them are in one phase, never more rows
//! of the old shape than have been read.

mod kinds;
mod rng;
mod table;

pub(crate) use kinds::Kind;

use rng::Rng;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use table::Table;

/// What all sequences use.
pub(crate) const SHARED: &str = "\
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad','ok','ha,ppy','quo\"te');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN dd AS posint;
CREATE DOMAIN email AS varchar(50) NOT NULL DEFAULT 'a@b';
CREATE DOMAIN money2 AS numeric(8,3);
CREATE TYPE comp AS (a int, b text);
CREATE TYPE floatrange AS RANGE (subtype = float8);
";

/// One sequence.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) seed: u64,
    /// Statements, phase by phase.
    pub(crate) phases: Vec<String>,
    /// What is in it: families of types, and kinds of statements.
    pub(crate) families: BTreeSet<&'static str>,
    /// In front of the names of its tables; the same in each batch.
    name: String,
    tables: usize,
}

impl Sequence {
    /// `place` tells sequences apart that run side by side.
    pub(crate) fn new(seed: u64, place: usize) -> Self {
        let mut rng = Rng::new(seed);
        let name = format!("t{place}x");
        let mut sequence = Self {
            seed,
            phases: Vec::new(),
            families: BTreeSet::new(),
            tables: 1 + rng.below(2),
            name,
        };
        let mut tables = Vec::new();
        let mut sql = String::new();
        for index in 0..sequence.tables {
            let table = Table::new(&sequence.table_name(index), &mut rng, &mut sequence.families);
            let _infallible = writeln!(sql, "{}", table.create());
            tables.push(table);
        }
        sequence.rows(&mut sql, &mut tables, &mut rng);
        sequence.phases.push(sql);
        for _ in 0..rng.below(3) {
            let mut sql = String::new();
            for table in &mut tables {
                if rng.one_in(2) {
                    let change = table.change(&mut rng, &mut sequence.families);
                    let _infallible = writeln!(sql, "{change}");
                }
            }
            sequence.rows(&mut sql, &mut tables, &mut rng);
            sequence.phases.push(sql);
        }
        sequence
    }

    fn table_name(&self, index: usize) -> String {
        format!("{}{}", self.name, ["a", "b"][index])
    }

    /// Statements on rows, in transactions of every shape.
    fn rows(&mut self, sql: &mut String, tables: &mut [Table], rng: &mut Rng) {
        for _ in 0..2 + rng.below(4) {
            let shape = rng.below(6);
            let end = match shape {
                0..=2 => "",
                3 => {
                    self.families.insert("(rollback)");
                    "ROLLBACK;"
                }
                _ => "COMMIT;",
            };
            if !end.is_empty() {
                sql.push_str("BEGIN;\n");
            }
            for part in 0..1 + rng.below(4) {
                let savepoint = !end.is_empty() && part > 0 && rng.one_in(3);
                if savepoint {
                    self.families.insert("(savepoint)");
                    sql.push_str("SAVEPOINT s;\n");
                }
                let place = rng.below(tables.len());
                if let Some(table) = tables.get_mut(place) {
                    let statement = table.statement(rng, &mut self.families);
                    let _infallible = writeln!(sql, "{statement}");
                }
                if savepoint {
                    let back = ["ROLLBACK TO s;\n", "RELEASE s;\n"];
                    sql.push_str(back[rng.below(2)]);
                }
            }
            sql.push_str(end);
            sql.push('\n');
        }
    }

    /// Whether a topic is one of its tables'.
    pub(crate) fn owns(&self, topic: &str) -> bool {
        topic.split('.').any(|part| part.starts_with(&self.name))
    }

    pub(crate) fn clean_up(&self) -> String {
        (0..self.tables)
            .map(|index| {
                let table = self.table_name(index);
                format!("DROP TABLE IF EXISTS {table}, {table}r;\n")
            })
            .collect()
    }

    /// All of it as a script of its own.
    pub(crate) fn script(&self) -> String {
        let phases = self.phases.join("-- sync\n");
        format!("-- seed {}\n{SHARED}\n-- stream\n{phases}", self.seed)
    }
}

/// Settings that change what records hold.
pub(crate) fn settings(seed: u64) -> Vec<(String, String)> {
    const DRAWN: &[(&str, &[&str])] = &[
        ("decimal.handling.mode", &["precise", "double", "string"]),
        (
            "time.precision.mode",
            &[
                "adaptive",
                "adaptive_time_microseconds",
                "connect",
                "isostring",
                "microseconds",
                "nanoseconds",
            ],
        ),
        ("binary.handling.mode", &["bytes", "base64", "base64-url-safe", "hex"]),
        ("hstore.handling.mode", &["json", "map"]),
        ("interval.handling.mode", &["numeric", "string"]),
        ("include.unknown.datatypes", &["false", "true"]),
        ("provide.transaction.metadata", &["false", "true"]),
        ("tombstones.on.delete", &["true", "false"]),
        ("skipped.operations", &["t", "none", "u", "t,d"]),
        ("value.converter.schemas.enable", &["true", "true", "false"]),
        ("key.converter.schemas.enable", &["true", "false"]),
        ("schema.name.adjustment.mode", &["none", "avro", "avro_unicode"]),
        ("field.name.adjustment.mode", &["none", "none", "avro", "avro_unicode"]),
        ("extended.headers.enabled", &["true", "true", "false"]),
        ("unavailable.value.placeholder", &["__debezium_unavailable_value", "hex:cafe", "gone"]),
        ("skip.messages.without.change", &["false", "false", "true"]),
    ];
    const MORE: &[(&str, &str)] = &[
        ("column.propagate.source.type", ".*"),
        ("datatype.propagate.source.type", ".*\\.(varchar|numeric|int4)"),
        ("column.mask.with.5.chars", "public\\..*\\.c1.*"),
        ("column.truncate.to.3.chars", "public\\..*\\.c2.*"),
        ("column.mask.hash.v2.SHA-256.with.salt.pepper", "public\\..*\\.c3.*"),
        ("column.mask.hash.MD5.with.salt.pepper", "public\\..*\\.c4.*"),
        ("column.exclude.list", "public\\..*\\.c3.*"),
        ("message.key.columns", "public\\.t.*a:id"),
    ];
    let mut rng = Rng::new(seed ^ 0x5e77);
    let mut settings: Vec<(String, String)> = DRAWN
        .iter()
        .map(|(key, values)| ((*key).to_owned(), (*rng.pick(values)).to_owned()))
        .collect();
    for (key, value) in MORE {
        if rng.one_in(4) {
            settings.push(((*key).to_owned(), (*value).to_owned()));
        }
    }
    settings
}
