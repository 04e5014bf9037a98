//! Why a value could not be converted. Values themselves are never part of an error.

/// A value that has no place in its column's Connect schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The server sent bytes that are not text in UTF-8.
    #[error("value is not valid UTF-8")]
    NotUtf8,
    /// The text does not have the form that PostgreSQL prints for the type.
    #[error("malformed {what}")]
    Malformed {
        /// The form that was expected, such as `timestamp`.
        what: &'static str,
    },
    /// The schema cannot hold the value: NaN as a Decimal, the year 9999 in nanoseconds.
    #[error("{what} does not fit into {target}")]
    OutOfRange {
        /// What sort of value it was.
        what: &'static str,
        /// What should have held it.
        target: &'static str,
    },
    /// Debezium declares the column but delivers no value for this type.
    #[error("{what} cannot be converted")]
    Unsupported {
        /// The type in question.
        what: &'static str,
    },
}

impl ValueError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotUtf8 => {
                "only databases with encoding UTF8 can be captured; look with: \
                 SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
            }
            Self::Malformed { what: "money" } => {
                "money is read as lc_monetary = 'C' prints it; set it with: \
                 ALTER ROLE … SET lc_monetary = 'C'"
            }
            Self::Malformed { .. } => {
                "the session must print ISO dates and hex bytea; unset DateStyle, IntervalStyle and \
                 bytea_output for this role"
            }
            Self::OutOfRange { target: "a Decimal", .. } => {
                "decimal.handling.mode=string or double can hold NaN and infinity"
            }
            Self::OutOfRange { .. } => {
                "choose a wider form (decimal.handling.mode, time.precision.mode), or set \
                 event.converting.failure.handling.mode=warn to send null instead"
            }
            Self::Unsupported { .. } => {
                "set event.converting.failure.handling.mode=warn to send null instead, or leave the \
                 column out"
            }
        };
        Some(hint.to_owned())
    }
}
