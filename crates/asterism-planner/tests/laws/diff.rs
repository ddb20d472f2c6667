//! P5 and P6: whatever stands on a host, one transaction brings it to its target (a bond is opened by one or two more), and foreign rows are not touched.

use std::collections::BTreeSet;

use asterism_model::{HostDiff, HostTarget, NetworkId, ObservedBridge, ObservedHost, PortChange};
use asterism_planner::{diff, diff::diff_within, scope::Scope, target};
use proptest::{prelude::*, sample::Index};

use crate::support::{
    model::generate::reachable_state,
    observed::{carry_out, observed},
};

/// The target of a host, and what is found on it.
fn target_and_rows() -> impl Strategy<Value = (HostTarget, ObservedHost)> {
    (reachable_state(), any::<Index>()).prop_flat_map(|(state, place)| {
        let hosts: Vec<_> = state.hosts().keys().copied().collect();
        // A host that the state does not know shall have nothing, which is a target too.
        let host = if hosts.is_empty() { asterism_model::HostId(1) } else { hosts[place.index(hosts.len())] };
        let wanted = target(&state, host);
        observed(wanted.clone()).prop_map(move |rows| (wanted.clone(), rows))
    })
}

fn unchanged(change: &PortChange) -> PortChange {
    PortChange {
        is_protected: None,
        mode: None,
        add_tunnels: Vec::new(),
        remove_interfaces: Vec::new(),
        ..change.clone()
    }
}

