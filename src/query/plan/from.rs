//! Tables, joins and windows.

use super::Planner;
use super::statement::dotted;
use crate::query::error::QueryError;
use crate::query::expr::{self, Binder, Expr, Scope, ScopeColumn, Typed, folded};
use crate::query::ops::{Join, JoinKind, Node, Window};
use crate::query::value::{Type, Value};
use sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, JoinConstraint, JoinOperator, Spanned as _,
};
use sqlparser::ast::{TableAlias, TableFactor, TableWithJoins};
use sqlparser::tokenizer::Span;
use std::ops::Range;

/// Rows and the names of their columns.
pub(super) struct Relation {
    pub(super) node: Node,
    pub(super) scope: Scope,
    /// Columns that tell the rows apart.
    pub(super) unique: Option<Vec<usize>>,
    /// For each table with a key: where its columns are, and which of them are the key. The key
    /// decides the others.
    pub(super) keys: Vec<(Range<usize>, Vec<usize>)>,
    /// The column with the end of a time window.
    pub(super) window_end: Option<usize>,
}

impl Relation {
    pub(super) fn width(&self) -> usize {
        self.scope.columns().len()
    }
}

impl<'a> Planner<'a> {
    /// Everything behind FROM, joined with the help of the conditions in WHERE; what is left of
    /// these is filtered.
    pub(super) fn from(
        &mut self,
        from: &'a [TableWithJoins],
        selection: Option<&'a ast::Expr>,
    ) -> Result<Relation, QueryError> {
        let mut items = Vec::with_capacity(from.len());
        for item in from {
            items.push((self.joined(item)?, item.span()));
        }
        let mut scope = Scope::default();
        for (item, _) in &items {
            scope.append(item.scope.clone());
        }
        let conditions = match selection {
            Some(selection) => Binder::new(&scope).condition(selection, "WHERE")?.conjuncts(),
            None => Vec::new(),
        };
        let mut items = items.into_iter();
        let Some((mut left, _)) = items.next() else {
            return Err(QueryError::new(Span::empty(), "a live query reads at least one table")
                .hint("name one behind FROM"));
        };
        let mut rest = conditions;
        for (right, span) in items {
            let (keys, others) = split_keys(rest, left.width(), right.width());
            rest = others;
            if keys.0.is_empty() {
                return Err(no_equality(span));
            }
            left = join(left, right, JoinKind::Inner, keys, None);
        }
        if let Some(condition) = Expr::all(rest) {
            left.node = Node::Filter { input: Box::new(left.node), condition };
        }
        Ok(left)
    }

