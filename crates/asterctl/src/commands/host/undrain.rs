//! `asterctl host undrain`

use asterism_model::{HostRef, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Lets a host hold offices again.
///
/// Nothing moves to it for that, since elections are sticky, but where it is preferred, or a
/// pool has no standby.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host undrain p1/a
  asterctl host undrain p1/a && asterctl network move-center blue --pool p1 --to a   # and bring it in on purpose")]
pub struct Undrain {
    /// Which host
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Undrain {
    pub fn operation(&self) -> Operation {
        Operation::EnableHost { host: self.host.clone() }
    }

    pub fn done(&self) -> String {
        format!("host {} undrained", self.host)
    }
}
