//! Brings invited nodes into the cluster, takes removed ones out, and keeps leadership away from drained ones.
//!
//! Runs on every replica. What is to be is in the replicated state ([`asterism_model::Membership`]), so that whoever leads
//! goes on where the leader before left off; what is so is consensus' list of members. Each step is made only while a
//! majority of the voters to be is heard from.
//!
//! A drained node votes and doesn't stand for election, and gives leadership away when it has it. If there is no leader for
//! some seconds it stands after all: the others may lack what only it holds, and a cluster that nobody leads is worse.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use asterism_model::{Invitation, MemberChange, MemberRole, Membership, NodeId, Operation};
use asterism_raft::{MembershipError, Peer, Replica, Role, Status};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{debug, info, warn};

use crate::clock::Clock;

/// How often it is looked whether there is something to do.
const PACE: Duration = Duration::from_millis(250);
/// How long one step may take; then it is looked again.
const STEP: Duration = Duration::from_secs(5);
/// How long a drained node waits for another to lead: several elections of the others.
const LEADERLESS: Duration = Duration::from_secs(5);
/// A learner that lacks no more than that many entries is caught up: it has them before it has voted once.
pub const CAUGHT_UP: u64 = 64;
/// More voters make every write slower and no failure more bearable that was not so before.
pub const MAX_VOTERS: usize = 7;

/// What the task works with.
pub struct Keeper {
    pub node: NodeId,
    pub replica: Replica,
    pub clock: Clock,
    /// How long a voter may take to answer.
    pub failover: Duration,
}

/// Until `stopped`. `advertise` is where this node is to be reached.
pub async fn run(keeper: Keeper, advertise: String, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = BTreeMap::new();
    let mut led_at = Instant::now();
    let mut is_waiting = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let status = keeper.replica.status();
        if status.members.is_empty() && !is_waiting {
            info!(node = %keeper.node, "{}", waits_for(keeper.node, &advertise));
        }
        is_waiting = status.members.is_empty();
        if status.leader.is_some() {
            led_at = Instant::now();
        }
        keeper.keep_from_leading(led_at.elapsed());
        if status.role == Role::Leader {
            keeper.tend(&status, &mut told).await;
        } else {
            told.clear();
        }
    }
}

/// Why a node that belongs to no cluster does nothing, and what would change that.
pub fn waits_for(node: NodeId, advertise: &str) -> String {
    let id = node.0;
    format!(
        "this node belongs to no cluster yet: it waits for `asterctl member add {id}={advertise}`, asked of a running \
         cluster, or for `asterctl cluster init`"
    )
}

/// What was said last of each node, so that it is said once.
type Told = BTreeMap<NodeId, String>;

impl Keeper {
    fn keep_from_leading(&self, leaderless: Duration) {
        let is_drained = self.replica.read_stale().state.membership().drained().contains(&self.node);
        self.replica.allow_election(!is_drained || leaderless > LEADERLESS);
    }

    async fn tend(&self, status: &Status, told: &mut Told) {
        let state = self.replica.read_stale().state;
        let membership = state.membership();
        if membership.drained().contains(&self.node) {
            // The next leader does the rest.
            return self.give_away(told).await;
        }
        if self.replica.is_changing() {
            if let Err(error) = self.replica.finish_change(STEP).await {
                debug!(%error, "a change of the members is half done");
            }
            // One step at a time: another would be refused.
            return;
        }
        told.retain(|node, _| membership.invited().contains_key(node) || is_member(status, *node));
        for (node, invitation) in membership.invited() {
            let problem = self.bring_in(*node, invitation, status).await.err();
            tell(told, *node, problem);
        }
        for node in leaving(membership, status) {
            let problem = self.take_out(node).await.err();
            tell(told, node, problem);
        }
    }

    async fn give_away(&self, told: &mut Told) {
        match self.replica.transfer_leadership(None, STEP).await {
            Ok(peer) => info!(to = %peer, "drained: leadership handed over"),
            Err(error) => {
                tell(told, self.node, Some(format!("is drained, and keeps leading for now: {error}")));
            }
        }
    }

    /// One step at a time; the next comes with the next look.
    async fn bring_in(&self, node: NodeId, invitation: &Invitation, status: &Status) -> Result<(), String> {
        let Some(member) = status.members.iter().find(|member| member.peer.node == node) else {
            let peer = Peer { node, address: invitation.address.clone() };
            self.replica.add_learner(&peer, STEP).await.map_err(said)?;
            info!(member = %peer, "a learner is added, and receives the log");
            return Ok(());
        };
        let is_there = match invitation.role {
            MemberRole::Learner => true,
            MemberRole::Voter => member.voter,
        };
        let is_replaced = invitation.replaces.is_none_or(|old| !is_member(status, old));
        if is_there && is_replaced {
            info!(member = %member.peer, role = %invitation.role, "a member joined");
            return self.propose(MemberChange::Join { node }).await;
        }
        match member.lag {
            Some(lag) if lag <= CAUGHT_UP => {}
            Some(lag) => return Err(format!("node {node}: it lacks {lag} entries and catches up")),
            None => return Err(format!("node {node}: it was not heard of yet")),
        }
        let leaving: BTreeSet<NodeId> = invitation.replaces.into_iter().collect();
        Electorate::ask(&self.replica, self.failover).await.after(Some(node), &leaving)?;
        if leaving.contains(&self.node) {
            let taken = self.replica.transfer_leadership(None, STEP).await;
            return taken.map(drop).map_err(|error| format!("node {node} is to replace the leader: {error}"));
        }
        if let Some(old) = invitation.replaces {
            // First, so that the old one is known as gone whatever befalls this leader.
            self.propose(MemberChange::Retire { node: old }).await?;
        }
        self.replica.promote(node, invitation.replaces, STEP).await.map_err(said)
    }

