//! `asterctl pki issue`

use anyhow::Result;
use asterism_model::{AccessRole, Name, NodeId};
use asterism_pki::{Subject, files};
use clap::{ArgGroup, Args};

use super::{DirArgs, now, problem};

/// Makes another certificate: for a node, a person or program, or toward hosts' databases.
///
/// A viewer looks, an operator changes pools, hosts and networks, an admin the cluster itself. The name stands in the audit
/// trail beside all that its holder changes. The files are called after it.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("holder").required(true).args(["node", "role", "ovsdb"])),
    after_help = "\
Examples:
  asterctl pki issue --role operator --name alice
  asterctl pki issue --role viewer --name grafana --days 365
  asterctl pki issue --node 4 --address 10.0.0.4
  asterctl pki issue --ovsdb --dir other"
)]
pub struct Issue {
    /// For this node
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..), requires = "addresses")]
    node: Option<u64>,

    /// An IP address or DNS name that the node is reached at; again for more
    #[arg(long = "address", value_name = "ADDRESS", requires = "node", conflicts_with_all = ["role", "ovsdb"])]
    addresses: Vec<String>,

    /// For somebody who may do this: viewer, operator or admin
    #[arg(long, requires = "name")]
    role: Option<AccessRole>,

    /// Who it is
    #[arg(long, requires = "role", conflicts_with_all = ["node", "ovsdb"])]
    name: Option<Name>,

    /// For what the controllers show to hosts' databases
    #[arg(long)]
    ovsdb: bool,

    /// How long it lasts, in days [default: a node's 90, a person's 30, toward hosts 365]
    #[arg(long, value_name = "DAYS")]
    days: Option<i64>,

    #[command(flatten)]
    dir: DirArgs,
}

impl Issue {
    pub fn run(self) -> Result<()> {
        let subject = self.subject();
        let authority = files::open_authority(&self.dir.dir).map_err(problem)?;
        let days = self.days.unwrap_or_else(|| subject.days());
        let issued = authority.issue(&subject, now(), days).map_err(problem)?;
        let name = subject.common_name();
        files::write_pair(&self.dir.dir, &name, &issued).map_err(problem)?;
        self.dir.tell(&[name])
    }

    fn subject(&self) -> Subject {
        match (self.node, self.role, &self.name) {
            (Some(node), _, _) => Subject::Node { node: NodeId(node), addresses: self.addresses.clone() },
            (None, Some(role), Some(name)) => Subject::Caller { name: name.clone(), role },
            // clap lets nothing else through.
            (None, _, _) => Subject::Ovsdb,
        }
    }
}
