//! `asterctl status`

use anyhow::Result;
use clap::Args;

use crate::{
    context::Context,
    health::{Facts, Severity, examine},
    output::{self, OutputArgs},
    view::overview::OverviewView,
};

/// Shows the whole cluster on one screen: replicas, hosts, networks, centers, and what is wrong.
///
/// Any replica that answers will do; without a quorum it shows an old state and says so. The exit code does not depend on what
/// it shows: see `check` and `health` for that.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl status
  watch -n 2 asterctl status
  asterctl status -o json | jq '.alarms'")]
pub struct Status {
    #[command(flatten)]
    output: OutputArgs,
}

impl Status {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let facts = Facts::gather(&mut context.client).await?;
        let mut alarms = examine(&facts);
        alarms.retain(|symptom| symptom.severity > Severity::Note);
        let view = OverviewView::of(facts, alarms);
        output::data(&output::item(self.output.output, None, &view)?)
    }
}
