//! `asterctl audit`

use std::time::Duration;

use anyhow::{Result, anyhow};
use asterism_api::v1;
use clap::Args;

use crate::{
    args::ReadArgs,
    context::Context,
    output,
    view::{audit::AuditEntryView, index_of},
};

/// Tells who changed what: when, from where, and what came of it, refusals included.
///
/// Oldest first. The cluster keeps the last two thousand entries; their sequence numbers tell how many came before. What the
/// controllers do by themselves is told by `asterctl events`. Needs the role operator.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl audit
  asterctl audit --since 2h --user alice
  asterctl audit --limit 50 -o json | jq '.items[] | select(.result != \"applied\")'")]
pub struct Audit {
    /// Only what is younger than this, as 30m, 2h or 7days
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    since: Option<Duration>,

    /// Only what this caller asked for: the name in the certificate
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Only the newest so many
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    #[command(flatten)]
    read: ReadArgs,
}

impl Audit {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::ListAuditRequest {
            consistency: self.read.consistency.to_proto(),
            since_ms: self.since.map(before).transpose()?.unwrap_or(0),
            user: self.user.unwrap_or_default(),
            limit: self.limit.unwrap_or(0),
        };
        let answer = context.client.call(request).await?;
        let entries: Vec<AuditEntryView> = answer.entries.into_iter().map(AuditEntryView::from).collect();
        output::data(&output::list(self.read.output.output, index_of(answer.mark), &entries)?)?;
        if answer.dropped > 0 {
            output::notice(&format!("entries 1 to {} are no longer kept", answer.dropped));
        }
        Ok(())
    }
}

/// That long ago by this machine's clock, in milliseconds since the Unix epoch.
#[allow(clippy::disallowed_methods)] // "two hours ago" is the operator's now
fn before(ago: Duration) -> Result<u64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.saturating_sub(ago);
    u64::try_from(since.as_millis()).map_err(|_| anyhow!("the clock of this machine is beyond all years"))
}
