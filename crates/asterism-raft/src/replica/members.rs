//! Adding and removing voters, one at a time.

use std::{collections::BTreeMap, time::Duration};

use asterism_model::NodeId;
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

impl Replica {
    /// Adds a voter under a node id that was never used before; first as a learner, until it is caught up.
    ///
    /// # Errors
    /// The node doesn't answer, or took part in a cluster already. After [`MembershipError::Unknown`] it may be a
    /// learner or a voter: see [`Replica::status`], and ask again.
    pub async fn add_member(&self, peer: Peer, deadline: Duration) -> Result<(), MembershipError> {
        self.check_running()?;
        let start = Instant::now();
        let _alone = self.alone(peer.node)?;
        let (node, address) = (peer.node.0, Address(peer.address.clone()));
        let membership = metrics(&self.inner.raft).membership_config;
        match membership.get_node(&node) {
            Some(known) if *known == address => (),
            Some(known) => return Err(refused(&peer, format!("it is a member at {known}"), "a new node id")),
            None => self.require_pristine(&peer, rest(start, deadline)).await?,
        }
        if membership.get_node(&node).is_none() {
            let learn = self.inner.raft.add_learner(node, address.clone(), true);
            self.changed(&peer, timeout(rest(start, deadline), learn).await, deadline)?;
        }
        let voters = ChangeMembers::AddVoters(BTreeMap::from([(node, address)]));
        let promote = self.inner.raft.change_membership(voters, false);
        self.changed(&peer, timeout(rest(start, deadline), promote).await, deadline)
    }

    /// Takes a node out, for ever. A leader that removes itself hands over afterwards.
    ///
    /// # Errors
    /// It is no member, or the only voter. After [`MembershipError::Unknown`] see [`Replica::status`], and ask again.
    pub async fn remove_member(&self, node: NodeId, deadline: Duration) -> Result<(), MembershipError> {
        self.check_running()?;
        let start = Instant::now();
        let _alone = self.alone(node)?;
        let membership = metrics(&self.inner.raft).membership_config;
        let Some(address) = membership.get_node(&node.0) else {
            let members: Vec<String> =
                membership.nodes().map(|(node, _)| NodeId(*node).to_string()).collect();
            let (problem, expected) =
                ("it is no member".to_owned(), format!("one of {}", members.join(", ")));
            return Err(MembershipError::Refused { node, problem, expected });
        };
        let peer = Peer { node, address: address.0.clone() };
        let mut voters = membership.voter_ids();
        if voters.by_ref().all(|voter| voter == node.0) {
            return Err(refused(&peer, "it is the only voter".to_owned(), "another voter to be added first"));
        }
        // A voter that isn't retained as a learner is gone with its vote.
        let removed = if membership.voter_ids().any(|voter| voter == node.0) {
            ChangeMembers::RemoveVoters([node.0].into())
        } else {
            ChangeMembers::RemoveNodes([node.0].into())
        };
        let removal = self.inner.raft.change_membership(removed, false);
        self.changed(&peer, timeout(rest(start, deadline), removal).await, deadline)
    }

    fn alone(&self, node: NodeId) -> Result<MutexGuard<'_, ()>, MembershipError> {
        self.inner.changing_members.try_lock().map_err(|_| MembershipError::Refused {
            node,
            problem: "another change of the members is under way".to_owned(),
            expected: "it to be done first".to_owned(),
        })
    }

    /// A node with a past would bring it along.
    async fn require_pristine(&self, peer: &Peer, deadline: Duration) -> Result<(), MembershipError> {
        let asked = self.inner.links.call(peer, Class::Control, Method::Describe, &(), deadline).await;
        let Description { members } = asked
            .map_err(|error| refused(peer, format!("at {}: {error}", peer.address), "a node that answers"))?;
        if members.is_empty() {
            return Ok(());
        }
        let expected = "a new node id with an empty data directory";
        Err(refused(peer, "it has been a member of a cluster".to_owned(), expected))
    }

    fn changed<T, E>(
        &self,
        peer: &Peer,
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
                Err(refused(peer, error.to_string(), "another change of the members to be done first"))
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

fn refused(peer: &Peer, problem: String, expected: &str) -> MembershipError {
    MembershipError::Refused { node: peer.node, problem, expected: expected.to_owned() }
}
