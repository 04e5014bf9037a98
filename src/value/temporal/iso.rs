//! Pieces of ISO 8601 text as Java's formatters print them.

use super::calendar::Day;
use crate::value::json::write_integer;

/// `2024-02-29`, `+10000-01-01`, `-0043-03-15`: four digits at least, `+` only beyond them.
pub(super) fn write_day(day: Day, out: &mut Vec<u8>) {
    let year = day.year.unsigned_abs();
    if day.year < 0 {
        out.push(b'-');
    } else if year > 9999 {
        out.push(b'+');
    }
    match u16::try_from(year) {
        Ok(year) if year <= 9999 => {
            write_two(i64::from(year / 100), out);
            write_two(i64::from(year % 100), out);
        }
        _ => write_integer(year, out),
    }
    out.push(b'-');
    write_two(i64::from(day.month), out);
    out.push(b'-');
    write_two(i64::from(day.day), out);
}

/// Unix milliseconds as Kafka Connect's `Values` prints them: the time of day alone within the
/// first day and before it, the date alone at midnight, else both.
pub(in crate::value) fn write_java_date(millis: i64, out: &mut Vec<u8>) {
    const DAY: i64 = 86_400_000;
    let time = millis.rem_euclid(DAY);
    if millis >= DAY {
        let start = out.len();
        write_day(Day::from_number(millis.div_euclid(DAY)), out);
        if out.get(start) == Some(&b'+') {
            out.remove(start);
        }
        if time == 0 {
            return;
        }
        out.push(b'T');
    }
    write_seconds(time * 1000, out);
    write_fixed_fraction(time * 1000, 3, out);
    out.push(b'Z');
}

/// `12:34:56` of a time of day in microseconds.
pub(super) fn write_seconds(micros_of_day: i64, out: &mut Vec<u8>) {
    let seconds = micros_of_day / 1_000_000;
    write_two(seconds / 3600, out);
    out.push(b':');
    write_two(seconds / 60 % 60, out);
    out.push(b':');
    write_two(seconds % 60, out);
}

/// `.5`, `.789012`, or nothing: as few digits as hold the microseconds.
pub(super) fn write_short_fraction(micros_of_day: i64, out: &mut Vec<u8>) {
    let mut micros = micros_of_day % 1_000_000;
    if micros == 0 {
        return;
    }
    let mut digits = 6;
    while micros % 10 == 0 {
        micros /= 10;
        digits -= 1;
    }
    write_fixed_fraction(micros_of_day, digits, out);
}

/// `.789` with exactly `digits` digits (at most 6), nothing for 0.
pub(super) fn write_fixed_fraction(micros_of_day: i64, digits: u32, out: &mut Vec<u8>) {
    if digits == 0 {
        return;
    }
    out.push(b'.');
    let mut rest = micros_of_day % 1_000_000;
    let mut unit = 100_000;
    for _ in 0..digits.min(6) {
        push_digit(rest / unit, out);
        rest %= unit;
        unit /= 10;
    }
}

/// Two digits.
pub(super) fn write_two(number: i64, out: &mut Vec<u8>) {
    push_digit(number / 10 % 10, out);
    push_digit(number % 10, out);
}

fn push_digit(digit: i64, out: &mut Vec<u8>) {
    out.push(b'0' + u8::try_from(digit).unwrap_or(0));
}
