//! Exact lines, with and without colours.

use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn options() -> FeedOptions {
    FeedOptions {
        color: false,
        width: None,
        zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(1)),
        today: Some(date(2026, 11, 22)),
        table_column: false,
    }
}

fn drawn(writer: &mut FeedWriter) -> String {
    let mut out = Vec::new();
    writer.draw(&mut out);
    String::from_utf8(out).unwrap()
}

/// Milliseconds of 2026-11-22T12:04:07.112 in the feed's zone.
const NOON: i64 = 1_795_345_447_112;

fn push(writer: &mut FeedWriter, key: Option<&str>, value: Option<&str>) -> bool {
    push_to(writer, "dbserver1.public.orders", key, value)
}

fn push_to(writer: &mut FeedWriter, topic: &str, key: Option<&str>, value: Option<&str>) -> bool {
    writer.push(&RecordView {
        topic,
        timestamp_ms: Some(NOON),
        key: key.map(str::as_bytes),
        value: value.map(str::as_bytes),
    })
}

fn envelope(op: &str, before: &str, after: &str) -> String {
    format!(
        r#"{{"before":{before},"after":{after},"source":{{"ts_ms":{NOON}}},"op":"{op}","ts_ms":1}}"#
    )
}

fn order(id: u32, quantity: &str) -> String {
    format!(r#"{{"id":{id},"customer_id":17,"product_id":2,"quantity":{quantity}}}"#)
}

#[test]
fn changes_of_a_row_read_as_the_design_says() {
    let mut writer = FeedWriter::new(options());
    let key = Some(r#"{"id":1201}"#);
    push(&mut writer, Some(r#"{"id":2}"#), Some(&envelope("r", "null", &order(2, "10"))));
    push(&mut writer, key, Some(&envelope("c", "null", &order(1201, "3"))));
    push(&mut writer, key, Some(&envelope("u", "null", &order(1201, "5"))));
    // What the default replica identity sends of a deleted row: the key and invented zeros.
    let before = r#"{"id":1201,"customer_id":0,"product_id":0,"quantity":null}"#;
    assert!(push(&mut writer, key, Some(&envelope("d", before, "null"))));
    assert!(!push(&mut writer, key, None));
    push(&mut writer, None, Some(&envelope("t", "null", "null")));
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  ·  id 2      customer_id 17   product_id 2   quantity 10\n  \
           12:04:07.112  +  id 1201   customer_id 17   product_id 2   quantity 3\n  \
           12:04:07.112  ~  id 1201   quantity 3 → 5\n  \
           12:04:07.112  -  id 1201   customer_id 17   product_id 2   quantity 5\n  \
           12:04:07.112  ×  truncated\n"
    );
    assert_eq!(drawn(&mut writer), "");
}

#[test]
fn colours_mark_sign_names_nulls_and_changes() {
    let mut writer = FeedWriter::new(FeedOptions { color: true, ..options() });
    let key = Some(r#"{"id":1}"#);
    push(&mut writer, key, Some(&envelope("c", "null", r#"{"id":1,"a":null}"#)));
    push(&mut writer, key, Some(&envelope("u", "null", r#"{"id":1,"a":"x"}"#)));
    let time = "  \u{1b}[2m12:04:07.112\u{1b}[0m  ";
    let id = "\u{1b}[2mid\u{1b}[0m 1   \u{1b}[2ma\u{1b}[0m ";
    assert_eq!(
        drawn(&mut writer),
        format!(
            "{time}\u{1b}[32m+\u{1b}[0m  {id}\u{1b}[2mNULL\u{1b}[0m\n\
             {time}\u{1b}[33m~\u{1b}[0m  {id}\u{1b}[2mNULL\u{1b}[0m\u{1b}[2m → \u{1b}[0m\u{1b}[1mx\u{1b}[0m\n"
        )
    );
}

#[test]
fn update_without_an_old_row_shows_the_new_one() {
    let mut writer = FeedWriter::new(options());
    let key = Some(r#"{"id":1}"#);
    push(&mut writer, key, Some(&envelope("u", "null", &order(1, "5"))));
    push(&mut writer, key, Some(&envelope("u", &order(1, "5"), &order(1, "6"))));
    push(&mut writer, key, Some(&envelope("u", &order(1, "6"), &order(1, "6"))));
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  ~  id 1   customer_id 17   product_id 2   quantity 5\n  \
           12:04:07.112  ~  id 1   quantity 5 → 6\n  \
           12:04:07.112  ~  id 1   no change\n"
    );
}

#[test]
fn delete_without_an_old_row_shows_its_key_and_with_one_shows_it() {
    let mut writer = FeedWriter::new(options());
    let key = Some(r#"{"id":1}"#);
    let filler = r#"{"id":1,"customer_id":0,"product_id":0,"quantity":null}"#;
    push(&mut writer, key, Some(&envelope("d", filler, "null")));
    push(&mut writer, key, Some(&envelope("d", &order(1, "0"), "null")));
    // Without a key nothing says which values were sent.
    push(&mut writer, None, Some(&envelope("d", r#"{"a":0,"b":null}"#, "null")));
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  -  id 1\n  \
           12:04:07.112  -  id 1   customer_id 17   product_id 2   quantity 0\n  \
           12:04:07.112  -  a 0   b NULL\n"
    );
}

#[test]
fn noted_records_are_remembered_but_not_shown() {
    let mut writer = FeedWriter::new(options());
    let (topic, key) = ("dbserver1.public.orders", r#"{"id":1}"#);
    let value = envelope("r", "null", &order(1, "3"));
    let (key_bytes, value_bytes) = (Some(key.as_bytes()), Some(value.as_bytes()));
    writer.note(&RecordView { topic, timestamp_ms: None, key: key_bytes, value: value_bytes });
    assert_eq!(writer.waiting(), 0);
    push(&mut writer, Some(key), Some(&envelope("u", "null", &order(1, "4"))));
    assert_eq!(drawn(&mut writer), "  12:04:07.112  ~  id 1   quantity 3 → 4\n");
}

#[test]
fn unchanged_large_values_are_no_change() {
    let mut writer = FeedWriter::new(options());
    let key = Some(r#"{"id":1}"#);
    let row = |n: &str, text: &str| format!(r#"{{"id":1,"n":{n},"doc":"{text}"}}"#);
    let gone = "__debezium_unavailable_value";
    push(&mut writer, key, Some(&envelope("c", "null", &row("1", "long"))));
    push(&mut writer, key, Some(&envelope("u", "null", &row("2", gone))));
    push(&mut writer, key, Some(&envelope("u", "null", &row("2", "short"))));
    push(&mut writer, None, Some(&envelope("u", "null", &row("2", gone))));
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  +  id 1   n 1   doc long\n  \
           12:04:07.112  ~  id 1   n 1 → 2\n  \
           12:04:07.112  ~  id 1   doc short\n  \
           12:04:07.112  ~  id 1   n 2   doc (unchanged)\n"
    );
}

#[test]
fn several_tables_are_named_by_what_tells_them_apart() {
    let mut writer = FeedWriter::new(FeedOptions { table_column: true, ..options() });
    writer.expect(["s.public.orders", "s.audit.orders", "s.public.t"]);
    push_to(&mut writer, "s.public.t", None, Some(r#"{"a":1}"#));
    push_to(&mut writer, "s.public.orders", None, Some(r#"{"b":1}"#));
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  t              *  a 1\n  \
           12:04:07.112  public.orders  *  b 1\n"
    );
}

#[test]
fn newcomer_makes_short_names_of_others_longer() {
    let mut writer = FeedWriter::new(FeedOptions { table_column: true, ..options() });
    for topic in ["a.x.orders", "b.x.orders", "a.x.t", "b.x.orders"] {
        push_to(&mut writer, topic, None, Some("1"));
    }
    let text = drawn(&mut writer);
    let labels: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(labels, ["a.x.orders", "b.x.orders", "t", "b.x.orders"]);
}

#[test]
fn what_is_no_envelope_is_shown_as_it_is() {
    let mut writer = FeedWriter::new(options());
    let topic = "dbserver1.transaction";
    let begin = r#"{"status":"BEGIN","id":"571:5","ts_ms":7,"event_count":null}"#;
    push_to(&mut writer, topic, Some(r#"{"id":"571:5"}"#), Some(begin));
    push_to(&mut writer, topic, Some("k\n1"), Some("plain text"));
    push_to(&mut writer, topic, None, Some(""));
    writer.push(&RecordView {
        topic,
        timestamp_ms: None,
        key: Some(b"\xff"),
        value: Some(b"\x00\xfe"),
    });
    // A tombstone in a topic of bare rows is the delete itself.
    push_to(&mut writer, topic, Some(r#"{"id":"571:5"}"#), None);
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  *  id 571:5   status BEGIN   ts_ms 7   event_count NULL\n  \
           12:04:07.112  *  key k\\n1       value plain text\n  \
           12:04:07.112  *  value\n  \
           --:--:--.---  *  key \\xff 1 B   value \\x00fe 2 B\n  \
           12:04:07.112  -  id 571:5   status BEGIN   ts_ms 7   event_count NULL\n"
    );
}

#[test]
fn logical_message_shows_prefix_and_text() {
    let schema = r#"{"type":"struct","fields":[{"type":"string","field":"op"},{"type":"struct","fields":[{"type":"string","field":"prefix"},{"type":"bytes","field":"content"}],"field":"message"}]}"#;
    let mut writer = FeedWriter::new(options());
    for content in ["aGVsbG8=", "/wA="] {
        let payload = format!(
            r#"{{"op":"m","message":{{"prefix":"audit","content":"{content}"}},"source":{{}}}}"#
        );
        let value = format!(r#"{{"schema":{schema},"payload":{payload}}}"#);
        push(&mut writer, Some(r#"{"prefix":"audit"}"#), Some(&value));
    }
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  »  prefix audit   content hello\n  \
           12:04:07.112  »  prefix audit   content \\xff00 2 B\n"
    );
}

#[test]
fn lines_are_cut_at_the_terminals_width() {
    for color in [false, true] {
        let options = FeedOptions { width: Some(60), color, ..options() };
        let mut writer = FeedWriter::new(options);
        let long =
            format!(r#"{{"id":1,"note":"{}","日本":"語語語語語語語","c":1}}"#, "x".repeat(50));
        push(&mut writer, Some(r#"{"id":1}"#), Some(&envelope("c", "null", &long)));
        push(&mut writer, Some(r#"{"id":1}"#), Some(&envelope("c", "null", r#"{"id":1,"n":2}"#)));
        let text = drawn(&mut writer);
        let plain = strip(&text);
        assert_eq!(
            plain,
            "  12:04:07.112  +  id 1   note xxxxxxxxxxxxxxxxxxx…   日本 …\n  \
               12:04:07.112  +  id 1   n 2\n"
        );
        assert_eq!(text != plain, color);
    }
}

#[test]
fn padding_does_not_push_a_line_over_the_terminals_width() {
    let mut writer = FeedWriter::new(FeedOptions { width: Some(30), ..options() });
    push(&mut writer, Some("a long key"), Some("v"));
    push(&mut writer, Some("k"), Some("v"));
    let line = "  12:04:07.112  *  key";
    assert_eq!(drawn(&mut writer), format!("{line} a long…\n{line} k …\n"));
}

/// Without colours.
fn strip(text: &str) -> String {
    let mut out = String::new();
    let mut in_color = false;
    for c in text.chars() {
        in_color = in_color || c == '\u{1b}';
        if !in_color {
            out.push(c);
        }
        in_color = in_color && c != 'm';
    }
    out
}

#[test]
fn another_day_is_announced_once() {
    let mut writer = FeedWriter::new(options());
    for ms in [NOON - 86_400_000, NOON - 86_400_000 + 1, NOON] {
        let topic = "t";
        writer.push(&RecordView { topic, timestamp_ms: Some(ms), key: None, value: Some(b"1") });
    }
    assert_eq!(
        drawn(&mut writer),
        "  2026-11-21\n  \
           12:04:07.112  *  value 1\n  \
           12:04:07.113  *  value 1\n  \
           2026-11-22\n  \
           12:04:07.112  *  value 1\n"
    );
}

#[test]
fn recorded_debezium_values_read_as_in_the_database() {
    let schema = r#"{"type":"struct","fields":[{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"10"},"field":"price"},{"type":"int32","optional":true,"name":"io.debezium.time.Date","version":1,"field":"day"}],"optional":true,"name":"pg.public.t.Value","field":"after"},{"type":"string","field":"op"}]}"#;
    let value = |price: &str| {
        let payload = format!(
            r#"{{"after":{{"id":1,"price":"{price}","day":19782}},"source":{{"ts_ms":{NOON}}},"op":"u"}}"#
        );
        format!(r#"{{"schema":{schema},"payload":{payload}}}"#)
    };
    let key = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,"name":"pg.public.t.Key"},"payload":{"id":1}}"#;
    let mut writer = FeedWriter::new(options());
    push(&mut writer, Some(key), Some(&value("B88=")));
    push(&mut writer, Some(key), Some(&value("B9A=")));
    assert_eq!(
        drawn(&mut writer),
        "  12:04:07.112  ~  id 1   price 19.99   day 2024-02-29\n  \
           12:04:07.112  ~  id 1   price 19.99 → 20.00\n"
    );
}

proptest! {
    #[test]
    fn any_bytes_make_at_most_one_safe_line_each(
        records in proptest::collection::vec((
            proptest::option::of(prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..30),
                r#"\{"[a-c]":("\PC{0,8}"|[0-9]|null)\}"#.prop_map(String::into_bytes),
            ]),
            proptest::option::of(prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..30),
                r#"\{("(schema|payload|after|before|message|a|b)":(\{("[a-c]":("\PC{0,40}"|[0-9]|null|\[1\]),?){0,3}\}|1|null),){0,3}"op":"[curdtm]"\}"#
                    .prop_map(String::into_bytes),
            ]),
        ), 1..8),
        color in any::<bool>(),
        width in proptest::option::of(0..120_usize),
        timestamp_ms in proptest::option::of(any::<i64>()),
    ) {
        let options = FeedOptions { color, width, today: None, ..options() };
        let mut writer = FeedWriter::new(options);
        for (key, value) in &records {
            let view = RecordView {
                topic: "t", timestamp_ms, key: key.as_deref(), value: value.as_deref(),
            };
            writer.push(&view);
        }
        let waiting = writer.waiting();
        prop_assert!(waiting <= records.len());
        let text = drawn(&mut writer);
        let plain = strip(&text);
        let lines = plain.lines().filter(|line| line.len() > 12).count();
        prop_assert_eq!(lines, waiting);
        prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{:?}", plain);
        if let Some(width) = width.filter(|width| *width >= 24) {
            use unicode_width::UnicodeWidthStr as _;
            for line in plain.lines() {
                prop_assert!(line.width() <= width, "{:?} in {}", line, width);
            }
        }
    }
}
