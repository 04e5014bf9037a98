//! PostgreSQL as the oracle: after each transaction the result of a live query is what PostgreSQL
//! answers to the same statement.
//!
//! Cases come from seeds: `MINICDC_QUERY_SEED=17` runs one of them, `MINICDC_QUERY_CASES` sets how
//! many there are.

use super::model::{Change, Table};
use super::random::Random;
use super::statement::Statements;
use crate::support::postgres::Server;
use minicdc::query::{Discovery, InputRecord, LiveOptions, LiveQuery, Statement, Value};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

const CASES: u64 = 2_000;

/// Cases that use the same tables: making tables takes the longest.
const CASES_PER_TABLES: u64 = 25;

const TRANSACTIONS: usize = 3;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[tokio::test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
async fn result_is_what_postgresql_answers_after_each_transaction() {
    let server = Server::with_conf("fsync = off\nsynchronous_commit = off\nlog_statement = none");
    server.psql("create database oracle template template0 lc_collate 'C' lc_ctype 'C.UTF-8'");
    let (client, connection) = tokio_postgres::connect(&server.url("oracle"), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute("SET timezone = 'UTC'; SET client_min_messages = error").await.unwrap();
    let only = variable("MINICDC_QUERY_SEED");
    let cases = variable("MINICDC_QUERY_CASES").unwrap_or(CASES);
    let mut refused = 0;
    for seed in only.map_or(0..cases, |seed| seed..seed + 1) {
        let group = seed / CASES_PER_TABLES;
        let tables = tables(group);
        if seed % CASES_PER_TABLES == 0 || only.is_some() {
            client.batch_execute("DROP TABLE IF EXISTS t1, t2, t3").await.unwrap();
            let create: String = tables.iter().map(Table::create).collect();
            client.batch_execute(&create).await.unwrap();
        }
        refused += u64::from(!case(seed, &client, tables).await);
    }
    // Statements that fail in PostgreSQL, too: an overflow, mostly.
    assert!(refused * 20 < cases, "{refused} of {cases} statements were of no use");
    drop(client);
    connection.await.unwrap().unwrap();
}

fn tables(group: u64) -> Vec<Table> {
    let mut random = Random::new(1_000_000 + group);
    vec![
        Table::random("t1", true, &mut random),
        Table::random("t2", true, &mut random),
        Table::random("t3", false, &mut random),
    ]
}

/// Runs one case; false when PostgreSQL refused the statement or could not compute it.
async fn case(seed: u64, client: &Client, mut tables: Vec<Table>) -> bool {
    let mut random = Random::new(seed);
    let (sql, is_ordered) = Statements { tables: &tables, random: &mut random }.statement();
    let about = format!("MINICDC_QUERY_SEED={seed}\n{sql}");
    client.batch_execute("DELETE FROM t1; DELETE FROM t2; DELETE FROM t3").await.unwrap();
    if client.batch_execute(&sql).await.is_err() {
        return false;
    }
    let statement = Statement::parse(&sql).unwrap_or_else(|error| panic!("{about}\n{error}"));
    let mut live = start(&statement, &tables).unwrap_or_else(|error| panic!("{about}\n{error}"));
    let mut log = String::new();
    for transaction in 0..TRANSACTIONS {
        let mut text = String::new();
        let mut changes: Vec<Change> = Vec::new();
        let count = if transaction == 0 { 25 } else { 1 + random.below(6) };
        for _ in 0..count {
            let table = random.below(tables.len());
            let (sql, records) = tables[table].change(table, &mut random);
            text.push_str(&sql);
            text.push('\n');
            changes.extend(records);
        }
        log.push_str(&format!("BEGIN;\n{text}COMMIT;\n"));
        let begun = format!("BEGIN;{text}COMMIT");
        client
            .batch_execute(&begun)
            .await
            .unwrap_or_else(|error| panic!("{about}\n{log}{error:?}"));
        let Ok(answer) = client.simple_query(&sql).await else { return false };
        let mut theirs = rows_of(&answer);
        for change in &changes {
            let name = ["t1", "t2", "t3"][change.table];
            let number = statement.tables().iter().position(|table| table.name == name);
            let Some(number) = number else { continue };
            let record = InputRecord {
                key: change.key.as_ref().map(String::as_bytes),
                value: change.value.as_ref().map(String::as_bytes),
            };
            live.read(number, 0, record).unwrap_or_else(|error| panic!("{about}\n{log}{error}"));
        }
        live.flush().unwrap_or_else(|error| panic!("{about}\n{log}{error}"));
        let mut ours: Vec<Vec<String>> = live.rows().map(|row| texts(&live, row)).collect();
        if !is_ordered {
            theirs.sort();
            ours.sort();
        }
        assert_eq!(ours, theirs, "ours, theirs: {about}\n{log}");
    }
    true
}

fn start(statement: &Statement, tables: &[Table]) -> Result<LiveQuery, minicdc::query::QueryError> {
    let discoveries: Vec<Discovery> = statement
        .tables()
        .iter()
        .map(|name| {
            let table = tables.iter().find(|table| table.name == name.name).unwrap();
            let key = table.has_key.then_some(&br#"{"id":1}"#[..]);
            let mut discovery = Discovery::default();
            let value = table.first_record();
            assert!(discovery.look_at(InputRecord { key, value: Some(value.as_bytes()) }));
            discovery
        })
        .collect();
    let options = LiveOptions {
        placeholder: "__debezium_unavailable_value".to_owned(),
        keeps_result: true,
        lateness: None,
    };
    LiveQuery::new(statement, &discoveries, options)
}

fn rows_of(answer: &[SimpleQueryMessage]) -> Vec<Vec<String>> {
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |text: Option<&str>| text.unwrap_or("NULL").to_owned();
    rows.map(|row| (0..row.len()).map(|at| text(row.get(at))).collect()).collect()
}

fn texts(live: &LiveQuery, row: &[Value]) -> Vec<String> {
    let columns = live.columns().iter().zip(row);
    let text = |(column, value): (&minicdc::query::input::Column, &Value)| match value {
        Value::Null => "NULL".to_owned(),
        value => value.to_text(column.ty),
    };
    columns.map(text).collect()
}
