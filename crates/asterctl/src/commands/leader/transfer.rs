//! `asterctl leader transfer`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    context::Context,
    output::{self, OutputArgs},
    view::member::LeaderView,
};

/// Hands leadership to another replica, and returns when it is taken.
///
/// Any replica may be asked. Without a node, the voter that is caught up best takes over; one that lags is waited for. Networks
/// notice nothing: no row changes on any host but the fence.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl leader transfer
  asterctl leader transfer 2")]
pub struct Transfer {
    /// To whom
    #[arg(value_name = "ID")]
    to: Option<u64>,

    #[command(flatten)]
    output: OutputArgs,
}

impl Transfer {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let answer = context.client.call(v1::TransferLeadershipRequest { to: self.to }).await?;
        let view = LeaderView { node: answer.leader, address: answer.address, term: None, epoch: None };
        output::data(&output::item(self.output.output, None, &view)?)
    }
}
