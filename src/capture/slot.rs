//! The slot at the start: waiting until it is free, and making it when it is missing.

use super::observer::Event;
use super::observer::Observer;
use super::shutdown::Shutdown;
use super::start::Plan;
use super::start::SnapshotPlan;
use crate::config::Config;
use crate::error::Error;
use crate::postgres;
use crate::postgres::ReplicationConnection;
use crate::postgres::Slot;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// How long a slot may still be held by a process that is going away.
const SLOT_GRACE: Duration = Duration::from_secs(5);
const SLOT_GRACE_STEP: Duration = Duration::from_millis(200);

/// Waits for a slot that another process reads: a little always, since a predecessor that was
/// killed leaves it a moment later, then `slot.max.retries` times `slot.retry.delay.ms`.
pub(super) async fn wait_until_free(
    config: &Config,
    client: &Client,
    slot: &Slot,
    observer: &mut dyn Observer,
) -> Result<(), Error> {
    let replication = &config.replication;
    let begun = Instant::now();
    let mut retries = 0;
    let mut outcome = slot.check_free();
    while let Err(error) = outcome {
        let delay = if begun.elapsed() < SLOT_GRACE {
            SLOT_GRACE_STEP
        } else if retries < replication.slot_max_retries {
            if retries == 0 {
                let text = format!("{error}; waiting for it");
                observer.event(Event::Warning { text, hint: error.hint() });
            }
            retries += 1;
            Duration::from_millis(replication.slot_retry_delay_ms)
        } else {
            return Err(postgres::PostgresError::from(error).into());
        };
        tokio::time::sleep(delay).await;
        outcome = match Slot::find(client, &slot.name).await? {
            Some(slot) => slot.check_free(),
            None => Ok(()),
        };
    }
    Ok(())
}

/// How long the making of a slot may take before it is said what it waits for.
const SLOT_PATIENCE: Duration = Duration::from_secs(3);

/// Makes the slot; with a snapshot to take, the one that belongs to it. `None` when a stop was
/// asked for meanwhile; then there is no slot.
pub(super) async fn make_slot(
    config: &Config,
    client: &Client,
    wants_snapshot: bool,
    observer: &mut dyn Observer,
    shutdown: &mut Shutdown,
) -> Result<Option<Plan>, Error> {
    let slot_name = &config.replication.slot_name;
    let mut connection = ReplicationConnection::connect(&config.database).await?;
    let canceller = connection.canceller();
    let created = {
        let mut creating = std::pin::pin!(connection.create_slot(slot_name, wants_snapshot));
        let mut patience = Some(SLOT_PATIENCE);
        loop {
            tokio::select! {
                created = &mut creating => break created?,
                () = shutdown.asked() => {
                    // The server would go on waiting, and make the slot when nobody wants it.
                    canceller.cancel().await?;
                    if creating.await.is_ok() {
                        Slot::drop(client, slot_name).await?;
                    }
                    return Ok(None);
                }
                () = sleep_for(patience) => {
                    patience = None;
                    say_what_the_slot_waits_for(client, observer).await?;
                }
            }
        }
    };
    observer.event(Event::Slot { name: slot_name, made: true });
    let lsn = created.consistent_point;
    let snapshot = match created.snapshot_name {
        Some(name) if wants_snapshot => {
            Some(SnapshotPlan { exporter: Some((Box::new(connection), name)), lsn })
        }
        _ => {
            connection.close().await;
            None
        }
    };
    Ok(Some(Plan { snapshot, stream_from: Some(lsn) }))
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
