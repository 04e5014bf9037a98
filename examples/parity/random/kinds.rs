//! Every type, and values of it.

use super::rng::Rng;
use std::fmt::Write as _;

/// A type that a column can have.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) family: &'static str,
    pub(crate) sql: &'static str,
    values: Values,
}

#[derive(Debug, Clone, Copy)]
enum Values {
    /// Texts of values.
    Of(&'static [&'static str]),
    Int(i64, i64),
    /// Any bits of a float, of 4 or 8 bytes.
    Float(bool),
    /// Digits in front of and behind the point.
    Numeric(usize, usize),
    /// Characters, at most.
    Text(usize),
    Json,
    Bytes,
    /// Bits, exactly or at most.
    Bits(usize, bool),
    Date,
    /// Digits of the fraction.
    Time(usize, bool),
    Timestamp(usize, bool),
    Interval,
    Uuid,
    /// An array of another kind's values.
    Array(&'static Kind),
}

impl Kind {
    /// Can be part of a key.
    pub(crate) fn keyable(&self) -> bool {
        let keyless = [
            "json",
            "xml",
            "point",
            "line",
            "lseg",
            "box",
            "path",
            "polygon",
            "circle",
            "tsvector",
            "tsquery",
            "hstore",
            "array",
            "composite",
            "jsonpath",
            "money",
            "bit",
            "float",
            "unknown",
            "geometric",
            "ltree",
            "citext",
            "range",
            "multirange",
            "lquery",
        ];
        !keyless.contains(&self.family) && self.converts_always()
    }

    /// Debezium makes no null of any value; in a NOT NULL column one would end it.
    pub(crate) fn converts_always(&self) -> bool {
        // Far dates do not fit into nanoseconds.
        !["array", "timestamp"].contains(&self.family)
            && !matches!(self.values, Values::Of(texts) if texts.contains(&"NaN"))
    }

    /// A value as SQL writes it.
    pub(crate) fn value(&self, rng: &mut Rng) -> String {
        quoted(&self.text(rng))
    }

    fn text(&self, rng: &mut Rng) -> String {
        match self.values {
            Values::Of(texts) => (*rng.pick(texts)).to_owned(),
            Values::Int(low, high) => {
                let edges = [low, high, 0, 1, high - 1];
                let any = if rng.one_in(3) { *rng.pick(&edges) } else { rng.between(low, high) };
                any.to_string()
            }
            Values::Float(double) => float(rng, double),
            Values::Numeric(before, behind) => numeric(rng, before, behind),
            Values::Text(length) => text(rng, length),
            Values::Json => json(rng, 2),
            Values::Bytes => {
                let mut hex = "\\x".to_owned();
                for _ in 0..rng.below(40) {
                    let _infallible = write!(hex, "{:02x}", rng.below(256));
                }
                hex
            }
            Values::Bits(length, exact) => {
                let length = if exact { length } else { rng.below(length + 1) };
                (0..length).map(|_| if rng.one_in(2) { '1' } else { '0' }).collect()
            }
            Values::Date => date(rng),
            Values::Time(digits, zone) => {
                let time = time(rng, digits);
                if zone { time + zone_of(rng) } else { time }
            }
            Values::Timestamp(digits, zone) => {
                const FAR: [&str; 6] = [
                    "infinity",
                    "-infinity",
                    "0001-01-01 00:00:00",
                    "9999-12-31 23:59:59.999999",
                    "4713-01-01 00:00:00 BC",
                    "294276-12-31 23:59:59.999999",
                ];
                if rng.one_in(8) {
                    return (*rng.pick(&FAR)).to_owned();
                }
                let zone = if zone { zone_of(rng) } else { "" };
                format!("{} {}{zone}", near_date(rng), time(rng, digits))
            }
            Values::Interval => format!(
                "{} years {} mons {} days {} hours {} mins {}.{:06} secs",
                rng.between(-50, 50),
                rng.between(-13, 13),
                rng.between(-400, 400),
                rng.between(-30, 30),
                rng.between(-70, 70),
                rng.between(-70, 70),
                rng.below(1_000_000)
            ),
            Values::Uuid => {
                let (high, low) = (rng.next(), rng.next());
                format!(
                    "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                    high >> 32,
                    (high >> 16) & 0xffff,
                    high & 0xffff,
                    low >> 48,
                    low & 0xffff_ffff_ffff
                )
            }
            Values::Array(element) => {
                let mut array = "{".to_owned();
                for index in 0..rng.below(5) {
                    if index > 0 {
                        array.push(',');
                    }
                    if rng.one_in(6) {
                        array.push_str("NULL");
                    } else {
                        let text = element.text(rng).replace('\\', "\\\\").replace('"', "\\\"");
                        let _infallible = write!(array, "\"{text}\"");
                    }
                }
                array + "}"
            }
        }
    }
}

pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn float(rng: &mut Rng, double: bool) -> String {
    const PLAIN: [&str; 12] = [
        "0",
        "-0",
        "1",
        "0.1",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e10",
        "1e-5",
        "0.001",
        "9999999",
        "123456.789",
    ];
    if rng.one_in(3) {
        return (*rng.pick(&PLAIN)).to_owned();
    }
    if double {
        let value = f64::from_bits(rng.next());
        return if value.is_finite() { format!("{value:e}") } else { "2.5".to_owned() };
    }
    let value = f32::from_bits(u32::try_from(rng.next() >> 32).unwrap_or(0));
    if value.is_finite() { format!("{value:e}") } else { "2.5".to_owned() }
}

fn numeric(rng: &mut Rng, before: usize, behind: usize) -> String {
    let digits = |rng: &mut Rng, count: usize| -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(rng.below(10)).unwrap_or(0))).collect()
    };
    let sign = if rng.one_in(3) { "-" } else { "" };
    let whole = rng.below(before + 1);
    let whole = format!("{sign}0{}", digits(rng, whole));
    if behind == 0 {
        return whole;
    }
    let fraction = rng.below(behind + 1);
    format!("{whole}.{}", digits(rng, fraction) + "0")
}

fn text(rng: &mut Rng, length: usize) -> String {
    const PIECES: [&str; 24] = [
        "a", "b", "Z", "0", " ", "é", "ß", "日本", "𝄞", "\"", "\\", "'", "\n", "\t", "\r", "/",
        "\u{1}", "\u{7f}", "\u{2028}", "<&>", ",", "{}", "NULL", "null",
    ];
    let mut text = String::new();
    for _ in 0..rng.below(length + 1) {
        let piece = *rng.pick(&PIECES);
        if text.chars().count() + piece.chars().count() > length {
            break;
        }
        text.push_str(piece);
    }
    text
}

fn json(rng: &mut Rng, depth: usize) -> String {
    match rng.below(if depth == 0 { 5 } else { 7 }) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => format!("{}.{}", rng.between(-1000, 1000), rng.below(1000)),
        3 => "1.5e10".to_owned(),
        4 => "\"te\\\"xt \\u00e9 \\n\"".to_owned(),
        5 => {
            let items: Vec<String> = (0..rng.below(4)).map(|_| json(rng, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => {
            let mut members = Vec::new();
            for index in 0..rng.below(4) {
                members.push(format!("\"k{index}\":  {}", json(rng, depth - 1)));
            }
            format!("{{{}}}", members.join(","))
        }
    }
}

fn near_date(rng: &mut Rng) -> String {
    format!("{:04}-{:02}-{:02}", rng.between(1, 9999), rng.between(1, 12), rng.between(1, 28))
}

fn date(rng: &mut Rng) -> String {
    const FAR: [&str; 6] =
        ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "0001-01-01", "1582-10-10"];
    if rng.one_in(8) { (*rng.pick(&FAR)).to_owned() } else { near_date(rng) }
}

fn time(rng: &mut Rng, digits: usize) -> String {
    if rng.one_in(12) {
        return "24:00:00".to_owned();
    }
    let whole = format!("{:02}:{:02}:{:02}", rng.below(24), rng.below(60), rng.below(60));
    if digits == 0 || rng.one_in(4) {
        return whole;
    }
    let fraction = format!("{:06}", rng.below(1_000_000));
    format!("{whole}.{}", &fraction[..digits.min(6)])
}

fn zone_of(rng: &mut Rng) -> &'static str {
    const ZONES: [&str; 7] = ["+00", "+05:30", "-08", "+14", "-12", "+13:45", "Z"];
    ZONES[rng.below(ZONES.len())]
}

const fn kind(family: &'static str, sql: &'static str, values: Values) -> Kind {
    Kind { family, sql, values }
}

