//! `asterctl leader show`

use anyhow::Result;
use asterism_api::{Class, Failure, v1};
use clap::Args;

use crate::{
    context::Context,
    output::{self, OutputArgs},
    view::member::LeaderView,
};

/// Shows who leads, as the replica that answers knows it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl leader show
  asterctl leader show -o json | jq .node")]
pub struct Show {
    #[command(flatten)]
    output: OutputArgs,
}

impl Show {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let status = context.client.call(v1::GetClusterStatusRequest { local: false }).await?;
        let view = LeaderView::of(&status).ok_or_else(|| {
            Failure::local(
                Class::Unavailable,
                "no leader is known: an election is running, or there is no quorum",
            )
        })?;
        output::data(&output::item(self.output.output, None, &view)?)
    }
}
