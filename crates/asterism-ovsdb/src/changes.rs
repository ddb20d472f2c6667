//! Turns a [`HostDiff`] into one guarded transaction.
//!
//! Pure. In this order: the guard on the stored fence, a `wait` for each row that the diff relies on, the new fence,
//! then the removals (so that names are free), the additions, the changes in place. A `mutate` of a row that has
//! vanished counts 0 rows and is no error in OVSDB, and a port inserted for it would vanish silently; the `wait`s make
//! the whole transaction fail instead.
//!
//! *Invariant:* no row is named that is not ours, except that the list of ports of a foreign bridge loses a port of
//! ours. A diff that names one is refused here, whoever made it.

use std::collections::BTreeMap;

use asterism_model::{
    BridgeChange, BridgeRemoval, Fence, HostDiff, InterfaceChange, NetworkId, PortAddition, PortChange,
    PortRemoval, RowUuid, TargetBridge, TargetPort, Tunnel, target::NETWORK_KEY,
};
use serde_json::{Value, json};

use crate::{
    fencing::{guard, raise, this},
    observe::is_ours,
    replica::Replica,
    row::Row,
    schema::{Schema, Table},
    transaction::{Transaction, insert, mutate, update, wait},
    value::{map_json, uuid_json},
};

/// A diff that the rows at hand contradict: it was made from an older picture, or is no diff of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    #[error("{what} is gone")]
    Gone { what: String },
    #[error("{what} is not ours")]
    Foreign { what: String },
    #[error("bridge {bridge} holds port {port}, which is not ours")]
    InUse { bridge: String, port: String },
    #[error("the server's schema has no column {column} in table {table}")]
    NoColumn { table: &'static str, column: &'static str },
}

/// The transaction that carries out `diff`, guarded on `stored`, leaving `fence` behind.
///
/// `replica` must not be older than the picture that the diff was made from.
pub fn transaction(
    replica: &Replica,
    schema: &Schema,
    root: RowUuid,
    stored: Fence,
    fence: Fence,
    diff: &HostDiff,
) -> Result<Transaction, ChangeRefusal> {
    let mut builder = Builder {
        replica,
        knows_mtu: schema.has(Table::Interface, "mtu_request"),
        knows_protected: schema.has(Table::Port, "protected"),
        root,
        checks: Vec::new(),
        writes: Vec::new(),
        named: 0,
    };
    builder.add_diff(diff)?;
    let mut transaction = Transaction::guarded_by(guard(root, stored));
    for (purpose, check) in builder.checks {
        transaction.push(purpose, check);
    }
    raise(&mut transaction, root, stored, fence);
    for (purpose, write) in builder.writes {
        transaction.push(purpose, write);
    }
    Ok(transaction)
}

struct Builder<'a> {
    replica: &'a Replica,
    knows_mtu: bool,
    knows_protected: bool,
    root: RowUuid,
    /// Conditions on rows as they are before any write.
    checks: Vec<(String, Value)>,
    writes: Vec<(String, Value)>,
    /// How many rows were inserted; makes their `uuid-name`s.
    named: usize,
}

