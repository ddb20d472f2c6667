//! `asterctl health`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;
use tokio::time::Instant;

use crate::{
    context::Context,
    output::{self, OutputArgs},
    view::probe::ProbeView,
};

/// Sends an entry that changes nothing through the log, and tells how long that took.
///
/// Exit code 0 if it was committed and applied, 5 if no replica leads or has a quorum. For scripts and load balancers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl health
  asterctl health --timeout 2s || echo no quorum
  asterctl health -o json | jq .commit_ms")]
pub struct Health {
    #[command(flatten)]
    output: OutputArgs,
}

impl Health {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let start = Instant::now();
        let answer = context.client.call(v1::ProbeRequest {}).await?;
        let view = ProbeView::of(answer, start.elapsed());
        output::data(&output::item(self.output.output, None, &view)?)
    }
}
