//! SELECT, and UNION of several.

use super::Planner;
use super::from::Relation;
use super::group::Grouping;
use super::order::{Sort, position};
use crate::query::error::QueryError;
use crate::query::expr::{self, AggregateCall, Binder, Expr, Scope, Typed, folded};
use crate::query::ops::{Aggregate, Node, SortKey};
use crate::query::value::Type;
use sqlparser::ast::{self, GroupByExpr, Select, SelectItem, SetExpr, SetOperator, SetQuantifier};
use sqlparser::ast::{SelectItemQualifiedWildcardKind as Qualified, Spanned as _};
use sqlparser::tokenizer::Span;

/// A column of the select list.
struct Output {
    name: String,
    value: Typed,
    span: Span,
}

impl<'a> Planner<'a> {
    /// A select: its rows, with columns for the order behind the visible ones; how many are
    /// visible; the order.
    pub(super) fn select(
        &mut self,
        select: &'a Select,
        order: Vec<Sort<'a>>,
    ) -> Result<(Relation, usize, Vec<SortKey>), QueryError> {
        check(select)?;
        let mut input = self.from(&select.from, select.selection.as_ref())?;
        let mut calls = Vec::new();
        let mut outputs = outputs(&select.projection, &input.scope, &mut calls)?;
        for output in &mut outputs {
            if output.value.ty == Type::Unknown {
                output.value.ty = Type::Text;
            }
        }
        let mut by = group_by(select, &outputs, &input.scope)?;
        let having = match &select.having {
            Some(having) => {
                let mut binder = Binder::with_aggregates(&input.scope, &mut calls);
                Some((binder.condition(having, "HAVING")?, having.span()))
            }
            None => None,
        };
        let width = outputs.len();
        let order = add_order(order, &mut outputs, &input.scope, &mut calls)?;
        let is_distinct = match &select.distinct {
            None | Some(ast::Distinct::All) => false,
            Some(ast::Distinct::Distinct) => true,
            Some(ast::Distinct::On(_)) => {
                return Err(expr::unsupported(select.span(), "DISTINCT ON")
                    .hint("GROUP BY the columns, and take min(…) or max(…) of the others"));
            }
        };
        let is_grouped = !by.is_empty() || !calls.is_empty() || having.is_some();
        let mut unique =
            input.unique.clone().map(|unique| unique.into_iter().map(Expr::column).collect());
        if is_grouped {
            unique = Some(by.clone());
            input = group(input, &mut by, calls, having, &mut outputs)?;
            unique = unique.map(|unique: Vec<Expr>| (0..unique.len()).map(Expr::column).collect());
        }
        let exprs: Vec<Expr> = outputs.iter().map(|output| output.value.expr.clone()).collect();
        let shown = |wanted: &Expr| exprs.iter().take(width).position(|expr| expr == wanted);
        let unique: Option<Vec<usize>> =
            unique.and_then(|unique: Vec<Expr>| unique.iter().map(shown).collect());
        let window_end = input.window_end.and_then(|column| shown(&Expr::column(column)));
        let mut scope = Scope::default();
        for output in &outputs {
            scope.push(None, &output.name, output.value.ty);
        }
        let node = Node::Project { input: Box::new(input.node), columns: exprs };
        let mut relation = Relation { node, scope, unique, keys: Vec::new(), window_end };
        if is_distinct {
            if outputs.len() > width {
                let span = outputs.get(width).map_or(Span::empty(), |output| output.span);
                return Err(QueryError::new(
                    span,
                    "with DISTINCT, ORDER BY takes columns of the select list",
                ));
            }
            relation = distinct(relation, &outputs)?;
        }
        Ok((relation, width, order))
    }

    /// UNION, with and without ALL.
    pub(super) fn set(&mut self, body: &'a SetExpr) -> Result<Relation, QueryError> {
        match body {
            SetExpr::Select(select) => Ok(self.select(select, Vec::new())?.0),
            SetExpr::Query(query) => Ok(self.query(query)?.into_relation()),
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } => {
                let all = match set_quantifier {
                    SetQuantifier::All => true,
                    SetQuantifier::None | SetQuantifier::Distinct => false,
                    _ => return Err(expr::unsupported(body.span(), "UNION BY NAME")),
                };
                let span = right.span();
                let (left, right) = (self.set(left)?, self.set(right)?);
                let union = union(left, right, span)?;
                if all { Ok(union) } else { distinct_all(union, span) }
            }
            SetExpr::SetOperation { op, .. } => Err(expr::unsupported(body.span(), &op.to_string())
                .hint("a LEFT JOIN … WHERE … IS NULL finds what is missing, an inner join what is in both")),
            _ => Err(expr::unsupported(body.span(), "this kind of query").hint("a live query is a SELECT")),
        }
    }
}

