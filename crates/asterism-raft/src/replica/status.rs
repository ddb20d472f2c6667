//! What this node knows of itself and, while it leads, of the others.

use std::{collections::BTreeSet, time::Duration};

use asterism_model::NodeId;
use openraft::{Instant as _, ServerState, async_runtime::watch::WatchReceiver as _};
use tokio::time::timeout;

use super::{MemberStatus, Peer, Raft, Replica, Role, Status, watch::leader};
use crate::types::{Address, TokioTypes};

type Metrics = openraft::RaftMetrics<TokioTypes>;

/// openraft's own report. Copied out, since a held borrow stops openraft.
pub fn metrics(raft: &Raft) -> Metrics {
    raft.metrics().borrow_watched().clone()
}

impl Replica {
    /// Whether openraft's own task takes a question within `deadline`: it is alive, quorum or not.
    pub async fn is_alive(&self, deadline: Duration) -> bool {
        let asked = self.inner.raft.with_raft_state(|_| ());
        matches!(timeout(deadline, asked).await, Ok(Ok(())))
    }

    pub fn status(&self) -> Status {
        let metrics = metrics(&self.inner.raft);
        let role = if self.check_running().is_ok() { role(&metrics) } else { Role::Stopped };
        let voters: BTreeSet<u64> = metrics.membership_config.voter_ids().collect();
        let members = metrics.membership_config.nodes();
        let members = members.map(|(node, address)| member(&metrics, *node, address, voters.contains(node)));
        Status {
            node: self.inner.config.node,
            role,
            term: metrics.current_term,
            leader: if role == Role::Stopped { None } else { leader(&metrics) },
            last_log: metrics.last_log_index,
            committed: metrics.local_committed.map(|id| id.index),
            applied: metrics.last_applied.map(|id| id.index),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            members: members.collect(),
            last_quorum_ack: metrics.last_quorum_acked.map(|at| at.elapsed()),
        }
    }
}

fn member(metrics: &Metrics, node: u64, address: &Address, voter: bool) -> MemberStatus {
    let replication = metrics.replication.as_ref().and_then(|of| of.get(&node));
    let matched = replication.map(|matched| matched.map(|id| id.index));
    // Entries are numbered from 0, so a member that matches none lacks one more than the last number.
    let next = |index: Option<u64>| index.map_or(0, |index| index + 1);
    let lag = matched.map(|matched| next(metrics.last_log_index).saturating_sub(next(matched)));
    let heard = metrics.heartbeat.as_ref().and_then(|of| of.get(&node)).copied().flatten();
    MemberStatus {
        peer: Peer { node: NodeId(node), address: address.0.clone() },
        voter,
        matched: matched.flatten(),
        lag,
        last_heard: heard.map(|at| at.elapsed()),
    }
}

/// A replica that stopped by an error still reports its last role; we don't.
pub fn role(metrics: &Metrics) -> Role {
    if metrics.running_state.is_err() {
        return Role::Stopped;
    }
    match metrics.state {
        ServerState::Leader => Role::Leader,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Learner => Role::Learner,
        ServerState::Shutdown => Role::Stopped,
    }
}
