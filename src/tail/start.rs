//! `--from`: where to begin, as people write it.

use crate::source::StartAt;
use jiff::Zoned;
use jiff::civil;

/// What was written behind `--from` cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is no place to begin: expected beginning, end, an offset such as 1042, a time such \
     as 2026-11-22T12:00:00Z, \"2026-11-22 12:00\" or 12:00, or an age such as 10m"
)]
pub struct StartError {
    /// As written.
    pub text: String,
}

/// Where the tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the last so many changes.
    Last(usize),
    /// At a place in the topics.
    At(StartAt),
}

impl Start {
    /// Reads `beginning`, `end`, an offset, a time, or an age; times without a zone are in that of
    /// `now`.
    ///
    /// # Errors
    ///
    /// [`StartError`] for anything else.
    pub fn parse(text: &str, now: &Zoned) -> Result<Self, StartError> {
        let trimmed = text.trim();
        match trimmed {
            "beginning" | "earliest" | "start" => return Ok(Self::At(StartAt::Beginning)),
            "end" | "latest" | "now" => return Ok(Self::Last(0)),
            _ => {}
        }
        if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
            let offset = trimmed.parse().map_err(|_| StartError { text: text.to_owned() })?;
            return Ok(Self::At(StartAt::Offset(offset)));
        }
        time_ms(trimmed, now)
            .map(|time| Self::At(StartAt::TimestampMs(time)))
            .ok_or_else(|| StartError { text: text.to_owned() })
    }
}

fn time_ms(text: &str, now: &Zoned) -> Option<i64> {
    let age = text.strip_suffix("ago").map_or(text, str::trim_end);
    if let Ok(span) = age.parse::<jiff::Span>() {
        // An age, so 10m and -10m both mean ten minutes before now.
        return Some(now.checked_sub(span.abs()).ok()?.timestamp().as_millisecond());
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    // A civil time also reads the time out of a date and time, so it comes last.
    let local = match text.parse::<civil::DateTime>() {
        Ok(local) => local,
        Err(_) => now.date().to_datetime(text.parse::<civil::Time>().ok()?),
    };
    Some(local.to_zoned(now.time_zone().clone()).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Zoned {
        "2026-11-22T12:00:00+01:00[Europe/Paris]".parse().unwrap()
    }

    #[test]
    fn places_are_read_as_people_write_them() {
        let at = |time: &str| {
            let time: jiff::Timestamp = time.parse().unwrap();
            Start::At(StartAt::TimestampMs(time.as_millisecond()))
        };
        #[rustfmt::skip] // one case a line
        let cases = [
            ("beginning", Start::At(StartAt::Beginning)),
            ("end", Start::Last(0)),
            ("1042", Start::At(StartAt::Offset(1042))),
            ("2026-11-22T09:30:00Z", at("2026-11-22T09:30:00Z")),
            ("2026-11-22T09:30:00.5+02:00", at("2026-11-22T07:30:00.5Z")),
            ("2026-11-22 09:30", at("2026-11-22T08:30:00Z")),
            ("2026-06-22 09:30", at("2026-06-22T07:30:00Z")),
            ("2026-11-21", at("2026-11-20T23:00:00Z")),
            ("09:30", at("2026-11-22T08:30:00Z")),
            ("10m", at("2026-11-22T10:50:00Z")),
            ("10m ago", at("2026-11-22T10:50:00Z")),
            ("1h30m", at("2026-11-22T09:30:00Z")),
            ("90 seconds ago", at("2026-11-22T10:58:30Z")),
            ("2d", at("2026-11-20T11:00:00Z")),
        ];
        for (text, start) in cases {
            assert_eq!(Start::parse(text, &now()), Ok(start), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_is_expected() {
        for text in ["", "soon", "-5", "99999999999999999999", "2026-13-01", "10x", "10 ago ago"] {
            let error = Start::parse(text, &now()).unwrap_err();
            assert!(error.to_string().starts_with(&format!("\"{text}\" is no place to begin")));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[0-9 dhmsPTZ:+-]*") {
            drop(Start::parse(&text, &now()));
        }
    }
}
