use super::*;
use crate::oid::Oid;
use crate::relation::PgType;
use crate::relation::ReplicaIdentity;
use crate::relation::TypeKind;
use std::sync::Arc;

fn table(columns: &[&str], key: &[usize]) -> Table {
    let int4 = Arc::new(PgType {
        oid: Oid::INT4,
        schema: "pg_catalog".to_owned(),
        name: "int4".to_owned(),
        kind: TypeKind::Base,
    });
    let column = |name: &&str| Column {
        name: (*name).to_owned(),
        pg_type: int4.clone(),
        typmod: -1,
        nullable: true,
        default: None,
        generated: false,
    };
    Table {
        oid: Oid(1),
        schema: "public".to_owned(),
        name: "f".to_owned(),
        columns: columns.iter().map(column).collect(),
        key: key.to_vec(),
        replica_identity: ReplicaIdentity::Default,
    }
}

fn included(rules: &ColumnRules, columns: &[&'static str]) -> Vec<&'static str> {
    let table = table(columns, &[0]);
    columns.iter().copied().filter(|name| rules.includes(&table, name)).collect()
}

#[test]
fn lists_match_the_whole_name_in_any_case() {
    let columns = ["id", "a", "ab", "secret"];
    let include = ColumnRules::new(r"public\.f\.A,PUBLIC.F.ID", "").unwrap();
    assert_eq!(included(&include, &columns), ["id", "a"]);
    let exclude = ColumnRules::new("", "public.f.a,public.f.sec.*").unwrap();
    assert_eq!(included(&exclude, &columns), ["id", "ab"]);
    assert_eq!(included(&ColumnRules::default(), &columns), columns);
}

#[test]
fn broken_pattern_is_told_with_its_property() {
    let error = ColumnRules::new("", "public.(").unwrap_err();
    assert_eq!(error.to_string(), "column.exclude.list: invalid regular expression \"public.(\"");
    let error = ColumnRules::default().with_keys("public.(:id").unwrap_err();
    assert_eq!(error.property, "message.key.columns");
}

#[test]
fn custom_key_has_the_order_of_the_setting() {
    let rules = ColumnRules::default().with_keys("public.g:x; (.*).f:b,A").unwrap();
    let f = table(&["id", "a", "b"], &[0]);
    assert_eq!(*rules.key(&f), [2, 1]);
    let twice = ColumnRules::default().with_keys("public.f:a;public.f:.*").unwrap();
    assert_eq!(*twice.key(&f), [1, 0, 2], "a column stands in the key once");
}

#[test]
fn table_without_a_custom_key_keeps_its_own() {
    let rules = ColumnRules::default().with_keys("public.g:x").unwrap();
    assert_eq!(*rules.key(&table(&["id", "a"], &[1])), [1]);
}

#[test]
fn form_of_a_key_list_is_checked() {
    for good in ["public.t:id", " public.t:id,a ;(.*).u:b"] {
        assert!(ColumnRules::is_key_list(good), "{good}");
    }
    for bad in ["public.t", "public.t:", ":id", "public.t:a b", "a:b:c", "public.t:a;", "a b:c"] {
        assert!(!ColumnRules::is_key_list(bad), "{bad}");
    }
}

#[test]
fn narrowed_table_keeps_key_columns_and_their_places() {
    let rules = ColumnRules::new("public.f.b", "").unwrap();
    let f = table(&["x", "id", "b"], &[1]);
    let narrow = rules.narrow(&f);
    let names: Vec<&str> = narrow.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, narrow.key.as_slice()), (vec!["id", "b"], &[0][..]));
    let custom = rules.with_keys("public.f:x").unwrap();
    assert_eq!(custom.narrow(&f).columns.len(), 3);
    assert!(matches!(ColumnRules::default().narrow(&f), Cow::Borrowed(_)));
}

#[test]
fn first_rule_that_chooses_a_column_changes_it() {
    let truncate = ColumnMapper::Truncate { length: 3 };
    let mask = ColumnMapper::Mask { length: 5 };
    let rules = ColumnRules::default()
        .with_mapper("p", "public.f.a", truncate.clone())
        .and_then(|rules| rules.with_mapper("q", "public.f.[ab]", mask.clone()))
        .and_then(|rules| rules.with_type_mapper("r", r".*\.INT4", ColumnMapper::SourceType))
        .unwrap();
    let f = table(&["a", "b", "c"], &[]);
    let mapper = |n: usize| rules.mapper(&f, &f.columns[n], Phase::Stream).unwrap();
    assert_eq!(mapper(0), &truncate);
    assert_eq!(mapper(1), &mask);
    assert_eq!(mapper(2), &ColumnMapper::SourceType);
    assert_eq!(ColumnRules::default().mapper(&f, &f.columns[0], Phase::Stream), None);
}
