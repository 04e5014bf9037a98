//! Everything before the first record: what is there, what is missing, what is made.

use super::CaptureError;
use super::claim::Claimed;
use super::mismatch;
use super::mismatch::Answer;
use super::mismatch::Reached;
use super::mismatch::ServerState;
use super::mismatch::SlotState;
use super::observer::Event;
use super::observer::Observer;
use super::position::PositionOrigin;
use super::slot;
use super::slot::NewSlot;
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
use crate::postgres::ReplicationConnection;
use crate::postgres::Slot;
use crate::postgres::SlotOptions;
use crate::postgres::SystemIdentity;
use crate::relation::Table;
use crate::relation::TableFilter;
use tokio_postgres::Client;

/// What a run found and made, and what it has to do.
pub(super) struct Start {
    /// For ordinary SQL.
    pub(super) client: Client,
    /// For the stream, unless something else comes first.
    pub(super) connection: Option<ReplicationConnection>,
    /// The captured tables, in snapshot order.
    pub(super) tables: Vec<Table>,
    /// What there is to do.
    pub(super) plan: Plan,
    /// How far an earlier run came with this slot.
    pub(super) resume_at: Option<Position>,
    /// How far positions are stored, or need not be.
    pub(super) stored: Lsn,
    /// What is stored disagrees with the slot, and the slot is gone by.
    pub(super) stored_is_stale: bool,
}

/// What a run has to do.
pub(super) struct Plan {
    /// The snapshot to take, if any.
    pub(super) snapshot: Option<SnapshotPlan>,
    /// Where streaming begins; `None` when nothing is streamed.
    pub(super) stream_from: Option<Lsn>,
}

/// What [`start`] found.
pub(super) struct Found {
    /// The stored position and what was delivered up to it are of no account any more.
    pub(super) starts_over: bool,
    /// Which cluster this is; unknown when nothing is streamed.
    pub(super) origin: Option<PositionOrigin>,
    pub(super) next: Next,
}

/// What comes next.
pub(super) enum Next {
    /// Everything is there.
    Go(Start),
    /// The slot has to be made: [`make_slot`](super::slot::make_slot).
    MakeSlot { client: Client, tables: Vec<Table>, new: NewSlot },
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
    /// What this run knows to be durable.
    pub(super) safe: Option<Lsn>,
    /// Where this run was connected to before.
    pub(super) origin: Option<PositionOrigin>,
}

impl Past {
    /// True when the stored position says that no snapshot is due. A sink that keeps no position
    /// goes by the slot: whoever has one has started before.
    fn has_snapshot(&self, keeps_positions: bool, slot_exists: bool) -> bool {
        match &self.offset {
            _ if self.snapshot_taken => true,
            Some(offset) => !offset.is_unfinished(),
            None => !keeps_positions && slot_exists && !self.slot_made,
        }
    }

    fn resume_at(&self) -> Option<Position> {
        self.offset.as_ref().and_then(SourceOffset::position)
    }

    fn wants_snapshot(&self, mode: SnapshotMode, keeps_positions: bool, slot_exists: bool) -> bool {
        if mode.is_always() {
            return !self.snapshot_taken;
        }
        !mode.is_never() && !self.has_snapshot(keeps_positions, slot_exists)
    }

    fn reached(&self) -> Option<Reached> {
        let stored = self.offset.as_ref();
        let lsn = stored.and_then(SourceOffset::reached).max(self.safe)?;
        let (system_id, timeline) = match &self.origin {
            Some(origin) => (Some(origin.system_id.clone()), Some(origin.timeline)),
            None => (
                stored.and_then(|offset| offset.system_id.clone()),
                stored.and_then(|offset| offset.timeline),
            ),
        };
        Some(Reached { lsn, system_id, timeline })
    }
}

