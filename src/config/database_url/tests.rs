use super::*;
use proptest::prelude::*;

fn flag() -> Origin {
    Origin::Flag("--database-url".to_owned())
}

/// The settings in short: `hostname=h port=1`.
fn short(text: &str) -> String {
    match parse(text, &flag()) {
        Ok(settings) => settings
            .into_iter()
            .map(|one| format!("{}={}", one.key.rsplit('.').next().unwrap(), one.value))
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn urls_and_connection_strings_become_settings() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("postgres://me:pw@db:5433/shop", "user=me password=pw hostname=db port=5433 dbname=shop"),
        ("postgresql://db", "hostname=db"),
        ("postgres://", ""),
        ("postgres:///shop", "dbname=shop"),
        ("postgres://me@/shop", "user=me dbname=shop"),
        ("postgres://db:/shop", "hostname=db dbname=shop"),
        ("postgres://:5433", "port=5433"),
        ("postgres://[2001:db8::1]:5433/x", "hostname=2001:db8::1 port=5433 dbname=x"),
        ("postgres://[::1]", "hostname=::1"),
        ("postgres:///db?host=/run/postgresql&port=5433", "dbname=db hostname=/run/postgresql port=5433"),
        ("postgres://%2Frun%2Fpostgresql/shop", "hostname=/run/postgresql dbname=shop"),
        ("postgres://a%40b:p%3A%2F%25@h/d%20b", "user=a@b password=p:/% hostname=h dbname=d b"),
        ("postgres://u:p@ss@h/d", "user=u password=p@ss hostname=h dbname=d"),
        ("postgres://h/d?sslmode=verify-full&sslrootcert=%2Fca.pem", "hostname=h dbname=d sslmode=verify-full sslrootcert=/ca.pem"),
        ("postgres://h/d?ssl=true", "hostname=h dbname=d sslmode=require"),
        ("postgres://h/d?connect_timeout=3", "hostname=h dbname=d connectTimeout=3"),
        ("host=h dbname=d", "hostname=h dbname=d"),
        ("  host = h\tuser='a b' password='it\\'s \\\\' ", "hostname=h user=a b password=it's \\"),
        ("password='' host=h", "hostname=h"),
        (r"password=a\ b host=h", "password=a b hostname=h"),
    ];
    for (text, expected) in cases {
        assert_eq!(short(text), expected, "{text}");
    }
}

#[test]
fn wrong_urls_say_what_is_wrong() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("mysql://h/d", "must begin with postgres://"),
        ("jdbc:postgresql://h/d", "must begin with postgres://"),
        ("shop", "neither a URL nor a list of keyword=value"),
        ("", "neither a URL nor a list of keyword=value"),
        ("postgres://h:port/d", "no number from 1 to 65535"),
        ("postgres://h:0/d", "no number from 1 to 65535"),
        ("postgres://[::1/d", "not closed"),
        ("postgres://[::1]x/d", "only :port may stand"),
        ("postgres://h/%4", "two hex digits"),
        ("postgres://h/%+4", "two hex digits"),
        ("postgres://h/%00", "%00 is not allowed"),
        ("postgres://h/%ff", "no UTF-8"),
        ("postgres://h/d?sslmode", "has no ="),
        ("postgres://h/d?sslmod=require", "unknown parameter; it knows host, port"),
        ("postgres://a,b/d", "a list of hosts (--database-url) is a known libpq setting"),
        ("postgres://h/d?channel_binding=require", "channel_binding (--database-url) is a known libpq setting"),
        ("host=h user", "a keyword has no ="),
        ("host='h", "a quote is not closed"),
    ];
    for (text, part) in cases {
        let got = short(text);
        assert!(got.starts_with("! ") && got.contains(part), "{text}: {got}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_no_error_repeats_the_secret(text in "\\PC{0,40}") {
        for form in [
            text.clone(),
            format!("postgres://{text}"),
            format!("postgres://u:SECRET{text}"),
            format!("password='SECRET {text}"),
        ] {
            if let Err(error) = parse(&form, &flag()) {
                prop_assert!(!error.to_string().contains("SECRET"), "{form}: {error}");
            }
        }
    }

    #[test]
    fn percent_encoding_returns_every_password(password in ".{1,20}") {
        let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let parsed = parse(&format!("postgres://u:{encoded}@h/d"), &flag());
        if password.contains('\0') {
            prop_assert!(parsed.is_err());
        } else {
            prop_assert_eq!(&parsed.unwrap()[1].value, &password);
        }
    }
}
