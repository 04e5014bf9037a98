//! One error for the whole program: every module's error, its hint and its exit status.

/// Anything that ends a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sink failed.
    #[error(transparent)]
    Sink(#[from] crate::sink::SinkError),
    /// A request to Kafka failed.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::KafkaError),
    /// The position in the source could not be read or stored.
    #[error(transparent)]
    Offset(#[from] crate::offsets::OffsetError),
    /// PostgreSQL could not be reached, or refused something.
    #[error(transparent)]
    Postgres(#[from] crate::postgres::PostgresError),
    /// A table list was no list of regular expressions.
    #[error(transparent)]
    Filter(#[from] crate::relation::FilterError),
}

impl Error {
    /// What to do next, printed behind `hint:`.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Sink(error) => error.hint(),
            Self::Kafka(error) => error.hint(),
            Self::Offset(error) => error.hint(),
            Self::Postgres(error) => error.hint(),
            Self::Filter(_) => Some(
                "lists are comma-separated regular expressions on schema.table, such as \
                 'public.orders,public.c.*'; write a comma inside a pattern as \\,"
                    .to_owned(),
            ),
        }
    }

    /// Exit status: 2 for bad usage or configuration, 1 for everything else.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Filter(_) => 2,
            Self::Sink(error) if error.is_misconfiguration() => 2,
            Self::Kafka(error) if error.is_misconfiguration() => 2,
            Self::Offset(error) if error.is_misconfiguration() => 2,
            Self::Postgres(error) if error.is_misconfiguration() => 2,
            Self::Sink(_) | Self::Kafka(_) | Self::Offset(_) | Self::Postgres(_) => 1,
        }
    }
}