    fn joined(&mut self, item: &'a TableWithJoins) -> Result<Relation, QueryError> {
        let mut left = self.factor(&item.relation)?;
        for step in &item.joins {
            let span = step.span();
            let right = self.factor(&step.relation)?;
            let (kind, swapped, constraint) = match &step.join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) => (JoinKind::Inner, false, on),
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (JoinKind::Left, false, on),
                JoinOperator::Right(on) | JoinOperator::RightOuter(on) => {
                    (JoinKind::Left, true, on)
                }
                JoinOperator::CrossJoin(_) => return Err(no_equality(span)),
                JoinOperator::FullOuter(_) => {
                    return Err(expr::unsupported(span, "FULL JOIN")
                        .hint("a LEFT JOIN, and UNION ALL with what the other table has alone"));
                }
                _ => return Err(expr::unsupported(span, "this kind of join")),
            };
            left = self.join_on(left, right, kind, swapped, constraint, span)?;
        }
        Ok(left)
    }

    fn join_on(
        &mut self,
        left: Relation,
        right: Relation,
        kind: JoinKind,
        swapped: bool,
        constraint: &ast::JoinConstraint,
        span: Span,
    ) -> Result<Relation, QueryError> {
        let (left_width, right_width) = (left.width(), right.width());
        let conditions = match constraint {
            JoinConstraint::On(on) => {
                let mut scope = left.scope.clone();
                scope.append(right.scope.clone());
                Binder::new(&scope).condition(on, "ON")?.conjuncts()
            }
            JoinConstraint::Using(names) => {
                let names: Vec<String> = names.iter().map(dotted).collect();
                return using(left, right, kind, swapped, &names, span);
            }
            JoinConstraint::Natural => {
                return Err(expr::unsupported(span, "NATURAL JOIN").hint("write USING (…) or ON …"));
            }
            JoinConstraint::None | JoinConstraint::UsingAlias(..) => return Err(no_equality(span)),
        };
        let (keys, rest) = split_keys(conditions, left_width, right_width);
        if keys.0.is_empty() {
            return Err(no_equality(span));
        }
        Ok(directed(left, right, kind, swapped, keys, Expr::all(rest)))
    }

    fn factor(&mut self, factor: &'a TableFactor) -> Result<Relation, QueryError> {
        let span = factor.span();
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let dotted = dotted(name);
                let short = dotted.rsplit('.').next().unwrap_or(&dotted).to_owned();
                let relation = match self.with.get(&dotted).copied() {
                    Some(query) => self.with_table(&dotted, query)?,
                    None => self.table(&dotted, span)?,
                };
                renamed(relation, alias.as_ref(), &short)
            }
            TableFactor::Table { name, alias, args: Some(args), .. } => {
                let relation = self.windowed(name, &args.args, span)?;
                let short = name.0.last().and_then(|part| part.as_ident()).map(folded);
                renamed(relation, alias.as_ref(), &short.unwrap_or_default())
            }
            TableFactor::Derived { lateral: false, subquery, alias, .. } => {
                let relation = self.query(subquery)?.into_relation();
                renamed(relation, alias.as_ref(), "")
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.joined(table_with_joins)
            }
            _ => Err(expr::unsupported(span, "this kind of table")
                .hint("there are tables, subqueries, TUMBLE(…) and HOP(…)")),
        }
    }

    /// A query of WITH; its own name means a table inside of it.
    fn with_table(&mut self, name: &str, query: &'a ast::Query) -> Result<Relation, QueryError> {
        let own = self.with.remove(name);
        let planned = self.query(query);
        self.with.extend(own.map(|own| (name.to_owned(), own)));
        Ok(planned?.into_relation().renamed(name))
    }

    fn table(&mut self, name: &str, span: Span) -> Result<Relation, QueryError> {
        let table = self.tables.iter().position(|(known, ..)| known == name);
        let found = table.and_then(|table| Some((table, self.tables.get(table)?)));
        let Some((table, (_, scope, key))) = found else {
            return Err(QueryError::new(span, format!("there is no table \"{name}\"")));
        };
        let source = self.sources.len();
        self.sources.push(table);
        let position = |name: &String| scope.columns().iter().position(|c| c.name == *name);
        let unique: Option<Vec<usize>> =
            if key.is_empty() { None } else { key.iter().map(position).collect() };
        Ok(Relation {
            node: Node::Source(source),
            scope: scope.clone(),
            keys: unique.iter().map(|key| (0..scope.columns().len(), key.clone())).collect(),
            unique,
            window_end: None,
        })
    }

    /// `TUMBLE(table, column, size)` and `HOP(table, column, slide, size)`.
    fn windowed(
        &mut self,
        name: &ast::ObjectName,
        arguments: &'a [FunctionArg],
        span: Span,
    ) -> Result<Relation, QueryError> {
        let (table, table_span) = window_table(name, arguments)?;
        let mut relation = match self.with.get(&table).copied() {
            Some(query) => self.with_table(&table, query)?,
            None => self.table(&table, table_span)?,
        };
        let is_source = matches!(relation.node, Node::Source(_));
        let mut binder = Binder::new(&relation.scope);
        let mut bound = Vec::with_capacity(arguments.len());
        for argument in arguments.iter().skip(1) {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                return Err(window_usage(span));
            };
            bound.push((binder.bind(argument)?, argument.span()));
        }
        let Some(((time, time_span), lengths)) = bound.split_first() else {
            return Err(window_usage(span));
        };
        let column = time.expr.as_column();
        let column = column.filter(|_| matches!(time.ty, Type::Timestamp | Type::TimestampTz));
        let Some(column) = column else {
            return Err(QueryError::new(*time_span, "the time of a window is a timestamp column")
                .hint("compute one in a subquery of WITH, as in to_timestamp(seconds)"));
        };
        let lengths: Result<Vec<i64>, _> = lengths.iter().map(length).collect();
        let (slide, size) = match *lengths? {
            [size] => (size, size),
            [slide, size] => (slide, size),
            _ => return Err(window_usage(span)),
        };
        if slide > size || size / slide > crate::query::ops::WINDOWS_MAX {
            return Err(QueryError::new(
                span,
                "a window is as long as the distance between two, or up to 1,000 times that",
            ));
        }
        if let (Node::Source(source), true) = (&relation.node, is_source) {
            self.windows.push((*source, column));
        }
        let width = relation.width();
        relation.node = Node::Window(Box::new(relation.node), Window::new(column, size, slide));
        let ty = time.ty;
        relation.scope.push(None, "window_start", ty);
        relation.scope.push(None, "window_end", ty);
        // A row is in several windows of HOP.
        if slide < size {
            relation.keys.clear();
        }
        relation.unique = relation.unique.map(|mut unique| {
            unique.push(width);
            unique
        });
        relation.window_end = Some(width + 1);
        Ok(relation)
    }
}

