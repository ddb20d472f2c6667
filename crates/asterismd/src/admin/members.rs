//! What operators ask of the membership: checked here, written to the replicated state, carried out by
//! [`crate::members`].

use std::{collections::BTreeSet, time::Duration};

use asterism_api::{ApiError, FieldError, v1};
use asterism_model::{Caller, Invitation, MemberChange, MemberRole, NodeId, Operation, Reply};
use asterism_raft::{MemberStatus, MembershipError, Peer, Status, TransferError};
use futures::future::join_all;
use tokio::time::{Instant, sleep};
use v1::change_members_request::Change;

use super::{AdminService, DEADLINE, proposal_failure};
use crate::members::{CAUGHT_UP, Electorate, MAX_VOTERS, waits_for};

/// How long leadership may take to change hands: a voter that lags is waited for.
const HAND_OVER: Duration = Duration::from_secs(10);
/// How long a removal may take, with changes before it.
const REMOVAL: Duration = Duration::from_secs(15);
/// Between two looks at what becomes of a removal.
const LOOK: Duration = Duration::from_millis(100);

impl AdminService {
    pub(super) async fn change_membership(
        &self,
        caller: &Caller,
        request: v1::ChangeMembersRequest,
    ) -> Result<v1::ChangeMembersResponse, ApiError> {
        let change = request.change.ok_or_else(|| FieldError::new("change", "there is none"))?;
        let warnings = match change {
            Change::Add(add) => self.add_member(caller, &add, None).await?,
            Change::Replace(v1::ReplaceMember { node, by }) => {
                let by = by.ok_or_else(|| FieldError::new("replace.by", "there is none"))?;
                self.add_member(caller, &by, Some(NodeId(node))).await?
            }
            Change::Promote(node) => self.promote_member(caller, NodeId(node)).await?,
            Change::Demote(node) => self.demote_member(NodeId(node), request.force).await?,
            Change::Remove(node) => self.remove_member(caller, NodeId(node), request.force).await?,
            Change::Drain(node) => self.drain_member(caller, NodeId(node)).await?,
            Change::Undrain(node) => {
                self.propose_change(caller, MemberChange::Undrain { node: NodeId(node) }).await?
            }
        };
        Ok(v1::ChangeMembersResponse { cluster: self.cluster.to_string(), warnings })
    }

    async fn add_member(
        &self,
        caller: &Caller,
        add: &v1::AddMember,
        replaces: Option<NodeId>,
    ) -> Result<Vec<String>, ApiError> {
        let node = NodeId(add.node);
        if node.0 == 0 {
            return Err(FieldError::new("node", "0 is not a node id; expected 1 or more").into());
        }
        check_address(&add.address)?;
        let role = if add.as_learner { MemberRole::Learner } else { MemberRole::Voter };
        let status = self.replica.status();
        let view = self.replica.read_stale();
        let membership = view.state.membership();
        if let Some(known) = find(&status, node) {
            return self.is_there_already(known, add, replaces, &status);
        }
        let invited = membership.invited().iter().map(|(node, invited)| (*node, &invited.address));
        let members = status.members.iter().map(|member| (member.peer.node, &member.peer.address));
        let mut others =
            members.chain(invited).filter(|(other, _)| *other != node && Some(*other) != replaces);
        if let Some((other, _)) = others.find(|(_, address)| **address == add.address) {
            let problem = format!("{} is the address of node {other}; each node has its own", add.address);
            return Err(refused("member_known", problem));
        }
        if let Some(old) = replaces
            && !membership.retired().contains(&old)
        {
            require_voter(&status, old)?;
        }
        let voters = status.members.iter().filter(|member| member.voter).count();
        let to_be = membership.invited().iter().filter(|(other, invited)| {
            invited.role == MemberRole::Voter && invited.replaces.is_none() && **other != node
        });
        let voters = voters + to_be.count() + usize::from(!add.as_learner && replaces.is_none());
        if voters > MAX_VOTERS {
            let problem = format!(
                "{voters} voters are too many; expected {MAX_VOTERS} at most: add it as a learner, or replace one"
            );
            return Err(refused("too_many_voters", problem));
        }
        let invitation = Invitation { address: add.address.clone(), role, replaces };
        let mut warnings = self.propose_change(caller, MemberChange::Invite { node, invitation }).await?;
        if role == MemberRole::Voter {
            warnings.extend(even(voters));
        }
        Ok(warnings)
    }

