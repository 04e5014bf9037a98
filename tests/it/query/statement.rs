//! Random statements of the language of live queries, which PostgreSQL understands, too.

use super::model::{Table, Ty};
use super::random::Random;

/// What expressions are about; PostgreSQL's types that behave alike are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Numeric,
    Float,
    Text,
    Bool,
    Date,
    Time,
}

const KINDS: [Kind; 7] =
    [Kind::Int, Kind::Numeric, Kind::Float, Kind::Text, Kind::Bool, Kind::Date, Kind::Time];

const fn kind(ty: Ty) -> Kind {
    match ty {
        Ty::Int2 | Ty::Int4 | Ty::Int8 => Kind::Int,
        Ty::Fixed | Ty::Free => Kind::Numeric,
        Ty::Float8 => Kind::Float,
        Ty::Text => Kind::Text,
        Ty::Bool => Kind::Bool,
        Ty::Date => Kind::Date,
        Ty::Timestamp | Ty::TimestampTz => Kind::Time,
    }
}

/// Columns that can be named.
type Scope = Vec<(String, Kind)>;

/// Makes statements.
pub(super) struct Statements<'a> {
    pub(super) tables: &'a [Table],
    pub(super) random: &'a mut Random,
}

impl Statements<'_> {
    /// A statement, and whether the order of its rows is certain.
    pub(super) fn statement(&mut self) -> (String, bool) {
        match self.random.below(100) {
            0..35 => self.plain(),
            35..85 => self.grouped(),
            85..93 => self.union(),
            _ => self.nested(),
        }
    }

    fn plain(&mut self) -> (String, bool) {
        let (from, scope) = self.from();
        let count = 1 + self.random.below(4);
        let distinct = self.random.chance(20);
        let columns: Vec<String> = (0..count)
            .map(|_| if distinct { self.settled(&scope) } else { self.any(&scope, 2) })
            .collect();
        let filter = self.filter(&scope);
        let distinct = if distinct { "DISTINCT " } else { "" };
        let sql = format!("SELECT {distinct}{} FROM {from}{filter}", columns.join(", "));
        self.ordered(sql, count)
    }

    fn grouped(&mut self) -> (String, bool) {
        let (from, scope) = self.from();
        let groups: Vec<String> = (0..self.random.below(3)).map(|_| self.settled(&scope)).collect();
        let count = 1 + self.random.below(3);
        let mut columns = groups.clone();
        columns.extend((0..count).map(|_| self.aggregate(&scope)));
        let filter = self.filter(&scope);
        let mut sql = format!("SELECT {} FROM {from}{filter}", columns.join(", "));
        if !groups.is_empty() {
            let positions: Vec<String> = (1..=groups.len()).map(|n| n.to_string()).collect();
            sql.push_str(&format!(" GROUP BY {}", positions.join(", ")));
        }
        if self.random.chance(25) {
            let aggregate = self.integer_aggregate(&scope);
            let op = self.random.pick(&[">", "<", "<>", ">=", "="]);
            sql.push_str(&format!(" HAVING {aggregate} {op} {}", self.random.between(-2, 6)));
        }
        self.ordered(sql, columns.len())
    }

    fn union(&mut self) -> (String, bool) {
        let kinds: Vec<Kind> =
            (0..=self.random.below(2)).map(|_| self.random.choose(&KINDS)).collect();
        let all = if self.random.chance(60) { "UNION ALL" } else { "UNION" };
        let mut side = || {
            let (from, scope) = self.from();
            let columns: Vec<String> =
                kinds.iter().map(|kind| self.settled_of(*kind, &scope)).collect();
            format!("SELECT {} FROM {from}{}", columns.join(", "), self.filter(&scope))
        };
        let sql = format!("{} {all} {}", side(), side());
        self.ordered(sql, kinds.len())
    }

    fn nested(&mut self) -> (String, bool) {
        let (from, scope) = self.from();
        let kinds: Vec<Kind> =
            (0..=self.random.below(3)).map(|_| self.random.choose(&KINDS)).collect();
        let columns: Vec<String> = kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| format!("{} AS x{at}", self.settled_of(*kind, &scope)))
            .collect();
        let inner = format!("SELECT {} FROM {from}{}", columns.join(", "), self.filter(&scope));
        let scope: Scope =
            kinds.iter().enumerate().map(|(at, kind)| (format!("x{at}"), *kind)).collect();
        let (head, from) = if self.random.chance(50) {
            (String::new(), format!("({inner}) q"))
        } else {
            (format!("WITH q AS ({inner}) "), "q".to_owned())
        };
        let columns = [self.settled(&scope), self.aggregate(&scope)];
        let filter = self.filter(&scope);
        let sql = format!("{head}SELECT {} FROM {from}{filter} GROUP BY 1", columns.join(", "));
        self.ordered(sql, 2)
    }

    /// Orders by every column, so that rows that could change places are equal.
    fn ordered(&mut self, mut sql: String, columns: usize) -> (String, bool) {
        if self.random.chance(50) {
            return (sql, false);
        }
        let keys: Vec<String> = (1..=columns)
            .map(|at| {
                let direction = self.random.pick(&["", " DESC", " ASC"]);
                let nulls = self.random.pick(&["", "", " NULLS FIRST", " NULLS LAST"]);
                format!("{at}{direction}{nulls}")
            })
            .collect();
        sql.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        if self.random.chance(60) {
            sql.push_str(&format!(" LIMIT {}", self.random.between(0, 6)));
        }
        if self.random.chance(20) {
            sql.push_str(&format!(" OFFSET {}", self.random.between(0, 3)));
        }
        (sql, true)
    }

    fn table(&mut self, alias: &str) -> (String, Scope) {
        let table = &self.tables[self.random.below(self.tables.len())];
        let scope = table.columns.iter().map(|c| (format!("{alias}.{}", c.name), kind(c.ty)));
        (format!("{} {alias}", table.name), scope.collect())
    }

    fn from(&mut self) -> (String, Scope) {
        let (mut from, mut scope) = self.table("a");
        for alias in ["b", "c"] {
            if !self.random.chance(if alias == "b" { 50 } else { 20 }) {
                break;
            }
            let (table, columns) = self.table(alias);
            let join = self.random.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "JOIN"]);
            scope.extend(columns);
            let mut on = format!("a.k = {alias}.k");
            if self.random.chance(30) {
                on.push_str(&format!(" AND {}", self.expr(Kind::Bool, &scope, 1)));
            }
            from = format!("{from} {join} {table} ON {on}");
        }
        (from, scope)
    }

    fn filter(&mut self, scope: &Scope) -> String {
        if self.random.chance(50) {
            return String::new();
        }
        format!(" WHERE {}", self.expr(Kind::Bool, scope, 2))
    }

    fn any(&mut self, scope: &Scope, depth: usize) -> String {
        let kind = self.random.choose(&KINDS);
        self.expr(kind, scope, depth)
    }

    /// An expression whose equal values look the same: PostgreSQL shows any of a group.
    fn settled(&mut self, scope: &Scope) -> String {
        let kind = self.random.choose(&KINDS);
        self.settled_of(kind, scope)
    }

    fn settled_of(&mut self, kind: Kind, scope: &Scope) -> String {
        let expr = self.expr(kind, scope, 1);
        match kind {
            Kind::Numeric => format!("round({expr}, 2)"),
            Kind::Float => format!("({expr} + 0)"),
            // Both kinds of timestamps become one.
            Kind::Time => format!("({expr})::timestamp"),
            Kind::Int => format!("({expr})::bigint"),
            _ => format!("({expr})"),
        }
    }

    fn integer_aggregate(&mut self, scope: &Scope) -> String {
        match self.random.below(3) {
            0 => "count(*)".to_owned(),
            1 => format!("count({})", self.any(scope, 1)),
            _ => format!("sum({})", self.expr(Kind::Int, scope, 1)),
        }
    }

    fn aggregate(&mut self, scope: &Scope) -> String {
        let distinct = if self.random.chance(15) { "DISTINCT " } else { "" };
        let call = match self.random.below(10) {
            0 => "count(*)".to_owned(),
            1 => format!("count({distinct}{})", self.settled(scope)),
            2 | 3 => {
                let kind = self.random.choose(&[Kind::Int, Kind::Numeric, Kind::Float]);
                let argument = self.of_sum(kind, scope);
                format!("sum({distinct}{argument})")
            }
            4 | 5 => {
                let kind = self.random.choose(&[Kind::Int, Kind::Numeric, Kind::Float]);
                let argument = self.of_sum(kind, scope);
                format!("avg({distinct}{argument})")
            }
            6 => format!("bool_and({})", self.expr(Kind::Bool, scope, 1)),
            _ => {
                let name = self.random.pick(&["min", "max"]);
                let kind = self.random.choose(&[
                    Kind::Int,
                    Kind::Numeric,
                    Kind::Float,
                    Kind::Text,
                    Kind::Date,
                    Kind::Time,
                ]);
                format!("{name}({})", self.settled_of(kind, scope))
            }
        };
        if self.random.chance(15) {
            return format!("{call} FILTER (WHERE {})", self.expr(Kind::Bool, scope, 1));
        }
        call
    }

    /// Floats whose sums are exact; numbers of one scale, when equal ones count once.
    fn of_sum(&mut self, kind: Kind, scope: &Scope) -> String {
        match kind {
            Kind::Float => self.column(kind, scope).unwrap_or_else(|| "1.5::float8".to_owned()),
            Kind::Numeric => format!("round({}, 2)", self.expr(kind, scope, 1)),
            kind => self.expr(kind, scope, 1),
        }
    }

    fn column(&mut self, kind: Kind, scope: &Scope) -> Option<String> {
        let of_kind: Vec<&String> =
            scope.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name).collect();
        if of_kind.is_empty() {
            return None;
        }
        Some(of_kind[self.random.below(of_kind.len())].clone())
    }

    fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Int => self.random.between(-3, 9).to_string(),
            Kind::Numeric => {
                self.random.pick(&["1.5", "0.25", "10.00", "-3.125", "100.0"]).to_owned()
            }
            Kind::Float => {
                format!("{}::float8", self.random.pick(&["1.5", "0.25", "10", "(-2.5)"]))
            }
            Kind::Text => {
                self.random.pick(&["'a'", "'bolt'", "''", "'Z'", "'x,y'", "' '"]).to_owned()
            }
            Kind::Bool => self.random.pick(&["true", "false", "NULL::boolean"]).to_owned(),
            Kind::Date => format!("date '2024-01-{:02}'", self.random.between(1, 28)),
            Kind::Time => {
                format!("timestamp '2024-02-{:02} 12:30:00'", self.random.between(26, 29))
            }
        }
    }

    fn expr(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        if depth == 0 || self.random.chance(35) {
            if self.random.chance(80)
                && let Some(column) = self.column(kind, scope)
            {
                return column;
            }
            return self.literal(kind);
        }
        let depth = depth - 1;
        if self.random.chance(15) {
            return self.conditional(kind, scope, depth);
        }
        match kind {
            Kind::Int => self.int(scope, depth),
            Kind::Numeric => self.numeric(scope, depth),
            Kind::Float => self.float(scope, depth),
            Kind::Text => self.text(scope, depth),
            Kind::Bool => self.bool(scope, depth),
            Kind::Date => self.date(scope, depth),
            Kind::Time => self.time(scope, depth),
        }
    }

    fn conditional(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        let (one, other) = (self.expr(kind, scope, depth), self.expr(kind, scope, depth));
        let condition = self.expr(Kind::Bool, scope, depth);
        match self.random.below(6) {
            0 => format!("coalesce({one}, {other})"),
            1 => format!("nullif({one}, {other})"),
            2 => format!("greatest({one}, {other})"),
            3 => format!("least({one}, {other})"),
            4 => format!("CASE WHEN {condition} THEN {one} END"),
            _ => format!("CASE WHEN {condition} THEN {one} ELSE {other} END"),
        }
    }

    fn int(&mut self, scope: &Scope, depth: usize) -> String {
        let (one, other) = (self.expr(Kind::Int, scope, depth), self.expr(Kind::Int, scope, depth));
        match self.random.below(12) {
            0 => format!("({one} + {other})"),
            1 => format!("({one} - {other})"),
            2 => format!("({one} * {other})"),
            3 => format!("({one} / nullif({other}, 0))"),
            4 => format!("({one} % nullif({other}, 0))"),
            5 => format!("abs({one})"),
            6 => format!("length({})", self.expr(Kind::Text, scope, depth)),
            7 => format!("({})::int", self.expr(Kind::Numeric, scope, depth)),
            8 => format!("({})::int", self.expr(Kind::Float, scope, depth)),
            9 => format!(
                "strpos({}, {})",
                self.expr(Kind::Text, scope, depth),
                self.literal(Kind::Text)
            ),
            10 => {
                format!("({} - {})", self.expr(Kind::Date, scope, depth), self.literal(Kind::Date))
            }
            _ => format!("(- {one})"),
        }
    }

    fn numeric(&mut self, scope: &Scope, depth: usize) -> String {
        let (one, other) =
            (self.expr(Kind::Numeric, scope, depth), self.expr(Kind::Numeric, scope, depth));
        match self.random.below(12) {
            0 => format!("({one} + {other})"),
            1 => format!("({one} - {other})"),
            2 => format!("({one} * {other})"),
            3 => format!("({one} / nullif({other}, 0))"),
            4 => format!("({one} % nullif({other}, 0))"),
            5 => format!("round({one}, {})", self.random.between(-1, 4)),
            6 => format!("trunc({one}, {})", self.random.between(-1, 4)),
            7 => format!("{}({one})", self.random.pick(&["ceil", "floor", "abs", "sign", "round"])),
            8 => format!("({})::numeric", self.expr(Kind::Int, scope, depth)),
            9 => format!("({one} * {})", self.expr(Kind::Int, scope, depth)),
            10 => {
                let field = self.random.pick(&[
                    "year", "day", "hour", "second", "epoch", "dow", "week", "doy", "quarter",
                ]);
                format!("extract({field} FROM {})", self.expr(Kind::Time, scope, depth))
            }
            _ => format!("({one})::numeric(12,1)"),
        }
    }

    fn float(&mut self, scope: &Scope, depth: usize) -> String {
        let (one, other) =
            (self.expr(Kind::Float, scope, depth), self.expr(Kind::Float, scope, depth));
        match self.random.below(8) {
            0 => format!("({one} + {other})"),
            1 => format!("({one} - {other})"),
            2 => format!("({one} * {other})"),
            3 => format!("({one} / nullif({other}, 0))"),
            4 => {
                format!("{}({one})", self.random.pick(&["ceil", "floor", "abs", "round", "trunc"]))
            }
            5 => format!("sqrt(abs({one}))"),
            6 => format!("({})::float8", self.expr(Kind::Numeric, scope, depth)),
            _ => format!("({one} + {})", self.expr(Kind::Int, scope, depth)),
        }
    }

    fn text(&mut self, scope: &Scope, depth: usize) -> String {
        let (one, other) =
            (self.expr(Kind::Text, scope, depth), self.expr(Kind::Text, scope, depth));
        match self.random.below(14) {
            0 => format!("({one} || {other})"),
            1 => format!(
                "{}({one})",
                self.random
                    .pick(&["lower", "upper", "trim", "ltrim", "rtrim", "reverse", "initcap"])
            ),
            2 => format!(
                "substring({one} FROM {} FOR {})",
                self.random.between(-1, 4),
                self.random.between(0, 5)
            ),
            3 => format!("replace({one}, {}, {other})", self.literal(Kind::Text)),
            4 => format!("split_part({one}, ',', {})", self.random.choose(&[-2, -1, 1, 2, 3])),
            5 => format!(
                "{}({one}, {})",
                self.random.pick(&["left", "right"]),
                self.random.between(-3, 4)
            ),
            6 => format!("concat({one}, {}, {other})", self.any(scope, depth)),
            7 => format!("concat_ws('-', {one}, {other})"),
            8 => format!("({})::text", self.any(scope, depth)),
            9 => format!("repeat({one}, {})", self.random.between(-1, 3)),
            10 => format!("lpad({one}, {}, 'xy')", self.random.between(0, 8)),
            11 => format!("({one} || {})", self.expr(Kind::Int, scope, depth)),
            12 => format!("translate({one}, 'abz', 'xy')"),
            _ => format!("({one})::varchar(3)"),
        }
    }

    fn bool(&mut self, scope: &Scope, depth: usize) -> String {
        let kind = self.random.choose(&KINDS);
        let (one, other) = (self.expr(kind, scope, depth), self.expr(kind, scope, depth));
        match self.random.below(15) {
            0..5 => {
                let op = self.random.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("({one} {op} {other})")
            }
            5 | 6 => {
                let (left, right) =
                    (self.expr(Kind::Bool, scope, depth), self.expr(Kind::Bool, scope, depth));
                format!("({left} {} {right})", self.random.pick(&["AND", "OR"]))
            }
            7 => format!("(NOT {})", self.expr(Kind::Bool, scope, depth)),
            8 => format!("({one} IS {}NULL)", self.random.pick(&["", "NOT "])),
            9 => format!("({one} IS {}DISTINCT FROM {other})", self.random.pick(&["", "NOT "])),
            10 => format!(
                "({one} {}IN ({other}, {}))",
                self.random.pick(&["", "NOT "]),
                self.literal(kind)
            ),
            11 => format!(
                "({one} {}BETWEEN {other} AND {})",
                self.random.pick(&["", "NOT "]),
                self.literal(kind)
            ),
            12 | 13 => {
                let text = self.expr(Kind::Text, scope, depth);
                let pattern = self
                    .random
                    .pick(&["'a%'", "'%b%'", "'_'", "'%'", "'50\\%'", "'%_b'", "'Bolt'"]);
                let like = self.random.pick(&["LIKE", "NOT LIKE", "ILIKE"]);
                format!("({text} {like} {pattern})")
            }
            _ => {
                let inner = self.expr(Kind::Bool, scope, depth);
                let is = self.random.pick(&[
                    "TRUE",
                    "FALSE",
                    "UNKNOWN",
                    "NOT TRUE",
                    "NOT FALSE",
                    "NOT UNKNOWN",
                ]);
                format!("({inner} IS {is})")
            }
        }
    }

    fn date(&mut self, scope: &Scope, depth: usize) -> String {
        let one = self.expr(Kind::Date, scope, depth);
        match self.random.below(3) {
            0 => format!("({one} + {})", self.random.between(-40, 40)),
            1 => format!("({one} - {})", self.random.between(-40, 40)),
            _ => format!("({})::date", self.expr(Kind::Time, scope, depth)),
        }
    }

    fn time(&mut self, scope: &Scope, depth: usize) -> String {
        let one = self.expr(Kind::Time, scope, depth);
        match self.random.below(4) {
            0 => {
                let field = self
                    .random
                    .pick(&["minute", "hour", "day", "week", "month", "quarter", "year"]);
                format!("date_trunc('{field}', {one})")
            }
            1 => {
                let interval = self.random.pick(&[
                    "1 day",
                    "90 minutes",
                    "1 month",
                    "2 hours 3 seconds",
                    "-1 week",
                ]);
                let op = self.random.pick(&["+", "-"]);
                format!("({one} {op} interval '{interval}')")
            }
            2 => format!("({})::timestamp", self.expr(Kind::Date, scope, depth)),
            _ => format!("({one})::timestamptz"),
        }
    }
}
