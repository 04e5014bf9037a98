//! What bad input gets: file, line, column, value and expected type; nothing loaded.

use super::{Case, shop};
use crate::support::minicdc::{self, Minicdc};
use crate::support::wait_for;

/// A table with rows, so that an upsert goes through the staging table; without them COPY goes
/// straight into it. Both ways must say the same.
fn both_ways(table: &str, row: &str, content: &str) -> String {
    let straight = Case::with(table);
    straight.file("t.csv", content);
    let staged = Case::with(&format!("{table}; insert into t values ({row})"));
    staged.file("t.csv", content);
    let error = straight.refused(&[]);
    assert_eq!(staged.refused(&[]), error);
    error
}

const ITEMS: &str = "create table t (id int primary key, name varchar(5) not null unique,
    price numeric(10,2) check (price > 0), day date)";

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn value_that_the_type_refuses_is_named_with_its_physical_line() {
    // Two quoted line breaks before it: PostgreSQL's row 2 is line 5.
    let text = "name,id,price,day\n\"a\nb\",1,1.50,\n\"c\nd\",2x,1,\n";
    let error = both_ways(ITEMS, "9, 'z', 1", text);
    let want = "error: t.csv line 4, column id (integer): value \"2x\" is refused: invalid input syntax \
                for type integer: \"2x\"";
    assert!(error.starts_with(want), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn values_beyond_a_length_a_range_a_calendar_or_a_check_are_named() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("id,name\n1,too long\n", "t.csv line 2, column name (character varying(5)): value \"too long\" is refused"),
        ("id,name\n99999999999,a\n", "t.csv line 2, column id (integer): value \"99999999999\" is refused"),
        ("id,name,day\n1,a,2023-02-30\n", "t.csv line 2, column day (date): value \"2023-02-30\" is refused"),
        ("id,name,price\r\n1,a,1\r\n2,b,-1\r\n", "t.csv line 3, column price (numeric(10,2)): value \"-1\" is refused"),
        ("id,name\n1,\n", "t.csv line 2, column name (character varying(5)): NULL is refused"),
        ("id,name\n,a\n", "t.csv line 2, column id (integer): NULL is refused"),
    ];
    for (text, want) in cases {
        let error = both_ways(ITEMS, "9, 'z', 1", text);
        assert!(error.contains(want), "{error}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn long_value_is_cut() {
    let case = Case::with(ITEMS);
    case.file("t.csv", format!("id,name\n1,{}\n", "x".repeat(5_000)));
    let error = case.refused(&[]);
    assert!(error.contains(&format!("value \"{}\"… (5000 characters)", "x".repeat(60))), "{error}");
    assert!(error.len() < 500, "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn column_that_the_table_wants_and_the_file_lacks_is_named() {
    let case = Case::with(ITEMS);
    case.file("t.csv", "id\n1\n");
    let error = case.refused(&[]);
    let want = "t.csv line 2: the file has no column \"name\" (character varying(5)), and public.t wants a value in it";
    assert!(error.contains(want), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn key_twice_in_the_file_names_both_lines() {
    // "07" and "7" are one integer: the server decides, not the text.
    let error = both_ways(ITEMS, "9, 'z', 1", "id,name\n1,a\n7,b\n3,c\n07,d\n");
    let want = "t.csv line 5, column id (integer): value \"07\" is on line 3 already; it must be unique in public.t";
    assert!(error.contains(want), "{error}");
    let error = both_ways(ITEMS, "9, 'z', 1", "id,name\n1,a\n7,b\n3,a\n");
    let want = "t.csv line 4, column name (character varying(5)): value \"a\" is on line 2 already; it must be \
                unique in public.t (t_name_key)";
    assert!(error.contains(want), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn key_of_several_columns_is_named_whole() {
    let case = Case::with("create table t (a int, b text, primary key (a, b))");
    case.file("t.csv", "b,a\nx,1\ny,1\nx,1\n");
    let error = case.refused(&[]);
    assert!(
        error.contains("t.csv line 4, column a, b (integer, text): value \"1, x\" is on line 2"),
        "{error}"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn key_that_the_table_has_is_named_with_the_modes_that_help() {
    let case = Case::with(&format!("{ITEMS}; insert into t values (7, 'z', 1), (8, 'y', 1)"));
    case.file("t.csv", "id,name\n1,a\n7,b\n");
    let error = case.refused(&["--mode", "append"]);
    let want = "t.csv line 3, column id (integer): value \"7\" is in public.t already; it must be unique (t_pkey)";
    assert!(error.contains(want), "{error}");
    assert!(error.contains("--mode upsert"), "{error}");
    // Under upsert the row 7 may keep its name, but not take that of 8.
    case.file("t.csv", "id,name\n7,z\n1,y\n");
    let error = case.refused(&[]);
    let want =
        "t.csv line 3, column name (character varying(5)): value \"y\" is in public.t already";
    assert!(error.contains(want), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn reference_to_nothing_names_the_line_and_counts_the_others() {
    let case = Case::with(
        "create table p (id int primary key); create table c (id int primary key, p int references p)",
    );
    case.file("p.csv", "id\n1\n").file("c.csv", "id,p\n1,1\n2,\n3,99\n4,98\n");
    let want = "c.csv line 4, column p (integer): value \"99\" is no id of public.p (c_p_fkey; 1 more record like it)";
    let error = case.refused(&[]);
    assert!(error.contains(want), "{error}");
    case.psql("insert into c values (50, null)");
    let error = case.refused(&[]);
    assert!(error.contains(want), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn trigger_that_refuses_a_row_names_the_line() {
    let case = Case::with(
        "create table t (id int); create function no() returns trigger language plpgsql as
         $$ begin if new.id = 2 then raise 'not this one'; end if; return new; end $$;
         create trigger no before insert on t for each row execute function no()",
    );
    case.file("t.csv", "id\n1\n2\n");
    let error = case.refused(&[]);
    assert!(error.contains("t.csv line 3 is refused by table public.t: not this one"), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn files_that_are_no_csv_are_refused_with_line_and_reason() {
    #[rustfmt::skip] // one case a line
    let cases: [(&[u8], &str); 14] = [
        (b"id,name\n1\n", "t.csv line 2: 1 of 2 cells: none for column name (character varying(5)), the last value is \"1\""),
        (b"id,name\n1,a\n2,b,c\n", "t.csv line 3: 3 cells for 2 columns: surplus value \"c\" behind column name"),
        (b"id,nmae\n1,a\n", "t.csv line 1: table public.t has no column \"nmae\" (it has id, name, price, day)"),
        (b"id,Name\n1,a\n", "hint:  write it as the table does: name"),
        (b"id,name,id\n", "t.csv line 1: column \"id\" is named twice (cells 1 and 3)"),
        (b"id,\n", "t.csv line 1: column 2 has no name"),
        (b"id;name\n1;a\n", "t.csv line 1: cells must be separated by commas, these are by ;"),
        (b"", "t.csv is empty: its first line must name the columns"),
        (b"\xef\xbb\xbf\n\n", "t.csv is empty"),
        (b"id,name\n1,a\n2,\"b\n3,c\n", "t.csv line 3: the quote that opens here is never closed"),
        (b"id,name\n1,\"a\"b\n", "t.csv line 2: text behind the closing quote of cell 2"),
        (b"id,name\n1,M\xfcller\n", "t.csv line 2: invalid UTF-8: byte 0xfc at offset 11 of the file"),
        (b"\xff\xfei\0d\0\n\0", "t.csv line 1: the file is UTF-16"),
        (b"id,name\n1,a\0\n", "t.csv line 2: a NUL byte at offset 11 of the file"),
    ];
    let case = Case::with(ITEMS);
    for (text, want) in cases {
        case.file("t.csv", text);
        let error = case.refused(&[]);
        assert!(error.contains(want), "{error}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn file_without_table_is_read_whole_before_its_table_is_made() {
    let case = Case::new();
    case.file("t.csv", "id,name\n1,a\n2\n");
    let error = case.refused(&[]);
    assert!(error.contains("t.csv line 3: 1 of 2 cells: none for column name"), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn one_bad_file_leaves_nothing_of_the_others_nor_of_what_was_made() {
    let case = Case::new();
    for name in ["customers.csv", "products.csv", "orders.csv"] {
        case.file(name, std::fs::read(shop().join(name)).unwrap());
    }
    case.file("zebras.csv", "id\n1\n");
    case.file("orders.csv", "id,customer_id,product_id,quantity\n1,1,1,1\n2,1,1,0\n");
    let finished = Minicdc::spawn(case.command(&[".", "--schema", "shop"])).finish();
    assert_eq!(finished.code(), 1);
    let error = finished.stderr.join("\n");
    assert!(error.contains("orders.csv line 3, column quantity (integer): value \"0\""), "{error}");
    assert_eq!(case.psql("select count(*) from pg_namespace where nspname = 'shop'"), "0");
    assert_eq!(
        case.psql("select count(*) from pg_class where relnamespace = 'public'::regnamespace"),
        "0"
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn second_load_at_once_is_refused_with_the_pid_of_the_first() {
    // The first load waits in a trigger until the gate has a row.
    let case = Case::with(
        "create table gate (open bool); create table t (id int);
         create function wait() returns trigger language plpgsql as
         $$ begin while not exists (select from gate) loop perform pg_sleep(0.02); end loop; return new; end $$;
         create trigger wait before insert on t for each row execute function wait()",
    );
    case.file("t.csv", "id\n1\n");
    let first = Minicdc::spawn(case.command(&[".", "--no-migrations"]));
    let sessions = "select pid from pg_stat_activity where wait_event = 'PgSleep' and application_name = 'minicdc load'
        and datname = current_database()";
    let pid = wait_for("the first load to wait", || {
        Some(case.psql(sessions)).filter(|pid| !pid.is_empty())
    });
    let second = case.load(&[]);
    assert_eq!(second.code(), 1);
    let error = second.stderr.join("\n");
    assert!(
        error.contains(&format!("another load is running in this database (process {pid} ")),
        "{error}"
    );
    case.psql("insert into gate values (true)");
    first.finish().success();
    case.load(&["--mode", "append"]).success();
    assert_eq!(case.psql("select count(*) from t"), "2");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn view_under_the_name_is_no_table() {
    let case = Case::with("create view t as select 1 as id");
    case.file("t.csv", "id\n1\n");
    let error = case.refused(&[]);
    assert!(error.contains("t.csv: public.t is a view, not a table"), "{error}");
}

#[test]
fn directory_without_csv_is_bad_usage_before_any_server_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let run = |argument: &str| {
        let mut command = minicdc::command();
        command.env("PGHOST", "host.invalid").current_dir(dir.path()).args(["load", argument]);
        let finished = Minicdc::spawn(command).finish();
        (finished.code(), finished.stderr.join("\n"))
    };
    std::fs::write(dir.path().join("notes.txt"), "").unwrap();
    std::fs::write(dir.path().join("a.csv.bak"), "id\n").unwrap();
    let (code, error) = run(".");
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("error: . holds no .csv file"), "{error}");
    let (code, error) = run("data");
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("there is no directory data"), "{error}");
    let (code, error) = run("notes.txt");
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("notes.txt is not a directory"), "{error}");
}
