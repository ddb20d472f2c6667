//! Ports of a bridge, and the interfaces that are their members: made, removed, changed in place.

use std::collections::BTreeMap;

use asterism_model::{
    BondMode, BridgeOwner, InterfaceChange, NetworkId, PortAddition, PortChange, PortRemoval, RowUuid,
    TargetPort, Tunnel,
};
use serde_json::{Map, Value, json};

use super::{Builder, ChangeRefusal, mark};
use crate::{
    fencing::this,
    observe::{BOND_COLUMNS, FALLBACK_KEY, carried, is_ours},
    plugin::known_name,
    schema::Table,
    transaction::{mutate, update, wait},
    value::{map_json, uuid_json},
};

impl Builder<'_> {
    /// Port rows go when nothing refers to them (the table is no root of the schema), their interfaces with them.
    pub(super) fn remove_port(&mut self, removal: &PortRemoval) -> Result<(), ChangeRefusal> {
        let what = format!("port {}", removal.name);
        self.ours(Table::Port, removal.port, &what)?;
        let port = uuid_json(removal.port);
        self.check_held(removal.bridge, &removal.bridge_name, removal.port, &what);
        self.check_name(Table::Port, removal.port, &removal.name);
        self.write(
            format!("removing {what}"),
            mutate(Table::Bridge, this(removal.bridge), json!([["ports", "delete", port]])),
        );
        Ok(())
    }

    /// Demands that the bridge is there under that name, and holds the port.
    pub(super) fn check_held(&mut self, bridge: RowUuid, name: &str, port: RowUuid, what: &str) {
        let holds = json!([["_uuid", "==", uuid_json(bridge)], ["ports", "includes", uuid_json(port)]]);
        let check = wait(Table::Bridge, holds, json!({ "name": name }));
        self.check(format!("that bridge {name} holds {what}"), check);
    }

    pub(super) fn add_port(&mut self, addition: &PortAddition) -> Result<(), ChangeRefusal> {
        let what = format!("bridge {}", addition.bridge_name);
        let row = self.replica.row(Table::Bridge, addition.bridge);
        let row = row.ok_or_else(|| ChangeRefusal::Gone { what: what.clone() })?;
        match carried(row) {
            // Its name is what tells the network.
            Some((network, BridgeOwner::Pool)) if network == addition.network => {
                self.check_name(Table::Bridge, addition.bridge, &addition.bridge_name);
            }
            Some((_, BridgeOwner::Pool)) => return Err(ChangeRefusal::Foreign { what }),
            // It is checked where it is claimed.
            None if self.claimed.contains(&addition.bridge) => {}
            Some((_, BridgeOwner::Ours | BridgeOwner::Adopted)) | None => {
                self.ours(Table::Bridge, addition.bridge, &what)?;
                self.check_network(Table::Bridge, addition.bridge, &addition.bridge_name, addition.network);
            }
        }
        let port = self.insert_port(addition.network, &addition.port)?;
        self.write(
            format!("adding port {}", addition.port.name),
            mutate(Table::Bridge, this(addition.bridge), json!([["ports", "insert", port]])),
        );
        Ok(())
    }

    /// A port that stays: its direction and its members.
    pub(super) fn change_port(&mut self, change: &PortChange) -> Result<(), ChangeRefusal> {
        let what = format!("port {}", change.name);
        let members: Vec<RowUuid> = self.ours(Table::Port, change.port, &what)?.uuids("interfaces").collect();
        self.check_network(Table::Port, change.port, &change.name, change.network);
        for (interface, name) in &change.remove_interfaces {
            self.check_member(change, &members, *interface, name)?;
        }
        let left = members.len().saturating_sub(change.remove_interfaces.len());
        if !change.add_tunnels.is_empty() && left + change.add_tunnels.len() > 1 {
            self.require(Table::Port, "bond_mode")?;
        }
        self.change_port_columns(change, &what)?;
        self.keep_active(change, &members, &what);
        self.change_members(change, &what);
        Ok(())
    }

    /// Demands that the interface is a member of the port that is to lose it.
    fn check_member(
        &mut self,
        change: &PortChange,
        members: &[RowUuid],
        interface: RowUuid,
        name: &str,
    ) -> Result<(), ChangeRefusal> {
        let what = || format!("interface {name}");
        let row = self.replica.row(Table::Interface, interface);
        let row = row.ok_or_else(|| ChangeRefusal::Gone { what: what() })?;
        if !members.contains(&interface) || known_name(row) != name {
            return Err(ChangeRefusal::NoMember { what: what(), port: change.name.clone() });
        }
        let holds = json!([
            ["_uuid", "==", uuid_json(change.port)],
            ["interfaces", "includes", uuid_json(interface)],
        ]);
        self.check(
            format!("that port {} holds {}", change.name, what()),
            wait(Table::Port, holds, json!({ "name": change.name })),
        );
        Ok(())
    }

    fn change_port_columns(&mut self, change: &PortChange, what: &str) -> Result<(), ChangeRefusal> {
        let mut row = Map::new();
        if let Some(is_protected) = change.is_protected {
            self.require(Table::Port, "protected")?;
            row.insert("protected".to_owned(), json!(is_protected));
        }
        if let Some(mode) = change.mode {
            for column in BOND_COLUMNS {
                self.require(Table::Port, column)?;
            }
            row.extend(bond_columns(mode));
        }
        if !row.is_empty() {
            self.write(format!("changing {what}"), update(Table::Port, this(change.port), row.into()));
        }
        if matches!(change.mode, Some(BondMode::Ready | BondMode::Open)) {
            // It is there from birth, unless somebody took it away; other keys are not ours to take.
            let fallback = map_json([(FALLBACK_KEY, true.to_string())]);
            let insert = mutate(
                Table::Port,
                this(change.port),
                json!([
                    ["other_config", "delete", ["set", [FALLBACK_KEY]]],
                    ["other_config", "insert", fallback]
                ]),
            );
            self.write(format!("opening {what}"), insert);
        }
        Ok(())
    }

    /// A plain port that becomes a bond goes on with the member that it has. Left alone, the switch takes any of them, new ones
    /// too, whose BFD is not up yet; what it takes instead is what it finds in this column, where a switch that starts
    /// looks for the one that was active before (schema: `Port.bond_active_slave`).
    fn keep_active(&mut self, change: &PortChange, members: &[RowUuid], what: &str) {
        let is_removed = |member: &RowUuid| change.remove_interfaces.iter().any(|(gone, _)| gone == member);
        let ([member], false) = (members, change.add_tunnels.is_empty()) else { return };
        let address = self.replica.row(Table::Interface, *member).map(|row| row.text("mac_in_use"));
        let Some(address) = address.filter(|it| !it.is_empty() && !is_removed(member)) else { return };
        if self.knows(Table::Port, "bond_active_slave") {
            let row = json!({ "bond_active_slave": address });
            self.write(
                format!("keeping the active member of {what}"),
                update(Table::Port, this(change.port), row),
            );
        }
    }

    /// Members that come are inserted before those that go are deleted: mutations are carried out one by one, and a port
    /// has an interface at any time (schema: `Port.interfaces`, at least one).
    fn change_members(&mut self, change: &PortChange, what: &str) {
        let mut mutations = Vec::new();
        if !change.add_tunnels.is_empty() {
            let added = self.insert_interfaces(change.network, &change.add_tunnels);
            mutations.push(json!(["interfaces", "insert", added]));
        }
        if !change.remove_interfaces.is_empty() {
            let removed: Vec<Value> =
                change.remove_interfaces.iter().map(|(interface, _)| uuid_json(*interface)).collect();
            mutations.push(json!(["interfaces", "delete", ["set", removed]]));
        }
        if !mutations.is_empty() {
            let mutation = mutate(Table::Port, this(change.port), mutations.into());
            self.write(format!("changing the interfaces of {what}"), mutation);
        }
    }

    pub(super) fn change_interface(&mut self, change: &InterfaceChange) -> Result<(), ChangeRefusal> {
        let name = &change.tunnel.name;
        self.belongs(change.interface, name, is_ours)?;
        self.check_interface(change.interface, name);
        let row = Value::Object(tunnel_columns(&change.tunnel).into_iter().collect());
        self.write(
            format!("changing interface {name}"),
            update(Table::Interface, this(change.interface), row),
        );
        Ok(())
    }

    /// Inserts a port with its interfaces, and gives the reference to it.
    pub(super) fn insert_port(
        &mut self,
        network: NetworkId,
        port: &TargetPort,
    ) -> Result<Value, ChangeRefusal> {
        let interfaces = self.insert_interfaces(network, &port.tunnels);
        let mut row = json!({ "name": port.name, "interfaces": interfaces, "external_ids": mark(network) });
        if port.tunnels.len() > 1 {
            self.require(Table::Port, "bond_mode")?;
        }
        // Of ports with one interface too (the switch ignores it there), so that a port grows into a bond by its
        // `interfaces` alone, and opens by columns that take effect at one time.
        if BOND_COLUMNS.into_iter().all(|column| self.knows(Table::Port, column)) {
            row["other_config"] = map_json([(FALLBACK_KEY, true.to_string())]);
            for (column, value) in bond_columns(BondMode::Backup) {
                row[column] = value;
            }
        } else if self.knows(Table::Port, "bond_mode") {
            row["bond_mode"] = json!(BACKUP);
        }
        if self.knows(Table::Port, "protected") {
            row["protected"] = json!(port.role.is_protected());
        }
        Ok(self.insert(Table::Port, &port.name, row))
    }

    /// Inserts interfaces, and gives the set of references to them.
    fn insert_interfaces(&mut self, network: NetworkId, tunnels: &[Tunnel]) -> Value {
        let mut interfaces = Vec::new();
        for tunnel in tunnels {
            let mut row = tunnel_columns(tunnel);
            row.insert("name".to_owned(), json!(tunnel.name));
            row.insert("external_ids".to_owned(), mark(network));
            interfaces.push(self.insert(Table::Interface, &tunnel.name, row.into_iter().collect()));
        }
        json!(["set", interfaces])
    }
}

