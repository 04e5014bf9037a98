//! From a syntax tree to a typed expression: names become columns, types decide functions.

use super::arithmetic::{self, Arithmetic};
use super::cast::{self, Target};
use super::coerce::{coerce, common, unify_all};
use super::syntax::folded;
use super::{Comparison, Expr, Function, Node, Outcome, Run, Scope, functions, like};
use crate::query::error::{EvalError, QueryError};
use crate::query::value::{Type, Value};
use sqlparser::ast::{self, BinaryOperator, Spanned as _, UnaryOperator};
use sqlparser::tokenizer::Span;

/// An expression and its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed {
    /// The expression.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
}

impl Typed {
    pub(super) const fn new(node: Node, ty: Type) -> Self {
        Self { expr: Expr(node), ty }
    }

    pub(super) const fn literal(value: Value, ty: Type) -> Self {
        Self::new(Node::Literal(value), ty)
    }
}

/// What an aggregate computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are PostgreSQL's")]
pub enum AggregateKind {
    CountRows,
    Count,
    Sum,
    Avg,
    Min,
    Max,
    BoolAnd,
    BoolOr,
}

/// A call of an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// What it computes.
    pub kind: AggregateKind,
    /// Whether equal values count once.
    pub distinct: bool,
    /// The argument and its type; none for `count(*)`.
    pub argument: Option<Typed>,
    /// The condition of `FILTER (WHERE …)`.
    pub filter: Option<Expr>,
    /// Type of the result.
    pub ty: Type,
}

/// Binds expressions to the columns of a scope.
#[derive(Debug)]
pub struct Binder<'a> {
    pub(super) scope: &'a Scope,
    /// Where aggregates are collected; without it they are refused.
    pub(super) aggregates: Option<&'a mut Vec<AggregateCall>>,
}

type Bound = Result<Typed, QueryError>;

impl<'a> Binder<'a> {
    /// A binder for expressions without aggregates.
    #[must_use]
    pub const fn new(scope: &'a Scope) -> Self {
        Self { scope, aggregates: None }
    }

    /// A binder that puts the aggregates it finds into `aggregates`.
    #[must_use]
    pub const fn with_aggregates(scope: &'a Scope, aggregates: &'a mut Vec<AggregateCall>) -> Self {
        Self { scope, aggregates: Some(aggregates) }
    }

    /// Binds a condition; `what` names it in errors (`WHERE`, `HAVING`).
    ///
    /// # Errors
    ///
    /// [`QueryError`] when the expression cannot be bound or is no condition.
    pub fn condition(&mut self, expr: &ast::Expr, what: &str) -> Result<Expr, QueryError> {
        let bound = self.bind(expr)?;
        match bound.ty {
            Type::Bool | Type::Unknown => coerce(bound, Type::Bool, expr.span()).map(Expr),
            ty => Err(QueryError::new(
                expr.span(),
                format!("{what} has to be true or false, and this is {ty}"),
            )),
        }
    }

    /// Binds an expression.
    ///
    /// # Errors
    ///
    /// [`QueryError`] for unknown names, types that do not fit, and what is not supported.
    pub fn bind(&mut self, expr: &ast::Expr) -> Bound {
        let span = expr.span();
        self.bind_here(expr, span).map_err(|error| error.or_at(span))
    }

