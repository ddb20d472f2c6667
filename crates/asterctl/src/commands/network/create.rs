//! `asterctl network create`

use anyhow::Result;
use asterism_api::Client;
use asterism_model::{Name, NetworkSpec, Operation, Vni};
use clap::Args;

use super::{DetectionArg, EncapsulationArg, ResilienceArg, parse_vni};
use crate::args::{AttachmentArg, WriteArgs, attachments};

/// Creates a private network over one pool or several.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl network create blue --pool p1:storage --pool p2:storage --encapsulation vxlan
  asterctl network create green --pool p1:vm --encapsulation gre --wait verified
  asterctl network create red --pool p1:storage,prefer=a --pool p2:storage --prefer-pool p1 --mtu 1400 --vni 100
  asterctl network create voice --pool p1:storage --detection fast   # find dead tunnels within 50 ms
  asterctl network create gray --pool xcp:network=Storage --pool p1:storage
  asterctl network create plain --pool p1:storage --resilience single")]
pub struct Create {
    /// Its name, unique in the cluster
    #[arg(value_name = "NETWORK")]
    network: Name,

    /// A pool, the transport of its hosts that carries the tunnels, and who shall be star-center there if able; in a pool
    /// behind a XAPI, POOL:network=NAME finds the transport by that network's label, bridge or uuid
    #[arg(long = "pool", value_name = "POOL:TRANSPORT[,prefer=HOST]", required = true)]
    pools: Vec<AttachmentArg>,

    /// How frames are wrapped between hosts
    #[arg(long, value_enum, default_value_t = EncapsulationArg::Vxlan)]
    encapsulation: EncapsulationArg,

    /// Largest IP packet that a VM may send [default: what every transport carries, 1500 at most]
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u16>,

    /// The number that tells its frames from others', 1 to 16777215 [default: a free one]
    #[arg(long, value_parser = parse_vni)]
    vni: Option<Vni>,

    /// How much redundancy its tunnels have
    #[arg(long, value_enum, default_value_t = ResilienceArg::Dual)]
    resilience: ResilienceArg,

    /// How fast its hosts notice that a tunnel is dead
    #[arg(long, value_enum, default_value_t = DetectionArg::Normal)]
    detection: DetectionArg,

    /// The pool that shall be pool-center while it is able
    #[arg(long, value_name = "POOL")]
    prefer_pool: Option<Name>,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Create {
    pub async fn operation(&self, client: &mut Client) -> Result<Operation> {
        Ok(Operation::CreateNetwork(NetworkSpec {
            name: self.network.clone(),
            encapsulation: self.encapsulation.into(),
            mtu: self.mtu,
            vni: self.vni,
            resilience: self.resilience.into(),
            detection: self.detection.into(),
            pools: attachments(client, &self.pools).await?,
            preferred_pool: self.prefer_pool.clone(),
        }))
    }

    pub fn done(&self) -> String {
        format!("network {} created", self.network)
    }
}
