//! Chunks of a table, for incremental snapshots: what is selected, in which order, between which
//! keys.

use super::catalog::table_named;
use super::quote::{quote_identifier, quote_table};
use super::{CopyRow, PostgresError};
use crate::incremental::{Key, KeyValue};
use crate::pgoutput::Cell;
use crate::relation::{ColumnRules, ReplicaIdentity, Table};
use futures_util::StreamExt as _;
use tokio_postgres::Client;

/// A table as its chunks are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkTable {
    /// With the columns that rows of the stream have, as far as they are captured.
    pub table: Table,
    /// Columns that tell rows apart in the stream; none when nothing does.
    pub identity: Vec<String>,
    order: Order,
}

/// In which order a table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Order {
    /// By columns that are unique together, each with its type.
    Key(Vec<(String, String)>),
    /// By a column that need not be unique.
    Surrogate(String, String),
    /// By physical pages, so many at a time.
    Pages { at_once: u64, ranges: bool },
}

/// Where a chunk begins and ends.
#[derive(Debug, Clone, Copy)]
pub struct ChunkBounds<'a> {
    /// Rows up to this key were read.
    pub last: Option<&'a Key>,
    /// Rows behind this key are left to the stream.
    pub maximum: &'a Key,
    /// A condition on the rows.
    pub condition: Option<&'a str>,
    /// So many rows at most, unless they share a surrogate key.
    pub rows_max: u32,
}

impl ChunkTable {
    /// Looks a table up by `schema.table`. Its columns are those that `publication` sends and
    /// `rules` do not leave out; `None` when there is no such table.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when the catalogue cannot be read, or the surrogate key is no column.
    pub async fn find(
        client: &Client,
        name: &str,
        surrogate: Option<&str>,
        publication: &str,
        rules: &ColumnRules,
    ) -> Result<Option<Self>, PostgresError> {
        let Some(mut table) = table_named(client, name).await? else { return Ok(None) };
        let found = identities(client, std::slice::from_ref(&table)).await?;
        let identity = found.into_iter().next().unwrap_or_default();
        let order = match surrogate {
            Some(column) => {
                let found = table.columns.iter().find(|known| known.name == column);
                let Some(found) = found else {
                    return Err(PostgresError::Protocol {
                        detail: format!("table {name} has no column \"{column}\" (surrogate-key)"),
                    });
                };
                Order::Surrogate(column.to_owned(), found.pg_type.name.clone())
            }
            None => match key(&table) {
                Some(key) => Order::Key(key),
                None => pages(client, &table).await?,
            },
        };
        keep_streamed(client, &mut table, publication).await?;
        let table = rules.narrow(&table).into_owned();
        Ok(Some(Self { table, identity, order }))
    }

