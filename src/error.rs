//! One error for the whole program: every module's error, its hint and its exit status.

/// Anything that ends a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sink failed.
    #[error(transparent)]
    Sink(#[from] crate::sink::SinkError),
    /// A table list was no list of regular expressions.
    #[error(transparent)]
    Filter(#[from] crate::relation::FilterError),
}

impl Error {
    /// What to do next, printed behind `hint:`.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Sink(_) => None,
            Self::Filter(_) => Some(
                "lists are comma-separated regular expressions on schema.table, such as \
                 'public.orders,public.c.*'; write a comma inside a pattern as \\,"
                    .to_owned(),
            ),
        }
    }

    /// Exit status: 2 for bad usage or configuration, 1 for everything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Filter(_) => 2,
            Self::Sink(_) => 1,
        }
    }
}