    /// A retry of what is done already does nothing more.
    fn is_there_already(
        &self,
        known: &MemberStatus,
        add: &v1::AddMember,
        replaces: Option<NodeId>,
        status: &Status,
    ) -> Result<Vec<String>, ApiError> {
        let node = known.peer.node;
        if known.peer.address != add.address {
            let problem = format!(
                "node {node} is a member at {}; a new node needs an id that was never used",
                known.peer.address
            );
            return Err(refused("member_known", problem));
        }
        match replaces.filter(|old| find(status, *old).is_some()) {
            Some(old) if !self.is_replacing(node, old) => {
                let problem =
                    format!("node {node} is a member already, beside node {old}; remove node {old} instead");
                Err(refused("member_known", problem))
            }
            Some(_) | None => Ok(vec![format!("node {node} is a member already")]),
        }
    }

    fn is_replacing(&self, node: NodeId, old: NodeId) -> bool {
        let view = self.replica.read_stale();
        view.state.membership().invited().get(&node).is_some_and(|invited| invited.replaces == Some(old))
    }

    async fn promote_member(&self, caller: &Caller, node: NodeId) -> Result<Vec<String>, ApiError> {
        let status = self.replica.status();
        let view = self.replica.read_stale();
        let invited = view.state.membership().invited().get(&node);
        let address = match (find(&status, node), invited) {
            (Some(member), _) if member.voter => return Ok(vec![format!("node {node} is a voter already")]),
            (_, Some(invited)) => invited.address.clone(),
            (Some(member), None) => member.peer.address.clone(),
            (None, None) => return Err(unknown(&status, node)),
        };
        let voters = status.members.iter().filter(|member| member.voter).count() + 1;
        if voters > MAX_VOTERS {
            let problem = format!("{voters} voters are too many; expected {MAX_VOTERS} at most");
            return Err(refused("too_many_voters", problem));
        }
        let replaces = invited.and_then(|invited| invited.replaces);
        let invitation = Invitation { address, role: MemberRole::Voter, replaces };
        let mut warnings = self.propose_change(caller, MemberChange::Invite { node, invitation }).await?;
        warnings.extend(even(voters));
        Ok(warnings)
    }

    async fn demote_member(&self, node: NodeId, force: bool) -> Result<Vec<String>, ApiError> {
        let status = self.replica.status();
        let member = find(&status, node).ok_or_else(|| unknown(&status, node))?;
        if !member.voter {
            return Ok(vec![format!("node {node} is a learner already")]);
        }
        let warnings = self.check_departure(node, force).await?;
        self.hand_over_before_leaving(node).await?;
        self.replica.demote(node, DEADLINE).await.map_err(membership_failure)?;
        Ok(warnings)
    }

    async fn remove_member(
        &self,
        caller: &Caller,
        node: NodeId,
        force: bool,
    ) -> Result<Vec<String>, ApiError> {
        let status = self.replica.status();
        let view = self.replica.read_stale();
        let membership = view.state.membership();
        let is_invited = membership.invited().contains_key(&node);
        let Some(member) = find(&status, node) else {
            if membership.retired().contains(&node) {
                return Ok(vec![format!("node {node} is removed already")]);
            }
            if is_invited {
                return self.propose_change(caller, MemberChange::Retire { node }).await;
            }
            return Err(unknown(&status, node));
        };
        let mut warnings = Vec::new();
        if member.voter {
            warnings = self.check_departure(node, force).await?;
            self.hand_over_before_leaving(node).await?;
        }
        self.propose_change(caller, MemberChange::Retire { node }).await?;
        self.wait_until_gone(node).await?;
        Ok(warnings)
    }

