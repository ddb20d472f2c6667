//! `asterctl network show`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::Name;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::{Context, only},
    output,
    view::{index_of, network::NetworkView},
};

/// Shows one network.
///
/// For who is connected to whom, see `asterctl topology`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network show blue")]
pub struct Show {
    /// Which network
    #[arg(value_name = "NETWORK")]
    network: Name,

    #[command(flatten)]
    read: ReadArgs,
}

impl Show {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::ListNetworksRequest {
            consistency: self.read.consistency.to_proto(),
            network: Some(self.network.to_string()),
        };
        let answer = context.client.call(request).await?;
        let network = NetworkView::from(only(answer.networks)?);
        output::data(&output::item(self.read.output.output, Some(index_of(answer.mark)), &network)?)
    }
}
