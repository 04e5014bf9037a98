//! Carries signals out.

use super::Sent;
use super::resolve::{self, Names};
use crate::capture::observer::Event;
use crate::capture::stream::{Session, StreamRun};
use crate::error::Error;
use crate::incremental::{Collection, Emission};
use crate::postgres;
use crate::signal::{Action, Execute, Signal, SignalError, SnapshotKind};

/// How many blocking snapshots may wait.
const BLOCKING_MAX: usize = 64;

impl StreamRun<'_> {
    /// Does what a signal asks for; one that is wrong is told of and left out.
    pub(super) async fn on_signal(
        &mut self,
        session: &mut Session,
        sent: Sent,
    ) -> Result<(), Error> {
        let Signal { id, action } = match sent {
            Ok(signal) => signal,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        self.live.notifier.prepare(self.outlet).await?;
        match action {
            Action::Execute(execute) if execute.kind == SnapshotKind::Blocking => {
                if self.live.blocking.len() < BLOCKING_MAX {
                    tracing::info!(signal = id, "blocking snapshot asked for");
                    self.live.blocking.push_back((id, execute));
                } else {
                    tracing::warn!(signal = id, "too many blocking snapshots wait; left out");
                }
            }
            Action::Execute(execute) => self.execute(&id, &execute).await?,
            Action::Stop(patterns) => self.stop(&id, &patterns),
            Action::Pause => {
                if self.live.coordinator.pause() {
                    self.tell_queue(&id, "PAUSED");
                }
            }
            Action::Resume => {
                if self.live.coordinator.resume() {
                    self.tell_queue(&id, "RESUMED");
                }
            }
            Action::Log(message) => self.log(&id, &message),
            Action::WindowOpen | Action::WindowClose => {}
        }
        self.keep_queue();
        self.positions.hurry();
        self.tell(session, false).await
    }

    pub(super) fn refuse(&mut self, error: &SignalError) {
        self.observer
            .event(Event::Warning { text: format!("{error}; it is left out"), hint: None });
    }

    async fn execute(&mut self, id: &str, execute: &Execute) -> Result<(), Error> {
        if self.client.is_closed() {
            self.client = postgres::connect(&self.config.database, "minicdc").await?;
        }
        let publication = &self.config.replication.publication_name;
        let signal_table = self.live.signal_table.as_deref();
        let found =
            resolve::collections(&self.client, self.filter, signal_table, publication, id, execute);
        let (collections, tables) = match found.await? {
            Ok(found) => found,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        for (oid, columns) in resolve::watched(&self.client, &tables).await? {
            self.live.watched.retain(|(known, _)| *known != oid);
            self.live.watched.push((oid, columns));
        }
        self.engine.watch(self.live.watched.clone());
        let names = names_of(&collections);
        tracing::info!(signal = id, tables = names, "incremental snapshot asked for");
        self.live.coordinator.execute(collections);
        self.tell_incremental(id, "STARTED", &[("data_collections", names)]);
        Ok(())
    }

    fn stop(&mut self, id: &str, patterns: &[String]) {
        let names = match Names::new(id, patterns) {
            Ok(names) => names,
            Err(error) => return self.refuse(&error),
        };
        let is_meant = |name: &str| patterns.is_empty() || names.position(name).is_some();
        let correlation = self.correlation();
        let stopped = self.live.coordinator.stop(self.engine.touched_mut(), is_meant);
        if stopped.is_empty() {
            tracing::warn!(signal = id, "no incremental snapshot of such a table to stop");
            return;
        }
        let names = stopped.join(",");
        tracing::info!(signal = id, tables = names, "incremental snapshot stopped");
        self.tell_incremental(&correlation, "ABORTED", &[("data_collections", names)]);
    }

    fn log(&self, id: &str, message: &str) {
        let (lsn, xid) = self.engine.last_event();
        let position = match xid {
            Some(xid) => format!("{{lsn={}, txId={xid}}}", lsn.as_u64()),
            None => format!("{{lsn={}}}", lsn.as_u64()),
        };
        tracing::info!(signal = id, "{}", message.replace("{}", &position));
    }

    fn correlation(&self) -> String {
        let first = self.live.coordinator.queue().collections.front();
        first.map(|first| first.correlation.clone()).unwrap_or_default()
    }

    /// Tells that all tables of the queue are paused, or go on.
    fn tell_queue(&mut self, id: &str, kind: &'static str) {
        let names = self.live.coordinator.queue().names().join(",");
        tracing::info!(signal = id, tables = names, kind, "incremental snapshot");
        let correlation = self.correlation();
        self.tell_incremental(&correlation, kind, &[("data_collections", names)]);
    }

    fn tell_incremental(&mut self, id: &str, kind: &'static str, data: &[(&'static str, String)]) {
        self.live.notifier.incremental(self.engine, self.outlet, id, kind, data);
    }

    /// Tells how far an incremental snapshot is.
    pub(super) fn notify_of<T, R>(&mut self, emission: &Emission<T, R>) {
        match emission {
            Emission::Rows { .. } => {}
            Emission::ChunkRead { last, maximum } => {
                let queue = self.live.coordinator.queue();
                let names = queue.names();
                let data = [
                    (
                        "current_collection_in_progress",
                        names.first().copied().unwrap_or_default().to_owned(),
                    ),
                    ("maximum_key", maximum.to_string()),
                    ("data_collections", names.join(",")),
                    ("last_processed_key", last.to_string()),
                ];
                let correlation = self.correlation();
                self.tell_incremental(&correlation, "IN_PROGRESS", &data);
            }
            Emission::TableEnded { collection, rows, end, names } => {
                let status = end.as_str();
                tracing::info!(
                    relation = collection.table,
                    rows,
                    status,
                    "incremental snapshot of a table done"
                );
                let data = [
                    ("scanned_collection", collection.table.clone()),
                    ("total_rows_scanned", rows.to_string()),
                    ("status", status.to_owned()),
                    ("data_collections", names.join(",")),
                ];
                self.tell_incremental(&collection.correlation, "TABLE_SCAN_COMPLETED", &data);
            }
            Emission::Completed { correlation } => {
                tracing::info!(signal = correlation, "incremental snapshot done");
                self.tell_incremental(correlation, "COMPLETED", &[]);
            }
        }
    }
}

fn names_of(collections: &[Collection]) -> String {
    let names: Vec<&str> = collections.iter().map(|one| one.table.as_str()).collect();
    names.join(",")
}
