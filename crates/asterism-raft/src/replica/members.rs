//! Who votes: learners, voters, and their end; one change at a time.
//!
//! Here stands *how*. Whether a change is wise (a quorum answers after it, the id was never used) is for the caller to
//! decide, who also knows the replicated state.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use asterism_model::NodeId;
use futures::future::join_all;
use openraft::{
    ChangeMembers,
    errors::{ClientWriteError, ForwardReason, RaftError},
};
use tokio::{
    sync::MutexGuard,
    time::{Instant, timeout},
};

use super::{Peer, Replica, metrics, propose::forwarded, rest};
use crate::{
    MembershipError,
    net::{Class, Description, Method},
    types::{Address, TokioTypes},
};

type ChangeError = RaftError<TokioTypes, ClientWriteError<TokioTypes>>;
type Change = ChangeMembers<u64, Address>;

impl Replica {
    /// Adds a node under an id that was never used before, as a learner. Returns once that is committed; the log follows.
    ///
    /// # Errors
    /// The node doesn't answer, or took part in a cluster already. After [`MembershipError::Unknown`] it may be a
    /// learner: see [`Replica::status`], and ask again.
    pub async fn add_learner(&self, peer: &Peer, deadline: Duration) -> Result<(), MembershipError> {
        self.check_running()?;
        let start = Instant::now();
        let _alone = self.alone(peer.node)?;
        if self.read_stale().state.membership().retired().contains(&peer.node) {
            return Err(refused(
                peer.node,
                "it was removed, and its id is used up".to_owned(),
                "a new node id",
            ));
        }
        let (node, address) = (peer.node.0, Address(peer.address.clone()));
        match metrics(&self.inner.raft).membership_config.get_node(&node) {
            Some(known) if *known == address => return Ok(()),
            Some(known) => {
                return Err(refused(peer.node, format!("it is a member at {known}"), "a new node id"));
            }
            None => self.require_pristine(peer, rest(start, deadline)).await?,
        }
        let learn = self.inner.raft.add_learner(node, address, false);
        self.changed(peer.node, timeout(rest(start, deadline), learn).await, deadline)
    }

    /// Makes a learner a voter, and takes `replaced` out in the same step: at no time does either stand beside the other
    /// without a majority of both memberships having agreed.
    ///
    /// # Errors
    /// It is no member. After [`MembershipError::Unknown`] see [`Replica::status`], and ask again.
    pub async fn promote(
        &self,
        node: NodeId,
        replaced: Option<NodeId>,
        deadline: Duration,
    ) -> Result<(), MembershipError> {
        self.check_running()?;
        let _alone = self.alone(node)?;
        self.require_member(node)?;
        let mut steps = vec![Change::AddVoterIds(BTreeSet::from([node.0]))];
        let membership = metrics(&self.inner.raft).membership_config;
        if let Some(replaced) = replaced
            && membership.get_node(&replaced.0).is_some()
        {
            steps.push(leave(replaced, membership.voter_ids().any(|voter| voter == replaced.0)));
        }
        self.change(node, Change::Batch(steps), false, deadline).await
    }

    /// Takes a node's vote; it stays a learner.
    ///
    /// # Errors
    /// It is no member, or the only voter. After [`MembershipError::Unknown`] see [`Replica::status`], and ask again.
    pub async fn demote(&self, node: NodeId, deadline: Duration) -> Result<(), MembershipError> {
        self.check_running()?;
        let _alone = self.alone(node)?;
        self.require_member(node)?;
        self.require_other_voter(node)?;
        self.change(node, Change::RemoveVoters([node.0].into()), true, deadline).await
    }

    /// Takes a node out, for ever. A leader that removes itself hands over afterwards.
    ///
    /// # Errors
    /// It is no member, or the only voter. After [`MembershipError::Unknown`] see [`Replica::status`], and ask again.
    pub async fn remove_member(&self, node: NodeId, deadline: Duration) -> Result<(), MembershipError> {
        self.check_running()?;
        let _alone = self.alone(node)?;
        self.require_member(node)?;
        self.require_other_voter(node)?;
        let is_voter = metrics(&self.inner.raft).membership_config.voter_ids().any(|voter| voter == node.0);
        self.change(node, leave(node, is_voter), false, deadline).await
    }

    /// Ends a change that a leader before left half done. Returns at once where there is none.
    ///
    /// # Errors
    /// As of any change.
    pub async fn finish_change(&self, deadline: Duration) -> Result<(), MembershipError> {
        if !self.is_left_half_done() {
            return Ok(());
        }
        let own = self.inner.config.node;
        let _alone = self.alone(own)?;
        // To what it was to lead to, and nothing besides.
        self.change(own, Change::AddVoters(BTreeMap::new()), true, deadline).await
    }

    /// Whether a change is half done: two sets of voters count.
    pub fn is_changing(&self) -> bool {
        metrics(&self.inner.raft).membership_config.membership().get_joint_config().len() > 1
    }

