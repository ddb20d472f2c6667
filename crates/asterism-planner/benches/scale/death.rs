//! One host's death in the largest network: from the evidence to the diffs of all who are affected.

use std::collections::BTreeSet;

use asterism_model::{ClusterId, Fence, HostDiff, HostId, NetworkId, NetworkState, ObservedHost, Resilience};
use asterism_planner::{
    Graces, Path, SessionEvidence, Targets, Tick, diff::diff_within, judge, plan, scope::Scope,
};

use crate::{host::FakeHost, median, ms, setup};

const NETWORKS: usize = 1000;
const HOSTS: usize = 512;
const RUNS: usize = 5;

pub fn report(resilience: Resilience) {
    let before = setup::settled(NETWORKS, HOSTS, resilience);
    let dead = setup::busiest(&before);
    let mut evidence = setup::all_able(&before);
    for (host, seen) in &mut evidence.hosts {
        if *host == dead {
            seen.session = SessionEvidence::Down { since: Tick(50_000), why: "no answer".into() };
        } else if let Some(path) = seen.paths.get_mut(&dead) {
            *path = Path::Down { since: Tick(50_000) };
        }
    }
    let graces = Graces::default();
    let (judged, _) = median(RUNS, || judge(&evidence, &graces, setup::NOW));
    let (planned, choices) = median(RUNS, || plan(&before, &evidence, &graces, setup::NOW));
    let mut after = before.clone();
    setup::adopt(&mut after, &choices);
    let networks: BTreeSet<NetworkId> = choices.changes.keys().copied().collect();
    let affected = affected(&before, &after, &networks);
    let scope = Scope::Networks(networks.clone());
    let hosts: Vec<(HostId, ObservedHost)> =
        affected.iter().map(|host| (*host, observed(&before, *host, &networks))).collect();

    let (derived, _) = median(RUNS, || {
        let targets = Targets::of(&after);
        let parts = hosts.iter().map(|(host, _)| part(&targets, *host, &networks));
        parts.map(|target| target.bridges.len()).sum::<usize>()
    });
    let (compared, rows) = median(RUNS, || {
        let targets = Targets::of(&after);
        let parts = hosts.iter().map(|(host, observed)| (part(&targets, *host, &networks), observed));
        parts.map(|(target, observed)| diff_within(&scope, &target, observed).diff.len()).sum::<usize>()
    });
    println!(
        "\none host dies, the center of most stars, of {NETWORKS} {resilience} networks over {HOSTS} hosts (ms)"
    );
    println!(
        "judge {}, plan with it {}, new choices in {} networks",
        ms(judged),
        ms(planned),
        networks.len()
    );
    println!(
        "affected hosts {}: their targets {}, diffs {}, {rows} rows",
        hosts.len(),
        ms(derived),
        ms(compared.saturating_sub(derived))
    );
}

/// Who has other peers than before.
fn affected(before: &NetworkState, after: &NetworkState, networks: &BTreeSet<NetworkId>) -> Vec<HostId> {
    let (earlier, later) = (Targets::of(before), Targets::of(after));
    let differs = |host: &&asterism_model::Host| {
        networks.iter().any(|network| earlier.peers(host, *network) != later.peers(host, *network))
    };
    after.hosts().values().filter(differs).map(|host| host.id).collect()
}

fn part(targets: &Targets<'_>, host: HostId, networks: &BTreeSet<NetworkId>) -> asterism_model::HostTarget {
    let all = targets.members().state().networks();
    targets.part(host, networks.iter().filter_map(|network| all.get(network)))
}

/// A host with what it shall have of these networks.
fn observed(state: &NetworkState, host: HostId, networks: &BTreeSet<NetworkId>) -> ObservedHost {
    let target = part(&Targets::of(state), host, networks);
    let mut it = FakeHost::new(host);
    let fence = Fence { cluster: ClusterId(1), epoch: 1, revision: 1 };
    it.claim(fence);
    let mut diff = HostDiff::empty(host, target.revision);
    diff.add_bridges = target.bridges.into_values().collect();
    it.transact(Fence { revision: 2, ..fence }, &diff);
    it.rows
}
