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

/// The slot is what a restart goes by; the stored position adds that the snapshot is complete,
/// and lets Debezium take over. So a failed save is a warning, except for the snapshot's. A sink
/// that stores positions itself, together with the records, leaves nothing to do here.
pub(super) struct PositionKeeper {
    store: Option<Arc<OffsetStore>>,
    interval: Duration,
    last: Instant,
    stored: Lsn,
    saving: Option<JoinHandle<Result<(), OffsetError>>>,
}

impl PositionKeeper {
    pub(super) fn new(store: Option<OffsetStore>, interval: Duration) -> Self {
        Self {
            store: store.map(Arc::new),
            interval,
            last: Instant::now(),
            stored: Lsn::INVALID,
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
    pub(super) fn keep(&mut self, engine: &Engine) {
        let Some(store) = &self.store else { return };
        let safe = engine.progress().safe_lsn();
        if self.last.elapsed() < self.interval || safe <= self.stored {
            return;
        }
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        self.last = Instant::now();
        self.stored = safe;
        let (store, offset) = (store.clone(), position(engine));
        self.saving = Some(tokio::spawn(async move {
            let saved = store.save(&offset).await;
            if let Err(error) = &saved {
                tracing::warn!(error = %error, "position not stored; the slot still keeps it");
            }
            saved
        }));
    }

    /// Stores the position at the end of a run.
    pub(super) async fn store_now(&mut self, engine: &Engine) {
        if let Some(saving) = self.saving.take()
            && saving.await.is_err()
        {
            tracing::warn!("a save of the position was cut short");
        }
        let Some(store) = &self.store else { return };
        if engine.progress().safe_lsn() <= self.stored {
            return;
        }
        if let Err(error) = store.save(&position(engine)).await {
            tracing::warn!(error = %error, "position not stored; the slot still keeps it");
        }
    }
}

/// The safe position as Debezium stores it after a COMMIT.
fn position(engine: &Engine) -> SourceOffset {
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
        ..SourceOffset::default()
    }
}
