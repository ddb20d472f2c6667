//! POSTs to one host's XAPI over a few kept connections.
//!
//! One connection is held by a blocked `event.from`, so others are dialled as calls need them and kept while they are
//! good. The server closes idle ones at will: a request that went to one of those is sent again on a fresh connection if
//! it certainly was not received, or if repeating it does no harm.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use asterism_model::{CertificateFingerprint, XapiAddress};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use crate::connection::{ConnectError, Connection, Dialer, RequestError};

/// Where JSON-RPC answers.
const PATH: &str = "/jsonrpc";

/// Why there is no answer. Cheap to clone, so that it can stand in a state that many watch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HttpError {
    #[error("the request was not sent")]
    NotConnected(#[source] ConnectError),
    #[error("the connection to {address} closed before the request was sent")]
    NotSent {
        address: XapiAddress,
        #[source]
        source: Arc<hyper::Error>,
    },
    #[error("{address} did not answer within {after:?}")]
    TimedOut { address: XapiAddress, after: Duration },
    #[error("the connection to {address} broke before the answer was complete")]
    Broken {
        address: XapiAddress,
        #[source]
        source: Arc<hyper::Error>,
    },
    #[error("the answer of {address} is longer than {limit} bytes")]
    TooLong { address: XapiAddress, limit: usize },
    #[error("{address} answered HTTP {status}, expected 200")]
    Status { address: XapiAddress, status: StatusCode },
}

impl HttpError {
    /// Whether the request certainly had no effect.
    pub fn is_not_sent(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::NotSent { .. } => true,
            Self::TimedOut { .. } | Self::Broken { .. } | Self::TooLong { .. } | Self::Status { .. } => false,
        }
    }
}

/// Whether a request may be carried out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    Harmless,
    Never,
}

pub(crate) struct HttpClient {
    dialer: Dialer,
    answer_limit: usize,
    idle_limit: usize,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    idle: Vec<Connection>,
    /// Shown on the latest connection.
    certificate: Option<CertificateFingerprint>,
}

impl HttpClient {
    pub(crate) fn new(dialer: Dialer, answer_limit: usize, idle_limit: usize) -> Self {
        Self { dialer, answer_limit, idle_limit, shared: Mutex::default() }
    }

    pub(crate) fn address(&self) -> &XapiAddress {
        self.dialer.address()
    }

    /// The certificate that the host showed last.
    pub(crate) fn certificate(&self) -> Option<CertificateFingerprint> {
        self.lock().certificate
    }

    /// Sends `body` and gives the answer's body, all within `deadline`.
    pub(crate) async fn post(
        &self,
        body: Bytes,
        repeat: Repeat,
        deadline: Duration,
    ) -> Result<Bytes, HttpError> {
        let posting = async {
            if let Some(kept) = self.take_idle() {
                match self.post_on(kept, body.clone()).await {
                    Err(error) if error.is_not_sent() => {}
                    Err(HttpError::Broken { .. }) if repeat == Repeat::Harmless => {}
                    done => return done,
                }
            }
            let fresh = self.dialer.dial().await.map_err(HttpError::NotConnected)?;
            self.lock().certificate = fresh.certificate();
            self.post_on(fresh, body).await
        };
        let timed_out = |_| HttpError::TimedOut { address: self.address().clone(), after: deadline };
        timeout_at(Instant::now() + deadline, posting).await.map_err(timed_out)?
    }

    async fn post_on(&self, mut connection: Connection, body: Bytes) -> Result<Bytes, HttpError> {
        let answer = connection.request(self.request(body), self.answer_limit).await;
        let address = self.address().clone();
        match answer {
            Ok(body) => {
                self.keep(connection);
                Ok(body)
            }
            Err(RequestError::NotSent(error)) => Err(HttpError::NotSent { address, source: Arc::new(error) }),
            Err(RequestError::Broken(error)) => Err(HttpError::Broken { address, source: Arc::new(error) }),
            Err(RequestError::TooLong) => Err(HttpError::TooLong { address, limit: self.answer_limit }),
            Err(RequestError::Status(status)) => Err(HttpError::Status { address, status }),
        }
    }

    /// hyper adds the content-length: XAPI takes no chunks.
    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        Request::builder()
            .method(Method::POST)
            .uri(PATH)
            .header(header::HOST, self.address().authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("asterism/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .expect("an address is checked to be a valid authority when it is read")
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut shared = self.lock();
        shared.idle.retain(Connection::is_open);
        shared.idle.pop()
    }

    fn keep(&self, connection: Connection) {
        let mut shared = self.lock();
        if shared.idle.len() < self.idle_limit {
            shared.idle.push(connection);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        // Nothing panics while it is held, and what it guards is whole at any time.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
