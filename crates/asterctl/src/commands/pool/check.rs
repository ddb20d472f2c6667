//! `asterctl pool check`

use anyhow::Result;
use asterism_api::v1::{self, check_pool_request::Subject};
use asterism_model::Name;
use clap::Args;

use crate::{
    args::AccessArgs,
    context::Context,
    exit::{Problem, usage},
    output::{self, OutputArgs},
    view::pool_check::PoolCheckView,
};

/// Says all that would stop a private network in a pool behind a XAPI.
///
/// The leader logs into the pool and looks; it changes nothing, there or here. Exit code 0 if nothing is wrong, 8 if
/// nothing is worse than a warning, 9 if something would stop a network.
#[derive(Debug, Args)]
#[command(after_help = "\
What is looked at: versions, the switch of every host, transports without addresses and their MTU, certificates of other SDN
controllers, other SDN controllers, Xen Orchestra's keys, and whether the hosts' OVSDBs (TCP 6640) can be reached.

Examples:
  asterctl pool check xcp
  asterctl pool check --xapi https://10.30.0.1 --user root --trust-on-first-use   # before it is added
  asterctl pool check xcp -o json | jq -r '.items[] | select(.severity == \"blocking\") | .text'")]
pub struct Check {
    /// A pool that was added; one that was not is named by --xapi
    #[arg(value_name = "POOL")]
    pool: Option<Name>,

    #[command(flatten)]
    access: AccessArgs,

    #[command(flatten)]
    output: OutputArgs,
}

impl Check {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::CheckPoolRequest { subject: Some(self.subject()?) };
        let view = PoolCheckView::from(context.client.call(request).await?);
        output::data(&output::item(self.output.output, None, &view)?)?;
        match view.severity.as_str() {
            "blocking" => Err(Problem::NotWell(view.summary()).into()),
            "warning" => Err(Problem::NotReached(view.summary()).into()),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// Neither a pool nor an address is given, or both.
    pub fn subject(&self) -> Result<Subject> {
        match (&self.pool, self.access.is_any_given()) {
            (Some(pool), false) => Ok(Subject::Pool(pool.to_string())),
            (Some(_), true) => {
                Err(usage("a pool that was added is checked as it is: leave the other options out"))
            }
            (None, true) => Ok(Subject::Access(self.access.whole()?)),
            (None, false) => {
                Err(usage("which pool? Give its name, or --xapi https://HOST of one that is not added"))
            }
        }
    }
}
