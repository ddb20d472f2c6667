//! One file for each verb: its arguments, the request that they make, and how the answer is shown.

pub mod adopt;
pub mod audit;
pub mod check;
pub mod cluster;
pub mod completions;
pub mod doctor;
pub mod events;
pub mod explain;
pub mod health;
pub mod host;
pub mod leader;
pub mod manual;
pub mod member;
pub mod network;
pub mod pki;
pub mod plan;
pub mod pool;
pub mod release;
pub mod snapshot;
pub mod status;
pub mod support_bundle;
#[cfg(test)]
mod tests;
pub mod topology;
pub mod verify;
pub mod whatif;

use anyhow::Result;

use crate::{
    cli::{Cli, Noun},
    context::Context,
};

pub async fn run(cli: Cli) -> Result<()> {
    let Cli { connection, noun } = cli;
    match noun {
        // These need no cluster to be there.
        Noun::Completions(completions) => completions.run(),
        Noun::Manual(manual) => manual.run(),
        Noun::Pki(verb) => verb.run(),
        Noun::Cluster(cluster::Verb::Init(init)) => init.run(connection).await,

        Noun::Cluster(cluster::Verb::Status(status)) => status.run(&mut Context::connect(&connection)?).await,
        Noun::Cluster(cluster::Verb::Settings(settings)) => {
            settings.run(&mut Context::connect(&connection)?).await
        }
        Noun::Status(status) => status.run(&mut Context::connect(&connection)?).await,
        Noun::Health(health) => health.run(&mut Context::connect(&connection)?).await,
        Noun::Check(check) => check.run(&mut Context::connect(&connection)?).await,
        Noun::Doctor(doctor) => doctor.run(&mut Context::connect(&connection)?).await,
        Noun::SupportBundle(bundle) => bundle.run(&connection).await,
        Noun::Member(verb) => verb.run(&mut Context::connect(&connection)?).await,
        Noun::Leader(verb) => verb.run(&mut Context::connect(&connection)?).await,
        Noun::Snapshot(verb) => verb.run(&connection).await,
        Noun::Pool(verb) => verb.run(&mut Context::connect(&connection)?).await,
        Noun::Host(verb) => verb.run(&mut Context::connect(&connection)?).await,
        Noun::Network(verb) => verb.run(&mut Context::connect(&connection)?).await,
        Noun::Adopt(adopt) => adopt.run(&mut Context::connect(&connection)?).await,
        Noun::Release(release) => release.run(&mut Context::connect(&connection)?).await,
        Noun::Topology(topology) => topology.run(&mut Context::connect(&connection)?).await,
        Noun::Plan(plan) => plan.run(&mut Context::connect(&connection)?).await,
        Noun::Explain(explain) => explain.run(&mut Context::connect(&connection)?).await,
        Noun::Verify(verify) => verify.run(&mut Context::connect(&connection)?).await,
        Noun::Whatif(whatif) => whatif.run(&mut Context::connect(&connection)?).await,
        Noun::Audit(audit) => audit.run(&mut Context::connect(&connection)?).await,
        Noun::Events(events) => events.run(&mut Context::connect(&connection)?).await,
    }
}
