//! `asterctl member`

mod add;
mod change;
mod list;
mod remove;
mod replace;

use std::time::Duration;

use anyhow::Result;
use asterism_api::v1::{self, change_members_request::Change};
use clap::{Args, Subcommand};
use tokio::time::{Instant, sleep};

use crate::{
    context::Context,
    exit::Problem,
    output::{self, OutputArgs},
    view::member::MemberChangeView,
};

#[derive(Debug, Subcommand)]
pub enum Verb {
    List(list::List),
    Add(add::Add),
    Promote(change::Promote),
    Demote(change::Demote),
    Remove(remove::Remove),
    Replace(replace::Replace),
    Drain(change::Drain),
    Undrain(change::Undrain),
}

impl Verb {
    pub async fn run(self, context: &mut Context) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(context).await,
            Self::Add(verb) => verb.run(context).await,
            Self::Promote(verb) => {
                verb.wait.change(context, &verb.output, verb.request(), verb.goal(), verb.done()).await
            }
            Self::Demote(verb) => change(context, &verb.output, verb.request()?, verb.done()).await,
            Self::Remove(verb) => change(context, &verb.output, verb.request()?, verb.done()).await,
            Self::Replace(verb) => verb.run(context).await,
            Self::Drain(verb) => {
                verb.wait.change(context, &verb.output, verb.request(), verb.goal(), verb.done()).await
            }
            Self::Undrain(verb) => change(context, &verb.output, verb.request(), verb.done()).await,
        }
    }
}

/// A change that is made when it is answered.
async fn change(
    context: &mut Context,
    output: &OutputArgs,
    request: v1::ChangeMembersRequest,
    done: String,
) -> Result<()> {
    let answer = context.client.call(request).await?;
    show(output, answer, done)
}

fn show(output: &OutputArgs, answer: v1::ChangeMembersResponse, done: String) -> Result<()> {
    warn(&answer);
    let view = MemberChangeView { cluster: answer.cluster, done, warnings: answer.warnings };
    output::data(&output::item(output.output, None, &view)?)
}

fn warn(answer: &v1::ChangeMembersResponse) {
    for warning in &answer.warnings {
        output::notice(&format!("note: {warning}"));
    }
}

fn request(change: Change, force: bool) -> v1::ChangeMembersRequest {
    v1::ChangeMembersRequest { change: Some(change), force }
}

/// How long to wait for what the leader does by itself.
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArgs {
    /// Wait until it is so, for that long; else the command returns at once, and the cluster goes on by itself
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A member, and nobody that it replaces beside it.
    Joined { node: u64, replaced: Option<u64> },
    /// It does not lead.
    NotLeading { node: u64 },
}

impl WaitArgs {
    async fn change(
        self,
        context: &mut Context,
        output: &OutputArgs,
        request: v1::ChangeMembersRequest,
        goal: Goal,
        done: String,
    ) -> Result<()> {
        let answer = context.client.call(request).await?;
        self.until(context, goal).await?;
        show(output, answer, done)
    }

    /// Returns at once where nobody asked to wait.
    async fn until(self, context: &mut Context, goal: Goal) -> Result<()> {
        let Some(wait) = self.wait else { return Ok(()) };
        let start = Instant::now();
        loop {
            let status = context.client.call(v1::GetClusterStatusRequest { local: false }).await?;
            let Some(problem) = goal.lacks(&status) else { return Ok(()) };
            if start.elapsed() >= wait {
                let wait = humantime::format_duration(wait);
                return Err(Problem::NotReached(format!(
                    "not so within {wait}: {problem}; it goes on by itself, see `asterctl member list`"
                ))
                .into());
            }
            sleep(LOOK).await;
        }
    }
}

impl Goal {
    /// `None`: it is reached.
    fn lacks(self, status: &v1::ClusterStatus) -> Option<String> {
        let is_member = |node: u64| status.replicas.iter().any(|replica| replica.node == node);
        match self {
            Self::NotLeading { node } => {
                (status.leader == Some(node)).then(|| format!("node {node} leads yet"))
            }
            Self::Joined { node, replaced } => {
                if let Some(invited) = status.invited.iter().find(|invited| invited.node == node) {
                    return Some(format!("node {node} waits for {}", invited.waiting_for));
                }
                let old = replaced.filter(|old| is_member(*old));
                match old {
                    Some(old) => Some(format!("node {old} is a member yet")),
                    None if is_member(node) => None,
                    None => Some(format!("node {node} is no member yet")),
                }
            }
        }
    }
}