impl Relation {
    fn renamed(mut self, table: &str) -> Self {
        self.scope = self.scope.renamed(table);
        self
    }
}

/// The length of a window, which is a literal.
fn length((bound, span): &(Typed, Span)) -> Result<i64, QueryError> {
    let literal = bound.expr.eval(&[]);
    let interval = match (bound.ty, literal) {
        (Type::Interval, Ok(Value::Interval(interval))) if interval.months == 0 => interval,
        _ => {
            return Err(QueryError::new(
                *span,
                "the length of a window is an interval of days or less",
            )
            .hint("as in interval '5 minutes'"));
        }
    };
    match i64::try_from(interval.total_micros()) {
        Ok(micros) if micros >= 1_000 => Ok(micros),
        _ => Err(QueryError::new(*span, "a window is at least a millisecond long")),
    }
}

fn window_usage(span: Span) -> QueryError {
    QueryError::new(
        span,
        "windows are TUMBLE(table, column, size) or HOP(table, column, slide, size)",
    )
    .hint("as in FROM TUMBLE(orders, created_at, interval '1 hour')")
}

/// The table in a window's arguments.
pub(super) fn window_table(
    name: &ast::ObjectName,
    arguments: &[FunctionArg],
) -> Result<(String, Span), QueryError> {
    let span = name.span();
    let expected = match dotted(name).as_str() {
        "tumble" => 3,
        "hop" => 4,
        other => {
            return Err(expr::unsupported(span, &format!("the table function {other}"))
                .hint("there are TUMBLE and HOP"));
        }
    };
    match arguments.first() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))) if arguments.len() == expected => {
            match expr {
                ast::Expr::Identifier(name) => Ok((folded(name), name.span)),
                ast::Expr::CompoundIdentifier(parts) => {
                    let name = parts.iter().map(folded).collect::<Vec<_>>().join(".");
                    Ok((name, expr.span()))
                }
                _ => Err(window_usage(span)),
            }
        }
        _ => Err(window_usage(span)),
    }
}

/// A relation under its alias, with renamed columns if the alias lists some.
fn renamed(
    relation: Relation,
    alias: Option<&TableAlias>,
    name: &str,
) -> Result<Relation, QueryError> {
    let Some(alias) = alias else {
        return Ok(if name.is_empty() { relation } else { relation.renamed(name) });
    };
    let table = folded(&alias.name);
    if alias.columns.is_empty() {
        return Ok(relation.renamed(&table));
    }
    if alias.columns.len() > relation.width() {
        return Err(QueryError::new(
            alias.name.span,
            "the alias names more columns than there are",
        ));
    }
    let mut scope = Scope::default();
    for (position, column) in relation.scope.columns().iter().enumerate() {
        let name = alias.columns.get(position).map(|column| folded(&column.name));
        scope.push(Some(&table), name.as_deref().unwrap_or(&column.name), column.ty);
    }
    Ok(Relation { scope, ..relation })
}

fn no_equality(span: Span) -> QueryError {
    expr::unsupported(span, "a join without an equality")
        .hint("write … JOIN t ON t.id = o.t_id; other conditions can stand beside it")
}

