//! `asterctl network update`

use std::collections::BTreeMap;

use anyhow::Result;
use asterism_api::Client;
use asterism_model::{HostRef, Name, NetworkChange, Operation};
use clap::Args;

use super::{DetectionArg, ResilienceArg};
use crate::{
    args::{AttachmentArg, WriteArgs, attachments},
    exit::usage,
};

/// Changes a network; what is not named stays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network update blue --mtu 8900
  asterctl network update blue --pool p3:storage --remove-pool p2
  asterctl network update blue --prefer-pool p1 --prefer-host p1/a
  asterctl network update blue --resilience dual      # loses nothing, back to single neither
  asterctl network update blue --no-prefer-pool --no-prefer-host p1")]
pub struct Update {
    /// Which network
    #[arg(value_name = "NETWORK")]
    network: Name,

    /// A pool to add, or to attach in another way
    #[arg(long = "pool", value_name = "POOL:TRANSPORT[,prefer=HOST]")]
    pools: Vec<AttachmentArg>,

    /// A pool to take out
    #[arg(long = "remove-pool", value_name = "POOL")]
    remove_pools: Vec<Name>,

    /// Largest IP packet that a VM may send
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u16>,

    /// How much redundancy its tunnels have
    #[arg(long, value_enum)]
    resilience: Option<ResilienceArg>,

    /// How fast its hosts notice that a tunnel is dead
    #[arg(long, value_enum)]
    detection: Option<DetectionArg>,

    /// The pool that shall be pool-center while it is able
    #[arg(long, value_name = "POOL", conflicts_with = "no_prefer_pool")]
    prefer_pool: Option<Name>,

    /// Prefer no pool
    #[arg(long)]
    no_prefer_pool: bool,

    /// The host that shall be its pool's star-center while it is able
    #[arg(long = "prefer-host", value_name = "POOL/HOST")]
    prefer_hosts: Vec<HostRef>,

    /// A pool in which to prefer no host
    #[arg(long = "no-prefer-host", value_name = "POOL")]
    no_prefer_hosts: Vec<Name>,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Update {
    pub async fn operation(&self, client: &mut Client) -> Result<Operation> {
        let change = NetworkChange {
            mtu: self.mtu,
            resilience: self.resilience.map(Into::into),
            detection: self.detection.map(Into::into),
            set_pools: attachments(client, &self.pools).await?,
            remove_pools: self.remove_pools.clone(),
            prefer_hosts: self.preferences()?,
            prefer_pool: match (&self.prefer_pool, self.no_prefer_pool) {
                (Some(pool), _) => Some(Some(pool.clone())),
                (None, true) => Some(None),
                (None, false) => None,
            },
        };
        if change == NetworkChange::default() {
            return Err(usage("nothing to change: see `asterctl network update --help` for what can be"));
        }
        Ok(Operation::UpdateNetwork { network: self.network.clone(), change })
    }

    fn preferences(&self) -> Result<BTreeMap<Name, Option<Name>>> {
        let prefer = self.prefer_hosts.iter().map(|HostRef { pool, host }| (pool, Some(host.clone())));
        let no_prefer = self.no_prefer_hosts.iter().map(|pool| (pool, None));
        let mut preferences = BTreeMap::new();
        for (pool, host) in prefer.chain(no_prefer) {
            if preferences.insert(pool.clone(), host).is_some() {
                let problem = format!("--prefer-host: pool `{pool}` is given twice; expected each pool once");
                return Err(usage(problem));
            }
        }
        Ok(preferences)
    }

    pub fn done(&self) -> String {
        format!("network {} updated", self.network)
    }
}
