//! `asterctl pool add`

use asterism_model::{Name, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Adds a pool: hosts that are managed together.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool add p1")]
pub struct Add {
    /// Its name, unique in the cluster
    #[arg(value_name = "POOL")]
    pool: Name,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Add {
    pub fn operation(&self) -> Operation {
        Operation::AddPool { name: self.pool.clone() }
    }

    pub fn done(&self) -> String {
        format!("pool {} added", self.pool)
    }
}
