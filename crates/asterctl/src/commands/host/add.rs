//! `asterctl host add`

use anyhow::Result;
use asterism_model::{Datapath, HostRef, HostSpec, Operation, OvsdbEndpoint};
use clap::{Args, ValueEnum};

use crate::args::{TransportArg, WriteArgs, transports};

/// Adds a host to a pool, and to the pool's networks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host add p1/a --ovsdb tcp:10.10.1.1 --transport storage=10.20.1.1
  asterctl host add p1/b --ovsdb ssl:10.10.1.2:6640 --transport storage=10.20.1.2,mtu=9000 --transport vm=10.30.1.2
  asterctl host add lab/a --ovsdb tcp:10.10.1.1 --transport net=10.20.1.1 --datapath netdev")]
pub struct Add {
    /// Its pool, which is there already, and its name, unique in the pool
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    // Not a doc comment: rustdoc would take the brackets for links.
    #[arg(
        long,
        value_name = "ENDPOINT",
        help = "Where its OVSDB answers: tcp:IP[:PORT], ssl:IP[:PORT] or unix:/PATH"
    )]
    ovsdb: OvsdbEndpoint,

    /// An address that carries tunnels, under the name of the network that it reaches, the same on every host [mtu: 1500]
    #[arg(long = "transport", value_name = "NAME=ADDRESS[,mtu=BYTES]", required = true)]
    transports: Vec<TransportArg>,

    /// Which of Open vSwitch's datapaths its bridges run on
    #[arg(long, value_enum, default_value_t = DatapathArg::System)]
    datapath: DatapathArg,

    #[command(flatten)]
    pub write: WriteArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DatapathArg {
    /// The kernel's
    System,
    /// Userspace: DPDK, or no kernel module
    Netdev,
}

impl Add {
    pub fn operation(&self) -> Result<Operation> {
        let host = HostSpec {
            name: self.host.host.clone(),
            ovsdb: self.ovsdb.clone(),
            datapath: match self.datapath {
                DatapathArg::System => Datapath::System,
                DatapathArg::Netdev => Datapath::Netdev,
            },
            transports: transports(&self.transports)?,
        };
        Ok(Operation::AddHost { pool: self.host.pool.clone(), host })
    }

    pub fn done(&self) -> String {
        format!("host {} added", self.host)
    }
}
