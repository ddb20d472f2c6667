//! Generators of what may stand in a host's OVSDB: what is wanted, what is left over, and what others put there.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    BfdState, BondMode, BridgeOwner, HostId, HostTarget, NetworkId, ObservedBridge, ObservedHost,
    ObservedInterface, ObservedPort, RowUuid, TargetBridge, TargetPort,
    target::{bridge_name, tunnel_name},
};
use proptest::{collection, option, prelude::*, sample::select};

use super::host::{apply_diff, empty};

/// Networks and peers whose names and keys come up, so that they often meet the target's.
const IDS: std::ops::Range<u32> = 1..5;

/// A host as it may be found that shall have `target`: some of it as it shall be, some of it otherwise.
pub fn observed(target: HostTarget) -> impl Strategy<Value = ObservedHost> {
    let wanted: Vec<TargetBridge> = target.bridges.into_values().collect();
    let drafts = wanted.into_iter().map(kept_bridge).collect::<Vec<_>>();
    (drafts, collection::vec(stray_bridge(), 0..4), collection::btree_set(name(), 0..3)).prop_map(
        |(kept, strays, foreign_names)| {
            let mut rows =
                Rows { host: ObservedHost { root: RowUuid(1), foreign_names, ..empty() }, last: 1 };
            for bridge in kept.into_iter().flatten().chain(strays) {
                rows.add(bridge);
            }
            rows.host
        },
    )
}

/// A bridge in the making: rows have no uuid yet, and names may be taken.
#[derive(Debug, Clone)]
struct BridgeDraft {
    name: String,
    network: Option<NetworkId>,
    datapath_type: String,
    own_interface: Option<Option<u16>>,
    ports: Vec<PortDraft>,
    foreign_ports: usize,
}

#[derive(Debug, Clone)]
struct PortDraft {
    name: String,
    network: Option<NetworkId>,
    is_protected: Option<bool>,
    mode: Option<BondMode>,
    interfaces: Vec<ObservedInterface>,
}

struct Rows {
    host: ObservedHost,
    last: u128,
}

impl Rows {
    fn uuid(&mut self) -> RowUuid {
        self.last += 1;
        RowUuid(self.last)
    }

    /// Leaves out what OVSDB would not take: a name twice in one table.
    fn add(&mut self, draft: BridgeDraft) {
        let is_ours = draft.network.is_some();
        let bridges: BTreeSet<&String> = self.host.bridges.values().map(|bridge| &bridge.name).collect();
        if bridges.contains(&draft.name) || is_ours && self.host.foreign_names.contains(&draft.name) {
            return;
        }
        let mut ports = BTreeMap::new();
        for port in draft.ports {
            let interfaces: Vec<ObservedInterface> = port
                .interfaces
                .into_iter()
                .filter(|interface| self.is_free(&interface.name, &ports))
                .collect();
            if !self.is_free(&port.name, &ports) {
                continue;
            }
            let interfaces = interfaces.into_iter().map(|interface| (self.uuid(), interface)).collect();
            let PortDraft { name, network, is_protected, mode, .. } = port;
            ports.insert(
                self.uuid(),
                ObservedPort { name, network, is_protected, mode, active: None, interfaces },
            );
        }
        if !is_ours {
            self.host.foreign_names.insert(draft.name.clone());
            if ports.is_empty() {
                return;
            }
        }
        let bridge = ObservedBridge {
            name: draft.name,
            network: draft.network,
            owner: BridgeOwner::Ours,
            datapath_type: draft.datapath_type,
            own_interface: draft.own_interface.map(|mtu| (self.uuid(), mtu)),
            ports,
            plugin_ports: BTreeMap::new(),
            foreign_ports: draft.foreign_ports,
        };
        let uuid = self.uuid();
        self.host.bridges.insert(uuid, bridge);
    }

    /// Whether no port or interface has the name.
    fn is_free(&self, name: &str, more: &BTreeMap<RowUuid, ObservedPort>) -> bool {
        let ports = self.host.bridges.values().flat_map(|bridge| bridge.ports.values()).chain(more.values());
        let mut taken = ports.flat_map(|port| {
            [&port.name].into_iter().chain(port.interfaces.values().map(|interface| &interface.name))
        });
        !self.host.foreign_names.contains(name) && !taken.any(|taken| taken == name)
    }
}

