//! `asterctl snapshot inspect`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::read;
use crate::{
    output::{self, OutputArgs},
    view::snapshot::SnapshotView,
};

/// Shows what is in a snapshot file, after checking it; asks no replica
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl snapshot inspect asterism.snapshot
  asterctl snapshot inspect asterism.snapshot -o json | jq .epoch")]
pub struct Inspect {
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    output: OutputArgs,
}

impl Inspect {
    pub fn run(self) -> Result<()> {
        let (bytes, backup) = read(&self.file)?;
        let view = SnapshotView::new(&self.file, bytes.len(), &backup);
        output::data(&output::item(self.output.output, Some(backup.head.index), &view)?)
    }
}
