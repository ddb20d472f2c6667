//! `asterismd recover`: the last resort when a majority of the controllers is lost for good.
//!
//! Says first what is certain and what may be lost; changes the data directory only when told so.

use std::process::ExitCode;

use anyhow::Context as _;
use asterism_model::NetworkState;
use asterism_raft::{Findings, Survivor};

use crate::{Config, clock::Clock};

/// # Errors
/// The directory is in use, damaged, or there is nothing to recover in it.
pub async fn run(config: Config, is_confirmed: bool) -> anyhow::Result<ExitCode> {
    let replica = config.replica();
    let shown = config.data_dir.display().to_string();
    let survivor = tokio::task::spawn_blocking(move || Survivor::open(replica)).await??;
    let findings = survivor.findings()?;
    eprint!("{}", report(&findings, survivor.state(), &shown));
    if !is_confirmed {
        eprintln!("\nNothing was changed. To do it: asterismd recover --config FILE --yes");
        return Ok(ExitCode::SUCCESS);
    }
    let state =
        survivor.recover(Clock::start().wall()).await.context("recovering; nothing else was changed")?;
    eprint!("{}", done(&findings, &state));
    Ok(ExitCode::SUCCESS)
}

fn report(findings: &Findings, state: &NetworkState, dir: &str) -> String {
    let Findings { node, voters, learners, term, committed, last, clock, epoch } = findings;
    let others: Vec<String> = voters
        .iter()
        .chain(learners)
        .filter(|peer| peer.node != *node)
        .map(|peer| format!("  {peer}"))
        .collect();
    let cluster = state
        .cluster()
        .map_or_else(|| "?".to_owned(), |cluster| format!("{} ({})", cluster.name, cluster.id));
    let seen =
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_millis(clock.0));
    format!(
        "\
{dir}: node {node} of cluster {cluster}

Certain: all up to entry {committed} was committed, and is kept. The state has {pools} pools, {hosts} hosts and {networks} \
networks; its last change is of {seen}, term {term}, epoch {epoch}.
Kept, too: {doubtful} entries behind that, up to {last}. They may or may not have been acknowledged to anybody.
May be lost: whatever the others acknowledged after entry {last} without this node. If one of them has a higher last \
entry, recover that one instead: compare this output of each directory that is left.

This makes node {node} the only voter, with everything that it holds, under epochs that no leader before can reach. All \
others are out for good, dead or not; their ids never come back:
{others}
Stop them where you can. One that goes on is refused by this node and, once it has claimed them, by every host.
",
        pools = state.pools().len(),
        hosts = state.hosts().len(),
        networks = state.networks().len(),
        doubtful = last.saturating_sub(*committed),
        others = others.join("\n"),
    )
}

fn done(findings: &Findings, state: &NetworkState) -> String {
    let retired: Vec<String> = state.membership().retired().iter().map(|node| node.0.to_string()).collect();
    format!(
        "
Done: node {node} is a cluster of its own, and its next epoch is {epoch}. Start asterismd; then add nodes with empty data \
directories and new ids (used up: {used}):
  asterctl member add ID=HOST:PORT
",
        node = findings.node,
        epoch = state.epoch() + 1,
        used = retired.join(", "),
    )
}
