//! `asterctl host enable`

use asterism_model::{HostRef, Operation};
use clap::Args;

use crate::args::WriteArgs;

/// Lets a host be star-center again. No center moves for it: elections are sticky.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host enable p1/a")]
pub struct Enable {
    /// Which host
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Enable {
    pub fn operation(&self) -> Operation {
        Operation::EnableHost { host: self.host.clone() }
    }

    pub fn done(&self) -> String {
        format!("host {} enabled", self.host)
    }
}
