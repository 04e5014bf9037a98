use super::*;
use crate::query::value::Type;
use sqlparser::tokenizer::Span;

/// A query over tables whose records bring no schema.
struct Feed {
    live: LiveQuery,
    names: Vec<String>,
}

type Record = (&'static str, Option<String>, Option<String>);

fn put(table: &'static str, id: i64, row: &str) -> Record {
    let value = format!(r#"{{"before":null,"after":{row},"source":{{}},"op":"c"}}"#);
    (table, Some(format!(r#"{{"id":{id}}}"#)), Some(value))
}

fn remove(table: &'static str, id: i64) -> Record {
    let value = format!(r#"{{"before":{{"id":{id}}},"after":null,"source":{{}},"op":"d"}}"#);
    (table, Some(format!(r#"{{"id":{id}}}"#)), Some(value))
}

fn truncate(table: &'static str) -> Record {
    (table, None, Some(r#"{"before":null,"after":null,"source":{},"op":"t"}"#.to_owned()))
}

/// A change of a table without a key.
fn bag(table: &'static str, op: char, before: &str, after: &str) -> Record {
    let value = format!(r#"{{"before":{before},"after":{after},"source":{{}},"op":"{op}"}}"#);
    (table, None, Some(value))
}

fn shop() -> Vec<Record> {
    vec![
        put("products", 1, r#"{"id":1,"name":"bolt","price":2.5}"#),
        put("products", 2, r#"{"id":2,"name":"nut","price":0.5}"#),
        put("orders", 1, r#"{"id":1,"product_id":1,"quantity":3}"#),
        put("orders", 2, r#"{"id":2,"product_id":2,"quantity":10}"#),
        put("orders", 3, r#"{"id":3,"product_id":1,"quantity":4}"#),
        put("orders", 4, r#"{"id":4,"product_id":null,"quantity":1}"#),
    ]
}

impl Feed {
    fn try_start(sql: &str, records: &[Record], lateness: Option<i64>) -> Result<Self, QueryError> {
        let statement = Statement::parse(sql)?;
        let names: Vec<String> = statement.tables().iter().map(|t| t.name.clone()).collect();
        let mut discoveries = Vec::new();
        for name in &names {
            let mut discovery = Discovery::default();
            for (_, key, value) in records.iter().filter(|(table, ..)| table == name) {
                discovery.look_at(input(key, value));
            }
            discoveries.push(discovery);
        }
        let placeholder = "__debezium_unavailable_value".to_owned();
        let options = LiveOptions { placeholder, keeps_result: true, lateness };
        let live = LiveQuery::new(&statement, &discoveries, options)?;
        let mut feed = Self { live, names };
        for record in records {
            feed.read(record).unwrap();
        }
        feed.live.flush().unwrap();
        Ok(feed)
    }

    fn start(sql: &str, records: &[Record]) -> Self {
        Self::try_start(sql, records, None).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn read(&mut self, (table, key, value): &Record) -> Result<(), LiveError> {
        match self.names.iter().position(|name| name == table) {
            Some(table) => self.live.read(table, 0, input(key, value)),
            None => Ok(()),
        }
    }

    /// Changes of the result, sorted, as `+1 a|b`.
    fn change(&mut self, records: &[Record]) -> Vec<String> {
        for record in records {
            self.read(record).unwrap();
        }
        let changes = self.live.flush().unwrap();
        let shown = |change: &Delta| format!("{:+} {}", change.weight, self.text(&change.row));
        let mut lines: Vec<String> = changes.iter().map(shown).collect();
        lines.sort();
        lines
    }

    fn text(&self, row: &[Value]) -> String {
        let columns = self.live.columns().iter().zip(row);
        let shown = columns.map(|(column, value)| match value {
            Value::Null => "NULL".to_owned(),
            value => value.to_text(column.ty),
        });
        shown.collect::<Vec<_>>().join("|")
    }

    fn rows(&self) -> Vec<String> {
        self.live.rows().map(|row| self.text(row)).collect()
    }
}

fn input<'a>(key: &'a Option<String>, value: &'a Option<String>) -> InputRecord<'a> {
    InputRecord {
        key: key.as_ref().map(String::as_bytes),
        value: value.as_ref().map(String::as_bytes),
    }
}

#[test]
fn results_are_those_of_postgresql() {
    #[rustfmt::skip] // one case a line
    let cases: &[(&str, &[&str])] = &[
        ("SELECT id, quantity * 2 AS q FROM orders WHERE quantity > 3 ORDER BY id", &["2|20", "3|8"]),
        ("SELECT * FROM products ORDER BY price DESC", &["1|bolt|2.5", "2|nut|0.5"]),
        ("SELECT p.name, sum(o.quantity) AS sold FROM orders o JOIN products p ON p.id = o.product_id GROUP BY p.name HAVING sum(o.quantity) > 0 ORDER BY sold DESC LIMIT 10", &["nut|10", "bolt|7"]),
        ("SELECT o.id, p.name FROM orders o LEFT JOIN products p ON p.id = o.product_id ORDER BY 1", &["1|bolt", "2|nut", "3|bolt", "4|NULL"]),
        ("SELECT o.id, p.name FROM products p RIGHT JOIN orders o ON p.id = o.product_id AND p.price > 1 ORDER BY 1", &["1|bolt", "2|NULL", "3|bolt", "4|NULL"]),
        ("SELECT o.id, name FROM orders o, products p WHERE p.id = product_id AND quantity < 5 ORDER BY o.id", &["1|bolt", "3|bolt"]),
        ("SELECT count(*), count(product_id), count(DISTINCT product_id), sum(quantity), avg(quantity), min(quantity), max(quantity) FROM orders", &["4|3|2|18|4.5000000000000000|1|10"]),
        ("SELECT count(*), sum(quantity) FROM orders WHERE id > 100", &["0|NULL"]),
        ("SELECT product_id, count(*) FILTER (WHERE quantity > 3) FROM orders GROUP BY 1 ORDER BY 1", &["1|1", "2|1", "NULL|0"]),
        ("SELECT product_id FROM orders ORDER BY product_id DESC, id", &["NULL", "2", "1", "1"]),
        ("SELECT id FROM orders ORDER BY product_id NULLS FIRST, quantity DESC LIMIT 2 OFFSET 1", &["3", "1"]),
        ("SELECT DISTINCT product_id FROM orders ORDER BY 1", &["1", "2", "NULL"]),
        ("SELECT id FROM orders WHERE id < 3 UNION ALL SELECT id FROM products ORDER BY id", &["1", "1", "2", "2"]),
        ("SELECT id FROM orders UNION SELECT id FROM products ORDER BY 1 DESC LIMIT 3", &["4", "3", "2"]),
        ("SELECT t.product_id, t.n FROM (SELECT product_id, count(*) AS n FROM orders GROUP BY product_id) t WHERE n > 1", &["1|2"]),
        ("WITH big AS (SELECT * FROM orders WHERE quantity > 3) SELECT count(*) FROM big", &["2"]),
        ("SELECT a.id, b.id FROM orders a JOIN orders b ON a.product_id = b.product_id AND a.id < b.id", &["1|3"]),
        ("SELECT p.id, p.name, count(*) FROM orders o JOIN products p ON p.id = o.product_id GROUP BY p.id ORDER BY p.id", &["1|bolt|2", "2|nut|1"]),
        ("SELECT upper(name) || '!' AS n FROM products WHERE name LIKE '%t' ORDER BY length(name) DESC, n", &["BOLT!", "NUT!"]),
        ("SELECT product_id % 2 AS odd, sum(quantity) + 1 FROM orders WHERE product_id IS NOT NULL GROUP BY product_id % 2 ORDER BY odd", &["0|11", "1|8"]),
        ("SELECT name, id FROM products JOIN (SELECT product_id AS id, max(quantity) AS m FROM orders GROUP BY product_id) o USING (id) ORDER BY id", &["bolt|1", "nut|2"]),
        ("SELECT id FROM (SELECT id FROM orders ORDER BY quantity DESC LIMIT 2) best ORDER BY id", &["2", "3"]),
        ("SELECT count(*) FROM orders o LEFT JOIN products p ON p.id = o.product_id WHERE p.id IS NULL", &["1"]),
    ];
    for (sql, expected) in cases {
        assert_eq!(Feed::start(sql, &shop()).rows(), *expected, "{sql}");
    }
}

#[test]
fn each_change_retracts_what_it_replaces() {
    let sql = "SELECT p.name, sum(o.quantity) AS sold FROM orders o JOIN products p \
               ON p.id = o.product_id GROUP BY p.name";
    let mut feed = Feed::start(sql, &shop());
    let change = |feed: &mut Feed, record: Record| feed.change(&[record]);
    let updated = change(&mut feed, put("orders", 1, r#"{"id":1,"product_id":1,"quantity":5}"#));
    assert_eq!(updated, ["+1 bolt|9", "-1 bolt|7"]);
    let moved = change(&mut feed, put("orders", 3, r#"{"id":3,"product_id":2,"quantity":4}"#));
    assert_eq!(moved, ["+1 bolt|5", "+1 nut|14", "-1 bolt|9", "-1 nut|10"]);
    let renamed = change(&mut feed, put("products", 1, r#"{"id":1,"name":"screw","price":2.5}"#));
    assert_eq!(renamed, ["+1 screw|5", "-1 bolt|5"]);
    assert_eq!(change(&mut feed, remove("orders", 1)), ["-1 screw|5"]);
    // The tombstone behind it, and the delete once more, change nothing.
    assert_eq!(change(&mut feed, ("orders", Some(r#"{"id":1}"#.to_owned()), None)), [""; 0]);
    assert_eq!(change(&mut feed, remove("orders", 1)), [""; 0]);
    assert_eq!(change(&mut feed, truncate("products")), ["-1 nut|14"]);
    assert_eq!(feed.rows(), [""; 0]);
}

#[test]
fn left_row_stands_alone_until_it_has_a_partner() {
    let sql = "SELECT o.id, p.name FROM orders o LEFT JOIN products p ON p.id = o.product_id \
               WHERE o.id = 2";
    let mut feed = Feed::start(sql, &shop());
    assert_eq!(feed.change(&[remove("products", 2)]), ["+1 2|NULL", "-1 2|nut"]);
    let back = feed.change(&[put("products", 2, r#"{"id":2,"name":"washer","price":1.0}"#)]);
    assert_eq!(back, ["+1 2|washer", "-1 2|NULL"]);
}

#[test]
fn top_tells_what_moves_in_and_out() {
    let mut feed = Feed::start("SELECT id FROM orders ORDER BY quantity DESC LIMIT 2", &shop());
    assert_eq!(feed.rows(), ["2", "3"]);
    let grown = feed.change(&[put("orders", 4, r#"{"id":4,"product_id":1,"quantity":7}"#)]);
    assert_eq!(grown, ["+1 4", "-1 3"]);
    assert_eq!(feed.change(&[remove("orders", 2)]), ["+1 3", "-1 2"]);
}

#[test]
fn table_without_a_key_is_a_bag() {
    let records = [
        bag("log", 'c', "null", r#"{"word":"a","n":1}"#),
        bag("log", 'c', "null", r#"{"word":"a","n":1}"#),
        bag("log", 'c', "null", r#"{"word":"b","n":2}"#),
    ];
    let mut feed = Feed::start("SELECT word, count(*), sum(n) FROM log GROUP BY word", &records);
    assert_eq!(feed.rows(), ["a|2|2", "b|1|2"]);
    let gone = feed.change(&[bag("log", 'd', r#"{"word":"a","n":1}"#, "null")]);
    assert_eq!(gone, ["+1 a|1|1", "-1 a|2|2"]);
    let changed = feed.change(&[bag("log", 'u', r#"{"word":"b","n":2}"#, r#"{"word":"a","n":5}"#)]);
    assert_eq!(changed, ["+1 a|2|6", "-1 a|1|1", "-1 b|1|2"]);
    let error = feed.read(&bag("log", 'u', "null", r#"{"word":"b","n":2}"#)).unwrap_err();
    assert!(error.to_string().contains("does not hold the old row"), "{error}");
    assert!(error.hint().contains("REPLICA IDENTITY FULL"));
}

#[test]
fn values_that_were_not_sent_come_from_the_state() {
    let mut feed = Feed::start("SELECT id, name, price FROM products WHERE id = 1", &shop());
    let record =
        put("products", 1, r#"{"id":1,"name":"__debezium_unavailable_value","price":9.0}"#);
    assert_eq!(feed.change(&[record]), ["+1 1|bolt|9", "-1 1|bolt|2.5"]);
    let unknown =
        put("products", 9, r#"{"id":9,"name":"__debezium_unavailable_value","price":9.0}"#);
    let error = feed.read(&unknown).unwrap_err();
    assert!(error.to_string().contains("\"name\" was not sent"), "{error}");
}

#[test]
fn state_is_bounded_by_the_tables() {
    let mut feed = Feed::start("SELECT quantity FROM orders", &shop());
    for round in 0..1000 {
        let row = format!(r#"{{"id":1,"product_id":1,"quantity":{round}}}"#);
        feed.change(&[put("orders", 1, &row)]);
    }
    assert_eq!(feed.live.rows_kept(), 4);
}

#[test]
fn numeric_groups_keep_their_digits_and_meet_by_value() {
    let records = [
        put("t", 1, r#"{"id":1,"n":"1.50"}"#),
        put("t", 2, r#"{"id":2,"n":"1.5"}"#),
        put("t", 3, r#"{"id":3,"n":"2"}"#),
    ];
    let sql = "SELECT n::numeric AS n, sum(n::numeric), count(*) FROM t GROUP BY 1 ORDER BY 1";
    let mut feed = Feed::start(sql, &records);
    assert_eq!(feed.rows(), ["1.50|3.00|2", "2|2|1"]);
    feed.change(&[remove("t", 1)]);
    assert_eq!(feed.rows(), ["1.50|1.5|1", "2|2|1"]);
}

#[test]
fn windows_group_by_event_time_and_close_behind_the_watermark() {
    let at = |id: i64, time: &str| put("clicks", id, &format!(r#"{{"id":{id},"at":"{time}"}}"#));
    let sql = "WITH c AS (SELECT id, at::timestamp AS at FROM clicks) \
               SELECT window_start, count(*) FROM TUMBLE(c, at, interval '1 minute') \
               GROUP BY window_start ORDER BY 1";
    let first = [at(1, "2024-01-01 10:00:05"), at(2, "2024-01-01 10:00:55")];
    let mut feed = Feed::start(sql, &first);
    assert_eq!(feed.rows(), ["2024-01-01 10:00:00|2"]);
    feed.change(&[at(3, "2024-01-01 10:01:00")]);
    assert_eq!(feed.rows(), ["2024-01-01 10:00:00|2", "2024-01-01 10:01:00|1"]);

    let sql = "SELECT window_start, window_end, count(*) FROM HOP(c, at, interval '30 seconds', \
               interval '1 minute') GROUP BY 1, 2 ORDER BY 1";
    let sql = format!("WITH c AS (SELECT at::timestamp AS at FROM clicks) {sql}");
    let feed = Feed::start(&sql, &first[..1]);
    let expected =
        ["2024-01-01 09:59:30|2024-01-01 10:00:30|1", "2024-01-01 10:00:00|2024-01-01 10:01:00|1"];
    assert_eq!(feed.rows(), expected);
}

#[test]
fn closed_window_is_final_and_what_comes_later_is_counted() {
    let at = |id: i64, time: &str| {
        let micros = crate::query::time::parse_timestamp(time, false).unwrap();
        let value = format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"type":"struct","fields":[{{"type":"int32","field":"id"}},{{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"}}],"field":"after"}},{{"type":"string","field":"op"}}]}},"payload":{{"before":null,"after":{{"id":{id},"at":{micros}}},"source":{{}},"op":"c"}}}}"#
        );
        ("clicks", Some(format!(r#"{{"id":{id}}}"#)), Some(value))
    };
    let sql = "SELECT window_start, count(*) FROM TUMBLE(clicks, at, interval '1 minute') \
               GROUP BY window_start ORDER BY 1";
    let first = [at(1, "2024-01-01 10:00:05")];
    let mut feed = Feed::try_start(sql, &first, Some(10_000_000)).unwrap();
    feed.change(&[at(2, "2024-01-01 10:01:05")]);
    // The watermark is at 10:00:55, so the first window is open.
    let open = feed.change(&[at(3, "2024-01-01 10:00:20")]);
    assert_eq!(open, ["+1 2024-01-01 10:00:00|2", "-1 2024-01-01 10:00:00|1"]);
    feed.change(&[at(4, "2024-01-01 10:01:20")]);
    assert_eq!(feed.change(&[at(5, "2024-01-01 10:00:30")]), [""; 0]);
    assert_eq!(feed.live.late(), 1);
    assert_eq!(feed.rows(), ["2024-01-01 10:00:00|2", "2024-01-01 10:01:00|2"]);
}

#[test]
fn what_is_not_supported_is_refused_with_what_to_write() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("DELETE FROM orders", "a live query is a SELECT", ""),
        ("SELECT 1", "a live query reads at least one table", "FROM"),
        ("SELECT * FROM orders CROSS JOIN products", "a join without an equality", "ON t.id"),
        ("SELECT * FROM orders, products", "a join without an equality", "ON t.id"),
        ("SELECT * FROM orders FULL JOIN products ON true", "FULL JOIN", "LEFT JOIN"),
        ("SELECT product_id, quantity FROM orders GROUP BY product_id", "column \"quantity\" is neither grouped", "GROUP BY"),
        ("SELECT id FROM orders GROUP BY 2", "position 2 is not in the select list", ""),
        ("SELECT nam FROM products", "there is no column \"nam\"", "did you mean name? the columns are id, name, price"),
        ("SELECT id FROM orders WHERE quantity", "WHERE has to be true or false, and this is bigint", ""),
        ("SELECT row_number() OVER (ORDER BY id) FROM orders", "a window function", "LIMIT"),
        ("SELECT id FROM orders EXCEPT SELECT id FROM products", "EXCEPT", "LEFT JOIN"),
        ("SELECT string_agg(name, ',') FROM products", "the aggregate string_agg", "there are count"),
        ("SELECT id FROM orders LIMIT quantity", "LIMIT takes a plain number", ""),
        ("SELECT DISTINCT ON (id) id FROM orders", "DISTINCT ON", "GROUP BY"),
        ("SELECT sum(sum(quantity)) FROM orders", "sum is not allowed here", ""),
        ("SELECT id FROM orders WHERE id IN (SELECT id FROM products)", "a subquery in an expression", "join"),
        ("SELECT id FROM TUMBLE(orders, quantity, interval '1 hour')", "the time of a window is a timestamp column", "to_timestamp"),
        ("SELECT id FROM orders UNION ALL SELECT name FROM products", "UNION cannot be of the types bigint and text", "cast"),
    ];
    for (sql, message, hint) in cases {
        let error = Feed::try_start(sql, &shop(), None).err().unwrap_or_else(|| panic!("{sql}"));
        assert!(error.to_string().contains(message), "{sql}: {error}");
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains(hint), "{sql}: {advice}");
    }
    let error = Feed::try_start("SELECT id FROM orders", &shop(), Some(1)).err().unwrap();
    assert!(error.to_string().contains("--lateness"), "{error}");
    assert_eq!(QueryError::new(Span::empty(), "x").to_string(), "x");
    assert_eq!(Type::Int8.to_string(), "bigint");
}
