//! The value of an expression for a row.

use super::{Comparison, Expr, Node, Outcome, Run, cast};
use crate::query::error::EvalError;
use crate::query::value::Value;
use std::cmp::Ordering;

impl Comparison {
    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Expr {
    /// The value for `row`; a column that the row does not have is NULL.
    ///
    /// # Errors
    ///
    /// [`EvalError`] where PostgreSQL would fail, too: a division by zero, an overflow.
    pub fn eval(&self, row: &[Value]) -> Result<Value, EvalError> {
        self.0.eval(row)
    }

    /// Whether a condition is true for `row`: neither false nor NULL.
    ///
    /// # Errors
    ///
    /// As [`Expr::eval`].
    pub fn holds(&self, row: &[Value]) -> Result<bool, EvalError> {
        Ok(matches!(self.0.eval(row)?, Value::Bool(true)))
    }
}

impl Node {
    fn eval(&self, row: &[Value]) -> Outcome {
        Ok(match self {
            Self::Column(position) => row.get(*position).cloned().unwrap_or_default(),
            Self::Literal(value) => value.clone(),
            Self::Compare { op, left, right } => {
                let (left, right) = (left.eval(row)?, right.eval(row)?);
                if left.is_null() || right.is_null() {
                    Value::Null
                } else {
                    Value::Bool(op.holds(left.compare(&right)))
                }
            }
            Self::And(parts) => connect(parts, row, false)?,
            Self::Or(parts) => connect(parts, row, true)?,
            Self::Not(inner) => match inner.eval(row)? {
                Value::Bool(value) => Value::Bool(!value),
                _ => Value::Null,
            },
            Self::IsNull { inner, negated } => Value::Bool(inner.eval(row)?.is_null() != *negated),
            Self::IsBool { inner, expected, negated } => {
                Value::Bool((inner.eval(row)? == Value::Bool(*expected)) != *negated)
            }
            Self::IsDistinct { left, right, negated } => {
                let distinct = left.eval(row)?.compare(&right.eval(row)?).is_ne();
                Value::Bool(distinct != *negated)
            }
            Self::In { needle, list, negated } => is_in(&needle.eval(row)?, list, *negated, row)?,
            Self::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    if condition.eval(row)? == Value::Bool(true) {
                        return result.eval(row);
                    }
                }
                otherwise.eval(row)?
            }
            Self::Coalesce(parts) => {
                for part in parts {
                    let value = part.eval(row)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Value::Null
            }
            Self::Extreme { inner, greatest } => extreme(inner, *greatest, row)?,
            Self::NullIf { shown, left, right } => {
                let (left, right) = (left.eval(row)?, right.eval(row)?);
                let equal = !left.is_null() && !right.is_null() && left.compare(&right).is_eq();
                if equal { Value::Null } else { shown.eval(row)? }
            }
            Self::Call { function, arguments } => call(function.run, arguments, row)?,
            Self::Cast { inner, from, to } => match inner.eval(row)? {
                Value::Null => Value::Null,
                value => cast::cast(&value, *from, to)?,
            },
            // The plan replaces aggregates before it evaluates anything.
            Self::Aggregate(_) => Value::Null,
        })
    }
}

/// `AND` (`absorbing` is false) and `OR` (true) of several parts: one absorbing part decides, else
/// one NULL does.
fn connect(parts: &[Node], row: &[Value], absorbing: bool) -> Outcome {
    let mut result = Value::Bool(!absorbing);
    for part in parts {
        match part.eval(row)? {
            Value::Bool(value) if value == absorbing => return Ok(Value::Bool(value)),
            Value::Bool(_) => {}
            _ => result = Value::Null,
        }
    }
    Ok(result)
}

fn is_in(needle: &Value, list: &[Node], negated: bool, row: &[Value]) -> Outcome {
    if needle.is_null() {
        return Ok(Value::Null);
    }
    let mut result = Value::Bool(negated);
    for part in list {
        let value = part.eval(row)?;
        if value.is_null() {
            result = Value::Null;
        } else if needle.compare(&value).is_eq() {
            return Ok(Value::Bool(!negated));
        }
    }
    Ok(result)
}

fn extreme(parts: &[Node], greatest: bool, row: &[Value]) -> Outcome {
    let mut best = Value::Null;
    for part in parts {
        let value = part.eval(row)?;
        if value.is_null() {
            continue;
        }
        let better = if greatest { Ordering::Greater } else { Ordering::Less };
        if best.is_null() || value.compare(&best) == better {
            best = value;
        }
    }
    Ok(best)
}

fn call(run: Run, arguments: &[Node], row: &[Value]) -> Outcome {
    match (run, arguments) {
        (Run::One(run), [argument]) => match argument.eval(row)? {
            Value::Null => Ok(Value::Null),
            value => run(&value),
        },
        (Run::Two(run), [left, right]) => {
            let (left, right) = (left.eval(row)?, right.eval(row)?);
            if left.is_null() || right.is_null() { Ok(Value::Null) } else { run(&left, &right) }
        }
        (Run::Many(run), arguments) => {
            let values = all(arguments, row)?;
            if values.iter().any(Value::is_null) { Ok(Value::Null) } else { run(&values) }
        }
        (Run::WithNulls(run), arguments) => run(&all(arguments, row)?),
        // The binder gives each function as many arguments as it takes.
        (Run::One(_) | Run::Two(_), _) => Ok(Value::Null),
    }
}

fn all(parts: &[Node], row: &[Value]) -> Result<Vec<Value>, EvalError> {
    parts.iter().map(|part| part.eval(row)).collect()
}
