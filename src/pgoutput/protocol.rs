//! Versions of the output plugin's protocol.

/// A version of the protocol between the output plugin and us; later ones have more messages.
///
/// Source: PostgreSQL manual, "Logical Streaming Replication Parameters".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Whole transactions, at their commit.
    V1,
    /// Blocks of unfinished transactions as well, from PostgreSQL 14.
    V2,
    /// Prepared transactions, from PostgreSQL 15.
    V3,
    /// Position and time of aborts, from PostgreSQL 16.
    V4,
}

impl Protocol {
    /// The latest version that a server speaks, by its `server_version_num`.
    #[must_use]
    pub const fn of_server(version_num: i32) -> Self {
        match version_num / 10_000 {
            ..=13 => Self::V1,
            14 => Self::V2,
            15 => Self::V3,
            _ => Self::V4,
        }
    }

    /// The option `proto_version`.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }

    /// Whether the option `streaming` is known.
    #[must_use]
    pub fn has_streaming(self) -> bool {
        self >= Self::V2
    }

    /// Whether servers that speak it leave transactions out that have nothing to tell; older ones
    /// send an empty BEGIN and COMMIT.
    #[must_use]
    pub fn skips_empty_transactions(self) -> bool {
        self >= Self::V3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_follows_the_servers_major() {
        let cases = [
            (100_023, 1, false, false),
            (130_014, 1, false, false),
            (140_011, 2, true, false),
            (150_000, 3, true, true),
            (160_004, 4, true, true),
            (180_001, 4, true, true),
        ];
        for (server, number, streaming, skips) in cases {
            let protocol = Protocol::of_server(server);
            assert_eq!(protocol.number(), number, "{server}");
            assert_eq!(protocol.has_streaming(), streaming, "{server}");
            assert_eq!(protocol.skips_empty_transactions(), skips, "{server}");
        }
    }
}
