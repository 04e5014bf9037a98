use super::*;
use proptest::prelude::*;

/// The entries of a text in short: `a=1; b=2`, or the error behind `!`.
fn short(format: Format, text: &str) -> String {
    match format.parse(text) {
        Ok(entries) => entries
            .iter()
            .map(|entry| format!("{}={}", entry.key, entry.value))
            .collect::<Vec<_>>()
            .join("; "),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn properties_follow_the_rules_of_java() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("a=1\nb:2\nc 3", "a=1; b=2; c=3"),
        ("  a = 1  ", "a=1  "),
        ("a\t:\t1", "a=1"),
        ("a= = 1", "a== 1"),
        ("# x=1\n! y=2\n\n  # z=3\na=1", "a=1"),
        ("a=1\r\nb=2\rc=3", "a=1; b=2; c=3"),
        ("a=x\\\n   y\\\n\tz", "a=xyz"),
        ("a=x\\\\\nb=2", "a=x\\; b=2"),
        ("a=x\\", "a=x"),
        ("a=1\\\n# no comment", "a=1# no comment"),
        (r"a\=b\:c\ d=1", "a=b:c d=1"),
        (r"a=\t\n\r\f\q\:", "a=\t\n\r\u{c}q:"),
        (r"a=\u0041\u00e9\uD83D\uDE00", "a=Aé😀"),
        ("key", "key="),
        ("=value", "=value"),
        (r"a=\u00", "! line 1: \\u needs four hex digits behind it"),
        ("ok=1\na=\\u00zz", "! line 2: \\u needs four hex digits behind it"),
    ];
    for (text, expected) in cases {
        assert_eq!(short(Format::Properties, text), expected, "{text:?}");
    }
    let entries = Format::Properties.parse("# c\na=1\\\n2\nb=3").unwrap();
    assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [Some(2), Some(4)]);
}

