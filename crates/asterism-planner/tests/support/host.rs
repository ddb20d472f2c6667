//! A host's OVSDB as far as it concerns Asterism: rows, the fence, transactions that happen whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    BfdState, BondMode, BridgeOwner, Fence, HostDiff, HostId, NetworkId, ObservedBridge, ObservedHost,
    ObservedInterface, ObservedPort, Outcome, RowUuid, StoredFence, TargetPort, Tunnel,
    target::{tunnel_name, tunnel_peer},
};
use asterism_planner::{moves::Layout, reconciler::ClaimOutcome};

#[path = "adoption.rs"]
mod adoption;

/// One host.
#[derive(Debug, Clone)]
pub struct FakeHost {
    /// BFD states in it are not kept up; see [`super::world`].
    pub rows: ObservedHost,
    /// Whether the machine runs.
    pub is_alive: bool,
    /// Whether controllers reach its OVSDB.
    pub is_reachable: bool,
    /// What it showed before, oldest first: a session may lag.
    pub earlier: Vec<ObservedHost>,
    /// Rows of ours that were ever written.
    pub writes: usize,
    /// The latest leader that ever claimed it. The host itself forgets that when it is emptied.
    pub last_epoch: u64,
    last_row: u128,
}

/// How many pictures a session may lag behind.
const LAG: usize = 3;

impl FakeHost {
    pub fn new(id: HostId) -> Self {
        let mut host = Self {
            rows: empty(),
            is_alive: true,
            is_reachable: true,
            earlier: Vec::new(),
            writes: 0,
            last_epoch: 0,
            // Row uuids differ between hosts, so that a diff of one host is refused by another.
            last_row: u128::from(id.0) << 64,
        };
        host.rows.root = host.new_row();
        host
    }

    pub fn answers(&self) -> bool {
        self.is_alive && self.is_reachable
    }

    /// The database is made anew, as after a reinstallation.
    pub fn empty(&mut self) {
        let picture = self.rows.picture;
        self.rows = ObservedHost { picture, root: self.new_row(), ..empty() };
        self.earlier.clear();
        self.changed();
    }

    /// Replaces the fence if it is smaller or absent, as `asterism_ovsdb::fencing` does.
    pub fn claim(&mut self, fence: Fence) -> ClaimOutcome {
        let stored = self.rows.fence.clone();
        let may = match &stored {
            StoredFence::Absent => true,
            StoredFence::Present(stored) => *stored <= fence,
            StoredFence::Malformed(_) => false,
        };
        if !may {
            return ClaimOutcome::Refused(stored);
        }
        self.last_epoch = self.last_epoch.max(fence.epoch);
        self.raise(fence);
        ClaimOutcome::Claimed
    }

    /// Carries a diff out behind the guard: the stored fence must be of the same epoch and not greater.
    pub fn transact(&mut self, fence: Fence, diff: &HostDiff) -> Outcome {
        match &self.rows.fence {
            StoredFence::Present(stored) if stored.cluster != fence.cluster || *stored > fence => {
                return Outcome::Fenced;
            }
            StoredFence::Present(stored) if stored.epoch == fence.epoch => {}
            StoredFence::Present(_) | StoredFence::Absent | StoredFence::Malformed(_) => {
                return Outcome::Rejected("not claimed".into());
            }
        }
        let mut last_row = self.last_row;
        match apply_diff(&self.rows, diff, &mut last_row) {
            Ok(rows) => {
                self.remember();
                self.last_row = last_row;
                self.rows = rows;
                self.writes += diff.len();
                self.raise(fence);
                Outcome::Applied
            }
            Err(why) => Outcome::Rejected(why),
        }
    }

    /// What an operator does by hand.
    pub fn edit(&mut self, change: impl FnOnce(&mut ObservedHost)) {
        self.remember();
        change(&mut self.rows);
        self.changed();
    }

    /// The peers that this host has a port of `network` to.
    pub fn peers(&self, network: NetworkId) -> BTreeSet<HostId> {
        let ports = self.rows.bridges.values().flat_map(|bridge| bridge.ports.values());
        ports
            .filter(|port| port.network == Some(network))
            .flat_map(|port| port.interfaces.values())
            .filter_map(|interface| tunnel_peer(network, &interface.name))
            .collect()
    }

    /// The interface of a network's tunnel to a peer.
    pub fn interface(&self, network: NetworkId, peer: HostId) -> Option<RowUuid> {
        let ports = self.rows.bridges.values().flat_map(|bridge| bridge.ports.values());
        let mut interfaces =
            ports.filter(|port| port.network == Some(network)).flat_map(|port| &port.interfaces);
        let name = tunnel_name(network, peer);
        interfaces.find(|(_, interface)| interface.name == name).map(|(uuid, _)| *uuid)
    }