/// A wanted bridge as it may be found: not at all, as it shall be, or with some of its columns and ports otherwise.
fn kept_bridge(target: TargetBridge) -> impl Strategy<Value = Option<BridgeDraft>> {
    let ports = target.ports.values().map(|port| kept_port(target.network, port)).collect::<Vec<_>>();
    let network = target.network;
    let oddities = (
        prop_oneof![8 => Just(true), 1 => Just(false)],
        prop_oneof![8 => Just(None), 1 => option::of(network_id()).prop_map(Some)],
        prop_oneof![6 => Just(None), 1 => datapath().prop_map(Some)],
        prop_oneof![6 => Just(None), 1 => option::of(option::of(any::<u16>())).prop_map(Some)],
        prop_oneof![4 => Just(0), 1 => 1..3_usize],
        collection::vec(stray_port(), 0..2),
    );
    (ports, oddities).prop_map(move |(ports, (is_there, key, datapath, mtu, foreign_ports, strays))| {
        is_there.then(|| BridgeDraft {
            name: target.name.clone(),
            network: key.unwrap_or(Some(network)),
            datapath_type: datapath.unwrap_or_else(|| target.datapath.as_str().to_owned()),
            own_interface: mtu.unwrap_or(Some(Some(target.mtu))),
            ports: ports.into_iter().flatten().chain(strays).collect(),
            foreign_ports,
        })
    })
}

fn kept_port(network: NetworkId, target: &TargetPort) -> impl Strategy<Value = Option<PortDraft>> + use<> {
    let target = target.clone();
    let is_there = prop_oneof![8 => Just(true), 1 => Just(false)];
    let key = prop_oneof![8 => Just(None), 1 => option::of(network_id()).prop_map(Some)];
    let is_protected = prop_oneof![6 => Just(None), 1 => any::<Option<bool>>().prop_map(Some)];
    let oddity = prop_oneof![6 => Just(0), 1 => Just(1), 1 => Just(2), 1 => Just(3), 1 => Just(4)];
    let modes = [None, Some(BondMode::Ready), Some(BondMode::Open), Some(BondMode::Other)];
    let mode = prop_oneof![4 => Just(Some(BondMode::Backup)), 1 => select(modes.to_vec())];
    (is_there, key, is_protected, mode, oddity).prop_map(
        move |(is_there, key, is_protected, mode, oddity)| {
            let mut interfaces: Vec<ObservedInterface> = target
                .tunnels
                .iter()
                .map(|tunnel| ObservedInterface {
                    name: tunnel.name.clone(),
                    kind: tunnel.encapsulation.as_str().into(),
                    options: tunnel.to_options(),
                    bfd: tunnel.bfd.to_column(),
                    bfd_state: BfdState::Unknown,
                    error: None,
                })
                .collect();
            match (oddity, interfaces.first_mut()) {
                (1, Some(first)) => first.kind = "gre".into(),
                (2, Some(first)) => first.options.clear(),
                (3, Some(first)) => first.bfd.clear(),
                (4, _) => interfaces.clear(),
                _ => {}
            }
            is_there.then(|| PortDraft {
                name: target.name.clone(),
                network: key.unwrap_or(Some(network)),
                is_protected: is_protected.unwrap_or(Some(target.role.is_protected())),
                mode,
                interfaces,
            })
        },
    )
}

/// A bridge that no target of ours explains.
fn stray_bridge() -> impl Strategy<Value = BridgeDraft> {
    let name = prop_oneof![2 => network_id().prop_map(bridge_name), 1 => Just("xenbr0".to_owned())];
    let ports = collection::vec(stray_port(), 0..3);
    (name, option::weighted(0.7, network_id()), datapath(), ports, prop_oneof![2 => Just(0), 1 => 1..3_usize])
        .prop_map(|(name, network, datapath_type, ports, foreign_ports)| BridgeDraft {
            name,
            network,
            datapath_type,
            own_interface: None,
            ports,
            foreign_ports,
        })
}

fn stray_port() -> impl Strategy<Value = PortDraft> {
    let tunnel = (network_id(), IDS).prop_map(|(network, peer)| tunnel_name(network, HostId(peer)));
    let name = prop_oneof![4 => tunnel, 1 => Just("stray0".to_owned())];
    (name, option::weighted(0.8, network_id()), any::<bool>()).prop_map(|(name, network, has_interface)| {
        let interface = ObservedInterface {
            name: name.clone(),
            kind: "vxlan".into(),
            options: BTreeMap::new(),
            bfd: BTreeMap::new(),
            bfd_state: BfdState::Down,
            error: None,
        };
        PortDraft {
            name,
            network,
            is_protected: Some(false),
            mode: Some(BondMode::Backup),
            interfaces: has_interface.then_some(interface).into_iter().collect(),
        }
    })
}

/// Names that others may have taken.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        network_id().prop_map(bridge_name),
        (network_id(), IDS).prop_map(|(network, peer)| tunnel_name(network, HostId(peer))),
        Just("eth0".to_owned()),
    ]
}

fn datapath() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("system".to_owned()), Just("netdev".to_owned())]
}

fn network_id() -> impl Strategy<Value = NetworkId> {
    IDS.prop_map(NetworkId)
}

/// What a diff makes of a host. Panics where OVSDB would refuse it.
pub fn carry_out(rows: &ObservedHost, diff: &asterism_model::HostDiff) -> ObservedHost {
    apply_diff(rows, diff, &mut (1 << 64)).unwrap_or_else(|why| panic!("{why}: {diff:#?}\non {rows:#?}"))
}
