//! The byte stream below every connection: a unix socket, TCP, or TLS over TCP.

use super::unwatched::Unwatched;
use super::{PostgresError, TlsError, tls};
use crate::config::{DatabaseConfig, SslMode};
use socket2::{SockRef, TcpKeepalive};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{io, net::SocketAddr, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

/// A silent peer is noticed after 30 s and three unanswered probes 10 s apart.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// Receive buffer of TCP connections. A small one is the fast one: a full socket makes the
/// walsender glue rows together instead of sending a segment each, which is what costs it its time
/// (measured: 332k rows/s with 256 KB, 191k to 342k with the kernel's default).
const RECEIVE_BUFFER_BYTES: u32 = 256 * 1024;

/// No server could be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host name could not be resolved.
    #[error("host \"{host}\" is not known")]
    HostUnknown {
        /// As configured.
        host: String,
        /// The resolver's words.
        #[source]
        source: io::Error,
    },
    /// Nothing answers at the address.
    #[error("no PostgreSQL answers at {host}:{port}")]
    Unreachable {
        /// As configured.
        host: String,
        /// TCP port.
        port: u16,
        /// Why the connection was not made.
        #[source]
        source: io::Error,
    },
    /// The unix socket is not there, or nobody listens on it.
    #[error("no PostgreSQL answers on the unix socket {}", path.display())]
    Socket {
        /// The socket file.
        path: PathBuf,
        /// Why the connection was not made.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("connecting to PostgreSQL at {address} took longer than {timeout_ms} ms")]
    Timeout {
        /// Host and port, or the path of the socket.
        address: String,
        /// `connect_timeout_ms`.
        timeout_ms: u64,
    },
}

impl ConnectError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::HostUnknown { .. } => {
                "check database.hostname (or --database-url, or PGHOST)".to_owned()
            }
            Self::Unreachable { host, port, .. } => format!(
                "check that the server runs: pg_isready -h {host} -p {port}; it must listen there \
                 (listen_addresses, port) and no firewall stand between; another address is \
                 given with --database-url"
            ),
            Self::Socket { path, .. } => format!(
                "check that the server runs and that its socket is in {} (SHOW \
                 unix_socket_directories; SHOW port), or connect over TCP with \
                 --database-url postgres://user@localhost/db",
                path.parent().unwrap_or(Path::new("/")).display()
            ),
            Self::Timeout { .. } => {
                "check address and firewall, or allow more time with connect_timeout".to_owned()
            }
        }
    }
}

/// Host and port, or the path of the unix socket, as messages show it.
pub(super) fn address(config: &DatabaseConfig) -> String {
    match unix_path(config) {
        Some(path) => path.display().to_string(),
        None => format!("{}:{}", config.hostname, config.port),
    }
}

fn unix_path(config: &DatabaseConfig) -> Option<PathBuf> {
    let directory = Path::new(&config.hostname);
    directory.is_absolute().then(|| directory.join(format!(".s.PGSQL.{}", config.port)))
}

/// A connected stream of any kind.
pub(super) enum Socket {
    Tcp(Unwatched<TcpStream>),
    Unix(Unwatched<UnixStream>),
    Tls(Box<tokio_rustls::client::TlsStream<Unwatched<TcpStream>>>),
}

/// A stream that is ready for the startup message.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// `tls-server-end-point` of the TLS connection, which SCRAM binds to.
    pub(super) end_point: Option<Vec<u8>>,
}

/// Whether this attempt uses TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsUse {
    Never,
    IfOffered,
    Always,
}

impl TlsUse {
    /// What the first attempt does; unix sockets never use TLS.
    pub(super) fn first(config: &DatabaseConfig) -> Self {
        match config.sslmode {
            _ if unix_path(config).is_some() => Self::Never,
            SslMode::Disable => Self::Never,
            SslMode::Prefer => Self::IfOffered,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Self::Always,
        }
    }

    /// As libpq does for `prefer`: a handshake that fails, or a server that has no entry for us
    /// over TLS, is worth an attempt without.
    pub(super) fn falls_back(self, error: &PostgresError) -> bool {
        self == Self::IfOffered
            && match error {
                PostgresError::Tls(error) => !error.is_misconfiguration(),
                PostgresError::Login(error) => error.is_about_hba(),
                _ => false,
            }
    }
}

/// Opens the stream, and the TLS session over it.
pub(super) async fn open(
    config: &DatabaseConfig,
    tls_use: TlsUse,
) -> Result<Opened, PostgresError> {
    if let Some(path) = unix_path(config) {
        return match UnixStream::connect(&path).await {
            Ok(stream) => {
                Ok(Opened { socket: Socket::Unix(Unwatched::new(stream)), end_point: None })
            }
            Err(source) => Err(ConnectError::Socket { path, source }.into()),
        };
    }
    let mut stream = connect_tcp(config).await?;
    let has_tls = tls_use != TlsUse::Never && server_has_tls(&mut stream, config, tls_use).await?;
    let stream = Unwatched::new(stream);
    if !has_tls {
        return Ok(Opened { socket: Socket::Tcp(stream), end_point: None });
    }
    let (stream, end_point) = tls::handshake(config, stream).await?;
    Ok(Opened { socket: Socket::Tls(Box::new(stream)), end_point })
}

/// Tries every address of the host in the resolver's order.
async fn connect_tcp(config: &DatabaseConfig) -> Result<TcpStream, ConnectError> {
    let host = &config.hostname;
    let unknown = |source| ConnectError::HostUnknown { host: host.clone(), source };
    let addresses = tokio::net::lookup_host((host.as_str(), config.port)).await.map_err(unknown)?;
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect_address(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(ConnectError::Unreachable { host: host.clone(), port: config.port, source: failure })
}

async fn connect_address(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Only before connecting does it bound the window that we announce.
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    socket.connect(address).await
}

/// Asks for TLS before the startup message; the answer is one byte.
async fn server_has_tls(
    stream: &mut TcpStream,
    config: &DatabaseConfig,
    tls_use: TlsUse,
) -> Result<bool, PostgresError> {
    let mut request = bytes::BytesMut::new();
    postgres_protocol::message::frontend::ssl_request(&mut request);
    stream.write_all(&request).await.map_err(PostgresError::lost)?;
    // Exactly one byte: anything behind it could have been put there by someone in the middle.
    match stream.read_u8().await.map_err(PostgresError::lost)? {
        b'S' => Ok(true),
        b'N' if tls_use == TlsUse::IfOffered => Ok(false),
        b'N' => Err(TlsError::NotOffered { address: address(config) }.into()),
        _ => Err(PostgresError::protocol("neither yes nor no to the request for TLS")),
    }
}

impl Socket {
    /// See [`Unwatched::unwatch`].
    pub(super) fn unwatch(&mut self) {
        match self {
            Self::Tcp(stream) => stream.unwatch(),
            Self::Unix(stream) => stream.unwatch(),
            Self::Tls(stream) => stream.get_mut().0.unwatch(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
