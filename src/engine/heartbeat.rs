//! Heartbeats; the caller has the clock and says when.

use super::{Emit, Engine};
use std::sync::Arc;

impl Engine {
    /// The topic of heartbeats, which must exist before the first.
    #[must_use]
    pub fn heartbeat_topic(&self) -> &Arc<str> {
        self.heartbeat.topic()
    }

    /// Sends a heartbeat, which may stand between the changes of a transaction.
    pub fn on_heartbeat(&mut self, emit: &mut Emit<'_>) {
        self.out.send_heartbeat(&self.heartbeat, emit);
    }

    /// Sets `pg_replication_slots.catalog_xmin`, which the source blocks of transactions that
    /// begin from now on carry.
    pub fn set_xmin(&mut self, xmin: Option<u64>) {
        self.xmin = xmin;
    }
}
