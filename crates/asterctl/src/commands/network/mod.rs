//! `asterctl network`

mod create;
mod delete;
mod list;
mod show;
mod update;

use anyhow::Result;
use asterism_model::{Encapsulation, Resilience};
use clap::{Subcommand, ValueEnum};

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Creates a private network over one pool or several
    Create(create::Create),
    /// Lists the networks
    List(list::List),
    /// Shows one network
    Show(show::Show),
    /// Changes a network; what is not named stays
    Update(update::Update),
    /// Deletes a network
    Delete(delete::Delete),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Create(verb) => context.write(&verb.write, &verb.operation()?, verb.done()).await,
            Self::Update(verb) => context.write(&verb.write, &verb.operation()?, verb.done()).await,
            Self::Delete(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::List(verb) => verb.run(context).await,
            Self::Show(verb) => verb.run(context).await,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EncapsulationArg {
    Vxlan,
    Gre,
    Geneve,
}

impl From<EncapsulationArg> for Encapsulation {
    fn from(arg: EncapsulationArg) -> Self {
        match arg {
            EncapsulationArg::Vxlan => Self::Vxlan,
            EncapsulationArg::Gre => Self::Gre,
            EncapsulationArg::Geneve => Self::Geneve,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ResilienceArg {
    /// One uplink each, mended by an election
    Single,
    /// Two uplinks each, mended by the switches themselves
    Dual,
}

impl From<ResilienceArg> for Resilience {
    fn from(arg: ResilienceArg) -> Self {
        match arg {
            ResilienceArg::Single => Self::Single,
            ResilienceArg::Dual => Self::Dual,
        }
    }
}

/// 1 to 16777215.
fn parse_vni(text: &str) -> Result<asterism_model::Vni, String> {
    let number: u32 =
        text.parse().map_err(|_| format!("`{text}` is not a VNI: expected a number, 1 to 16777215"))?;
    number.try_into()
}
