//! What the state keeps of the controllers' own cluster, beside the list of voters and learners that consensus keeps in
//! its log: who is invited, who is not to lead, and whose ids are used up.
//!
//! Here rather than in consensus' list, since that list knows only who *is* a member: an id that left it looks like one
//! that was never there. What is here travels with snapshots and backups, so an id stays used up over all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{NodeId, Refusal, network::is_default};

/// How many may be invited at once; an operator adds them one by one.
pub const MAX_INVITED: usize = 16;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Membership {
    /// Those that are to become members; the leader sees to it.
    #[serde(default, skip_serializing_if = "is_default")]
    invited: BTreeMap<NodeId, Invitation>,
    /// Those that shall not lead.
    #[serde(default, skip_serializing_if = "is_default")]
    drained: BTreeSet<NodeId>,
    /// Those that were removed. None of them is a member ever again.
    #[serde(default, skip_serializing_if = "is_default")]
    retired: BTreeSet<NodeId>,
}

/// What an invited node is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// `host:port`
    pub address: String,
    pub role: MemberRole,
    /// The member that leaves in the same step in which this one becomes a voter.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replaces: Option<NodeId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    Voter,
    /// Receives the log and doesn't vote.
    Learner,
}

impl fmt::Display for MemberRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Voter => "voter",
            Self::Learner => "learner",
        })
    }
}

/// A change of the membership. Who may vote is consensus' own matter; whoever proposes one of these has checked that no
/// quorum is lost by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberChange {
    /// Again, with another role, for one that is invited: from then on, that role.
    Invite {
        node: NodeId,
        invitation: Invitation,
    },
    /// The leader saw that an invited node is what it was to be.
    Join {
        node: NodeId,
    },
    /// Its id is used up, and an invitation taken back.
    Retire {
        node: NodeId,
    },
    Drain {
        node: NodeId,
    },
    Undrain {
        node: NodeId,
    },
}

impl MemberChange {
    pub fn node(&self) -> NodeId {
        match self {
            Self::Invite { node, .. }
            | Self::Join { node }
            | Self::Retire { node }
            | Self::Drain { node }
            | Self::Undrain { node } => *node,
        }
    }
}

/// What became of a member, for the operator's story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberEvent {
    Invited(Invitation),
    Joined(MemberRole),
    Removed,
    Drained,
    Undrained,
}

impl fmt::Display for MemberEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invited(Invitation { address, role, replaces: None }) => {
                write!(f, "is to be a {role}, at {address}")
            }
            Self::Invited(Invitation { address, role, replaces: Some(old) }) => {
                write!(f, "is to be a {role} in the place of {old}, at {address}")
            }
            Self::Joined(role) => write!(f, "is a {role}"),
            Self::Removed => f.write_str("is removed; its id is used up"),
            Self::Drained => f.write_str("is drained: it does not lead"),
            Self::Undrained => f.write_str("may lead again"),
        }
    }
}

impl Membership {
    pub fn invited(&self) -> &BTreeMap<NodeId, Invitation> {
        &self.invited
    }

    pub fn drained(&self) -> &BTreeSet<NodeId> {
        &self.drained
    }

    pub fn retired(&self) -> &BTreeSet<NodeId> {
        &self.retired
    }

    /// `None`: it was so before.
    pub(crate) fn change(&mut self, change: &MemberChange) -> Result<Option<MemberEvent>, Refusal> {
        match change {
            MemberChange::Invite { node, invitation } => self.invite(*node, invitation),
            MemberChange::Join { node } => {
                let joined = self.invited.remove(node);
                Ok(joined.map(|invitation| MemberEvent::Joined(invitation.role)))
            }
            MemberChange::Retire { node } => {
                self.invited.remove(node);
                self.drained.remove(node);
                Ok(self.retired.insert(*node).then_some(MemberEvent::Removed))
            }
            MemberChange::Drain { node } => Ok(self.drained.insert(*node).then_some(MemberEvent::Drained)),
            MemberChange::Undrain { node } => Ok(self.drained.remove(node).then_some(MemberEvent::Undrained)),
        }
    }

    fn invite(&mut self, node: NodeId, invitation: &Invitation) -> Result<Option<MemberEvent>, Refusal> {
        if self.retired.contains(&node) {
            return Err(Refusal::NodeRetired { node });
        }
        let known = self.invited.get(&node);
        if let Some(known) = known
            && (&known.address, known.replaces) != (&invitation.address, invitation.replaces)
        {
            return Err(Refusal::NodeInvited { node, address: known.address.clone() });
        }
        if known == Some(invitation) {
            return Ok(None);
        }
        if known.is_none() && self.invited.len() >= MAX_INVITED {
            return Err(Refusal::TooMany { what: "invited nodes".into(), limit: MAX_INVITED });
        }
        self.invited.insert(node, invitation.clone());
        Ok(Some(MemberEvent::Invited(invitation.clone())))
    }

    /// As of a new timeline whose members are these: whoever else was ever known stays away.
    pub(crate) fn survived_by(&mut self, lost: impl IntoIterator<Item = NodeId>) {
        self.retired.extend(lost);
        let invited = std::mem::take(&mut self.invited);
        self.retired.extend(invited.into_keys());
        self.drained.clear();
    }

    /// What another timeline used up is used up here, but for those that are members.
    pub(crate) fn inherit(&mut self, other: &Self, members: &BTreeSet<NodeId>) {
        self.retired.extend(other.retired.difference(members));
    }
}
