//! Which tables a signal means.

use crate::error::Error;
use crate::incremental::Collection;
use crate::oid::Oid;
use crate::postgres;
use crate::postgres::{PostgresError, identities};
use crate::relation::{Table, TableFilter};
use crate::signal::{Execute, SignalError};
use std::collections::HashMap;
use tokio_postgres::Client;

/// Regular expressions that a table's whole name has to match, one of them.
pub(super) struct Names(Vec<(String, TableFilter)>);

impl Names {
    /// # Errors
    ///
    /// [`SignalError::Pattern`] for what is no regular expression.
    pub(super) fn new(id: &str, patterns: &[String]) -> Result<Self, SignalError> {
        let compiled = patterns.iter().map(|pattern| {
            // Commas divide patterns elsewhere; here each one stands by itself.
            let filter = TableFilter::new("", "", &pattern.replace(',', "\\,"), "");
            let (id, pattern) = (id.to_owned(), pattern.clone());
            match filter {
                Ok(filter) => Ok((pattern, filter)),
                Err(_) => Err(SignalError::Pattern { id, pattern }),
            }
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// Position of the first one that matches.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let (schema, table) = name.split_once('.').unwrap_or(("", name));
        self.0.iter().position(|(literal, filter)| literal == name || filter.matches(schema, table))
    }
}

/// The captured tables that match, in the order of the signal; names that no table has stay as
/// they are, so that it can be said of them.
pub(super) async fn collections(
    client: &Client,
    filter: &TableFilter,
    signal_table: Option<&str>,
    publication: &str,
    id: &str,
    execute: &Execute,
) -> Result<Result<(Vec<Collection>, Vec<Table>), SignalError>, Error> {
    let names = match Names::new(id, &execute.collections) {
        Ok(names) => names,
        Err(error) => return Ok(Err(error)),
    };
    let conditions: Vec<String> =
        execute.conditions.iter().map(|(table, _)| table.clone()).collect();
    let conditions = match Names::new(id, &conditions) {
        Ok(conditions) => conditions,
        Err(error) => return Ok(Err(error)),
    };
    let tables = postgres::captured_tables(client, filter).await?;
    let tables = in_stream(client, tables, publication).await?;
    let mut chosen: Vec<(usize, Table)> = tables
        .into_iter()
        .filter(|(table, _)| signal_table != Some(table.qualified_name().as_str()))
        .filter_map(|(table, whole)| {
            let own = names.position(&table.qualified_name());
            let place = own.or_else(|| names.position(&whole?))?;
            Some((place, table))
        })
        .collect();
    chosen.sort_by_key(|(place, _)| *place);
    let collection = |name: String| Collection {
        condition: conditions
            .position(&name)
            .and_then(|place| execute.conditions.get(place))
            .map(|(_, condition)| condition.clone()),
        table: name,
        surrogate: execute.surrogate.clone(),
        correlation: id.to_owned(),
    };
    let mut collections = Vec::new();
    for (place, name) in execute.collections.iter().enumerate() {
        let of_name = chosen.iter().filter(|(of, _)| *of == place);
        let before = collections.len();
        collections.extend(of_name.map(|(_, table)| collection(table.qualified_name())));
        if collections.len() == before {
            collections.push(collection(name.clone()));
        }
    }
    Ok(Ok((collections, chosen.into_iter().map(|(_, table)| table).collect())))
}

/// Leaves out the tables that the stream does not name, which are partitioned ones or their parts:
/// as the publication says. A part that it names comes with the name of the whole.
async fn in_stream(
    client: &Client,
    tables: Vec<Table>,
    publication: &str,
) -> Result<Vec<(Table, Option<String>)>, Error> {
    const PARTITIONS: &str = "\
SELECT c.oid, c.relkind = 'p', c.relispartition, n.nspname || '.' || r.relname,
       COALESCE((SELECT to_jsonb(p) ->> 'pubviaroot' FROM pg_catalog.pg_publication p
                  WHERE p.pubname = $2), 'false') = 'true'
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_class r ON r.oid = pg_catalog.pg_partition_root(c.oid)
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
 WHERE c.oid = ANY($1)";
    let oids: Vec<u32> = tables.iter().map(|table| table.oid.0).collect();
    let rows = client
        .query(PARTITIONS, &[&oids, &publication])
        .await
        .map_err(PostgresError::doing("read the partitions of tables"))?;
    let mut whole_names = HashMap::new();
    for row in &rows {
        let (oid, is_partitioned, is_part): (u32, bool, bool) =
            (row.get(0), row.get(1), row.get(2));
        let (whole, via_root): (String, bool) = (row.get(3), row.get(4));
        let is_named = if via_root { !is_part } else { !is_partitioned };
        whole_names.insert(oid, is_named.then(|| (!via_root).then_some(whole)));
    }
    let named = |table: Table| match whole_names.remove(&table.oid.0) {
        None => Some((table, None)),
        Some(whole) => Some((table, whole?)),
    };
    Ok(tables.into_iter().filter_map(named).collect())
}

/// The tables of a queue, with the columns that tell their rows apart.
pub(super) async fn watched(
    client: &Client,
    tables: &[Table],
) -> Result<Vec<(Oid, Vec<String>)>, Error> {
    let identities = identities(client, tables).await?;
    Ok(tables.iter().map(|table| table.oid).zip(identities).collect())
}
