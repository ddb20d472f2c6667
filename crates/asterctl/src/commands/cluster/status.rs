//! `asterctl cluster status`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    context::Context,
    output::{self, OutputArgs},
    view::cluster::ClusterView,
};

/// Shows the replicas: who leads, how far each is, and whether their states agree.
///
/// Any replica that answers will do: it needs no leader and no quorum.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl cluster status
  asterctl cluster status -o json | jq '.replicas[] | {node, role: .status.role, lag: .status.lag}'")]
pub struct Status {
    /// Only the replica that answers
    #[arg(long)]
    local: bool,

    #[command(flatten)]
    output: OutputArgs,
}

impl Status {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let answer = context.client.call(v1::GetClusterStatusRequest { local: self.local }).await?;
        let view = ClusterView::from(answer);
        for warning in view.diverged() {
            output::notice(&format!("warning: {warning}"));
        }
        output::data(&output::item(self.output.output, None, &view)?)
    }
}
