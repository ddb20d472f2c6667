//! `network`: one object for the whole pool, and a row in its database only.

use asterism_model::{ObjectRef, PoolNetworkKey, pool_objects::POOL_NETWORK_KEY};
use serde_json::json;

use crate::{
    calls::{Caller, NotDone, is_gone},
    error::CallError,
    failure::shown,
    records::{Class, NetworkRecord, Records},
};

impl Caller {
    /// Makes the network, unless there is one with this key and bridge. XAPI refuses a bridge's name that is taken, so of
    /// two controllers that don't know of each other one makes it, and the other finds it.
    pub(super) async fn create_network(
        &self,
        key: PoolNetworkKey,
        label: &str,
        bridge: &str,
        mtu: u16,
    ) -> Result<(), NotDone> {
        let key = key.to_string();
        if by_bridge(&self.records, bridge).is_some_and(|network| has_key(network, &key)) {
            return Ok(());
        }
        let record = json!({
            "name_label": label,
            "name_description": "",
            "MTU": mtu,
            "bridge": bridge,
            // Not offered to new VMs by itself.
            "other_config": { "automatic": "false", POOL_NETWORK_KEY: key },
        });
        match self.call("network.create", vec![record]).await {
            Ok(_) => Ok(()),
            Err(CallError::Failed(failure)) if failure.is("BRIDGE_NAME_EXISTS") => {
                let all = self.call(Class::Network.all_records(), vec![]).await?;
                let mut records = Records::default();
                let _understood = records.replace(Class::Network, &all);
                match by_bridge(&records, bridge) {
                    Some(network) if has_key(network, &key) => Ok(()),
                    Some(network) => Err(NotDone::Because(format!(
                        "bridge {bridge} is that of network `{}`, which is not this cluster's",
                        shown(&network.label)
                    ))),
                    None => Err(CallError::Failed(failure).into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a network that is there our key. XAPI refuses a key that is there already: of two controllers one marks it.
    pub(super) async fn mark_network(&self, network: &ObjectRef, key: PoolNetworkKey) -> Result<(), NotDone> {
        let key = key.to_string();
        let known = self.records.networks.get(network);
        match known.and_then(|known| known.other_config.get(POOL_NETWORK_KEY)) {
            Some(found) if *found == key => return Ok(()),
            Some(found) => {
                return Err(NotDone::Because(format!(
                    "the pool's network is that of another one, {}",
                    shown(found)
                )));
            }
            None => {}
        }
        let params = vec![json!(network.0), json!(POOL_NETWORK_KEY), json!(key)];
        self.call("network.add_to_other_config", params).await?;
        Ok(())
    }

    /// Takes our key off a network. One that is gone, or has none, needs nothing.
    pub(super) async fn unmark_network(&self, network: &ObjectRef) -> Result<(), NotDone> {
        let params = vec![json!(network.0), json!(POOL_NETWORK_KEY)];
        match self.call("network.remove_from_other_config", params).await {
            Ok(_) => Ok(()),
            Err(CallError::Failed(failure)) if is_gone(&failure, network) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what differs.
    pub(super) async fn change_network(
        &self,
        network: &ObjectRef,
        label: &str,
        mtu: u16,
    ) -> Result<(), NotDone> {
        let known = self.records.networks.get(network);
        if known.is_none_or(|known| known.label != label) {
            self.call("network.set_name_label", vec![json!(network.0), json!(label)]).await?;
        }
        if known.is_none_or(|known| known.mtu != i64::from(mtu)) {
            self.call("network.set_MTU", vec![json!(network.0), json!(mtu)]).await?;
        }
        Ok(())
    }
}

fn by_bridge<'a>(records: &'a Records, bridge: &str) -> Option<&'a NetworkRecord> {
    records.networks.values().find(|network| network.bridge == bridge)
}

fn has_key(network: &NetworkRecord, key: &str) -> bool {
    network.other_config.get(POOL_NETWORK_KEY).is_some_and(|found| found == key)
}
