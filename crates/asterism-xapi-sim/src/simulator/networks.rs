//! What befalls networks and PIFs: addresses change, bridges go, somebody deletes a network.

use std::net::IpAddr;

use super::{InterfaceSpec, Simulator, rows};
use crate::{
    calls::{destroy_tunnel, pif, vif::local_pif},
    failure::Failure,
    value::Value,
};

impl Simulator {
    /// The reference of a network.
    ///
    /// # Panics
    /// If the pool has no network of that name.
    pub fn network(&self, label: &str) -> String {
        let found = self.database().find_by_name("network", label);
        found.unwrap_or_else(|| panic!("the pool has no network {label}"))
    }

    /// The reference of a host's PIF of a network.
    ///
    /// # Panics
    /// If there is none.
    pub fn pif(&self, host: &str, network: &str) -> String {
        let (host_ref, network_ref) = (self.host(host), self.network(network));
        let found = local_pif(&self.database(), &network_ref, &host_ref);
        found.unwrap_or_else(|| panic!("host {host} has no PIF of network {network}"))
    }

    /// A host gets a further interface, unplugged.
    pub fn add_interface(&self, host: &str, interface: &InterfaceSpec) {
        let host = self.host(host);
        self.edit(|database| rows::add_interface(database, &host, interface, false));
    }

    /// A PIF gets another address, or loses it.
    pub fn set_address(&self, host: &str, network: &str, address: Option<(IpAddr, u8)>) {
        let pif = self.pif(host, network);
        self.edit(|database| rows::set_address(database, &pif, address));
    }

    /// Somebody plugs a PIF.
    ///
    /// # Errors
    /// What `PIF.plug` answers.
    pub fn plug_pif(&self, host: &str, network: &str) -> Result<(), Failure> {
        pif::plug(&self.0.pool, &self.pif(host, network))
    }

    /// Somebody unplugs a PIF: its bridge goes, with all ports.
    ///
    /// # Errors
    /// What `PIF.unplug` answers.
    pub fn unplug_pif(&self, host: &str, network: &str) -> Result<(), Failure> {
        pif::unplug(&self.0.pool, &self.pif(host, network))
    }

    /// Somebody deletes a network behind the controller's back, with its tunnels and unattached VIFs.
    ///
    /// # Errors
    /// What `tunnel.destroy` answers for one of them.
    pub fn destroy_network(&self, label: &str) -> Result<(), Failure> {
        let network = self.network(label);
        let tunnels: Vec<String> = {
            let database = self.database();
            let pifs = database.texts("network", &network, "PIFs");
            pifs.iter().filter_map(|pif| pif::tunnel_of(&database, pif)).collect()
        };
        for tunnel in tunnels {
            destroy_tunnel(&self.0.pool, &tunnel)?;
        }
        self.edit(|database| {
            for vif in database.texts("network", &network, "VIFs") {
                database.destroy("VIF", &vif);
            }
            database.destroy("network", &network);
        });
        Ok(())
    }

    /// Sets or removes a key of a network's `other_config`.
    pub fn set_network_key(&self, label: &str, key: &str, value: Option<&str>) {
        let network = self.network(label);
        self.edit(|database| {
            let old = database.get("network", &network, "other_config").entries().to_vec();
            let kept = old.into_iter().filter(|(name, _)| name != key);
            let mut entries: Vec<_> =
                kept.chain(value.map(|value| (key.to_owned(), Value::text(value)))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            database.set("network", &network, "other_config", Value::Map(entries));
        });
    }
}
