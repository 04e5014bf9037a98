//! PostgreSQL's clock: microseconds since 2000-01-01T00:00:00Z.

/// Microseconds between the Unix epoch and PostgreSQL's epoch.
const PG_EPOCH_UNIX_MICROS: i64 = 946_684_800_000_000;

/// A point in time as PostgreSQL's wire protocol sends it.
///
/// Source: PostgreSQL manual, "Logical Replication Message Formats".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgTime(i64);

impl PgTime {
    /// From microseconds since 2000-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_wire(micros: i64) -> Self {
        Self(micros)
    }

    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros.saturating_sub(PG_EPOCH_UNIX_MICROS))
    }

    /// Microseconds since 2000-01-01T00:00:00Z.
    #[must_use]
    pub const fn wire(self) -> i64 {
        self.0
    }

    /// Microseconds since the Unix epoch; saturates at the ends of `i64`.
    #[must_use]
    pub const fn unix_micros(self) -> i64 {
        self.0.saturating_add(PG_EPOCH_UNIX_MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_differ_by_thirty_years() {
        assert_eq!(PgTime::from_wire(0).unix_micros(), 946_684_800_000_000);
        assert_eq!(PgTime::from_unix_micros(946_684_800_000_001).wire(), 1);
        assert_eq!(PgTime::from_wire(i64::MAX).unix_micros(), i64::MAX);
    }
}
