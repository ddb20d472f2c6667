//! `asterctl manual`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory};

use crate::{cli::Cli, output};

/// Writes the manual pages, one for each command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl manual ~/.local/share/man/man1")]
pub struct Manual {
    /// Where to; a directory that is there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Manual {
    pub fn run(&self) -> Result<()> {
        let shown = self.directory.display();
        clap_mangen::generate_to(Cli::command(), &self.directory)
            .with_context(|| format!("writing to {shown}"))?;
        output::data(&format!("manual pages written to {shown}\n"))
    }
}