    fn bind_here(&mut self, expr: &ast::Expr, span: Span) -> Bound {
        use ast::Expr as Ast;
        match expr {
            Ast::Identifier(name) => self.column(None, name),
            Ast::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, name] => self.column(Some(&folded(table)), name),
                _ => Err(unsupported(span, "this name")),
            },
            Ast::Nested(inner) => self.bind(inner),
            Ast::Value(value) => literal(&value.value, value.span),
            Ast::TypedString(typed) => {
                let target = functions::target(&typed.data_type, span)?;
                let text = literal(&typed.value.value, typed.value.span)?;
                explicit_cast(text, target, span)
            }
            Ast::Interval(interval) => self.interval(interval, span),
            Ast::UnaryOp { op, expr } => self.unary(*op, expr, span),
            Ast::BinaryOp { left, op, right } => self.binary(left, op, right, span),
            Ast::IsNull(inner) => self.is_null(inner, false),
            Ast::IsNotNull(inner) => self.is_null(inner, true),
            Ast::IsTrue(inner) => self.is_bool(inner, true, false),
            Ast::IsNotTrue(inner) => self.is_bool(inner, true, true),
            Ast::IsFalse(inner) => self.is_bool(inner, false, false),
            Ast::IsNotFalse(inner) => self.is_bool(inner, false, true),
            Ast::IsUnknown(inner) => self.is_unknown(inner, false),
            Ast::IsNotUnknown(inner) => self.is_unknown(inner, true),
            Ast::IsDistinctFrom(left, right) => self.is_distinct(left, right, false, span),
            Ast::IsNotDistinctFrom(left, right) => self.is_distinct(left, right, true, span),
            Ast::In { expr, target: ast::InTarget::List(list), negated, .. } => {
                self.is_in(expr, list, *negated, span)
            }
            Ast::Between { expr, negated, low, high } => self.between(expr, low, high, *negated),
            Ast::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), *negated, false)
            }
            Ast::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), *negated, true)
            }
            Ast::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), span)
            }
            Ast::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
            } => {
                let target = functions::target(data_type, span)?;
                let value = self.bind(expr)?;
                explicit_cast(value, target, span)
            }
            other => functions::bind(self, other, span),
        }
    }

    fn column(&self, table: Option<&str>, name: &ast::Ident) -> Bound {
        let (position, ty) = self.scope.find(table, &folded(name), name.span)?;
        Ok(Typed::new(Node::Column(position), ty))
    }

    fn interval(&mut self, interval: &ast::Interval, span: Span) -> Bound {
        let plain = ast::Interval {
            value: interval.value.clone(),
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        };
        if *interval != plain {
            return Err(QueryError::new(span, "fields behind an interval are not supported")
                .hint("put the unit into the text, as in interval '1 hour'"));
        }
        let value = self.bind(&interval.value)?;
        explicit_cast(value, Type::Interval.into(), span)
    }

    fn unary(&mut self, op: UnaryOperator, inner: &ast::Expr, span: Span) -> Bound {
        match op {
            UnaryOperator::Not => {
                let inner = self.condition(inner, "what NOT turns")?;
                Ok(Typed::new(Node::Not(Box::new(inner.0)), Type::Bool))
            }
            UnaryOperator::Plus | UnaryOperator::Minus => {
                let inner = self.bind(inner)?;
                let Some(function) = arithmetic::minus(inner.ty) else {
                    return Err(no_operator(span, &format!("{op} {}", inner.ty)));
                };
                if op == UnaryOperator::Plus {
                    return Ok(inner);
                }
                folded_call(function, vec![inner.expr.0], inner.ty, span)
            }
            other => Err(unsupported(span, &format!("the operator {other}"))),
        }
    }

    fn binary(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        span: Span,
    ) -> Bound {
        if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
            let what =
                if *op == BinaryOperator::And { "each side of AND" } else { "each side of OR" };
            let parts = vec![self.condition(left, what)?.0, self.condition(right, what)?.0];
            return Ok(Typed::new(connect(parts, *op == BinaryOperator::And), Type::Bool));
        }
        let (left_span, right_span) = (left.span(), right.span());
        let (left, right) = (self.bind(left)?, self.bind(right)?);
        if let Some(op) = comparison(op) {
            let (left, right) = comparable(left, right, op_text(op), left_span, right_span)?;
            let (left, right) = (Box::new(left), Box::new(right));
            return Ok(Typed::new(Node::Compare { op, left, right }, Type::Bool));
        }
        let arithmetic = match op {
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Divide => Arithmetic::Divide,
            BinaryOperator::Modulo => Arithmetic::Remainder,
            BinaryOperator::StringConcat => return concatenate(left, right, span),
            BinaryOperator::Arrow | BinaryOperator::LongArrow => {
                return functions::json_access(left, right, *op == BinaryOperator::LongArrow, span);
            }
            BinaryOperator::PGLikeMatch
            | BinaryOperator::PGNotLikeMatch
            | BinaryOperator::PGILikeMatch
            | BinaryOperator::PGNotILikeMatch => {
                return Err(
                    unsupported(span, &format!("the operator {op}")).hint("write LIKE or ILIKE")
                );
            }
            BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch => {
                return Err(unsupported(span, "matching by a regular expression")
                    .hint("LIKE and ILIKE know % for any text and _ for one character"));
            }
            other => return Err(unsupported(span, &format!("the operator {other}"))),
        };
        self.arithmetic(arithmetic, left, right, span)
    }

    fn arithmetic(&self, op: Arithmetic, left: Typed, right: Typed, span: Span) -> Bound {
        let (left_type, right_type) = (left.ty, right.ty);
        if let Some((a, b, result, function)) = arithmetic::times(op, left_type, right_type) {
            let arguments = vec![coerce(left, a, span)?, coerce(right, b, span)?];
            return folded_call(function, arguments, result, span);
        }
        // `timestamp + '1 day'`
        if op == Arithmetic::Add && right_type == Type::Unknown && !left_type.is_number() {
            let right = Typed::new(coerce(right, Type::Interval, span)?, Type::Interval);
            if left_type != Type::Unknown {
                return self.arithmetic(op, left, right, span);
            }
            return Err(no_operator(span, "unknown + unknown"));
        }
        let ty = common(left_type, right_type).filter(|ty| ty.is_number());
        let Some((ty, function)) = ty.and_then(|ty| Some((ty, arithmetic::numbers(op, ty)?)))
        else {
            let sign = match op {
                Arithmetic::Add => '+',
                Arithmetic::Subtract => '-',
                Arithmetic::Multiply => '*',
                Arithmetic::Divide => '/',
                Arithmetic::Remainder => '%',
            };
            return Err(no_operator(span, &format!("{left_type} {sign} {right_type}")));
        };
        let arguments = vec![coerce(left, ty, span)?, coerce(right, ty, span)?];
        folded_call(function, arguments, ty, span)
    }

    fn is_null(&mut self, inner: &ast::Expr, negated: bool) -> Bound {
        let inner = Box::new(self.bind(inner)?.expr.0);
        Ok(Typed::new(Node::IsNull { inner, negated }, Type::Bool))
    }

    fn is_unknown(&mut self, inner: &ast::Expr, negated: bool) -> Bound {
        let inner = Box::new(self.condition(inner, "what is tested for UNKNOWN")?.0);
        Ok(Typed::new(Node::IsNull { inner, negated }, Type::Bool))
    }

    fn is_bool(&mut self, inner: &ast::Expr, expected: bool, negated: bool) -> Bound {
        let inner = Box::new(self.condition(inner, "what is tested for TRUE or FALSE")?.0);
        Ok(Typed::new(Node::IsBool { inner, expected, negated }, Type::Bool))
    }

    fn is_distinct(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        negated: bool,
        span: Span,
    ) -> Bound {
        let (left, right) = (self.bind(left)?, self.bind(right)?);
        let (left, right) = comparable(left, right, "IS DISTINCT FROM", span, span)?;
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(Typed::new(Node::IsDistinct { left, right, negated }, Type::Bool))
    }

    fn is_in(
        &mut self,
        needle: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        span: Span,
    ) -> Bound {
        let needle = self.bind(needle)?;
        let mut values = Vec::with_capacity(list.len());
        for value in list {
            values.push((self.bind(value)?, value.span()));
        }
        let mut ty = needle.ty;
        for (value, value_span) in &values {
            ty = common(ty, value.ty).ok_or_else(|| {
                no_operator(*value_span, &format!("{} = {}", needle.ty, value.ty))
            })?;
        }
        let ty = if ty == Type::Unknown { Type::Text } else { ty };
        check_comparable(ty, "IN", span)?;
        let needle = Box::new(coerce(needle, ty, span)?);
        let list: Result<_, _> =
            values.into_iter().map(|(value, span)| coerce(value, ty, span)).collect();
        Ok(Typed::new(Node::In { needle, list: list?, negated }, Type::Bool))
    }

    fn between(
        &mut self,
        value: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
    ) -> Bound {
        let span = value.span();
        let (value, low_value, high_value) = (self.bind(value)?, self.bind(low)?, self.bind(high)?);
        let (a, b) = comparable(value.clone(), low_value, ">=", span, low.span())?;
        let above = (Comparison::GreaterOrEqual, a, b);
        let (a, b) = comparable(value, high_value, "<=", span, high.span())?;
        let below = (Comparison::LessOrEqual, a, b);
        let parts = [above, below].map(|(op, left, right)| Node::Compare {
            op,
            left: Box::new(left),
            right: Box::new(right),
        });
        let within = Node::And(parts.into());
        let node = if negated { Node::Not(Box::new(within)) } else { within };
        Ok(Typed::new(node, Type::Bool))
    }

    fn like(
        &mut self,
        value: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::Expr>,
        negated: bool,
        any_case: bool,
    ) -> Bound {
        let value = self.text(value, "LIKE")?;
        let pattern = self.text(pattern, "LIKE")?;
        let escape = match escape {
            Some(escape) => self.text(escape, "ESCAPE")?,
            None => Node::Literal(Value::text("\\")),
        };
        let function = if any_case {
            Function { name: "ilike", run: Run::Many(|values| like(values, true)) }
        } else {
            Function { name: "like", run: Run::Many(|values| like(values, false)) }
        };
        let node = Node::Call { function, arguments: vec![value, pattern, escape] };
        let node = if negated { Node::Not(Box::new(node)) } else { node };
        Ok(Typed::new(node, Type::Bool))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> Bound {
        let operand = operand.map(|operand| self.bind(operand)).transpose()?;
        let mut tests = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            tests.push(match &operand {
                None => self.condition(&when.condition, "WHEN")?.0,
                Some(operand) => {
                    let value = self.bind(&when.condition)?;
                    let span = when.condition.span();
                    let (left, right) = comparable(operand.clone(), value, "=", span, span)?;
                    let (left, right) = (Box::new(left), Box::new(right));
                    Node::Compare { op: Comparison::Equal, left, right }
                }
            });
            results.push(self.bind(&when.result)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.bind(otherwise)?,
            None => Typed::literal(Value::Null, Type::Unknown),
        });
        let (mut results, ty) = unify(results, "CASE", span)?;
        let otherwise = Box::new(results.pop().unwrap_or(Node::Literal(Value::Null)));
        let branches = tests.into_iter().zip(results).collect();
        Ok(Typed::new(Node::Case { branches, otherwise }, ty))
    }

    /// Binds text.
    pub(super) fn text(&mut self, expr: &ast::Expr, what: &str) -> Result<Node, QueryError> {
        self.argument(expr, Type::Text, what)
    }

    /// Binds an argument of a type that PostgreSQL would turn it into by itself.
    pub(super) fn argument(
        &mut self,
        expr: &ast::Expr,
        ty: Type,
        what: &str,
    ) -> Result<Node, QueryError> {
        let bound = self.bind(expr)?;
        if !super::coerce::is_implicit(bound.ty, ty) {
            let message = format!("{what} takes {ty} here, and this is {}", bound.ty);
            return Err(QueryError::new(expr.span(), message)
                .hint(format!("cast it, if that is what is meant: (…)::{ty}")));
        }
        coerce(bound, ty, expr.span())
    }
}

