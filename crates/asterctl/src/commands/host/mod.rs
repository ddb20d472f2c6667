//! `asterctl host`

mod add;
mod drain;
mod list;
mod remove;
mod show;
mod undrain;

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
    /// Leads traffic away from a host, for maintenance
    #[command(alias = "disable")]
    Drain(drain::Drain),
    /// Lets a host hold offices again
    #[command(alias = "enable")]
    Undrain(undrain::Undrain),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Add(verb) => context.write(&verb.write, &verb.operation()?, verb.done()).await,
            Self::Remove(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::Undrain(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::Drain(verb) => {
                let (operation, goal) = (verb.operation(), Some(verb.goal()));
                context.write_and_reach(&verb.write, &operation, goal, verb.done()).await
            }
            Self::List(verb) => verb.run(context).await,
            Self::Show(verb) => verb.run(context).await,
        }
    }
}
