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
    Add(add::Add),
    List(list::List),
    Show(show::Show),
    Remove(remove::Remove),
    #[command(alias = "disable")]
    Drain(drain::Drain),
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
