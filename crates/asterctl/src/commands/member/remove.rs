//! `asterctl member remove`

use anyhow::Result;
use asterism_api::v1::{self, change_members_request::Change};
use clap::Args;

use super::request;
use crate::{args::ForceArgs, output::OutputArgs};

/// Takes a node out of the cluster, for ever: its id is used up.
///
/// Refused if too few of the others answer to make a majority. Stop the node afterwards; if it goes on, nobody listens.
/// Of a node that was only invited, the invitation is taken back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member remove 3
  asterctl member remove 3 --force --yes-remove 3   # though the quorum is lost by it")]
pub struct Remove {
    /// Which node
    #[arg(value_name = "ID")]
    node: u64,

    #[command(flatten)]
    force: ForceArgs,

    #[command(flatten)]
    pub output: OutputArgs,
}

impl Remove {
    pub fn request(&self) -> Result<v1::ChangeMembersRequest> {
        Ok(request(Change::Remove(self.node), self.force.confirmed(self.node)?))
    }

    pub fn done(&self) -> String {
        format!("node {} removed; stop it, its id is used up", self.node)
    }
}
