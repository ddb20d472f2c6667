//! One connection to a host's XAPI: dial, TLS where the address asks for it, then HTTP/1.1 requests one at a time.
//!
//! [`crate::http`] keeps a few of them. Every wait has a deadline; closing throws away what was not sent yet, so that a
//! request that was given up does not arrive minutes later.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use asterism_model::{CertificateFingerprint, XapiAddress};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::AbortHandle,
    time::timeout,
};
use tokio_openssl::SslStream;

use crate::tls::{TlsConnector, TlsError, Trust, TrustError};

const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

/// How to reach one host.
#[derive(Clone)]
pub(crate) struct Dialer {
    address: XapiAddress,
    /// `None` for an address that says `http://`.
    tls: Option<TlsConnector>,
    /// For dialling and for the handshake, each.
    deadline: Duration,
}

/// Why a host was not reached. Cheap to clone, so that it can stand in a state that many watch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    #[error("connecting to {address} timed out after {after:?}")]
    DialTimedOut { address: XapiAddress, after: Duration },
    #[error("connecting to {address} failed")]
    Dial {
        address: XapiAddress,
        #[source]
        source: Arc<io::Error>,
    },
    #[error("the TLS handshake with {address} timed out after {after:?}")]
    HandshakeTimedOut { address: XapiAddress, after: Duration },
    #[error("no TLS with {address}")]
    Tls {
        address: XapiAddress,
        #[source]
        source: Arc<TlsError>,
    },
    #[error("no HTTP with {address}")]
    Http {
        address: XapiAddress,
        #[source]
        source: Arc<hyper::Error>,
    },
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// Not one byte of it was sent.
    NotSent(hyper::Error),
    /// It may have been received and carried out.
    Broken(hyper::Error),
    /// The answer came, and was too long.
    TooLong,
    Status(StatusCode),
}

/// An open connection. Dropping it closes it at once.
pub(crate) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    certificate: Option<CertificateFingerprint>,
}

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

impl Dialer {
    pub(crate) fn new(address: XapiAddress, trust: &Trust, deadline: Duration) -> Result<Self, TrustError> {
        let tls = if address.is_https() { Some(TlsConnector::new(trust)?) } else { None };
        Ok(Self { address, tls, deadline })
    }

    pub(crate) fn address(&self) -> &XapiAddress {
        &self.address
    }

    /// Connects, once.
    pub(crate) async fn dial(&self) -> Result<Connection, ConnectError> {
        let default_port = if self.address.is_https() { HTTPS_PORT } else { HTTP_PORT };
        let (host, port) = split_authority(self.address.authority(), default_port);
        let stream = timeout(self.deadline, TcpStream::connect((host, port)))
            .await
            .map_err(|_| ConnectError::DialTimedOut { address: self.address.clone(), after: self.deadline })?
            .and_then(prepare)
            .map_err(|error| ConnectError::Dial { address: self.address.clone(), source: Arc::new(error) })?;
        match &self.tls {
            Some(tls) => {
                let (stream, certificate) = self.handshake(tls, stream).await?;
                self.speak(Box::pin(stream), Some(certificate)).await
            }
            None => self.speak(Box::pin(stream), None).await,
        }
    }

    async fn handshake(
        &self,
        tls: &TlsConnector,
        stream: TcpStream,
    ) -> Result<(SslStream<TcpStream>, CertificateFingerprint), ConnectError> {
        let tls_error =
            |source| ConnectError::Tls { address: self.address.clone(), source: Arc::new(source) };
        let ssl = tls.session().map_err(|error| tls_error(TlsError::Library(error)))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| tls_error(TlsError::Library(error)))?;
        match timeout(self.deadline, Pin::new(&mut stream).connect()).await {
            Ok(Ok(())) => {
                let certificate = tls.verify(stream.ssl()).map_err(tls_error)?;
                Ok((stream, certificate))
            }
            Ok(Err(error)) => Err(tls_error(tls.explain(stream.ssl(), error))),
            Err(_) => {
                Err(ConnectError::HandshakeTimedOut { address: self.address.clone(), after: self.deadline })
            }
        }
    }

    async fn speak(
        &self,
        stream: Pin<Box<dyn Stream>>,
        certificate: Option<CertificateFingerprint>,
    ) -> Result<Connection, ConnectError> {
        // Sets up state and sends nothing, so it needs no deadline.
        let (requests, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectError::Http { address: self.address.clone(), source: Arc::new(error) })?;
        // How it ends is told to whoever has a request under way.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        Ok(Connection { requests, driver, certificate })
    }
}

impl Connection {
    /// The certificate that the host showed; none over plain HTTP.
    pub(crate) fn certificate(&self) -> Option<CertificateFingerprint> {
        self.certificate
    }

    /// Whether it can take a request, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        self.requests.is_ready()
    }

    /// One request and its whole answer of at most `limit` bytes. The caller bounds the time.
    pub(crate) async fn request(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<Bytes, RequestError> {
        self.requests.ready().await.map_err(RequestError::NotSent)?;
        let response = self.requests.try_send_request(request).await.map_err(|mut error| {
            match error.take_message() {
                Some(_) => RequestError::NotSent(error.into_error()),
                None => RequestError::Broken(error.into_error()),
            }
        })?;
        if response.status() != StatusCode::OK {
            return Err(RequestError::Status(response.status()));
        }
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(RequestError::TooLong),
            Err(error) => match error.downcast::<hyper::Error>() {
                Ok(error) => Err(RequestError::Broken(*error)),
                // `Limited` has no third kind; what is not understood counts as an answer that cannot be used.
                Err(_) => Err(RequestError::TooLong),
            },
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_zero_linger()?;
    Ok(stream)
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`, as [`XapiAddress`] allows them.
pub(crate) fn split_authority(authority: &str, default_port: u16) -> (&str, u16) {
    let (host, rest) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    (host, rest.and_then(|port| port.parse().ok()).unwrap_or(default_port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_split_into_what_is_dialled() {
        assert_eq!(split_authority("10.0.0.1", 443), ("10.0.0.1", 443));
        assert_eq!(split_authority("xcp1.lan:8443", 443), ("xcp1.lan", 8443));
        assert_eq!(split_authority("[fd00::1]", 443), ("fd00::1", 443));
        assert_eq!(split_authority("[fd00::1]:8443", 443), ("fd00::1", 8443));
    }
}
