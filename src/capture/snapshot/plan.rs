//! What a snapshot reads: tables in their order, each as chunks of its files.

use crate::chunks::PageRange;
use crate::chunks::Tracker;
use crate::config::SnapshotConfig;
use crate::config::TableOrder;
use crate::oid::Oid;
use crate::postgres::TableFile;
use crate::relation::Table;
use std::collections::HashMap;

/// Pages of a chunk at most: 16 MB, which is what a restart reads again at most per reader, and
/// large enough that the statements around it do not count (1 ms of 100).
const CHUNK_PAGES_MAX: u32 = 2048;
/// Pages of a chunk at least, unless the table has fewer.
const CHUNK_PAGES_MIN: u32 = 64;
/// The first release that reads a range of pages without reading all others.
const TID_RANGE_VERSION: u32 = 140_000;

/// A table to read.
#[derive(Debug)]
pub(super) struct PlannedTable<'a> {
    pub(super) table: &'a Table,
    /// Its chunks.
    pub(super) chunks: Vec<Chunk>,
    /// PostgreSQL's estimate of its rows, if there is one for each file.
    pub(super) rows_estimate: Option<u64>,
    /// Pages of all chunks.
    pub(super) pages: u32,
}

/// A part of a table that is read by one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Whose file it is.
    pub(super) owner: Oid,
    /// Schema and name of the owner.
    pub(super) schema: String,
    pub(super) name: String,
    /// Its file, when the chunk depends on it being that one.
    pub(super) file: Option<u32>,
    /// Which pages.
    pub(super) range: PageRange,
    /// How many that are.
    pub(super) pages: u32,
    /// Of pages that were read before, only rows that this transaction or a later one has written.
    pub(super) since: Option<u64>,
}

/// What steers the planning, beside the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) config: &'a SnapshotConfig,
    /// `server_version_num`.
    pub(super) server_version: u32,
    /// Whether all readers see the same state; else a table is one statement.
    pub(super) shares_snapshot: bool,
}

/// Plans the tables that are not complete yet, in the order in which they are read.
pub(super) fn plan<'a>(
    tables: &[&'a Table],
    files: &HashMap<Oid, Vec<TableFile>>,
    done: &Tracker,
    rules: Rules<'_>,
) -> Vec<PlannedTable<'a>> {
    let mut planned: Vec<PlannedTable<'a>> = tables
        .iter()
        .filter(|table| !done.is_complete(table.oid))
        .map(|table| {
            plan_table(table, files.get(&table.oid).map_or(&[], Vec::as_slice), done, rules)
        })
        .collect();
    // Both sorts are stable.
    let rows = |table: &PlannedTable<'_>| table.rows_estimate.unwrap_or(u64::from(table.pages));
    match rules.config.order {
        TableOrder::Disabled => {}
        TableOrder::Ascending => planned.sort_by_key(rows),
        TableOrder::Descending => planned.sort_by_key(|table| std::cmp::Reverse(rows(table))),
    }
    planned
}

fn plan_table<'a>(
    table: &'a Table,
    files: &[TableFile],
    done: &Tracker,
    rules: Rules<'_>,
) -> PlannedTable<'a> {
    let rows = files.iter().map(|file| file.rows).try_fold(0, |sum, rows| Some(sum + rows?));
    let pages =
        files.iter().map(|file| file.pages.unwrap_or_default()).fold(0, u32::saturating_add);
    let name = table.qualified_name();
    let config = rules.config;
    let is_whole = !rules.shares_snapshot
        || config.thread_per_table
        || rules.server_version < TID_RANGE_VERSION
        || config.select_overrides.iter().any(|(table, _)| *table == name);
    let mut chunks = Vec::new();
    if is_whole || files.iter().any(|file| !file.readable) {
        if !files.is_empty() {
            chunks.push(Chunk::whole(table, pages));
        }
    } else {
        let multiplier = config.multipliers.iter().find(|(table, _)| *table == name);
        let per_thread = multiplier.map_or(config.multiplier, |(_, chunks)| *chunks);
        let wanted = u32::try_from(config.threads.saturating_mul(per_thread)).unwrap_or(u32::MAX);
        let chunk_pages = pages.div_ceil(wanted.max(1)).clamp(CHUNK_PAGES_MIN, CHUNK_PAGES_MAX);
        for file in files {
            chunks_of_file(table, file, chunk_pages, done, &mut chunks);
        }
    }
    PlannedTable { table, chunks, rows_estimate: rows, pages }
}

