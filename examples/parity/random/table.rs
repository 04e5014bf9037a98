//! A table of a sequence: how it is made and changed, and statements on its rows.

use super::Kind;
use super::kinds::KINDS;
use super::rng::Rng;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What a table is at a point of the sequence.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    columns: Vec<Column>,
    /// Behind the columns when it is made.
    key: String,
    identity: &'static str,
    /// How many columns it had, so that names are not used again.
    made: usize,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: &'static Kind,
    rest: String,
}

/// How many ids rows have; few, so that statements meet.
const IDS: usize = 25;

type Families = BTreeSet<&'static str>;

impl Table {
    pub(super) fn new(name: &str, rng: &mut Rng, families: &mut Families) -> Self {
        let mut table = Self {
            name: name.to_owned(),
            columns: Vec::new(),
            key: String::new(),
            identity: "",
            made: 0,
        };
        for _ in 0..2 + rng.below(6) {
            let column = table.new_column(rng, families);
            table.columns.push(column);
        }
        let other = table.columns.iter().find(|column| column.kind.keyable());
        let other = other.map(|column| column.name.clone());
        table.key = match (rng.below(8), other) {
            (0, _) => String::new(),
            (1, _) => ", UNIQUE (id)".to_owned(),
            (2, Some(other)) => format!(", PRIMARY KEY ({other}, id)"),
            (3, Some(other)) => format!(", UNIQUE ({other}), PRIMARY KEY (id)"),
            _ => ", PRIMARY KEY (id)".to_owned(),
        };
        table.identity = match rng.below(8) {
            0..=2 => "FULL",
            3 => "NOTHING",
            _ if table.key.is_empty() || table.key.starts_with(", UNIQUE (id)") => "FULL",
            _ => "DEFAULT",
        };
        families.insert(match (table.key.is_empty(), table.identity) {
            (true, _) => "(no key)",
            (_, "FULL") => "(identity full)",
            (_, "NOTHING") => "(identity nothing)",
            _ => "(identity default)",
        });
        table
    }

    fn new_column(&mut self, rng: &mut Rng, families: &mut Families) -> Column {
        let kind = rng.pick(KINDS);
        families.insert(kind.family);
        let mut rest = String::new();
        if rng.one_in(4) {
            let _infallible = write!(rest, " DEFAULT {}::{}", kind.value(rng), kind.sql);
            if rng.one_in(2) && kind.converts_always() {
                rest.push_str(" NOT NULL");
            }
            families.insert("(column default)");
        }
        const NAMES: [&str; 8] = ["", "", "", "", "", " x", "É", "-y"];
        let name = format!("c{}{}", self.made, rng.pick(&NAMES));
        self.made += 1;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Column { name: if plain { name } else { format!("\"{name}\"") }, kind, rest }
    }

    pub(super) fn create(&self) -> String {
        let mut sql = format!("CREATE TABLE {} (id int", self.name);
        for column in &self.columns {
            let _infallible = write!(sql, ", {} {}{}", column.name, column.kind.sql, column.rest);
        }
        let _infallible = write!(sql, "{});", self.key);
        if self.identity != "DEFAULT" {
            let (name, identity) = (&self.name, self.identity);
            let _infallible = write!(sql, " ALTER TABLE {name} REPLICA IDENTITY {identity};");
        }
        sql
    }

    /// A statement on rows.
    pub(super) fn statement(&mut self, rng: &mut Rng, families: &mut Families) -> String {
        let name = &self.name;
        match rng.below(13) {
            0..=4 => self.insert(rng, families),
            5..=7 => {
                let Some(column) = self.column(rng) else { return self.insert(rng, families) };
                let value = self.value(column, rng, families);
                families.insert("(update)");
                let (column, id) = (&column.name, rng.below(IDS));
                format!("UPDATE {name} SET {column} = {value} WHERE id = {id};")
            }
            8 => {
                families.insert("(key change)");
                let (from, to) = (rng.below(IDS), rng.below(IDS));
                format!("UPDATE {name} SET id = {to} WHERE id = {from};")
            }
            9 => {
                families.insert("(delete)");
                format!("DELETE FROM {name} WHERE id % 3 = {};", rng.below(3))
            }
            10 if rng.one_in(3) => {
                families.insert("(truncate)");
                format!("TRUNCATE {name};")
            }
            10 if rng.one_in(2) => {
                families.insert("(copy of rows)");
                format!("INSERT INTO {name} SELECT * FROM {name} WHERE id < 3;")
            }
            11 if rng.one_in(2) => {
                families.insert("(logical message)");
                let transactional = rng.one_in(2);
                format!("SELECT pg_logical_emit_message({transactional}, 'p', '{name} é');")
            }
            _ => {
                families.insert("(update without change)");
                format!("UPDATE {name} SET id = id WHERE id < {};", rng.below(12))
            }
        }
    }

    fn column(&self, rng: &mut Rng) -> Option<&Column> {
        (!self.columns.is_empty()).then(|| rng.pick(&self.columns))
    }

    fn insert(&self, rng: &mut Rng, families: &mut Families) -> String {
        families.insert("(insert)");
        let mut sql = format!("INSERT INTO {} VALUES ", self.name);
        for row in 0..1 + rng.below(3) {
            let _infallible = write!(sql, "{}({}", if row > 0 { ", " } else { "" }, rng.below(IDS));
            for column in &self.columns {
                let _infallible = write!(sql, ", {}", self.value(column, rng, families));
            }
            sql.push(')');
        }
        sql + ";"
    }

