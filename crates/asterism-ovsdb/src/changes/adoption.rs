//! Rows that Xen Orchestra's plugin made become ours, and ours become the plugin's. The rows stay: traffic goes on.

use asterism_model::{
    BridgeClaim, BridgeRelease, PortClaim, PortRelease, PortRemoval,
    adoption::{OLD_PLUGIN_PORT_KEYS, PLUGIN_NETWORK_KEY, TUNNEL_KEY},
    target::NETWORK_KEY,
};
use serde_json::json;

use super::{Builder, ChangeRefusal, mark, port::BACKUP};
use crate::{
    fencing::this,
    observe::{FALLBACK_KEY, is_ours},
    plugin::{known_name, plugin_ports, pool_networks},
    schema::Table,
    transaction::{mutate, update, wait},
    value::{map_json, uuid_json},
};

impl Builder<'_> {
    /// Marks a bridge that its pool made for the adopted network.
    pub(super) fn claim_bridge(&mut self, claim: &BridgeClaim) -> Result<(), ChangeRefusal> {
        let what = format!("bridge {}", claim.name);
        let row = self.replica.row(Table::Bridge, claim.bridge);
        let row = row.ok_or_else(|| ChangeRefusal::Gone { what: what.clone() })?;
        if is_ours(row) || row.text("name") != claim.name || !pool_networks(row).contains(&claim.uuid) {
            return Err(ChangeRefusal::Foreign { what });
        }
        // All that it carries: an unmarked row of that pool's network, as it was seen.
        let ids = map_json(row.pairs("external_ids").map(|(key, value)| (key, value.to_owned())));
        self.check(
            format!("that {what} is as it was seen"),
            wait(Table::Bridge, this(claim.bridge), json!({ "name": claim.name, "external_ids": ids })),
        );
        self.claimed.insert(claim.bridge);
        let marking = json!([["external_ids", "insert", mark(claim.network)]]);
        self.write(format!("marking {what}"), mutate(Table::Bridge, this(claim.bridge), marking));
        Ok(())
    }

    /// Makes a port of the plugin's ours, and its tunnel what the network wants of it.
    pub(super) fn claim_port(&mut self, claim: &PortClaim) -> Result<(), ChangeRefusal> {
        let (seen, what) = (&claim.seen, format!("port {}", claim.seen.name));
        self.require_adopted(claim.bridge, &claim.bridge_name)?;
        let bridge = self.replica.row(Table::Bridge, claim.bridge);
        let there = bridge.map(|bridge| plugin_ports(self.replica, bridge)).unwrap_or_default();
        if there.get(&claim.port) != Some(seen) {
            return Err(ChangeRefusal::Foreign { what });
        }
        self.check_held(claim.bridge, &claim.bridge_name, claim.port, &what);
        self.check(
            format!("that {what} has its interface"),
            wait(
                Table::Port,
                this(claim.port),
                json!({ "name": seen.name, "interfaces": ["set", [uuid_json(seen.interface)]] }),
            ),
        );
        let options = map_json(seen.options.iter().map(|(key, value)| (key.as_str(), value.clone())));
        self.check(
            format!("that interface {} is as it was seen", seen.interface_name),
            wait(
                Table::Interface,
                this(seen.interface),
                json!({ "name": seen.interface_name, "type": seen.kind, "options": options }),
            ),
        );
        let mut row = json!({});
        if self.knows(Table::Port, "protected") {
            row["protected"] = json!(claim.is_protected);
        }
        if self.knows(Table::Port, "bond_mode") {
            row["bond_mode"] = json!(BACKUP);
        }
        self.write(format!("changing {what}"), update(Table::Port, this(claim.port), row));
        let mut marking = vec![json!(["external_ids", "insert", mark(claim.network)])];
        if self.knows(Table::Port, "other_config") {
            marking.push(json!(["other_config", "delete", ["set", plugin_keys()]]));
        }
        self.write(format!("marking {what}"), mutate(Table::Port, this(claim.port), marking.into()));
        // Its options are left as they are: the switch would build the tunnel anew.
        let row = json!({ "bfd": map_json(claim.tunnel.bfd.to_column()) });
        let what = format!("interface {}", seen.interface_name);
        self.write(format!("changing {what}"), update(Table::Interface, this(seen.interface), row));
        let marks =
            map_json([(NETWORK_KEY, claim.network.0.to_string()), (TUNNEL_KEY, claim.tunnel.name.clone())]);
        let marking = json!([["external_ids", "insert", marks]]);
        self.write(format!("marking {what}"), mutate(Table::Interface, this(seen.interface), marking));
        Ok(())
    }

    /// Takes a port of the plugin's off an adopted bridge.
    pub(super) fn remove_stray(&mut self, removal: &PortRemoval) -> Result<(), ChangeRefusal> {
        let what = format!("port {}", removal.name);
        self.require_adopted(removal.bridge, &removal.bridge_name)?;
        let bridge = self.replica.row(Table::Bridge, removal.bridge);
        let there = bridge.map(|bridge| plugin_ports(self.replica, bridge)).unwrap_or_default();
        if !there.contains_key(&removal.port) {
            return Err(ChangeRefusal::Foreign { what });
        }
        self.check_held(removal.bridge, &removal.bridge_name, removal.port, &what);
        let removing = json!([["ports", "delete", uuid_json(removal.port)]]);
        self.write(format!("removing {what}"), mutate(Table::Bridge, this(removal.bridge), removing));
        Ok(())
    }

    /// Gives ports the plugin's mark, and takes ours off them and off their bridge.
    pub(super) fn release_bridge(&mut self, release: &BridgeRelease) -> Result<(), ChangeRefusal> {
        self.require_adopted(release.bridge, &release.name)?;
        self.check_network(Table::Bridge, release.bridge, &release.name, release.network);
        for port in &release.ports {
            self.release_port(release, port)?;
        }
        let unmarking = json!([["external_ids", "delete", ["set", [NETWORK_KEY]]]]);
        let what = format!("taking our mark off bridge {}", release.name);
        self.write(what, mutate(Table::Bridge, this(release.bridge), unmarking));
        Ok(())
    }

    fn release_port(&mut self, release: &BridgeRelease, port: &PortRelease) -> Result<(), ChangeRefusal> {
        let what = format!("port {}", port.name);
        self.ours(Table::Port, port.port, &what)?;
        self.check_network(Table::Port, port.port, &port.name, release.network);
        self.check(
            format!("that {what} has its interface"),
            wait(Table::Port, this(port.port), json!({ "interfaces": ["set", [uuid_json(port.interface)]] })),
        );
        let mut marking = vec![json!(["external_ids", "delete", ["set", [NETWORK_KEY]]])];
        if let Some(uuid) = release.plugin {
            self.require(Table::Port, "other_config")?;
            let uuid = uuid.to_string();
            marking.push(json!(["other_config", "delete", ["set", [FALLBACK_KEY]]]));
            marking.push(json!(["other_config", "insert", map_json([(PLUGIN_NETWORK_KEY, uuid)])]));
        }
        self.write(format!("marking {what}"), mutate(Table::Port, this(port.port), marking.into()));
        let mut row = json!({});
        if self.knows(Table::Port, "protected") {
            row["protected"] = json!(false);
        }
        if self.knows(Table::Port, "bond_mode") {
            row["bond_mode"] = json!(["set", []]);
        }
        if self.knows(Table::Port, "lacp") {
            row["lacp"] = json!(["set", []]);
            row["bond_downdelay"] = json!(0);
        }
        self.write(format!("changing {what}"), update(Table::Port, this(port.port), row));
        // The plugin has no BFD. It knows a tunnel by its other end, whatever else stands in the options.
        let what = format!("interface {}", port.tunnel.name);
        let row = json!({ "bfd": ["map", []] });
        self.write(format!("changing {what}"), update(Table::Interface, this(port.interface), row));
        let unmarking = json!([["external_ids", "delete", ["set", [NETWORK_KEY, TUNNEL_KEY]]]]);
        self.write(
            format!("taking our mark off {what}"),
            mutate(Table::Interface, this(port.interface), unmarking),
        );
        Ok(())
    }

    /// Demands that the bridge is an adopted one, or made one by this transaction.
    fn require_adopted(&self, bridge: asterism_model::RowUuid, name: &str) -> Result<(), ChangeRefusal> {
        let what = || format!("bridge {name}");
        let row = self.replica.row(Table::Bridge, bridge);
        let row = row.ok_or_else(|| ChangeRefusal::Gone { what: what() })?;
        let is_adopted = is_ours(row) && !pool_networks(row).is_empty();
        if is_adopted || self.claimed.contains(&bridge) {
            Ok(())
        } else {
            Err(ChangeRefusal::Foreign { what: what() })
        }
    }

    /// Demands that an interface is there under the name of its row.
    pub(super) fn check_interface(&mut self, interface: asterism_model::RowUuid, name: &str) {
        let row = self.replica.row(Table::Interface, interface);
        let of_row = row.filter(|row| known_name(row) == name).map_or(name, |row| row.text("name"));
        let of_row = of_row.to_owned();
        self.check_name(Table::Interface, interface, &of_row);
    }
}

fn plugin_keys() -> Vec<&'static str> {
    OLD_PLUGIN_PORT_KEYS.into_iter().chain([PLUGIN_NETWORK_KEY]).collect()
}
