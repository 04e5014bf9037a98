//! How far each table of a snapshot is, as lines for a terminal or a log.

use super::text::{duration, grouped};
use std::time::Duration;
use unicode_width::UnicodeWidthStr as _;

/// Below so many pages a table is read in one go, and its rows tell more than its pages.
const PAGES_THAT_TELL: u32 = 8 * 2048;

/// Columns of a table's name.
const NAME_WIDTH: usize = 28;

/// One table of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableProgress {
    pub(crate) name: String,
    /// PostgreSQL's estimate of all rows.
    pub(crate) rows_estimate: Option<u64>,
    /// Pages to read.
    pub(crate) pages: u32,
    /// Rows read so far.
    pub(crate) rows: u64,
    /// Pages read so far.
    pub(crate) pages_read: u32,
}

impl TableProgress {
    /// How much of the table is read, in parts of a thousand; `None` when nobody knows.
    pub(crate) fn permille(&self) -> Option<u16> {
        let (done, all) = if self.pages >= PAGES_THAT_TELL {
            (u64::from(self.pages_read), u64::from(self.pages))
        } else {
            (self.rows, self.rows_estimate.filter(|rows| *rows > 0)?)
        };
        // An estimate can be wrong: what is not read to its end is not shown as if it were.
        let permille = done.saturating_mul(1000) / all.max(1);
        u16::try_from(permille.min(999)).ok()
    }

    /// The time that is left if it goes on as before; `None` when that cannot be told yet.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let done = u32::from(self.permille()?);
        if done == 0 || elapsed < Duration::from_secs(2) {
            return None;
        }
        let left = elapsed.as_secs_f64() * f64::from(1000 - done) / f64::from(done);
        Some(Duration::from_secs_f64(left.ceil()))
    }

    /// As much of it as a line of `width` columns has room for.
    pub(crate) fn line(&self, elapsed: Duration, width: usize) -> String {
        let permille = self.permille();
        // Each part with its rank: those of the highest go first when there is no room for all.
        let mut parts = vec![
            (0, format!("{:<9} {}", "snapshot", padded(&self.name))),
            (1, format!("{:>11} rows", grouped(self.rows))),
        ];
        if let Some(permille) = permille {
            let bar = if width < 100 { 12 } else { 20 };
            parts.push((3, bar_of(permille, bar)));
            parts.push((0, format!("{:>3} %", permille / 10)));
        }
        parts.push((2, format!("{} rows/s", grouped(per_second(self.rows, elapsed)))));
        if let Some(left) = self.left(elapsed) {
            parts.push((2, format!("{} left", whole_seconds(left))));
        }
        loop {
            let line = parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join("  ");
            let last = parts.iter().map(|(rank, _)| *rank).max().filter(|rank| *rank > 0);
            match last {
                // A line of the full width would wrap on some terminals.
                Some(rank) if line.width() >= width => parts.retain(|(own, _)| *own != rank),
                _ => return line,
            }
        }
    }

    /// `63.2`, `12 s`: percentage and time left for a log.
    pub(crate) fn numbers(&self, elapsed: Duration) -> (Option<f64>, Option<u64>) {
        let percent = self.permille().map(|permille| f64::from(permille) / 10.0);
        (percent, self.left(elapsed).map(|left| left.as_secs()))
    }
}

/// Rows per second.
pub(crate) fn per_second(count: u64, elapsed: Duration) -> u64 {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / milliseconds
}

/// A table's name in a column of its own; long ones keep their whole name and push the rest.
pub(crate) fn padded(name: &str) -> String {
    format!("{name}{}", " ".repeat(NAME_WIDTH.saturating_sub(name.width())))
}

fn whole_seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => duration(time),
    }
}

fn bar_of(permille: u16, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = usize::from(permille) * width * 8 / 1000;
    let mut bar = "█".repeat(eighths / 8);
    if bar.chars().count() < width {
        bar.push(EIGHTHS.get(eighths % 8).copied().unwrap_or(' '));
    }
    let filled = bar.chars().count();
    bar + &" ".repeat(width - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(rows: u64, pages_read: u32) -> TableProgress {
        TableProgress {
            name: "public.orders".to_owned(),
            rows_estimate: Some(10_000_000),
            pages: 200_000,
            rows,
            pages_read,
        }
    }

    #[test]
    fn line_leaves_out_what_has_no_room() {
        let line = |width| orders(3_160_000, 63_200).line(Duration::from_secs(4), width);
        assert_eq!(
            line(120),
            "snapshot  public.orders                   3,160,000 rows  ██████▎                31 %  \
             790,000 rows/s  9 s left"
        );
        assert_eq!(line(80), "snapshot  public.orders                   3,160,000 rows   31 %");
        assert_eq!(line(50), "snapshot  public.orders                  31 %");
        assert!(line(95).ends_with("31 %  790,000 rows/s  9 s left"), "{}", line(95));
    }

    #[test]
    fn percentage_is_by_pages_of_large_tables_and_by_rows_of_small_ones() {
        assert_eq!(orders(9_900_000, 100_000).permille(), Some(500));
        let mut small = TableProgress { pages: 100, rows_estimate: Some(1000), ..orders(500, 0) };
        assert_eq!(small.permille(), Some(500));
        small.rows = 2000;
        assert_eq!(small.permille(), Some(999), "the estimate was wrong");
        small.rows_estimate = None;
        assert_eq!(small.permille(), None);
        let line = small.line(Duration::from_secs(1), 120);
        assert_eq!(line, "snapshot  public.orders                       2,000 rows  2,000 rows/s");
    }

    #[test]
    fn bar_fills_in_eighths() {
        assert_eq!(bar_of(0, 4), "    ");
        assert_eq!(bar_of(500, 4), "██  ");
        assert_eq!(bar_of(532, 4), "██▏ ");
        assert_eq!(bar_of(999, 4), "███▉");
    }
}
