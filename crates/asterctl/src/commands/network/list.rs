//! `asterctl network list`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::Context,
    output,
    view::{index_of, network::NetworkView},
};

/// Lists the networks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network list
  asterctl network list -o json | jq '.items[] | {name, vni, root}'")]
pub struct List {
    #[command(flatten)]
    read: ReadArgs,
}

impl List {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request =
            v1::ListNetworksRequest { consistency: self.read.consistency.to_proto(), network: None };
        let answer = context.client.call(request).await?;
        let networks: Vec<NetworkView> = answer.networks.into_iter().map(NetworkView::from).collect();
        output::data(&output::list(self.read.output.output, index_of(answer.mark), &networks)?)
    }
}
