//! Dates, times, timestamps and intervals.
//!
//! All without a time zone count as UTC, whatever the zone of server or client is.

mod calendar;
mod date;
mod interval;
mod iso;
mod parse;
mod structured;
mod time;
mod timestamp;
mod zoned;

pub(super) use date::{DateForm, write_date};
pub(super) use interval::{IntervalForm, write_interval};
pub(super) use iso::write_java_date;
pub(super) use structured::{
    DATE_FIELDS, DURATION_FIELDS, TIME_FIELDS, TIMESTAMP_FIELDS, ZONED_TIME_FIELDS,
    ZONED_TIMESTAMP_FIELDS, structured_schema,
};
pub(super) use time::{TimeForm, write_time};
pub(super) use timestamp::{TimestampForm, write_timestamp};
pub(super) use zoned::{ZonedForm, write_zoned_time, write_zoned_timestamp};

/// By which rules Debezium reads dates: its own parser, or `java.sql` with its traps.
///
/// Debezium reads date columns of a snapshot, and the elements of arrays always, through
/// `java.sql.Date` and `java.sql.Timestamp`. Those forget the era, know a Julian calendar before
/// 1582-10-15, and turn infinity into a far year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calendar {
    /// Proleptic Gregorian, astronomical years.
    Iso,
    /// As `java.sql` sees it.
    JavaSql,
}