fn chunks_of_file(
    table: &Table,
    file: &TableFile,
    chunk_pages: u32,
    done: &Tracker,
    chunks: &mut Vec<Chunk>,
) {
    let chunk = |range: PageRange, pages, since| Chunk {
        owner: file.owner,
        schema: file.schema.clone(),
        name: file.name.clone(),
        file: file.lockable.then_some(file.file),
        range,
        pages,
        since,
    };
    let Some(pages) = file.pages.filter(|_| file.lockable) else {
        chunks.push(Chunk { file: None, ..chunk(PageRange::ALL, 0, None) });
        return;
    };
    let read = done.read_of(table.oid, file.owner, file.file);
    for missing in read.missing() {
        let cuts = missing.cut(pages, chunk_pages);
        chunks.extend(cuts.into_iter().map(|range| chunk(range, range.count(pages), None)));
    }
    // A row that stood on a missing page, and was moved by an UPDATE onto one that had been read,
    // comes by the stream without those of its large values that the UPDATE did not touch.
    if file.has_toast && !read.is_all() {
        let since = Some(done.durable().xmin);
        chunks.extend(read.ranges().iter().map(|range| chunk(*range, 0, since)));
    }
}

impl Chunk {
    fn whole(table: &Table, pages: u32) -> Self {
        Self {
            owner: table.oid,
            schema: table.schema.clone(),
            name: table.name.clone(),
            file: None,
            range: PageRange::ALL,
            pages,
            since: None,
        }
    }

    /// True when it is all there is of its file, so that nothing can move between chunks.
    pub(super) fn is_whole_file(&self) -> bool {
        self.range == PageRange::ALL && self.since.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::Read;
    use crate::chunks::SnapshotProgress;
    use crate::lsn::Lsn;
    use crate::relation::ReplicaIdentity;

    fn table(oid: u32) -> Table {
        Table {
            oid: Oid(oid),
            schema: "public".to_owned(),
            name: format!("t{oid}"),
            columns: Vec::new(),
            key: Vec::new(),
            replica_identity: ReplicaIdentity::Default,
        }
    }

    fn file(owner: u32, pages: u32) -> TableFile {
        TableFile {
            owner: Oid(owner),
            schema: "public".to_owned(),
            name: format!("t{owner}"),
            file: owner + 1000,
            pages: Some(pages),
            rows: Some(u64::from(pages) * 10),
            lockable: true,
            readable: true,
            has_toast: false,
        }
    }

    fn rules(config: &SnapshotConfig) -> Rules<'_> {
        Rules { config, server_version: 150_000, shares_snapshot: true }
    }

    fn ranges(chunks: &[Chunk]) -> Vec<(u32, Option<u32>)> {
        chunks.iter().map(|chunk| (chunk.range.start(), chunk.range.end())).collect()
    }

    fn plan_one(files: Vec<TableFile>, done: &Tracker, rules: Rules<'_>) -> Vec<Chunk> {
        let (table, files) = (table(1), HashMap::from([(Oid(1), files)]));
        let mut planned = plan(&[&table], &files, done, rules);
        std::mem::take(&mut planned[0].chunks)
    }

    #[test]
    fn threads_and_multiplier_cut_a_table_and_large_tables_are_cut_anyway() {
        let done = Tracker::default();
        let mut config = SnapshotConfig::default();
        assert_eq!(ranges(&plan_one(vec![file(1, 2000)], &done, rules(&config))), [(0, None)]);
        let large = plan_one(vec![file(1, 5000)], &done, rules(&config));
        assert_eq!(ranges(&large), [(0, Some(2048)), (2048, Some(4096)), (4096, None)]);
        assert_eq!(large.iter().map(|chunk| chunk.pages).sum::<u32>(), 5000);
        (config.threads, config.multiplier) = (2, 3);
        assert_eq!(plan_one(vec![file(1, 600)], &done, rules(&config)).len(), 6);
        assert_eq!(plan_one(vec![file(1, 70)], &done, rules(&config)).len(), 2, "of 64 pages");
        config.multipliers.push(("public.t1".to_owned(), 1));
        assert_eq!(plan_one(vec![file(1, 600)], &done, rules(&config)).len(), 2);
        config.thread_per_table = true;
        assert_eq!(ranges(&plan_one(vec![file(1, 6000)], &done, rules(&config))), [(0, None)]);
    }

