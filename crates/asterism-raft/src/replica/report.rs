//! What a replica tells of itself.

use std::{fmt, sync::Arc, time::Duration};

use asterism_model::{NetworkState, NodeId, Reply};

/// A replica and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub node: NodeId,
    /// `host:port`
    pub address: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} at {}", self.node, self.address)
    }
}

/// The state at an index of the log; a value that doesn't change under the reader.
#[derive(Debug, Clone)]
pub struct View {
    /// Of the last entry applied; 0 before the first.
    pub index: u64,
    pub state: Arc<NetworkState>,
}

/// Something was applied; look at [`Replica::read_stale`](crate::Replica::read_stale).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    pub index: u64,
}

/// Who leads, as far as this node knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leadership {
    pub leader: Option<Peer>,
    /// This node leads, as far as it knows: never enough to write to a host (claim an epoch first).
    pub is_leader: bool,
    pub term: u64,
}

/// A proposal that was committed and applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    pub index: u64,
    pub reply: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Leader,
    Follower,
    Candidate,
    /// Receives the log and doesn't vote; also a node before its first boot.
    Learner,
    Stopped,
}

/// What this node knows of itself and, while it leads, of the others. Indexes are of log entries; absent where there
/// is no such entry yet.
#[derive(Debug, Clone)]
pub struct Status {
    pub node: NodeId,
    pub role: Role,
    pub term: u64,
    pub leader: Option<Peer>,
    pub last_log: Option<u64>,
    pub committed: Option<u64>,
    pub applied: Option<u64>,
    pub snapshot: Option<u64>,
    /// Up to which the log was dropped, inclusive.
    pub purged: Option<u64>,
    /// Empty before the first boot.
    pub members: Vec<MemberStatus>,
    /// On the leader: the age of the last heartbeat that a majority answered.
    pub last_quorum_ack: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct MemberStatus {
    pub peer: Peer,
    /// Or a learner.
    pub voter: bool,
    /// On the leader: up to which entry the member's log is known to be equal.
    pub matched: Option<u64>,
    /// On the leader: how many entries it is behind.
    pub lag: Option<u64>,
    /// On the leader: the age of the last message that it answered.
    pub last_heard: Option<Duration>,
}
