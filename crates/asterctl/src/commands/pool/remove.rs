//! `asterctl pool remove`

use asterism_model::{Name, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Removes a pool that is part of no network.
///
/// A static pool must be without hosts. The hosts of a pool behind a XAPI leave with it: our bridges' ports are taken off
/// them first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool remove p1
  asterctl pool remove xcp --force   # its hosts are gone for good: forget them at once")]
pub struct Remove {
    /// Which pool
    #[arg(value_name = "POOL")]
    pool: Name,

    /// Forget the hosts of a pool behind a XAPI at once, whatever their OVSDBs hold
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Remove {
    pub fn operation(&self) -> Operation {
        Operation::RemovePool { pool: self.pool.clone(), force: self.force }
    }

    pub fn done(&self) -> String {
        format!("pool {} removed", self.pool)
    }
}