/// Refuses the clauses that a live query cannot have.
fn check(select: &Select) -> Result<(), QueryError> {
    let span = select.span();
    let has = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS"),
        (select.exclude.is_some(), "EXCLUDE"),
    ];
    match has.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(expr::unsupported(span, what)),
        None => Ok(()),
    }
}

fn outputs(
    items: &[SelectItem],
    scope: &Scope,
    calls: &mut Vec<AggregateCall>,
) -> Result<Vec<Output>, QueryError> {
    let mut outputs = Vec::with_capacity(items.len());
    for item in items {
        let span = item.span();
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let value = Binder::with_aggregates(scope, calls).bind(expr)?;
                outputs.push(Output { name: name_of(expr), value, span });
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let value = Binder::with_aggregates(scope, calls).bind(expr)?;
                outputs.push(Output { name: folded(alias), value, span });
            }
            SelectItem::Wildcard(_) => wildcard(scope, None, span, &mut outputs),
            SelectItem::QualifiedWildcard(Qualified::ObjectName(name), _) => {
                let table = super::statement::dotted(name);
                let table = table.rsplit('.').next().unwrap_or(&table);
                if !scope.has_table(table) {
                    return Err(QueryError::new(
                        span,
                        format!("there is no table \"{table}\" here"),
                    ));
                }
                wildcard(scope, Some(table), span, &mut outputs);
            }
            SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => {
                return Err(expr::unsupported(span, "this column"));
            }
        }
    }
    Ok(outputs)
}

fn wildcard(scope: &Scope, table: Option<&str>, span: Span, outputs: &mut Vec<Output>) {
    for (position, column) in scope.columns().iter().enumerate() {
        let is_meant = match table {
            Some(table) => column.table.as_deref() == Some(table),
            None => column.bare,
        };
        if is_meant {
            let value = Typed { expr: Expr::column(position), ty: column.ty };
            outputs.push(Output { name: column.name.clone(), value, span });
        }
    }
}

/// The name that PostgreSQL gives a column without an alias.
fn name_of(expr: &ast::Expr) -> String {
    match expr {
        ast::Expr::Identifier(name) => folded(name),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(folded).unwrap_or_default(),
        ast::Expr::Nested(inner) => name_of(inner),
        ast::Expr::Cast { expr, data_type, .. } => match name_of(expr) {
            name if name == "?column?" => data_type.to_string().to_lowercase(),
            name => name,
        },
        ast::Expr::Function(call) => expr::function_name(&call.name),
        ast::Expr::Case { .. } => "case".to_owned(),
        ast::Expr::Extract { .. } => "extract".to_owned(),
        ast::Expr::Substring { .. } => "substring".to_owned(),
        ast::Expr::Trim { .. } => "btrim".to_owned(),
        ast::Expr::Position { .. } => "position".to_owned(),
        ast::Expr::Ceil { .. } => "ceil".to_owned(),
        ast::Expr::Floor { .. } => "floor".to_owned(),
        _ => "?column?".to_owned(),
    }
}

/// The expressions of GROUP BY: positions, names of the input or else of the output, expressions.
fn group_by(select: &Select, outputs: &[Output], scope: &Scope) -> Result<Vec<Expr>, QueryError> {
    let GroupByExpr::Expressions(exprs, modifiers) = &select.group_by else {
        return Err(expr::unsupported(select.span(), "GROUP BY ALL"));
    };
    if !modifiers.is_empty() {
        return Err(expr::unsupported(select.span(), "ROLLUP and CUBE"));
    }
    let mut by = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let span = expr.span();
        if matches!(expr, ast::Expr::GroupingSets(_) | ast::Expr::Cube(_) | ast::Expr::Rollup(_)) {
            return Err(expr::unsupported(span, "ROLLUP, CUBE and GROUPING SETS")
                .hint("one query for each of the groupings"));
        }
        let output = match position(expr, outputs.len(), "GROUP BY") {
            Some(position) => outputs.get(position?),
            None => match (expr, Binder::new(scope).bind(expr)) {
                (ast::Expr::Identifier(name), Err(error)) => {
                    let name = folded(name);
                    let output = outputs.iter().find(|output| output.name == name);
                    Some(output.ok_or(error)?)
                }
                (_, bound) => {
                    let bound = bound?;
                    expr::check_comparable(bound.ty, "GROUP BY", span)?;
                    by.push(bound.expr);
                    continue;
                }
            },
        };
        if let Some(Output { value, .. }) = output {
            if value.expr.has_aggregate() {
                return Err(QueryError::new(span, "aggregates are not allowed in GROUP BY"));
            }
            expr::check_comparable(value.ty, "GROUP BY", span)?;
            by.push(value.expr.clone());
        }
    }
    Ok(by)
}

