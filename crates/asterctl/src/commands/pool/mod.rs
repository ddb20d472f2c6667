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
    /// Adds a pool
    Add(add::Add),
    /// Lists the pools
    List(list::List),
    /// Shows one pool
    Show(show::Show),
    /// Removes a pool that has no hosts
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
