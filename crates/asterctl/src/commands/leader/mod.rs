//! `asterctl leader`

mod show;
mod transfer;

use anyhow::Result;
use clap::Subcommand;

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Verb {
    Show(show::Show),
    Transfer(transfer::Transfer),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Show(verb) => verb.run(context).await,
            Self::Transfer(verb) => verb.run(context).await,
        }
    }
}
