//! Column defaults in schemas.
//!
//! Debezium does not evaluate expressions. It takes the first quoted literal, or the whole text
//! when there is none, and for a function call the zero of the type; what the type cannot read
//! gives no default.

use super::converter::Converter;
use super::mapping::Mapping;
use super::numeric::Decimal;
use super::schema::SchemaKind;
use super::temporal::{Calendar, DateForm, TimeForm, TimestampForm};
use crate::oid::Oid;
use crate::relation::{PgType, TypeKind};
use std::borrow::Cow;

/// Words that count as function calls.
const BARE_FUNCTIONS: [&str; 5] =
    ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME"];

/// The JSON of a column's default, from the expression as `pg_get_expr` prints it.
pub(super) fn default_json(
    expression: &str,
    pg_type: &PgType,
    typmod: i32,
    mapping: &Mapping,
) -> Option<Box<[u8]>> {
    let is_enum = matches!(pg_type.kind, TypeKind::Enum { .. });
    let zero = if is_enum { None } else { Some(zero_text(pg_type.oid, typmod)?) };
    let is_struct = matches!(mapping.schema.kind, SchemaKind::Struct(_));
    if is_struct || expression == "NULL" || expression.starts_with("NULL::") {
        return None;
    }
    let text = match (is_function(expression), zero) {
        (true, zero) => Cow::Borrowed(zero?),
        (false, None) => first_literal(expression)?,
        (false, Some(_)) => first_literal(expression).unwrap_or(Cow::Borrowed(expression)),
    };
    let mut out = Vec::new();
    write_default(&text, pg_type.oid, typmod, &mapping.converter, &mut out)?;
    Some(out.into())
}

/// What a function call stands for; `None` for types whose defaults Debezium does not read.
fn zero_text(oid: Oid, typmod: i32) -> Option<&'static str> {
    Some(match oid {
        // Shows in text; a column with a scale writes the zero with that.
        Oid::NUMERIC if typmod < 4 => "0.0",
        Oid::BOOL => "false",
        Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::FLOAT4 | Oid::FLOAT8 | Oid::NUMERIC => "0",
        Oid::BIT | Oid::VARBIT => "0",
        Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::XML => "",
        Oid::JSON | Oid::JSONB => "{}",
        Oid::UUID => "00000000-0000-0000-0000-000000000000",
        Oid::DATE => "1970-01-01",
        Oid::TIME | Oid::INTERVAL => "00:00:00",
        Oid::TIMESTAMP => "1970-01-01 00:00:00",
        Oid::TIMESTAMPTZ => "1970-01-01 00:00:00+00",
        _ => return None,
    })
}

/// True for `f(…)`, `(f(…) - x)` and the bare words: an optional parenthesis, a name, and
/// parentheses behind it.
fn is_function(expression: &str) -> bool {
    if BARE_FUNCTIONS.contains(&expression) {
        return true;
    }
    let text = expression.strip_prefix('(').unwrap_or(expression);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let rest = text.trim_start_matches(is_name);
    rest.len() < text.len() && rest.starts_with('(') && rest.contains(')')
}

/// The content of the first quoted literal, its doubled quotes undone.
fn first_literal(expression: &str) -> Option<Cow<'_, str>> {
    let (_, text) = expression.split_once('\'')?;
    let mut doubled = false;
    let mut quotes = text.match_indices('\'').map(|(at, _)| at).peekable();
    while let Some(at) = quotes.next() {
        if quotes.peek() == Some(&(at + 1)) {
            quotes.next();
            doubled = true;
            continue;
        }
        let literal = text.get(..at)?;
        return Some(if doubled {
            Cow::Owned(literal.replace("''", "'"))
        } else {
            Cow::Borrowed(literal)
        });
    }
    None
}

