//! What the catalogue says about tables: columns, types, keys.
//!
//! All tables are read with four statements, whatever their number.

use super::PostgresError;
use crate::engine::RelationRequest;
use crate::oid::Oid;
use crate::relation::Column;
use crate::relation::EnumLabels;
use crate::relation::PgType;
use crate::relation::ReplicaIdentity;
use crate::relation::Table;
use crate::relation::TableFilter;
use crate::relation::TypeKind;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_postgres::Client;

const TABLES: &str = "\
SELECT c.oid, n.nspname::text, c.relname::text, c.relreplident::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

const ENUMS: &str = "\
SELECT enumtypid, array_agg(enumlabel::text ORDER BY enumsortorder)
  FROM pg_catalog.pg_enum GROUP BY enumtypid";

const NAMED: &str = "\
SELECT c.oid
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1::text AND c.relname = $2::text";

// The expression of a generated column counts as its default, for Debezium too.
// A domain's NOT NULL makes the column NOT NULL, as JDBC reports it.
const COLUMNS: &str = "\
SELECT a.attrelid, a.attname::text, a.atttypid, a.atttypmod,
       NOT (a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)),
       pg_catalog.pg_get_expr(d.adbin, d.adrelid),
       a.attgenerated <> '', a.attnum
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum";

// The primary key first, then the order in which JDBC lists unique indexes. Indexes with an
// expression cannot be keys; partial and nullable ones can (see the recording `keys`).
const KEYS: &str = "\
SELECT i.indrelid, i.indkey::int2[], i.indnkeyatts
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
 WHERE i.indrelid = ANY($1) AND i.indisunique AND i.indexprs IS NULL
 ORDER BY i.indrelid, i.indisprimary DESC, i.indisclustered DESC, x.relname";

const TYPES: &str = "\
WITH RECURSIVE wanted(oid) AS (
  SELECT unnest($1::oid[])
  UNION
  SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END
    FROM wanted w JOIN pg_catalog.pg_type t ON t.oid = w.oid
   WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)
)
SELECT t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typcategory::text,
       t.typelem, t.typbasetype, t.typtypmod,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
          FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
  FROM wanted w JOIN pg_catalog.pg_type t ON t.oid = w.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace";

/// Types by OID, with what they are made of.
type Types = HashMap<u32, Arc<PgType>>;

/// Every table that the lists choose, ordered as a snapshot reads them: by the first pattern of
/// `table.include.list` that matches, then by name.
///
/// # Errors
///
/// [`PostgresError`] when the catalogue cannot be read.
pub async fn captured_tables(
    client: &Client,
    filter: &TableFilter,
) -> Result<Vec<Table>, PostgresError> {
    let rows = client.query(TABLES, &[]).await.map_err(PostgresError::doing("list the tables"))?;
    let mut tables = Vec::new();
    for row in rows {
        let (schema, name): (String, String) = (row.get(1), row.get(2));
        if filter.matches(&schema, &name) {
            let letter: String = row.get(3);
            tables.push(Table {
                oid: Oid(row.get(0)),
                schema,
                name,
                columns: Vec::new(),
                key: Vec::new(),
                replica_identity: ReplicaIdentity::from_catalog(
                    letter.bytes().next().unwrap_or(b'd'),
                ),
            });
        }
    }
    tables.sort_by_cached_key(|table| {
        (filter.include_rank(&table.schema, &table.name), table.qualified_name())
    });
    describe(client, &mut tables).await?;
    Ok(tables)
}

/// The table called `schema.table`, if there is one.
///
/// # Errors
///
/// [`PostgresError`] when the catalogue cannot be read.
pub async fn table_named(client: &Client, name: &str) -> Result<Option<Table>, PostgresError> {
    let query = format!("{TABLES} AND n.nspname || '.' || c.relname = $1");
    let row = client
        .query_opt(&query, &[&name])
        .await
        .map_err(PostgresError::doing(format!("look up table {name}")))?;
    let Some(row) = row else { return Ok(None) };
    let letter: String = row.get(3);
    let mut found = [Table {
        oid: Oid(row.get(0)),
        schema: row.get(1),
        name: row.get(2),
        columns: Vec::new(),
        key: Vec::new(),
        replica_identity: ReplicaIdentity::from_catalog(letter.bytes().next().unwrap_or(b'd')),
    }];
    describe(client, &mut found).await?;
    let [table] = found;
    Ok(Some(table))
}