    /// True when nothing tells its rows apart, so that changes during the snapshot may make rows
    /// come twice.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        matches!(self.order, Order::Pages { .. })
    }

    /// The statement that reads the greatest key; a table read by pages has its number of pages.
    #[must_use]
    pub fn maximum_statement(&self, condition: Option<&str>) -> String {
        let name = quote_table(&self.table.schema, &self.table.name);
        let columns = match &self.order {
            Order::Pages { .. } => {
                let name = literal(&name);
                return format!(
                    "COPY (SELECT '(' || pages || ',0)' FROM (SELECT COALESCE(max(\
                     pg_catalog.pg_relation_size(relid)), \
                     pg_catalog.pg_relation_size({name}::regclass)) / \
                     pg_catalog.current_setting('block_size')::int8 AS pages \
                     FROM pg_catalog.pg_partition_tree({name}::regclass) WHERE isleaf) AS sizes \
                     WHERE pages > 0) TO STDOUT"
                );
            }
            order => order.columns(),
        };
        let filter = condition.map_or_else(String::new, |filter| format!(" WHERE ({filter}\n)"));
        let descending: Vec<String> =
            columns.iter().map(|column| format!("{column} DESC")).collect();
        format!(
            "COPY (SELECT {} FROM {name}{filter} ORDER BY {} LIMIT 1) TO STDOUT",
            columns.join(", "),
            descending.join(", ")
        )
    }

    /// The statement that reads a chunk: the table's columns, then those of the identity, then
    /// those of the order.
    #[must_use]
    pub fn chunk_statement(&self, bounds: &ChunkBounds<'_>) -> String {
        let name = quote_table(&self.table.schema, &self.table.name);
        let captured = self.table.columns.iter().map(|column| quote_identifier(&column.name));
        let identity = self.identity.iter().map(|column| quote_identifier(column));
        let mut columns: Vec<String> = captured.chain(identity).collect();
        let mut conditions = self.order.bounds(&name, bounds);
        if let Some(filter) = bounds.condition {
            // The line break ends a comment at the end of the condition.
            conditions.push(format!("({filter}\n)"));
        }
        let order = self.order.columns();
        columns.extend(order.iter().cloned());
        let tail = match &self.order {
            Order::Key(_) => format!(" ORDER BY {} LIMIT {}", order.join(", "), bounds.rows_max),
            Order::Surrogate(..) => format!(" ORDER BY {}", order.join(", ")),
            Order::Pages { .. } => String::new(),
        };
        let filter = conditions.join(" AND ");
        format!("COPY (SELECT {} FROM {name} WHERE {filter}{tail}) TO STDOUT", columns.join(", "))
    }

    /// Where the chunk behind `last` ends when it is known before it is read, as that of pages is.
    #[must_use]
    pub fn known_end(&self, last: Option<&Key>, maximum: &Key) -> Option<Key> {
        let Order::Pages { at_once, .. } = &self.order else { return None };
        let end = page(last).saturating_add(*at_once).min(page(Some(maximum)));
        Some(page_key(end))
    }

    /// True when a chunk may end between any two rows.
    #[must_use]
    pub fn can_be_cut(&self) -> bool {
        matches!(self.order, Order::Key(_))
    }

    /// The key of a row that the statements have read.
    #[must_use]
    pub fn key_of(&self, cells: &[Cell<'_>]) -> Key {
        let types: Vec<&str> = match &self.order {
            Order::Key(columns) => columns.iter().map(|(_, name)| name.as_str()).collect(),
            Order::Surrogate(_, name) => vec![name.as_str()],
            Order::Pages { .. } => vec!["tid"],
        };
        let cells = &cells[cells.len().saturating_sub(types.len())..];
        let value = |(cell, name): (&Cell<'_>, &str)| match cell {
            Cell::Text(text) => KeyValue::new(name, &String::from_utf8_lossy(text)),
            Cell::Null | Cell::UnchangedToast | Cell::Binary(_) => KeyValue::Text(String::new()),
        };
        Key(cells.iter().zip(types).map(value).collect())
    }

    /// Positions of the identity's columns in a row that was read.
    #[must_use]
    pub fn identity_places(&self) -> Vec<usize> {
        let first = self.table.columns.len();
        (first..first + self.identity.len()).collect()
    }
}

impl Order {
    fn columns(&self) -> Vec<String> {
        match self {
            Self::Key(columns) => columns.iter().map(|(name, _)| quote_identifier(name)).collect(),
            Self::Surrogate(name, _) => vec![quote_identifier(name)],
            Self::Pages { .. } => vec!["ctid".to_owned()],
        }
    }

    fn bounds(&self, name: &str, bounds: &ChunkBounds<'_>) -> Vec<String> {
        let ChunkBounds { last, maximum, condition, rows_max } = bounds;
        let columns = self.columns().join(", ");
        let behind = last.map(|last| format!("({columns}) > ({})", literals(last)));
        let within = format!("({columns}) <= ({})", literals(maximum));
        match self {
            Self::Key(_) => behind.into_iter().chain([within]).collect(),
            Self::Surrogate(..) => {
                // All rows that share the last value belong to the same chunk.
                let mut inner: Vec<String> =
                    behind.iter().cloned().chain([within.clone()]).collect();
                inner.extend(condition.map(|filter| format!("({filter}\n)")));
                let ceiling = format!(
                    "{columns} <= COALESCE((SELECT {columns} FROM {name} WHERE {} \
                     ORDER BY {columns} OFFSET {} LIMIT 1), {})",
                    inner.join(" AND "),
                    rows_max - 1,
                    literals(maximum),
                );
                behind.into_iter().chain([within, ceiling]).collect()
            }
            Self::Pages { at_once, ranges } => {
                let from = page(*last);
                let to = from.saturating_add(*at_once).min(page(Some(maximum)));
                if *ranges {
                    return vec![format!("ctid >= '({from},0)' AND ctid < '({to},0)'")];
                }
                // Before PostgreSQL 14 only single places are found without a look at all pages; a
                // page of 32 kB has less than 1,200 rows.
                vec![format!(
                    "ctid = ANY (ARRAY(SELECT pg_catalog.format('(%s,%s)', page, place)::tid \
                     FROM generate_series({from}, {}) AS page, \
                     generate_series(1, pg_catalog.current_setting('block_size')::int4 / 28) AS place))",
                    to.saturating_sub(1)
                )]
            }
        }
    }
}

