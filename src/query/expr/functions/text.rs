//! Functions on text. Positions count characters, from 1.

use super::{call, many, one, two};
use crate::query::error::{EvalError, QueryError};
use crate::query::expr::bind::{Binder, Typed, folded_call, to_text};
use crate::query::expr::{Function, Node, Outcome, Run};
use crate::query::value::{Type, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

/// The longest text that a function makes.
const LENGTH_MAX: usize = 64 * 1024 * 1024;

pub(super) fn bind(
    binder: &mut Binder<'_>,
    name: &str,
    arguments: &[&ast::Expr],
    span: Span,
) -> Result<Option<Typed>, QueryError> {
    use Type::{Int4, Text};
    let (function, types, result): (Function, &[Type], Type) = match (name, arguments.len()) {
        ("concat" | "concat_ws", 1..) => return joined(binder, name, arguments, span),
        ("lower", 1) => (one("lower", |t| map(t, str::to_lowercase)), &[Text], Text),
        ("upper", 1) => (one("upper", |t| map(t, str::to_uppercase)), &[Text], Text),
        ("initcap", 1) => (one("initcap", |t| map(t, initcap)), &[Text], Text),
        ("reverse", 1) => {
            (one("reverse", |t| map(t, |t| t.chars().rev().collect())), &[Text], Text)
        }
        ("length" | "char_length" | "character_length", 1) => {
            (one("length", |t| count(t, |text| text.chars().count())), &[Text], Int4)
        }
        ("octet_length", 1) => (one("octet_length", |t| count(t, str::len)), &[Text], Int4),
        ("btrim" | "trim", 1 | 2) => return trim(binder, Side::Both, arguments, span),
        ("ltrim", 1 | 2) => return trim(binder, Side::Left, arguments, span),
        ("rtrim", 1 | 2) => return trim(binder, Side::Right, arguments, span),
        ("substr" | "substring", 2 | 3) => {
            let (from, length) = (arguments.get(1).copied(), arguments.get(2).copied());
            let Some(text) = arguments.first() else { return Ok(None) };
            return substring(binder, text, from, length, span).map(Some);
        }
        ("left", 2) => (two("left", |t, n| part(t, n, true)), &[Text, Int4], Text),
        ("right", 2) => (two("right", |t, n| part(t, n, false)), &[Text, Int4], Text),
        ("replace", 3) => (many("replace", replace), &[Text, Text, Text], Text),
        ("translate", 3) => (many("translate", translate), &[Text, Text, Text], Text),
        ("split_part", 3) => (many("split_part", split_part), &[Text, Text, Int4], Text),
        ("strpos", 2) => (two("strpos", strpos), &[Text, Text], Int4),
        ("starts_with", 2) => (
            two("starts_with", |text, start| match (text, start) {
                (Value::Text(text), Value::Text(start)) => {
                    Ok(Value::Bool(text.starts_with(&**start)))
                }
                _ => Ok(Value::Null),
            }),
            &[Text, Text],
            Type::Bool,
        ),
        ("repeat", 2) => (two("repeat", repeat), &[Text, Int4], Text),
        ("lpad", 2) => (many("lpad", |v| pad(v, true)), &[Text, Int4], Text),
        ("lpad", 3) => (many("lpad", |v| pad(v, true)), &[Text, Int4, Text], Text),
        ("rpad", 2) => (many("rpad", |v| pad(v, false)), &[Text, Int4], Text),
        ("rpad", 3) => (many("rpad", |v| pad(v, false)), &[Text, Int4, Text], Text),
        _ => return Ok(None),
    };
    call(binder, function, arguments, types, result, span)
}

/// `concat` and `concat_ws` take anything, and leave NULLs out.
fn joined(
    binder: &mut Binder<'_>,
    name: &str,
    arguments: &[&ast::Expr],
    span: Span,
) -> Result<Option<Typed>, QueryError> {
    let function = if name == "concat" {
        Function { name: "concat", run: Run::WithNulls(|values| join(values, "")) }
    } else {
        Function {
            name: "concat_ws",
            run: Run::WithNulls(|values| match values.split_first() {
                Some((Value::Text(separator), values)) => join(values, separator),
                _ => Ok(Value::Null),
            }),
        }
    };
    let mut nodes = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let bound = binder.bind(argument)?;
        // Here a boolean is t or f, as its output function has it.
        nodes.push(match bound.ty {
            Type::Bool => Node::Case {
                branches: vec![
                    (Node::IsNull { inner: Box::new(bound.expr.0.clone()), negated: false }, NULL),
                    (bound.expr.0, Node::Literal(Value::text("t"))),
                ],
                otherwise: Box::new(Node::Literal(Value::text("f"))),
            },
            _ => to_text(bound),
        });
    }
    folded_call(function, nodes, Type::Text, span).map(Some)
}

