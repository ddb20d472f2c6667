//! `asterctl snapshot restore`

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use asterism_api::client::RestoreSnapshot;
use clap::Args;

use super::read;
use crate::{
    context::Context,
    exit::usage,
    output::{self, OutputArgs},
    view::{receipt::ReceiptView, snapshot::SnapshotView},
};

/// Puts a snapshot's state in the place of the running cluster's, as a new timeline.
///
/// Hosts, networks and choices are then as they were; networks made since are taken off the hosts (bridges with VMs in them
/// stay), hosts added since are leaving. Members, ids and the story go on. The epoch is raised, so that hosts refuse every leader of the
/// old timeline. Without --yes it only shows the file. For new, empty replicas there is `asterctl cluster init --restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl snapshot restore asterism.snapshot
  asterctl snapshot restore asterism.snapshot --yes && asterctl verify")]
pub struct Restore {
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Do it
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    output: OutputArgs,
}

impl Restore {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let (bytes, backup) = read(&self.file)?;
        if !self.yes {
            let view = SnapshotView::new(&self.file, bytes.len(), &backup);
            output::data(&output::item(self.output.output, Some(backup.head.index), &view)?)?;
            return Err(usage(
                "nothing was changed; give --yes to put this state in the place of the cluster's",
            ));
        }
        let receipt = context.client.call(RestoreSnapshot(Arc::from(bytes))).await?;
        let done = format!("state of {} restored; a new timeline begins", self.file.display());
        let view = ReceiptView::new(&receipt, "committed", done);
        output::data(&output::item(self.output.output, Some(receipt.index), &view)?)
    }
}