/// Converts the text as a value of the column, apart from where Debezium reads defaults its own
/// way.
fn write_default(
    text: &str,
    oid: Oid,
    typmod: i32,
    converter: &Converter,
    out: &mut Vec<u8>,
) -> Option<()> {
    let text = match oid {
        Oid::BOOL if text.eq_ignore_ascii_case("true") => "t",
        Oid::BOOL => "f",
        // A literal of another type may carry a time of day.
        Oid::DATE if !text.ends_with(" BC") => text.split(' ').next().unwrap_or(text),
        _ => text,
    };
    if oid == Oid::NUMERIC && typmod >= 4 {
        let scale = usize::try_from((typmod - 4) & 0xffff).ok()?;
        let decimal = Decimal::parse(text.as_bytes()).ok()?;
        if decimal.fraction.len() > scale {
            return None;
        }
    }
    if let "infinity" | "-infinity" = text {
        out.extend_from_slice(infinite_default(text == "infinity", converter)?.as_bytes());
        return Some(());
    }
    if let (Converter::Time(form, _), "24:00:00") = (converter, text) {
        out.extend_from_slice(midnight_default(*form)?.as_bytes());
        return Some(());
    }
    let converter = match converter {
        Converter::Bit if text != "1" => {
            out.extend_from_slice(b"false");
            return Some(());
        }
        Converter::Date(form, _) => &Converter::Date(*form, Calendar::Iso),
        other => other,
    };
    converter.write(text.as_bytes(), out).ok()
}

/// Debezium reads the end of a day as Java's last `LocalTime`, 23:59:59.999999999.
fn midnight_default(form: TimeForm) -> Option<&'static str> {
    Some(match form {
        TimeForm::Millis => "86399999",
        TimeForm::Micros => "86399999999",
        TimeForm::Nanos => "86399999999999",
        TimeForm::Iso => "\"23:59:59.999999999Z\"",
        TimeForm::Structured { .. } => return None,
    })
}

/// Debezium reads infinity as Java's largest or smallest `LocalDateTime`; what is left of that
/// after the conversion is this.
fn infinite_default(positive: bool, converter: &Converter) -> Option<&'static str> {
    Some(match (converter, positive) {
        (Converter::Date(DateForm::Days, _), true) => "169560311",
        (Converter::Date(DateForm::Days, _), false) => "-170999002",
        (Converter::Date(DateForm::Iso, _), true) => "\"+999999999-12-31Z\"",
        (Converter::Date(DateForm::Iso, _), false) => "\"-999999999-01-01Z\"",
        (Converter::Timestamp(TimestampForm::Micros, _), true) => "-9223372036853775810",
        (Converter::Timestamp(TimestampForm::Micros, _), false) => "-9223372036854775808",
        (Converter::Timestamp(TimestampForm::Iso, _), true) => {
            "\"+999999999-12-31T23:59:59.999999999Z\""
        }
        (Converter::Timestamp(TimestampForm::Iso, _), false) => "\"-999999999-01-01T00:00:00Z\"",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_by_their_look() {
        #[rustfmt::skip] // own.df
        let cases = [
            ("now()", true), ("nextval('sq'::regclass)", true), ("(now() - '1 day'::interval)", true), ("timezone('utc'::text, now())", true),
            ("(now())::text", true), ("COALESCE(NULL::integer, 3)", true), ("public.sf()", true), ("CURRENT_DATE", true), ("LOCALTIME(3)", true),
            ("CURRENT_USER", false), ("\"current_schema\"()", false), ("(5)::text", false), ("(CURRENT_DATE - 1)", false), ("((random() * (0)::double precision))::integer", false),
            ("'x'::character varying(20)", false), ("CASE WHEN true THEN 1 ELSE 2 END", false), ("", false), ("f(", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(is_function(expression), expected, "{expression}");
        }
    }

    #[test]
    fn first_literal_is_unquoted() {
        #[rustfmt::skip]
        let cases = [
            ("'x'::text", Some("x")), ("'it''s'::text", Some("it's")), ("('a'::text || 'b'::text)", Some("a")), ("''::text", Some("")), ("''''::text", Some("'")),
            ("'a''b''''c'::text", Some("a'b''c")), ("5", None), ("'open", None), ("'open''", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(first_literal(expression).as_deref(), expected, "{expression}");
        }
    }
}
