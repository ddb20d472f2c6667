//! When a majority is lost for good: one survivor's data directory becomes a cluster of its own.
//!
//! Works on a directory that no process has open; changes nothing until [`Survivor::recover`]. What the survivor holds is
//! kept to the last entry, known to be committed or not: an entry that it alone has may have been acknowledged by others
//! that are lost. What only the others had is lost, and nobody can tell how much that was.
//!
//! The others may not be dead. Whoever was a member is refused from then on (`Membership::retired`), by this node and,
//! under the raised epoch, by every host.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{Command, NetworkState, NodeId, Operation, Refusal, Reply, Timestamp};
use openraft::vote::{RaftLeaderId as _, RaftVote as _};

use crate::{
    Peer, ReplicaConfig, StartError,
    data_dir::DataDir,
    failure::Failure,
    machine::read_snapshot,
    types::{
        Address, CommittedLeaderId, LeaderId, LogId, Membership, Payload, Proposal, SnapshotMeta,
        StoredMembership, Vote, term_and_index,
    },
};

/// A survivor's directory, open, and what it holds.
pub struct Survivor {
    config: ReplicaConfig,
    data: DataDir,
    last: Option<LogId>,
    membership: StoredMembership,
    state: NetworkState,
    committed: Option<LogId>,
}

/// What stands in a survivor's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    pub node: NodeId,
    /// The cluster's voters as this node last knew them, itself included.
    pub voters: Vec<Peer>,
    pub learners: Vec<Peer>,
    pub term: u64,
    /// Index of the last entry that this node knew to be committed; 0 if none.
    pub committed: u64,
    /// Index of its last entry; those behind `committed` may or may not have been.
    pub last: u64,
    /// When the last of the state's commands was proposed.
    pub clock: Timestamp,
    pub epoch: u64,
}

