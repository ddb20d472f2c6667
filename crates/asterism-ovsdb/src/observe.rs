//! Turns a copy of the rows into the model's picture of a host.
//!
//! Pure: rows in, [`ObservedHost`] out. Rows that are not ours appear as names and counts only. A row is ours if and
//! only if it carries [`NETWORK_KEY`]; the port and interface that every bridge has of its own go with the bridge.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    BfdState, BondMode, BridgeOwner, NetworkId, ObservedBridge, ObservedHost, ObservedInterface,
    ObservedPort, RowUuid, StoredFence,
    fence::FENCE_KEY,
    target::{NETWORK_KEY, POOL_KEY, bridge_network},
};

use crate::{
    plugin::{known_name, plugin_ports, pool_bridges, pool_networks},
    replica::Replica,
    row::Row,
    schema::{Schema, Table},
};

/// The picture of a host, numbered `picture`; `None` while the database has no root row (`ovs-vsctl init` was never run).
pub fn observe(replica: &Replica, schema: &Schema, picture: u64) -> Option<ObservedHost> {
    let (root, row) = replica.root()?;
    let view = View {
        replica,
        knows_mtu: schema.has(Table::Interface, "mtu_request"),
        knows_protected: schema.has(Table::Port, "protected"),
        knows_modes: BOND_COLUMNS.into_iter().all(|column| schema.has(Table::Port, column)),
    };
    let bridges: Vec<_> = replica.rows(Table::Bridge).map(|(uuid, row)| (uuid, view.bridge(row))).collect();
    let ovs_version = Some(row.text("ovs_version")).filter(|version| !version.is_empty());
    Some(ObservedHost {
        picture,
        root,
        fence: stored_fence(row),
        ovs_version: ovs_version.map(str::to_owned),
        can_bond: schema.has(Table::Port, "bond_mode") && ovs_version.is_none_or(bonds_tunnels),
        pool_bridges: pool_bridges(replica),
        foreign_names: view.foreign_names(),
        bridges: bridges
            .into_iter()
            .filter(|(_, bridge)| bridge.network.is_some() || !bridge.ports.is_empty())
            .collect(),
    })
}

/// What the root row stores in the place of the fence.
pub fn stored_fence(root: &Row) -> StoredFence {
    match root.get("external_ids", FENCE_KEY) {
        None => StoredFence::Absent,
        Some(text) => {
            text.parse().map_or_else(|_| StoredFence::Malformed(text.to_owned()), StoredFence::Present)
        }
    }
}

/// Whether Open vSwitch of this version has active-backup bonds of tunnels with BFD: 2.5 is the first that is known to.
/// One that cannot be read is not.
fn bonds_tunnels(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), minor) => (major, minor.unwrap_or_default()) >= (2, 5),
        (None, _) => false,
    }
}

/// The columns of a port that make a [`BondMode`].
pub const BOND_COLUMNS: [&str; 3] = ["bond_mode", "lacp", "other_config"];

/// The key of `Port.other_config` that has a bond send by one member while its peer speaks no LACP.
pub const FALLBACK_KEY: &str = "lacp-fallback-ab";

/// An empty `bond_mode` means `active-backup` (schema: `Port.bond_mode`).
fn bond_mode(port: &Row) -> BondMode {
    let falls_back = port.get("other_config", FALLBACK_KEY) == Some("true");
    match (port.text("bond_mode"), port.text("lacp")) {
        ("active-backup" | "", "" | "off") => BondMode::Backup,
        ("active-backup" | "", "passive") if falls_back => BondMode::Ready,
        ("balance-slb", "passive") if falls_back => BondMode::Open,
        _ => BondMode::Other,
    }
}

/// Whether a Bridge, Port or Interface row is ours.
pub fn is_ours(row: &Row) -> bool {
    row.get("external_ids", NETWORK_KEY).is_some()
}

/// The network that a row of ours belongs to; `None` also where our key holds what is no network's id.
fn network(row: &Row) -> Option<NetworkId> {
    let text = row.get("external_ids", NETWORK_KEY)?;
    text.parse().ok().map(NetworkId).filter(|network| network.0.to_string() == text)
}

/// The network that a bridge carries, and whose it is: ours by our key, its pool's by the pool's key and the network's name;
/// an adopted one carries both keys.
pub fn carried(bridge: &Row) -> Option<(NetworkId, BridgeOwner)> {
    match network(bridge) {
        Some(network) if pool_networks(bridge).is_empty() => Some((network, BridgeOwner::Ours)),
        Some(network) => Some((network, BridgeOwner::Adopted)),
        None if is_ours(bridge) => None,
        None => {
            bridge.get("external_ids", POOL_KEY)?;
            Some((bridge_network(bridge.text("name"))?, BridgeOwner::Pool))
        }
    }
}

struct View<'a> {
    replica: &'a Replica,
    knows_mtu: bool,
    knows_protected: bool,
    knows_modes: bool,
}

