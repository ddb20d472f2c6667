//! `asterctl host remove`

use asterism_model::{HostRef, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Removes a host: takes Asterism's bridges and tunnels off it, then forgets it.
///
/// A bridge that still holds a VM's port is never deleted; move the VMs away first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host remove p1/a
  asterctl host remove p1/a --force   # it is broken for good: forget it at once, whatever is left on it")]
pub struct Remove {
    /// Which host
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    /// Forget it at once, whatever its OVSDB holds
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Remove {
    pub fn operation(&self) -> Operation {
        Operation::RemoveHost { host: self.host.clone(), force: self.force }
    }

    pub fn done(&self) -> String {
        let how = if self.force { "removed" } else { "leaving" };
        format!("host {} {how}", self.host)
    }
}