/// How the snapshot sees the database.
pub(super) struct SnapshotPlan {
    /// The connection that made the slot; it holds the exported snapshot until it is adopted.
    pub(super) exporter: Option<(Box<ReplicationConnection>, String)>,
    /// Position that the snapshot's rows carry.
    pub(super) lsn: Lsn,
    /// Whether a stream follows that brings what has changed, so that chunks may be read at
    /// different times.
    pub(super) resumable: bool,
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

/// Looks at everything and makes what is missing, except for the slot.
///
/// # Errors
///
/// [`Error`] when something is missing that cannot be made, or when what is there does not belong
/// to the stored position.
pub(super) async fn start(
    config: &Config,
    filter: &TableFilter,
    past: &Past,
    claimed: Claimed,
    observer: &mut dyn Observer,
) -> Result<Found, Error> {
    let Claimed { client, readiness, slot } = claimed;
    let mode = config.snapshot.mode;
    let tables = postgres::captured_tables(&client, filter).await?;
    check_patterns(config, filter, &tables, observer)?;
    let keeps_positions = matches!(config.sink.kind, SinkKind::Kafka | SinkKind::Log);
    let mut wants_snapshot = past.wants_snapshot(mode, keeps_positions, slot.is_some());
    if !mode.streams() {
        return once(client, tables, wants_snapshot).await;
    }
    if let Some(offset) = past.offset.as_ref().filter(|_| mode.is_never() && !past.snapshot_taken)
        && offset.is_unfinished()
    {
        let stored = offset.reached().unwrap_or_default();
        return Err(CaptureError::SnapshotUnfinished { stored }.into());
    }
    let mut connection = ReplicationConnection::connect(&config.database).await?;
    let system = connection.identify_system().await?;
    let current = current_wal_lsn(&client).await?;
    let publication = &config.replication.publication_name;
    let facts = Facts {
        slot: slot.as_ref(),
        system: &system,
        current,
        publication_exists: postgres::publication_exists(&client, publication).await?,
    };
    let answer = settle(config, past, &mut connection, &facts, wants_snapshot, observer).await?;
    let (starts_over, keeps_slot) = match answer {
        Some(Answer::StartOver) => {
            wants_snapshot = true;
            let reads_on = slot.as_ref().is_none_or(|slot| slot.lost().is_none());
            (true, facts.publication_exists && reads_on)
        }
        Some(Answer::IgnorePosition) => (true, true),
        Some(Answer::GoOn) | None => (false, true),
    };
    set_identities(config, &client, &tables, observer).await?;
    ensure_publication(config, &client, &tables, observer).await?;
    if wants_snapshot {
        postgres::check_readable(&client, &tables).await?;
    }
    let resume_at = past.resume_at().filter(|_| !starts_over);
    let complete = resume_at.and_then(|position| position.complete);
    let next = match slot {
        Some(slot) if keeps_slot => {
            observer.event(Event::Slot { name: &slot.name, made: false });
            slot::warn_of_failover(config, &slot, observer);
            let confirmed = slot.confirmed_flush_lsn.or(slot.restart_lsn).unwrap_or_default();
            if let Some(complete) = complete.filter(|complete| *complete > confirmed)
                && slot::is_advanced(config.replication.offset_mismatch)
            {
                Slot::advance(&client, &slot.name, complete).await?;
            }
            let snapshot = wants_snapshot.then_some(SnapshotPlan {
                exporter: None,
                lsn: current,
                resumable: true,
            });
            let stream_from = Some(confirmed.max(complete.unwrap_or_default()));
            let plan = Plan { snapshot, stream_from };
            let stored = past.offset.as_ref().filter(|_| !starts_over);
            let stored = stored.and_then(SourceOffset::reached).unwrap_or_default().max(confirmed);
            Next::Go(Start {
                client,
                connection: Some(connection),
                tables,
                plan,
                resume_at,
                stored,
                stored_is_stale: answer.is_some(),
            })
        }
        unusable => {
            if let Some(slot) = unusable {
                Slot::drop(&client, &slot.name).await?;
            }
            let failover = slot::may_fail_over(config, &readiness, observer);
            let options = SlotOptions { export_snapshot: wants_snapshot, failover };
            Next::MakeSlot { client, tables, new: NewSlot { connection, options } }
        }
    };
    let origin = PositionOrigin { system_id: system.system_id, timeline: system.timeline };
    Ok(Found { starts_over, origin: Some(origin), next })
}

/// A start without a stream, hence without a slot.
async fn once(client: Client, tables: Vec<Table>, wants_snapshot: bool) -> Result<Found, Error> {
    if wants_snapshot {
        postgres::check_readable(&client, &tables).await?;
    }
    let lsn = current_wal_lsn(&client).await?;
    let snapshot = wants_snapshot.then_some(SnapshotPlan { exporter: None, lsn, resumable: false });
    let plan = Plan { snapshot, stream_from: None };
    let start = Start {
        client,
        connection: None,
        tables,
        plan,
        resume_at: None,
        stored: Lsn::INVALID,
        stored_is_stale: false,
    };
    Ok(Found { starts_over: false, origin: None, next: Next::Go(start) })
}

/// What was found on the server.
struct Facts<'a> {
    slot: Option<&'a Slot>,
    system: &'a SystemIdentity,
    current: Lsn,
    publication_exists: bool,
}

