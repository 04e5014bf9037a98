//! Which transactions a snapshot of the database sees.

/// A text was not `xmin:xmax:xip,…`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no snapshot: expected numbers such as 10:20:10,14,15")]
pub struct VisibilityError(String);

/// What `txid_current_snapshot()` says: transactions below `xmin` have ended, those from `xmax` on
/// have not begun, and of those between them some are in progress.
///
/// Source: PostgreSQL manual, "Transaction ID and Snapshot Information Functions".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visibility {
    xmin: u64,
    xmax: u64,
    in_progress: Vec<u64>,
}

impl Visibility {
    /// Reads `xmin:xmax:xip,…`.
    ///
    /// # Errors
    ///
    /// [`VisibilityError`] when the text is none.
    pub fn parse(text: &str) -> Result<Self, VisibilityError> {
        let parsed = || {
            let mut parts = text.splitn(3, ':');
            let xmin = parts.next()?.parse().ok()?;
            let xmax = parts.next()?.parse().ok()?;
            let list = parts.next()?.split(',').filter(|xid| !xid.is_empty());
            let in_progress = list.map(str::parse).collect::<Result<_, _>>().ok()?;
            Some(Self { xmin, xmax, in_progress })
        };
        parsed().ok_or_else(|| VisibilityError(text.to_owned()))
    }

    /// True when what the transaction has committed is visible. The stream names transactions by
    /// the lower half of their 64 bit number; the one nearest to the snapshot is meant.
    #[must_use]
    pub fn sees(&self, xid: u32) -> bool {
        let xid = self.widen(xid);
        xid < self.xmin || (xid < self.xmax && !self.in_progress.contains(&xid))
    }

    fn widen(&self, xid: u32) -> u64 {
        const EPOCH: u64 = 1 << 32;
        let near = (self.xmax & !(EPOCH - 1)) | u64::from(xid);
        if near > self.xmax + EPOCH / 2 {
            near.saturating_sub(EPOCH)
        } else if near + EPOCH / 2 < self.xmax {
            near + EPOCH
        } else {
            near
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_in_progress_and_later_ones_are_not_seen() {
        let seen = Visibility::parse("10:20:10,14").unwrap();
        for (xid, sees) in
            [(9, true), (10, false), (11, true), (14, false), (19, true), (20, false)]
        {
            assert_eq!(seen.sees(xid), sees, "{xid}");
        }
        assert!(!Visibility::parse("729:729:").unwrap().sees(729));
    }

    #[test]
    fn numbers_of_the_stream_have_half_the_bits() {
        let epoch = 1u64 << 32;
        let after = Visibility::parse(&format!("{}:{}:", epoch + 5, epoch + 9)).unwrap();
        assert!(after.sees(4) && !after.sees(9) && after.sees(u32::MAX));
        let before = Visibility::parse(&format!("{}:{}:", epoch - 9, epoch - 5)).unwrap();
        assert!(!before.sees(3), "begun after the next epoch did");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "1", "1:2", "a:2:", "1:2:x"] {
            assert!(Visibility::parse(text).is_err(), "{text}");
        }
    }
}
