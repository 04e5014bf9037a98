//! A model of the change stream: random tables, statements that change them, and the records that
//! Debezium would write for these.

use super::random::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// The types that columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ty {
    Int2,
    Int4,
    Int8,
    /// `numeric(10,2)`
    Fixed,
    /// `numeric` with three digits behind the point.
    Free,
    Float8,
    Text,
    Bool,
    Date,
    Timestamp,
    TimestampTz,
}

pub(super) const TYPES: [Ty; 11] = [
    Ty::Int2,
    Ty::Int4,
    Ty::Int8,
    Ty::Fixed,
    Ty::Free,
    Ty::Float8,
    Ty::Text,
    Ty::Bool,
    Ty::Date,
    Ty::Timestamp,
    Ty::TimestampTz,
];

impl Ty {
    pub(super) const fn sql(self) -> &'static str {
        match self {
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Fixed => "numeric(10,2)",
            Self::Free => "numeric",
            Self::Float8 => "double precision",
            Self::Text => "text",
            Self::Bool => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::Int2 => r#""type":"int16""#,
            Self::Int4 => r#""type":"int32""#,
            Self::Int8 => r#""type":"int64""#,
            Self::Fixed => {
                r#""type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}"#
            }
            Self::Free => {
                r#""type":"struct","name":"io.debezium.data.VariableScaleDecimal","fields":[]"#
            }
            Self::Float8 => r#""type":"double""#,
            Self::Text => r#""type":"string""#,
            Self::Bool => r#""type":"boolean""#,
            Self::Date => r#""type":"int32","name":"io.debezium.time.Date""#,
            Self::Timestamp => r#""type":"int64","name":"io.debezium.time.MicroTimestamp""#,
            Self::TimestampTz => r#""type":"string","name":"io.debezium.time.ZonedTimestamp""#,
        }
    }

    /// A value: a small number that each type spells in its own way.
    fn value(self, random: &mut Random) -> Option<i64> {
        if random.chance(12) {
            return None;
        }
        Some(match self {
            Self::Int2 | Self::Int4 | Self::Int8 => random.between(-5, 12),
            Self::Fixed => random.between(-3_000, 9_000),
            Self::Free => random.between(-20_000, 50_000),
            Self::Float8 => random.between(-40, 200),
            Self::Text => random.between(0, 19),
            Self::Bool => random.between(0, 1),
            Self::Date => random.between(19_700, 19_740),
            Self::Timestamp | Self::TimestampTz => random.between(0, 400),
        })
    }

    fn sql_value(self, value: Option<i64>) -> String {
        let Some(value) = value else { return "NULL".to_owned() };
        match self {
            Self::Int2 | Self::Int4 | Self::Int8 => value.to_string(),
            Self::Fixed => decimal(value, 2),
            Self::Free => decimal(value, 3),
            // Quarters, so that every sum is exact.
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            Self::Float8 => format!("'{}'", value as f64 / 4.0),
            Self::Text => format!("'{}'", text(value)),
            Self::Bool => (value == 1).to_string(),
            Self::Date => format!("date '1970-01-01' + {value}"),
            Self::Timestamp => {
                format!("timestamp '2024-02-27 22:00' + {value} * interval '00:17:01.5'")
            }
            Self::TimestampTz => {
                format!("timestamptz '2024-02-27 22:00Z' + {value} * interval '00:17:01.5'")
            }
        }
    }

    fn json(self, value: Option<i64>) -> String {
        let Some(value) = value else { return "null".to_owned() };
        const START: i64 = 1_709_071_200_000_000;
        let base64 = |value: i64| {
            let bytes = value.to_be_bytes();
            let significant = bytes.windows(2).position(|pair| {
                !(pair[0] == 0 && pair[1] < 0x80 || pair[0] == 0xff && pair[1] >= 0x80)
            });
            STANDARD.encode(&bytes[significant.unwrap_or(7)..])
        };
        match self {
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Date => value.to_string(),
            Self::Fixed => format!("\"{}\"", base64(value)),
            Self::Free => format!(r#"{{"scale":3,"value":"{}"}}"#, base64(value)),
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            Self::Float8 => format!("{:?}", value as f64 / 4.0),
            Self::Text => serde_json::Value::from(text(value)).to_string(),
            Self::Bool => (value == 1).to_string(),
            Self::Timestamp => (START + value * 1_021_500_000).to_string(),
            Self::TimestampTz => {
                let time = jiff::Timestamp::from_microsecond(START + value * 1_021_500_000);
                format!("\"{}\"", time.unwrap())
            }
        }
    }
}