/// Those conditions that equate the two sides, as keys of each, and the others.
fn split_keys(
    conditions: Vec<Expr>,
    left_width: usize,
    right_width: usize,
) -> ((Vec<Expr>, Vec<Expr>), Vec<Expr>) {
    let within = |expr: &Expr, range: Range<usize>| {
        let (mut any, mut all) = (false, true);
        expr.columns(&mut |column| {
            any = true;
            all &= range.contains(&column);
        });
        any && all
    };
    let (left, right) = (0..left_width, left_width..left_width + right_width);
    let (mut left_key, mut right_key, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for condition in conditions {
        let pair = condition.as_equality().and_then(|(a, b)| {
            if within(&a, left.clone()) && within(&b, right.clone()) {
                Some((a, b))
            } else if within(&b, left.clone()) && within(&a, right.clone()) {
                Some((b, a))
            } else {
                None
            }
        });
        match pair {
            Some((a, b)) => {
                left_key.push(a);
                right_key.push(b.moved(&|column| column - left_width));
            }
            None => rest.push(condition),
        }
    }
    ((left_key, right_key), rest)
}

fn join(
    left: Relation,
    right: Relation,
    kind: JoinKind,
    keys: (Vec<Expr>, Vec<Expr>),
    condition: Option<Expr>,
) -> Relation {
    let (left_width, right_width) = (left.width(), right.width());
    let unique = left.unique.zip(right.unique).map(|(mut left, right)| {
        left.extend(right.into_iter().map(|column| column + left_width));
        left
    });
    let moved = |range: &Range<usize>| range.start + left_width..range.end + left_width;
    let mut all_keys = left.keys;
    all_keys.extend(right.keys.iter().map(|(range, key)| {
        (moved(range), key.iter().map(|column| column + left_width).collect())
    }));
    let mut scope = left.scope;
    scope.append(right.scope);
    let node = Join::new((left.node, right.node), kind, keys, condition, right_width);
    let window_end = left.window_end.or(right.window_end.map(|column| column + left_width));
    Relation { node: Node::Join(Box::new(node)), scope, unique, keys: all_keys, window_end }
}

/// A left join, or a right one: that is a left join with its sides, and then its columns, changed.
fn directed(
    left: Relation,
    right: Relation,
    kind: JoinKind,
    swapped: bool,
    keys: (Vec<Expr>, Vec<Expr>),
    condition: Option<Expr>,
) -> Relation {
    if !swapped {
        return join(left, right, kind, keys, condition);
    }
    let (left_width, right_width) = (left.width(), right.width());
    let turned = |column: usize| {
        if column < left_width { column + right_width } else { column - left_width }
    };
    let condition = condition.map(|condition| condition.moved(&turned));
    let joined = join(right, left, kind, (keys.1, keys.0), condition);
    let order: Vec<usize> = (right_width..right_width + left_width).chain(0..right_width).collect();
    reordered(joined, &order, |_| true)
}

/// `USING (…)`: the named columns come first, once; those of the other side have to be qualified.
fn using(
    left: Relation,
    right: Relation,
    kind: JoinKind,
    swapped: bool,
    names: &[String],
    span: Span,
) -> Result<Relation, QueryError> {
    let left_width = left.width();
    let (mut left_key, mut right_key) = (Vec::new(), Vec::new());
    let (mut shown, mut hidden) = (Vec::new(), Vec::new());
    for name in names {
        let (a, left_type) = left.scope.find(None, name, span)?;
        let (b, right_type) = right.scope.find(None, name, span)?;
        if left_type != right_type {
            return Err(QueryError::new(
                span,
                format!(
                    "column \"{name}\" is {left_type} on one side and {right_type} on the other"
                ),
            )
            .hint("write ON, with a cast"));
        }
        left_key.push(Expr::column(a));
        right_key.push(Expr::column(b));
        let b = b + left_width;
        shown.push(if swapped { b } else { a });
        hidden.push(if swapped { a } else { b });
    }
    let joined = directed(left, right, kind, swapped, (left_key, right_key), None);
    let others = (0..joined.width()).filter(|c| !shown.contains(c) && !hidden.contains(c));
    let order: Vec<usize> =
        shown.iter().copied().chain(others).chain(hidden.iter().copied()).collect();
    Ok(reordered(joined, &order, |column| !hidden.contains(&column)))
}

/// The columns in another order; those that are not `bare` need their table's name.
fn reordered(relation: Relation, order: &[usize], bare: impl Fn(usize) -> bool) -> Relation {
    let new = |old: usize| order.iter().position(|column| *column == old).unwrap_or(old);
    let mut scope = Scope::default();
    for column in order {
        let Some(ScopeColumn { table, name, ty, .. }) = relation.scope.columns().get(*column)
        else {
            continue;
        };
        match table {
            Some(table) if !bare(*column) => scope.push_qualified(table, name, *ty),
            _ => scope.push(table.as_deref(), name, *ty),
        }
    }
    let columns = order.iter().map(|column| Expr::column(*column)).collect();
    Relation {
        node: Node::Project { input: Box::new(relation.node), columns },
        scope,
        unique: relation.unique.map(|unique| unique.into_iter().map(new).collect()),
        // Functional dependence is looked up by ranges, which are torn apart now.
        keys: Vec::new(),
        window_end: relation.window_end.map(new),
    }
}
