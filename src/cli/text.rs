//! Numbers, sizes and times as people read them, and the room there is for them.

pub(crate) use minicdc::stage::grouped;

use std::io;
use std::time::Duration;

/// `1 row`, `1,200 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `0 B`, `12.3 kB`, `4.5 MB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths of a kilobyte, rounded; then of the next unit, as long as there are four digits.
    let (mut tenths, mut unit) = (bytes.saturating_add(50) / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS.get(unit).unwrap_or(&"PB"))
}

/// `3 ms`, `1.2 s`, `4 min 10 s`, `2 h 5 min`.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match elapsed.as_millis() {
        ms @ 0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", elapsed.as_secs_f64()),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(seconds / 3600), seconds / 60 % 60),
    }
}

/// Columns of the terminal that standard output is, if it is one.
pub(crate) fn stdout_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0))
}

/// Columns of the terminal that standard error is, if it is one.
pub(crate) fn stderr_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stderr())?;
    Some(usize::from(width.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_have_three_or_four_digits_and_a_unit() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(1200, "row"), "1,200 rows");
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (12_345, "12.3 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (4_500_000_000, "4.5 GB"),
            (u64::MAX, "18446.7 PB"),
        ];
        for (bytes, expected) in sizes {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn durations_have_one_or_two_units() {
        let shown = |ms| duration(Duration::from_millis(ms));
        assert_eq!(shown(3), "3 ms");
        assert_eq!(shown(1_240), "1.2 s");
        assert_eq!(shown(250_000), "4 min 10 s");
        assert_eq!(shown(7_500_000), "2 h 5 min");
    }
}