/// Resolves ORDER BY; what is not in the select list is put behind it.
fn add_order(
    order: Vec<Sort<'_>>,
    outputs: &mut Vec<Output>,
    scope: &Scope,
    calls: &mut Vec<AggregateCall>,
) -> Result<Vec<SortKey>, QueryError> {
    let width = outputs.len();
    let mut keys = Vec::with_capacity(order.len());
    for sort in order {
        let span = sort.expr.span();
        let column = if let Some(position) = sort.position(width) {
            position?
        } else {
            let named =
                |name: &str| outputs.iter().take(width).position(|output| output.name == name);
            let alias = match sort.expr {
                ast::Expr::Identifier(name) => named(&folded(name)),
                _ => None,
            };
            match alias {
                Some(column) => column,
                None => {
                    let value = Binder::with_aggregates(scope, calls).bind(sort.expr)?;
                    let same = outputs.iter().position(|output| output.value.expr == value.expr);
                    same.unwrap_or_else(|| {
                        outputs.push(Output { name: String::new(), value, span });
                        outputs.len() - 1
                    })
                }
            }
        };
        if let Some(output) = outputs.get(column) {
            expr::check_comparable(output.value.ty, "ORDER BY", span)?;
        }
        keys.push(sort.by(column));
    }
    Ok(keys)
}

/// Puts an aggregate between the input and the output.
fn group(
    input: Relation,
    by: &mut Vec<Expr>,
    calls: Vec<AggregateCall>,
    having: Option<(Expr, Span)>,
    outputs: &mut [Output],
) -> Result<Relation, QueryError> {
    let names = |column: usize| {
        input.scope.columns().get(column).map(|column| column.name.clone()).unwrap_or_default()
    };
    let mut grouping = Grouping::new(std::mem::take(by), input.keys);
    for output in outputs.iter() {
        grouping.admit(&output.value.expr, names, output.span)?;
    }
    if let Some((having, span)) = &having {
        grouping.admit(having, names, *span)?;
    }
    for output in outputs.iter_mut() {
        output.value.expr = grouping.rewrite(output.value.expr.clone());
    }
    let window_end = input
        .window_end
        .and_then(|column| grouping.by.iter().position(|expr| expr.as_column() == Some(column)));
    let condition = having.map(|(having, _)| grouping.rewrite(having));
    let aggregate = Aggregate::new(grouping.by, calls, window_end);
    let mut node = Node::Aggregate(Box::new(input.node), Box::new(aggregate));
    if let Some(condition) = condition {
        node = Node::Filter { input: Box::new(node), condition };
    }
    let (scope, keys) = (Scope::default(), Vec::new());
    Ok(Relation { node, scope, unique: None, keys, window_end })
}

fn distinct(relation: Relation, outputs: &[Output]) -> Result<Relation, QueryError> {
    let span = outputs.first().map_or(Span::empty(), |output| output.span);
    distinct_all(relation, span)
}

/// Each row once.
fn distinct_all(relation: Relation, span: Span) -> Result<Relation, QueryError> {
    for column in relation.scope.columns() {
        expr::check_comparable(column.ty, "DISTINCT", span)?;
    }
    let all: Vec<usize> = (0..relation.width()).collect();
    let by = all.iter().map(|column| Expr::column(*column)).collect();
    let aggregate = Aggregate::new(by, Vec::new(), relation.window_end);
    let node = Node::Aggregate(Box::new(relation.node), Box::new(aggregate));
    Ok(Relation { node, unique: Some(all), ..relation })
}

/// The rows of both, in the types that both can have.
fn union(left: Relation, right: Relation, span: Span) -> Result<Relation, QueryError> {
    if left.width() != right.width() {
        let message =
            format!("the sides of UNION have {} and {} columns", left.width(), right.width());
        return Err(QueryError::new(span, message));
    }
    let mut types = Vec::with_capacity(left.width());
    for (a, b) in left.scope.columns().iter().zip(right.scope.columns()) {
        types.push(expr::unify_all([a.ty, b.ty]).map_err(|(one, other)| {
            QueryError::new(span, format!("UNION cannot be of the types {one} and {other} at once"))
                .hint(format!("cast column \"{}\" on one side", a.name))
        })?);
    }
    let mut scope = Scope::default();
    for (column, ty) in left.scope.columns().iter().zip(&types) {
        scope.push(None, &column.name, *ty);
    }
    let nodes = [left, right].map(|side| {
        let same = side.scope.columns().iter().zip(&types).all(|(column, ty)| column.ty == *ty);
        if same {
            return side.node;
        }
        let columns = side.scope.columns().iter().zip(&types).enumerate();
        let columns =
            columns.map(|(at, (column, ty))| Expr::cast_column(at, column.ty, *ty)).collect();
        Node::Project { input: Box::new(side.node), columns }
    });
    // A union within a union becomes one.
    let nodes = nodes.into_iter().flat_map(|node| match node {
        Node::Union(inner) => inner,
        other => vec![other],
    });
    Ok(Relation {
        node: Node::Union(nodes.collect()),
        scope,
        unique: None,
        keys: Vec::new(),
        window_end: None,
    })
}
