//! `time.precision.mode=structured`: structs of calendar fields, all of them optional.

use super::calendar::Day;
use super::interval::Interval;
use super::parse::{Clock, DateTime, Moment};
use super::timestamp::Instant;
use crate::value::json::write_integer;
use crate::value::schema::{Schema, SchemaKind};

/// Names and types of a struct's fields.
type Fields = &'static [(&'static str, SchemaKind)];

const YEAR: (&str, SchemaKind) = ("year", SchemaKind::Int32);
const MONTH: (&str, SchemaKind) = ("month", SchemaKind::Int8);
const DAY: (&str, SchemaKind) = ("day", SchemaKind::Int8);
const HOUR: (&str, SchemaKind) = ("hour", SchemaKind::Int8);
const MINUTE: (&str, SchemaKind) = ("minute", SchemaKind::Int8);
const SECOND: (&str, SchemaKind) = ("second", SchemaKind::Int8);
const NANOS: (&str, SchemaKind) = ("nanos", SchemaKind::Int32);
const OFFSET: (&str, SchemaKind) = ("offsetSeconds", SchemaKind::Int32);
const ZONE: (&str, SchemaKind) = ("zoneId", SchemaKind::String);
const SPECIAL: (&str, SchemaKind) = ("specialValue", SchemaKind::String);
const PRECISION: (&str, SchemaKind) = ("precision", SchemaKind::Int32);

/// `StructuredDate`
pub(in crate::value) const DATE_FIELDS: Fields = &[YEAR, MONTH, DAY, SPECIAL];
/// `StructuredTime`
pub(in crate::value) const TIME_FIELDS: Fields = &[HOUR, MINUTE, SECOND, NANOS, PRECISION];
/// `StructuredTimestamp`
pub(in crate::value) const TIMESTAMP_FIELDS: Fields =
    &[YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NANOS, SPECIAL, PRECISION];
/// `StructuredZonedTime`
pub(in crate::value) const ZONED_TIME_FIELDS: Fields =
    &[HOUR, MINUTE, SECOND, NANOS, OFFSET, PRECISION];
/// `StructuredZonedTimestamp`
pub(in crate::value) const ZONED_TIMESTAMP_FIELDS: Fields =
    &[YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NANOS, OFFSET, ZONE, SPECIAL, PRECISION];
/// `StructuredDuration`
pub(in crate::value) const DURATION_FIELDS: Fields = &[
    ("years", SchemaKind::Int32),
    ("months", SchemaKind::Int32),
    ("days", SchemaKind::Int32),
    ("hours", SchemaKind::Int32),
    ("minutes", SchemaKind::Int32),
    ("seconds", SchemaKind::Int64),
    NANOS,
    PRECISION,
];

/// The schema of one of the structs.
pub(in crate::value) fn structured_schema(name: &'static str, fields: Fields) -> Schema {
    let fields = fields
        .iter()
        .map(|(field, kind)| ((*field).to_owned(), Schema::new(kind.clone()).optional(true)));
    Schema::named(SchemaKind::Struct(fields.collect()), name)
}

/// Writes one struct, field by field; a field without a value is null.
struct Writer<'a> {
    fields: std::slice::Iter<'static, (&'static str, SchemaKind)>,
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Writer<'a> {
    fn new(fields: Fields, out: &'a mut Vec<u8>) -> Self {
        Self { fields: fields.iter(), out, first: true }
    }

    /// Opens the next field.
    fn field(&mut self) -> &mut Vec<u8> {
        self.out.push(if self.first { b'{' } else { b',' });
        self.first = false;
        if let Some((name, _)) = self.fields.next() {
            self.out.push(b'"');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"\":");
        }
        self.out
    }

    fn number(&mut self, value: i64) -> &mut Self {
        write_integer(value, self.field());
        self
    }

    fn text(&mut self, value: &str) -> &mut Self {
        let out = self.field();
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
        self
    }

    fn nulls(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            self.field().extend_from_slice(b"null");
        }
        self
    }

    fn day(&mut self, day: Day) -> &mut Self {
        self.number(day.year).number(i64::from(day.month)).number(i64::from(day.day))
    }

    /// Hour, minute, second and nanoseconds.
    fn clock(&mut self, micros: i64) -> &mut Self {
        let seconds = micros / 1_000_000;
        self.number(seconds / 3600)
            .number(seconds / 60 % 60)
            .number(seconds % 60)
            .number(micros % 1_000_000 * 1000)
    }

    fn end(&mut self) {
        self.out.push(b'}');
    }
}

/// The name of an infinity.
const fn special<T>(moment: &Moment<T>) -> &'static str {
    match moment {
        Moment::MinusInfinity => "NEGATIVE_INFINITY",
        _ => "POSITIVE_INFINITY",
    }
}

