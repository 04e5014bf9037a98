//! Whether the stored position, the slot, the publication and the server still belong together.
//!
//! Each of these can be taken away, moved or restored behind our back, and PostgreSQL then mostly
//! goes on without a word: from version 15 a stream that is asked for a position before the slot's
//! begins at the slot's. So they are compared before each stream.

use crate::config::OffsetMismatch;
use crate::lsn::Lsn;

/// The stream cannot go on where the one before ended: changes would be left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The position was stored for another cluster.
    #[error(
        "position {stored} belongs to the cluster with system identifier {theirs}, but this server \
         has {ours}"
    )]
    OtherSystem {
        /// The position.
        stored: Lsn,
        /// Its cluster.
        theirs: String,
        /// The one we are connected to.
        ours: String,
    },
    /// The server's history does not know the timeline of the position.
    #[error(
        "position {stored} was stored on timeline {timeline}, which is not in the history of this \
         server, on timeline {current}"
    )]
    OtherTimeline {
        /// The position.
        stored: Lsn,
        /// Its timeline.
        timeline: u32,
        /// The server's.
        current: u32,
    },
    /// The server left the timeline of the position before it: a standby was promoted, or a backup
    /// restored, that did not have everything.
    #[error(
        "position {stored} was stored on timeline {timeline}, but this server, now on timeline \
         {current}, left that one at {end}"
    )]
    Diverged {
        /// The position.
        stored: Lsn,
        /// Its timeline.
        timeline: u32,
        /// Where the server left it.
        end: Lsn,
        /// The server's timeline now.
        current: u32,
    },
    /// A position is stored for a slot that does not exist.
    #[error(
        "replication slot \"{slot}\" does not exist, though position {stored} is stored for it{}",
        if *.promoted { "; the server was promoted since" } else { "" }
    )]
    SlotGone {
        /// The slot.
        slot: String,
        /// The position.
        stored: Lsn,
        /// True when the server is on another timeline than the position.
        promoted: bool,
    },
    /// The server gave the slot up.
    #[error("replication slot \"{slot}\" is lost: {reason}")]
    SlotLost {
        /// The slot.
        slot: String,
        /// Why, in the server's terms.
        reason: String,
    },
    /// Somebody else read from the slot, or moved it.
    #[error(
        "replication slot \"{slot}\" stands at {confirmed}, ahead of the stored position {stored}"
    )]
    SlotAhead {
        /// The slot.
        slot: String,
        /// Where it stands.
        confirmed: Lsn,
        /// The position.
        stored: Lsn,
    },
    /// The stored position lies behind the end of the server's WAL.
    #[error("stored position {stored} is ahead of the server, which is at {current}")]
    PositionAhead {
        /// The stored position.
        stored: Lsn,
        /// The end of the server's WAL.
        current: Lsn,
    },
    /// A position is stored, and the publication that it was read through does not exist.
    #[error(
        "publication \"{publication}\" does not exist any more, though position {stored} was read \
         through it"
    )]
    PublicationGone {
        /// The publication.
        publication: String,
        /// The position.
        stored: Lsn,
    },
}

impl Mismatch {
    /// What to do next: the choices there are.
    #[must_use]
    pub fn hint(&self) -> String {
        const ANEW: &str = "to read all rows anew: --snapshot when_needed";
        match self {
            Self::OtherSystem { .. } => format!(
                "check the address, and name and topic.prefix, which the position is stored under; \
                 if the cluster was replaced on purpose, {ANEW}"
            ),
            Self::OtherTimeline { .. } | Self::Diverged { .. } => format!(
                "what was delivered behind that point does not exist on this server, and what it \
                 wrote there instead would be left out; {ANEW}; to go on at the slot all the same: \
                 --set offset.mismatch.strategy=trust_slot"
            ),
            Self::SlotGone { promoted, .. } => {
                let promoted = if *promoted {
                    "; a standby keeps slots through its promotion from PostgreSQL 17 on, with \
                     --set slot.failover=true and sync_replication_slots"
                } else {
                    ""
                };
                format!(
                    "changes since that position cannot be read any more; {ANEW}; or use the slot's \
                     name and database of before{promoted}"
                )
            }
            Self::SlotLost { .. } => format!(
                "changes were lost; {ANEW}, which drops the slot and makes it again; give slots \
                 more room: ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'"
            ),
            Self::SlotAhead { .. } => format!(
                "changes between the two are not sent any more: someone else read from the slot or \
                 advanced it; {ANEW}; to go on without those changes: --set \
                 offset.mismatch.strategy=trust_slot"
            ),
            Self::PositionAhead { .. } => format!(
                "this is another server, or one restored from an older backup: check the address; \
                 if that is meant, {ANEW}, or begin with another --slot"
            ),
            Self::PublicationGone { .. } => format!(
                "changes since it was dropped are not sent, and up to PostgreSQL 17 none before it \
                 is made again can be read; {ANEW}"
            ),
        }
    }
}

