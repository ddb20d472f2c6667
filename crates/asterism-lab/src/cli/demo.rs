//! `asterism-lab demo`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use asterism_lab::sandbox;
use clap::Args;

use super::Size;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  asterism-lab demo
  asterism-lab demo --xapi 0                          plain Open vSwitch hosts alone
  asterism-lab demo --tls --keep /tmp/demo            OVSDB over TLS; logs and databases are kept")]
pub(crate) struct Demo {
    #[command(flatten)]
    size: Size,
    /// Copy logs, configurations and databases here in the end
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Size { pools, hosts, controllers, .. } = self.size;
        ensure!(
            pools >= 3 && hosts >= 3,
            "the story needs 3 pools of 3 hosts at least, not {pools} of {hosts}"
        );
        ensure!(controllers >= 3, "the story kills the leader: it needs 3 controllers, not {controllers}");
        sandbox::enter()?;
        let held = crate::demo::tell(self.size.builder(1), self.keep)?;
        Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
