//! `asterctl member replace`

use anyhow::Result;
use asterism_api::v1::{self, change_members_request::Change};
use clap::Args;

use super::{Goal, WaitArgs, add::invitation, request, warn};
use crate::{args::MemberArg, context::Context, output, view::member::node_config};

/// Replaces a node, dead or alive, by a new one in a single step.
///
/// The new node is invited as by `member add`, and its configuration printed. When it is caught up, it becomes a voter and the old
/// one leaves, at once and for ever. The cluster goes on with it by itself over failures; to run this again does no harm.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member replace 2 4=10.0.0.4:7400 > asterismd.toml
  asterctl member replace 2 4=10.0.0.4:7400 --wait 5m")]
pub struct Replace {
    /// Who leaves
    #[arg(value_name = "OLD-ID")]
    old: u64,

    /// The new node: its id, never used before, and where the others reach it
    #[arg(value_name = "ID=HOST:PORT")]
    new: MemberArg,

    #[command(flatten)]
    wait: WaitArgs,
}

impl Replace {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let answer = context.client.call(self.request()).await?;
        warn(&answer);
        output::data(&node_config(&self.new, &answer.cluster))?;
        let goal = Goal::Joined { node: self.new.node, replaced: Some(self.old) };
        self.wait.until(context, goal).await
    }

    pub fn request(&self) -> v1::ChangeMembersRequest {
        let by = Some(invitation(&self.new, false));
        request(Change::Replace(v1::ReplaceMember { node: self.old, by }), false)
    }
}
