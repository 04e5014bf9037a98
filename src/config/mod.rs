//! Settings: Debezium's property names, resolved into typed sections.
//!
//! Precedence: flags > `--set key=value` > environment > `--config FILE` > defaults.

mod converters;
mod database_url;
mod environment;
mod error;
mod file;
mod libpq;
mod load;
mod naming;
mod origin;
pub mod property;
mod secret;
mod sections;
mod signals;
mod values;

pub use environment::{Environment, process_variable, wants_colour};
pub use error::ConfigError;
pub use file::SyntaxError;
pub use load::{Overrides, Resolved, check_file, resolve, resolve_all};
pub use origin::Origin;
pub use secret::Secret;
pub use signals::{KafkaSignals, NotificationConfig, SignalConfig, Watermarks};
pub use values::{Value, Values};

use crate::engine::BUFFER_BYTES_MAX;
use crate::envelope::EnvelopeOptions;
use crate::lsn::Lsn;
use crate::transform::TransformSettings;
use crate::value::ValueOptions;
use std::{fmt, path::PathBuf};

/// Everything a command needs to know, one section per edge.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// How to reach PostgreSQL.
    pub database: DatabaseConfig,
    /// Slot, publication and stream.
    pub replication: ReplicationConfig,
    /// The initial snapshot.
    pub snapshot: SnapshotConfig,
    /// Which tables are captured.
    pub tables: TableConfig,
    /// Signals and incremental snapshots.
    pub signals: SignalConfig,
    /// Where is told how snapshots go.
    pub notifications: NotificationConfig,
    /// Signs of life.
    pub heartbeat: HeartbeatConfig,
    /// How events are written.
    pub envelope: EnvelopeOptions,
    /// How values are written.
    pub values: ValueOptions,
    /// What happens to records on the way to the sink, checked.
    pub transforms: TransformSettings,
    /// Where records go.
    pub sink: SinkConfig,
}

/// `database.*`: how to reach PostgreSQL.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Host name, address, or the directory of a unix socket (begins with `/`).
    pub hostname: String,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// Role to log in as.
    pub user: String,
    /// Its password, when one is needed.
    pub password: Option<Secret>,
    /// Database name.
    pub dbname: String,
    /// Whether and how TLS is used; never on unix sockets.
    pub sslmode: SslMode,
    /// PEM file of trusted roots; the system's own when absent.
    pub sslrootcert: Option<PathBuf>,
    /// PEM file of the client certificate.
    pub sslcert: Option<PathBuf>,
    /// PEM file of the client key.
    pub sslkey: Option<PathBuf>,
    /// Milliseconds to wait for a connection.
    pub connect_timeout_ms: u64,
    /// `database.initial.statements`: run on each new connection for SQL.
    pub initial_statements: Vec<String>,
    /// `database.query.timeout.ms`: how long a statement may take; 0 = as long as the server lets it.
    pub query_timeout_ms: u64,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: None,
            dbname: "postgres".to_owned(),
            sslmode: SslMode::Prefer,
            sslrootcert: None,
            sslcert: None,
            sslkey: None,
            connect_timeout_ms: 10_000,
            initial_statements: Vec::new(),
            query_timeout_ms: 600_000,
        }
    }
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS when the server offers it, unverified.
    Prefer,
    /// TLS, unverified.
    Require,
    /// TLS with a certificate of a trusted root.
    VerifyCa,
    /// As `VerifyCa`, and the certificate names the host.
    VerifyFull,
}