/// A position that was reached, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) lsn: Lsn,
    /// System identifier and timeline; unknown when Debezium stored the position.
    pub(super) system_id: Option<String>,
    pub(super) timeline: Option<u32>,
}

/// What there is of the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SlotState {
    Missing,
    Lost(String),
    At(Lsn),
}

/// What there is on the server.
#[derive(Debug)]
pub(super) struct ServerState<'a> {
    pub(super) system_id: &'a str,
    pub(super) timeline: u32,
    /// Where each earlier timeline was left; empty when that did not matter.
    pub(super) history: &'a [(u32, Lsn)],
    /// End of the WAL.
    pub(super) current: Lsn,
    pub(super) slot: &'a str,
    pub(super) slot_state: SlotState,
    pub(super) publication: &'a str,
    pub(super) publication_exists: bool,
}

impl ServerState<'_> {
    /// Compares what was reached with what is there; the first thing that does not fit.
    pub(super) fn check(&self, reached: Option<&Reached>) -> Result<(), Mismatch> {
        let slot = || self.slot.to_owned();
        if let Some(reached) = reached {
            self.check_origin(reached)?;
        }
        if let SlotState::Lost(reason) = &self.slot_state {
            return Err(Mismatch::SlotLost { slot: slot(), reason: reason.clone() });
        }
        let Some(reached) = reached else { return Ok(()) };
        let stored = reached.lsn;
        if self.slot_state == SlotState::Missing {
            let promoted = reached.timeline.is_some_and(|timeline| timeline != self.timeline);
            return Err(Mismatch::SlotGone { slot: slot(), stored, promoted });
        }
        if stored > self.current {
            return Err(Mismatch::PositionAhead { stored, current: self.current });
        }
        if let SlotState::At(confirmed) = self.slot_state
            && confirmed > stored
        {
            return Err(Mismatch::SlotAhead { slot: slot(), confirmed, stored });
        }
        if !self.publication_exists {
            let publication = self.publication.to_owned();
            return Err(Mismatch::PublicationGone { publication, stored });
        }
        Ok(())
    }

    /// Whether the position lies on the way that the server has come.
    fn check_origin(&self, reached: &Reached) -> Result<(), Mismatch> {
        let stored = reached.lsn;
        if let Some(theirs) = reached.system_id.as_deref()
            && theirs != self.system_id
        {
            let (theirs, ours) = (theirs.to_owned(), self.system_id.to_owned());
            return Err(Mismatch::OtherSystem { stored, theirs, ours });
        }
        let current = self.timeline;
        let Some(timeline) = reached.timeline.filter(|timeline| *timeline != current) else {
            return Ok(());
        };
        match self.history.iter().find(|(ended, _)| *ended == timeline) {
            None => Err(Mismatch::OtherTimeline { stored, timeline, current }),
            Some((_, end)) if stored > *end => {
                Err(Mismatch::Diverged { stored, timeline, end: *end, current })
            }
            Some(_) => Ok(()),
        }
    }
}

/// How a start goes on in spite of a mismatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// From the stored position or the slot, whichever is ahead.
    GoOn,
    /// From the slot, as if no position were stored.
    IgnorePosition,
    /// With a snapshot, as if no position were stored.
    StartOver,
}

