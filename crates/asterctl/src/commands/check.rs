//! `asterctl check`

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{
    context::Context,
    exit::Problem,
    health::{Check, Facts, Severity, examine},
    output::{self, OutputArgs},
    view::diagnosis::DiagnosisView,
};

/// Looks at one thing or at all, for monitoring: the exit code tells the worst that was found.
///
/// Exit code 0 if all is in order (notes are), 8 if there are warnings, 9 if something is critical, 5 if no replica answers or
/// it can't be told without a leader.
#[derive(Debug, Args)]
#[command(
    name = "check",
    after_help = "\
Examples:
  asterctl check all
  asterctl check quorum-critical
  asterctl check certs disk clock -o json | jq -r '.symptoms[].what'"
)]
pub struct CheckCluster {
    /// What to look at
    #[arg(value_name = "CHECK", required = true, value_enum)]
    checks: Vec<Asked>,

    #[command(flatten)]
    output: OutputArgs,
}

/// A check, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    One(Check),
    All,
}

impl ValueEnum for Asked {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Asked; 9] = [
            Asked::One(Check::QuorumCritical),
            Asked::One(Check::Digest),
            Asked::One(Check::Certs),
            Asked::One(Check::Clock),
            Asked::One(Check::Disk),
            Asked::One(Check::Hosts),
            Asked::One(Check::Pools),
            Asked::One(Check::Networks),
            Asked::All,
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        match self {
            Self::One(check) => check.to_possible_value(),
            Self::All => Some(clap::builder::PossibleValue::new("all").help("All of these")),
        }
    }
}

impl CheckCluster {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        let facts = Facts::gather(&mut context.client).await?;
        let view = DiagnosisView::of(&wanted(&self.checks), examine(&facts));
        output::data(&output::item(self.output.output, None, &view)?)?;
        verdict(&view)
    }
}

fn wanted(asked: &[Asked]) -> Vec<Check> {
    let is_asked = |check: &Check| asked.contains(&Asked::All) || asked.contains(&Asked::One(*check));
    Check::ALL.into_iter().filter(is_asked).collect()
}

/// The exit code of what was found.
///
/// # Errors
/// It is worse than a note.
pub fn verdict(view: &DiagnosisView) -> Result<()> {
    match view.worst() {
        None | Some(Severity::Note) => Ok(()),
        Some(Severity::Warning) => Err(Problem::NotReached(view.summary()).into()),
        Some(Severity::Unknown) => Err(Problem::Unavailable(view.summary()).into()),
        Some(Severity::Critical) => Err(Problem::NotWell(view.summary()).into()),
    }
}
