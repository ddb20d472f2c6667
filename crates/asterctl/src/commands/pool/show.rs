//! `asterctl pool show`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::Name;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::{Context, only},
    output,
    view::{index_of, pool::PoolView},
};

/// Shows one pool; of one behind a XAPI also the session with it, its hosts, and what can carry tunnels there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool show p1
  asterctl pool show xcp -o json | jq .xapi.status")]
pub struct Show {
    /// Which pool
    #[arg(value_name = "POOL")]
    pool: Name,

    #[command(flatten)]
    read: ReadArgs,
}

impl Show {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::ListPoolsRequest {
            consistency: self.read.consistency.to_proto(),
            pool: Some(self.pool.to_string()),
        };
        let answer = context.client.call(request).await?;
        let pool = PoolView::from(only(answer.pools)?);
        output::data(&output::item(self.read.output.output, Some(index_of(answer.mark)), &pool)?)
    }
}
