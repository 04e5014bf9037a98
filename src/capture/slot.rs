//! Making the slot when it is missing, and looking after it.

use super::CaptureError;
use super::observer::Event;
use super::observer::Observer;
use super::shutdown::Shutdown;
use super::start::Plan;
use super::start::SnapshotPlan;
use crate::config::Config;
use crate::config::OffsetMismatch;
use crate::error::Error;
use crate::postgres;
use crate::postgres::CreatedSlot;
use crate::postgres::PostgresError;
use crate::postgres::Readiness;
use crate::postgres::ReplicationConnection;
use crate::postgres::Slot;
use crate::postgres::SlotOptions;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// How long the making of a slot may take before it is said what it waits for.
const SLOT_PATIENCE: Duration = Duration::from_secs(3);

/// The slot that is to be made.
pub(super) struct NewSlot {
    /// The connection to make it on.
    pub(super) connection: ReplicationConnection,
    pub(super) options: SlotOptions,
}

/// Makes the slot; with a snapshot to take, the one that belongs to it. `None` when a stop was
/// asked for meanwhile; then there is no slot.
pub(super) async fn make_slot(
    config: &Config,
    client: &Client,
    new: NewSlot,
    observer: &mut dyn Observer,
    shutdown: &mut Shutdown,
) -> Result<Option<Plan>, Error> {
    let NewSlot { mut connection, options } = new;
    let replication = &config.replication;
    let slot_name = &replication.slot_name;
    let mut retries = 0;
    let created = loop {
        match create(config, client, &mut connection, options, observer, shutdown).await? {
            Creation::Done(created) => break created,
            Creation::Stopped => return Ok(None),
            Creation::TimedOut { seconds } if retries >= replication.slot_max_retries => {
                let slot = slot_name.clone();
                return Err(CaptureError::SlotNotMade { slot, seconds }.into());
            }
            Creation::TimedOut { .. } => retries += 1,
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(replication.slot_retry_delay_ms)) => {}
            () = shutdown.asked() => return Ok(None),
        }
    };
    observer.event(Event::Slot { name: slot_name, made: true });
    let lsn = created.consistent_point;
    let snapshot = match created.snapshot_name {
        Some(name) if options.export_snapshot => {
            let exporter = Some((Box::new(connection), name));
            Some(SnapshotPlan { exporter, lsn, resumable: true })
        }
        _ => {
            connection.close().await;
            None
        }
    };
    Ok(Some(Plan { snapshot, stream_from: Some(lsn) }))
}

/// How one try to make the slot ended.
enum Creation {
    Done(CreatedSlot),
    Stopped,
    TimedOut { seconds: u64 },
}

async fn create(
    config: &Config,
    client: &Client,
    connection: &mut ReplicationConnection,
    options: SlotOptions,
    observer: &mut dyn Observer,
    shutdown: &mut Shutdown,
) -> Result<Creation, Error> {
    let slot_name = &config.replication.slot_name;
    let limit_s = config.replication.slot_create_timeout_s;
    let begun = Instant::now();
    let canceller = connection.canceller();
    let mut creating = std::pin::pin!(connection.create_slot(slot_name, options));
    let mut patience = Some(SLOT_PATIENCE);
    loop {
        let left = limit_s.map(|limit| Duration::from_secs(limit).saturating_sub(begun.elapsed()));
        tokio::select! {
            created = &mut creating => return Ok(Creation::Done(created?)),
            () = shutdown.asked() => {
                // The server would go on waiting, and make the slot when nobody wants it.
                canceller.cancel().await?;
                if creating.await.is_ok() {
                    Slot::drop(client, slot_name).await?;
                }
                return Ok(Creation::Stopped);
            }
            () = sleep_for(left) => {
                canceller.cancel().await?;
                let seconds = limit_s.unwrap_or_default();
                // It may have been made in the last moment.
                return Ok(creating.await.map_or(Creation::TimedOut { seconds }, Creation::Done));
            }
            () = sleep_for(patience) => {
                patience = None;
                say_what_the_slot_waits_for(client, observer).await?;
            }
        }
    }
}

async fn sleep_for(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
}

async fn say_what_the_slot_waits_for(
    client: &Client,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let writers = postgres::open_writers(client).await?;
    let Some(oldest) = writers.first() else { return Ok(()) };
    let text = match writers.len() {
        1 => format!("the slot waits for an open transaction: {oldest}"),
        count => format!("the slot waits for {count} open transactions, the oldest: {oldest}"),
    };
    let hint = oldest.pid.map(|pid| {
        format!("it goes on when they end; to end that one: SELECT pg_terminate_backend({pid})")
    });
    observer.event(Event::Warning { text, hint });
    Ok(())
}

/// Whether the slot is to be made as a failover slot; says so when it was asked for in vain.
pub(super) fn may_fail_over(
    config: &Config,
    readiness: &Readiness,
    observer: &mut dyn Observer,
) -> bool {
    if !config.replication.slot_failover {
        return false;
    }
    let lacking = if readiness.version_num < FAILOVER_VERSION_MIN {
        "it needs PostgreSQL 17"
    } else if readiness.in_recovery {
        "this server is a standby"
    } else {
        return true;
    };
    observer.event(Event::Warning {
        text: format!("slot.failover has no effect on the slot that is made now: {lacking}"),
        hint: None,
    });
    false
}

/// The first version with failover slots.
const FAILOVER_VERSION_MIN: i32 = 170_000;

/// An existing slot stays what it is; says so when it is not what was asked for.
pub(super) fn warn_of_failover(config: &Config, slot: &Slot, observer: &mut dyn Observer) {
    if config.replication.slot_failover && slot.failover == Some(false) {
        observer.event(Event::Warning {
            text: format!("replication slot \"{}\" exists and is no failover slot", slot.name),
            hint: Some(format!(
                "over a replication connection, while nothing reads it: ALTER_REPLICATION_SLOT {} \
                 (FAILOVER true)",
                slot.name
            )),
        });
    }
}

/// Whether a slot that is behind the stored position is moved up to it.
pub(super) const fn is_advanced(strategy: OffsetMismatch) -> bool {
    matches!(strategy, OffsetMismatch::TrustOffset | OffsetMismatch::TrustGreaterLsn)
}

/// How often a slot is tried to be dropped that its walsender has not left yet.
const DROP_TRIES: u32 = 3;
const DROP_STEP: Duration = Duration::from_millis(500);

/// `slot.drop.on.stop`.
pub(super) async fn drop_on_stop(
    client: &Client,
    slot: &str,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    observer.event(Event::Warning {
        text: format!(
            "replication slot \"{slot}\" is dropped, as slot.drop.on.stop says: nothing that is \
             written from now on can be captured"
        ),
        hint: Some("the next start needs --snapshot when_needed".to_owned()),
    });
    for _ in 1..DROP_TRIES {
        match Slot::drop(client, slot).await {
            Err(PostgresError::Slot(error)) if error.is_in_use() => {
                tokio::time::sleep(DROP_STEP).await;
            }
            outcome => return Ok(outcome?),
        }
    }
    Ok(Slot::drop(client, slot).await?)
}
