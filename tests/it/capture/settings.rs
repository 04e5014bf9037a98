//! What is captured, and what is made for it.

use super::Shop;
use crate::support::minicdc::Finished;

const PUBLISHED: &str = "select string_agg(schemaname || '.' || tablename, ' ' order by tablename) \
                         from pg_publication_tables";

fn shop() -> Shop {
    let shop = Shop::start();
    shop.server.psql(
        "create table customers (id int primary key);
         create table coupons (id int primary key);
         create table orders (id int primary key);
         insert into items values (1, 'a');
         insert into customers values (1);
         insert into coupons values (1);
         insert into orders values (1)",
    );
    shop
}

fn topics(finished: &Finished) -> Vec<String> {
    let topic = |line: &String| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["topic"].as_str().unwrap().to_owned()
    };
    let mut topics: Vec<String> = finished.stdout.iter().map(topic).collect();
    topics.sort();
    topics.dedup();
    topics
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn patterns_choose_whole_names_whatever_their_case() {
    let shop = shop();
    let seen =
        shop.catch_up(&["--sink", "stdout", "--tables", "PUBLIC.orders,public.c.*,public.item"]);
    assert_eq!(
        topics(&seen),
        ["shop.public.coupons", "shop.public.customers", "shop.public.orders"]
    );
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn each_autocreate_mode_makes_its_publication() {
    let tables = ["--tables", "public.items,public.orders"];
    for (mode, for_all, published) in [
        ("all_tables", "t", "public.coupons public.customers public.items public.orders"),
        ("filtered", "f", "public.items public.orders"),
        ("no_tables", "f", ""),
    ] {
        let shop = shop();
        let mode = format!("publication.autocreate.mode={mode}");
        let mut arguments = vec!["--sink", "stdout", "--set", &mode];
        arguments.extend(tables);
        let seen = shop.catch_up(&arguments);
        assert_eq!(topics(&seen), ["shop.public.items", "shop.public.orders"], "{mode}");
        let made = "select pubname, puballtables from pg_publication";
        assert_eq!(shop.server.psql(made), format!("shop|{for_all}"), "{mode}");
        assert_eq!(shop.server.psql(PUBLISHED), published, "{mode}");
    }
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn publication_that_exists_is_used_and_extended_when_filtered() {
    let shop = shop();
    shop.server.psql("create publication mine for table orders");
    let disabled = ["--publication", "mine", "--set", "publication.autocreate.mode=disabled"];
    shop.catch_up(&disabled);
    assert_eq!(shop.server.psql(PUBLISHED), "public.orders");
    let filtered = ["--publication", "mine", "--set", "publication.autocreate.mode=filtered"];
    let mut arguments = filtered.to_vec();
    arguments.extend(["--tables", "public.items"]);
    shop.catch_up(&arguments);
    assert_eq!(shop.server.psql(PUBLISHED), "public.items");
}

#[test]
#[ignore = "needs PostgreSQL: scripts/test.sh"]
fn table_made_while_streaming_is_captured() {
    let shop = shop();
    let mut capture = shop.streaming(&["--sink", "stdout"]);
    shop.server.psql("create table later (id int primary key); insert into later values (7)");
    capture.wait_stdout("its row", |line| line.contains(r#""topic":"shop.public.later""#));
    capture.terminate().success();
}
