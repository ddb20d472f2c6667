//! Handing leadership over.
//!
//! openraft's leader stops taking proposals the moment it is asked to hand over, and if the chosen node doesn't take
//! over, there is none until the next election. So the node is chosen with care: a voter that answers and lacks nothing.

use std::{collections::BTreeSet, time::Duration};

use asterism_model::NodeId;
use openraft::async_runtime::watch::WatchReceiver as _;
use tokio::time::{Instant, timeout_at};

use super::{MemberStatus, Peer, Replica, Role, Status};
use crate::{
    TransferError,
    net::{Class, Description, Method},
};

impl Replica {
    /// Hands leadership to `to`, or to the voter that is caught up best, and returns who leads then. Waits for a voter
    /// that lags; proposals go on meanwhile.
    ///
    /// # Errors
    /// This node doesn't lead, or there is no voter to hand over to. After [`TransferError::NotTaken`] an election
    /// follows by itself.
    pub async fn transfer_leadership(
        &self,
        to: Option<NodeId>,
        deadline: Duration,
    ) -> Result<Peer, TransferError> {
        let start = Instant::now();
        let target = self.target(to, start + deadline).await?;
        tracing::info!(to = %target, "handing leadership over");
        let trigger = self.inner.raft.trigger();
        trigger.transfer_leader(target.0).await.map_err(|fatal| self.stopped(&fatal))?;
        let own = self.inner.config.node;
        let mut leadership = self.watch_leadership();
        let is_taken = |leader: &Option<Peer>| leader.as_ref().is_some_and(|leader| leader.node != own);
        let taken = timeout_at(start + deadline, leadership.wait_for(|known| is_taken(&known.leader))).await;
        let Ok(Ok(known)) = taken else {
            self.check_running()?;
            return Err(TransferError::NotTaken { to: target, deadline });
        };
        let leader = known.leader.clone().expect("waited for");
        match to {
            Some(to) if leader.node != to => Err(TransferError::TakenByAnother { to, leader }),
            Some(_) | None => Ok(leader),
        }
    }

    /// Waits for a voter that lacks nothing and answers when asked.
    async fn target(&self, to: Option<NodeId>, deadline: Instant) -> Result<NodeId, TransferError> {
        let mut changes = self.inner.raft.metrics();
        loop {
            self.check_running()?;
            let status = self.status();
            if status.role != Role::Leader {
                return Err(TransferError::NotLeader { leader: status.leader });
            }
            let candidates = self.candidates(&status, to)?;
            for ready in candidates.iter().filter(|member| member.lag == Some(0)) {
                if self.answers(&ready.peer).await {
                    return Ok(ready.peer.node);
                }
            }
            // What the leader knows of its followers comes with each of its reports.
            if Instant::now() >= deadline || timeout_at(deadline, changes.changed()).await.is_err() {
                return match to {
                    Some(node) => Err(not_ready(node, &status)),
                    None => Err(TransferError::NoTarget),
                };
            }
        }
    }

    /// What was heard lately may be from before the node was lost.
    async fn answers(&self, peer: &Peer) -> bool {
        let deadline = self.inner.config.timing.election_min;
        let asked = self.inner.links.call(peer, Class::Control, Method::Describe, &(), deadline);
        asked.await.is_ok_and(|_: Description| true)
    }

    /// The other voters, or the named one of them, that answered lately.
    fn candidates(&self, status: &Status, to: Option<NodeId>) -> Result<Vec<MemberStatus>, TransferError> {
        let others = status.members.iter().filter(|member| member.voter && member.peer.node != status.node);
        let voters: BTreeSet<NodeId> = others.clone().map(|member| member.peer.node).collect();
        if let Some(node) = to.filter(|node| !voters.contains(node)) {
            let problem = if node == status.node { "it leads already" } else { "it is no voter" };
            let voters: Vec<String> = voters.iter().map(ToString::to_string).collect();
            let expected = format!("one of {}", voters.join(", "));
            return Err(TransferError::Target { node, problem: problem.to_owned(), expected });
        }
        let view = self.read_stale();
        let drained = view.state.membership().drained();
        if let Some(node) = to.filter(|node| drained.contains(node)) {
            let (problem, expected) = ("it is drained".to_owned(), "one that may lead".to_owned());
            return Err(TransferError::Target { node, problem, expected });
        }
        let alive = self.inner.config.timing.election_min;
        let answers = |member: &&MemberStatus| member.last_heard.is_some_and(|age| age < alive);
        let wanted = |member: &&MemberStatus| to.is_none_or(|node| node == member.peer.node);
        let may_lead = |member: &&MemberStatus| !drained.contains(&member.peer.node);
        Ok(others.filter(may_lead).filter(wanted).filter(answers).cloned().collect())
    }
}

fn not_ready(node: NodeId, status: &Status) -> TransferError {
    let lag = status.members.iter().find(|member| member.peer.node == node).and_then(|member| member.lag);
    let problem = match lag {
        Some(0) => "it doesn't answer".to_owned(),
        Some(lag) => format!("it lacks {lag} entries or doesn't answer"),
        None => "it was never heard of".to_owned(),
    };
    TransferError::Target { node, problem, expected: "a voter that is caught up and answers".to_owned() }
}
