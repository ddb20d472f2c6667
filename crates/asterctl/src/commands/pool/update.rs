//! `asterctl pool update`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::Name;
use clap::Args;

use super::learnt;
use crate::{
    args::{AccessArgs, WriteArgs},
    context::Context,
    exit::usage,
    output,
};

/// Changes how a pool's XAPI is reached: another password, address, user or certificate.
///
/// What is not named stays. The leader tries it before it is stored. Networks and hosts are not touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool update xcp --password                  # asks for the new password
  asterctl pool update xcp --password-file pw
  asterctl pool update xcp --fingerprint AB:CD:...     # its hosts have new certificates
  asterctl pool update xcp --xapi https://10.30.0.2 --xapi https://10.30.0.3")]
pub struct Update {
    /// Which pool
    #[arg(value_name = "POOL")]
    pool: Name,

    /// Change the password: that in ASTERISM_XAPI_PASSWORD, or one that is asked for
    #[arg(long, conflicts_with = "password_file", help_heading = "XAPI")]
    password: bool,

    #[command(flatten)]
    access: AccessArgs,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Update {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        if !self.password && !self.access.is_any_given() {
            return Err(usage("nothing to change: see `asterctl pool update --help` for what can be"));
        }
        let access = self.access.change(self.pool.as_str(), self.password)?;
        let request = v1::ChangeXapiAccessRequest {
            request_id: None,
            pool: self.pool.to_string(),
            access: Some(access),
        };
        let answer = context
            .commit_as(&self.write, |id| v1::ChangeXapiAccessRequest { request_id: Some(id), ..request })
            .await?;
        let trusted = answer.survey.as_ref().and_then(|survey| learnt(&self.access, survey));
        if let Some(trusted) = trusted {
            output::notice(&trusted);
        }
        let receipt = answer.receipt.unwrap_or_default();
        context.reach(&self.write, &receipt, None, format!("pool {} updated", self.pool)).await
    }
}
