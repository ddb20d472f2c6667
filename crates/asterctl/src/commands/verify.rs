//! `asterctl verify`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::Name;
use clap::Args;

use crate::{
    context::Context,
    exit::Problem,
    output::{self, OutputArgs},
    view::{index_of, verification::VerificationView},
};

/// Holds the hosts to the state: is every tunnel up at both ends, does nothing differ.
///
/// Exit code 0 if all is well, 9 if something is broken or degraded, 8 if nothing is worse than coming up. Notes change
/// nothing about it.
#[derive(Debug, Args)]
#[command(after_help = "\
Severities:
  broken     frames don't get through, or nobody can tell whether they do
  degraded   frames get through; the next failure costs more than it should
  coming up  a tunnel was made less than 10 s ago and has not been up yet: ask again in a moment
  note       to be known, and in order

Examples:
  asterctl verify
  asterctl verify blue
  asterctl verify -o json | jq -r '.problems[] | select(.severity == \"broken\") | .text'
  asterctl verify || asterctl explain blue")]
pub struct Verify {
    /// Only this network
    #[arg(value_name = "NETWORK")]
    network: Option<Name>,

    #[command(flatten)]
    output: OutputArgs,
}

impl Verify {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::VerifyRequest { network: self.network.as_ref().map(Name::to_string) };
        let answer = context.client.call(request).await?;
        let index = index_of(answer.mark);
        let view = VerificationView::from(answer);
        output::data(&output::item(self.output.output, Some(index), &view)?)?;
        match (view.is_well, view.is_ill()) {
            (true, _) => Ok(()),
            (false, false) => Err(Problem::NotReached(view.summary()).into()),
            (false, true) => Err(Problem::NotWell(view.summary()).into()),
        }
    }
}