    async fn take_out(&self, node: NodeId) -> Result<(), String> {
        Electorate::ask(&self.replica, self.failover).await.after(None, &BTreeSet::from([node]))?;
        if node == self.node {
            let taken = self.replica.transfer_leadership(None, STEP).await;
            return taken.map(drop).map_err(|error| format!("node {node} is to leave, and leads: {error}"));
        }
        self.replica.remove_member(node, STEP).await.map_err(said)?;
        info!(%node, "a member is removed");
        Ok(())
    }

    async fn propose(&self, change: MemberChange) -> Result<(), String> {
        let operation = Operation::ChangeMembers(change);
        let proposed = self.replica.propose(operation, None, self.clock.wall(), STEP).await;
        proposed.map(drop).map_err(|error| error.to_string())
    }
}

fn said(error: MembershipError) -> String {
    error.to_string()
}

fn is_member(status: &Status, node: NodeId) -> bool {
    status.members.iter().any(|member| member.peer.node == node)
}

/// Removed, and a member yet; those that are to be replaced leave with their successor's promotion.
fn leaving(membership: &Membership, status: &Status) -> Vec<NodeId> {
    let replaced: BTreeSet<NodeId> =
        membership.invited().values().filter_map(|invitation| invitation.replaces).collect();
    let members = status.members.iter().map(|member| member.peer.node);
    members.filter(|node| membership.retired().contains(node) && !replaced.contains(node)).collect()
}

fn tell(told: &mut Told, node: NodeId, problem: Option<String>) {
    match problem {
        None => drop(told.remove(&node)),
        Some(problem) if told.get(&node) == Some(&problem) => {}
        Some(problem) => {
            warn!(%node, problem, "a change of the members waits");
            told.insert(node, problem);
        }
    }
}

/// The voters, and which of them answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Electorate {
    pub voters: BTreeSet<NodeId>,
    pub answering: BTreeSet<NodeId>,
}

impl Electorate {
    /// As they answer the leader now, within `deadline`.
    pub async fn ask(replica: &Replica, deadline: Duration) -> Self {
        let answering = replica.answering_voters(deadline).await;
        let members = replica.status().members.into_iter();
        let voters = members.filter(|member| member.voter).map(|member| member.peer.node).collect();
        Self { voters, answering }
    }

    /// What it is with one more that answers, and without others.
    ///
    /// # Errors
    /// No majority of it would answer; the sentence has the numbers.
    pub fn after(&self, joining: Option<NodeId>, leaving: &BTreeSet<NodeId>) -> Result<Self, String> {
        let change = |nodes: &BTreeSet<NodeId>| -> BTreeSet<NodeId> {
            nodes.iter().copied().chain(joining).filter(|node| !leaving.contains(node)).collect()
        };
        let after = Self { voters: change(&self.voters), answering: change(&self.answering) };
        let (all, answer) = (after.voters.len(), after.answering.len());
        let needed = all / 2 + 1;
        if all > 0 && answer >= needed {
            return Ok(after);
        }
        Err(format!(
            "the quorum would be lost: {all} voters would be left, {answer} of them answer now, and {needed} are needed"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ids: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
        ids.into_iter().map(NodeId).collect()
    }

    fn electorate(voters: u64, silent: &[u64]) -> Electorate {
        let voters = nodes(1..=voters);
        let answering = voters.iter().copied().filter(|node| !silent.contains(&node.0)).collect();
        Electorate { voters, answering }
    }

    #[test]
    fn a_change_goes_through_only_if_a_majority_of_what_is_left_answers() {
        let none = BTreeSet::new();
        for (voters, silent, joining, leaving, is_safe) in [
            (3, vec![], None, nodes([3]), true),
            (3, vec![3], None, nodes([3]), true),
            (3, vec![3], None, nodes([2]), false),
            (2, vec![2], None, nodes([2]), true),
            (1, vec![], None, nodes([1]), false),
            (5, vec![4, 5], None, nodes([3]), false),
            (3, vec![3], Some(NodeId(4)), none.clone(), true),
            (3, vec![3], Some(NodeId(4)), nodes([3]), true),
            (4, vec![3, 4], Some(NodeId(5)), none, true),
            (3, vec![2, 3], Some(NodeId(4)), nodes([1]), false),
        ] {
            let after = electorate(voters, &silent).after(joining, &leaving);
            assert_eq!(
                after.is_ok(),
                is_safe,
                "{voters} voters, silent {silent:?}, {leaving:?} leave: {after:?}"
            );
        }
    }

    #[test]
    fn a_refusal_has_the_numbers() {
        let refused = electorate(3, &[3]).after(None, &nodes([2])).unwrap_err();
        let expected =
            "the quorum would be lost: 2 voters would be left, 1 of them answer now, and 2 are needed";
        assert_eq!(refused, expected);
    }
}
