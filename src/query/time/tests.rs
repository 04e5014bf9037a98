use super::*;
use proptest::prelude::*;

fn timestamp(text: &str) -> i64 {
    parse_timestamp(text, false).unwrap_or_else(|| panic!("{text}"))
}

fn shown(micros: i64) -> String {
    let mut out = String::new();
    write_timestamp(&mut out, micros, "");
    out
}

fn interval(text: &str) -> Interval {
    Interval::parse(text).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn timestamps_are_read_and_printed() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("2024-02-29 12:34:56.789012", "2024-02-29 12:34:56.789012"),
        ("2024-02-29T12:34:56.5Z", "2024-02-29 12:34:56.5"),
        ("1970-01-01", "1970-01-01 00:00:00"),
        ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
        ("0044-03-15 12:00:00 BC", "0044-03-15 12:00:00 BC"),
        ("infinity", "infinity"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(timestamp(text)), expected);
    }
    assert_eq!(
        parse_timestamp("2024-02-29 12:00+05:30", true),
        Some(timestamp("2024-02-29 06:30"))
    );
    for text in ["", "2024-02-30", "2024-13-01", "2024-01-01 25:00", "12:00", "soon"] {
        assert_eq!(parse_timestamp(text, true), None, "{text}");
    }
}

#[test]
fn intervals_are_read_added_and_printed() {
    #[rustfmt::skip] // one case a line
    let cases = [
        ("1 day", "1 day"), ("90 minutes", "01:30:00"), ("1 year 2 mons 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789"),
        ("P1Y2M3DT4H5M6.789S", "1 year 2 mons 3 days 04:05:06.789"), ("-1 day", "-1 days"), ("1.5 days", "1 day 12:00:00"),
        ("2 weeks", "14 days"), ("1h30m", "01:30:00"), ("0", "00:00:00"), ("-1 mon +1 day", "-1 mons +1 day"),
        ("1 day ago", "-1 days"), ("0.5 second", "00:00:00.5"),
    ];
    for (text, expected) in cases {
        let mut out = String::new();
        interval(text).write(&mut out);
        assert_eq!(out, expected, "{text}");
    }
    assert_eq!(Interval::parse("soon"), None);
    let later = interval("1 mon 1 day").after(timestamp("2024-01-31 10:00")).unwrap();
    assert_eq!(shown(later), "2024-03-01 10:00:00");
}

#[test]
fn parts_are_those_of_postgresql() {
    let time = timestamp("2024-12-30 12:34:56.789");
    #[rustfmt::skip] // one case a line
    let cases = [
        (Field::Year, "2024"), (Field::Isoyear, "2025"), (Field::Week, "1"), (Field::Doy, "365"), (Field::Dow, "1"),
        (Field::Isodow, "1"), (Field::Quarter, "4"), (Field::Second, "56.789000"), (Field::Milliseconds, "56789.000"),
        (Field::Epoch, "1735562096.789000"), (Field::Century, "21"), (Field::Decade, "202"), (Field::Millennium, "3"),
    ];
    for (field, expected) in cases {
        assert_eq!(extract(field, time, false).to_string(), expected, "{field:?}");
    }
    #[rustfmt::skip] // one case a line
    let cases = [
        (Field::Hour, "2024-12-30 12:00:00"), (Field::Week, "2024-12-30 00:00:00"), (Field::Month, "2024-12-01 00:00:00"),
        (Field::Quarter, "2024-10-01 00:00:00"), (Field::Decade, "2020-01-01 00:00:00"), (Field::Century, "2001-01-01 00:00:00"),
    ];
    for (field, expected) in cases {
        assert_eq!(shown(truncate(field, time).unwrap()), expected, "{field:?}");
    }
}

proptest! {
    #[test]
    fn days_and_dates_go_both_ways(days in -1_000_000_i64..3_000_000) {
        let civil = Civil::from_days(days);
        prop_assert!(civil.is_valid());
        prop_assert_eq!(civil.days(), days);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[-+0-9:. TZPYMDHSdays]*") {
        if let Some(micros) = parse_timestamp(&text, true).filter(|micros| micros.abs() < i64::MAX) {
            prop_assert_eq!(parse_timestamp(&shown(micros), false), Some(micros));
        }
        prop_assert!(parse_date(&text).is_none_or(|days| days != 0 || text.contains("1970")));
        prop_assert!(parse_time(&text).is_none_or(|time| (0..=DAY).contains(&time)));
        if let Some(interval) = Interval::parse(&text) {
            let mut out = String::new();
            interval.write(&mut out);
            prop_assert_eq!(Interval::parse(&out), Some(interval), "{}", out);
        }
    }
}
