//! `asterctl member list`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    context::Context,
    output::{self, OutputArgs},
    view::member::{MemberView, members},
};

/// Lists the replicas: voters, learners, and those that are to join, with what they wait for.
///
/// Any replica that answers will do: it needs no leader and no quorum.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl member list
  asterctl member list -o json | jq '.items[] | select(.state == \"unreachable\") | .node'")]
pub struct List {
    #[command(flatten)]
    output: OutputArgs,
}

impl List {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let status = context.client.call(v1::GetClusterStatusRequest { local: false }).await?;
        let members: Vec<MemberView> = members(status);
        output::data(&output::list(self.output.output, 0, &members)?)
    }
}
