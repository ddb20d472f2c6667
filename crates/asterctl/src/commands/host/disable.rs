//! `asterctl host disable`

use asterism_model::{HostRef, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Makes a host no star-center, for maintenance: its VMs stay connected, and a star that it centers moves to another.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host disable p1/a")]
pub struct Disable {
    /// Which host
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Disable {
    pub fn operation(&self) -> Operation {
        Operation::DisableHost { host: self.host.clone() }
    }

    pub fn done(&self) -> String {
        format!("host {} disabled", self.host)
    }
}