#[test]
fn json_is_read_with_and_without_its_wrapper() {
    #[rustfmt::skip] // one case a line
    let cases = [
        (r#"{"a": "x", "b": 5, "c": true, "d": null, "e": 1.5}"#, "a=x; b=5; c=true; e=1.5"),
        (r#"{"a": ["x", "y{1,2}"]}"#, r"a=x,y{1\,2}"),
        (r#"{"name": "n", "config": {"a": "x"}}"#, "a=x; name=n"),
        (r#"{"name": "n", "config": {"a": "x", "name": "n"}, "tasks": [], "type": "source"}"#, "a=x; name=n"),
        (r#"{"name": "n", "config": {}, "initial_state": "RUNNING"}"#, "name=n"),
        (r#"{"name": "n", "config": {}, "initial_state": "PAUSED"}"#, r#"! "initial_state" "PAUSED" is not supported yet; start minicdc when it shall run"#),
        (r#"{"name": "n", "config": {"name": "m"}}"#, r#"! "name" beside "config" differs from the one within"#),
        (r#"{"config": {}, "confg": {}}"#, r#"! unknown member "confg" beside "config""#),
        (r#"{"a": {"b": 1}}"#, "! a: expected text, a number, or true or false, found an object"),
        (r#"{"a": [null]}"#, "! a: expected text, a number, or true or false, found null in a list"),
        ("[]", r#"! expected an object, {"slot.name": …} or {"name": …, "config": {…}}"#),
        ("{} x", "! trailing characters at line 1 column 4"),
        ("{", "! EOF while parsing an object at line 1 column 1"),
    ];
    for (text, expected) in cases {
        assert_eq!(short(Format::Json, text), expected, "{text}");
    }
}

#[test]
fn toml_may_be_flat_or_nested() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("\"slot.name\" = \"x\"", "slot.name=x"),
        ("slot.name = \"x\"\nslot.drop.on.stop = true", "slot.drop.on.stop=true; slot.name=x"),
        ("[database]\nport = 5433\nhostname = 'h'", "database.hostname=h; database.port=5433"),
        ("[table]\ninclude.list = ['a.b', 'c.d{1,2}']", r"table.include.list=a.b,c.d{1\,2}"),
        ("a = [{b = 1}]", "! a: expected text, a number, or true or false, found a table in a list"),
    ];
    for (text, expected) in cases {
        let mut got: Vec<String> =
            short(Format::Toml, text).split("; ").map(str::to_owned).collect();
        got.sort();
        assert_eq!(got.join("; "), expected, "{text}");
    }
    let error = short(Format::Toml, "a = 1\nb = \"SECRET\nc = 2");
    assert!(error.starts_with("! line 2: "), "{error}");
    assert!(!error.contains("SECRET"), "{error}");
}

#[test]
fn format_follows_extension_then_content() {
    let cases = [
        ("x.json", "a=1", Format::Json),
        ("x.properties", "{", Format::Properties),
        ("x.toml", "{", Format::Toml),
        ("x", " {\"a\": 1}", Format::Json),
        ("x", "a = \"1\"", Format::Toml),
        ("x", "a = some text", Format::Properties),
        ("x.cfg", "slot.name: x", Format::Properties),
    ];
    for (name, text, expected) in cases {
        assert_eq!(Format::of(Path::new(name), text), expected, "{name} {text}");
    }
}

#[test]
fn reading_names_the_file_the_line_and_a_key_that_stands_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.properties");
    std::fs::write(&path, "\u{feff}slot.name=a\nslot.name=b\n").unwrap();
    let error = read(&path, &Environment::default()).err().unwrap();
    assert_eq!(error.to_string(), format!("slot.name is set twice ({} line 2)", path.display()));
    let path = dir.path().join("c.json");
    std::fs::write(&path, r#"{"slot.name": "a", "slot.name": "b"}"#).unwrap();
    assert!(read(&path, &Environment::default()).err().unwrap().to_string().contains("set twice"));
    let error = read(&dir.path().join("none.json"), &Environment::default()).err().unwrap();
    assert!(error.to_string().ends_with("none.json"), "{error}");
}

#[test]
fn placeholders_are_filled_in_from_environment_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("s.properties"), "pw = hidden\n").unwrap();
    std::fs::write(at("token"), "hidden too\n").unwrap();
    let mut environment = Environment::default();
    environment.variables.insert("PW".to_owned(), "from env".to_owned());
    let fill = |text: &str| {
        placeholder::fill_in(text, &environment)
            .unwrap_or_else(|(what, why)| format!("! {what}: {why}"))
    };
    assert_eq!(fill("a ${env:PW} b ${env:PW}"), "a from env b from env");
    assert_eq!(fill(&format!("${{file:{}:pw}}", at("s.properties"))), "hidden");
    assert_eq!(fill(&format!("${{dir:{}:token}}", dir.path().display())), "hidden too");
    assert_eq!(fill("${name} $x ${"), "${name} $x ${");
    assert_eq!(fill("${env:NONE}"), "! env:NONE: the environment has no NONE");
    assert_eq!(fill("${vault:a:b}"), "! vault:a:b: the provider \"vault\" is not supported yet");
}

proptest! {
    #[test]
    fn no_text_panics_a_parser(text in "\\PC*|[\\\\u0-9a-f=: \n\r\t#!{}\\[\\]\"$]{0,60}") {
        for format in [Format::Json, Format::Properties, Format::Toml] {
            prop_assert!(format.parse(&text).map_or(true, |entries| entries.len() <= text.len() + 1));
        }
        let filled = placeholder::fill_in(&text, &Environment::default());
        let held_one = text.contains("${");
        prop_assert!(filled.is_ok() || held_one);
    }

    #[test]
    fn escaped_properties_return_every_key_and_value(key in "[^\0]{1,12}", value in "[^\0]{0,12}") {
        let escape = |text: &str| -> String {
            text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
        };
        let text = format!("{}={}", escape(&key), escape(&value));
        let entries = Format::Properties.parse(&text).unwrap();
        prop_assert_eq!(entries.len(), 1);
        prop_assert_eq!((&entries[0].key, &entries[0].value), (&key, &value));
    }
}
