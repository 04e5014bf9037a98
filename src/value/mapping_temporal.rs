//! Which schema and converter dates, times and intervals have: `time.precision.mode` and
//! `interval.handling.mode`.

use super::converter::Converter;
use super::mapping::Mapping;
use super::schema::{Schema, SchemaKind};
use super::temporal::{
    Calendar, DATE_FIELDS, DURATION_FIELDS, DateForm, IntervalForm, TIME_FIELDS, TIMESTAMP_FIELDS,
    TimeForm, TimestampForm, ZONED_TIME_FIELDS, ZONED_TIMESTAMP_FIELDS, ZonedForm,
    structured_schema,
};
use super::{IntervalMode, TimePrecision, ValueOptions};
use crate::oid::Oid;

/// Where values of a mapping are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A column of the replication stream.
    Stream,
    /// A column of a snapshot: dates come through `java.sql`.
    Snapshot,
    /// The elements of an array: all of them come through `java.sql`.
    Array,
}

/// The mapping of a temporal type; `None` for all other types.
pub(super) fn temporal(
    oid: Oid,
    typmod: i32,
    origin: Origin,
    options: &ValueOptions,
) -> Option<Mapping> {
    let precision = u8::try_from(typmod).unwrap_or(6).min(6);
    let mode = options.time;
    let calendar = match (origin, oid) {
        _ if options.exact => Calendar::Iso,
        (Origin::Array, _) | (Origin::Snapshot, Oid::DATE) => Calendar::JavaSql,
        _ => Calendar::Iso,
    };
    Some(match oid {
        Oid::DATE => date(mode, calendar),
        Oid::TIME => time(mode, precision, calendar),
        Oid::TIMESTAMP => timestamp(mode, precision, calendar),
        Oid::TIMETZ => zoned_time(mode, precision, calendar),
        Oid::TIMESTAMPTZ => zoned_timestamp(mode, precision, calendar),
        Oid::INTERVAL => interval(options, typmod),
        _ => return None,
    })
}