/// Compares what was found with the stored position, and does as the settings say when the two do
/// not belong together.
async fn settle(
    config: &Config,
    past: &Past,
    connection: &mut ReplicationConnection,
    facts: &Facts<'_>,
    wants_snapshot: bool,
    observer: &mut dyn Observer,
) -> Result<Option<Answer>, Error> {
    let reached = past.reached();
    let timeline = facts.system.timeline;
    let moved = reached.as_ref().and_then(|reached| reached.timeline).filter(|t| *t != timeline);
    let history = match moved {
        Some(_) if timeline > 1 => connection.timeline_history(timeline).await?,
        _ => Vec::new(),
    };
    let slot_state = match facts.slot {
        None => SlotState::Missing,
        Some(slot) => match slot.lost() {
            Some(reason) => SlotState::Lost(reason.to_owned()),
            None => {
                SlotState::At(slot.confirmed_flush_lsn.or(slot.restart_lsn).unwrap_or_default())
            }
        },
    };
    let server = ServerState {
        system_id: &facts.system.system_id,
        timeline,
        history: &history,
        current: facts.current,
        slot: &config.replication.slot_name,
        slot_state,
        publication: &config.replication.publication_name,
        publication_exists: facts.publication_exists,
    };
    let Err(mismatch) = server.check(reached.as_ref()) else {
        if let Some(before) = moved {
            observer.event(Event::Warning {
                text: format!(
                    "the server was promoted: timeline {before} has become timeline {timeline}; \
                     the position lies before that, so nothing is left out"
                ),
                hint: None,
            });
        }
        return Ok(None);
    };
    let heals = config.snapshot.mode.heals() || wants_snapshot;
    let answer = mismatch::answer(&mismatch, config.replication.offset_mismatch, heals);
    // The engine of a run never goes back; a new run may.
    let answer = answer.filter(|answer| *answer == Answer::GoOn || past.safe.is_none());
    let Some(answer) = answer else { return Err(CaptureError::from(mismatch).into()) };
    let consequence = match answer {
        Answer::GoOn => "going on all the same, as offset.mismatch.strategy says",
        Answer::IgnorePosition => "going on at the slot, as offset.mismatch.strategy says",
        Answer::StartOver => "all rows are read anew",
    };
    observer.event(Event::Warning { text: format!("{mismatch}: {consequence}"), hint: None });
    Ok(Some(answer))
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

async fn current_wal_lsn(client: &Client) -> Result<Lsn, Error> {
    const QUERY: &str = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() \
        THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END::text";
    let row = client.query_one(QUERY, &[]).await.map_err(postgres::PostgresError::from)?;
    let text: String = row.get(0);
    text.parse().map_err(|_| {
        postgres::PostgresError::Protocol { detail: format!("\"{text}\" is no LSN") }.into()
    })
}
