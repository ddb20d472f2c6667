//! Every row of ours occurs in some target that was derived at or below its host's fence.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use asterism_model::{NetworkId, NetworkState, ObservedHost, OvsdbEndpoint, StoredFence};
use asterism_planner::Targets;

/// All targets of all states so far, taken apart.
#[derive(Default)]
pub struct Rows {
    /// The least revision at which something was wanted, by where the host answers.
    wanted: BTreeMap<OvsdbEndpoint, BTreeMap<Fact, u64>>,
    seen: usize,
    last_revision: Option<u64>,
}

/// What one row says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Bridge(NetworkId, String),
    Tunnel {
        network: NetworkId,
        name: String,
        kind: String,
        options: BTreeMap<String, String>,
        is_uplink: bool,
    },
}

impl Rows {
    /// Takes in the states since the last time.
    fn learn(&mut self, states: &[Arc<NetworkState>]) {
        for state in states.get(self.seen..).unwrap_or_default() {
            if self.last_revision == Some(state.revision()) {
                continue;
            }
            self.last_revision = Some(state.revision());
            let targets = Targets::of(state);
            for host in state.hosts().values() {
                let wanted = self.wanted.entry(host.ovsdb.clone()).or_default();
                for bridge in targets.host(host.id).bridges.values() {
                    let mut want = |fact| {
                        wanted.entry(fact).or_insert(state.revision());
                    };
                    want(Fact::Bridge(bridge.network, bridge.name.clone()));
                    for port in bridge.ports.values() {
                        for tunnel in &port.tunnels {
                            want(Fact::Tunnel {
                                network: bridge.network,
                                name: tunnel.name.clone(),
                                kind: tunnel.encapsulation.as_str().to_owned(),
                                options: tunnel.to_options(),
                                is_uplink: port.role.is_protected(),
                            });
                        }
                    }
                }
            }
        }
        self.seen = states.len();
    }

    /// Judges what a write has added.
    ///
    /// # Errors
    /// A row that no target explains.
    pub fn explain(
        &mut self,
        endpoints: &[OvsdbEndpoint],
        before: &ObservedHost,
        after: &ObservedHost,
        states: &[Arc<NetworkState>],
    ) -> Result<(), String> {
        let StoredFence::Present(fence) = &after.fence else { return Ok(()) };
        let old = facts(before);
        let added: Vec<Fact> = facts(after).difference(&old).cloned().collect();
        if added.is_empty() {
            return Ok(());
        }
        self.learn(states);
        for fact in added {
            let at = endpoints.iter().find_map(|endpoint| self.wanted.get(endpoint)?.get(&fact));
            if at.is_none_or(|revision| *revision > fence.revision) {
                let name = &endpoints.first();
                return Err(format!(
                    "{name:?} has {fact:?} behind fence {fence}, and no target up to it says so ({at:?})"
                ));
            }
        }
        Ok(())
    }
}

fn facts(rows: &ObservedHost) -> BTreeSet<Fact> {
    let mut facts = BTreeSet::new();
    for bridge in rows.bridges.values() {
        if let Some(network) = bridge.network {
            facts.insert(Fact::Bridge(network, bridge.name.clone()));
        }
        for port in bridge.ports.values() {
            let Some(network) = port.network else { continue };
            for interface in port.interfaces.values() {
                facts.insert(Fact::Tunnel {
                    network,
                    name: interface.name.clone(),
                    kind: interface.kind.clone(),
                    options: interface.options.clone(),
                    is_uplink: port.is_protected == Some(true),
                });
            }
        }
    }
    facts
}
