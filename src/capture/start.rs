//! Everything before the first record: what is there, what is missing, what is made.

use super::CaptureError;
use super::observer::Event;
use super::observer::Observer;
use super::slot;
use crate::config::Config;
use crate::config::SinkKind;
use crate::config::SnapshotMode;
use crate::engine::Position;
use crate::error::Error;
use crate::lsn::Lsn;
use crate::offsets::OffsetKey;
use crate::offsets::OffsetStore;
use crate::offsets::SourceOffset;
use crate::postgres;
use crate::postgres::IdentityOutcome;
use crate::postgres::IdentityRules;
use crate::postgres::PublicationAction;
use crate::postgres::Readiness;
use crate::postgres::ReplicationConnection;
use crate::postgres::Slot;
use crate::relation::Table;
use crate::relation::TableFilter;
use tokio_postgres::Client;

/// What a run found and made, and what it has to do.
pub(super) struct Start {
    /// For ordinary SQL.
    pub(super) client: Client,
    /// The captured tables, in snapshot order.
    pub(super) tables: Vec<Table>,
    /// What there is to do.
    pub(super) plan: Plan,
    /// How far an earlier run came with this slot.
    pub(super) resume_at: Option<Position>,
}

/// What a run has to do.
pub(super) struct Plan {
    /// The snapshot to take, if any.
    pub(super) snapshot: Option<SnapshotPlan>,
    /// Where streaming begins; `None` when nothing is streamed.
    pub(super) stream_from: Option<Lsn>,
}

/// What [`start`] found.
pub(super) enum Found {
    /// Everything is there.
    Ready(Start),
    /// The slot has to be made: [`make_slot`](super::slot::make_slot).
    NoSlot {
        client: Client,
        tables: Vec<Table>,
        /// Whether a snapshot is to be taken with it.
        wants_snapshot: bool,
    },
}

/// What earlier runs, or this one before it lost its connection, have done.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// The stored position.
    pub(super) offset: Option<SourceOffset>,
    /// This run has taken its snapshot.
    pub(super) snapshot_taken: bool,
    /// This run has made the slot.
    pub(super) slot_made: bool,
    /// The engine goes on from the stored position.
    pub(super) resumed: bool,
}

impl Past {
    /// True when the stored position says that no snapshot is due. A sink that keeps no position
    /// goes by the slot: whoever has one has started before.
    fn has_snapshot(&self, keeps_positions: bool, slot_exists: bool) -> bool {
        match &self.offset {
            _ if self.snapshot_taken => true,
            Some(offset) => offset.snapshot.is_none() || offset.snapshot_completed == Some(true),
            None => !keeps_positions && slot_exists && !self.slot_made,
        }
    }

    fn resume_at(&self) -> Option<Position> {
        self.offset.as_ref().and_then(SourceOffset::position)
    }

    fn position(&self) -> Option<Lsn> {
        self.resume_at().and_then(|position| position.complete)
    }
}

/// How the snapshot sees the database.
pub(super) struct SnapshotPlan {
    /// The connection that made the slot; it holds the exported snapshot until it is adopted.
    pub(super) exporter: Option<(Box<ReplicationConnection>, String)>,
    /// Position that the snapshot's rows carry.
    pub(super) lsn: Lsn,
}

/// Under which the position is stored.
pub(super) fn offset_key(config: &Config) -> OffsetKey {
    OffsetKey::new(&config.replication.connector_name, &config.envelope.topic_prefix)
}

/// Opens the store of positions that belongs to the sink; a sink that keeps nothing has none.
pub(super) async fn offset_store(config: &Config) -> Result<Option<OffsetStore>, Error> {
    let key = offset_key(config);
    Ok(match config.sink.kind {
        SinkKind::Kafka => Some(OffsetStore::kafka(&config.sink, key).await?),
        SinkKind::Log => Some(OffsetStore::file(&config.sink.log_dir, key)),
        SinkKind::Stdout | SinkKind::Null => None,
    })
}

/// Waits until nobody reads the slot, before something is done that disturbs whoever writes its
/// changes to Kafka.
pub(super) async fn wait_for_slot(
    config: &Config,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let client = postgres::connect(&config.database, "minicdc").await?;
    match Slot::find(&client, &config.replication.slot_name).await? {
        Some(slot) => slot::wait_until_free(config, &client, &slot, observer).await,
        None => Ok(()),
    }
}