static INT4: Kind = kind("integer", "int", Values::Int(-2_147_483_648, 2_147_483_647));
static INT2: Kind = kind("integer", "smallint", Values::Int(-32768, 32767));
static INT8: Kind = kind("integer", "bigint", Values::Int(i64::MIN, i64::MAX));
static BOOL: Kind = kind("boolean", "boolean", Values::Of(&["t", "f"]));
static TEXT: Kind = kind("text", "text", Values::Text(30));
static VARCHAR: Kind = kind("text", "varchar(8)", Values::Text(8));
static CHAR: Kind = kind("char", "char(4)", Values::Of(&["ab", "", "abcd", " a ", "é"]));
static REAL: Kind = kind("float", "real", Values::Float(false));
static DOUBLE: Kind = kind("float", "double precision", Values::Float(true));
static NUMERIC: Kind = kind("numeric", "numeric", Values::Numeric(30, 20));
static NUMERIC_10_2: Kind = kind("numeric", "numeric(10,2)", Values::Numeric(8, 2));
static BYTEA: Kind = kind("bytea", "bytea", Values::Bytes);
static DATE: Kind = kind("date", "date", Values::Date);
static TIME: Kind = kind("time", "time", Values::Time(6, false));
static TIMETZ: Kind = kind("timetz", "timetz", Values::Time(6, true));
static TIMESTAMP: Kind = kind("timestamp", "timestamp", Values::Timestamp(6, false));
static TIMESTAMPTZ: Kind = kind("timestamptz", "timestamptz", Values::Timestamp(6, true));
static UUID: Kind = kind("uuid", "uuid", Values::Uuid);
static JSON: Kind = kind("json", "json", Values::Json);
static JSONB: Kind = kind("json", "jsonb", Values::Json);
static MOOD: Kind = kind("enum", "mood", Values::Of(&["sad", "ok", "ha,ppy", "quo\"te"]));
static INET: Kind =
    kind("inet", "inet", Values::Of(&["10.0.0.1", "10.0.0.1/8", "::1", "fe80::1/64"]));
static CIDR: Kind = kind("inet", "cidr", Values::Of(&["10.0.0.0/8", "2001:db8::/32"]));
static MACADDR: Kind = kind("macaddr", "macaddr", Values::Of(&["08:00:2b:01:02:03"]));
static CITEXT: Kind = kind("citext", "citext", Values::Text(10));
static INT4RANGE: Kind = kind("range", "int4range", Values::Of(&["[1,5]", "empty", "(,)", "[,7)"]));
static OID: Kind = kind("oid", "oid", Values::Int(0, 4_294_967_295));
static MONEY: Kind = kind("money", "money", Values::Numeric(10, 2));
static INTERVAL: Kind = kind("interval", "interval", Values::Interval);
static POINT: Kind = kind("point", "point", Values::Of(&["(1.5,-2.25)", "(0,0)", "(1e300,-0.1)"]));
static POSINT: Kind = kind("domain", "posint", Values::Int(1, 1000));
static LTREE: Kind = kind("ltree", "ltree", Values::Of(&["", "A", "Top.Science.x_1"]));
static HSTORE: Kind = kind(
    "hstore",
    "hstore",
    Values::Of(&["", "a=>1,b=>NULL", "\"k q\"=>\"v \\\\ \\\" , => x\", e=>\"\"", "ü=>é"]),
);
static TSTZRANGE: Kind = kind(
    "range",
    "tstzrange",
    Values::Of(&[
        "[2024-01-01 00:00+00,)",
        "empty",
        "(,)",
        "[2024-01-01 00:00+02,2024-02-01 00:00:00.5+00]",
    ]),
);
static BIT3: Kind = kind("bit", "bit(3)", Values::Bits(3, true));
static XML: Kind = kind("xml", "xml", Values::Of(&["<a/>", "<a b=\"1\">é&amp;</a>", "text"]));

