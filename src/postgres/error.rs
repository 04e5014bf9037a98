//! Everything that can go wrong between us and PostgreSQL, sorted by what helps.

use super::{ConnectError, LoginError, PublicationError, ReadinessError, SlotError, TlsError};
use std::{fmt, io};

/// A failure of the connection to PostgreSQL or of something done over it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// No connection could be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// TLS was refused, or the certificates do not fit.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server was reached and did not let us in.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The server is not set up for logical replication.
    #[error(transparent)]
    Readiness(#[from] ReadinessError),
    /// The replication slot cannot be used.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The publication cannot be used or made.
    #[error(transparent)]
    Publication(#[from] PublicationError),
    /// A snapshot could not read all rows.
    #[error(transparent)]
    Privilege(#[from] super::PrivilegeError),
    /// An entry of `replica.identity.autoset.values` is not one.
    #[error(transparent)]
    Identity(#[from] super::IdentityError),
    /// The connection broke.
    #[error("connection to PostgreSQL lost")]
    ConnectionLost {
        /// How.
        #[source]
        source: io::Error,
    },
    /// The server is starting up, shutting down, or an administrator ended our session.
    #[error("PostgreSQL is not available now")]
    Unavailable {
        /// The server's words.
        #[source]
        error: Box<ServerError>,
    },
    /// The server ended the replication stream in an orderly way, as it does when it shuts down.
    #[error("PostgreSQL ended the replication stream")]
    StreamEnded,
    /// The server sent something that the protocol does not allow here.
    #[error("unexpected answer from PostgreSQL: {detail}")]
    Protocol {
        /// What was wrong.
        detail: String,
    },
    /// The server refused a statement.
    #[error("could not {what}")]
    Statement {
        /// What the statement was to do, such as `create publication "shop"`.
        what: String,
        /// The server's words.
        #[source]
        error: Box<ServerError>,
    },
    /// The client library failed without word from the server.
    #[error("could not {what}")]
    Client {
        /// What was to be done.
        what: String,
        /// The library's words.
        #[source]
        source: Box<tokio_postgres::Error>,
    },
}

impl PostgresError {
    /// True when the same call can succeed later without anyone changing anything: a lost
    /// connection, a server that restarts, or no free connection.
    ///
    /// A refused connection counts too: whoever has been connected before should try again. At the
    /// very first connection it more likely means a wrong address, so ask
    /// [`is_unreachable`](Self::is_unreachable) there.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::ConnectionLost { .. }
            | Self::Unavailable { .. }
            | Self::StreamEnded => true,
            Self::Login(error) => error.is_transient(),
            Self::Slot(error) => error.is_transient(),
            Self::Readiness(error) => error.is_transient(),
            Self::Statement { error, .. } => error.is_transient(),
            _ => false,
        }
    }

    /// True when no server answered at the address.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect(_))
    }

    /// True when a setting is wrong, so that exit status 2 fits.
    #[must_use]
    pub fn is_misconfiguration(&self) -> bool {
        match self {
            Self::Slot(error) => error.is_misconfiguration(),
            Self::Tls(error) => error.is_misconfiguration(),
            Self::Identity(_) => true,
            _ => false,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect(error) => Some(error.hint()),
            Self::Tls(error) => error.hint(),
            Self::Login(error) => error.hint(),
            Self::Readiness(error) => Some(error.hint()),
            Self::Slot(error) => error.hint(),
            Self::Publication(error) => Some(error.hint()),
            Self::Privilege(error) => Some(error.hint()),
            Self::Identity(error) => Some(error.hint()),
            Self::ConnectionLost { .. } | Self::StreamEnded => Some(
                "the slot keeps the position: start again to go on where it stopped; the server's \
                 log says why it closed the connection"
                    .to_owned(),
            ),
            Self::Unavailable { .. } => Some("wait until the server is up, then try again".into()),
            Self::Statement { error, .. } => error.hint.clone().or_else(|| {
                (error.sqlstate == "42501").then(|| {
                    "give the role that privilege, or connect as another with --database-url".into()
                })
            }),
            Self::Protocol { .. } => Some(
                "check that host and port belong to PostgreSQL itself: connection poolers do not \
                 pass replication through"
                    .to_owned(),
            ),
            Self::Client { .. } => None,
        }
    }

    /// The server's refusal of what we were about to do.
    pub(crate) fn from_server(what: impl Into<String>, error: ServerError) -> Self {
        if error.means_unavailable() {
            return Self::Unavailable { error: Box::new(error) };
        }
        Self::Statement { what: what.into(), error: Box::new(error) }
    }

    /// The client library's error while we were about to do something: `.map_err(doing("…"))`.
    pub(crate) fn doing(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let what = what.into();
        move |error| {
            if let Some(db) = error.as_db_error() {
                return Self::from_server(what, ServerError::from(db));
            }
            if error.is_closed() {
                return Self::lost(io::ErrorKind::UnexpectedEof.into());
            }
            if !is_of_the_socket(&error) {
                return Self::Client { what, source: Box::new(error) };
            }
            let cause = error.into_source().and_then(|cause| cause.downcast::<io::Error>().ok());
            Self::lost(cause.map_or_else(|| io::ErrorKind::Other.into(), |cause| *cause))
        }
    }

    /// Of the errors of two attempts the more telling one: this, the second's, unless it only says
    /// that there is no entry for us without TLS either.
    pub(super) fn or_first(self, first: Self) -> Self {
        match &self {
            Self::Login(error) if error.is_about_hba() => first,
            _ => self,
        }
    }

    /// A broken connection.
    pub(crate) const fn lost(source: io::Error) -> Self {
        Self::ConnectionLost { source }
    }

    /// A breach of the protocol.
    pub(crate) fn protocol(detail: impl Into<String>) -> Self {
        Self::Protocol { detail: detail.into() }
    }
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::doing("run a statement")(error)
    }
}

/// True when the cause is the socket or the TLS session over it. Messages that the library cannot
/// parse come as I/O errors too, but as bare ones of the kinds for bad data.
fn is_of_the_socket(error: &tokio_postgres::Error) -> bool {
    let Some(cause) = std::error::Error::source(error) else { return false };
    cause.downcast_ref::<io::Error>().is_some_and(|cause| {
        let bad_data =
            matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
        !bad_data || cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
    })
}

/// What an ErrorResponse says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerError {
    /// Five characters that name the condition.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// The server's own suggestion.
    pub hint: Option<String>,
}

impl ServerError {
    /// True for admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout and the
    /// connection exceptions of class 08.
    fn means_unavailable(&self) -> bool {
        matches!(self.sqlstate.as_str(), "57P01" | "57P02" | "57P03" | "57P05")
            || self.sqlstate.starts_with("08") && self.sqlstate != "08P01"
    }

    /// True for too_many_connections and for what a retry of the same statement can overcome:
    /// serialization failures, deadlocks, lock timeouts.
    fn is_transient(&self) -> bool {
        matches!(self.sqlstate.as_str(), "53300" | "40001" | "40P01" | "55P03")
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        write!(f, " [SQLSTATE {}]", self.sqlstate)
    }
}

impl std::error::Error for ServerError {}

impl From<&tokio_postgres::error::DbError> for ServerError {
    fn from(error: &tokio_postgres::error::DbError) -> Self {
        Self {
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
        }
    }
}