    /// Whether the leader before left one half done: it is committed, and nobody is at it. One that is not committed yet waits
    /// for its voters.
    pub fn is_left_half_done(&self) -> bool {
        let metrics = metrics(&self.inner.raft);
        let applied = metrics.last_applied.map(|id| id.index);
        let changed = metrics.membership_config.log_id().as_ref().map(|id| id.index);
        self.is_changing() && changed <= applied
    }

    /// The voters that answer when they are asked now, this node among them. What was heard a moment ago may be from before a node
    /// was lost, and a change that needs its vote would then wait for it for ever.
    pub async fn answering_voters(&self, deadline: Duration) -> BTreeSet<NodeId> {
        let own = self.inner.config.node;
        let voters = self.status().members.into_iter().filter(|member| member.voter);
        let asked = voters.map(|member| async move {
            let peer = member.peer;
            let answers = peer.node == own || {
                let call = self.inner.links.call(&peer, Class::Control, Method::Describe, &(), deadline);
                call.await.is_ok_and(|_: Description| true)
            };
            answers.then_some(peer.node)
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Whether this node stands for election when its leader is lost. It votes in any case. Not kept over a restart.
    pub fn allow_election(&self, is_allowed: bool) {
        self.inner.raft.runtime_config().elect(is_allowed);
    }

    /// Whether a node answers under its name, and knows of no members yet.
    ///
    /// # Errors
    /// A sentence that says what is the matter.
    async fn require_pristine(&self, peer: &Peer, deadline: Duration) -> Result<(), MembershipError> {
        let asked = self.inner.links.call(peer, Class::Control, Method::Describe, &(), deadline).await;
        let Description { members } = asked.map_err(|error| {
            refused(peer.node, format!("at {}: {error}", peer.address), "a node that answers")
        })?;
        // It may have been told, with nobody having heard that it was.
        let is_told = || members.get(&peer.node.0) == Some(&peer.address) && self.is_of_ours(&members);
        if members.is_empty() || is_told() {
            return Ok(());
        }
        let expected = "a new node id with an empty data directory";
        Err(refused(peer.node, "it has been a member of a cluster".to_owned(), expected))
    }

    /// Every other member that it knows of is one here.
    fn is_of_ours(&self, members: &BTreeMap<u64, String>) -> bool {
        let own = &self.inner.config;
        members.get(&own.node.0) == Some(&own.advertise)
    }

    fn require_member(&self, node: NodeId) -> Result<(), MembershipError> {
        let membership = metrics(&self.inner.raft).membership_config;
        if membership.get_node(&node.0).is_some() {
            return Ok(());
        }
        let members: Vec<String> = membership.nodes().map(|(node, _)| NodeId(*node).to_string()).collect();
        let expected = format!("one of {}", members.join(", "));
        Err(MembershipError::Refused { node, problem: "it is no member".to_owned(), expected })
    }

    fn require_other_voter(&self, node: NodeId) -> Result<(), MembershipError> {
        let membership = metrics(&self.inner.raft).membership_config;
        if membership.voter_ids().any(|voter| voter != node.0) {
            return Ok(());
        }
        Err(refused(node, "it is the only voter".to_owned(), "another voter to be added first"))
    }

    async fn change(
        &self,
        node: NodeId,
        change: Change,
        retain: bool,
        deadline: Duration,
    ) -> Result<(), MembershipError> {
        let changed = timeout(deadline, self.inner.raft.change_membership(change, retain)).await;
        self.changed(node, changed, deadline)
    }

    fn alone(&self, node: NodeId) -> Result<MutexGuard<'_, ()>, MembershipError> {
        self.inner.changing_members.try_lock().map_err(|_| MembershipError::Refused {
            node,
            problem: "another change of the members is under way".to_owned(),
            expected: "it to be done first".to_owned(),
        })
    }

    fn changed<T, E>(
        &self,
        node: NodeId,
        change: Result<Result<T, ChangeError>, E>,
        deadline: Duration,
    ) -> Result<(), MembershipError> {
        match change {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))) => {
                let leader = match forward.reason {
                    ForwardReason::NotLeader => forwarded(&forward),
                    ForwardReason::LeadershipTransfer | ForwardReason::LeaseExpired => None,
                };
                Err(MembershipError::NotLeader { leader })
            }
            Ok(Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error)))) => {
                Err(refused(node, error.to_string(), "another change of the members to be done first"))
            }
            Ok(Err(RaftError::APIError(error))) => {
                Err(MembershipError::Unknown { reason: error.to_string() })
            }
            Ok(Err(RaftError::Fatal(fatal))) => {
                Err(MembershipError::Unknown { reason: self.stopped(&fatal).to_string() })
            }
            Err(_) => {
                let reason = format!("not done within {} ms", deadline.as_millis());
                Err(MembershipError::Unknown { reason })
            }
        }
    }
}

/// Out of the cluster; a voter that isn't retained as a learner is gone with its vote.
fn leave(node: NodeId, is_voter: bool) -> Change {
    if is_voter { Change::RemoveVoters([node.0].into()) } else { Change::RemoveNodes([node.0].into()) }
}

fn refused(node: NodeId, problem: String, expected: &str) -> MembershipError {
    MembershipError::Refused { node, problem, expected: expected.to_owned() }
}
