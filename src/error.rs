//! One error for the whole program: every module's error, its hint and its exit status.

/// Anything that ends a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting does not hold.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// Logging could not start.
    #[error(transparent)]
    Logging(#[from] crate::telemetry::LoggingError),
    /// The threads of the process could not be started.
    #[error("cannot start threads")]
    Runtime(#[source] std::io::Error),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    /// Nobody listens where a capture would.
    #[error("no capture of slot \"{slot}\" can be spoken to at {}", path.display())]
    NoCapture {
        /// The slot.
        slot: String,
        /// The capture's socket.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A running capture did not take what it was asked.
    #[error("the capture refuses: {0}")]
    Refused(String),
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
    /// The embedded log could not be opened or read.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// Nothing was loaded.
    #[error(transparent)]
    Load(#[from] crate::load::LoadError),
    /// Records could not be read back.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// A name led to no topic, or to several.
    #[error(transparent)]
    Name(#[from] crate::stage::names::NameError),
    /// The replication stream could not be understood or encoded.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// A record could not be transformed.
    #[error(transparent)]
    Transform(#[from] crate::transform::TransformError),
    /// The capture cannot start or go on.
    #[error(transparent)]
    Capture(#[from] crate::capture::CaptureError),
    /// A statement that cannot be run.
    #[error(transparent)]
    Query(#[from] crate::query::QueryError),
    /// A running query that cannot go on.
    #[error(transparent)]
    Live(#[from] crate::query::LiveError),
    /// What a query kept in its directory, or where its result goes.
    #[error(transparent)]
    QueryFlow(#[from] crate::query_flow::QueryFlowError),
    /// A table list was no list of regular expressions.
    #[error(transparent)]
    Filter(#[from] crate::relation::FilterError),
}

impl Error {
    /// What to do next, printed behind `hint:`.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Logging(error) => error.hint(),
            Self::Output(_) | Self::Runtime(_) | Self::Refused(_) => None,
            Self::NoCapture { .. } => Some(
                "give the settings that the capture was started with (--slot, --log-dir, --brokers \
                 or --config), as the same user on the same machine"
                    .to_owned(),
            ),
            Self::Sink(error) => error.hint(),
            Self::Kafka(error) => error.hint(),
            Self::Offset(error) => error.hint(),
            Self::Postgres(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Load(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Name(error) => error.hint(),
            Self::Engine(error) => Some(error.hint()),
            Self::Transform(error) => error.hint(),
            Self::Capture(error) => Some(error.hint()),
            Self::Query(error) => error.advice().map(str::to_owned),
            Self::Live(error) => Some(error.hint()),
            Self::QueryFlow(error) => error.hint(),
            Self::Filter(_) => Some(
                "lists are comma-separated regular expressions on schema.table, such as \
                 'public.orders,public.c.*'; write a comma inside a pattern as \\,"
                    .to_owned(),
            ),
        }
    }

    /// Lines that show the place of the error in what was typed.
    #[must_use]
    pub fn excerpt(&self) -> Option<String> {
        match self {
            Self::Query(error) => error.excerpt(),
            _ => None,
        }
    }

    /// Exit status: 2 for bad usage or configuration, 1 for everything else.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Logging(_) | Self::Filter(_) | Self::Query(_) => 2,
            Self::Capture(error) if error.is_misconfiguration() => 2,
            Self::Sink(error) if error.is_misconfiguration() => 2,
            Self::Kafka(error) if error.is_misconfiguration() => 2,
            Self::Offset(error) if error.is_misconfiguration() => 2,
            Self::Postgres(error) if error.is_misconfiguration() => 2,
            Self::Load(error) => error.exit_code(),
            Self::Source(error) if error.is_misconfiguration() => 2,
            Self::Name(error) if error.is_ambiguous() => 2,
            Self::QueryFlow(error) if error.is_misuse() => 2,
            _ => 1,
        }
    }

    /// True when the same can succeed later: a lost connection, a server that restarts.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_transient(),
            Self::Capture(error) => error.is_transient(),
            _ => false,
        }
    }

    /// True when whoever read standard output has had enough, as in `minicdc tail … | head`; that
    /// is no failure. (A broken pipe of a socket is one, so the cause alone does not tell.)
    #[must_use]
    pub fn is_closed_output(&self) -> bool {
        match self {
            Self::Output(cause) => cause.kind() == std::io::ErrorKind::BrokenPipe,
            Self::Sink(cause) => matches!(cause, crate::sink::SinkError::Closed),
            _ => false,
        }
    }

    /// The message and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let message = error.to_string();
            // Some libraries repeat their cause in their own message.
            if !text.ends_with(&message) {
                text.push_str(": ");
                text.push_str(&message);
            }
            cause = error.source();
        }
        text.replace('\n', " ")
    }
}