impl Builder<'_> {
    fn add_diff(&mut self, diff: &HostDiff) -> Result<(), ChangeRefusal> {
        for removal in &diff.remove_ports {
            self.remove_port(removal)?;
        }
        for removal in &diff.remove_bridges {
            self.remove_bridge(removal)?;
        }
        for bridge in &diff.add_bridges {
            self.add_bridge(bridge);
        }
        for addition in &diff.add_ports {
            self.add_port(addition)?;
        }
        for change in &diff.change_bridges {
            self.change_bridge(change)?;
        }
        for change in &diff.change_ports {
            self.change_port(change)?;
        }
        for change in &diff.change_interfaces {
            self.change_interface(change)?;
        }
        Ok(())
    }

    /// Port rows go when nothing refers to them (the table is no root of the schema), their interfaces with them.
    fn remove_port(&mut self, removal: &PortRemoval) -> Result<(), ChangeRefusal> {
        let what = format!("port {}", removal.name);
        self.ours(Table::Port, removal.port, &what)?;
        let port = uuid_json(removal.port);
        let holds = json!([["_uuid", "==", uuid_json(removal.bridge)], ["ports", "includes", port]]);
        self.check(
            format!("that bridge {} holds {what}", removal.bridge_name),
            wait(Table::Bridge, holds, json!({ "name": removal.bridge_name })),
        );
        self.check_name(Table::Port, removal.port, &removal.name);
        self.write(
            format!("removing {what}"),
            mutate(Table::Bridge, this(removal.bridge), json!([["ports", "delete", port]])),
        );
        Ok(())
    }

    fn remove_bridge(&mut self, removal: &BridgeRemoval) -> Result<(), ChangeRefusal> {
        let what = format!("bridge {}", removal.name);
        let bridge = self.ours(Table::Bridge, removal.bridge, &what)?;
        let ports: Vec<RowUuid> = bridge.uuids("ports").collect();
        for port in ports.iter().filter_map(|port| self.replica.row(Table::Port, *port)) {
            let name = port.text("name");
            if !is_ours(port) && name != removal.name {
                return Err(ChangeRefusal::InUse { bridge: removal.name.clone(), port: name.to_owned() });
            }
        }
        // Exactly these ports: one that an operator plugs in at this moment keeps the bridge.
        let ports: Vec<Value> = ports.into_iter().map(uuid_json).collect();
        self.check(
            format!("that {what} holds the ports that were seen and no other"),
            wait(
                Table::Bridge,
                this(removal.bridge),
                json!({ "name": removal.name, "ports": ["set", ports] }),
            ),
        );
        let removing = json!([["bridges", "delete", uuid_json(removal.bridge)]]);
        self.write(format!("removing {what}"), mutate(Table::OpenVswitch, this(self.root), removing));
        Ok(())
    }

    fn add_bridge(&mut self, bridge: &TargetBridge) {
        let mark = mark(bridge.network);
        let mut own_interface = json!({ "name": bridge.name, "type": "internal", "external_ids": mark });
        if self.knows_mtu {
            own_interface["mtu_request"] = json!(bridge.mtu);
        }
        let own_interface = self.insert(Table::Interface, &bridge.name, own_interface);
        let own_port = json!({ "name": bridge.name, "interfaces": own_interface, "external_ids": mark });
        let mut ports = vec![self.insert(Table::Port, &bridge.name, own_port)];
        for port in bridge.ports.values() {
            ports.push(self.insert_port(bridge.network, port));
        }
        let row = json!({
            "name": bridge.name,
            "datapath_type": bridge.datapath.as_str(),
            "external_ids": mark,
            "ports": ["set", ports],
        });
        let row = self.insert(Table::Bridge, &bridge.name, row);
        self.write(
            format!("adding bridge {}", bridge.name),
            mutate(Table::OpenVswitch, this(self.root), json!([["bridges", "insert", row]])),
        );
    }

    fn add_port(&mut self, addition: &PortAddition) -> Result<(), ChangeRefusal> {
        let what = format!("bridge {}", addition.bridge_name);
        self.ours(Table::Bridge, addition.bridge, &what)?;
        let ours = json!([
            ["_uuid", "==", uuid_json(addition.bridge)],
            ["external_ids", "includes", mark(addition.network)],
        ]);
        self.check(
            format!("that {what} is there and carries network {}", addition.network),
            wait(Table::Bridge, ours, json!({ "name": addition.bridge_name })),
        );
        let port = self.insert_port(addition.network, &addition.port);
        self.write(
            format!("adding port {}", addition.port.name),
            mutate(Table::Bridge, this(addition.bridge), json!([["ports", "insert", port]])),
        );
        Ok(())
    }

    fn change_bridge(&mut self, change: &BridgeChange) -> Result<(), ChangeRefusal> {
        let what = format!("bridge {}", change.name);
        self.ours(Table::Bridge, change.bridge, &what)?;
        self.check_name(Table::Bridge, change.bridge, &change.name);
        if let Some(datapath) = &change.datapath_type {
            self.write(
                format!("changing {what}"),
                update(Table::Bridge, this(change.bridge), json!({ "datapath_type": datapath })),
            );
        }
        let Some((interface, mtu)) = change.mtu_request else { return Ok(()) };
        if !self.knows_mtu {
            return Err(ChangeRefusal::NoColumn { table: Table::Interface.name(), column: "mtu_request" });
        }
        self.belongs(interface, &change.name, |port| port.text("name") == change.name)?;
        self.check_name(Table::Interface, interface, &change.name);
        self.write(
            format!("changing the MTU of {what}"),
            update(Table::Interface, this(interface), json!({ "mtu_request": mtu })),
        );
        Ok(())
    }

    fn change_port(&mut self, change: &PortChange) -> Result<(), ChangeRefusal> {
        let what = format!("port {}", change.name);
        self.ours(Table::Port, change.port, &what)?;
        if !self.knows_protected {
            return Err(ChangeRefusal::NoColumn { table: Table::Port.name(), column: "protected" });
        }
        self.check_name(Table::Port, change.port, &change.name);
        self.write(
            format!("changing {what}"),
            update(Table::Port, this(change.port), json!({ "protected": change.is_protected })),
        );
        Ok(())
    }

    fn change_interface(&mut self, change: &InterfaceChange) -> Result<(), ChangeRefusal> {
        let name = &change.tunnel.name;
        self.belongs(change.interface, name, is_ours)?;
        self.check_name(Table::Interface, change.interface, name);
        let row = Value::Object(tunnel_columns(&change.tunnel).into_iter().collect());
        self.write(
            format!("changing interface {name}"),
            update(Table::Interface, this(change.interface), row),
        );
        Ok(())
    }

    fn insert_port(&mut self, network: NetworkId, port: &TargetPort) -> Value {
        let mark = mark(network);
        let mut interfaces = Vec::new();
        for tunnel in &port.tunnels {
            let mut row = tunnel_columns(tunnel);
            row.insert("name".to_owned(), json!(tunnel.name));
            row.insert("external_ids".to_owned(), mark.clone());
            interfaces.push(self.insert(Table::Interface, &tunnel.name, row.into_iter().collect()));
        }
        let bonded = interfaces.len() > 1;
        let mut row = json!({ "name": port.name, "interfaces": ["set", interfaces], "external_ids": mark });
        if bonded {
            row["bond_mode"] = json!("active-backup");
        }
        if self.knows_protected {
            row["protected"] = json!(port.role.is_protected());
        }
        self.insert(Table::Port, &port.name, row)
    }

    /// Inserts a row and gives the reference to it.
    fn insert(&mut self, table: Table, label: &str, row: Value) -> Value {
        let name = format!("row{}", self.named);
        self.named += 1;
        self.write(format!("inserting {} {label}", table.name()), insert(table, &name, row));
        json!(["named-uuid", name])
    }

    fn check(&mut self, purpose: String, operation: Value) {
        self.checks.push((purpose, operation));
    }

    fn write(&mut self, purpose: String, operation: Value) {
        self.writes.push((purpose, operation));
    }

    /// Demands that the row is there under the name that the diff knows it by.
    fn check_name(&mut self, table: Table, row: RowUuid, name: &str) {
        let purpose = format!("that {} {name} is there", table.name());
        self.check(purpose, wait(table, this(row), json!({ "name": name })));
    }

    /// The row, if it is there and ours.
    fn ours(&self, table: Table, row: RowUuid, what: &str) -> Result<&Row, ChangeRefusal> {
        let row =
            self.replica.row(table, row).ok_or_else(|| ChangeRefusal::Gone { what: what.to_owned() })?;
        if is_ours(row) { Ok(row) } else { Err(ChangeRefusal::Foreign { what: what.to_owned() }) }
    }

    /// Demands that the interface is there, and is ours itself or of a port that `owns` it.
    fn belongs(
        &self,
        interface: RowUuid,
        name: &str,
        owns: impl Fn(&Row) -> bool,
    ) -> Result<(), ChangeRefusal> {
        let what = || format!("interface {name}");
        let row = self
            .replica
            .row(Table::Interface, interface)
            .ok_or_else(|| ChangeRefusal::Gone { what: what() })?;
        let mut ports = self.replica.rows(Table::Port).map(|(_, port)| port);
        let belongs = is_ours(row)
            || ports.any(|port| owns(port) && port.uuids("interfaces").any(|held| held == interface));
        if belongs { Ok(()) } else { Err(ChangeRefusal::Foreign { what: what() }) }
    }
}

/// What makes a row ours.
fn mark(network: NetworkId) -> Value {
    map_json([(NETWORK_KEY, network.0.to_string())])
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