/// The mode of a bond that sends and takes by one member (schema: `Port.bond_mode`).
pub(super) const BACKUP: &str = "active-backup";

/// How long a member of a bond with LACP must be unfit before the bond leaves it, in milliseconds. A switch that begins with
/// LACP calls all members unfit once, until it has looked at them (seen on Open vSwitch 3.1 for up to 10 ms), and a bond
/// that believed it would turn to any of them.
const DOWNDELAY_MS: u32 = 100;

/// The columns of a port that make a bond's mode, but for the key of `other_config`.
fn bond_columns(mode: BondMode) -> [(String, Value); 3] {
    let bond_mode = if mode == BondMode::Open { "balance-slb" } else { BACKUP };
    let (lacp, downdelay) = match mode {
        BondMode::Ready | BondMode::Open => (json!("passive"), DOWNDELAY_MS),
        BondMode::Backup | BondMode::Other => (json!(["set", []]), 0),
    };
    [
        ("bond_mode".to_owned(), json!(bond_mode)),
        ("lacp".to_owned(), lacp),
        ("bond_downdelay".to_owned(), json!(downdelay)),
    ]
}

/// The columns of an interface that a tunnel decides, and that a change rewrites.
fn tunnel_columns(tunnel: &Tunnel) -> BTreeMap<String, Value> {
    [
        ("type", json!(tunnel.encapsulation.as_str())),
        ("options", map_json(tunnel.to_options())),
        ("bfd", map_json(tunnel.bfd.to_column())),
    ]
    .into_iter()
    .map(|(column, value)| (column.to_owned(), value))
    .collect()
}