pub(super) fn write_date(moment: Moment<Day>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(DATE_FIELDS, out);
    match moment {
        Moment::At(day) => writer.day(day).nulls(1),
        infinity => writer.nulls(3).text(special(&infinity)),
    }
    .end();
}

pub(super) fn write_time(micros: i64, precision: u8, out: &mut Vec<u8>) {
    Writer::new(TIME_FIELDS, out).clock(micros).number(i64::from(precision)).end();
}

pub(super) fn write_timestamp(moment: Moment<DateTime>, precision: u8, out: &mut Vec<u8>) {
    let mut writer = Writer::new(TIMESTAMP_FIELDS, out);
    match moment {
        Moment::At(at) => {
            writer.day(at.day).clock(at.clock.micros).nulls(1).number(i64::from(precision))
        }
        infinity => writer.nulls(7).text(special(&infinity)).nulls(1),
    }
    .end();
}

/// The offset stays as it was sent, and so does hour 24.
pub(super) fn write_zoned_time(clock: Clock, precision: u8, out: &mut Vec<u8>) {
    Writer::new(ZONED_TIME_FIELDS, out)
        .clock(clock.micros)
        .number(clock.offset)
        .number(i64::from(precision))
        .end();
}

/// In UTC, with offset 0.
pub(super) fn write_zoned_timestamp(moment: Moment<DateTime>, precision: u8, out: &mut Vec<u8>) {
    let mut writer = Writer::new(ZONED_TIMESTAMP_FIELDS, out);
    match moment {
        Moment::At(at) => {
            let (day, micros) = Instant::new(at.day.number(), at).civil();
            writer.day(day).clock(micros).number(0).nulls(2).number(i64::from(precision))
        }
        infinity => writer.nulls(9).text(special(&infinity)).nulls(1),
    }
    .end();
}

pub(super) fn write_duration(interval: Interval, precision: u8, out: &mut Vec<u8>) {
    Writer::new(DURATION_FIELDS, out)
        .number(interval.years)
        .number(interval.months)
        .number(interval.days)
        .number(interval.hours)
        .number(interval.minutes)
        .number(interval.micros / 1_000_000)
        .number(interval.micros % 1_000_000 * 1000)
        .number(i64::from(precision))
        .end();
}

#[cfg(test)]
mod tests {
    use super::super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_struct_has_all_its_fields() {
        let date = |input: &[u8]| {
            text(|out| write_date(input, DateForm::Structured, Calendar::Iso, out).unwrap())
        };
        assert_eq!(date(b"2024-02-29"), r#"{"year":2024,"month":2,"day":29,"specialValue":null}"#);
        assert_eq!(
            date(b"-infinity"),
            r#"{"year":null,"month":null,"day":null,"specialValue":"NEGATIVE_INFINITY"}"#
        );
        let form = TimestampForm::Structured { precision: 6 };
        let stamp =
            |input: &[u8]| text(|out| write_timestamp(input, form, Calendar::Iso, out).unwrap());
        assert_eq!(
            stamp(b"0044-03-15 12:34:56.5 BC"),
            r#"{"year":-43,"month":3,"day":15,"hour":12,"minute":34,"second":56,"nanos":500000000,"specialValue":null,"precision":6}"#
        );
        assert_eq!(
            stamp(b"infinity"),
            r#"{"year":null,"month":null,"day":null,"hour":null,"minute":null,"second":null,"nanos":null,"specialValue":"POSITIVE_INFINITY","precision":null}"#
        );
        let form = ZonedForm::Structured { precision: 3 };
        assert_eq!(
            text(|out| write_zoned_time(b"24:00:00-08", form, Calendar::Iso, out).unwrap()),
            r#"{"hour":24,"minute":0,"second":0,"nanos":0,"offsetSeconds":-28800,"precision":3}"#
        );
        assert_eq!(
            text(|out| write_zoned_timestamp(b"2024-03-01 00:00:00+02", form, Calendar::Iso, out)
                .unwrap()),
            r#"{"year":2024,"month":2,"day":29,"hour":22,"minute":0,"second":0,"nanos":0,"offsetSeconds":0,"zoneId":null,"specialValue":null,"precision":3}"#
        );
        assert_eq!(
            text(|out| write_time(
                b"12:34:56",
                TimeForm::Structured { precision: 0 },
                Calendar::Iso,
                out
            )
            .unwrap()),
            r#"{"hour":12,"minute":34,"second":56,"nanos":0,"precision":0}"#
        );
        assert_eq!(
            text(|out| write_interval(
                b"-1 days +00:00:01.5",
                IntervalForm::Structured { precision: 6 },
                out
            )
            .unwrap()),
            r#"{"years":0,"months":0,"days":-1,"hours":0,"minutes":0,"seconds":1,"nanos":500000000,"precision":6}"#
        );
    }
}
