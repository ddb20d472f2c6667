//! `asterctl pool list`

use anyhow::Result;
use asterism_api::v1;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::Context,
    output,
    view::{index_of, pool::PoolView},
};

/// Lists the pools.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool list
  asterctl pool list -o json | jq -r '.items[].name'")]
pub struct List {
    #[command(flatten)]
    read: ReadArgs,
}

impl List {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::ListPoolsRequest { consistency: self.read.consistency.to_proto(), pool: None };
        let answer = context.client.call(request).await?;
        let pools: Vec<PoolView> = answer.pools.into_iter().map(PoolView::from).collect();
        output::data(&output::list(self.read.output.output, index_of(answer.mark), &pools)?)
    }
}