/// Slot, publication and stream.
#[derive(Debug, Clone)]
pub struct ReplicationConfig {
    /// `slot.name`.
    pub slot_name: String,
    /// `publication.name`; derived from the slot's name when not set.
    pub publication_name: String,
    /// `publication.autocreate.mode`.
    pub publication_autocreate: PublicationAutocreate,
    /// `publish.via.partition.root`, applied when we create the publication.
    pub publish_via_partition_root: bool,
    /// `replica.identity.autoset.values`, raw.
    pub replica_identity_autoset: String,
    /// `status.update.interval.ms`.
    pub status_update_interval_ms: u64,
    /// `slot.max.retries`.
    pub slot_max_retries: u32,
    /// `slot.retry.delay.ms`.
    pub slot_retry_delay_ms: u64,
    /// `slot.drop.on.stop`.
    pub slot_drop_on_stop: bool,
    /// `slot.failover`: make the slot one that standbys synchronize, from PostgreSQL 17.
    pub slot_failover: bool,
    /// `slot.stream.params`: more options for the plug-in.
    pub slot_stream_params: Vec<(String, String)>,
    /// `internal.create.slot.command.timeout` in seconds; `None` waits as long as it takes.
    pub slot_create_timeout_s: Option<u64>,
    /// `--standby`: wait for the slot as long as another process has it.
    pub standby: bool,
    /// `offset.mismatch.strategy`.
    pub offset_mismatch: OffsetMismatch,
    /// `lsn.flush.mode`.
    pub lsn_flush: LsnFlush,
    /// `errors.max.retries`: how often a lost connection is retried, `None` without end.
    pub errors_max_retries: Option<u32>,
    /// `retriable.restart.connector.wait.ms`; `None` is a wait that grows.
    pub restart_wait_ms: Option<u64>,
    /// `xmin.fetch.interval.ms`; 0 = never.
    pub xmin_fetch_interval_ms: u64,
    /// `--stop-at`.
    pub stop_at: Option<StopAt>,
    /// `name`: the connector's name in the offset key.
    pub connector_name: String,
    /// `offset.flush.interval.ms`: how often the position is stored, and confirmed then.
    pub offset_flush_interval_ms: u64,
    /// `streaming.in.progress`: whether the server sends large transactions before their end.
    pub streams_in_progress: bool,
    /// `streaming.memory.bytes`: how much of them stays in memory.
    pub streaming_memory_bytes: usize,
    /// `spill.dir`: where the rest goes.
    pub spill_dir: PathBuf,
}

impl Default for ReplicationConfig {
    fn default() -> Self {
        Self {
            slot_name: "minicdc".to_owned(),
            publication_name: "minicdc".to_owned(),
            publication_autocreate: PublicationAutocreate::AllTables,
            publish_via_partition_root: false,
            replica_identity_autoset: String::new(),
            status_update_interval_ms: 10_000,
            slot_max_retries: 6,
            slot_retry_delay_ms: 10_000,
            slot_drop_on_stop: false,
            slot_failover: false,
            slot_stream_params: Vec::new(),
            slot_create_timeout_s: None,
            standby: false,
            offset_mismatch: OffsetMismatch::Stop,
            lsn_flush: LsnFlush::ConnectorAndDriver,
            errors_max_retries: None,
            restart_wait_ms: None,
            xmin_fetch_interval_ms: 0,
            stop_at: None,
            connector_name: "minicdc".to_owned(),
            offset_flush_interval_ms: 1_000,
            streams_in_progress: true,
            streaming_memory_bytes: BUFFER_BYTES_MAX,
            spill_dir: PathBuf::from("/var/tmp"),
        }
    }
}

/// `publication.autocreate.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationAutocreate {
    /// `FOR ALL TABLES`, which needs a superuser.
    AllTables,
    /// `FOR TABLE …` with the captured tables, kept up to date at each start.
    Filtered,
    /// An empty publication, to be filled by hand.
    NoTables,
    /// The publication must exist.
    Disabled,
}

/// `offset.mismatch.strategy`: what to do when stored position and slot disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetMismatch {
    /// Stop when changes between the two would be left out; minicdc's own.
    Stop,
    /// Do not compare them.
    NoValidation,
    /// The position holds: a slot that is behind is advanced to it, one that is ahead is an error.
    TrustOffset,
    /// The slot holds wherever it is ahead, or the position is of no use.
    TrustSlot,
    /// Whichever is ahead holds.
    TrustGreaterLsn,
}