/// Looks at everything and makes what is missing, except for the slot.
///
/// # Errors
///
/// [`Error`] when something is missing that cannot be made.
pub(super) async fn start(
    config: &Config,
    filter: &TableFilter,
    past: &Past,
    observer: &mut dyn Observer,
) -> Result<Found, Error> {
    let client = postgres::connect(&config.database, "minicdc").await?;
    let readiness = Readiness::read(&client).await?;
    observer.event(Event::Connected { version: &readiness.version });

    let mode = config.snapshot.mode;
    let streams = mode != SnapshotMode::InitialOnly;
    let slot_name = &config.replication.slot_name;
    let slot = if streams { Slot::find(&client, slot_name).await? } else { None };
    if streams {
        readiness.require(slot.is_none())?;
    }
    if let Some(slot) = &slot {
        slot.check_usable(&config.database.dbname).map_err(postgres::PostgresError::from)?;
        slot::wait_until_free(config, &client, slot, observer).await?;
    }
    let tables = postgres::captured_tables(&client, filter).await?;
    check_patterns(config, filter, &tables, observer)?;
    if streams {
        set_identities(config, &client, &tables, observer).await?;
        ensure_publication(config, &client, &tables, observer).await?;
    }
    let keeps_positions = matches!(config.sink.kind, SinkKind::Kafka | SinkKind::Log);
    let wants_snapshot = match mode {
        SnapshotMode::Initial | SnapshotMode::InitialOnly => {
            !past.has_snapshot(keeps_positions, slot.is_some())
        }
        SnapshotMode::Always => !past.snapshot_taken,
        SnapshotMode::NoData => false,
    };
    if wants_snapshot {
        postgres::check_readable(&client, &tables).await?;
    }
    if !streams {
        let lsn = current_wal_lsn(&client).await?;
        let snapshot = wants_snapshot.then_some(SnapshotPlan { exporter: None, lsn });
        let plan = Plan { snapshot, stream_from: None };
        return Ok(Found::Ready(Start { client, tables, plan, resume_at: None }));
    }
    if let Some(slot) = slot {
        observer.event(Event::Slot { name: slot_name, made: false });
        return resume(client, tables, &slot, past, wants_snapshot).await.map(Found::Ready);
    }
    if let Some(stored) = past.position().filter(|_| !wants_snapshot) {
        return Err(CaptureError::SlotGone { slot: slot_name.clone(), stored }.into());
    }
    Ok(Found::NoSlot { client, tables, wants_snapshot })
}

/// A list that chooses nothing is most often a typing error.
fn check_patterns(
    config: &Config,
    filter: &TableFilter,
    tables: &[Table],
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    if !tables.is_empty() {
        return Ok(());
    }
    if filter.is_open() {
        observer.event(Event::Warning {
            text: format!("database \"{}\" has no tables yet", config.database.dbname),
            hint: Some("tables that are created from now on are captured".to_owned()),
        });
        return Ok(());
    }
    Err(CaptureError::NoTables {
        database: config.database.dbname.clone(),
        include: config.tables.table_include.clone(),
    }
    .into())
}

async fn set_identities(
    config: &Config,
    client: &Client,
    tables: &[Table],
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let rules = IdentityRules::parse(&config.replication.replica_identity_autoset)
        .map_err(postgres::PostgresError::from)?;
    if rules.is_empty() {
        return Ok(());
    }
    for outcome in rules.apply(client, &names(tables)).await? {
        let (text, hint) = match outcome {
            IdentityOutcome::Set { .. } => continue,
            IdentityOutcome::Ambiguous { table } => (
                format!(
                    "{}.{}: several entries of replica.identity.autoset.values",
                    table.0, table.1
                ),
                Some("leave one entry that matches the table".to_owned()),
            ),
            IdentityOutcome::Refused { table, statement, error } => (
                format!("{}.{}: replica identity stays as it is: {error}", table.0, table.1),
                Some(format!("as the table's owner: {statement};")),
            ),
        };
        observer.event(Event::Warning { text, hint });
    }
    Ok(())
}

fn names(tables: &[Table]) -> Vec<(String, String)> {
    tables.iter().map(|table| (table.schema.clone(), table.name.clone())).collect()
}

async fn ensure_publication(
    config: &Config,
    client: &Client,
    tables: &[Table],
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let outcome = postgres::ensure_publication(client, &config.replication, &names(tables)).await?;
    let action = match outcome.action {
        PublicationAction::Made => "made: ",
        PublicationAction::Altered => "altered: ",
        PublicationAction::Found => "",
    };
    let plural = if outcome.tables == 1 { "" } else { "s" };
    observer.event(Event::Publication {
        name: &config.replication.publication_name,
        outcome: format!("{action}{} table{plural}", outcome.tables),
    });
    if let Some((schema, name)) = outcome.without_identity.first() {
        let count = outcome.without_identity.len();
        let listed = outcome
            .without_identity
            .iter()
            .take(5)
            .map(|(schema, name)| format!("{schema}.{name}"))
            .collect::<Vec<_>>()
            .join(", ");
        let more = if count > 5 { format!(" and {} more", count - 5) } else { String::new() };
        observer.event(Event::Warning {
            text: format!(
                "PostgreSQL refuses UPDATE and DELETE on published tables without a key: {listed}{more}"
            ),
            hint: Some(format!(
                "add a primary key, or: {};",
                postgres::full_identity_statement(schema, name)
            )),
        });
    }
    Ok(())
}

/// Goes on with a slot that exists.
async fn resume(
    client: Client,
    tables: Vec<Table>,
    slot: &Slot,
    past: &Past,
    wants_snapshot: bool,
) -> Result<Start, Error> {
    let confirmed = slot.confirmed_flush_lsn.or(slot.restart_lsn).unwrap_or_default();
    let current = current_wal_lsn(&client).await?;
    let stored = past.position();
    if let Some(stored) = stored.filter(|stored| *stored > current) {
        return Err(CaptureError::PositionAhead { stored, current }.into());
    }
    let snapshot = wants_snapshot.then_some(SnapshotPlan { exporter: None, lsn: current });
    let stream_from = Some(confirmed.max(stored.unwrap_or_default()));
    let plan = Plan { snapshot, stream_from };
    Ok(Start { client, tables, plan, resume_at: past.resume_at() })
}

async fn current_wal_lsn(client: &Client) -> Result<Lsn, Error> {
    const QUERY: &str = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() \
        THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END::text";
    let row = client.query_one(QUERY, &[]).await.map_err(postgres::PostgresError::from)?;
    let text: String = row.get(0);
    text.parse().map_err(|_| {
        postgres::PostgresError::Protocol { detail: format!("\"{text}\" is no LSN") }.into()
    })
}
