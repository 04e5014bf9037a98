//! Dates and times from ISO text.

use super::{Civil, DAY, SECOND};

/// Days since 1970-01-01 of `2024-02-29`, `infinity` or a timestamp's date.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    match text.trim() {
        "infinity" => Some(i32::MAX),
        "-infinity" => Some(i32::MIN),
        text => {
            let (days, _) = days_and_rest(text)?;
            i32::try_from(days).ok()
        }
    }
}

/// Microseconds of the day of `12:34[:56[.789]]`.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let number = |text: &str| -> Option<i64> {
        let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| fits)
    };
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || minutes > 59 || seconds > 60 {
        return None;
    }
    let digits: String = fraction.chars().chain("0000000".chars()).take(7).collect();
    let micros = (digits.parse::<i64>().ok()? + 5) / 10;
    let time = (hours * 3600 + minutes * 60 + seconds) * SECOND + micros;
    (time <= DAY).then_some(time)
}

/// Microseconds since 1970-01-01 of `2024-02-29 12:34:56.789`, with `T` or a space between. A zone
/// behind it (`Z`, `+02`, `+05:30`) is taken off when `has_zone`, else ignored, as PostgreSQL does.
#[must_use]
pub fn parse_timestamp(text: &str, has_zone: bool) -> Option<i64> {
    let text = text.trim();
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        "epoch" => return Some(0),
        _ => {}
    }
    let (days, rest) = days_and_rest(text)?;
    let rest = rest.trim_start_matches(['T', ' ']);
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at_checked(zone_at)?;
    let micros = if time.trim().is_empty() { 0 } else { parse_time(time)? };
    let offset = zone_offset(zone)?;
    let offset = if has_zone { offset } else { 0 };
    days.checked_mul(DAY)?.checked_add(micros)?.checked_sub(offset)
}

/// Microseconds east of Greenwich.
fn zone_offset(zone: &str) -> Option<i64> {
    let zone = zone.trim();
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(sign * seconds * SECOND)
}

/// The days of `YYYY-MM-DD` and what follows.
fn days_and_rest(text: &str) -> Option<(i64, &str)> {
    let (text, negative) = match text.strip_prefix('-') {
        Some(text) => (text, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let (year, rest) = text.split_once('-')?;
    let (month, rest) = rest.split_once('-')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (day, rest) = rest.split_at_checked(digits)?;
    let number = |text: &str| -> Option<i64> {
        let fits = (1..=7).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| fits)
    };
    let (rest, is_bc) = match rest.strip_suffix(" BC") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let year = number(year)?;
    let year = if is_bc {
        1 - year
    } else if negative {
        -year
    } else {
        year
    };
    let civil = Civil { year, month: number(month)?, day: number(day)? };
    civil.is_valid().then(|| (civil.days(), rest))
}
