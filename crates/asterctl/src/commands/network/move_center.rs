//! `asterctl network move-center`

use anyhow::Result;
use asterism_model::{HostRef, Name, Operation};
use clap::Args;

use crate::{args::WriteArgs, exit::usage, wait::moves::Goal};

/// Makes a host the star-center of its pool, make before break.
///
/// It stays center until something befalls it, or it is moved again. Asked for the host that is center, it takes back a move
/// that is under way. For a host that shall be center whenever it can, see `asterctl network update --prefer-host`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network move-center blue --pool p1 --to b
  asterctl network move-center blue --to p1/b")]
pub struct MoveCenter {
    /// Which network
    #[arg(value_name = "NETWORK")]
    network: Name,

    /// The host's pool
    #[arg(long, value_name = "POOL")]
    pool: Option<Name>,

    /// Who is to be star-center: a host of the pool, or POOL/HOST
    #[arg(long, value_name = "HOST")]
    to: String,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl MoveCenter {
    fn host(&self) -> Result<HostRef> {
        let host: HostRef = match (&self.pool, self.to.contains('/')) {
            (_, true) => self.to.parse().map_err(|problem| usage(format!("--to: {problem}")))?,
            (Some(pool), false) => {
                let host = self.to.parse().map_err(|problem| usage(format!("--to: {problem}")))?;
                HostRef { pool: pool.clone(), host }
            }
            (None, false) => {
                return Err(usage(format!("--pool: whose host is `{}`? expected --pool POOL", self.to)));
            }
        };
        match &self.pool {
            Some(pool) if *pool != host.pool => {
                Err(usage(format!("--to: `{host}` is no host of pool `{pool}`; expected one of it")))
            }
            Some(_) | None => Ok(host),
        }
    }

    pub fn operation(&self) -> Result<Operation> {
        Ok(Operation::MoveCenter { network: self.network.clone(), host: self.host()? })
    }

    pub fn goal(&self) -> Result<Goal> {
        Ok(Goal::Center { network: self.network.clone(), host: self.host()? })
    }

    pub fn done(&self) -> Result<String> {
        let host = self.host()?;
        let subject = format!("star-center of {} in network {}", host.pool, self.network);
        Ok(self.write.done(&subject, &format!("moved to {host}"), &format!("moves to {host}")))
    }
}
