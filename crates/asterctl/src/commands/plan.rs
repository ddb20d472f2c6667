//! `asterctl plan`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{args::ReadArgs, context::Context, output, view::plan::PlanView};

/// Shows what would change now, and what is waited for.
///
/// Nothing is changed by it. A cluster at rest has nothing to choose and no host that differs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl plan
  asterctl plan -o json | jq '.choices, .hosts'")]
pub struct Plan {
    #[command(flatten)]
    read: ReadArgs,
}

impl Plan {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::GetPlanRequest { consistency: self.read.consistency.to_proto() };
        let plan = context.client.call(request).await?;
        let index = plan.mark.map_or(0, |mark| mark.index);
        output::data(&output::item(self.read.output.output, Some(index), &PlanView::from(plan))?)
    }
}
