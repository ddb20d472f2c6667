//! `asterctl network`

mod create;
mod delete;
mod list;
mod move_center;
mod move_pool_center;
mod show;
mod update;

use anyhow::Result;
use asterism_model::{Detection, Encapsulation, Resilience};
use clap::{Subcommand, ValueEnum};

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Verb {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Update(update::Update),
    MoveCenter(move_center::MoveCenter),
    MovePoolCenter(move_pool_center::MovePoolCenter),
    Delete(delete::Delete),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::Create(verb) => {
                let operation = verb.operation(&mut context.client).await?;
                context.write(&verb.write, &operation, verb.done()).await
            }
            Self::Update(verb) => {
                let operation = verb.operation(&mut context.client).await?;
                context.write(&verb.write, &operation, verb.done()).await
            }
            Self::Delete(verb) => context.write(&verb.write, &verb.operation(), verb.done()).await,
            Self::MoveCenter(verb) => {
                let (operation, goal) = (verb.operation()?, Some(verb.goal()?));
                context.write_and_reach(&verb.write, &operation, goal, verb.done()?).await
            }
            Self::MovePoolCenter(verb) => {
                let (operation, goal) = (verb.operation(), Some(verb.goal()));
                context.write_and_reach(&verb.write, &operation, goal, verb.done()).await
            }
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
    /// Uplinks to a center and its standby, mended by the switches themselves
    Dual,
    /// One uplink each, mended by an election
    Single,
}

impl From<ResilienceArg> for Resilience {
    fn from(arg: ResilienceArg) -> Self {
        match arg {
            ResilienceArg::Single => Self::Single,
            ResilienceArg::Dual => Self::Dual,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DetectionArg {
    /// BFD every 100 ms: a dead tunnel is noticed after 300 ms
    Normal,
    /// BFD every 15 ms: after 45 ms, where the hosts' BFD budget allows it
    Fast,
}

impl From<DetectionArg> for Detection {
    fn from(arg: DetectionArg) -> Self {
        match arg {
            DetectionArg::Normal => Self::Normal,
            DetectionArg::Fast => Self::Fast,
        }
    }
}

/// 1 to 16777215.
fn parse_vni(text: &str) -> Result<asterism_model::Vni, String> {
    let number: u32 =
        text.parse().map_err(|_| format!("`{text}` is not a VNI: expected a number, 1 to 16777215"))?;
    number.try_into()
}