const NULL: Node = Node::Literal(Value::Null);

fn join(values: &[Value], separator: &str) -> Outcome {
    let texts: Vec<&str> = values
        .iter()
        .filter_map(|value| match value {
            Value::Text(text) => Some(&**text),
            _ => None,
        })
        .collect();
    Ok(Value::Text(texts.join(separator).into()))
}

enum Side {
    Left,
    Right,
    Both,
}

fn trim(
    binder: &mut Binder<'_>,
    side: Side,
    arguments: &[&ast::Expr],
    span: Span,
) -> Result<Option<Typed>, QueryError> {
    let function = match side {
        Side::Left => many("ltrim", |v| trimmed(v, |t, c| t.trim_start_matches(|x| c.contains(x)))),
        Side::Right => many("rtrim", |v| trimmed(v, |t, c| t.trim_end_matches(|x| c.contains(x)))),
        Side::Both => many("btrim", |v| trimmed(v, |t, c| t.trim_matches(|x| c.contains(x)))),
    };
    call(binder, function, arguments, &[Type::Text, Type::Text], Type::Text, span)
}

fn trimmed(values: &[Value], trim: for<'a> fn(&'a str, &str) -> &'a str) -> Outcome {
    Ok(match values {
        [Value::Text(text)] => Value::text(trim(text, " ")),
        [Value::Text(text), Value::Text(characters)] => Value::text(trim(text, characters)),
        _ => Value::Null,
    })
}

pub(super) fn substring(
    binder: &mut Binder<'_>,
    text: &ast::Expr,
    from: Option<&ast::Expr>,
    length: Option<&ast::Expr>,
    span: Span,
) -> Result<Typed, QueryError> {
    let text = binder.text(text, "substring")?;
    let mut arguments = vec![text];
    arguments.push(match from {
        Some(from) => binder.argument(from, Type::Int4, "substring")?,
        None => Node::Literal(Value::Int(1)),
    });
    if let Some(length) = length {
        arguments.push(binder.argument(length, Type::Int4, "substring")?);
    }
    folded_call(many("substring", cut), arguments, Type::Text, span)
}

fn cut(values: &[Value]) -> Outcome {
    let (text, from, end) = match values {
        [Value::Text(text), Value::Int(from)] => (text, *from, i64::MAX),
        [Value::Text(text), Value::Int(from), Value::Int(length)] => {
            if *length < 0 {
                return Err(EvalError::Argument("negative substring length not allowed"));
            }
            (text, *from, from + length)
        }
        _ => return Ok(Value::Null),
    };
    let skipped = usize::try_from(from.max(1) - 1).unwrap_or(usize::MAX);
    let taken = usize::try_from(end.saturating_sub(from.max(1)).max(0)).unwrap_or(usize::MAX);
    Ok(Value::Text(text.chars().skip(skipped).take(taken).collect::<String>().into()))
}

fn map(value: &Value, run: impl Fn(&str) -> String) -> Outcome {
    Ok(match value {
        Value::Text(text) => Value::Text(run(text).into()),
        _ => Value::Null,
    })
}

fn count(value: &Value, run: impl Fn(&str) -> usize) -> Outcome {
    Ok(match value {
        Value::Text(text) => Value::Int(i64::try_from(run(text)).unwrap_or(i64::MAX)),
        _ => Value::Null,
    })
}

