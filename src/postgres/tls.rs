//! TLS to PostgreSQL by rustls, for ordinary and replication connections alike.
//!
//! `sslmode` as libpq has it: `prefer` and `require` encrypt without looking at the certificate
//! (unless `sslrootcert` is given, then `require` means `verify-ca`), `verify-ca` wants a chain to
//! a trusted root, `verify-full` wants the host's name in the certificate as well.

use super::unwatched::Unwatched;
use super::{PostgresError, channel_binding};
use crate::config::{DatabaseConfig, SslMode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore};
use std::path::{Path, PathBuf};
use std::{io, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// TLS was refused, or the certificates do not fit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// `sslmode` asks for TLS and the server has none.
    #[error("PostgreSQL at {address} does not offer TLS")]
    NotOffered {
        /// Host and port.
        address: String,
    },
    /// The server's certificate does not lead to a trusted root, or is no longer valid.
    #[error("the TLS certificate of {host} is not trusted")]
    NotTrusted {
        /// The host we connected to.
        host: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The server's certificate is for another host.
    #[error("the TLS certificate does not name {host}, but {names}")]
    NameMismatch {
        /// The host we connected to.
        host: String,
        /// The names in the certificate.
        names: String,
    },
    /// The handshake failed for another reason.
    #[error("the TLS handshake with {host} failed")]
    Handshake {
        /// The host we connected to.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate or key file could not be used.
    #[error("{setting} {}: {reason}", path.display())]
    File {
        /// `sslrootcert`, `sslcert` or `sslkey`.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// `sslcert` without `sslkey`, or the other way round.
    #[error("sslcert and sslkey must be given together")]
    HalfAnIdentity,
    /// The host's name can stand in no certificate.
    #[error("\"{host}\" is not a name that TLS can use")]
    HostName {
        /// As configured.
        host: String,
    },
    /// The system has no trusted roots.
    #[error("the system's trusted root certificates could not be read")]
    NoSystemRoots,
}

impl TlsError {
    /// True when a setting is wrong.
    pub(super) const fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::File { .. } | Self::HalfAnIdentity | Self::HostName { .. })
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotOffered { .. } => {
                "turn TLS on in the server (ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf(); \
                 with server.crt and server.key in its data directory), or connect without: \
                 --set database.sslmode=prefer"
            }
            Self::NotTrusted { .. } => {
                "give the root certificate that signed the server's: \
                 --set database.sslrootcert=root.crt; encryption without this check is \
                 --set database.sslmode=require"
            }
            Self::NameMismatch { .. } => {
                "connect by a name that is in the certificate's subjectAltName (its common name \
                 does not count), or check only who signed it: --set database.sslmode=verify-ca"
            }
            Self::Handshake { .. } => {
                "the server's log has its side of the story; when the server asks for a client \
                 certificate, give one with --set database.sslcert=client.crt \
                 --set database.sslkey=client.key"
            }
            Self::File { .. } => "the file must be PEM, readable by us, and a key not encrypted",
            Self::HalfAnIdentity => {
                "--set database.sslcert=client.crt --set database.sslkey=client.key"
            }
            Self::HostName { .. } => "connect by a host name or an IP address",
            Self::NoSystemRoots => {
                "install ca-certificates, or give the root: --set database.sslrootcert=root.crt"
            }
        };
        Some(hint.to_owned())
    }
}

/// Runs the TLS handshake; returns the session and what SCRAM binds to.
pub(super) async fn handshake(
    config: &DatabaseConfig,
    stream: Unwatched<TcpStream>,
) -> Result<(TlsStream<Unwatched<TcpStream>>, Option<Vec<u8>>), TlsError> {
    let host = &config.hostname;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| TlsError::HostName { host: host.clone() })?;
    let connector = TlsConnector::from(Arc::new(client_config(config)?));
    let stream =
        connector.connect(name, stream).await.map_err(|error| handshake_error(host, error))?;
    let (_, session) = stream.get_ref();
    let end_point = session
        .peer_certificates()
        .and_then(|chain| channel_binding::tls_server_end_point(chain.first()?));
    Ok((stream, end_point))
}

/// Under TLS 1.3 the server judges our certificate after the handshake; its alert then breaks what
/// comes next. Turns such a lost connection into what it is.
pub(super) fn alert_in(config: &DatabaseConfig, error: PostgresError) -> PostgresError {
    let is_alert = |source: &io::Error| source.get_ref().is_some_and(|e| e.is::<rustls::Error>());
    match error {
        PostgresError::ConnectionLost { source } if is_alert(&source) => {
            TlsError::Handshake { host: config.hostname.clone(), source }.into()
        }
        other => other,
    }
}

fn handshake_error(host: &str, source: io::Error) -> TlsError {
    let host = host.to_owned();
    match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) => TlsError::NameMismatch { host, names: names(presented) },
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            TlsError::NotTrusted { host, source: error.clone() }
        }
        _ => TlsError::Handshake { host, source },
    }
}

fn names(presented: &[String]) -> String {
    if presented.is_empty() { "no host at all".to_owned() } else { presented.join(", ") }
}

fn client_config(config: &DatabaseConfig) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier {
        trust: Trust::from_config(config)?,
        check_name: config.sslmode == SslMode::VerifyFull,
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Handshake {
            host: config.hostname.clone(),
            source: io::Error::other(error),
        })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let (cert, key) = match (&config.sslcert, &config.sslkey) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => (cert, key),
        _ => return Err(TlsError::HalfAnIdentity),
    };
    let chain = certificates("sslcert", cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| pem_error("sslkey", key, &e))?;
    builder.with_client_auth_cert(chain, secret).map_err(|error| TlsError::File {
        setting: "sslcert",
        path: cert.clone(),
        reason: error.to_string(),
    })
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| pem_error(setting, path, &error))?;
    if found.is_empty() {
        return Err(pem_error(setting, path, &pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn pem_error(setting: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound if setting == "sslkey" => "holds no usable private key".into(),
        pem::Error::NoItemsFound => "holds no certificate".into(),
        other => other.to_string(),
    };
    TlsError::File { setting, path: path.to_owned(), reason }
}

/// Which certificates are believed.
#[derive(Debug)]
enum Trust {
    /// Any: the connection is encrypted, to whoever it may be.
    Anyone,
    /// Those that lead to one of the roots.
    Roots {
        store: RootCertStore,
        /// The same roots as they stand in the file. PostgreSQL's manual makes a self-signed
        /// server certificate that is its own root, which a chain check refuses as a CA
        /// certificate in a server's place.
        exact: Vec<CertificateDer<'static>>,
    },
}

impl Trust {
    fn from_config(config: &DatabaseConfig) -> Result<Self, TlsError> {
        let exact = match (config.sslmode, &config.sslrootcert) {
            (SslMode::Disable | SslMode::Prefer, _) | (SslMode::Require, None) => {
                return Ok(Self::Anyone);
            }
            (_, Some(path)) if path != Path::new("system") => certificates("sslrootcert", path)?,
            _ => rustls_native_certs::load_native_certs().certs,
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(exact.iter().cloned());
        match (&config.sslrootcert, store.is_empty()) {
            (_, false) => Ok(Self::Roots { store, exact }),
            (Some(path), true) if path != Path::new("system") => Err(TlsError::File {
                setting: "sslrootcert",
                path: path.clone(),
                reason: "holds no certificate that can be a root".to_owned(),
            }),
            _ => Err(TlsError::NoSystemRoots),
        }
    }
}

/// Checks chain and name separately, as the modes need it.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    check_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::Roots { store, exact } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if !exact.contains(end_entity) {
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                store,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.check_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