/// Turns all into one type.
pub(super) fn unify(
    values: Vec<Typed>,
    what: &str,
    span: Span,
) -> Result<(Vec<Node>, Type), QueryError> {
    let ty = unify_all(values.iter().map(|value| value.ty)).map_err(|(one, other)| {
        QueryError::new(span, format!("{what} cannot be of the types {one} and {other} at once"))
            .hint("cast one of them")
    })?;
    let nodes: Result<_, _> = values.into_iter().map(|value| coerce(value, ty, span)).collect();
    Ok((nodes?, ty))
}

/// A call; computed right away when all arguments are literals, so that errors have their place.
pub(super) fn folded_call(function: Function, arguments: Vec<Node>, ty: Type, span: Span) -> Bound {
    let constant = arguments.iter().all(|argument| matches!(argument, Node::Literal(_)));
    let call = Expr(Node::Call { function, arguments });
    if !constant {
        return Ok(Typed { expr: call, ty });
    }
    let value = call.eval(&[]).map_err(|error| QueryError::new(span, error.to_string()))?;
    Ok(Typed::literal(value, ty))
}

/// `AND` or `OR`, nested ones of the same kind made flat.
fn connect(parts: Vec<Node>, and: bool) -> Node {
    let flat = parts.into_iter().flat_map(|part| match part {
        Node::And(inner) if and => inner,
        Node::Or(inner) if !and => inner,
        other => vec![other],
    });
    if and { Node::And(flat.collect()) } else { Node::Or(flat.collect()) }
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

const fn op_text(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// Turns both sides of a comparison into one type.
fn comparable(
    left: Typed,
    right: Typed,
    op: &str,
    left_span: Span,
    right_span: Span,
) -> Result<(Node, Node), QueryError> {
    let (a, b) = (left.ty, right.ty);
    let span = left_span.union(&right_span);
    let Some(ty) = common(a, b) else {
        return Err(no_operator(span, &format!("{a} {op} {b}")));
    };
    let ty = if ty == Type::Unknown { Type::Text } else { ty };
    check_comparable(ty, op, span)?;
    Ok((coerce(left, ty, left_span)?, coerce(right, ty, right_span)?))
}

/// JSON has no equality.
pub(in crate::query) fn check_comparable(
    ty: Type,
    what: &str,
    span: Span,
) -> Result<(), QueryError> {
    if ty.is_comparable() {
        return Ok(());
    }
    Err(QueryError::new(span, format!("{what} cannot compare {ty}"))
        .hint("compare its text, (…)::text, or a member of it, (…) ->> 'name'"))
}

fn concatenate(left: Typed, right: Typed, span: Span) -> Bound {
    if ![left.ty, right.ty].iter().any(|ty| matches!(ty, Type::Text | Type::Unknown)) {
        return Err(no_operator(span, &format!("{} || {}", left.ty, right.ty)));
    }
    let arguments = vec![to_text(left), to_text(right)];
    let run = Run::Two(|a, b| match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text([&**a, &**b].concat().into())),
        _ => Ok(Value::Null),
    });
    folded_call(Function { name: "text_concat", run }, arguments, Type::Text, span)
}

