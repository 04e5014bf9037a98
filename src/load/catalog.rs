//! What the database knows about the tables of a load.

use crate::load::error::LoadError;
use crate::postgres::{PostgresError, ServerError, quote_identifier, quote_table};
use tokio_postgres::Transaction;

/// A table that rows go into.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<TargetColumn>,
    /// Columns of the primary key, in index order.
    pub(super) key: Vec<String>,
    /// Name of the primary key, empty when there is none.
    pub(super) key_name: String,
    /// The primary key is DEFERRABLE, which `ON CONFLICT` cannot use.
    pub(super) key_deferrable: bool,
    /// An UPDATE or DELETE of a published row can name the row.
    pub(super) has_identity: bool,
}

#[derive(Debug, Clone)]
pub(super) struct TargetColumn {
    pub(super) name: String,
    /// As `format_type` writes it, such as `numeric(10,2)`.
    pub(super) sql_type: String,
    /// Computed by PostgreSQL, never written.
    pub(super) generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`, which an UPDATE cannot set.
    pub(super) identity_always: bool,
}

impl Target {
    /// `schema.table`, for people.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// `"schema"."table"`, for SQL.
    pub(super) fn sql(&self) -> String {
        quote_table(&self.schema, &self.name)
    }

    pub(super) fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// `"a", "b"`, each behind `prefix`.
pub(super) fn column_list<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter().map(|name| format!("{prefix}{}", quote_identifier(name)));
    names.collect::<Vec<_>>().join(", ")
}

/// Turns an error of the server into one that says what was tried.
pub(super) fn doing(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> LoadError {
    move |error| PostgresError::doing(what)(error).into()
}

/// Turns a refusal of the server into the error that `refusal` makes of it; a lost connection stays
/// one, whatever was tried.
pub(super) fn refused(
    what: impl Into<String>,
    refusal: impl FnOnce(Box<ServerError>) -> LoadError,
) -> impl FnOnce(tokio_postgres::Error) -> LoadError {
    move |error| match error.as_db_error().map(ServerError::from) {
        Some(server) if is_about_data(&server) => refusal(Box::new(server)),
        _ => doing(what)(error),
    }
}

/// False for what no change of a file would cure: the server stops, is out of resources, has lost
/// the connection, or found a deadlock.
pub(super) fn is_about_data(error: &ServerError) -> bool {
    !["08", "40", "53", "55P03", "57", "58", "XX"]
        .iter()
        .any(|class| error.sqlstate.starts_with(class))
}

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Table(Target),
    Other(&'static str),
}

/// Looks the table up; what cannot be loaded into is told apart from what is not there.
pub(super) async fn find(
    sql: &Transaction<'_>,
    schema: &str,
    name: &str,
) -> Result<Found, tokio_postgres::Error> {
    let row = sql
        .query_opt(
            "SELECT c.oid, c.relkind::text, c.relreplident::text,
                    coalesce(k.condeferrable, false), coalesce(k.conname::text, '')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
             WHERE n.nspname = $1 AND c.relname = $2",
            &[&schema, &name],
        )
        .await?;
    let Some(row) = row else { return Ok(Found::Nothing) };
    let oid: u32 = row.get(0);
    match row.get::<_, &str>(1) {
        "r" | "p" | "f" => {}
        "v" => return Ok(Found::Other("view")),
        "m" => return Ok(Found::Other("materialized view")),
        "S" => return Ok(Found::Other("sequence")),
        "c" => return Ok(Found::Other("composite type")),
        _ => return Ok(Found::Other("index")),
    }
    let key = key_columns(sql, oid).await?;
    let has_identity = match row.get::<_, &str>(2) {
        "f" | "i" => true,
        "n" => false,
        _ => !key.is_empty(),
    };
    Ok(Found::Table(Target {
        oid,
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns(sql, oid).await?,
        key,
        key_deferrable: row.get(3),
        key_name: row.get(4),
        has_identity,
    }))
}

async fn columns(
    sql: &Transaction<'_>,
    table: u32,
) -> Result<Vec<TargetColumn>, tokio_postgres::Error> {
    let rows = sql
        .query(
            "SELECT attname::text, format_type(atttypid, atttypmod),
                    attgenerated <> '', attidentity = 'a'
             FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
             ORDER BY attnum",
            &[&table],
        )
        .await?;
    let column = |row: &tokio_postgres::Row| TargetColumn {
        name: row.get(0),
        sql_type: row.get(1),
        generated: row.get(2),
        identity_always: row.get(3),
    };
    Ok(rows.iter().map(column).collect())
}

async fn key_columns(
    sql: &Transaction<'_>,
    table: u32,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let rows = sql
        .query(
            "SELECT a.attname::text
             FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_attribute a ON a.attnum = k.attnum
             WHERE i.indrelid = $1 AND i.indisprimary AND a.attrelid = $1 AND k.place <= i.indnkeyatts
             ORDER BY k.place",
            &[&table],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// True when the table holds no row (that this transaction sees).
pub(super) async fn is_empty(
    sql: &Transaction<'_>,
    target: &Target,
) -> Result<bool, tokio_postgres::Error> {
    let found = format!("SELECT NOT EXISTS (SELECT FROM {})", target.sql());
    Ok(sql.query_one(&found, &[]).await?.get(0))
}

/// A foreign key into or out of a table of the load.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    pub(super) name: String,
    pub(super) child: u32,
    pub(super) child_schema: String,
    pub(super) child_name: String,
    pub(super) parent: u32,
    pub(super) deferrable: bool,
    /// What happens to the child's row when its parent goes, when it is changed at all.
    pub(super) spreads: Option<&'static str>,
}

/// Foreign keys that refer to one of `tables`, from wherever.
pub(super) async fn foreign_keys_to(
    sql: &Transaction<'_>,
    tables: &[u32],
) -> Result<Vec<ForeignKey>, tokio_postgres::Error> {
    let rows = sql
        .query(
            "SELECT k.conname::text, c.oid, n.nspname::text, c.relname::text, k.confrelid,
                    k.condeferrable, k.confdeltype::text
             FROM pg_constraint k
             JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY ($1)
             ORDER BY n.nspname, c.relname, k.conname",
            &[&tables],
        )
        .await?;
    let key = |row: &tokio_postgres::Row| ForeignKey {
        name: row.get(0),
        child: row.get(1),
        child_schema: row.get(2),
        child_name: row.get(3),
        parent: row.get(4),
        deferrable: row.get(5),
        spreads: match row.get(6) {
            "c" => Some("CASCADE"),
            "n" => Some("SET NULL"),
            "d" => Some("SET DEFAULT"),
            _ => None,
        },
    };
    Ok(rows.iter().map(key).collect())
}

/// Columns of a constraint or unique index, and for a foreign key what they refer to.
#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) columns: Vec<String>,
    /// `(schema, table, columns)`.
    pub(super) referenced: Option<(String, String, Vec<String>)>,
}

/// Looks a violated foreign key up.
pub(super) async fn foreign_key(
    sql: &Transaction<'_>,
    table: u32,
    name: &str,
) -> Result<Option<Constraint>, tokio_postgres::Error> {
    let row = sql
        .query_opt(
            "SELECT array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (n, place)
                          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY place),
                    n.nspname::text, r.relname::text,
                    array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (n, place)
                          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY place)
             FROM pg_constraint k
             JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace
             WHERE k.contype = 'f' AND k.conrelid = $1 AND k.conname = $2",
            &[&table, &name],
        )
        .await?;
    Ok(row.map(|row| Constraint {
        columns: row.get(0),
        referenced: Some((row.get(1), row.get(2), row.get(3))),
    }))
}

/// Looks a violated unique index up; `None` when it is over expressions or a part of the rows.
pub(super) async fn unique_index(
    sql: &Transaction<'_>,
    schema: &str,
    name: &str,
) -> Result<Option<Constraint>, tokio_postgres::Error> {
    let row = sql
        .query_opt(
            "SELECT array(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS u (n, place)
                          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n
                          WHERE place <= i.indnkeyatts ORDER BY place)
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relname = $2 AND i.indpred IS NULL AND i.indexprs IS NULL",
            &[&schema, &name],
        )
        .await?;
    Ok(row.map(|row| Constraint { columns: row.get(0), referenced: None }))
}

/// A sequence that fills a column.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) column: String,
    pub(super) may_set: bool,
}

/// Ascending sequences behind the table's identity columns and `nextval` defaults.
pub(super) async fn sequences(
    sql: &Transaction<'_>,
    table: u32,
) -> Result<Vec<Sequence>, tokio_postgres::Error> {
    let rows = sql
        .query(
            "SELECT DISTINCT n.nspname::text, s.relname::text, a.attname::text,
                    has_sequence_privilege(s.oid, 'UPDATE') AND has_sequence_privilege(s.oid, 'SELECT')
             FROM pg_attribute a
             LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             JOIN pg_depend p ON
                (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                 AND p.refclassid = 'pg_class'::regclass)
                OR (p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid
                    AND p.refobjsubid = a.attnum AND p.classid = 'pg_class'::regclass AND p.deptype = 'i')
             JOIN pg_class s ON s.relkind = 'S'
                AND s.oid = CASE WHEN p.deptype = 'i' THEN p.objid ELSE p.refobjid END
             JOIN pg_namespace n ON n.oid = s.relnamespace
             JOIN pg_sequence q ON q.seqrelid = s.oid
             WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
               AND q.seqincrement > 0
               AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)",
            &[&table],
        )
        .await?;
    let sequence = |row: &tokio_postgres::Row| Sequence {
        schema: row.get(0),
        name: row.get(1),
        column: row.get(2),
        may_set: row.get(3),
    };
    Ok(rows.iter().map(sequence).collect())
}
