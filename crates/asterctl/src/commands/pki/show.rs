//! `asterctl pki show`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::{DirArgs, show, unreadable};
use crate::{exit::Problem, view::certificate::Standing};

/// Shows certificates: whose they are, what their holders may do, and how long they last.
///
/// Exit code 8 when one ends soon, 9 when one has ended.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl pki show
  asterctl pki show /etc/asterism/certificates/node1.pem -o json | jq '.days_left'")]
pub struct Show {
    /// Certificates, PEM; without any, all in DIR
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    dir: DirArgs,
}

impl Show {
    pub fn run(self) -> Result<()> {
        let paths = if self.files.is_empty() { certificates_in(&self.dir.dir)? } else { self.files };
        let shown = show(self.dir.output.output, &paths)?;
        let with = |standing: Standing| {
            let files = shown.iter().filter(move |certificate| certificate.standing == standing);
            files.map(|certificate| certificate.file.as_str()).collect::<Vec<_>>().join(", ")
        };
        let (ended, soon) = (with(Standing::NotValid), with(Standing::EndsSoon));
        if !ended.is_empty() {
            return Err(Problem::NotWell(format!("not valid at this time: {ended}")).into());
        }
        if !soon.is_empty() {
            return Err(Problem::NotReached(format!("time to renew: {soon}")).into());
        }
        Ok(())
    }
}

/// The certificates of a directory, by name.
pub fn certificates_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).map_err(|error| unreadable(dir, &error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(dir, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