    /// Which of them are in which port.
    pub fn layout(&self, network: NetworkId) -> Layout {
        let ports = self.rows.bridges.values().flat_map(|bridge| bridge.ports.values());
        let ports = ports.filter(|port| port.network == Some(network));
        ports.map(|port| port.interfaces.values().filter_map(|it| tunnel_peer(network, &it.name))).collect()
    }

    /// The peers of the port that leads toward the root.
    pub fn uplinks(&self, network: NetworkId) -> BTreeSet<HostId> {
        let ports = self.rows.bridges.values().flat_map(|bridge| bridge.ports.values());
        let ports = ports.filter(|port| port.network == Some(network) && port.is_protected == Some(true));
        let interfaces = ports.flat_map(|port| port.interfaces.values());
        interfaces.filter_map(|it| tunnel_peer(network, &it.name)).collect()
    }

    /// Whether it tells the peer not to send frames its way.
    pub fn drains(&self, network: NetworkId, peer: HostId) -> bool {
        let ports = self.rows.bridges.values().flat_map(|bridge| bridge.ports.values());
        let ports = ports.filter(|port| port.network == Some(network));
        let mut interfaces = ports.flat_map(|port| port.interfaces.values());
        let name = tunnel_name(network, peer);
        interfaces.any(|it| it.name == name && it.bfd.contains_key("cpath_down"))
    }

    /// The networks that it has any port of.
    pub fn networks(&self) -> BTreeSet<NetworkId> {
        let ports = self.rows.bridges.values().flat_map(|bridge| bridge.ports.values());
        ports.filter_map(|port| port.network).collect()
    }

    fn raise(&mut self, fence: Fence) {
        if self.rows.fence != StoredFence::Present(fence) {
            self.remember();
            self.rows.fence = StoredFence::Present(fence);
            self.changed();
        }
    }

    fn remember(&mut self) {
        self.earlier.push(self.rows.clone());
        if self.earlier.len() > LAG {
            self.earlier.remove(0);
        }
    }

    fn changed(&mut self) {
        self.rows.picture += 1;
    }

    fn new_row(&mut self) -> RowUuid {
        next_row(&mut self.last_row)
    }
}

/// A database in which nobody has done anything yet.
pub fn empty() -> ObservedHost {
    ObservedHost {
        picture: 1,
        root: RowUuid(0),
        fence: StoredFence::Absent,
        ovs_version: Some("3.1.0".into()),
        bridges: BTreeMap::new(),
        can_bond: true,
        pool_bridges: BTreeMap::new(),
        foreign_names: BTreeSet::new(),
    }
}

