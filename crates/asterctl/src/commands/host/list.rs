//! `asterctl host list`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::Name;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::Context,
    output,
    view::{host::HostView, index_of},
};

/// Lists the hosts, with what the leader sees of them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host list
  asterctl host list --pool p1
  asterctl host list -o json | jq -r '.items[] | select(.status.target != \"reached\") | .name'")]
pub struct List {
    /// Only the hosts of this pool
    #[arg(long)]
    pool: Option<Name>,

    #[command(flatten)]
    read: ReadArgs,
}

impl List {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::ListHostsRequest {
            consistency: self.read.consistency.to_proto(),
            pool: self.pool.as_ref().map(Name::to_string),
            host: None,
        };
        let answer = context.client.call(request).await?;
        let hosts: Vec<HostView> = answer.hosts.into_iter().map(HostView::from).collect();
        output::data(&output::list(self.read.output.output, index_of(answer.mark), &hosts)?)
    }
}