/// All enumerations of the database.
///
/// # Errors
///
/// [`PostgresError`] when the catalogue cannot be read.
pub async fn enum_labels(client: &Client) -> Result<EnumLabels, PostgresError> {
    let doing = PostgresError::doing("read the enumerations");
    let rows = client.query(ENUMS, &[]).await.map_err(doing)?;
    let mut labels = EnumLabels::default();
    for row in rows {
        labels.learn(Oid(row.get(0)), row.get(1));
    }
    Ok(labels)
}

/// The table of a RELATION message: its columns, in its order, with what the catalogue adds.
///
/// The catalogue is asked for the message's name and not for its OID, as Debezium asks it: of a
/// table that has been made again it knows the new one, of one that has been renamed nothing.
///
/// Columns and types that are gone by now (the message can be older than the catalogue) become
/// nullable columns of an unknown type.
///
/// # Errors
///
/// [`PostgresError`] when the catalogue cannot be read.
pub async fn stream_table(
    client: &Client,
    request: &RelationRequest,
) -> Result<Table, PostgresError> {
    let doing = PostgresError::doing("look up a table by its name");
    let named = client.query_opt(NAMED, &[&request.schema, &request.name]).await.map_err(doing)?;
    let mut known = [Table {
        oid: named.map_or(Oid(0), |row| Oid(row.get(0))),
        schema: request.schema.clone(),
        name: request.name.clone(),
        columns: Vec::new(),
        key: Vec::new(),
        replica_identity: ReplicaIdentity::from_catalog(request.replica_identity),
    }];
    describe(client, &mut known).await?;
    let [mut table] = known;
    table.oid = request.oid;
    let columns = std::mem::take(&mut table.columns);
    let find = |name: &str| columns.iter().find(|column| column.name == name);
    let other_types: Vec<u32> = request
        .columns
        .iter()
        .filter(|wanted| find(&wanted.name).is_none_or(|c| c.pg_type.oid != wanted.type_oid))
        .map(|wanted| wanted.type_oid.0)
        .collect();
    let types =
        if other_types.is_empty() { Types::new() } else { read_types(client, other_types).await? };
    table.columns = request
        .columns
        .iter()
        .map(|wanted| {
            let known = find(&wanted.name);
            let pg_type = match known {
                Some(column) if column.pg_type.oid == wanted.type_oid => column.pg_type.clone(),
                _ => types
                    .get(&wanted.type_oid.0)
                    .cloned()
                    .unwrap_or_else(|| unknown_type(wanted.type_oid)),
            };
            Column {
                name: wanted.name.clone(),
                pg_type,
                typmod: wanted.typmod,
                nullable: known.is_none_or(|column| column.nullable),
                default: known.and_then(|column| column.default.clone()),
                generated: known.is_some_and(|column| column.generated),
            }
        })
        .collect();
    table.key = table
        .key
        .iter()
        .filter_map(|index| columns.get(*index))
        .filter_map(|key| table.columns.iter().position(|column| column.name == key.name))
        .collect();
    Ok(table)
}

fn unknown_type(oid: Oid) -> Arc<PgType> {
    let (schema, name) = (String::new(), format!("type {oid}"));
    Arc::new(PgType { oid, schema, name, kind: TypeKind::Pseudo })
}