fn date(mode: TimePrecision, calendar: Calendar) -> Mapping {
    let int = |name| Schema::named(SchemaKind::Int32, name);
    let (schema, form, zero) = match mode {
        TimePrecision::Connect => (int("org.apache.kafka.connect.data.Date"), DateForm::Days, "0"),
        TimePrecision::IsoString => {
            let schema = Schema::named(SchemaKind::String, "io.debezium.time.IsoDate");
            (schema, DateForm::Iso, "\"1970-01-01Z\"")
        }
        TimePrecision::Structured => {
            let schema = structured_schema("io.debezium.time.StructuredDate", DATE_FIELDS);
            (schema, DateForm::Structured, r#"{"year":1970,"month":1,"day":1,"specialValue":null}"#)
        }
        _ => (int("io.debezium.time.Date"), DateForm::Days, "0"),
    };
    Mapping::new(schema, Converter::Date(form, calendar), zero)
}

fn time(mode: TimePrecision, precision: u8, calendar: Calendar) -> Mapping {
    let millis = |name| (Schema::named(SchemaKind::Int32, name), TimeForm::Millis, "0");
    let long = |name, form| (Schema::named(SchemaKind::Int64, name), form, "0");
    let (schema, form, zero) = match mode {
        TimePrecision::Adaptive if precision <= 3 => millis("io.debezium.time.Time"),
        TimePrecision::Connect => millis("org.apache.kafka.connect.data.Time"),
        TimePrecision::Nanoseconds => long("io.debezium.time.NanoTime", TimeForm::Nanos),
        TimePrecision::IsoString => {
            let schema = Schema::named(SchemaKind::String, "io.debezium.time.IsoTime");
            (schema, TimeForm::Iso, "\"00:00:00Z\"")
        }
        TimePrecision::Structured => (
            structured_schema("io.debezium.time.StructuredTime", TIME_FIELDS),
            TimeForm::Structured { precision },
            r#"{"hour":0,"minute":0,"second":0,"nanos":0,"precision":null}"#,
        ),
        _ => long("io.debezium.time.MicroTime", TimeForm::Micros),
    };
    Mapping::new(schema, Converter::Time(form, calendar), zero)
}

fn timestamp(mode: TimePrecision, precision: u8, calendar: Calendar) -> Mapping {
    let long = |name, form| (Schema::named(SchemaKind::Int64, name), form, "0");
    let (schema, form, zero) = match mode {
        TimePrecision::Adaptive | TimePrecision::AdaptiveTimeMicroseconds if precision <= 3 => {
            long("io.debezium.time.Timestamp", TimestampForm::Millis)
        }
        TimePrecision::Connect => {
            long("org.apache.kafka.connect.data.Timestamp", TimestampForm::Millis)
        }
        TimePrecision::Nanoseconds => long("io.debezium.time.NanoTimestamp", TimestampForm::Nanos),
        TimePrecision::IsoString => {
            let schema = Schema::named(SchemaKind::String, "io.debezium.time.IsoTimestamp");
            (schema, TimestampForm::Iso, "\"1970-01-01T00:00:00Z\"")
        }
        TimePrecision::Structured => (
            structured_schema("io.debezium.time.StructuredTimestamp", TIMESTAMP_FIELDS),
            TimestampForm::Structured { precision },
            r#"{"year":1970,"month":1,"day":1,"hour":0,"minute":0,"second":0,"nanos":0,"specialValue":null,"precision":null}"#,
        ),
        _ => long("io.debezium.time.MicroTimestamp", TimestampForm::Micros),
    };
    Mapping::new(schema, Converter::Timestamp(form, calendar), zero)
}

fn zoned_time(mode: TimePrecision, precision: u8, calendar: Calendar) -> Mapping {
    if mode == TimePrecision::Structured {
        let schema = structured_schema("io.debezium.time.StructuredZonedTime", ZONED_TIME_FIELDS);
        let form = ZonedForm::Structured { precision };
        let zero =
            r#"{"hour":0,"minute":0,"second":0,"nanos":0,"offsetSeconds":0,"precision":null}"#;
        return Mapping::new(schema, Converter::ZonedTime(form, calendar), zero);
    }
    let schema = Schema::named(SchemaKind::String, "io.debezium.time.ZonedTime");
    let form = ZonedForm::Iso { digits: precision };
    Mapping::new(schema, Converter::ZonedTime(form, calendar), "\"00:00:00Z\"")
}

fn zoned_timestamp(mode: TimePrecision, precision: u8, calendar: Calendar) -> Mapping {
    if mode == TimePrecision::Structured {
        let schema =
            structured_schema("io.debezium.time.StructuredZonedTimestamp", ZONED_TIMESTAMP_FIELDS);
        let form = ZonedForm::Structured { precision };
        let zero = r#"{"year":1970,"month":1,"day":1,"hour":0,"minute":0,"second":0,"nanos":0,"offsetSeconds":0,"zoneId":null,"specialValue":null,"precision":null}"#;
        return Mapping::new(schema, Converter::ZonedTimestamp(form, calendar), zero);
    }
    let schema = Schema::named(SchemaKind::String, "io.debezium.time.ZonedTimestamp");
    let form = ZonedForm::Iso { digits: precision };
    let zero = "\"1970-01-01T00:00:00Z\"";
    Mapping::new(schema, Converter::ZonedTimestamp(form, calendar), zero)
}

fn interval(options: &ValueOptions, typmod: i32) -> Mapping {
    let (schema, form, zero) = match (options.time, options.interval) {
        (TimePrecision::Structured, _) => (
            structured_schema("io.debezium.time.StructuredDuration", DURATION_FIELDS),
            // The modifier holds the units in its upper half.
            IntervalForm::Structured {
                precision: u8::try_from(typmod & 0xffff)
                    .ok()
                    .filter(|digits| *digits <= 6)
                    .unwrap_or(6),
            },
            r#"{"years":0,"months":0,"days":0,"hours":0,"minutes":0,"seconds":0,"nanos":0,"precision":null}"#,
        ),
        (_, IntervalMode::Numeric) => (
            Schema::named(SchemaKind::Int64, "io.debezium.time.MicroDuration"),
            IntervalForm::Micros,
            "0",
        ),
        (_, IntervalMode::String) => (
            Schema::named(SchemaKind::String, "io.debezium.time.Interval"),
            IntervalForm::Iso,
            "\"P0Y0M0DT0H0M0S\"",
        ),
    };
    Mapping::new(schema, Converter::Interval(form), zero)
}
