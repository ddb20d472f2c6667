//! `asterctl snapshot verify`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::read;
use crate::{exit::Problem, output};

/// Checks snapshot files: their checksums, their form, and that their states are valid.
///
/// Exit code 3 for a file that is not whole, 9 for one whose state breaks a rule. Asks no replica.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl snapshot verify asterism.snapshot
  asterctl snapshot verify /var/lib/asterism/backups/*.snapshot")]
pub struct Verify {
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Verify {
    pub fn run(self) -> Result<()> {
        for file in &self.files {
            let (_, backup) = read(file)?;
            let violations = backup.state.violations();
            if !violations.is_empty() {
                return Err(Problem::NotWell(format!("{}: {}", file.display(), violations.join("; "))).into());
            }
            output::data(&format!("{}: whole, digest {}\n", file.display(), backup.head.digest))?;
        }
        Ok(())
    }
}
