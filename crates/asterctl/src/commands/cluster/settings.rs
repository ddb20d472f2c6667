//! `asterctl cluster settings`

use anyhow::Result;
use asterism_api::v1;
use asterism_model::{Mode, Operation, SettingsChange};
use clap::{Args, ValueEnum};

use crate::{
    args::{ConsistencyArgs, WriteArgs},
    context::Context,
    output,
    view::{index_of, settings::SettingsView},
};

/// Shows what is set for the whole cluster, or changes it.
///
/// In read-only mode the leader looks at the hosts and shows what differs, and writes nothing to them: networks stay as they
/// are and heal in the data plane, and nobody is elected.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl cluster settings
  asterctl cluster settings --bfd-budget 8000
  asterctl cluster settings --mode read-only && asterctl verify
  asterctl cluster settings --mode active")]
pub struct Settings {
    /// How many BFD packets a host may send in a second, over all of its tunnels: 100 to 1000000
    #[arg(long, value_name = "PACKETS/S")]
    bfd_budget: Option<u32>,

    /// Whether the leader acts upon what it sees
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,

    #[command(flatten)]
    consistency: ConsistencyArgs,

    #[command(flatten)]
    write: WriteArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArg {
    /// It programs hosts and elects centers
    Active,
    /// It only looks
    ReadOnly,
}

impl Settings {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        if let Some(operation) = self.operation() {
            return context.write(&self.write, &operation, "settings changed".into()).await;
        }
        let request = v1::GetSettingsRequest { consistency: self.consistency.to_proto() };
        let answer = context.client.call(request).await?;
        let view = SettingsView::from(answer.settings.unwrap_or_default());
        output::data(&output::item(self.write.output.output, Some(index_of(answer.mark)), &view)?)
    }

    /// `None`: only to be shown.
    pub fn operation(&self) -> Option<Operation> {
        let mode = self.mode.map(|mode| match mode {
            ModeArg::Active => Mode::Active,
            ModeArg::ReadOnly => Mode::ReadOnly,
        });
        let change = SettingsChange { bfd_budget: self.bfd_budget, mode };
        (change != SettingsChange::default()).then_some(Operation::ChangeSettings(change))
    }
}
