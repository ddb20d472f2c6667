//! `asterctl whatif`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    args::{KillArg, ReadArgs},
    context::Context,
    output,
    view::{forecast::ForecastView, index_of},
};

/// Tells what would come of the death of hosts, pools, links or controllers.
///
/// Who takes over, which pairs of hosts are cut, and for how long by design. Touches nothing. What is named dies at one
/// instant, all of it. What is dead already is taken as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Times are upper bounds, and are made of these:
  by the switches alone  three intervals of BFD, the longer one of each tunnel's ends
  by an election         the same; another leader's election, if the leader is killed; then 1 s
                         in which the host may yet prove that it lives (0.5 s after its session
                         is lost, 3 s for a leader that never had one); 0.2 s to write to all
                         hosts; up to 2 s for BFD to begin on new tunnels that stand by one
                         another

Examples:
  asterctl whatif --kill host:p1/a
  asterctl whatif --kill host:p1/a --kill host:p2/a       # two at once
  asterctl whatif --kill pool:p1
  asterctl whatif --kill link:p1/a,p2/a
  asterctl whatif --kill controller:1 --kill controller:2 --kill host:p1/a
  asterctl whatif --kill host:p1/a -o json | jq '.networks[] | {network, cut}'")]
pub struct WhatIf {
    /// What dies: host:POOL/HOST, pool:POOL, link:POOL/HOST,POOL/HOST or controller:ID
    #[arg(long = "kill", value_name = "WHAT", required = true)]
    kills: Vec<KillArg>,

    #[command(flatten)]
    read: ReadArgs,
}

impl WhatIf {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let answer = context.client.call(self.request()).await?;
        let index = index_of(answer.mark);
        let view = ForecastView::from(answer);
        output::data(&output::item(self.read.output.output, Some(index), &view)?)
    }

    pub fn request(&self) -> v1::WhatIfRequest {
        let kill = self.kills.iter().map(|KillArg(kill)| kill.clone()).collect();
        v1::WhatIfRequest { consistency: self.read.consistency.to_proto(), kill }
    }
}
