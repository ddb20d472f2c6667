//! `asterctl pool add`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::{Name, Operation};
use clap::Args;

use super::learnt;
use crate::{
    args::{AccessArgs, WriteArgs},
    context::Context,
    exit::usage,
    output,
    wait::moves::Goal,
};

/// Adds a pool: hosts that are managed together.
///
/// Without --xapi it is a static pool, whose hosts you add. With it, a pool of XCP-ng or XenServer: its hosts come, change
/// and go as its XAPI says. The leader logs in and looks at the pool before anything is stored; `asterctl pool check` tells
/// beforehand what would stand in the way of a network there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pool add p1
  asterctl pool add xcp --xapi https://10.30.0.1 --trust-on-first-use          # asks for root's password
  asterctl pool add xcp --xapi https://10.30.0.1 --user asterism --password-file pw --fingerprint AB:CD:...
  ASTERISM_XAPI_PASSWORD=... asterctl pool add xcp --xapi https://xcp1.example.org --xapi-ca pool-ca.pem")]
pub struct Add {
    /// Its name, unique in the cluster
    #[arg(value_name = "POOL")]
    pool: Name,

    #[command(flatten)]
    access: AccessArgs,

    #[command(flatten)]
    pub write: WriteArgs,
}

impl Add {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        if !self.access.is_given() {
            let done = format!("pool {} added", self.pool);
            return context.write(&self.write, &self.operation()?, done).await;
        }
        let request = v1::AddXapiPoolRequest {
            request_id: None,
            name: self.pool.to_string(),
            access: Some(self.access.whole()?),
        };
        let answer = context
            .commit_as(&self.write, |id| v1::AddXapiPoolRequest { request_id: Some(id), ..request })
            .await?;
        let receipt = answer.receipt.unwrap_or_default();
        let mut done = format!("pool {} added", self.pool);
        if let Some(survey) = answer.survey {
            if let Some(trusted) = learnt(&self.access, &survey) {
                output::notice(&trusted);
            }
            let hosts: Vec<&str> = survey.hosts.iter().map(|host| host.name.as_str()).collect();
            done = format!("{done}: `{}` with {}", survey.label, hosts.join(", "));
        }
        let goal = Goal::Read { pool: self.pool.clone() };
        context.reach(&self.write, &receipt, Some(goal), done).await
    }

    /// That of a static pool.
    ///
    /// # Errors
    /// Options of a XAPI without its address.
    pub fn operation(&self) -> Result<Operation> {
        if self.access.is_any_given() {
            return Err(usage(
                "these options are for a pool behind a XAPI: give its address too, --xapi https://HOST",
            ));
        }
        Ok(Operation::AddPool { name: self.pool.clone() })
    }
}