    /// The keeper of this replica may be at it, too; whoever comes first.
    async fn wait_until_gone(&self, node: NodeId) -> Result<(), ApiError> {
        let start = Instant::now();
        loop {
            if find(&self.replica.status(), node).is_none() {
                return Ok(());
            }
            match self.replica.remove_member(node, DEADLINE).await {
                Ok(()) => return Ok(()),
                Err(MembershipError::Refused { .. }) if start.elapsed() < REMOVAL => sleep(LOOK).await,
                Err(error) => return Err(membership_failure(error)),
            }
        }
    }

    async fn drain_member(&self, caller: &Caller, node: NodeId) -> Result<Vec<String>, ApiError> {
        let status = self.replica.status();
        require_voter(&status, node)?;
        let voters = status.members.iter().filter(|member| member.voter);
        let voters: BTreeSet<NodeId> = voters.map(|member| member.peer.node).collect();
        let view = self.replica.read_stale();
        let mut drained = view.state.membership().drained().clone();
        drained.insert(node);
        let drained = drained.intersection(&voters).count();
        // Then every majority has one that may lead.
        let most = (voters.len() - 1) / 2;
        if drained > most {
            let problem = format!(
                "{drained} of {} voters would be drained, and a majority could be without one that may lead; expected \
                 {most} at most",
                voters.len()
            );
            return Err(refused("all_drained", problem));
        }
        self.propose_change(caller, MemberChange::Drain { node }).await
    }

    pub(super) async fn hand_over(
        &self,
        to: Option<u64>,
    ) -> Result<v1::TransferLeadershipResponse, ApiError> {
        let to = to.map(NodeId);
        let status = self.replica.status();
        let taken = match find(&status, self.node) {
            Some(own) if to == Some(self.node) => own.peer.clone(),
            Some(_) | None => {
                self.replica.transfer_leadership(to, HAND_OVER).await.map_err(transfer_failure)?
            }
        };
        Ok(v1::TransferLeadershipResponse { leader: taken.node.0, address: taken.address })
    }

    /// A leader that is to lose its vote gives leadership away; the next leader is asked again.
    async fn hand_over_before_leaving(&self, node: NodeId) -> Result<(), ApiError> {
        if node != self.node {
            return Ok(());
        }
        let taken = self.replica.transfer_leadership(None, HAND_OVER).await.map_err(transfer_failure)?;
        Err(ApiError::NotLeader { leader: Some((taken.node, taken.address)) })
    }

    /// Whether the others can do without it.
    async fn check_departure(&self, node: NodeId, force: bool) -> Result<Vec<String>, ApiError> {
        let electorate = Electorate::ask(&self.replica, self.failover).await;
        match electorate.after(None, &BTreeSet::from([node])) {
            Ok(after) => Ok(even(after.voters.len()).into_iter().collect()),
            Err(problem) if force => Ok(vec![problem]),
            Err(problem) => Err(refused("quorum_at_risk", problem)),
        }
    }