/// `lsn.flush.mode`: what is confirmed to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LsnFlush {
    /// Ends of transactions.
    Connector,
    /// Nothing.
    Manual,
    /// Ends of transactions, and when nothing is captured the positions of keepalives.
    ConnectorAndDriver,
}

/// `--stop-at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopAt {
    /// The WAL position at the start of streaming.
    Current,
    /// A given position.
    Lsn(Lsn),
}

/// `snapshot.*`.
#[derive(Debug, Clone)]
pub struct SnapshotConfig {
    /// `snapshot.mode`.
    pub mode: SnapshotMode,
    /// `snapshot.include.collection.list`, raw; empty means every captured table.
    pub include_collection_list: String,
    /// `snapshot.select.statement.overrides.*`: tables as `schema.table`, and their SELECT.
    pub select_overrides: Vec<(String, String)>,
    /// `snapshot.isolation.mode`.
    pub isolation: SnapshotIsolation,
    /// `snapshot.locking.mode=shared`: how long to wait for the locks; `None` takes none.
    pub lock_timeout_ms: Option<u64>,
    /// `snapshot.fetch.size`: rows that a reader has at hand at most; 0 is no limit.
    pub fetch_size: usize,
    /// `snapshot.delay.ms`.
    pub delay_ms: u64,
    /// `streaming.delay.ms`.
    pub streaming_delay_ms: u64,
    /// `snapshot.max.threads`: connections that read at the same time.
    pub threads: usize,
    /// `snapshot.max.threads.multiplier`: chunks per thread and table.
    pub multiplier: usize,
    /// `snapshot.max.threads.multiplier.*`: the same for single tables, as `schema.table`.
    pub multipliers: Vec<(String, usize)>,
    /// `legacy.snapshot.max.threads`: one thread per table.
    pub thread_per_table: bool,
    /// `snapshot.tables.order.by.row.count`.
    pub order: TableOrder,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            mode: SnapshotMode::Initial,
            include_collection_list: String::new(),
            select_overrides: Vec::new(),
            isolation: SnapshotIsolation::Serializable,
            lock_timeout_ms: None,
            fetch_size: 10_240,
            delay_ms: 0,
            streaming_delay_ms: 0,
            threads: 1,
            multiplier: 1,
            multipliers: Vec::new(),
            thread_per_table: false,
            order: TableOrder::Disabled,
        }
    }
}

/// `snapshot.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMode {
    /// When no position is stored, then stream.
    Initial,
    /// At every start, then stream.
    Always,
    /// Like initial, then stop.
    InitialOnly,
    /// Never.
    NoData,
    /// Like initial, and when the stream cannot go on at the stored position.
    WhenNeeded,
    /// `configuration_based`: as its flags say.
    Configured {
        /// `snapshot.data`: at every start.
        data: bool,
        /// `start.stream`: whether it streams afterwards.
        stream: bool,
        /// `snapshot.on.data.error`: when the stream cannot go on at the stored position.
        on_error: bool,
    },
}

impl SnapshotMode {
    /// Whether changes are streamed.
    #[must_use]
    pub const fn streams(self) -> bool {
        !matches!(self, Self::InitialOnly | Self::Configured { stream: false, .. })
    }

    /// Whether every start takes a snapshot.
    #[must_use]
    pub const fn is_always(self) -> bool {
        matches!(self, Self::Always | Self::Configured { data: true, .. })
    }

    /// Whether no start takes a snapshot, unless one is needed.
    #[must_use]
    pub const fn is_never(self) -> bool {
        matches!(self, Self::NoData | Self::Configured { data: false, .. })
    }

    /// Whether a snapshot stands in for a position that the stream cannot go on at.
    #[must_use]
    pub const fn heals(self) -> bool {
        self.is_always()
            || matches!(self, Self::WhenNeeded | Self::Configured { on_error: true, .. })
    }
}

/// `snapshot.isolation.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotIsolation {
    /// One state of all tables, after waiting until it is a serializable one.
    Serializable,
    /// One state of all tables.
    RepeatableRead,
    /// One state of each table.
    ReadCommitted,
    /// In PostgreSQL the same.
    ReadUncommitted,
}

