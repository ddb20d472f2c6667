//! `asterctl pki init`

use anyhow::Result;
use asterism_model::{Name, NodeId};
use asterism_pki::{Outset, Subject};
use clap::Args;

use super::{DirArgs, now, problem};

/// Makes an authority, and all that a cluster starts with.
///
/// An authority (ca), a certificate for each node, one for an admin, one that controllers show to hosts' databases (ovsdb), and
/// cluster.key, which seals pools' passwords. Keys are readable by their owner only, and nothing is ever overwritten. Keep
/// ca.key away from the nodes: whoever has it can make itself an admin.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pki init --node 1=10.0.0.1 --node 2=10.0.0.2 --node 3=10.0.0.3
  asterctl pki init --dir lab --node 1=127.0.0.1 --admin alice")]
pub struct Init {
    /// A node: its id, and the IP addresses or DNS names that it is reached at
    #[arg(long = "node", value_name = "ID=ADDRESS[,ADDRESS]", value_parser = node)]
    nodes: Vec<Subject>,

    /// Who administers the cluster
    #[arg(long, value_name = "NAME", default_value = "admin")]
    admin: Name,

    /// How long the authority lasts, in days
    #[arg(long, value_name = "DAYS", default_value_t = 3650)]
    days: i64,

    #[command(flatten)]
    dir: DirArgs,
}

impl Init {
    pub fn run(self) -> Result<()> {
        let outset = Outset { nodes: self.nodes, admin: self.admin, days: self.days };
        let names = outset.make(&self.dir.dir, now()).map_err(problem)?;
        self.dir.tell(&names)
    }
}

fn node(text: &str) -> Result<Subject, String> {
    let malformed = || format!("`{text}` is not a node: expected ID=ADDRESS, as 1=10.0.0.1");
    let (id, addresses) = text.split_once('=').ok_or_else(malformed)?;
    let id: u64 = id.parse().ok().filter(|id| *id > 0).ok_or_else(malformed)?;
    let addresses: Vec<String> = addresses.split(',').map(str::to_owned).collect();
    if addresses.iter().any(String::is_empty) {
        return Err(malformed());
    }
    Ok(Subject::Node { node: NodeId(id), addresses })
}
