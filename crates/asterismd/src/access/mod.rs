//! Who may call what: every call on the port passes this gate, before any service sees it.
//!
//! The TLS handshake shows that a certificate is of the cluster's authority; the gate reads from it who calls, holds that
//! against [`table`], the one place that says what each call needs, and puts the [`Caller`] where services find it. A node is
//! believed when it passes on somebody else's request and says whose it is ([`caller`]). What is refused to somebody known goes
//! to the audit trail (`denied`).

pub mod caller;
mod denied;
mod rate;
mod seen;
pub mod table;

use std::{
    future::{Ready, ready},
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};

use asterism_api::ApiError;
use asterism_model::{AccessRole, Caller, NodeId};
use asterism_pki::Holder;
use asterism_raft::Replica;
use futures::future::Either;
use tonic::{
    Status,
    body::Body,
    codegen::{Service, http},
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tower_layer::Layer;

use crate::clock::Clock;
pub use denied::{Denied, report as report_denied};
pub use rate::WriteRate;
use seen::{Seen, SeenCertificates};
use table::Need;

/// What the gate decides by.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    replica: Replica,
    clock: Clock,
    seen: SeenCertificates,
    rate: WriteRate,
    denied: Denied,
}

/// Who calls, when it was let in: a node in its own name, or somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Party {
    Node(NodeId),
    Caller(Caller),
}

impl Gate {
    pub fn new(replica: Replica, clock: Clock, rate: WriteRate, denied: Denied) -> Self {
        Self { inner: Arc::new(Inner { replica, clock, seen: SeenCertificates::default(), rate, denied }) }
    }
}

impl Inner {
    /// Lets a request in, and says on whose behalf it comes; `None` for a node's own.
    fn admit(&self, request: &http::Request<Body>) -> Result<Option<Caller>, ApiError> {
        let connection = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
        let certificates = connection.and_then(TlsConnectInfo::peer_certs);
        let Some(certificates) = certificates else {
            return Err(not_permitted("no client certificate; expected one of the cluster's authority"));
        };
        let seen = self.seen.look(&certificates)?;
        self.check_validity(&seen)?;
        let from = connection.and_then(|connection| connection.get_ref().remote_addr()).map(|from| from.ip());
        let path = request.uri().path();
        let party = self.party(&seen, from, request)?;
        let need = table::need(path);
        self.check_need(&party, need, path)?;
        match party {
            Party::Node(_) => Ok(None),
            Party::Caller(caller) => {
                if table::is_change(path) {
                    self.rate.take(&caller.name, self.clock.tick())?;
                }
                Ok(Some(caller))
            }
        }
    }

    /// The handshake checked it, and a connection may outlive it.
    fn check_validity(&self, seen: &Seen) -> Result<(), ApiError> {
        let now = i64::try_from(self.clock.wall().0 / 1000).unwrap_or(i64::MAX);
        if now > seen.ends {
            return Err(not_permitted(
                "the client certificate has ended; renew it with `asterctl pki renew`",
            ));
        }
        Ok(())
    }

    fn party(
        &self,
        seen: &Seen,
        from: Option<IpAddr>,
        request: &http::Request<Body>,
    ) -> Result<Party, ApiError> {
        match &seen.holder {
            Holder::Caller { name, role } => {
                let from = from.map(|from| from.to_canonical().to_string()).unwrap_or_default();
                Ok(Party::Caller(Caller { name: name.clone(), role: *role, from }))
            }
            Holder::Node(node) => match caller::told(request.headers())? {
                None => Ok(Party::Node(*node)),
                Some(caller) => {
                    self.require_member(*node)?;
                    Ok(Party::Caller(caller))
                }
            },
            Holder::Ovsdb | Holder::Authority | Holder::Other => Err(ApiError::NotPermitted(format!(
                "the client certificate is for {:?}; expected exactly one of viewer.asterism, operator.asterism and \
                     admin.asterism among its alternative names, or a node's two",
                seen.names
            ))),
        }
    }

    /// A node speaks for others as long as it is one of the replicas.
    fn require_member(&self, node: NodeId) -> Result<(), ApiError> {
        let members = self.replica.status().members;
        if members.is_empty() || members.iter().any(|member| member.peer.node == node) {
            return Ok(());
        }
        Err(ApiError::NotPermitted(format!("node {node} is no member of the cluster, and speaks for nobody")))
    }

    fn check_need(&self, party: &Party, need: Need, path: &str) -> Result<(), ApiError> {
        match (party, need) {
            (Party::Node(_), Need::Node | Need::NodeOr(_)) => Ok(()),
            (Party::Node(node), Need::Role(role)) => Err(ApiError::NotPermitted(format!(
                "the certificate of node {node} is no person's: {} takes a {role}'s",
                table::method(path)
            ))),
            (Party::Caller(caller), Need::Role(role) | Need::NodeOr(role)) if caller.role >= role => Ok(()),
            (Party::Caller(caller), Need::Role(role) | Need::NodeOr(role)) => {
                self.denied.note(caller, table::method(path));
                Err(refusal(caller, role, path))
            }
            (Party::Caller(_), Need::Node) => {
                Err(not_permitted("this is for replicas among themselves; expected a node's certificate"))
            }
        }
    }
}

fn refusal(caller: &Caller, role: AccessRole, path: &str) -> ApiError {
    ApiError::NotPermitted(format!(
        "{} has the role {}, and {} takes {role}",
        caller.name,
        caller.role,
        table::method(path)
    ))
}

fn not_permitted(why: &str) -> ApiError {
    ApiError::NotPermitted(why.to_owned())
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, service: S) -> Gated<S> {
        Gated { gate: self.inner.clone(), service }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    gate: Arc<Inner>,
    service: S,
}

impl<S> Service<http::Request<Body>> for Gated<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        match self.gate.admit(&request) {
            Ok(caller) => {
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                Either::Left(self.service.call(request))
            }
            Err(error) => {
                tracing::debug!(path = request.uri().path(), %error, "refused");
                Either::Right(ready(Ok(Status::from(error).into_http())))
            }
        }
    }
}