fn decimal(value: i64, scale: usize) -> String {
    let digits = format!("{:0>width$}", value.abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

fn text(value: i64) -> &'static str {
    const WORDS: [&str; 20] = [
        "",
        "a",
        "A",
        "ab",
        "abc",
        "b",
        "B_b",
        "50%",
        "x,y,z",
        " pad ",
        "bolt",
        "nut",
        "washer",
        "Z",
        "z",
        "a b c",
        "back\\slash",
        "quote\"d",
        "new\tline",
        "longer text than the others",
    ];
    WORDS[usize::try_from(value).unwrap()]
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) ty: Ty,
}

type Values = Vec<Option<i64>>;

/// A table and its rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The first one is the key, if the table has one.
    pub(super) columns: Vec<Column>,
    pub(super) has_key: bool,
    rows: BTreeMap<i64, Values>,
    next: i64,
}

/// A record of a table.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) table: usize,
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
}

impl Table {
    pub(super) fn random(name: &'static str, has_key: bool, random: &mut Random) -> Self {
        let mut columns = Vec::new();
        if has_key {
            let ty = random.choose(&[Ty::Int4, Ty::Int8]);
            columns.push(Column { name: "id".to_owned(), ty });
        }
        // What tables are joined by.
        columns.push(Column {
            name: "k".to_owned(),
            ty: random.choose(&[Ty::Int4, Ty::Int8, Ty::Int2]),
        });
        for number in 0..=random.below(5) {
            let ty = random.choose(&TYPES);
            columns.push(Column { name: format!("c{number}"), ty });
        }
        Self { name, columns, has_key, rows: BTreeMap::new(), next: 1 }
    }

