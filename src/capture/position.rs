//! Stores the position from time to time, beside the stream.

use crate::chunks::SnapshotProgress;
use crate::chunks::Tracker;
use crate::engine::Engine;
use crate::lsn::Lsn;
use crate::offsets::OffsetError;
use crate::offsets::OffsetStore;
use crate::offsets::SourceOffset;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often the position is stored while chunks are sent.
const CHUNK_INTERVAL: Duration = Duration::from_secs(1);

/// Member of the stored position that says how far a snapshot has come. It is a text, since Kafka
/// Connect allows no objects there; Debezium does not look at it, and takes the snapshot anew.
const PROGRESS_MEMBER: &str = "minicdc_snapshot";

/// The shortest time between two saves of a snapshot's progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The progress of an unfinished snapshot, from a stored position.
pub(super) fn stored_progress(offset: &SourceOffset) -> Option<SnapshotProgress> {
    let text = offset.other.get(PROGRESS_MEMBER)?.as_str()?;
    match serde_json::from_str(text) {
        Ok(progress) => Some(progress),
        Err(error) => {
            tracing::warn!(%error, "progress of the snapshot cannot be read; it starts over");
            None
        }
    }
}

/// Members of a position that are not those of the stream.
type Members = serde_json::Map<String, serde_json::Value>;

/// The cluster that positions belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PositionOrigin {
    /// The system identifier.
    pub(super) system_id: String,
    pub(super) timeline: u32,
}

/// A position is confirmed to the server only when it is stored. So the slot is never ahead of the
/// stored position, unless someone else moved it, and that is how this is found out. What cannot be
/// stored for a while is a warning: the slot stays where it is. Only the end of a snapshot has to
/// be stored before anything else. A sink that stores positions itself, together with the records,
/// leaves nothing to do here but to compare.
pub(super) struct PositionKeeper {
    store: Option<Arc<OffsetStore>>,
    interval: Duration,
    last: Option<Instant>,
    stored: Lsn,
    /// What is stored does not hold any more, whatever comes.
    stale: bool,
    /// Members that incremental snapshots had then.
    members: Members,
    /// What snapshots are asked for has changed and is not stored.
    hurried: bool,
    /// What is being stored has that change.
    hurries: bool,
    saving: Option<(Lsn, JoinHandle<Result<(), OffsetError>>)>,
    origin: Option<PositionOrigin>,
    /// The position of a snapshot that can be resumed, but for its progress.
    snapshot: Option<SourceOffset>,
    /// How much of its progress is stored.
    changes: u64,
}

impl PositionKeeper {
    pub(super) fn new(store: Option<OffsetStore>, interval: Duration) -> Self {
        Self {
            store: store.map(Arc::new),
            interval,
            last: None,
            stored: Lsn::INVALID,
            members: Members::new(),
            hurried: false,
            hurries: false,
            stale: false,
            saving: None,
            origin: None,
            snapshot: None,
            changes: 0,
        }
    }

    /// Positions from now on belong to this cluster.
    pub(super) fn set_origin(&mut self, origin: Option<PositionOrigin>) {
        self.origin = origin;
    }

    /// Everything up to `stored` was stored before, or need not be. With `stale`, what is stored
    /// disagrees with the slot, and is to be replaced even when there is no progress.
    pub(super) fn resume(&mut self, stored: Lsn, stale: bool) {
        self.stored = self.stored.max(stored);
        self.stale |= stale;
    }

    fn is_news(&self, safe: Lsn) -> bool {
        safe > self.stored || self.stale && safe == self.stored
    }

    /// How much of `safe` may be confirmed to the server; `committed` is what the sink itself has
    /// stored, if it does.
    pub(super) fn confirmable(&self, safe: Lsn, committed: Option<Lsn>) -> Lsn {
        match committed {
            Some(committed) => safe.min(self.stored.max(committed)),
            None if self.store.is_some() => safe.min(self.stored),
            None => safe,
        }
    }

    /// A snapshot begins that the next start can go on with; `offset` says that it runs.
    pub(super) fn snapshot_begins(&mut self, offset: SourceOffset) {
        self.snapshot = Some(offset);
    }

    /// True when progress of the snapshot that runs is stored.
    pub(super) fn keeps_snapshot(&self) -> bool {
        self.store.is_some() && self.snapshot.is_some()
    }