    async fn propose_change(&self, caller: &Caller, change: MemberChange) -> Result<Vec<String>, ApiError> {
        tracing::info!(?change, by = %caller, "members are to change");
        let operation = Operation::ChangeMembers(change);
        let proposed =
            self.replica.propose_for(caller.clone(), operation, None, self.clock.wall(), DEADLINE).await;
        match proposed.map_err(proposal_failure)?.reply {
            Reply::Applied { .. } => Ok(Vec::new()),
            Reply::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// Those that are to become members, and what they wait for.
    pub(super) async fn invited(&self, members: &[MemberStatus]) -> Vec<v1::InvitedMember> {
        let view = self.replica.read_stale();
        let invited = view.state.membership().invited().iter();
        let invited = invited.map(|(node, invitation)| async {
            v1::InvitedMember {
                node: node.0,
                address: invitation.address.clone(),
                as_learner: invitation.role == MemberRole::Learner,
                replaces: invitation.replaces.map(|old| old.0),
                waiting_for: self.invitation_waits_for(*node, invitation, members).await,
            }
        });
        join_all(invited).await
    }

    async fn invitation_waits_for(
        &self,
        node: NodeId,
        invitation: &Invitation,
        members: &[MemberStatus],
    ) -> String {
        if let Some(member) = members.iter().find(|member| member.peer.node == node) {
            return match member.lag {
                Some(lag) if lag > CAUGHT_UP => format!("it lacks {lag} entries and catches up"),
                Some(_) | None => "the leader makes it a voter".to_owned(),
            };
        }
        let peer = Peer { node, address: invitation.address.clone() };
        match self.ask(&peer).await {
            Ok(_) => "it answers, and the leader adds it".to_owned(),
            Err(why) => format!("it to be started: {why}"),
        }
    }

    /// Of a replica that is no member.
    pub(super) fn waits_for(&self) -> String {
        waits_for(self.node, "HOST:PORT")
    }
}

fn find(status: &Status, node: NodeId) -> Option<&MemberStatus> {
    status.members.iter().find(|member| member.peer.node == node)
}

fn require_voter(status: &Status, node: NodeId) -> Result<(), ApiError> {
    let member = find(status, node).ok_or_else(|| unknown(status, node))?;
    if member.voter {
        return Ok(());
    }
    Err(refused("not_a_voter", format!("node {node} is a learner; expected a voter")))
}

fn unknown(status: &Status, node: NodeId) -> ApiError {
    let members: Vec<String> = status.members.iter().map(|member| member.peer.node.to_string()).collect();
    refused("unknown_member", format!("node {node} is no member; expected one of {}", members.join(", ")))
}

/// An even number of voters bears no more failures than one less, and one more has to agree to each write.
fn even(voters: usize) -> Option<String> {
    (voters > 0 && voters.is_multiple_of(2)).then(|| {
        format!(
            "{voters} voters bear the loss of {}, as {} would; 1, 3, 5 or 7 are better",
            voters / 2 - 1,
            voters - 1
        )
    })
}

fn check_address(address: &str) -> Result<(), ApiError> {
    let port = address
        .rsplit_once(':')
        .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
    match port {
        Some(1..) => Ok(()),
        Some(_) | None => {
            Err(FieldError::new("address", format_args!("`{address}` is none; expected HOST:PORT")).into())
        }
    }
}

fn refused(reason: &'static str, problem: String) -> ApiError {
    ApiError::Members { reason, problem }
}

fn membership_failure(error: MembershipError) -> ApiError {
    match error {
        MembershipError::NotLeader { leader } => {
            ApiError::NotLeader { leader: leader.map(|peer| (peer.node, peer.address)) }
        }
        error @ MembershipError::Refused { .. } => refused("member_change", error.to_string()),
        MembershipError::Unknown { reason } => ApiError::OutcomeUnknown(reason),
        error @ MembershipError::Stopped(_) => ApiError::Internal(error.to_string()),
    }
}

fn transfer_failure(error: TransferError) -> ApiError {
    match error {
        TransferError::NotLeader { leader } => {
            ApiError::NotLeader { leader: leader.map(|peer| (peer.node, peer.address)) }
        }
        error @ (TransferError::Target { .. }
        | TransferError::NoTarget
        | TransferError::NotTaken { .. }
        | TransferError::TakenByAnother { .. }) => refused("not_taken_over", error.to_string()),
        error @ TransferError::Stopped(_) => ApiError::Internal(error.to_string()),
    }
}
