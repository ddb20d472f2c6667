//! `asterctl host`

mod add;
mod disable;
mod enable;
mod list;
mod remove;
mod show;

use anyhow::Result;
use clap::Subcommand;

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds a host to a pool, and to the pool's networks
    Add(add::Add),
    /// Lists the hosts, with what the leader sees of them
    List(list::List),
    /// Shows one host
    Show(show::Show),
    /// Removes a host: takes our rows off it, then forgets it
    Remove(remove::Remove),
    /// Lets a host be star-center again
    Enable(enable::Enable),
    /// Makes a host no star-center, for maintenance
    Disable(disable::Disable),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Add(verb) => context.write(&verb.write, &verb.operation()?, verb.done()).await,
            Self::Remove(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::Enable(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::Disable(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::List(verb) => verb.run(context).await,
            Self::Show(verb) => verb.run(context).await,
        }
    }
}
