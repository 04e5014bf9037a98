//! The first step of every attempt: a session on the server, and the turn on the slot.

use super::observer::Event;
use super::observer::Observer;
use super::retry::Backoff;
use super::shutdown::Shutdown;
use crate::config::Config;
use crate::error::Error;
use crate::postgres;
use crate::postgres::Claim;
use crate::postgres::Holder;
use crate::postgres::PostgresError;
use crate::postgres::Readiness;
use crate::postgres::Slot;
use crate::postgres::SlotError;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// How long a slot may still be held by a process that is going away.
const SLOT_GRACE: Duration = Duration::from_secs(5);
/// How often a slot that is held is looked at.
const SLOT_STEP: Duration = Duration::from_millis(200);

/// A server that can be captured, and the turn on the slot.
pub(super) struct Claimed {
    /// For ordinary SQL; holds the turn.
    pub(super) client: Client,
    pub(super) readiness: Readiness,
    /// The slot as it was found, free; `None` when there is none, or none is needed.
    pub(super) slot: Option<Slot>,
}

/// The claim before anything else is touched: a sink must not be opened, and a position not be
/// read, while another process still writes there. `None` when a stop was asked for.
///
/// A standby outlives the servers that it waits at.
pub(super) async fn first(
    config: &Config,
    observer: &mut dyn Observer,
    shutdown: &mut Shutdown,
) -> Result<Option<Claimed>, Error> {
    let mut backoff = Backoff::new(&config.replication);
    let mut connected = false;
    loop {
        let error = tokio::select! {
            claimed = claim(config, &mut connected, observer) => match claimed {
                Ok(claimed) => return Ok(Some(claimed)),
                Err(error) => error,
            },
            () = shutdown.asked() => return Ok(None),
        };
        if !config.replication.standby || !connected || !error.is_transient() {
            return Err(error);
        }
        let Some(delay) = backoff.next() else { return Err(error) };
        observer.event(Event::ConnectionLost { error: error.chain() });
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shutdown.asked() => return Ok(None),
        }
    }
}

/// Connects, checks the server, and waits for the turn on the slot.
pub(super) async fn claim(
    config: &Config,
    connected: &mut bool,
    observer: &mut dyn Observer,
) -> Result<Claimed, Error> {
    let client = postgres::connect(&config.database, "minicdc").await?;
    let readiness = Readiness::read(&client).await?;
    *connected = true;
    observer.event(Event::Connected { version: &readiness.version });
    if !config.snapshot.mode.streams() {
        return Ok(Claimed { client, readiness, slot: None });
    }
    let slot_name = &config.replication.slot_name;
    let found = Slot::find(&client, slot_name).await?;
    readiness.require(found.is_none())?;
    if let Some(slot) = &found {
        slot.check_ours(&config.database.dbname).map_err(PostgresError::from)?;
    }
    let slot = wait_for_turn(config, &client, observer).await?;
    Ok(Claimed { client, readiness, slot })
}

/// Waits while another process has the slot. A standby waits without end; everyone else a little,
/// since a predecessor that was killed leaves it a moment later, then `slot.max.retries` times
/// `slot.retry.delay.ms`.
async fn wait_for_turn(
    config: &Config,
    client: &Client,
    observer: &mut dyn Observer,
) -> Result<Option<Slot>, Error> {
    let replication = &config.replication;
    let begun = Instant::now();
    let mut retries = 0;
    let mut waited_for: Option<Holder> = None;
    loop {
        let holder = match postgres::claim_slot(client, &replication.slot_name).await? {
            Claim::Ours(slot) => {
                if replication.standby && waited_for.is_some() {
                    let slot = &replication.slot_name;
                    observer.event(Event::TakingOver { slot, after: begun.elapsed() });
                }
                return Ok(slot);
            }
            Claim::Taken(holder) => holder,
        };
        let delay = if replication.standby {
            // Between two holders there may be none to name; that is no news.
            if waited_for.is_none() || holder.pid.is_some() && waited_for.as_ref() != Some(&holder)
            {
                let slot = &replication.slot_name;
                observer.event(Event::StandingBy { slot, holder: holder.to_string() });
                waited_for = Some(holder);
            }
            SLOT_STEP
        } else if begun.elapsed() < SLOT_GRACE {
            SLOT_STEP
        } else {
            let error = SlotError::InUse { slot: replication.slot_name.clone(), holder };
            if retries >= replication.slot_max_retries {
                return Err(PostgresError::from(error).into());
            }
            if retries == 0 {
                let text = format!("{error}; waiting for it");
                observer.event(Event::Warning { text, hint: error.hint() });
            }
            retries += 1;
            Duration::from_millis(replication.slot_retry_delay_ms)
        };
        tokio::time::sleep(delay).await;
    }
}
