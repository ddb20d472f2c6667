//! Reaches a host's ovsdb-server: dial, and TLS where the endpoint asks for it, within one deadline.
//!
//! Gives a byte stream and nothing more; [`crate::rpc`] speaks on it.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use asterism_model::OvsdbEndpoint;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_openssl::SslStream;

use crate::tls::{TlsConfig, TlsConfigError, TlsConnector, TlsError};

/// A connected stream of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// How to reach one host, checked.
#[derive(Clone)]
pub struct Dialer {
    endpoint: OvsdbEndpoint,
    tls: Option<TlsConnector>,
    /// For dialling and for the handshake, each.
    deadline: Duration,
}

impl std::fmt::Debug for Dialer {
    /// Where it goes to, and no certificates.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dialer({})", self.endpoint)
    }
}

/// The endpoint and the TLS configuration don't go together, or the latter is unusable.
#[derive(Debug, thiserror::Error)]
pub enum DialerError {
    #[error("endpoint {endpoint} needs TLS, and none is configured: expected a CA or a pinned certificate")]
    TlsMissing { endpoint: OvsdbEndpoint },
    #[error("TLS for endpoint {endpoint} is misconfigured")]
    Tls {
        endpoint: OvsdbEndpoint,
        #[source]
        source: TlsConfigError,
    },
}

/// Why a host was not reached. Cheap to clone, so that it can stand in a state that many watch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    #[error("connecting to {endpoint} timed out after {after:?}")]
    DialTimedOut { endpoint: OvsdbEndpoint, after: Duration },
    #[error("connecting to {endpoint} failed")]
    Dial {
        endpoint: OvsdbEndpoint,
        #[source]
        source: Arc<io::Error>,
    },
    #[error("the TLS handshake with {endpoint} timed out after {after:?}")]
    HandshakeTimedOut { endpoint: OvsdbEndpoint, after: Duration },
    #[error("no TLS with {endpoint}")]
    Tls {
        endpoint: OvsdbEndpoint,
        #[source]
        source: Arc<TlsError>,
    },
}

impl Dialer {
    /// Checks that `endpoint` can be dialled with `tls`. An endpoint without TLS leaves `tls` unused.
    pub fn new(
        endpoint: OvsdbEndpoint,
        tls: Option<&TlsConfig>,
        deadline: Duration,
    ) -> Result<Self, DialerError> {
        let tls = match (&endpoint, tls) {
            (OvsdbEndpoint::Ssl(_), Some(config)) => Some(
                TlsConnector::new(config)
                    .map_err(|source| DialerError::Tls { endpoint: endpoint.clone(), source })?,
            ),
            (OvsdbEndpoint::Ssl(_), None) => return Err(DialerError::TlsMissing { endpoint }),
            (OvsdbEndpoint::Tcp(_) | OvsdbEndpoint::Unix(_), _) => None,
        };
        Ok(Self { endpoint, tls, deadline })
    }

    /// The same way with other certificates.
    pub fn with_tls(&self, tls: Option<&TlsConfig>) -> Result<Self, DialerError> {
        Self::new(self.endpoint.clone(), tls, self.deadline)
    }

    /// Connects, once.
    pub async fn dial(&self) -> Result<Pin<Box<dyn Stream>>, ConnectError> {
        match &self.endpoint {
            OvsdbEndpoint::Unix(path) => Ok(Box::pin(self.within(UnixStream::connect(path)).await?)),
            OvsdbEndpoint::Tcp(address) | OvsdbEndpoint::Ssl(address) => {
                let stream = self.within(TcpStream::connect(address)).await?;
                self.prepare(&stream)?;
                match &self.tls {
                    Some(tls) => Ok(Box::pin(self.handshake(tls, stream).await?)),
                    None => Ok(Box::pin(stream)),
                }
            }
        }
    }

    async fn within<T>(&self, dialling: impl Future<Output = io::Result<T>>) -> Result<T, ConnectError> {
        match timeout(self.deadline, dialling).await {
            Ok(result) => result.map_err(|error| self.dial_error(error)),
            Err(_) => {
                Err(ConnectError::DialTimedOut { endpoint: self.endpoint.clone(), after: self.deadline })
            }
        }
    }

    fn dial_error(&self, error: io::Error) -> ConnectError {
        ConnectError::Dial { endpoint: self.endpoint.clone(), source: Arc::new(error) }
    }

    /// A session that is given up must leave nothing behind that the kernel would still deliver: a transaction that
    /// arrives minutes after its caller looked again could not be told from someone else's. So closing resets the
    /// connection (lingering for zero seconds) instead of flushing it.
    fn prepare(&self, stream: &TcpStream) -> Result<(), ConnectError> {
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_zero_linger())
            .map_err(|error| self.dial_error(error))
    }

    async fn handshake(
        &self,
        tls: &TlsConnector,
        stream: TcpStream,
    ) -> Result<SslStream<TcpStream>, ConnectError> {
        let tls_error =
            |source| ConnectError::Tls { endpoint: self.endpoint.clone(), source: Arc::new(source) };
        let ssl = tls.session().map_err(|error| tls_error(TlsError::Library(error)))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| tls_error(TlsError::Library(error)))?;
        match timeout(self.deadline, Pin::new(&mut stream).connect()).await {
            Ok(Ok(())) => tls.verify(stream.ssl()).map_err(tls_error)?,
            Ok(Err(error)) => return Err(tls_error(tls.explain(stream.ssl(), error))),
            Err(_) => {
                return Err(ConnectError::HandshakeTimedOut {
                    endpoint: self.endpoint.clone(),
                    after: self.deadline,
                });
            }
        }
        Ok(stream)
    }
}
