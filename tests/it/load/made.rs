//! Tables and schemas that are made for files.

use super::{Case, lines, shop};
use crate::support::minicdc::Minicdc;

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn missing_table_is_made_with_types_of_the_whole_file() {
    let case = Case::new();
    case.file(
        "cities.csv",
        "id,postcode,people,area,capital,founded,seen,key,note,late\n\
         1,01067,556227,328.8,true,1206-03-31,2024-01-01T10:00:00Z,c0ffee00-1234-5678-9abc-def012345678,,1\n\
         2,80331,,310.70,f,1158-06-14,2024-01-01 10:00:00.25+02,c0ffee00-1234-5678-9abc-def012345679,,x\n",
    );
    let finished = case.load(&[]).success();
    assert_eq!(
        finished.stdout[1],
        "made table public.cities: id bigint primary key, postcode text, people bigint, area numeric, \
         capital boolean, founded date, seen timestamptz, key uuid, note text, late text"
    );
    assert_eq!(
        case.psql("select postcode, area from cities order by id"),
        "01067|328.8\n80331|310.70"
    );
    case.load(&[]).success();
    assert_eq!(case.psql("select count(*) from cities"), "2");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn made_table_gets_no_key_unless_its_ids_are_unique_and_complete() {
    let case = Case::new();
    case.file("twice.csv", "id\n1\n1\n")
        .file("holes.csv", "id,a\n1,\n,x\n")
        .file("none.csv", "a\n1\n");
    let said = case.load(&[]).success().stderr.join("\n");
    for reason in [
        "public.twice has no primary key (column id is not unique)",
        "public.holes has no primary key (column id has empty cells)",
        "public.none has no primary key (it has no column id)",
    ] {
        assert!(said.contains(reason), "{said}");
    }
    assert!(
        said.contains("PostgreSQL refuses UPDATE and DELETE on it; --replica-identity full"),
        "{said}"
    );
    assert_eq!(case.psql("select count(*) from pg_constraint where contype = 'p' and connamespace = 'public'::regnamespace"), "0");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn text_makes_text_columns_without_key_and_offers_full_identity() {
    let case = Case::new();
    let dir = shop();
    let dir = dir.to_str().unwrap();
    let finished = Minicdc::spawn(case.command(&[dir, "--text"])).finish().success();
    let made =
        "made table public.orders: id text, customer_id text, product_id text, quantity text";
    assert!(finished.stdout.contains(&made.to_owned()), "{finished:#?}");
    assert!(finished.stderr.join("\n").contains("--replica-identity full"), "{finished:#?}");
    assert_eq!(case.psql("select to_regclass('minicdc_migrations') is null"), "t");
    let again = ["--text", "--mode", "replace", "--replica-identity", "full"];
    let finished = Minicdc::spawn(case.command(&[&[dir], &again[..]].concat())).finish().success();
    let said = finished.stderr.join("\n");
    assert!(!said.contains("no primary key"), "{said}");
    assert!(said.contains("public.orders is there already and keeps its types"), "{said}");
    assert_eq!(case.psql("select relreplident from pg_class where relname = 'orders'"), "f");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn schema_is_made_when_missing_and_holds_the_migrations_tables() {
    let case = Case::new();
    let dir = shop();
    let load = [dir.to_str().unwrap(), "--schema", "My Shop"];
    let finished = Minicdc::spawn(case.command(&load)).finish().success();
    assert!(finished.stdout.contains(&"made schema My Shop".to_owned()), "{finished:#?}");
    assert_eq!(case.psql("select count(*) from \"My Shop\".orders"), "1200");
    assert_eq!(case.psql("select to_regclass('public.orders') is null"), "t");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn header_without_rows_makes_an_empty_table_and_other_files_are_ignored_with_a_word() {
    let case = Case::new();
    case.file("t.csv", "id,a\n").file("README.md", "no table").file(".hidden.csv", "id\n1\n");
    let finished = case.load(&[]).success();
    assert_eq!(lines(&finished)[0], ["t", "0 rows", "2 columns"]);
    let said = finished.stderr.join("\n");
    assert!(said.contains("README.md is ignored: not a .csv file"), "{said}");
    assert!(said.contains(".hidden.csv is ignored"), "{said}");
    assert_eq!(case.psql("select count(*) from t"), "0");
}
