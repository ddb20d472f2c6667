//! `asterctl snapshot save`

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use asterism_api::{Class, Failure, v1};
use asterism_model::{backup::Backup, chain};
use clap::Args;

use crate::{
    args::ConsistencyArgs,
    context::Context,
    output::{self, OutputArgs},
    view::snapshot::SnapshotView,
};

/// Writes the cluster's state to a file.
///
/// The file has a checksum and tells what is in it; passwords of pools stay sealed in it. With --stale it is the state of the
/// replica that answers, and needs no quorum. The file appears whole or not at all, and is checked before it does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl snapshot save asterism.snapshot
  asterctl snapshot save /backup/$(date +%F).snapshot --stale")]
pub struct Save {
    /// Where to
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    consistency: ConsistencyArgs,

    #[command(flatten)]
    output: OutputArgs,
}

impl Save {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let request = v1::SaveSnapshotRequest { consistency: self.consistency.to_proto() };
        let answer = context.client.call(request).await?;
        let backup = Backup::decode(&answer.content)
            .map_err(|error| Failure::local(Class::Internal, format!("what came: {}", chain(&error))))?;
        write(&self.file, &answer.content).with_context(|| format!("writing {}", self.file.display()))?;
        let view = SnapshotView::new(&self.file, answer.content.len(), &backup);
        output::data(&output::item(self.output.output, Some(backup.head.index), &view)?)
    }
}

fn write(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let unfinished = file.with_file_name(name);
    let mut options = fs::OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    out.write_all(content)?;
    out.sync_all()?;
    fs::rename(unfinished, file)
}
