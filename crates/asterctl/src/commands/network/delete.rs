//! `asterctl network delete`

use asterism_model::{Name, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Deletes a network.
///
/// Its tunnels go at once, and with them each bridge that holds no VM's port.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network delete blue")]
pub struct Delete {
    /// Which network
    #[arg(value_name = "NETWORK")]
    network: Name,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Delete {
    pub fn operation(&self) -> Operation {
        Operation::DeleteNetwork { network: self.network.clone() }
    }

    pub fn done(&self) -> String {
        format!("network {} deleted", self.network)
    }
}
