//! `asterctl pool remove`

use asterism_model::{Name, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Removes a pool that has no hosts and is part of no network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool remove p1")]
pub struct Remove {
    /// Which pool
    #[arg(value_name = "POOL")]
    pool: Name,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Remove {
    pub fn operation(&self) -> Operation {
        Operation::RemovePool { pool: self.pool.clone() }
    }

    pub fn done(&self) -> String {
        format!("pool {} removed", self.pool)
    }
}
