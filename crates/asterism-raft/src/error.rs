//! What can go wrong, told apart by what the caller does about it.

use std::{io, path::PathBuf, time::Duration};

use asterism_model::{Name, NodeId};

use crate::Peer;

/// Why a replica doesn't start. Nothing on disk was changed, unless it is a first start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `key` is the field of [`ReplicaConfig`](crate::ReplicaConfig).
    #[error("{key}: {problem}; expected {expected}")]
    Config { key: &'static str, problem: String, expected: String },
    #[error("can't open {}", path.display())]
    DataDir {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is in use by another process", path.display())]
    InUse { path: PathBuf },
    #[error(
        "{} holds the data of node {found_node} of cluster `{found_cluster}`, and this is node {node} of cluster \
         `{cluster}`; point data_dir to this node's own directory",
        path.display()
    )]
    Foreign { path: PathBuf, found_node: NodeId, found_cluster: Name, node: NodeId, cluster: Name },
    /// What was promised to the other replicas may be gone: this node must not vote again under its id.
    #[error(
        "{} is damaged: {what}. Nothing was changed. Keep the directory, remove this node from the cluster and add \
         it again under a new node id with an empty directory; the others hold what it held",
        path.display()
    )]
    Damaged { path: PathBuf, what: String },
    #[error("{} was written by a newer version: {what}; run that version", path.display())]
    Newer { path: PathBuf, what: String },
    #[error(transparent)]
    Fatal(#[from] FatalError),
}

/// The replica stopped by itself and must not go on: the process has to exit, with this sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FatalError(pub(crate) String);

/// Why a first boot didn't happen. May be tried again, on any member, with the same members.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("members: {problem}; expected {expected}")]
    Members { problem: String, expected: String },
    /// Every member has to answer before the first boot, so that a wrong address or certificate shows at once.
    #[error("member {} at {} can't take part: {problem}", member.node, member.address)]
    Member { member: Peer, problem: String },
    #[error("node {node} is a member of a running cluster already, of {}", list(members))]
    AlreadyInitialised { node: NodeId, members: Vec<Peer> },
    #[error("the first boot wasn't done within {} ms", deadline.as_millis())]
    Deadline { deadline: Duration },
    #[error(transparent)]
    Stopped(#[from] FatalError),
}

/// What became of a proposal that wasn't answered.
#[derive(Debug, thiserror::Error)]
pub enum ProposeError {
    /// Not proposed; ask the leader, or again when there is one.
    #[error("this node doesn't lead; {}", leader_is(leader.as_ref()))]
    NotLeader { leader: Option<Peer> },
    /// Not proposed: this node leads but didn't hear from a majority for a while.
    #[error("no quorum: the leader doesn't hear from a majority of the replicas")]
    NoQuorum,
    /// Not proposed.
    #[error("the command is too large: {size} bytes; expected {max} at most")]
    TooLarge { size: usize, max: usize },
    /// Not proposed.
    #[error("too many proposals are under way; try again later")]
    Busy,
    /// It may have happened, may happen yet, or never: look, or retry with the same request id.
    #[error("outcome unknown: {reason}")]
    Unknown { reason: String },
    #[error(transparent)]
    Stopped(#[from] FatalError),
}

/// Why a linearizable read wasn't answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No leader could be asked; `leader` is who it seems to be.
    #[error("this node doesn't lead and couldn't ask the leader ({reason}); {}", leader_is(leader.as_ref()))]
    NotLeader { leader: Option<Peer>, reason: String },
    #[error("no quorum: the leader doesn't hear from a majority of the replicas")]
    NoQuorum,
    #[error("the read wasn't answered within {} ms: {waited_for}", deadline.as_millis())]
    Deadline { deadline: Duration, waited_for: String },
    #[error(transparent)]
    Stopped(#[from] FatalError),
}

/// Why leadership stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("this node doesn't lead; {}", leader_is(leader.as_ref()))]
    NotLeader { leader: Option<Peer> },
    #[error("node {node} can't lead: {problem}; expected {expected}")]
    Target { node: NodeId, problem: String, expected: String },
    #[error("no other voter is caught up and answering")]
    NoTarget,
    /// Another election follows by itself.
    #[error("node {to} didn't take over within {} ms", deadline.as_millis())]
    NotTaken { to: NodeId, deadline: Duration },
    #[error("node {to} didn't take over; the leader is {leader} now")]
    TakenByAnother { to: NodeId, leader: Peer },
    #[error(transparent)]
    Stopped(#[from] FatalError),
}

/// Why the members stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    #[error("this node doesn't lead; {}", leader_is(leader.as_ref()))]
    NotLeader { leader: Option<Peer> },
    #[error("node {node}: {problem}; expected {expected}")]
    Refused { node: NodeId, problem: String, expected: String },
    #[error("outcome unknown: {reason}")]
    Unknown { reason: String },
    #[error(transparent)]
    Stopped(#[from] FatalError),
}

/// Why no connection to a peer could be set up at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("address `{address}` of node {node} can't be used; expected host:port")]
    Address {
        node: NodeId,
        address: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{what} can't be used")]
    Tls {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn leader_is(leader: Option<&Peer>) -> String {
    leader.map_or_else(|| "no leader is known".to_owned(), |peer| format!("the leader is {peer}"))
}

fn list(peers: &[Peer]) -> String {
    peers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
