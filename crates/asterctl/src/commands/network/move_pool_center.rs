//! `asterctl network move-pool-center`

use asterism_model::{Name, Operation};
use clap::Args;

use crate::{args::WriteArgs, wait::moves::Goal};

/// Makes a pool the pool-center, make before break.
///
/// Its star-center becomes the root. It stays so until something befalls it, or it is moved again. Asked for the pool
/// that is pool-center, it takes back a move that is under way. For a pool that shall be pool-center whenever it can, see
/// `asterctl network update --prefer-pool`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network move-pool-center blue --to p2")]
pub struct MovePoolCenter {
    /// Which network
    #[arg(value_name = "NETWORK")]
    network: Name,

    /// Which pool is to be pool-center
    #[arg(long, value_name = "POOL")]
    to: Name,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl MovePoolCenter {
    pub fn operation(&self) -> Operation {
        Operation::MovePoolCenter { network: self.network.clone(), pool: self.to.clone() }
    }

    pub fn goal(&self) -> Goal {
        Goal::PoolCenter { network: self.network.clone(), pool: self.to.clone() }
    }

    pub fn done(&self) -> String {
        let subject = format!("pool-center of network {}", self.network);
        self.write.done(&subject, &format!("moved to {}", self.to), &format!("moves to {}", self.to))
    }
}
