//! `asterctl release`

use anyhow::Result;
use asterism_model::{Name, Operation};
use clap::Args;

use crate::{args::WriteArgs, context::Context};

/// Hands a network back that was adopted from Xen Orchestra.
///
/// The reverse of `asterctl adopt`: ports and networks are given the marks by which the plugin finds its own, ours are taken
/// away, and no tunnel is touched. The network is gone from here when all of its hosts and pools have answered. A network
/// that was made here can't be released, nor one with dual resilience.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network update blue --resilience single   # Xen Orchestra knows one uplink
  asterctl release blue")]
pub struct Release {
    /// Which network
    #[arg(value_name = "NETWORK")]
    network: Name,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Release {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let done = format!("network {} released", self.network);
        context.write(&self.write, &self.operation(), done).await
    }

    pub fn operation(&self) -> Operation {
        Operation::ReleaseNetwork { network: self.network.clone() }
    }
}