/// Fills in columns and keys.
async fn describe(client: &Client, tables: &mut [Table]) -> Result<(), PostgresError> {
    let oids: Vec<u32> = tables.iter().map(|table| table.oid.0).collect();
    let doing = || PostgresError::doing("read columns and keys of the tables");
    let columns = client.query(COLUMNS, &[&oids]).await.map_err(doing())?;
    let keys = client.query(KEYS, &[&oids]).await.map_err(doing())?;
    let mut wanted: Vec<u32> = columns.iter().map(|row| row.get(2)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let types = if wanted.is_empty() { Types::new() } else { read_types(client, wanted).await? };

    let places: HashMap<u32, usize> = oids.iter().copied().zip(0..).collect();
    let mut numbers: Vec<Vec<i16>> = vec![Vec::new(); tables.len()];
    for row in &columns {
        let Some(&place) = places.get(&row.get::<_, u32>(0)) else { continue };
        let (Some(table), Some(numbers)) = (tables.get_mut(place), numbers.get_mut(place)) else {
            continue;
        };
        let type_oid: u32 = row.get(2);
        numbers.push(row.get(7));
        table.columns.push(Column {
            name: row.get(1),
            pg_type: types.get(&type_oid).cloned().unwrap_or_else(|| unknown_type(Oid(type_oid))),
            typmod: row.get(3),
            nullable: row.get(4),
            default: row.get(5),
            generated: row.get(6),
        });
    }
    for row in &keys {
        let Some(&place) = places.get(&row.get::<_, u32>(0)) else { continue };
        let (Some(table), Some(numbers)) = (tables.get_mut(place), numbers.get(place)) else {
            continue;
        };
        // The first index that comes is the best one.
        if table.key.is_empty() {
            let width = usize::try_from(row.get::<_, i16>(2)).unwrap_or(0);
            let attributes: Vec<i16> = row.get(1);
            table.key = attributes
                .iter()
                .take(width)
                .filter_map(|number| numbers.iter().position(|n| n == number))
                .collect();
        }
    }
    Ok(())
}

/// One row of [`TYPES`], before the types it refers to are linked.
struct TypeRow {
    schema: String,
    name: String,
    letter: String,
    category: String,
    element: u32,
    base: u32,
    typmod: i32,
    labels: Option<Vec<String>>,
}

async fn read_types(client: &Client, oids: Vec<u32>) -> Result<Types, PostgresError> {
    let rows =
        client.query(TYPES, &[&oids]).await.map_err(PostgresError::doing("read the types"))?;
    let rows: HashMap<u32, TypeRow> = rows
        .iter()
        .map(|row| {
            let described = TypeRow {
                schema: row.get(1),
                name: row.get(2),
                letter: row.get(3),
                category: row.get(4),
                element: row.get(5),
                base: row.get(6),
                typmod: row.get(7),
                labels: row.get(8),
            };
            (row.get(0), described)
        })
        .collect();
    let mut types = Types::new();
    for oid in rows.keys() {
        link(*oid, &rows, &mut types, 0);
    }
    Ok(types)
}

/// How deep domains over arrays over domains may go; PostgreSQL has no cycles there, so this only
/// guards against a catalogue that changes while it is read.
const TYPE_DEPTH_MAX: usize = 32;

fn link(oid: u32, rows: &HashMap<u32, TypeRow>, types: &mut Types, depth: usize) -> Arc<PgType> {
    if let Some(known) = types.get(&oid) {
        return known.clone();
    }
    let Some(row) = rows.get(&oid).filter(|_| depth < TYPE_DEPTH_MAX) else {
        return unknown_type(Oid(oid));
    };
    let kind = match row.letter.as_str() {
        "d" => {
            TypeKind::Domain { base: link(row.base, rows, types, depth + 1), typmod: row.typmod }
        }
        "e" => TypeKind::Enum { labels: row.labels.clone().unwrap_or_default() },
        "r" => TypeKind::Range,
        "m" => TypeKind::Multirange,
        "c" => TypeKind::Composite,
        "p" => TypeKind::Pseudo,
        _ if row.category == "A" && row.element != 0 => {
            TypeKind::Array { element: link(row.element, rows, types, depth + 1) }
        }
        _ => TypeKind::Base,
    };
    let linked = Arc::new(PgType {
        oid: Oid(oid),
        schema: row.schema.clone(),
        name: row.name.clone(),
        kind,
    });
    types.insert(oid, linked.clone());
    linked
}