/// Types of any column; those that Debezium leaves out by default are among them.
#[rustfmt::skip] // one type a line
pub(crate) static KINDS: &[Kind] = &[
    kind("boolean", "boolean", Values::Of(&["t", "f"])),
    kind("integer", "smallint", Values::Int(-32768, 32767)),
    kind("integer", "int", Values::Int(-2_147_483_648, 2_147_483_647)),
    kind("integer", "bigint", Values::Int(i64::MIN, i64::MAX)),
    kind("oid", "oid", Values::Int(0, 4_294_967_295)),
    kind("float", "real", Values::Float(false)),
    kind("float", "double precision", Values::Float(true)),
    kind("numeric", "numeric", Values::Numeric(30, 20)),
    kind("numeric", "numeric", Values::Of(&["NaN", "0", "1.10", "12300", "0.00", "1e30", "-0.0"])),
    kind("numeric", "numeric(10,2)", Values::Numeric(8, 2)),
    kind("numeric", "numeric(5,0)", Values::Numeric(5, 0)),
    kind("numeric", "numeric(38,10)", Values::Numeric(28, 10)),
    kind("numeric", "numeric(5)", Values::Numeric(5, 0)),
    kind("money", "money", Values::Numeric(10, 2)),
    kind("char", "char(4)", Values::Of(&["ab", "", "abcd", " a ", "é"])),
    kind("char", "char", Values::Of(&["x", " ", "日"])),
    kind("char", "\"char\"", Values::Of(&["x", "", "Z"])),
    kind("text", "varchar(8)", Values::Text(8)),
    kind("text", "varchar", Values::Text(30)),
    kind("text", "text", Values::Text(60)),
    kind("name", "name", Values::Of(&["nm", "a\"b", "ünï"])),
    kind("citext", "citext", Values::Text(10)),
    kind("bytea", "bytea", Values::Bytes),
    kind("bit", "bit", Values::Bits(1, true)),
    kind("bit", "bit(5)", Values::Bits(5, true)),
    kind("bit", "bit(64)", Values::Bits(64, true)),
    kind("bit", "bit(65)", Values::Bits(65, true)),
    kind("bit", "varbit", Values::Bits(20, false)),
    kind("bit", "varbit(5)", Values::Bits(5, false)),
    kind("date", "date", Values::Date),
    kind("time", "time", Values::Time(6, false)),
    kind("time", "time(0)", Values::Time(0, false)),
    kind("time", "time(3)", Values::Time(3, false)),
    kind("timetz", "timetz", Values::Time(6, true)),
    kind("timetz", "timetz(0)", Values::Time(0, true)),
    kind("timestamp", "timestamp", Values::Timestamp(6, false)),
    kind("timestamp", "timestamp(0)", Values::Timestamp(0, false)),
    kind("timestamp", "timestamp(3)", Values::Timestamp(3, false)),
    kind("timestamptz", "timestamptz", Values::Timestamp(6, true)),
    kind("timestamptz", "timestamptz(3)", Values::Timestamp(3, true)),
    kind("interval", "interval", Values::Interval),
    kind("interval", "interval", Values::Of(&["178000000 years", "-1 mons +2 days -00:00:00.000001", "0"])),
    kind("interval", "interval day to second(3)", Values::Of(&["1 day 02:03:04.567", "-00:00:00.001"])),
    kind("uuid", "uuid", Values::Uuid),
    kind("json", "json", Values::Json),
    kind("json", "jsonb", Values::Json),
    kind("xml", "xml", Values::Of(&["<a/>", "<a b=\"1\">é&amp;</a>", "text"])),
    kind("inet", "inet", Values::Of(&["10.0.0.1", "10.0.0.1/8", "::1", "fe80::1/64", "::ffff:1.2.3.4/128"])),
    kind("inet", "cidr", Values::Of(&["10.0.0.0/8", "2001:db8::/32", "::/0"])),
    kind("macaddr", "macaddr", Values::Of(&["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"])),
    kind("macaddr", "macaddr8", Values::Of(&["08:00:2b:01:02:03:04:05"])),
    kind("point", "point", Values::Of(&["(1.5,-2.25)", "(0,0)", "(1e300,-0.1)", "(123456789.123,1e-7)"])),
    kind("geometric", "line", Values::Of(&["{1,2,3}"])),
    kind("geometric", "lseg", Values::Of(&["[(0,0),(1,1)]"])),
    kind("geometric", "box", Values::Of(&["(1,1),(0,0)"])),
    kind("geometric", "path", Values::Of(&["[(0,0),(1,1)]", "((0,0),(1,1))"])),
    kind("geometric", "polygon", Values::Of(&["((0,0),(1,1),(1,0))"])),
    kind("geometric", "circle", Values::Of(&["<(1,2),3>"])),
    kind("ltree", "ltree", Values::Of(&["", "A", "Top.Science.x_1"])),
    kind("hstore", "hstore", Values::Of(&["", "a=>1,b=>NULL", "\"k q\"=>\"v \\\\ \\\" , => x\", e=>\"\"", "ü=>é"])),
    kind("tsvector", "tsvector", Values::Of(&["a fat cat", "'a':1A,3B 'quo''te':2", ""])),
    kind("tsquery", "tsquery", Values::Of(&["fat & cat", ""])),
    kind("enum", "mood", Values::Of(&["sad", "ok", "ha,ppy", "quo\"te"])),
    kind("domain", "posint", Values::Int(1, 1000)),
    kind("domain", "dd", Values::Int(1, 1000)),
    kind("domain", "money2", Values::Numeric(4, 3)),
    kind("domain", "email", Values::Of(&["q@z", ""])),
    kind("composite", "comp", Values::Of(&["(1,x)", "(,)"])),
    kind("range", "int4range", Values::Of(&["[1,5]", "empty", "(,)", "[,7)"])),
    kind("range", "int8range", Values::Of(&["(1,10)", "empty"])),
    kind("range", "numrange", Values::Of(&["[1.5,2.5)", "[0,NaN]"])),
    kind("range", "daterange", Values::Of(&["[2024-01-01,2024-02-01]", "[2024-01-01,infinity)"])),
    kind("range", "tsrange", Values::Of(&["[2024-01-01 00:00,2024-01-02 00:00:00.5)", "[-infinity,infinity]"])),
    kind("range", "tstzrange", Values::Of(&["[2024-01-01 00:00+00,)", "empty", "(,)", "[2024-01-01 00:00+02,2024-02-01 00:00:00.5+00]"])),
    kind("range", "floatrange", Values::Of(&["[1.5,2)", "(,)"])),
    kind("multirange", "int4multirange", Values::Of(&["{[1,3),[5,9)}", "{}"])),
    kind("jsonpath", "jsonpath", Values::Of(&["$.a", "$"])),
    kind("unknown", "pg_lsn", Values::Of(&["0/16B3748"])),
    kind("unknown", "xid", Values::Of(&["5"])),
    kind("unknown", "tid", Values::Of(&["(0,1)"])),
    kind("unknown", "regclass", Values::Of(&["pg_class"])),
    kind("unknown", "regtype", Values::Of(&["int4"])),
    kind("unknown", "txid_snapshot", Values::Of(&["10:20:10,14"])),
    kind("array", "smallint[]", Values::Array(&INT2)),
    kind("array", "int[]", Values::Array(&INT4)),
    kind("array", "int[]", Values::Of(&["{}", "{{1,2},{3,4}}", "[2:4]={1,2,3}"])),
    kind("array", "bigint[]", Values::Array(&INT8)),
    kind("array", "boolean[]", Values::Array(&BOOL)),
    kind("array", "real[]", Values::Array(&REAL)),
    kind("array", "double precision[]", Values::Array(&DOUBLE)),
    kind("array", "numeric[]", Values::Array(&NUMERIC)),
    kind("array", "numeric(10,2)[]", Values::Array(&NUMERIC_10_2)),
    kind("array", "text[]", Values::Array(&TEXT)),
    kind("array", "varchar(8)[]", Values::Array(&VARCHAR)),
    kind("array", "char(4)[]", Values::Array(&CHAR)),
    kind("array", "uuid[]", Values::Array(&UUID)),
    kind("array", "date[]", Values::Array(&DATE)),
    kind("array", "time[]", Values::Array(&TIME)),
    kind("array", "timetz[]", Values::Array(&TIMETZ)),
    kind("array", "timestamp[]", Values::Array(&TIMESTAMP)),
    kind("array", "timestamptz[]", Values::Array(&TIMESTAMPTZ)),
    kind("array", "json[]", Values::Array(&JSON)),
    kind("array", "jsonb[]", Values::Array(&JSONB)),
    kind("array", "bytea[]", Values::Array(&BYTEA)),
    kind("array", "mood[]", Values::Array(&MOOD)),
    kind("array", "inet[]", Values::Array(&INET)),
    kind("array", "cidr[]", Values::Array(&CIDR)),
    kind("array", "macaddr[]", Values::Array(&MACADDR)),
    kind("array", "citext[]", Values::Array(&CITEXT)),
    kind("array", "int4range[]", Values::Array(&INT4RANGE)),
    kind("array", "tstzrange[]", Values::Array(&TSTZRANGE)),
    kind("array", "oid[]", Values::Array(&OID)),
    kind("array", "money[]", Values::Array(&MONEY)),
    kind("array", "interval[]", Values::Array(&INTERVAL)),
    kind("array", "point[]", Values::Array(&POINT)),
    kind("array", "posint[]", Values::Array(&POSINT)),
    kind("array", "ltree[]", Values::Array(&LTREE)),
    kind("array", "hstore[]", Values::Array(&HSTORE)),
    kind("array", "bit(3)[]", Values::Array(&BIT3)),
    kind("array", "xml[]", Values::Array(&XML)),
];