    #[test]
    fn what_cannot_be_cut_is_one_statement() {
        let done = Tracker::default();
        let mut config = SnapshotConfig::default();
        let old = Rules { server_version: 130_000, ..rules(&config) };
        assert_eq!(plan_one(vec![file(1, 6000)], &done, old).len(), 1);
        let apart = Rules { shares_snapshot: false, ..rules(&config) };
        assert_eq!(plan_one(vec![file(1, 6000)], &done, apart).len(), 1);
        let foreign = TableFile { pages: None, lockable: false, ..file(2, 0) };
        let mixed = plan_one(vec![foreign, file(3, 100)], &done, rules(&config));
        assert_eq!(mixed.iter().map(|chunk| chunk.owner.0).collect::<Vec<_>>(), [2, 3]);
        // A leaf that may only be read through its root.
        let hidden = TableFile { readable: false, ..file(2, 6000) };
        let through_root = plan_one(vec![hidden, file(3, 100)], &done, rules(&config));
        assert_eq!(through_root.iter().map(|chunk| chunk.owner.0).collect::<Vec<_>>(), [1]);
        config.select_overrides.push(("public.t1".to_owned(), "SELECT 1".to_owned()));
        assert_eq!(plan_one(vec![file(1, 6000)], &done, rules(&config)).len(), 1);
    }

    #[test]
    fn only_missing_chunks_are_planned_and_moved_rows_with_large_values() {
        let mut done = Tracker::new(SnapshotProgress::new(Lsn::new(1), 740));
        let chunk = |from, to| Read::Chunk {
            table: Oid(1),
            owner: Oid(1),
            file: 1001,
            range: PageRange::from((from, to)),
        };
        done.sent(chunk(0, 2048), 0);
        done.sent(chunk(4096, u32::MAX), 0);
        done.delivered(0);
        let config = SnapshotConfig::default();
        let missing = plan_one(vec![file(1, 6000)], &done, rules(&config));
        assert_eq!(ranges(&missing), [(2048, Some(4096))]);
        let toasted = TableFile { has_toast: true, ..file(1, 6000) };
        let missing = plan_one(vec![toasted], &done, rules(&config));
        assert_eq!(ranges(&missing), [(2048, Some(4096)), (0, Some(2048)), (4096, None)]);
        assert_eq!(missing[0].since, None);
        assert!(missing[1..].iter().all(|chunk| chunk.since == Some(740)));
        let rewritten = TableFile { file: 9, ..file(1, 3000) };
        let all = plan_one(vec![rewritten], &done, rules(&config));
        assert_eq!(ranges(&all), [(0, Some(2048)), (2048, None)]);
    }

    #[test]
    fn tables_are_ordered_by_their_estimate_and_complete_ones_are_left_out() {
        let tables = [table(1), table(2), table(3), table(4)];
        let tables: Vec<&Table> = tables.iter().collect();
        let files: HashMap<Oid, Vec<TableFile>> = [(1, 50), (2, 10), (3, 90), (4, 10)]
            .into_iter()
            .map(|(oid, pages)| (Oid(oid), vec![file(oid, pages)]))
            .collect();
        let mut done = Tracker::default();
        done.sent(Read::Table(Oid(4)), 0);
        for (order, expected) in [
            (TableOrder::Disabled, [1, 2, 3]),
            (TableOrder::Ascending, [2, 1, 3]),
            (TableOrder::Descending, [3, 1, 2]),
        ] {
            let config = SnapshotConfig { order, ..SnapshotConfig::default() };
            let planned = plan(&tables, &files, &done, rules(&config));
            let order: Vec<u32> = planned.iter().map(|table| table.table.oid.0).collect();
            assert_eq!(order, expected);
        }
    }
}
