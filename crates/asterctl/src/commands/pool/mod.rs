//! `asterctl pool`

mod add;
mod list;
mod remove;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Verb {
    Add(add::Add),
    List(list::List),
    Show(show::Show),
    Remove(remove::Remove),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Add(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::Remove(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::List(verb) => verb.run(context).await,
            Self::Show(verb) => verb.run(context).await,
        }
    }
}
