//! `asterctl member add`

use anyhow::Result;
use asterism_api::v1::{self, change_members_request::Change};
use clap::Args;

use super::{Goal, WaitArgs, request, warn};
use crate::{args::MemberArg, context::Context, output, view::member::node_config};

/// Invites a node to the cluster, and prints its configuration.
///
/// The id must never have been used in this cluster. Put what is printed into the new node's /etc/asterism/asterismd.toml, give it
/// its certificate, and start it with an empty data directory: it becomes a learner as soon as it answers, and a voter when
/// it is caught up. 1, 3, 5 or 7 voters are best.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member add 4=10.0.0.4:7400 > asterismd.toml
  asterctl member add 4=10.0.0.4:7400 --learner
  asterctl member add 4=10.0.0.4:7400 --wait 5m")]
pub struct Add {
    /// The new node: its id, and where the others reach it
    #[arg(value_name = "ID=HOST:PORT")]
    node: MemberArg,

    /// Keep it a learner until `asterctl member promote`
    #[arg(long)]
    learner: bool,

    #[command(flatten)]
    wait: WaitArgs,
}

impl Add {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let answer = context.client.call(self.request()).await?;
        warn(&answer);
        output::data(&node_config(&self.node, &answer.cluster))?;
        let goal = Goal::Joined { node: self.node.node, replaced: None };
        self.wait.until(context, goal).await
    }

    pub fn request(&self) -> v1::ChangeMembersRequest {
        request(Change::Add(invitation(&self.node, self.learner)), false)
    }
}

pub(super) fn invitation(node: &MemberArg, as_learner: bool) -> v1::AddMember {
    v1::AddMember { node: node.node, address: node.address.clone(), as_learner }
}