/// `snapshot.tables.order.by.row.count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableOrder {
    /// As the include list has them.
    Disabled,
    /// Small tables first.
    Ascending,
    /// Large tables first.
    Descending,
}

/// Heartbeats.
#[derive(Debug, Clone, Default)]
pub struct HeartbeatConfig {
    /// `heartbeat.interval.ms`; 0 = none.
    pub interval_ms: u64,
    /// `heartbeat.action.query`; empty = none.
    pub action_query: String,
}

/// Include and exclude lists, raw; see [`crate::relation::TableFilter`] and
/// [`crate::relation::MessageFilter`].
#[derive(Debug, Clone, Default)]
pub struct TableConfig {
    /// `schema.include.list`.
    pub schema_include: String,
    /// `schema.exclude.list`.
    pub schema_exclude: String,
    /// `table.include.list`.
    pub table_include: String,
    /// `table.exclude.list`.
    pub table_exclude: String,
    /// `message.prefix.include.list`.
    pub message_prefix_include: String,
    /// `message.prefix.exclude.list`.
    pub message_prefix_exclude: String,
}

/// Where records go.
#[derive(Clone)]
pub struct SinkConfig {
    /// `--sink`; chosen by whether there are brokers when not given.
    pub kind: SinkKind,
    /// `bootstrap.servers`.
    pub brokers: Option<String>,
    /// `--log-dir`.
    pub log_dir: PathBuf,
    /// `producer.override.*` without the prefix, sorted by name.
    pub producer_overrides: Vec<(String, String)>,
    /// `topic.creation.default.partitions`; -1 = the broker's default.
    pub topic_partitions: i32,
    /// `topic.creation.default.replication.factor`; -1 = the broker's default.
    pub topic_replication_factor: i32,
    /// `offset.storage.topic`.
    pub offset_topic: String,
    /// `exactly.once.support=required`: records and position go in Kafka transactions.
    pub transactions: Option<TransactionConfig>,
    /// Bytes that may be in flight to the sink before reading stops.
    pub in_flight_bytes_max: usize,
    /// Records that may be in flight to the sink before reading stops (`max.queue.size`).
    pub in_flight_records_max: usize,
}

impl Default for SinkConfig {
    fn default() -> Self {
        Self {
            kind: SinkKind::Log,
            brokers: None,
            log_dir: PathBuf::from(".minicdc/log"),
            producer_overrides: Vec::new(),
            topic_partitions: 1,
            topic_replication_factor: 1,
            offset_topic: "minicdc-offsets".to_owned(),
            transactions: None,
            in_flight_bytes_max: 24 * 1024 * 1024,
            in_flight_records_max: 50_000,
        }
    }
}

// By hand, as the overrides hold passwords (`sasl.password`, `ssl.key.password`).
impl fmt::Debug for SinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overrides: Vec<&String> =
            self.producer_overrides.iter().map(|(name, _)| name).collect();
        f.debug_struct("SinkConfig")
            .field("kind", &self.kind)
            .field("brokers", &self.brokers)
            .field("log_dir", &self.log_dir)
            .field("producer_overrides", &overrides)
            .field("topic_partitions", &self.topic_partitions)
            .field("topic_replication_factor", &self.topic_replication_factor)
            .field("offset_topic", &self.offset_topic)
            .field("transactions", &self.transactions)
            .field("in_flight_bytes_max", &self.in_flight_bytes_max)
            .field("in_flight_records_max", &self.in_flight_records_max)
            .finish()
    }
}

/// Exactly once into Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionConfig {
    /// `transactional.id`: who has it last is the only writer.
    pub id: String,
    /// `transaction.boundary.interval.ms` with `transaction.boundary=interval`; without, Kafka
    /// transactions are as short as the load allows.
    pub interval_ms: Option<u64>,
}

/// `--sink`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkKind {
    /// Kafka.
    Kafka,
    /// The embedded log.
    Log,
    /// One JSON line per record on standard output.
    Stdout,
    /// Counts and throws away.
    Null,
}