/// The text of any value.
pub(super) fn to_text(value: Typed) -> Node {
    match value.ty {
        Type::Text | Type::Unknown => value.expr.0,
        from => Node::Cast { inner: Box::new(value.expr.0), from, to: Type::Text.into() },
    }
}

fn like(values: &[Value], any_case: bool) -> Outcome {
    let [Value::Text(text), Value::Text(pattern), Value::Text(escape)] = values else {
        return Ok(Value::Null);
    };
    let mut escapes = escape.chars();
    let escape = escapes.next();
    if escapes.next().is_some() {
        return Err(EvalError::Argument("ESCAPE takes one character, or none"));
    }
    let matches = if any_case {
        like::matches(&text.to_lowercase(), &pattern.to_lowercase(), escape)
    } else {
        like::matches(text, pattern, escape)
    };
    matches.map(Value::Bool)
}

fn explicit_cast(value: Typed, target: Target, span: Span) -> Bound {
    let from = value.ty;
    if !cast::exists(from, target.ty) {
        return Err(QueryError::new(span, format!("{from} cannot be cast to {}", target.ty)));
    }
    match value.expr.0 {
        Node::Literal(Value::Null) => Ok(Typed::literal(Value::Null, target.ty)),
        Node::Literal(literal) => {
            let value = cast::cast(&literal, from, &target)
                .map_err(|error| QueryError::new(span, error.to_string()))?;
            Ok(Typed::literal(value, target.ty))
        }
        node if from == target.ty && target.numeric.is_none() && target.length.is_none() => {
            Ok(Typed::new(node, from))
        }
        node => Ok(Typed::new(Node::Cast { inner: Box::new(node), from, to: target }, target.ty)),
    }
}