    pub(super) fn create(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|c| format!("{} {}", c.name, c.ty.sql())).collect();
        let key = if self.has_key { ", PRIMARY KEY (id)" } else { "" };
        format!("CREATE TABLE {} ({}{key});", self.name, columns.join(", "))
    }

    fn row_json(&self, row: &Values) -> String {
        let members = self.columns.iter().zip(row);
        let members = members
            .map(|(column, value)| format!("\"{}\":{}", column.name, column.ty.json(*value)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    /// A record with its schema.
    fn record(&self, op: char, before: Option<&Values>, after: Option<&Values>) -> String {
        let fields: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                format!(
                    "{{{},\"optional\":true,\"field\":\"{}\"}}",
                    column.ty.schema(),
                    column.name
                )
            })
            .collect();
        let row = |name: &str| {
            format!(
                r#"{{"type":"struct","fields":[{}],"optional":true,"field":"{name}"}}"#,
                fields.join(",")
            )
        };
        let json =
            |row: Option<&Values>| row.map_or_else(|| "null".to_owned(), |row| self.row_json(row));
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{},{},{{"type":"string","field":"op"}}],"optional":false}},"payload":{{"before":{},"after":{},"source":{{"ts_ms":1}},"op":"{op}"}}}}"#,
            row("before"),
            row("after"),
            json(before),
            json(after),
        )
    }

    fn random_row(&self, random: &mut Random) -> Values {
        let mut row: Values = self.columns.iter().map(|column| column.ty.value(random)).collect();
        // Few keys, so that many rows meet.
        row[usize::from(self.has_key)] =
            if random.chance(10) { None } else { Some(random.between(1, 6)) };
        row
    }

    fn key(&self, id: i64) -> Option<String> {
        self.has_key.then(|| format!(r#"{{"id":{id}}}"#))
    }

    fn where_row(&self, row: &Values) -> String {
        let conditions = self.columns.iter().zip(row).map(|(column, value)| {
            format!("{} IS NOT DISTINCT FROM {}", column.name, column.ty.sql_value(*value))
        });
        // Of equal rows one.
        format!(
            "ctid = (SELECT min(ctid) FROM {} WHERE {})",
            self.name,
            conditions.collect::<Vec<_>>().join(" AND ")
        )
    }

    /// Changes the table in some way: the statement, and the records of it.
    pub(super) fn change(&mut self, number: usize, random: &mut Random) -> (String, Vec<Change>) {
        let change = |key, value| Change { table: number, key, value };
        let some: Option<i64> = if self.rows.is_empty() {
            None
        } else {
            let keys: Vec<i64> = self.rows.keys().copied().collect();
            Some(random.choose(&keys))
        };
        match (random.below(100), some) {
            (0..55, _) | (_, None) => {
                let id = self.next;
                self.next += 1;
                let row = self.with_id(self.random_row(random), id);
                let values: Vec<String> =
                    self.columns.iter().zip(&row).map(|(c, v)| c.ty.sql_value(*v)).collect();
                let sql = format!("INSERT INTO {} VALUES ({});", self.name, values.join(", "));
                let op = if random.chance(20) { 'r' } else { 'c' };
                let record = self.record(op, None, Some(&row));
                self.rows.insert(id, row);
                (sql, vec![change(self.key(id), Some(record))])
            }
            (55..80, Some(id)) => {
                let old = self.rows[&id].clone();
                let mut row = self.with_id(self.random_row(random), id);
                for (at, value) in old.iter().enumerate() {
                    if random.chance(60) {
                        row[at] = *value;
                    }
                }
                let place = if self.has_key { format!("id = {id}") } else { self.where_row(&old) };
                let sets: Vec<String> = self
                    .columns
                    .iter()
                    .zip(&row)
                    .map(|(c, v)| format!("{} = {}", c.name, c.ty.sql_value(*v)))
                    .collect();
                let sql = format!("UPDATE {} SET {} WHERE {place};", self.name, sets.join(", "));
                // Without REPLICA IDENTITY FULL there is no old row.
                let before = (!self.has_key || random.chance(30)).then_some(&old);
                let record = self.record('u', before, Some(&row));
                self.rows.insert(id, row);
                (sql, vec![change(self.key(id), Some(record))])
            }
            (80..87, Some(id)) if self.has_key => {
                // Another key: a delete with its tombstone, and an insert.
                let new = self.next;
                self.next += 1;
                let old = self.rows.remove(&id).unwrap();
                let row = self.with_id(old.clone(), new);
                let sql = format!("UPDATE {} SET id = {new} WHERE id = {id};", self.name);
                let gone = self.record('d', Some(&old), None);
                let come = self.record('c', None, Some(&row));
                self.rows.insert(new, row);
                let records = vec![
                    change(self.key(id), Some(gone)),
                    change(self.key(id), None),
                    change(self.key(new), Some(come)),
                ];
                (sql, records)
            }
            (98.., Some(_)) => {
                self.rows.clear();
                let record = self.record('t', None, None);
                (format!("TRUNCATE {};", self.name), vec![change(None, Some(record))])
            }
            (_, Some(id)) => {
                let old = self.rows.remove(&id).unwrap();
                let place = if self.has_key { format!("id = {id}") } else { self.where_row(&old) };
                let sql = format!("DELETE FROM {} WHERE {place};", self.name);
                let mut records =
                    vec![change(self.key(id), Some(self.record('d', Some(&old), None)))];
                if self.has_key {
                    records.push(change(self.key(id), None));
                }
                // Delivered at least once.
                if self.has_key && random.chance(20) {
                    records.extend(records.clone());
                }
                (sql, records)
            }
        }
    }

    fn with_id(&self, mut row: Values, id: i64) -> Values {
        if self.has_key {
            row[0] = Some(id);
        }
        row
    }

    /// A record that shows the columns, as a snapshot of an empty table would not.
    pub(super) fn first_record(&self) -> String {
        let nulls: Values = vec![None; self.columns.len()];
        self.record('c', None, Some(&nulls))
    }
}
