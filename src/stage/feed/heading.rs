//! What stands above a feed: which topics it shows and how much is in them.

use super::page::push_styled;
use super::style::{BOLD, DIM};
use crate::stage::text::grouped;
use unicode_width::UnicodeWidthStr as _;

/// More topics than this are only counted.
const TOPICS_LISTED_MAX: usize = 12;

/// One topic of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Short name.
    pub label: String,
    /// Whole name.
    pub topic: String,
    /// Records in it now.
    pub records: u64,
}

/// Appends one line per topic, aligned; one line in all when there are many.
pub fn push_headings(out: &mut Vec<u8>, headings: &[Heading], following: bool, color: bool) {
    let state = if following { ", following" } else { "" };
    let mut lines = Vec::new();
    if headings.len() > TOPICS_LISTED_MAX {
        let records = headings.iter().map(|heading| heading.records).sum();
        lines.push((format!("{} topics", headings.len()), String::new(), records));
    } else {
        lines.extend(headings.iter().map(|h| (h.label.clone(), h.topic.clone(), h.records)));
    }
    let width = |part: fn(&(String, String, u64)) -> usize| lines.iter().map(part).max();
    let label_width = width(|line| line.0.width()).unwrap_or(0);
    let topic_width = width(|line| line.1.width()).unwrap_or(0);
    let count_width = width(|line| grouped(line.2).len()).unwrap_or(0);
    for (index, (label, topic, records)) in lines.iter().enumerate() {
        let mut line = String::new();
        push_styled(&mut line, label, BOLD, color);
        line.extend(std::iter::repeat_n(' ', label_width - label.width() + 3));
        if topic_width > 0 {
            line.push_str(topic);
            line.extend(std::iter::repeat_n(' ', topic_width - topic.width() + 3));
        }
        let noun = if *records == 1 { "record" } else { "records" };
        let count = format!("{:>count_width$} {noun}{state}", grouped(*records));
        push_styled(&mut line, &count, DIM, color);
        if following && index == 0 {
            line.push_str("   ");
            push_styled(&mut line, "(Ctrl-C stops)", DIM, color);
        }
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(topic: &str, records: u64) -> Heading {
        let label = topic.rsplit('.').next().unwrap_or_default().to_owned();
        Heading { label, topic: topic.to_owned(), records }
    }

    fn shown(headings: &[Heading], following: bool, color: bool) -> String {
        let mut out = Vec::new();
        push_headings(&mut out, headings, following, color);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn topics_are_listed_with_their_records() {
        let headings =
            [heading("dbserver1.public.orders", 1203), heading("dbserver1.public.customers", 1)];
        assert_eq!(
            shown(&headings, true, false),
            "orders      dbserver1.public.orders      1,203 records, following   (Ctrl-C stops)\n\
             customers   dbserver1.public.customers       1 record, following\n"
        );
        assert_eq!(
            shown(&headings[..1], false, true),
            "\u{1b}[1morders\u{1b}[0m   dbserver1.public.orders   \u{1b}[2m1,203 records\u{1b}[0m\n"
        );
    }

    #[test]
    fn many_topics_are_counted() {
        let headings: Vec<_> = (0..13).map(|n| heading(&format!("s.public.t{n}"), 100)).collect();
        assert_eq!(shown(&headings, false, false), "13 topics   1,300 records\n");
    }
}