/// The columns of a key whose values are never NULL, with their types.
fn key(table: &Table) -> Option<Vec<(String, String)>> {
    let columns = table.key.iter().map(|index| {
        let column = table.columns.get(*index).filter(|column| !column.nullable)?;
        Some((column.name.clone(), column.pg_type.name.clone()))
    });
    let columns: Vec<_> = columns.collect::<Option<_>>()?;
    (!columns.is_empty()).then_some(columns)
}

/// Columns that an UPDATE or DELETE of a table always names: those of the replica identity's index,
/// or else of the key. One list for each table.
///
/// # Errors
///
/// [`PostgresError`] when the catalogue cannot be read.
pub async fn identities(
    client: &Client,
    tables: &[Table],
) -> Result<Vec<Vec<String>>, PostgresError> {
    const QUERY: &str = "\
SELECT i.indrelid, a.attname::text
  FROM pg_catalog.pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
  JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum
 WHERE i.indrelid = ANY($1) AND i.indisreplident AND a.attrelid = i.indrelid
   AND k.place <= i.indnkeyatts
 ORDER BY i.indrelid, k.place";
    let by_index = |table: &&Table| table.replica_identity == ReplicaIdentity::Index;
    let oids: Vec<u32> = tables.iter().filter(by_index).map(|table| table.oid.0).collect();
    let rows = match oids.is_empty() {
        true => Vec::new(),
        false => {
            let doing = PostgresError::doing("read the replica identities of tables");
            client.query(QUERY, &[&oids]).await.map_err(doing)?
        }
    };
    let of_table = |table: &Table| -> Vec<String> {
        if by_index(&table) {
            let own = rows.iter().filter(|row| row.get::<_, u32>(0) == table.oid.0);
            return own.map(|row| row.get(1)).collect();
        }
        key(table).into_iter().flatten().map(|(name, _)| name).collect()
    };
    Ok(tables.iter().map(of_table).collect())
}

/// Rows that fit a chunk when a page holds as many rows as PostgreSQL thinks.
async fn pages(client: &Client, table: &Table) -> Result<Order, PostgresError> {
    const QUERY: &str = "SELECT GREATEST(reltuples, 1)::float8 / GREATEST(relpages, 1)::float8, \
        pg_catalog.current_setting('server_version_num')::int4 >= 140000 \
        FROM pg_catalog.pg_class WHERE oid = $1";
    let doing = PostgresError::doing(format!("read the size of {}", table.qualified_name()));
    let row = client.query_one(QUERY, &[&table.oid.0]).await.map_err(doing)?;
    let (rows_per_page, ranges): (f64, bool) = (row.get(0), row.get(1));
    // A page of 8 kB holds 291 rows at most; one that was never counted may be full.
    let at_once = if rows_per_page <= 1.0 { 4 } else { 16 };
    Ok(Order::Pages { at_once, ranges })
}

/// Leaves out what the stream does not send: generated columns before PostgreSQL 18, and those
/// that the publication's column list leaves out.
async fn keep_streamed(
    client: &Client,
    table: &mut Table,
    publication: &str,
) -> Result<(), PostgresError> {
    const VERSION: &str = "SELECT pg_catalog.current_setting('server_version_num')::int4";
    const LISTED: &str = "SELECT attnames::text[] FROM pg_catalog.pg_publication_tables \
        WHERE pubname = $1 AND schemaname = $2 AND tablename = $3";
    let what = format!("read the published columns of {}", table.qualified_name());
    let version =
        client.query_one(VERSION, &[]).await.map_err(PostgresError::doing(what.clone()))?;
    let version: i32 = version.get(0);
    if version < 180_000 {
        keep(table, |column| !column.generated);
    }
    if version < 150_000 {
        return Ok(());
    }
    let parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&publication, &table.schema, &table.name];
    let row = client.query_opt(LISTED, parameters).await.map_err(PostgresError::doing(what))?;
    let listed: Option<Vec<String>> = row.and_then(|row| row.get(0));
    if let Some(listed) = listed {
        keep(table, |column| listed.contains(&column.name));
    }
    Ok(())
}

fn keep(table: &mut Table, is_kept: impl Fn(&crate::relation::Column) -> bool) {
    let names: Vec<String> = table
        .key
        .iter()
        .filter_map(|index| table.columns.get(*index))
        .map(|c| c.name.clone())
        .collect();
    table.columns.retain(is_kept);
    let place = |name: &String| table.columns.iter().position(|column| column.name == *name);
    table.key = names.iter().filter_map(place).collect();
}