fn initcap(text: &str) -> String {
    let mut in_word = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if in_word {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        in_word = c.is_alphanumeric();
    }
    out
}

/// The first (or last) `n` characters; all but `-n` of the other side when `n` is negative.
fn part(text: &Value, n: &Value, from_left: bool) -> Outcome {
    let (Value::Text(text), Value::Int(n)) = (text, n) else { return Ok(Value::Null) };
    let length = text.chars().count();
    let size = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    let kept = if *n >= 0 { size.min(length) } else { length.saturating_sub(size) };
    let text: String = if from_left {
        text.chars().take(kept).collect()
    } else {
        text.chars().skip(length - kept).collect()
    };
    Ok(Value::Text(text.into()))
}

fn replace(values: &[Value]) -> Outcome {
    Ok(match values {
        [Value::Text(text), Value::Text(from), _] if from.is_empty() => Value::Text(text.clone()),
        [Value::Text(text), Value::Text(from), Value::Text(to)] => {
            Value::Text(text.replace(&**from, to).into())
        }
        _ => Value::Null,
    })
}

fn translate(values: &[Value]) -> Outcome {
    let [Value::Text(text), Value::Text(from), Value::Text(to)] = values else {
        return Ok(Value::Null);
    };
    let to: Vec<char> = to.chars().collect();
    let mapped = text.chars().filter_map(|c| match from.chars().position(|known| known == c) {
        Some(position) => to.get(position).copied(),
        None => Some(c),
    });
    Ok(Value::Text(mapped.collect::<String>().into()))
}

fn split_part(values: &[Value]) -> Outcome {
    let [Value::Text(text), Value::Text(separator), Value::Int(number)] = values else {
        return Ok(Value::Null);
    };
    if *number == 0 {
        return Err(EvalError::Argument("field position must not be zero"));
    }
    let parts: Vec<&str> = match separator.is_empty() {
        true => vec![text],
        false => text.split(&**separator).collect(),
    };
    let size = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    let position = if *number > 0 { Some(size - 1) } else { parts.len().checked_sub(size) };
    let part = position.and_then(|position| parts.get(position)).copied();
    Ok(Value::text(part.unwrap_or_default()))
}

fn strpos(text: &Value, part: &Value) -> Outcome {
    let (Value::Text(text), Value::Text(part)) = (text, part) else { return Ok(Value::Null) };
    let before = text.find(&**part).and_then(|at| text.get(..at));
    let position = before.map_or(0, |before| before.chars().count() + 1);
    Ok(Value::Int(i64::try_from(position).unwrap_or(i64::MAX)))
}

const TOO_LONG: EvalError = EvalError::Argument("requested length too large");

fn repeat(text: &Value, times: &Value) -> Outcome {
    let (Value::Text(text), Value::Int(times)) = (text, times) else { return Ok(Value::Null) };
    let times = usize::try_from(*times).unwrap_or(0);
    match text.len().checked_mul(times) {
        Some(..=LENGTH_MAX) => Ok(Value::Text(text.repeat(times).into())),
        _ => Err(TOO_LONG),
    }
}

fn pad(values: &[Value], on_left: bool) -> Outcome {
    let (text, length, fill) = match values {
        [Value::Text(text), Value::Int(length)] => (text, length, " "),
        [Value::Text(text), Value::Int(length), Value::Text(fill)] => (text, length, &**fill),
        _ => return Ok(Value::Null),
    };
    let length = usize::try_from(*length).unwrap_or(0);
    if length > LENGTH_MAX {
        return Err(TOO_LONG);
    }
    let missing = length.saturating_sub(text.chars().count());
    let padding: String = fill.chars().cycle().take(missing).collect();
    let padding = padding.chars();
    let text = text.chars().take(length);
    let padded: String =
        if on_left { padding.chain(text).collect() } else { text.chain(padding).collect() };
    Ok(Value::Text(padded.into()))
}
