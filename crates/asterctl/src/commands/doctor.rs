//! `asterctl doctor`

use anyhow::Result;
use clap::Args;

use super::check::verdict;
use crate::{
    context::Context,
    health::{Check, Facts, examine},
    output::{self, Format, OutputArgs},
    view::diagnosis::DiagnosisView,
};

/// Says what is wrong and what to do about it, worst first.
///
/// It looks at all that `check` and `verify` look at. Exit codes are those of `check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  asterctl doctor
  asterctl doctor -o json | jq -r '.symptoms[] | select(.severity == \"critical\") | .remedy'")]
pub struct Doctor {
    #[command(flatten)]
    output: OutputArgs,
}

impl Doctor {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let facts = Facts::gather(&mut context.client).await?;
        let view = DiagnosisView::of(&Check::ALL, examine(&facts));
        let text = match self.output.output {
            Format::Table => view.prescription(),
            format @ (Format::Json | Format::Yaml) => output::item(format, None, &view)?,
        };
        output::data(&text)?;
        verdict(&view)
    }
}