impl View<'_> {
    fn bridge(&self, row: &Row) -> ObservedBridge {
        let name = row.text("name");
        let (network, owner) =
            carried(row).map_or((None, BridgeOwner::Ours), |(network, owner)| (Some(network), owner));
        let ports: Vec<_> =
            self.ports(row).filter(|(_, port)| !(network.is_some() && port.text("name") == name)).collect();
        ObservedBridge {
            name: name.to_owned(),
            network,
            owner,
            datapath_type: row.text("datapath_type").to_owned(),
            own_interface: self.own_interface(row),
            plugin_ports: match owner {
                BridgeOwner::Adopted => plugin_ports(self.replica, row),
                BridgeOwner::Ours | BridgeOwner::Pool => BTreeMap::new(),
            },
            foreign_ports: ports.iter().filter(|(_, port)| !is_ours(port)).count(),
            ports: ports
                .into_iter()
                .filter(|(_, port)| is_ours(port))
                .map(|(uuid, port)| (uuid, self.port(port)))
                .collect(),
        }
    }

    /// The interface named like the bridge. `None` also where the server has no `mtu_request`, since there would be
    /// nothing to change in it.
    fn own_interface(&self, bridge: &Row) -> Option<(RowUuid, Option<u16>)> {
        let name = bridge.text("name");
        let (_, port) = self.ports(bridge).find(|(_, port)| port.text("name") == name)?;
        let (uuid, interface) =
            self.interfaces(port).find(|(_, interface)| interface.text("name") == name)?;
        let mtu = interface.integer("mtu_request").and_then(|mtu| u16::try_from(mtu).ok());
        self.knows_mtu.then_some((uuid, mtu))
    }

    fn port(&self, row: &Row) -> ObservedPort {
        ObservedPort {
            name: row.text("name").to_owned(),
            network: network(row),
            is_protected: self.knows_protected.then(|| row.boolean("protected")),
            mode: self.knows_modes.then(|| bond_mode(row)),
            active: self.active(row).map(str::to_owned),
            interfaces: self
                .interfaces(row)
                .map(|(uuid, interface)| (uuid, observe_interface(interface)))
                .collect(),
        }
    }

    /// The one interface that has the address which the switch gives for a bond's active one. None is that, or several
    /// are, while a change of the bond is under way. A port that was a bond once keeps the column as it last was.
    fn active<'r>(&'r self, port: &'r Row) -> Option<&'r str> {
        let address = Some(port.text("bond_active_slave")).filter(|address| !address.is_empty())?;
        let is_bond = port.uuids("interfaces").nth(1).is_some();
        let mut active =
            self.interfaces(port).filter(|(_, interface)| interface.text("mac_in_use") == address);
        match (active.next(), active.next()) {
            (Some((_, interface)), None) if is_bond => Some(known_name(interface)),
            (None | Some(_), _) => None,
        }
    }

    /// Names of all rows that are neither ours, nor a pool's bridge for a network of ours, nor a part of such a row.
    fn foreign_names(&self) -> BTreeSet<String> {
        let mut ours: BTreeSet<RowUuid> = BTreeSet::new();
        for (uuid, bridge) in self.replica.rows(Table::Bridge).filter(|(_, row)| carried(row).is_some()) {
            ours.insert(uuid);
            for (uuid, port) in
                self.ports(bridge).filter(|(_, port)| port.text("name") == bridge.text("name"))
            {
                ours.insert(uuid);
                ours.extend(port.uuids("interfaces"));
            }
        }
        for (uuid, port) in self.replica.rows(Table::Port).filter(|(_, row)| is_ours(row)) {
            ours.insert(uuid);
            ours.extend(port.uuids("interfaces"));
        }
        [Table::Bridge, Table::Port, Table::Interface]
            .into_iter()
            .flat_map(|table| self.replica.rows(table))
            .filter(|(uuid, _)| !ours.contains(uuid))
            .map(|(_, row)| row.text("name").to_owned())
            .collect()
    }

    fn ports(&self, bridge: &Row) -> impl Iterator<Item = (RowUuid, &Row)> {
        self.referred(bridge, "ports", Table::Port)
    }

    fn interfaces(&self, port: &Row) -> impl Iterator<Item = (RowUuid, &Row)> {
        self.referred(port, "interfaces", Table::Interface)
    }

    fn referred(&self, row: &Row, column: &str, table: Table) -> impl Iterator<Item = (RowUuid, &Row)> {
        let uuids: Vec<RowUuid> = row.uuids(column).collect();
        uuids.into_iter().filter_map(move |uuid| self.replica.row(table, uuid).map(|row| (uuid, row)))
    }
}

fn observe_interface(row: &Row) -> ObservedInterface {
    ObservedInterface {
        name: known_name(row).to_owned(),
        kind: row.text("type").to_owned(),
        options: owned(row.pairs("options")),
        bfd: owned(row.pairs("bfd")),
        bfd_state: bfd_state(row),
        error: Some(row.text("error")).filter(|error| !error.is_empty()).map(str::to_owned),
    }
}

/// Schema: `Interface.bfd_status`, keys `state`, `forwarding` and `flap_count`. A session that is up does not forward
/// if the peer says that its concatenated path is down; the end that says so forwards. The switch counts each change
/// between forwarding and not, the first one to forwarding included: at 0 the session was never up, and its being down
/// is no word on the peer.
fn bfd_state(row: &Row) -> BfdState {
    let status = |key| row.get("bfd_status", key);
    match (status("state"), status("forwarding"), status("flap_count")) {
        (None, ..) => BfdState::Unknown,
        (Some("up"), Some("true") | None, _) => BfdState::Up,
        (Some("up"), Some(_), _) => BfdState::Drained,
        (Some(_), _, Some("0") | None) => BfdState::Unknown,
        (Some(_), _, Some(_)) => BfdState::Down,
    }
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
