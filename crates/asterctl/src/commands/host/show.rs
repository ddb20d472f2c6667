//! `asterctl host show`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::HostRef;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::{Context, only},
    output,
    view::{host::HostView, index_of},
};

/// Shows one host: what is kept of it, and what the leader sees.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl host show p1/a")]
pub struct Show {
    /// Which host
    #[arg(value_name = "POOL/HOST")]
    host: HostRef,

    #[command(flatten)]
    read: ReadArgs,
}

impl Show {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::ListHostsRequest {
            consistency: self.read.consistency.to_proto(),
            pool: None,
            host: Some(self.host.to_string()),
        };
        let answer = context.client.call(request).await?;
        let host = HostView::from(only(answer.hosts)?);
        output::data(&output::item(self.read.output.output, Some(index_of(answer.mark)), &host)?)
    }
}
