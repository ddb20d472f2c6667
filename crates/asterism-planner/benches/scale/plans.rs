//! The whole way for all hosts: choices from nothing, all targets, all diffs against empty hosts.

use std::time::Duration;

use asterism_model::{NetworkState, Resilience};
use asterism_planner::{Budget, Graces, Targets, diff, members::Members, plan};

use crate::{host, median, ms, runs, setup};

pub fn report(hosts: usize, resilience: Resilience) {
    println!(
        "\nfull plan, {hosts} hosts in {} pools, {resilience} (ms; x: against the row above)",
        setup::POOLS
    );
    println!(
        "{:>8} {:>17} {:>17} {:>17} {:>17} {:>17} {:>9}",
        "networks", "plan", "replan", "budget", "targets", "diffs", "rows"
    );
    let mut before: Option<[Duration; 5]> = None;
    for networks in [10, 100, 1000] {
        let (times, rows) = measure(networks, hosts, resilience);
        let cell = |place: usize| {
            let growth = before.map(|before| times[place].as_secs_f64() / before[place].as_secs_f64());
            let growth = growth.map(|growth| format!(" x{growth:.1}")).unwrap_or_default();
            format!("{}{growth:<7}", ms(times[place]))
        };
        let [planned, replanned, counted, derived, compared] = [0, 1, 2, 3, 4].map(cell);
        println!(
            "{networks:>8} {planned:>17} {replanned:>17} {counted:>17} {derived:>17} {compared:>17} {rows:>9}"
        );
        before = Some(times);
    }
}

fn measure(networks: usize, hosts: usize, resilience: Resilience) -> ([Duration; 5], usize) {
    let mut state = setup::hosts(hosts);
    setup::add_networks(&mut state, networks, resilience);
    let evidence = setup::all_able(&state);
    let again = || plan(&state, &evidence, &Graces::default(), setup::NOW);
    let (planned, choices) = median(runs(networks), again);
    setup::adopt(&mut state, &choices);
    let evidence = setup::all_able(&state);
    let (replanned, none) =
        median(runs(networks), || plan(&state, &evidence, &Graces::default(), setup::NOW));
    assert!(none.changes.is_empty(), "a plan that was adopted changes nothing");
    let members = Members::of(&state);
    let (counted, _) = median(runs(networks), || Budget::of(&members));
    let (derived, _) = median(runs(networks), || derive(&state));
    let (compared, rows) = median(runs(networks), || derive_and_compare(&state));
    ([planned, replanned, counted, derived, compared.saturating_sub(derived)], rows)
}

fn derive(state: &NetworkState) -> usize {
    let targets = Targets::of(state);
    state.hosts().keys().map(|host| targets.host(*host).bridges.len()).sum()
}

/// One host after the other, as the reconciler does: all targets at once would not be held anywhere.
fn derive_and_compare(state: &NetworkState) -> usize {
    let targets = Targets::of(state);
    let empty = host::empty();
    state.hosts().keys().map(|host| diff(&targets.host(*host), &empty).diff.len()).sum()
}
