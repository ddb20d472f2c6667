//! Passes requests on to another replica.

use std::{
    collections::BTreeMap,
    error::Error as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use asterism_api::{ApiError, FORWARDED, Security, client, v1};
use asterism_model::Caller;
use asterism_raft::Peer;
use tonic::{ConnectError, Request, Status, metadata::MetadataValue, transport::Channel};

use crate::access::caller;

/// How long another replica may take to be connected.
const CONNECT: Duration = Duration::from_secs(2);

/// Connections to the other replicas' admin services, made when they are needed.
#[derive(Clone)]
pub struct Forwarder {
    links: Arc<Mutex<Links>>,
}

struct Links {
    security: Security,
    /// By address. A channel connects again by itself.
    channels: BTreeMap<String, Channel>,
}

impl Forwarder {
    pub fn new(security: Security) -> Self {
        Self { links: Arc::new(Mutex::new(Links { security, channels: BTreeMap::new() })) }
    }

    /// Shows other certificates from the next call on; calls that are under way go on.
    pub fn take_up(&self, security: Security) {
        let channels = BTreeMap::new();
        *self.lock() = Links { security, channels };
    }

    fn lock(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// The peer's address is malformed.
    pub fn admin(&self, peer: &Peer) -> Result<v1::AdminClient<Channel>, ApiError> {
        let mut links = self.lock();
        let channel = match links.channels.get(&peer.address) {
            Some(channel) => channel.clone(),
            None => {
                let endpoint = links
                    .security
                    .endpoint(&peer.address)
                    .map_err(|failure| ApiError::Internal(format!("address of {peer}: {failure}")))?;
                let channel = endpoint.connect_timeout(CONNECT).connect_lazy();
                links.channels.insert(peer.address.clone(), channel.clone());
                channel
            }
        };
        Ok(client::admin(channel))
    }
}

/// The request as it is passed on: with the caller's deadline and name, and marked.
pub(super) fn passed_on<T>(request: Request<T>) -> Request<T> {
    let (metadata, extensions, message) = request.into_parts();
    let mut forwarded = Request::new(message);
    if let Some(timeout) = metadata.get("grpc-timeout") {
        forwarded.metadata_mut().insert("grpc-timeout", timeout.clone());
    }
    if let Some(caller) = extensions.get::<Caller>() {
        caller::tell(forwarded.metadata_mut(), caller);
    }
    forwarded.metadata_mut().insert(FORWARDED, MetadataValue::from_static("1"));
    forwarded
}

/// A leader that can't be connected is none: nothing was passed on, and it is not this replica that can't be reached.
pub(super) fn told(status: Status) -> Status {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return ApiError::NotLeader { leader: None }.into();
        }
        cause = error.source();
    }
    status
}

pub(super) fn was_passed_on<T>(request: &Request<T>) -> bool {
    request.metadata().contains_key(FORWARDED)
}