/// The page of a key such as `(17,0)`.
fn page(key: Option<&Key>) -> u64 {
    let Some(KeyValue::Text(text)) = key.and_then(|key| key.0.first()) else { return 0 };
    let page = text.trim_start_matches('(').split(',').next();
    page.and_then(|page| page.parse().ok()).unwrap_or_default()
}

fn page_key(page: u64) -> Key {
    Key(vec![KeyValue::Text(format!("({page},0)"))])
}

fn literals(key: &Key) -> String {
    let values: Vec<String> = key.0.iter().map(|value| literal(&value.to_string())).collect();
    values.join(", ")
}

/// A string constant, whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        return format!("E'{}'", quoted.replace('\\', "\\\\"));
    }
    format!("'{quoted}'")
}

/// Runs a COPY statement and hands each row to `take`.
///
/// # Errors
///
/// [`PostgresError`] with `what` was to be done.
pub async fn copy_rows(
    client: &Client,
    statement: &str,
    what: &str,
    mut take: impl FnMut(CopyRow),
) -> Result<(), PostgresError> {
    let copy = client.copy_out(statement).await.map_err(PostgresError::doing(what))?;
    let mut lines = std::pin::pin!(copy);
    while let Some(line) = lines.next().await {
        let mut row = CopyRow::default();
        row.read(&line.map_err(PostgresError::doing(what))?);
        take(row);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid::Oid;
    use crate::relation::{Column, PgType, TypeKind};
    use std::sync::Arc;

    fn table(order: Order) -> ChunkTable {
        let column = |name: &str| Column {
            name: name.to_owned(),
            pg_type: Arc::new(PgType {
                oid: Oid::INT4,
                schema: "pg_catalog".to_owned(),
                name: "int4".to_owned(),
                kind: TypeKind::Base,
            }),
            typmod: -1,
            nullable: false,
            default: None,
            generated: false,
        };
        let table = Table {
            oid: Oid(1),
            schema: "s".to_owned(),
            name: "t".to_owned(),
            columns: vec![column("a"), column("b")],
            key: vec![1, 0],
            replica_identity: ReplicaIdentity::Default,
        };
        ChunkTable { table, identity: vec!["b".to_owned()], order }
    }

    fn key(values: &[&str]) -> Key {
        Key(values.iter().map(|value| KeyValue::Text((*value).to_owned())).collect())
    }

    fn by_key() -> ChunkTable {
        let column = |name: &str| (name.to_owned(), "int4".to_owned());
        table(Order::Key(vec![column("b"), column("a")]))
    }

    #[test]
    fn keys_are_compared_as_rows() {
        let (last, maximum) = (key(&["x'y", "2"]), key(&[r"z\", "9"]));
        let bounds = ChunkBounds {
            last: Some(&last),
            maximum: &maximum,
            condition: Some("c > 1 -- x"),
            rows_max: 5,
        };
        assert_eq!(
            by_key().chunk_statement(&bounds),
            "COPY (SELECT \"a\", \"b\", \"b\", \"b\", \"a\" FROM \"s\".\"t\" \
             WHERE (\"b\", \"a\") > ('x''y', '2') AND (\"b\", \"a\") <= (E'z\\\\', '9') \
             AND (c > 1 -- x\n) ORDER BY \"b\", \"a\" LIMIT 5) TO STDOUT"
        );
        assert_eq!(
            by_key().maximum_statement(None),
            "COPY (SELECT \"b\", \"a\" FROM \"s\".\"t\" ORDER BY \"b\" DESC, \"a\" DESC LIMIT 1) \
             TO STDOUT"
        );
    }

    #[test]
    fn key_of_a_row_stands_at_its_end() {
        let cells = ["1", "2", "2", "2", "1"].map(|text| Cell::Text(text.as_bytes()));
        assert_eq!(by_key().key_of(&cells), Key(vec![KeyValue::Int(2), KeyValue::Int(1)]));
        assert_eq!(by_key().identity_places(), [2]);
    }

    #[test]
    fn pages_are_read_some_at_a_time_up_to_the_last() {
        let pages = table(Order::Pages { at_once: 4, ranges: true });
        let (last, maximum) = (key(&["(8,0)"]), key(&["(10,0)"]));
        let bounds =
            ChunkBounds { last: Some(&last), maximum: &maximum, condition: None, rows_max: 5 };
        let statement = pages.chunk_statement(&bounds);
        assert!(statement.contains("ctid >= '(8,0)' AND ctid < '(10,0)'"), "{statement}");
        assert_eq!(pages.known_end(None, &maximum), Some(key(&["(4,0)"])));
        assert_eq!(pages.known_end(Some(&last), &maximum), Some(maximum));
        assert_eq!(by_key().known_end(None, &last), None);
    }
}