/// What the settings say about a mismatch; `None` is a stop. `heals` is whether the snapshot mode
/// takes a snapshot in such a case.
pub(super) const fn answer(
    mismatch: &Mismatch,
    strategy: OffsetMismatch,
    heals: bool,
) -> Option<Answer> {
    use Mismatch::{
        Diverged, OtherSystem, OtherTimeline, PositionAhead, PublicationGone, SlotAhead,
    };
    use OffsetMismatch::{NoValidation, TrustGreaterLsn, TrustSlot};
    match (strategy, mismatch) {
        (NoValidation | TrustSlot | TrustGreaterLsn, SlotAhead { .. })
        | (
            NoValidation,
            OtherSystem { .. } | OtherTimeline { .. } | Diverged { .. } | PublicationGone { .. },
        ) => Some(Answer::GoOn),
        (
            TrustSlot,
            OtherSystem { .. } | OtherTimeline { .. } | Diverged { .. } | PositionAhead { .. },
        ) => Some(Answer::IgnorePosition),
        _ if heals => Some(Answer::StartOver),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(lsn: u64) -> Reached {
        Reached { lsn: Lsn::new(lsn), system_id: Some("7".to_owned()), timeline: Some(2) }
    }

    fn server() -> ServerState<'static> {
        ServerState {
            system_id: "7",
            timeline: 2,
            history: &[],
            current: Lsn::new(1000),
            slot: "shop",
            slot_state: SlotState::At(Lsn::new(500)),
            publication: "shop",
            publication_exists: true,
        }
    }

    #[test]
    fn what_fits_passes_and_debeziums_positions_are_taken_as_they_are() {
        assert_eq!(server().check(Some(&reached(500))), Ok(()));
        assert_eq!(server().check(Some(&reached(1000))), Ok(()));
        assert_eq!(server().check(None), Ok(()));
        let unknown = Reached { system_id: None, timeline: None, ..reached(700) };
        assert_eq!(server().check(Some(&unknown)), Ok(()));
        let nothing =
            ServerState { slot_state: SlotState::Missing, publication_exists: false, ..server() };
        assert_eq!(nothing.check(None), Ok(()));
    }

    #[test]
    fn each_mismatch_is_found() {
        let missing = ServerState { slot_state: SlotState::Missing, ..server() };
        let lost = ServerState { slot_state: SlotState::Lost("wal_removed".into()), ..server() };
        let unpublished = ServerState { publication_exists: false, ..server() };
        let other = ServerState { system_id: "8", ..server() };
        let promoted = ServerState { timeline: 3, history: &[(2, Lsn::new(600))], ..server() };
        let restored = ServerState { timeline: 1, ..server() };
        assert!(matches!(
            missing.check(Some(&reached(700))),
            Err(Mismatch::SlotGone { promoted: false, .. })
        ));
        assert!(matches!(lost.check(None), Err(Mismatch::SlotLost { .. })));
        assert!(matches!(server().check(Some(&reached(499))), Err(Mismatch::SlotAhead { .. })));
        assert!(matches!(
            server().check(Some(&reached(1001))),
            Err(Mismatch::PositionAhead { .. })
        ));
        assert!(matches!(
            unpublished.check(Some(&reached(700))),
            Err(Mismatch::PublicationGone { .. })
        ));
        assert!(matches!(other.check(Some(&reached(700))), Err(Mismatch::OtherSystem { .. })));
        assert_eq!(promoted.check(Some(&reached(600))), Ok(()));
        assert!(matches!(promoted.check(Some(&reached(601))), Err(Mismatch::Diverged { .. })));
        assert!(matches!(
            restored.check(Some(&reached(700))),
            Err(Mismatch::OtherTimeline { timeline: 2, current: 1, .. })
        ));
        let gone = ServerState { slot_state: SlotState::Missing, ..promoted };
        assert!(matches!(
            gone.check(Some(&reached(600))),
            Err(Mismatch::SlotGone { promoted: true, .. })
        ));
    }

    #[test]
    fn every_hint_names_the_snapshot_that_heals() {
        let stored = Lsn::new(1);
        let slot = || "shop".to_owned();
        let all = [
            Mismatch::OtherSystem { stored, theirs: "1".into(), ours: "2".into() },
            Mismatch::OtherTimeline { stored, timeline: 1, current: 2 },
            Mismatch::Diverged { stored, timeline: 1, end: stored, current: 2 },
            Mismatch::SlotGone { slot: slot(), stored, promoted: true },
            Mismatch::SlotLost { slot: slot(), reason: "rows_removed".into() },
            Mismatch::SlotAhead { slot: slot(), confirmed: stored, stored },
            Mismatch::PositionAhead { stored, current: stored },
            Mismatch::PublicationGone { publication: slot(), stored },
        ];
        for mismatch in all {
            assert!(mismatch.hint().contains("--snapshot when_needed"), "{mismatch}");
            use OffsetMismatch::{NoValidation, Stop, TrustOffset, TrustSlot};
            assert_eq!(answer(&mismatch, Stop, false), None, "{mismatch}");
            assert_eq!(answer(&mismatch, TrustOffset, false), None, "{mismatch}");
            assert_eq!(answer(&mismatch, Stop, true), Some(Answer::StartOver), "{mismatch}");
            let is_of_slot =
                matches!(mismatch, Mismatch::SlotGone { .. } | Mismatch::SlotLost { .. });
            assert_eq!(
                answer(&mismatch, NoValidation, false).is_none(),
                is_of_slot || matches!(mismatch, Mismatch::PositionAhead { .. }),
                "{mismatch}"
            );
            assert_eq!(
                answer(&mismatch, TrustSlot, false).is_none(),
                is_of_slot || matches!(mismatch, Mismatch::PublicationGone { .. }),
                "{mismatch}"
            );
        }
    }
}
