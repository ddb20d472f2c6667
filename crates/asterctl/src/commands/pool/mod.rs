//! `asterctl pool`

mod add;
mod check;
mod list;
mod remove;
mod show;
mod update;

use anyhow::Result;
use asterism_api::v1;
use clap::Subcommand;

use crate::{args::AccessArgs, context::Context};

#[derive(Debug, Subcommand)]
pub enum Verb {
    Add(Box<add::Add>),
    List(list::List),
    Show(show::Show),
    Update(Box<update::Update>),
    Check(Box<check::Check>),
    Remove(remove::Remove),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Add(verb) => verb.run(context).await,
            Self::Update(verb) => verb.run(context).await,
            Self::Check(verb) => verb.run(context).await,
            Self::Remove(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::List(verb) => verb.run(context).await,
            Self::Show(verb) => verb.run(context).await,
        }
    }
}

/// What is trusted from now on, where it was left to the first contact.
fn learnt(access: &AccessArgs, survey: &v1::PoolSurvey) -> Option<String> {
    let is_shown = access.trust_on_first_use() && !survey.fingerprint.is_empty();
    is_shown
        .then(|| format!("trusted from now on: {} with certificate {}", survey.address, survey.fingerprint))
}
