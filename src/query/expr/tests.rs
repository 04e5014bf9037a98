use super::*;
use crate::query::error::QueryError;
use proptest::prelude::*;

fn scope() -> Scope {
    let mut scope = Scope::default();
    for (name, ty) in [
        ("i", Type::Int4),
        ("n", Type::Numeric),
        ("f", Type::Float8),
        ("t", Type::Text),
        ("b", Type::Bool),
        ("d", Type::Date),
        ("ts", Type::Timestamp),
        ("j", Type::Json),
        ("nothing", Type::Int4),
    ] {
        scope.push(Some("o"), name, ty);
    }
    scope
}

fn row() -> Vec<Value> {
    let parse = |text, ty| cast::parse(text, ty).unwrap();
    vec![
        Value::Int(7),
        parse("12.50", Type::Numeric),
        Value::Float(0.5),
        Value::text("Größe"),
        Value::Bool(true),
        parse("2024-02-29", Type::Date),
        parse("2024-02-29 12:34:56.789", Type::Timestamp),
        Value::text(r#"{"a": {"b": [1, 2.50]}, "s": "x"}"#),
        Value::Null,
    ]
}

fn bind(text: &str) -> Result<Typed, QueryError> {
    let tree = syntax::expression(text)?;
    Binder::new(&scope()).bind(&tree).map_err(|error| error.within(text))
}

fn eval(text: &str) -> String {
    let bound = bind(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match bound.expr.eval(&row()) {
        Ok(Value::Null) => "NULL".to_owned(),
        Ok(value) => value.to_text(bound.ty),
        Err(error) => format!("ERROR: {error}"),
    }
}

#[test]
fn expressions_have_the_values_of_postgresql() {
    #[rustfmt::skip] // one case a line
    let cases = [
        // arithmetic and its types
        ("i / 2", "3"), ("i % 4", "3"), ("-i", "-7"), ("i / 2.0", "3.5000000000000000"), ("n * 2", "25.00"),
        ("n / i", "1.7857142857142857"), ("n + f", "13"), ("i * f", "3.5"), ("1 / 0", "!1:1: division by zero"),
        ("i / (i - 7)", "ERROR: division by zero"), ("2147483647 + i", "ERROR: integer out of range"),
        ("2147483648 + i", "2147483655"), ("i + nothing", "NULL"), ("n % 5", "2.50"), ("-7 / 2", "-3"),
        ("0.1 + 0.2", "0.3"), ("1.0 * 1.00", "1.000"), ("'5' + i", "12"), ("abs(-n)", "12.50"), ("mod(i, 4)", "3"),
        ("9223372036854775807 + 1", "!1:1: bigint out of range"), ("32767::smallint + 1::smallint", "!1:1: smallint out of range"),
        // comparison, three-valued logic
        ("i > 3", "t"), ("i = 7.0", "t"), ("t = 'Größe'", "t"), ("nothing = 1", "NULL"), ("not (nothing = 1)", "NULL"),
        ("nothing = 1 and false", "f"), ("nothing = 1 or true", "t"), ("nothing = 1 or false", "NULL"), ("b and i > 100", "f"),
        ("i in (1, 7)", "t"), ("i in (1, null)", "NULL"), ("i not in (1, 2)", "t"), ("i not in (7, null)", "f"),
        ("i between 1 and 7", "t"), ("i not between 1 and 6", "t"), ("nothing is null", "t"), ("i is not null", "t"),
        ("nothing is distinct from null", "f"), ("i is distinct from null", "t"), ("i is not distinct from 7", "t"),
        ("(nothing = 1) is unknown", "t"), ("b is true", "t"), ("(nothing = 1) is not true", "t"), ("b is false", "f"),
        ("d < '2024-03-01'", "t"), ("ts >= d", "t"), ("ts < date '2024-03-01'", "t"), ("n = 12.5", "t"), ("f > n", "f"),
        // conditionals
        ("case when i > 10 then 'many' when i > 5 then 'some' else 'few' end", "some"), ("case i when 1 then 'a' when 7 then 'b' end", "b"),
        ("case when false then 1 end", "NULL"), ("case when b then 1 else 2.5 end", "1"), ("coalesce(nothing, i, 0)", "7"),
        ("coalesce(nothing, 1.5)", "1.5"), ("nullif(i, 7)", "NULL"), ("nullif(i, 8)", "7"), ("nullif(i, 7.0)", "NULL"),
        ("greatest(1, i, nothing)", "7"), ("least(n, i)", "7"), ("greatest('b', 'a')", "b"),
        // text
        ("lower(t)", "größe"), ("upper(t)", "GRÖSSE"), ("length(t)", "5"), ("octet_length(t)", "7"), ("t || '-' || i", "Größe-7"),
        ("t || nothing", "NULL"), ("concat(t, nothing, i, b)", "Größe7t"), ("concat_ws(', ', t, nothing, i)", "Größe, 7"),
        ("substring(t from 2 for 3)", "röß"), ("substring(t, 3)", "öße"), ("substr(t, -1, 4)", "Gr"), ("left(t, 2)", "Gr"),
        ("right(t, 2)", "ße"), ("left(t, -2)", "Grö"), ("right(t, -3)", "ße"), ("position('ß' in t)", "4"), ("strpos(t, 'x')", "0"),
        ("trim('  x ')", "x"), ("trim(both 'x' from 'xxaxx')", "a"), ("ltrim('xxax', 'x')", "ax"), ("rtrim('xxax', 'x')", "xxa"),
        ("replace('abcabc', 'b', '--')", "a--ca--c"), ("split_part('a,b,c', ',', 2)", "b"), ("split_part('a,b,c', ',', -1)", "c"),
        ("repeat('ab', 3)", "ababab"), ("lpad('7', 3, '0')", "007"), ("rpad('abc', 2)", "ab"), ("initcap('hello wORLD')", "Hello World"),
        ("reverse('abc')", "cba"), ("translate('12345', '143', 'ax')", "a2x5"), ("starts_with(t, 'Gr')", "t"),
        ("t like 'G%e'", "t"), ("t ilike 'g_ö%'", "t"), ("t not like '%x%'", "t"), ("'a_c' like 'a!_c' escape '!'", "t"), ("t like null", "NULL"),
        ("b || ''", "true"), ("true::text", "true"), ("i::text || 'x'", "7x"), ("n::text", "12.50"),
        // numbers
        ("round(n)", "13"), ("round(12.345, 2)", "12.35"), ("round(1234.5, -2)", "1200"), ("round(f)", "0"), ("trunc(n, 1)", "12.5"),
        ("ceil(n)", "13"), ("floor(-n)", "-13"), ("sqrt(16)", "4"), ("power(2, 10)", "1024"), ("sign(-2.5)", "-1"), ("ceil(i)", "7"),
        // casts
        ("'42'::int", "42"), ("12.5::int", "13"), ("cast(2.5::float8 as int)", "2"), ("n::numeric(4,1)", "12.5"), ("n::numeric(3,2)", "ERROR: numeric field overflow: 12.50 does not fit numeric(3,2)"),
        ("'abc'::varchar(2)", "ab"), ("'yes'::boolean", "t"), ("i::boolean", "t"), ("b::int", "1"), ("f::numeric", "0.5"),
        ("'\\x0aff'::bytea", "\\x0aff"), ("'123e4567e89b12d3a456426614174000'::uuid", "123e4567-e89b-12d3-a456-426614174000"),
        ("1e3", "1000"), ("'1e3'::float8", "1000"), ("0.1::real::float8", "0.10000000149011612"),
        // time
        ("d + 1", "2024-03-01"), ("d - date '2024-01-01'", "59"), ("d + interval '1 month'", "2024-03-29 00:00:00"), ("ts - d", "12:34:56.789"),
        ("ts + '1 day'", "2024-03-01 12:34:56.789"), ("date_trunc('hour', ts)", "2024-02-29 12:00:00"), ("date_trunc('month', d)", "2024-02-01 00:00:00+00"),
        ("extract(year from ts)", "2024"), ("extract(epoch from ts)", "1709210096.789000"), ("extract(second from ts)", "56.789000"), ("extract(dow from d)", "4"),
        ("date_part('hour', ts)", "12"), ("ts::date", "2024-02-29"), ("ts::time", "12:34:56.789"), ("to_timestamp(0)", "1970-01-01 00:00:00+00"),
        ("ts::timestamptz at time zone 'UTC'", "2024-02-29 12:34:56.789"), ("interval '1 day' + interval '2 hours'", "1 day 02:00:00"),
        // JSON
        ("j ->> 's'", "x"), ("j -> 'a' -> 'b' ->> 1", "2.50"), ("j -> 'a'", r#"{"b": [1, 2.50]}"#), ("j ->> 'none'", "NULL"), ("(j -> 'a' -> 'b' -> -2)::text", "1"),
    ];
    for (text, expected) in cases {
        match expected.strip_prefix('!') {
            Some(expected) => assert_eq!(bind(text).unwrap_err().to_string(), expected, "{text}"),
            None => assert_eq!(eval(text), expected, "{text}"),
        }
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("i +", "1:4: expected an expression, found the end", None),
        ("i > 3 3", "1:7: expected the end of the statement, found 3", None),
        ("quantity > 3", "1:1: there is no column \"quantity\"", Some("the columns are i, n, f, t, b, d, ts, j, nothing")),
        ("i > 3 and\n  nothin = 1", "2:3: there is no column \"nothin\"", Some("did you mean nothing? the columns are")),
        ("x.i = 1", "1:3: there is no table \"x\" here", Some("the tables are o")),
        ("i = t", "1:1: there is no operator integer = text", Some("cast one side")),
        ("i + t", "1:1: there is no operator integer + text", Some("cast one side")),
        ("i = 'x'", "1:5: invalid input syntax for type integer: \"x\"", None),
        ("lowr(t)", "1:1: the function lowr is not supported in live queries", Some("did you mean lower?")),
        ("now()", "1:1: now is not supported in live queries", Some("no clock")),
        ("lower(i)", "1:7: lower takes text here, and this is integer", Some("cast it")),
        ("sum(i)", "1:1: sum is not allowed here", Some("HAVING")),
        ("i and b", "1:1: each side of AND has to be true or false, and this is integer", None),
        ("t ~ 'x'", "1:1: matching by a regular expression is not supported in live queries", Some("LIKE")),
        ("j = j", "1:1: = cannot compare json", Some("::text")),
        ("sqrt(n)", "1:1: sqrt of numeric is not supported in live queries", Some("double precision")),
        ("i in (select 1)", "1:1: a subquery in an expression is not supported in live queries", Some("join")),
        ("extract(fortnight from ts)", "1:1: a time has no field \"fortnight\"", Some("there are")),
        ("i::point", "1:1: the type point is not supported in live queries", Some("there are boolean")),
    ];
    for (text, message, hint) in cases {
        let error = bind(text).expect_err(text);
        let (place, rest) = message.split_once(": ").unwrap();
        let shown = error.to_string();
        assert!(shown.ends_with(rest), "{text}: {shown}");
        assert!(shown.starts_with(place) || place == "1:1", "{text}: {shown}");
        let advice = error.advice().unwrap_or_default();
        assert!(advice.contains(hint.unwrap_or_default()), "{text}: {advice}");
    }
    let error = bind("i > 3 and\n  nothin = 1").unwrap_err();
    assert_eq!(error.excerpt().unwrap(), "    nothin = 1\n    ^");
}

#[test]
fn predicate_is_about_a_row_before_and_after_a_change() {
    let mut scope = Scope::default();
    scope.push(Some("after"), "quantity", Type::Int4);
    scope.push(None, "op", Type::Text);
    scope.push_qualified("before", "quantity", Type::Int4);
    let predicate =
        Predicate::parse("quantity > 2 and before.quantity < after.quantity and op = 'u'", &scope);
    let predicate = predicate.unwrap();
    let row = |after, op, before| [Value::Int(after), Value::text(op), Value::Int(before)];
    assert_eq!(predicate.holds(&row(3, "u", 1)), Ok(true));
    assert_eq!(predicate.holds(&row(3, "u", 4)), Ok(false));
    assert_eq!(predicate.holds(&[Value::Int(3), Value::text("u"), Value::Null]), Ok(false));
    assert!(Predicate::parse("quantity + 1", &scope).is_err());
}

proptest! {
    #[test]
    fn any_text_is_bound_or_refused(text in "\\PC{0,60}|[a-z0-9 ()'.+*/=<>,:|-]{0,60}|((i|n|t|ts|d|1|'x'|\\(|\\)|\\+|=|and|like|case|when|then|end|not|in|,|::int) ){0,12}") {
        if let Ok(bound) = bind(&text) {
            drop(bound.expr.eval(&row()));
        }
    }
}
