//! What is loaded where: order, modes, keys, sequences.

use super::{Case, lines, shop};
use crate::support::minicdc::Minicdc;
use crate::support::unique;

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn shop_loads_from_data_into_typed_tables_with_keys_in_foreign_key_order() {
    let case = Case::new();
    let mut command = case.command(&[]);
    // No DIR means data/.
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let finished = Minicdc::spawn(command).finish().success();
    assert_eq!(
        lines(&finished),
        [
            vec!["customers", "300 rows", "3 columns"],
            vec!["products", "40 rows", "3 columns"],
            vec!["orders", "1,200 rows", "4 columns"],
            vec!["ran migration 0001_shop_tables"],
        ]
    );
    assert_eq!(
        case.psql(
            "select conrelid::regclass || ' ' || pg_get_constraintdef(oid) from pg_constraint
             where contype in ('p', 'f') and conrelid::regclass::text in ('customers', 'products', 'orders')
             order by 1"
        ),
        "customers PRIMARY KEY (id)\n\
         orders FOREIGN KEY (customer_id) REFERENCES customers(id)\n\
         orders FOREIGN KEY (product_id) REFERENCES products(id)\n\
         orders PRIMARY KEY (id)\n\
         products PRIMARY KEY (id)"
    );
    assert_eq!(
        case.psql("select name, price from products where id = 5"),
        "Monitor 27\", 4K|329.00"
    );
    let next =
        "insert into orders (customer_id, product_id, quantity) values (1, 1, 1) returning id";
    assert_eq!(case.psql(next), "1201", "the sequence is behind the loaded ids");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn migrations_run_once_and_a_changed_one_is_refused() {
    let case = Case::new();
    let dir = shop();
    let load = || Minicdc::spawn(case.command(&[dir.to_str().unwrap()])).finish();
    assert!(load().success().stdout.contains(&"ran migration 0001_shop_tables".to_owned()));
    assert!(!load().success().stdout.iter().any(|line| line.contains("migration")));
    assert_eq!(case.psql("select count(*) from minicdc_migrations"), "1");
    case.psql("update minicdc_migrations set checksum = 'cafe'");
    let finished = load();
    assert_eq!(finished.code(), 1);
    assert!(
        finished.stderr[0].contains("migration 0001_shop_tables ran here with checksum cafe"),
        "{:?}",
        finished.stderr
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn migration_over_tables_of_others_says_how_to_leave_the_shop_out() {
    let case = Case::with("create table customers (id int primary key)");
    case.file("customers.csv", "id\n1\n");
    let failed = Minicdc::spawn(case.command(&["."])).finish();
    assert_eq!(failed.code(), 1);
    let text = failed.stderr.join("\n");
    assert!(text.contains("relation \"customers\" already exists"), "{text}");
    assert!(text.contains("--no-migrations"), "{text}");
    case.load(&[]).success();
    assert_eq!(case.psql("select count(*) from customers"), "1");
    assert_eq!(case.psql("select to_regclass('orders') is null"), "t");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn loading_twice_changes_nothing_and_writes_no_row() {
    let case = Case::new();
    let dir = shop();
    let load = || Minicdc::spawn(case.command(&[dir.to_str().unwrap()])).finish().success();
    load();
    let rows =
        "select string_agg(o::text || xmin::text || ctid::text, ',' order by id) from orders o";
    let before = case.psql(rows);
    let finished = load();
    assert!(finished.stdout.iter().all(|line| line.ends_with("(nothing new)")), "{finished:#?}");
    assert_eq!(case.psql(rows), before, "no row was written again");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn upsert_updates_known_rows_adds_new_ones_and_keeps_the_rest() {
    let case = Case::with(
        "create table t (a int, b text, note json, kept text default 'k', at point, primary key (a, b));
         insert into t values (1, 'x', '{\"n\": 1}', 'old', '(1,2)'), (2, 'y', null, 'old', null),
                              (3, 'z', '{}', 'old', null)",
    );
    // json and point have no equality that could say what changed; the header's order is its own.
    case.file("t.csv", "note,b,a,at\n\"{\"\"n\"\": 1}\",x,1,\"(1,2)\"\n\"{}\",y,2,\n,new,4,\n");
    let finished = case.load(&[]).success();
    assert_eq!(lines(&finished), [["t", "3 rows", "4 columns", "(2 new or changed)"]]);
    assert_eq!(
        case.psql("select a, b, note, kept from t order by a"),
        "1|x|{\"n\": 1}|old\n2|y|{}|old\n3|z|{}|old\n4|new||k"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn upsert_of_key_columns_alone_adds_what_is_new() {
    let case =
        Case::with("create table tags (tag text primary key); insert into tags values ('a')");
    case.file("tags.csv", "tag\na\nb\n");
    case.load(&[]).success();
    assert_eq!(case.psql("select string_agg(tag, ' ' order by tag) from tags"), "a b");
    case.file("tags.csv", "tag\nc\na\nc\n");
    assert!(
        case.refused(&[]).contains("tags.csv line 4, column tag (text): value \"c\" is on line 2")
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn keyless_table_with_rows_is_refused_under_upsert_and_takes_the_other_modes() {
    let case = Case::with("create table t (a int)");
    case.file("t.csv", "a\n1\n");
    case.load(&[]).success();
    let error = case.refused(&[]);
    assert!(error.contains("table public.t has rows and no primary key"), "{error}");
    assert!(error.contains("--mode append") && error.contains("--mode replace"), "{error}");
    case.load(&["--mode", "append"]).success();
    assert_eq!(case.psql("select count(*) from t"), "2");
    let finished = case.load(&["--mode", "replace"]).success();
    assert_eq!(lines(&finished), [["t", "1 row", "1 column", "(replaced 2 rows)"]]);
    assert_eq!(case.psql("select count(*) from t"), "1");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn upsert_without_the_key_in_the_file_is_refused_when_there_are_rows() {
    let case =
        Case::with("create table t (id int generated always as identity primary key, a text)");
    case.file("t.csv", "a\nx\n");
    case.load(&[]).success();
    let error = case.refused(&[]);
    assert!(error.contains("the file lacks \"id\" of its primary key"), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn replace_empties_children_first_and_refuses_to_reach_beyond_the_load() {
    let case = Case::with(
        "create table p (id int primary key);
         create table c (id int primary key, p int references p);
         create table outside (p int references p on delete cascade)",
    );
    case.file("p.csv", "id\n1\n2\n").file("c.csv", "id,p\n1,1\n2,2\n");
    case.load(&[]).success();
    case.file("p.csv", "id\n7\n").file("c.csv", "id,p\n1,7\n");
    case.load(&["--mode", "replace"]).success();
    assert_eq!(case.psql("select c.id, p.id from c full join p on p = p.id"), "1|7");
    case.psql("insert into outside values (7)");
    let error = case.refused(&["--mode", "replace"]);
    assert!(error.contains("would also change rows of public.outside"), "{error}");
    case.psql(
        "alter table outside drop constraint outside_p_fkey, add foreign key (p) references p",
    );
    let error = case.refused(&["--mode", "replace"]);
    assert!(error.contains("cannot empty table public.p"), "{error}");
    assert!(error.contains("still referenced from table \"outside\""), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn replace_of_a_published_table_without_identity_points_to_full() {
    let case = Case::with(
        "create table t (a int); insert into t values (1); create publication p for all tables",
    );
    case.file("t.csv", "a\n2\n");
    let error = case.refused(&["--mode", "replace"]);
    assert!(error.contains("does not have a replica identity"), "{error}");
    assert!(error.contains("--replica-identity full"), "{error}");
    case.load(&["--mode", "replace", "--replica-identity", "full"]).success();
    assert_eq!(
        case.psql("select a, (select relreplident from pg_class where relname = 't') from t"),
        "2|f"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn foreign_keys_in_a_circle_need_a_deferrable_one() {
    let case = Case::with(
        "create table a (id int primary key, b int);
         create table b (id int primary key, a int references a);
         alter table a add constraint a_to_b foreign key (b) references b",
    );
    case.file("a.csv", "id,b\n1,1\n").file("b.csv", "id,a\n1,1\n");
    let error = case.refused(&[]);
    assert!(
        error.contains("foreign keys go in a circle: public.a → public.b → public.a"),
        "{error}"
    );
    let hint = "ALTER TABLE \"public\".\"a\" ALTER CONSTRAINT \"a_to_b\" DEFERRABLE";
    assert!(error.contains(hint), "{error}");
    case.psql(hint);
    case.load(&[]).success();
    assert_eq!(case.psql("select count(*) from a join b on b.a = a.id"), "1");
    // The check that had to wait still finds its line.
    case.file("a.csv", "id,b\n1,1\n2,\n3,9\n");
    let error = case.refused(&[]);
    assert!(
        error.contains("a.csv line 4, column b (integer): value \"9\" is no id of public.b"),
        "{error}"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn table_that_refers_to_itself_loads_in_any_order_of_its_rows() {
    let case = Case::with("create table e (id int primary key, boss int references e)");
    case.file("e.csv", "id,boss\n2,1\n1,\n");
    case.load(&[]).success();
    case.file("e.csv", "id,boss\n2,1\n1,\n3,8\n");
    let error = case.refused(&[]);
    assert!(
        error.contains("e.csv line 4, column boss (integer): value \"8\" is no id of public.e"),
        "{error}"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn sequences_and_identities_move_behind_the_loaded_ids_but_never_back() {
    let case = Case::with(
        "create table s (id serial primary key, v int);
         create table i (id int generated always as identity primary key, v int);
         select setval('i_id_seq', 50)",
    );
    case.file("s.csv", "id,v\n41,1\n").file("i.csv", "id,v\n7,1\n");
    case.load(&[]).success();
    assert_eq!(case.psql("insert into s (v) values (2) returning id"), "42");
    assert_eq!(case.psql("insert into i (v) values (2) returning id"), "51");
    // Known rows of an identity that is always generated are updated all the same.
    case.file("i.csv", "id,v\n7,3\n60,4\n");
    case.load(&[]).success();
    assert_eq!(case.psql("insert into i (v) values (2) returning id"), "61");
    assert_eq!(case.psql("select v from i where id = 7"), "3");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn generated_column_of_the_file_is_left_out_with_a_word() {
    let case = Case::with(
        "create table t (a int primary key, twice int generated always as (a * 2) stored)",
    );
    case.file("t.csv", "a,twice\n4,99\n");
    let finished = case.load(&[]).success();
    assert!(finished.stderr.join("\n").contains("computes column twice itself"), "{finished:#?}");
    assert_eq!(case.psql("select a, twice from t"), "4|8");
    case.load(&[]).success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn role_that_may_only_write_rows_loads_and_hears_of_the_sequence_it_may_not_move() {
    let case = Case::with("create table t (id serial primary key, v int)");
    let role = unique("writer");
    case.psql(&format!("create role {role} login; grant select, insert, update on t to {role}"));
    case.file("t.csv", "id,v\n5,1\n");
    for _ in 0..2 {
        let said = case.load_as(&role, &[]).success().stderr.join("\n");
        assert!(said.contains("this role may not move sequence public.t_id_seq"), "{said}");
    }
    // Since PostgreSQL 15 not everyone makes tables in public; before, we forbid it.
    case.psql("revoke create on schema public from public");
    case.file("new.csv", "id\n1\n");
    let finished = case.load_as(&role, &[]);
    let error = finished.stderr.join("\n");
    assert_eq!(finished.code(), 1, "{error}");
    assert!(
        error.contains("could not make table public.new: permission denied for schema public"),
        "{error}"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn partitioned_table_takes_rows_and_upserts() {
    let case = Case::with(
        "create table t (id int primary key, v text) partition by range (id);
         create table t_low partition of t for values from (0) to (10);
         create table t_high partition of t for values from (10) to (20)",
    );
    case.file("t.csv", "v,id\na,1\nb,11\n");
    case.load(&[]).success();
    case.file("t.csv", "v,id\nc,1\nd,12\n");
    case.load(&[]).success();
    assert_eq!(case.psql("select string_agg(id || v, ' ' order by id) from t"), "1c 11b 12d");
    case.file("t.csv", "v,id\nc,1\nd,99\n");
    let error = case.refused(&["--mode", "replace"]);
    assert!(error.contains("t.csv line 3 is refused by table public.t: no partition"), "{error}");
    // Staged rows meet the partitions only when they are inserted, all at once.
    let error = case.refused(&[]);
    assert!(error.contains("could not load t.csv: no partition of relation"), "{error}");
}