fn literal(value: &ast::Value, span: Span) -> Bound {
    let (value, ty) = match value {
        ast::Value::Null => (Value::Null, Type::Unknown),
        ast::Value::Boolean(value) => (Value::Bool(*value), Type::Bool),
        ast::Value::SingleQuotedString(text) | ast::Value::EscapedStringLiteral(text) => {
            (Value::text(text), Type::Unknown)
        }
        ast::Value::DollarQuotedString(text) => (Value::text(&text.value), Type::Unknown),
        ast::Value::Number(digits, _) => number(digits, span)?,
        other => return Err(unsupported(span, &format!("the literal {other}"))),
    };
    Ok(Typed::literal(value, ty))
}

/// A number is an integer if it has no point and fits, else numeric.
fn number(digits: &str, span: Span) -> Result<(Value, Type), QueryError> {
    if let Ok(value) = digits.parse::<i64>() {
        let ty = if i32::try_from(value).is_ok() { Type::Int4 } else { Type::Int8 };
        return Ok((Value::Int(value), ty));
    }
    let number = cast::parse(digits, Type::Numeric);
    let number = number.map_err(|error| QueryError::new(span, error.to_string()))?;
    Ok((number, Type::Numeric))
}

pub(super) fn no_operator(span: Span, signature: &str) -> QueryError {
    QueryError::new(span, format!("there is no operator {signature}"))
        .hint("cast one side to the type of the other, as in (…)::numeric")
}

/// Something that PostgreSQL knows and live queries do not.
pub(in crate::query) fn unsupported(span: Span, what: &str) -> QueryError {
    QueryError::new(span, format!("{what} is not supported in live queries"))
}