/// What a diff makes of a host's rows, or why OVSDB refuses it: a row that it names is gone, foreign, or a name is
/// taken when all is done.
pub fn apply_diff(rows: &ObservedHost, diff: &HostDiff, last_row: &mut u128) -> Result<ObservedHost, String> {
    let mut rows = rows.clone();
    adoption::apply_claims(&mut rows, diff)?;
    for removal in &diff.remove_ports {
        let bridge = rows.bridges.get_mut(&removal.bridge).ok_or("a bridge to take a port from is gone")?;
        let port = bridge.ports.remove(&removal.port).ok_or("a port to remove is gone")?;
        same_name(&port.name, &removal.name)?;
        same_name(&bridge.name, &removal.bridge_name)?;
        if bridge.network.is_none() && bridge.ports.is_empty() {
            // A foreign bridge without a port of ours is nobody's business.
            rows.bridges.remove(&removal.bridge);
        }
    }
    for removal in &diff.remove_bridges {
        let bridge = rows.bridges.remove(&removal.bridge).ok_or("a bridge to remove is gone")?;
        same_name(&bridge.name, &removal.name)?;
        if bridge.network.is_none() || bridge.foreign_ports > 0 {
            return Err(format!("bridge {} is not ours to remove", bridge.name));
        }
    }
    for target in &diff.add_bridges {
        let ports = target.ports.values().map(|port| new_port(target.network, port, last_row)).collect();
        let bridge = ObservedBridge {
            name: target.name.clone(),
            network: Some(target.network),
            owner: BridgeOwner::Ours,
            datapath_type: target.datapath.as_str().into(),
            own_interface: Some((next_row(last_row), Some(target.mtu))),
            ports,
            plugin_ports: BTreeMap::new(),
            foreign_ports: 0,
        };
        rows.bridges.insert(next_row(last_row), bridge);
    }
    for addition in &diff.add_ports {
        let bridge = rows.bridges.get_mut(&addition.bridge).ok_or("a bridge to add a port to is gone")?;
        if bridge.network != Some(addition.network) {
            return Err(format!("bridge {} does not carry {}", bridge.name, addition.network));
        }
        let (uuid, port) = new_port(addition.network, &addition.port, last_row);
        bridge.ports.insert(uuid, port);
    }
    for change in &diff.change_bridges {
        let bridge = rows.bridges.get_mut(&change.bridge).ok_or("a bridge to change is gone")?;
        if bridge.network.is_none() {
            return Err(format!("bridge {} is not ours to change", bridge.name));
        }
        if let Some(datapath_type) = &change.datapath_type {
            bridge.datapath_type.clone_from(datapath_type);
        }
        if let Some((uuid, mtu)) = change.mtu_request {
            let own = bridge.own_interface.filter(|(own, _)| *own == uuid);
            bridge.own_interface = Some((own.ok_or("the bridge's own interface is gone")?.0, Some(mtu)));
        }
    }
    for change in &diff.change_ports {
        let mut ports = rows.bridges.values_mut().flat_map(|bridge| &mut bridge.ports);
        let (_, port) = ports.find(|(uuid, _)| **uuid == change.port).ok_or("a port to change is gone")?;
        same_name(&port.name, &change.name)?;
        if port.network != Some(change.network) {
            return Err(format!("port {} is not of {}", port.name, change.network));
        }
        port.is_protected = change.is_protected.or(port.is_protected);
        port.mode = change.mode.or(port.mode);
        for (uuid, name) in &change.remove_interfaces {
            let gone = port.interfaces.remove(uuid).ok_or("an interface to remove is gone")?;
            same_name(&gone.name, name)?;
        }
        for tunnel in &change.add_tunnels {
            port.interfaces.insert(next_row(last_row), new_interface(tunnel));
        }
        if port.interfaces.is_empty() {
            return Err(format!("constraint violation: port {} has no interface", port.name));
        }
    }
    for change in &diff.change_interfaces {
        let interface = rows
            .bridges
            .values_mut()
            .flat_map(|bridge| bridge.ports.values_mut())
            .find_map(|port| port.interfaces.get_mut(&change.interface))
            .ok_or("an interface to change is gone")?;
        same_name(&interface.name, &change.tunnel.name)?;
        *interface = ObservedInterface { error: interface.error.clone(), ..new_interface(&change.tunnel) };
    }
    adoption::apply_releases(&mut rows, diff)?;
    check_names(&rows)?;
    Ok(rows)
}

fn same_name(is: &str, expected: &str) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{expected} is called {is}")) }
}

/// OVSDB keeps the names of bridges, ports and interfaces unique, each in its table (schema: `indexes`).
fn check_names(rows: &ObservedHost) -> Result<(), String> {
    let bridges = rows.bridges.values().filter(|bridge| bridge.network.is_some());
    let ports = || rows.bridges.values().flat_map(|bridge| bridge.ports.values());
    let own: Vec<&String> = bridges.map(|bridge| &bridge.name).collect();
    let tables = [
        own.clone(),
        own.iter().copied().chain(ports().map(|port| &port.name)).collect(),
        own.into_iter()
            .chain(ports().flat_map(|port| port.interfaces.values()).map(|interface| &interface.name))
            .collect(),
    ];
    for names in tables {
        let mut seen: BTreeSet<&String> = rows.foreign_names.iter().collect();
        if let Some(twice) = names.into_iter().find(|name| !seen.insert(name)) {
            return Err(format!("constraint violation: the name {twice} is taken"));
        }
    }
    Ok(())
}

fn new_port(network: NetworkId, port: &TargetPort, last_row: &mut u128) -> (RowUuid, ObservedPort) {
    let interfaces = port.tunnels.iter().map(|tunnel| (next_row(last_row), new_interface(tunnel))).collect();
    let is_protected = Some(port.role.is_protected());
    (
        next_row(last_row),
        ObservedPort {
            name: port.name.clone(),
            network: Some(network),
            is_protected,
            mode: Some(BondMode::Backup),
            active: None,
            interfaces,
        },
    )
}

pub(super) fn new_interface(tunnel: &Tunnel) -> ObservedInterface {
    ObservedInterface {
        name: tunnel.name.clone(),
        kind: tunnel.encapsulation.as_str().into(),
        options: tunnel.to_options(),
        bfd: tunnel.bfd.to_column(),
        bfd_state: BfdState::Unknown,
        error: None,
    }
}

fn next_row(last_row: &mut u128) -> RowUuid {
    *last_row += 1;
    RowUuid(*last_row)
}
