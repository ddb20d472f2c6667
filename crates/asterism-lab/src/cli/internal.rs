//! Commands for the laboratory's own use.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use asterism_lab::sandbox;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Internal {
    /// Run a command inside a sandbox of its own, without any laboratory.
    Sandbox {
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Run a scenario file once, in a sandbox of its own; what was seen goes to standard output as JSON.
    Scenario(super::scenario::Once),
}

impl Internal {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let command = match self {
            Self::Sandbox { command } => command,
            Self::Scenario(once) => return once.run(),
        };
        sandbox::enter()?;
        let Some((program, args)) = command.split_first() else { bail!("no command after --") };
        let status = Command::new(program)
            .args(args)
            .status()
            .with_context(|| format!("running {} in the sandbox", program.display()))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