/// Why a survivor's directory doesn't become a cluster. Nothing was changed, or the same can be asked again.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("reading the log")]
    Log(#[source] std::io::Error),
    #[error("writing the directory; the same can be asked again")]
    Write(#[source] std::io::Error),
    #[error("node {node} never was a member of a cluster: there is nothing to recover in its directory")]
    Pristine { node: NodeId },
    #[error("node {node} was a learner, and a voter's directory holds all that it does and more; use one")]
    Learner { node: NodeId },
    #[error("node {node} is the only voter: nothing is lost, start it")]
    Whole { node: NodeId },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Survivor {
    /// Opens a directory and applies its log. Blocks; changes nothing.
    ///
    /// # Errors
    /// It is in use, damaged, another node's, or holds no cluster.
    pub fn open(config: ReplicaConfig) -> Result<Self, RecoverError> {
        config.validate()?;
        if !config.data_dir.join("log").exists() {
            return Err(RecoverError::Pristine { node: config.node });
        }
        let data = DataDir::open(&config.data_dir, &config.cluster, config.node, Failure::default())?;
        let snapshot = data.snapshots.newest().map_err(RecoverError::Log)?;
        let mut survivor = match snapshot.map(|(_, bytes)| read_snapshot(&bytes)).transpose() {
            Ok(Some((meta, state))) => Self::at(config, data, meta.last_log_id, meta.last_membership, state),
            Ok(None) => Self::at(config, data, None, StoredMembership::default(), NetworkState::default()),
            Err(error) => return Err(RecoverError::Log(std::io::Error::other(error))),
        };
        survivor.committed = survivor.data.log.committed().map_err(RecoverError::Log)?.max(survivor.last);
        survivor.apply_log()?;
        survivor.require_loss()?;
        Ok(survivor)
    }

    fn at(
        config: ReplicaConfig,
        data: DataDir,
        last: Option<LogId>,
        membership: StoredMembership,
        state: NetworkState,
    ) -> Self {
        Self { config, data, last, membership, state, committed: None }
    }

    fn apply_log(&mut self) -> Result<(), RecoverError> {
        let start = self.last.map_or(0, |last| last.index + 1);
        for entry in self.data.log.read_all(start..u64::MAX).map_err(RecoverError::Log)? {
            match entry.payload {
                Payload::Normal(Proposal(command)) => drop(self.state.apply(&command)),
                Payload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership);
                }
                Payload::Blank => {}
            }
            self.last = Some(entry.log_id);
        }
        Ok(())
    }

    fn require_loss(&self) -> Result<(), RecoverError> {
        let node = self.config.node;
        let voters: BTreeSet<u64> = self.membership.voter_ids().collect();
        if self.membership.nodes().next().is_none() {
            return Err(RecoverError::Pristine { node });
        }
        if !voters.contains(&node.0) {
            return Err(RecoverError::Learner { node });
        }
        if voters.len() == 1 { Err(RecoverError::Whole { node }) } else { Ok(()) }
    }

    pub fn findings(&self) -> Result<Findings, RecoverError> {
        let voters: BTreeSet<u64> = self.membership.voter_ids().collect();
        let peers = |is_voter: bool| {
            let nodes = self.membership.nodes().filter(|(node, _)| voters.contains(node) == is_voter);
            nodes.map(|(node, at)| Peer { node: NodeId(*node), address: at.0.clone() }).collect()
        };
        Ok(Findings {
            node: self.config.node,
            voters: peers(true),
            learners: peers(false),
            term: self.term()?,
            committed: term_and_index(self.committed.as_ref()).1,
            last: term_and_index(self.last.as_ref()).1,
            clock: self.state.clock(),
            epoch: self.state.epoch(),
        })
    }

    /// The state as it stands, before anything is changed.
    pub fn state(&self) -> &NetworkState {
        &self.state
    }

    /// Makes the directory that of a cluster with one voter, under a raised epoch. All other members are refused from then
    /// on. Blocks until that is durable; can be repeated if it broke off.
    ///
    /// # Errors
    /// The disk failed, or the last epoch is used up.
    pub async fn recover(mut self, now: Timestamp) -> Result<NetworkState, RecoverError> {
        let lost: BTreeSet<NodeId> = self.membership.nodes().map(|(node, _)| NodeId(*node)).collect();
        let operation = Operation::RecoverCluster { survivor: self.config.node, lost };
        let command = Command { request: None, at: now, caller: None, operation };
        if let Reply::Refused(refusal) = self.state.apply(&command) {
            return Err(refusal.into());
        }
        let term = self.term()? + 1;
        let node = self.config.node.0;
        let index = self.last.map_or(0, |last| last.index) + 1;
        let id = LogId::new(CommittedLeaderId::new(term), index);
        let nodes = BTreeMap::from([(node, Address(self.config.advertise.clone()))]);
        let membership = Membership::new(vec![BTreeSet::from([node])], nodes).expect("the voter is a node");
        let meta = SnapshotMeta {
            last_log_id: Some(id),
            last_membership: StoredMembership::new(Some(id), membership),
        };
        let log = &self.data.log;
        // First the vote, which forbids to help anybody of the old timeline; then the state. Whatever comes before
        // the state in the log is dropped last: without the state it would still be needed.
        log.save_vote(&Vote::from_leader_id(LeaderId::new(term, node), false))
            .await
            .map_err(RecoverError::Write)?;
        self.data.snapshots.save(&meta, &self.state).map_err(RecoverError::Write)?;
        log.purge(id).await.map_err(RecoverError::Write)?;
        log.save_committed(Some(id)).map_err(RecoverError::Write)?;
        log.close();
        Ok(self.state)
    }

    fn term(&self) -> Result<u64, RecoverError> {
        let vote = self.data.log.vote().map_err(RecoverError::Log)?;
        let voted = vote.map_or(0, |vote| vote.leader_id().term);
        Ok(voted.max(term_and_index(self.last.as_ref()).0))
    }
}

impl std::fmt::Debug for Survivor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Survivor({})", self.config.data_dir.display())
    }
}