proptest! {
    #[test]
    fn one_transaction_brings_any_host_to_its_target((wanted, rows) in target_and_rows()) {
        let found = diff(&wanted, &rows);
        let after = carry_out(&rows, &found.diff);
        let rest = diff(&wanted, &after);
        // A bond is made ready before it is opened, and is there before that.
        let opens = |change: &PortChange| PortChange { mode: None, ..change.clone() } == unchanged(change);
        let only_opens = rest.diff.change_ports.iter().all(|it| it.mode.is_some() && opens(it));
        let is_left = rest.diff.len() - rest.diff.change_ports.len();
        prop_assert!(only_opens && is_left == 0, "{:#?} is left over", rest.diff);
        prop_assert_eq!(rest.conflicts, found.conflicts);
        let ready = carry_out(&after, &rest.diff);
        let last = diff(&wanted, &carry_out(&ready, &diff(&wanted, &ready).diff)).diff;
        prop_assert!(last.is_empty(), "{last:#?} is left over");
    }

    #[test]
    fn foreign_rows_are_not_touched((wanted, rows) in target_and_rows()) {
        let found = diff(&wanted, &rows).diff;
        let ours = |uuid| rows.bridges.get(uuid).is_some_and(|bridge| bridge.network.is_some());
        prop_assert!(found.remove_bridges.iter().all(|removal| ours(&removal.bridge)));
        prop_assert!(found.remove_bridges.iter().all(|removal| rows.bridges[&removal.bridge].foreign_ports == 0));
        prop_assert!(found.change_bridges.iter().all(|change| ours(&change.bridge)));
        prop_assert!(found.add_ports.iter().all(|addition| ours(&addition.bridge)));
        let names: BTreeSet<&String> = added(&found);
        prop_assert!(names.is_disjoint(&rows.foreign_names.iter().collect()), "{names:?} are taken");
        // A foreign bridge loses ports of ours and nothing else.
        let after = carry_out(&rows, &found);
        for (uuid, bridge) in rows.bridges.iter().filter(|(_, bridge)| bridge.network.is_none()) {
            prop_assert_eq!(after.bridges.get(uuid), None, "{}", &bridge.name);
        }
        for (uuid, bridge) in rows.bridges.iter().filter(|(_, bridge)| bridge.foreign_ports > 0) {
            let foreign_ports = after.bridges.get(uuid).map(|bridge| bridge.foreign_ports);
            prop_assert!(bridge.network.is_none() || foreign_ports == Some(bridge.foreign_ports));
        }
        prop_assert_eq!(after.foreign_names, rows.foreign_names);
    }

    #[test]
    fn rows_that_are_as_they_shall_be_are_not_named((wanted, rows) in target_and_rows()) {
        let after = carry_out(&rows, &diff(&wanted, &rows).diff);
        for (uuid, bridge) in &rows.bridges {
            let Some(kept) = after.bridges.get(uuid) else { continue };
            let same = |name: &String| bridge.ports.values().any(|port| port.name == *name);
            for (port, it) in kept.ports.iter().filter(|(_, it)| same(&it.name)) {
                let was = bridge.ports.get(port);
                let is_same_port = bridge.ports.values().any(|old| {
                    old.name == it.name
                        && old.network == it.network
                        && old.interfaces.values().map(|interface| &interface.name).eq(it.interfaces.values().map(|interface| &interface.name))
                });
                prop_assert!(was.is_some() || !is_same_port, "{} was removed and added again", it.name);
            }
        }
    }

    #[test]
    fn a_difference_in_parts_is_the_whole((wanted, rows) in target_and_rows(), odd in any::<bool>()) {
        let whole = diff(&wanted, &rows);
        let is_odd = |network: &NetworkId| (network.0 % 2 == 1) == odd;
        let keys = rows.bridges.values().filter_map(|bridge: &ObservedBridge| bridge.network);
        let networks: BTreeSet<NetworkId> = wanted.bridges.keys().copied().chain(keys).collect();
        let mut rest = whole.diff.clone();
        for part in [true, false] {
            let scope: BTreeSet<NetworkId> =
                networks.iter().filter(|network| is_odd(network) == part).copied().collect();
            let mut wanted = wanted.clone();
            wanted.bridges.retain(|network, _| scope.contains(network));
            let found = diff_within(&Scope::Networks(scope.clone()), &wanted, &rows);
            let is_within = match &found.scope {
                Scope::All => false,
                Scope::Networks(networks) => networks.is_subset(&scope),
            };
            prop_assert!(is_within, "{:?} is more than {scope:?}", found.scope);
            prop_assert!(found.conflicts.iter().all(|conflict| whole.conflicts.contains(conflict)));
            take(&mut rest.add_bridges, &found.diff.add_bridges);
            take(&mut rest.remove_bridges, &found.diff.remove_bridges);
            take(&mut rest.add_ports, &found.diff.add_ports);
            take(&mut rest.remove_ports, &found.diff.remove_ports);
            take(&mut rest.change_bridges, &found.diff.change_bridges);
            take(&mut rest.change_ports, &found.diff.change_ports);
            take(&mut rest.change_interfaces, &found.diff.change_interfaces);
        }
        // What belongs to no network is in the whole alone.
        let foreign = |removal: &asterism_model::PortRemoval| rows.bridges[&removal.bridge].network.is_none();
        prop_assert!(rest.remove_ports.iter().all(foreign));
        rest.remove_ports.clear();
        prop_assert!(rest.is_empty(), "{rest:#?} is in no part");
    }
}

/// The names of all rows that a diff adds.
fn added(diff: &HostDiff) -> BTreeSet<&String> {
    let bridges = diff.add_bridges.iter();
    let ports = bridges.clone().flat_map(|bridge| bridge.ports.values());
    let ports = ports.chain(diff.add_ports.iter().map(|addition| &addition.port));
    let tunnels = ports.clone().flat_map(|port| &port.tunnels);
    let names = bridges.map(|bridge| &bridge.name).chain(ports.map(|port| &port.name));
    names.chain(tunnels.map(|tunnel| &tunnel.name)).collect()
}

/// Takes each of `parts` out of `all`.
fn take<T: PartialEq + std::fmt::Debug>(all: &mut Vec<T>, parts: &[T]) {
    for part in parts {
        let place = all.iter().position(|one| one == part);
        all.remove(place.unwrap_or_else(|| panic!("{part:?} is not in the whole")));
    }
}