    /// Starts a save of the snapshot's progress when there is some and no save is running.
    pub(super) fn keep_snapshot(&mut self, tracker: &Tracker) {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL);
        if tracker.changes() == self.changes || !is_due {
            return;
        }
        if self.saving.as_ref().is_some_and(|(_, saving)| !saving.is_finished()) {
            return;
        }
        let (Some(store), Some(offset)) = (&self.store, self.snapshot_position(tracker)) else {
            return;
        };
        self.last = Some(Instant::now());
        self.changes = tracker.changes();
        let store = store.clone();
        let saving = tokio::spawn(async move {
            let saved = store.save(&offset).await;
            if let Err(error) = &saved {
                tracing::warn!(%error, "progress of the snapshot not stored");
            }
            saved
        });
        // No LSN is reached by it.
        self.saving = Some((Lsn::INVALID, saving));
    }

    /// Stores the snapshot's progress at the end of a run. True when there is some, so that the
    /// next start can go on with it.
    pub(super) async fn store_snapshot(&mut self, tracker: &Tracker) -> bool {
        self.end_save().await;
        if tracker.durable().is_empty() {
            return false;
        }
        let (Some(store), Some(offset)) = (&self.store, self.snapshot_position(tracker)) else {
            return false;
        };
        match store.save(&offset).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "progress of the snapshot not stored");
                false
            }
        }
    }

    /// What is stored while a snapshot runs.
    fn snapshot_position(&self, tracker: &Tracker) -> Option<SourceOffset> {
        let mut offset = self.with_origin(self.snapshot.clone()?);
        let progress = serde_json::to_string(tracker.durable()).ok()?;
        offset.other.insert(PROGRESS_MEMBER.to_owned(), progress.into());
        Some(offset)
    }

    /// Says that every row of the snapshot is durable; must be stored before the stream begins.
    pub(super) async fn snapshot_complete(
        &mut self,
        offset: &SourceOffset,
    ) -> Result<(), OffsetError> {
        self.end_save().await;
        self.snapshot = None;
        let Some(store) = &self.store else { return Ok(()) };
        store.save(&self.with_origin(offset.clone())).await?;
        self.has_stored(offset.reached().unwrap_or_default());
        Ok(())
    }

    fn has_stored(&mut self, lsn: Lsn) {
        self.stored = self.stored.max(lsn);
        self.stale = false;
    }

    /// Starts a save when one is due and none is running, and takes note of one that has ended.
    pub(super) async fn keep(&mut self, engine: &mut Engine) {
        if self.saving.as_ref().is_some_and(|(_, saving)| saving.is_finished()) {
            self.end_save().await;
        }
        let Some(store) = &self.store else { return };
        if self.saving.is_some() {
            return;
        }
        let safe = engine.progress().safe_lsn();
        let is_changed = *engine.durable_members() != self.members;
        let hurries = self.hurried && engine.members_are_durable();
        let interval = if is_changed { self.interval.min(CHUNK_INTERVAL) } else { self.interval };
        let is_due = self.last.is_none_or(|last| last.elapsed() >= interval);
        if !(is_due && (is_changed || self.is_news(safe))) && !hurries {
            return;
        }
        self.hurried &= !hurries;
        self.hurries = hurries;
        self.last = Some(Instant::now());
        let (store, offset) = (store.clone(), self.with_origin(position(engine)));
        self.members.clone_from(&offset.other);
        let saving = tokio::spawn(async move { store.save(&offset).await });
        self.saving = Some((safe, saving));
    }

    /// When something is to be done: a save ends or is due.
    pub(super) fn due(&self, engine: &Engine) -> Option<Instant> {
        let waits = self.store.is_some() && self.is_news(engine.progress().safe_lsn());
        let due = self.last.map_or_else(Instant::now, |last| last + self.interval);
        (waits && self.saving.is_none()).then_some(due)
    }

    /// Waits for the end of the save that is running, without end when there is none. Dropping the
    /// future loses nothing.
    pub(super) async fn saved(&mut self) {
        match &mut self.saving {
            Some(_) => self.end_save().await,
            None => std::future::pending().await,
        }
    }

    async fn end_save(&mut self) {
        let Some((lsn, saving)) = &mut self.saving else { return };
        let (lsn, outcome) = (*lsn, saving.await);
        self.saving = None;
        match outcome {
            Ok(Ok(())) => self.has_stored(lsn),
            Ok(Err(error)) => {
                self.hurried |= self.hurries;
                self.members.clear();
                tracing::warn!(%error, "position not stored, so it is not confirmed either");
            }
            Err(error) => tracing::warn!(%error, "a save of the position was cut short"),
        }
    }

    /// Stores the position as soon as everything before it is delivered, since what was asked for
    /// would be forgotten by a restart.
    pub(super) fn hurry(&mut self) {
        self.hurried = self.store.is_some();
    }

    /// True when nothing may be confirmed for the moment: the server would not send again what the
    /// stored position does not know.
    pub(super) fn holds_back(&self) -> bool {
        self.hurried || (self.hurries && self.saving.is_some())
    }

    /// Stores the position at the end of a run.
    pub(super) async fn store_now(&mut self, engine: &mut Engine) {
        self.end_save().await;
        let Some(store) = &self.store else { return };
        let safe = engine.progress().safe_lsn();
        if !self.is_news(safe) && *engine.durable_members() == self.members {
            return;
        }
        match store.save(&self.with_origin(position(engine))).await {
            Ok(()) => self.has_stored(safe),
            Err(error) => {
                tracing::warn!(%error, "position not stored, so it is not confirmed either");
            }
        }
    }

    fn with_origin(&self, offset: SourceOffset) -> SourceOffset {
        let origin = self.origin.as_ref();
        SourceOffset {
            system_id: origin.map(|origin| origin.system_id.clone()),
            timeline: origin.map(|origin| origin.timeline),
            ..offset
        }
    }
}

/// The safe position as Debezium stores it after a COMMIT.
fn position(engine: &mut Engine) -> SourceOffset {
    let other = engine.durable_members().clone();
    let safe = engine.progress().safe_lsn();
    let (commit, ts_us, xid) = engine.last_commit();
    // Known only for the last transaction that was read, which need not be the last durable one.
    let is_last = commit == Some(safe);
    SourceOffset {
        lsn: Some(safe),
        lsn_proc: Some(safe),
        lsn_commit: Some(safe),
        message_type: Some("COMMIT".to_owned()),
        ts_usec: ts_us.filter(|_| is_last),
        tx_id: xid.filter(|_| is_last).map(i64::from),
        other,
        ..SourceOffset::default()
    }
}
