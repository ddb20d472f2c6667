//! `asterctl host drain`

use asterism_model::{HostRef, Operation};
use clap::Args;

use crate::{args::WriteArgs, wait::moves::Goal};

/// Leads traffic away from a host, for maintenance.
///
/// Its offices (star-center, standby) go to other hosts. Make before break: few packets are lost by it, and its VMs stay
/// connected. The command returns when the host holds no office in any network; from then on, nobody's frames but its own
/// VMs' go through it. It stays so until `asterctl host undrain`. Where a pool has no other able host, the host stays
/// center there, and the command says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host drain p1/a
  asterctl host drain p1/a --wait-timeout 5m
  asterctl host drain p1/a --wait committed   # return at once; see `asterctl host show p1/a` for how far it is")]
pub struct Drain {
    /// Which host
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Drain {
    pub fn operation(&self) -> Operation {
        Operation::DisableHost { host: self.host.clone() }
    }

    pub fn goal(&self) -> Goal {
        Goal::Drained { host: self.host.clone() }
    }

    pub fn done(&self) -> String {
        self.write.done(&format!("host {}", self.host), "drained", "is being drained")
    }
}
