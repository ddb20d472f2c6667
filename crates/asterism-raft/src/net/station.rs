//! Where envelopes are written and opened: puts this node's name on what is sent, and checks the names on what comes.

use asterism_model::{Name, NodeId};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::Roster;
use crate::{data_dir::Identity, data_dir::Incarnation, proto::Envelope};

/// Of the bodies. A newer one is refused: versions that talk to one another are sent by both.
const VERSION: u32 = 1;

/// This node, as its peers know it.
pub struct Station {
    pub identity: Identity,
    pub roster: Roster,
}

/// Why an envelope isn't for us, or not from whom it says. A sentence for both sides' logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misdirected {
    #[error("the message is in format {found}, and node {node} reads up to {VERSION}: run the same version")]
    Version { node: NodeId, found: u32 },
    #[error("the message is from cluster `{found}`, and node {node} is of cluster `{cluster}`")]
    Cluster { node: NodeId, cluster: Name, found: String },
    #[error("the message is for node {to}, and this address is that of node {node}")]
    To { node: NodeId, to: NodeId },
    #[error("the message is from node {found}, and expected from node {expected}")]
    From { found: NodeId, expected: NodeId },
    #[error("the message says that it is from node {node} itself; a node id belongs to one machine only")]
    Own { node: NodeId },
    #[error("the message names no data directory")]
    Incarnation,
    #[error(
        "node {from} has another data directory than before: what it had promised is lost. Remove it from the cluster \
         and add it again under a new node id"
    )]
    Reborn { from: NodeId },
    #[error("node {from} was removed from this cluster: it is to be stopped, and its id never comes back")]
    Removed { from: NodeId },
    #[error("the message's body can't be read: {0}")]
    Body(String),
}

impl Station {
    /// This node.
    pub fn node(&self) -> NodeId {
        self.identity.node
    }

    pub fn write<T: Serialize>(&self, to: NodeId, body: &T) -> Result<Envelope, Misdirected> {
        let body = serde_json::to_vec(body).map_err(|error| Misdirected::Body(error.to_string()))?;
        Ok(Envelope {
            version: VERSION,
            cluster: self.identity.cluster.to_string(),
            from: self.node().0,
            to: to.0,
            incarnation: Bytes::copy_from_slice(&self.identity.incarnation.0.to_be_bytes()),
            body: body.into(),
        })
    }

    /// Checks the names on an envelope; returns the sender and its data directory.
    pub fn check(&self, envelope: &Envelope) -> Result<(NodeId, Incarnation), Misdirected> {
        let node = self.node();
        let from = NodeId(envelope.from);
        if envelope.version > VERSION {
            return Err(Misdirected::Version { node, found: envelope.version });
        }
        if envelope.cluster != self.identity.cluster.as_str() {
            let cluster = self.identity.cluster.clone();
            return Err(Misdirected::Cluster { node, cluster, found: envelope.cluster.clone() });
        }
        if envelope.to != node.0 {
            return Err(Misdirected::To { node, to: NodeId(envelope.to) });
        }
        if from == node {
            return Err(Misdirected::Own { node });
        }
        let incarnation = envelope.incarnation.as_ref().try_into().map_err(|_| Misdirected::Incarnation)?;
        let incarnation = Incarnation(u128::from_be_bytes(incarnation));
        if self.roster.knows_other(from, incarnation) {
            return Err(Misdirected::Reborn { from });
        }
        Ok((from, incarnation))
    }

    /// Opens an answer of `expected`.
    pub fn open_answer<T: DeserializeOwned>(
        &self,
        envelope: &Envelope,
        expected: NodeId,
    ) -> Result<(T, Incarnation), Misdirected> {
        let (from, incarnation) = self.check(envelope)?;
        if from != expected {
            return Err(Misdirected::From { found: from, expected });
        }
        Ok((Self::body(envelope)?, incarnation))
    }

    pub fn body<T: DeserializeOwned>(envelope: &Envelope) -> Result<T, Misdirected> {
        serde_json::from_slice(&envelope.body).map_err(|error| Misdirected::Body(error.to_string()))
    }
}
