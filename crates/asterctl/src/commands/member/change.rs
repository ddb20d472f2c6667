//! `asterctl member promote`, `demote`, `drain` and `undrain`

use anyhow::Result;
use asterism_api::v1::{self, change_members_request::Change};
use clap::Args;

use super::{Goal, WaitArgs, request};
use crate::{args::ForceArgs, output::OutputArgs};

/// Makes a learner a voter as soon as it is caught up
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member promote 4
  asterctl member promote 4 --wait 1m")]
pub struct Promote {
    /// Which node
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    pub wait: WaitArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

impl Promote {
    pub fn request(&self) -> v1::ChangeMembersRequest {
        request(Change::Promote(self.node), false)
    }

    pub fn goal(&self) -> Goal {
        Goal::Joined { node: self.node, replaced: None }
    }

    pub fn done(&self) -> String {
        format!("node {} is to be a voter", self.node)
    }
}

/// Makes a voter a learner: it receives the log, and doesn't vote
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member demote 3
  asterctl member demote 3 --force --yes-remove 3   # though the quorum is lost by it")]
pub struct Demote {
    /// Which node
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    force: ForceArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

impl Demote {
    pub fn request(&self) -> Result<v1::ChangeMembersRequest> {
        Ok(request(Change::Demote(self.node), self.force.confirmed(self.node)?))
    }

    pub fn done(&self) -> String {
        format!("node {} is a learner", self.node)
    }
}

/// Keeps a node from leading, for maintenance.
///
/// It votes, and hands leadership over if it has it. It stays so over restarts, until `asterctl member undrain`. Only a
/// minority of the voters can be drained, so that whenever a majority answers one of them may lead. If nobody leads for
/// five seconds, a drained node does until another can.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member drain 1
  asterctl member drain 1 --wait 10s   # until it leads no longer")]
pub struct Drain {
    /// Which node
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    pub wait: WaitArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

impl Drain {
    pub fn request(&self) -> v1::ChangeMembersRequest {
        request(Change::Drain(self.node), false)
    }

    pub fn goal(&self) -> Goal {
        Goal::NotLeading { node: self.node }
    }

    pub fn done(&self) -> String {
        format!("node {} is drained: it does not lead", self.node)
    }
}

/// Lets a drained node lead again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member undrain 1")]
pub struct Undrain {
    /// Which node
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    pub output: OutputArgs,
}

impl Undrain {
    pub fn request(&self) -> v1::ChangeMembersRequest {
        request(Change::Undrain(self.node), false)
    }

    pub fn done(&self) -> String {
        format!("node {} may lead", self.node)
    }
}
