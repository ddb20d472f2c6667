//! How replicas talk: openraft's messages in envelopes over gRPC.
//!
//! Every envelope names the cluster, both nodes and the sender's data directory, and each side checks them; the
//! certificate proves the sender. Every call has a deadline. Heartbeats and votes, log entries, and snapshots have
//! connections of their own, so that a large one never holds up a small one.

mod client;
mod connector;
mod link;
mod notes;
mod roster;
mod service;
mod station;

use std::{collections::BTreeMap, time::Duration};

pub use client::Network;
pub use connector::{PeerConnector, PlainPeers, TlsPeers};
pub use link::{CallError, CallErrorKind, Class, Links, Method};
pub use roster::Roster;
use serde::{Deserialize, Serialize};
pub use service::{PeerService, describe, read_index};
pub use station::Station;

use crate::types::{LogId, SnapshotMeta, Vote};

/// The largest message: a batch of entries (2 MiB), and one entry more, in its form between replicas.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// A snapshot travels in pieces of that size.
const SNAPSHOT_CHUNK_BYTES: usize = 256 << 10;

/// Far above what a state of thousands of networks and hosts takes; a longer one is refused before it fills memory.
const MAX_SNAPSHOT_BYTES: u64 = 1 << 30;

/// How long a replica waits for the next piece of a snapshot.
const SNAPSHOT_IDLE: Duration = Duration::from_secs(5);

/// What precedes the pieces of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct SnapshotHead {
    vote: Vote,
    meta: SnapshotMeta,
    /// In bytes.
    length: u64,
}

/// A leader's answer to a follower that wants to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadIndex {
    /// A read that has applied up to this entry sees everything that was acknowledged before it was asked for.
    Applied(LogId),
    NotLeader,
    NoQuorum,
}

/// What a node tells about itself before the first boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Node and address; empty before the first boot.
    pub members: BTreeMap<u64, String>,
}
