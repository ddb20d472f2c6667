//! Passes requests on to another replica.

use std::{
    collections::BTreeMap,
    error::Error as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use asterism_api::{ApiError, FORWARDED, Security, client, v1};
use asterism_raft::Peer;
use tonic::{ConnectError, Request, Status, metadata::MetadataValue, transport::Channel};

/// How long another replica may take to be connected.
const CONNECT: Duration = Duration::from_secs(2);

/// Connections to the other replicas' admin services, made when they are needed.
#[derive(Clone)]
pub struct Forwarder {
    security: Security,
    /// By address. A channel connects again by itself.
    channels: Arc<Mutex<BTreeMap<String, Channel>>>,
}

impl Forwarder {
    pub fn new(security: Security) -> Self {
        Self { security, channels: Arc::default() }
    }

    /// # Errors
    /// The peer's address is malformed.
    pub fn admin(&self, peer: &Peer) -> Result<v1::AdminClient<Channel>, ApiError> {
        let mut channels = self.channels.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let channel = match channels.get(&peer.address) {
            Some(channel) => channel.clone(),
            None => {
                let endpoint = self
                    .security
                    .endpoint(&peer.address)
                    .map_err(|failure| ApiError::Internal(format!("address of {peer}: {failure}")))?;
                let channel = endpoint.connect_timeout(CONNECT).connect_lazy();
                channels.insert(peer.address.clone(), channel.clone());
                channel
            }
        };
        Ok(client::admin(channel))
    }
}

/// The request as it is passed on: with the caller's deadline, and marked.
pub(super) fn passed_on<T>(request: Request<T>) -> Request<T> {
    let (metadata, _, message) = request.into_parts();
    let mut forwarded = Request::new(message);
    if let Some(timeout) = metadata.get("grpc-timeout") {
        forwarded.metadata_mut().insert("grpc-timeout", timeout.clone());
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
