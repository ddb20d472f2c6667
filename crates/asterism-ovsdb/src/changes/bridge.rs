//! Whole bridges: made, removed, changed.

use asterism_model::{BridgeChange, BridgeRemoval, RowUuid, TargetBridge};
use serde_json::{Value, json};

use super::{Builder, ChangeRefusal, mark};
use crate::{
    fencing::this,
    observe::is_ours,
    plugin::pool_networks,
    schema::Table,
    transaction::{mutate, update, wait},
    value::uuid_json,
};

impl Builder<'_> {
    pub(super) fn remove_bridge(&mut self, removal: &BridgeRemoval) -> Result<(), ChangeRefusal> {
        let what = format!("bridge {}", removal.name);
        let bridge = self.ours(Table::Bridge, removal.bridge, &what)?;
        if !pool_networks(bridge).is_empty() {
            return Err(ChangeRefusal::Foreign { what });
        }
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

    pub(super) fn add_bridge(&mut self, bridge: &TargetBridge) -> Result<(), ChangeRefusal> {
        let mark = mark(bridge.network);
        let mut own_interface = json!({ "name": bridge.name, "type": "internal", "external_ids": mark });
        if self.knows(Table::Interface, "mtu_request") {
            own_interface["mtu_request"] = json!(bridge.mtu);
        }
        let own_interface = self.insert(Table::Interface, &bridge.name, own_interface);
        let own_port = json!({ "name": bridge.name, "interfaces": own_interface, "external_ids": mark });
        let mut ports = vec![self.insert(Table::Port, &bridge.name, own_port)];
        for port in bridge.ports.values() {
            ports.push(self.insert_port(bridge.network, port)?);
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
        Ok(())
    }

    pub(super) fn change_bridge(&mut self, change: &BridgeChange) -> Result<(), ChangeRefusal> {
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
        self.require(Table::Interface, "mtu_request")?;
        self.belongs(interface, &change.name, |port| port.text("name") == change.name)?;
        self.check_name(Table::Interface, interface, &change.name);
        self.write(
            format!("changing the MTU of {what}"),
            update(Table::Interface, this(interface), json!({ "mtu_request": mtu })),
        );
        Ok(())
    }
}
