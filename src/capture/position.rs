//! Stores the position from time to time, beside the stream.

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

/// Members of a position that are not those of the stream.
type Members = serde_json::Map<String, serde_json::Value>;

/// The slot is what a restart goes by; the stored position adds that the snapshot is complete,
/// and lets Debezium take over. So a failed save is a warning, except for the snapshot's. A sink
/// that stores positions itself, together with the records, leaves nothing to do here.
pub(super) struct PositionKeeper {
    store: Option<Arc<OffsetStore>>,
    interval: Duration,
    last: Instant,
    stored: Lsn,
    /// Members that incremental snapshots had then.
    members: Members,
    /// What snapshots are asked for has changed and is not stored.
    hurried: bool,
    /// What is being stored has that change.
    hurries: bool,
    saving: Option<JoinHandle<Result<(), OffsetError>>>,
}

impl PositionKeeper {
    pub(super) fn new(store: Option<OffsetStore>, interval: Duration) -> Self {
        Self {
            store: store.map(Arc::new),
            interval,
            last: Instant::now(),
            stored: Lsn::INVALID,
            members: Members::new(),
            hurried: false,
            hurries: false,
            saving: None,
        }
    }

    /// Says that every row of the snapshot is durable; must be stored before the stream begins.
    pub(super) async fn snapshot_complete(&self, offset: &SourceOffset) -> Result<(), OffsetError> {
        match &self.store {
            Some(store) => store.save(offset).await,
            None => Ok(()),
        }
    }

    /// Starts a save when one is due and none is running.
    pub(super) fn keep(&mut self, engine: &mut Engine) {
        let Some(store) = &self.store else { return };
        let safe = engine.progress().safe_lsn();
        if self.is_saving() {
            return;
        }
        let is_changed = *engine.durable_members() != self.members;
        let hurries = self.hurried && engine.members_are_durable();
        let interval = if is_changed { self.interval.min(CHUNK_INTERVAL) } else { self.interval };
        let is_due = self.last.elapsed() >= interval && (is_changed || safe > self.stored);
        if !is_due && !hurries {
            return;
        }
        self.hurried &= !hurries;
        self.hurries = hurries;
        self.last = Instant::now();
        self.stored = safe;
        let (store, offset) = (store.clone(), position(engine));
        self.members.clone_from(&offset.other);
        self.saving = Some(tokio::spawn(async move {
            let saved = store.save(&offset).await;
            if let Err(error) = &saved {
                tracing::warn!(error = %error, "position not stored; the slot still keeps it");
            }
            saved
        }));
    }

    /// Stores the position as soon as everything before it is delivered, since what was asked for
    /// would be forgotten by a restart.
    pub(super) fn hurry(&mut self) {
        self.hurried = self.store.is_some();
    }

    /// True when nothing may be confirmed for the moment: the server would not send again what the
    /// stored position does not know.
    pub(super) fn holds_back(&self) -> bool {
        self.hurried || (self.hurries && self.is_saving())
    }

    fn is_saving(&self) -> bool {
        self.saving.as_ref().is_some_and(|saving| !saving.is_finished())
    }

    /// Stores the position at the end of a run.
    pub(super) async fn store_now(&mut self, engine: &mut Engine) {
        if let Some(saving) = self.saving.take()
            && saving.await.is_err()
        {
            tracing::warn!("a save of the position was cut short");
        }
        let Some(store) = &self.store else { return };
        let is_stored = engine.progress().safe_lsn() <= self.stored;
        if is_stored && *engine.durable_members() == self.members {
            return;
        }
        if let Err(error) = store.save(&position(engine)).await {
            tracing::warn!(error = %error, "position not stored; the slot still keeps it");
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