    fn value(&self, column: &Column, rng: &mut Rng, families: &mut Families) -> String {
        if rng.one_in(6) {
            return if column.rest.contains("NOT NULL") { "DEFAULT" } else { "NULL" }.to_owned();
        }
        // So long that it is stored out of line, and an update of others leaves it out.
        let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)";
        if rng.one_in(4) {
            let toast = match column.kind.sql {
                "text" | "varchar" | "citext" => long.to_owned(),
                "bytea" => format!("decode({long}, 'hex')"),
                "json" | "jsonb" => format!("to_json({long})::text::{}", column.kind.sql),
                "text[]" => format!("ARRAY[{long}, NULL, {long}]"),
                "int[]" => "ARRAY(SELECT i * 7919 FROM generate_series(1, 3000) i)".to_owned(),
                "bigint[]" => {
                    "ARRAY(SELECT i::bigint * 10000000019 FROM generate_series(1, 3000) i)".into()
                }
                "uuid[]" => {
                    "ARRAY(SELECT md5(i::text)::uuid FROM generate_series(1, 400) i)".to_owned()
                }
                "hstore" => format!("hstore('k', {long})"),
                _ => return column.kind.value(rng),
            };
            families.insert("(toast)");
            return toast;
        }
        column.kind.value(rng)
    }

    /// A change to the table itself.
    pub(super) fn change(&mut self, rng: &mut Rng, families: &mut Families) -> String {
        let name = self.name.clone();
        let alter = format!("ALTER TABLE {name}");
        match rng.below(13) {
            0 | 1 => {
                families.insert("(add column)");
                let column = self.new_column(rng, families);
                let sql = format!(
                    "{alter} ADD COLUMN {} {}{};",
                    column.name, column.kind.sql, column.rest
                );
                self.columns.push(column);
                sql
            }
            2 if self.columns.len() > 1 => {
                families.insert("(drop column)");
                // A key that the column is part of goes with it.
                let column = self.columns.remove(rng.below(self.columns.len()));
                format!("{alter} DROP COLUMN {};", column.name)
            }
            3 if !self.columns.is_empty() => {
                families.insert("(rename column)");
                let place = rng.below(self.columns.len());
                let new = format!("c{}", self.made);
                self.made += 1;
                let old = std::mem::replace(&mut self.columns[place].name, new.clone());
                format!("{alter} RENAME COLUMN {old} TO {new};")
            }
            4 if !self.columns.is_empty() => {
                families.insert("(change type)");
                let place = rng.below(self.columns.len());
                let kind = rng.pick(KINDS);
                families.insert(kind.family);
                let column = &mut self.columns[place];
                (column.kind, column.rest) = (kind, String::new());
                let column = column.name.clone();
                // Dropped and added would change the order, too.
                format!(
                    "{alter} ALTER COLUMN {column} DROP NOT NULL; \
                     {alter} ALTER COLUMN {column} DROP DEFAULT, \
                     ALTER COLUMN {column} TYPE {} USING NULL;",
                    kind.sql
                )
            }
            5 if !self.columns.is_empty() => {
                families.insert("(change default)");
                let column = rng.pick(&self.columns);
                let value = column.kind.value(rng);
                let name = &column.name;
                format!("{alter} ALTER COLUMN {name} SET DEFAULT {value};")
            }
            6 => {
                families.insert("(change key)");
                let other = self.columns.iter().find(|column| column.kind.keyable());
                let keys = other.map_or("id".to_owned(), |column| format!("id, {}", column.name));
                format!(
                    "{alter} DROP CONSTRAINT IF EXISTS {name}_pkey; {alter} ADD PRIMARY KEY ({keys});"
                )
            }
            7 => {
                families.insert("(drop key)");
                format!(
                    "{alter} REPLICA IDENTITY FULL; {alter} DROP CONSTRAINT IF EXISTS {name}_pkey;"
                )
            }
            8 => {
                families.insert("(change identity)");
                let identity = *rng.pick(&["FULL", "DEFAULT", "NOTHING"]);
                format!("{alter} REPLICA IDENTITY {identity};")
            }
            9 => {
                families.insert("(rename table)");
                self.name =
                    name.strip_suffix('r').map_or_else(|| format!("{name}r"), str::to_owned);
                format!("{alter} RENAME TO {};", self.name)
            }
            10 => {
                families.insert("(drop and create table)");
                *self = Self::new(&name, rng, families);
                format!("DROP TABLE {name}; {}", self.create())
            }
            11 => {
                families.insert("(rolled back change)");
                let row = self.insert(rng, families);
                format!("BEGIN; {alter} ADD COLUMN rolled int DEFAULT 3; {row} ROLLBACK;")
            }
            _ => {
                families.insert("(change inside of a transaction)");
                let before = self.insert(rng, families);
                let column = self.new_column(rng, families);
                let add = format!("ADD COLUMN {} {}{}", column.name, column.kind.sql, column.rest);
                self.columns.push(column);
                let after = self.insert(rng, families);
                format!("BEGIN; {before} {alter} {add}; {after} COMMIT;")
            }
        }
    }
}
