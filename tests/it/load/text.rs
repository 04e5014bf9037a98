//! How the text of a file is read.

use super::{Case, lines};

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn spreadsheet_text_arrives_as_it_was_meant() {
    let case = Case::with("create table t (id int primary key, a text, b text)");
    let text =
        "\u{feff}b,a,id\r\n\"two\r\nlines, \"\"quoted\"\"\",\\N,1\r\n,\"\",2\r\n\t\\.,ключ ☃,3";
    case.file("t.csv", text);
    case.load(&[]).success();
    assert_eq!(
        case.psql("select id, quote_nullable(a), quote_nullable(replace(b, e'\\r\\n', '¶')) from t order by 1"),
        "1|E'\\\\N'|'two¶lines, \"quoted\"'\n2|''|NULL\n3|'ключ ☃'|E'\t\\\\.'"
    );
    // The second time through the staging table.
    assert_eq!(lines(&case.load(&[]).success()), [["t", "3 rows", "3 columns", "(nothing new)"]]);
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn null_marker_replaces_the_empty_cell() {
    let case = Case::with("create table t (a text, b text)");
    case.file("t.csv", "a,b\nNA,\"NA\"\n,x\n");
    case.load(&["--null", "NA"]).success();
    assert_eq!(case.psql("select quote_nullable(a), b from t"), "NULL|NA\n''|x");
    case.file("t.csv", "a\n1\n").psql("alter table t drop column b, alter a type int using null");
    case.file("t.csv", "a\nNA\n");
    let error = case.refused(&["--mode", "append"]);
    assert!(error.contains("hint:  if that means NULL, say so: --null 'NA'"), "{error}");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn names_with_capitals_spaces_and_quotes_are_kept() {
    let case =
        Case::with("create table \"Odd \"\"Name\" (\"Id\" int primary key, \"Unit Price\" int)");
    case.file("Odd \"Name.csv", "Unit Price,Id\n5,1\n").file("New One.csv", "ID,a b\n1,x\n");
    let finished = case.load(&["--schema", "public"]).success();
    assert_eq!(
        finished.stdout.last().unwrap(),
        "made table public.New One: ID bigint primary key, a b text"
    );
    assert_eq!(case.psql("select \"Unit Price\" from \"Odd \"\"Name\""), "5");
    assert_eq!(case.psql("select \"a b\" from \"New One\""), "x");
    case.load(&[]).success();
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn time_without_zone_is_utc_whatever_the_server_says() {
    let case = Case::with("create table t (at timestamptz)");
    case.psql(&format!("alter database {} set timezone = 'Asia/Tokyo'", case.database));
    case.file("t.csv", "at\n2024-01-01 12:00\n");
    case.load(&[]).success();
    assert_eq!(case.psql("select at at time zone 'UTC' from t"), "2024-01-01 12:00:00");
}
