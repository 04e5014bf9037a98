//! What an aggregate keeps of its input.

use super::sum::{DecimalSum, FloatSum};
use crate::query::decimal::Decimal;
use crate::query::error::EvalError;
use crate::query::expr::{AggregateCall, AggregateKind};
use crate::query::value::{Type, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// A value in its total order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sorted(Value);

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_compare(&other.0)
    }
}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Debug)]
enum Kept {
    Count,
    Int(i128),
    Decimal(DecimalSum),
    Float(FloatSum),
    Extreme {
        values: BTreeMap<Sorted, i64>,
        largest: bool,
    },
    /// How many are true.
    Bool {
        trues: i64,
        all: bool,
    },
}

/// The state of one aggregate of one group.
#[derive(Debug)]
pub(super) struct Accumulator {
    /// Values that are not NULL.
    count: i64,
    kept: Kept,
    /// How often each value came, and the first of the equal ones, when these count once.
    distinct: Option<HashMap<Value, (i64, Value)>>,
}

impl Accumulator {
    pub(super) fn new(call: &AggregateCall) -> Self {
        let input = call.argument.as_ref().map_or(Type::Int8, |argument| argument.ty);
        let kept = match call.kind {
            AggregateKind::CountRows | AggregateKind::Count => Kept::Count,
            AggregateKind::Sum | AggregateKind::Avg => match input {
                Type::Numeric => Kept::Decimal(DecimalSum::default()),
                Type::Float4 | Type::Float8 => Kept::Float(FloatSum::default()),
                _ => Kept::Int(0),
            },
            AggregateKind::Min => Kept::Extreme { values: BTreeMap::new(), largest: false },
            AggregateKind::Max => Kept::Extreme { values: BTreeMap::new(), largest: true },
            AggregateKind::BoolAnd => Kept::Bool { trues: 0, all: true },
            AggregateKind::BoolOr => Kept::Bool { trues: 0, all: false },
        };
        Self { count: 0, kept, distinct: call.distinct.then(HashMap::new) }
    }

    /// Takes so many of a value in, or out.
    pub(super) fn add(&mut self, value: &Value, weight: i64) {
        if value.is_null() {
            return;
        }
        let Some(distinct) = &mut self.distinct else {
            self.add_each(value, weight);
            return;
        };
        let key = value.canonical();
        let (count, first) = distinct.entry(key.clone()).or_insert_with(|| (0, value.clone()));
        let before = *count;
        *count += weight;
        let after = *count;
        // What came in goes out, whichever of the equal ones is taken back last: 1.50 stays 1.50.
        let first = first.clone();
        if after == 0 {
            distinct.remove(&key);
        }
        match (before > 0, after > 0) {
            (false, true) => self.add_each(&first, 1),
            (true, false) => self.add_each(&first, -1),
            _ => {}
        }
    }

    fn add_each(&mut self, value: &Value, weight: i64) {
        self.count += weight;
        match (&mut self.kept, value) {
            (Kept::Int(sum), Value::Int(value)) => *sum += i128::from(*value) * i128::from(weight),
            (Kept::Decimal(sum), Value::Decimal(number)) => sum.add(number, weight),
            (Kept::Float(sum), Value::Float(value)) => sum.add(*value, weight),
            (Kept::Extreme { values, .. }, value) => {
                let key = Sorted(value.clone());
                let count = values.entry(key.clone()).or_default();
                *count += weight;
                if *count == 0 {
                    values.remove(&key);
                }
            }
            (Kept::Bool { trues, .. }, Value::Bool(true)) => *trues += weight,
            _ => {}
        }
    }

    /// The aggregate's value.
    ///
    /// # Errors
    ///
    /// [`EvalError::OutOfRange`] when a sum does not fit its type.
    pub(super) fn value(&self, call: &AggregateCall) -> Result<Value, EvalError> {
        if matches!(self.kept, Kept::Count) {
            return Ok(Value::Int(self.count));
        }
        if self.count == 0 {
            return Ok(Value::Null);
        }
        let average = call.kind == AggregateKind::Avg;
        Ok(match &self.kept {
            Kept::Count => Value::Int(self.count),
            Kept::Int(sum) if average => divided(&Decimal::from(*sum), self.count)?,
            Kept::Int(sum) if call.ty == Type::Numeric => Value::Decimal(Decimal::from(*sum)),
            Kept::Int(sum) => {
                Value::Int(i64::try_from(*sum).map_err(|_| EvalError::OutOfRange(Type::Int8))?)
            }
            Kept::Decimal(sum) if average => divided(&sum.value(), self.count)?,
            Kept::Decimal(sum) => Value::Decimal(sum.value()),
            #[expect(clippy::cast_precision_loss, reason = "that many rows are never there")]
            Kept::Float(sum) if average => Value::Float(sum.value() / self.count as f64),
            #[expect(clippy::cast_possible_truncation, reason = "a sum of real is real")]
            Kept::Float(sum) if call.ty == Type::Float4 => {
                Value::Float((sum.value() as f32).into())
            }
            Kept::Float(sum) => Value::Float(sum.value()),
            Kept::Extreme { values, largest } => {
                let extreme =
                    if *largest { values.last_key_value() } else { values.first_key_value() };
                extreme.map_or(Value::Null, |(value, _)| value.0.clone())
            }
            Kept::Bool { trues, all: true } => Value::Bool(*trues == self.count),
            Kept::Bool { trues, all: false } => Value::Bool(*trues > 0),
        })
    }
}

fn divided(sum: &Decimal, count: i64) -> Result<Value, EvalError> {
    let quotient = sum.divide(&Decimal::from(count));
    quotient.map(Value::Decimal).ok_or(EvalError::DivisionByZero)
}
