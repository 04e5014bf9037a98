//! Settings that shape rows and keys, from a real server to standard output.

use crate::support::minicdc;
use crate::support::postgres::Server;
use serde_json::{Value, json};

/// Topic, key and `after` of each record of a snapshot.
fn snapshot(server: &Server, settings: &[&str]) -> Vec<(String, Value, Value)> {
    let url = server.url("postgres");
    let mut arguments = vec!["capture", "--sink", "stdout", "--database-url", &url];
    arguments.extend(["--set", "snapshot.mode=initial_only"]);
    arguments.extend(["--set", "key.converter.schemas.enable=false"]);
    arguments.extend(["--set", "value.converter.schemas.enable=false"]);
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let finished = minicdc::run(&arguments).success();
    let record = |line: &String| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let topic = record["topic"].as_str().unwrap().to_owned();
        (topic, record["key"].take(), record["value"]["after"].take())
    };
    finished.stdout.iter().map(record).collect()
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn snapshot_reads_chosen_tables_columns_and_rows() {
    let server = Server::start();
    server.psql(
        "create table t(id int primary key, name text not null, note varchar(8), n int);
         insert into t values (1, 'Anna', 'long one', 5), (2, 'Bob', null, 6), (3, 'Cy', 'x', 7);
         create table other(id int primary key); insert into other values (1)",
    );
    // A role that may not read a column can leave it out.
    server.psql("create role reader login; grant select(id, name, note) on t to reader");
    let records = snapshot(
        &server,
        &[
            "database.user=reader",
            "topic.prefix=p",
            "column.exclude.list=public.t.n",
            "message.key.columns=public.t:name",
            "column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K=public.t.note",
            "column.truncate.to.2.chars=public.t.name",
            "snapshot.include.collection.list=public.t",
            "snapshot.select.statement.overrides=public.t",
            "snapshot.select.statement.overrides.public.t=\
             select note, name, id from t where id < 3 order by id desc -- the first two",
        ],
    );
    // The hash is `printf 'CzQMA0cB5Klong one' | sha256sum`, cut to the length of the column.
    let expected = [
        ("p.public.t", json!({"name": "Bob"}), json!({"id": 2, "name": "Bo", "note": null})),
        ("p.public.t", json!({"name": "Anna"}), json!({"id": 1, "name": "An", "note": "48acd639"})),
    ];
    let expected = expected.map(|(topic, key, after)| (topic.to_owned(), key, after));
    assert_eq!(records, expected);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn columns_that_a_select_leaves_out_are_null() {
    let server = Server::start();
    server.psql(
        "create table t(id int primary key, v text, w text); insert into t values (1, 'v', 'w')",
    );
    let records = snapshot(
        &server,
        &[
            "snapshot.select.statement.overrides=public.t",
            "snapshot.select.statement.overrides.public.t=select w, id, 1 as more from public.t;",
        ],
    );
    let (_, key, after) = &records[0];
    assert_eq!((key, after), (&json!({"id": 1}), &json!({"id": 1, "v": null, "w": "w"})));
}
