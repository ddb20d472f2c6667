//! Target against what a pool's XAPI shows, over the union of both.
//!
//! Owns networks that carry our cluster's key, and no others. Each call brings it nearer, may be carried out twice, and needs
//! nothing but what the picture shows, so that work that was left half done is gone on with by whoever leads next.

use std::collections::BTreeMap;

use asterism_model::{
    NetworkId, NetworkState, ObjectRef, ObservedAuthority, ObservedPool, ObservedPoolHost,
    ObservedPoolNetwork, ObservedTunnel, PoolAdoption, PoolCall, PoolNetworkKey, PoolTarget,
    TargetPoolNetwork, TransportName, TunnelStatus, Vni, XapiUuid,
};

/// What is to be called, in order, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolDifference {
    pub calls: Vec<PoolCall>,
    pub obstacles: Vec<Obstacle>,
}

/// Why something of the target can't be there yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Obstacle {
    #[error(
        "the pool trusts the certificates of another SDN controller: its `sdn-controller-ca.pem` is not this cluster's"
    )]
    OtherAuthority,
    #[error(
        "the pool's hosts dial an SDN controller at {address} ({protocol}) instead of listening: forget it with \
         `xe sdn-controller-forget`"
    )]
    OtherController { protocol: String, address: String },
    #[error("network {network}: another network of the pool has bridge {bridge}")]
    BridgeTaken { network: NetworkId, bridge: String },
    #[error("network {network}: the pool made it with bridge {found}, and not {bridge}")]
    OtherBridge { network: NetworkId, bridge: String, found: String },
    #[error(
        "network {network}: the pool's network {uuid}, which was adopted, is gone; see `asterctl network delete`"
    )]
    AdoptedGone { network: NetworkId, uuid: XapiUuid },
    #[error("network {network}: two networks of the pool carry its key; destroy the one without VMs")]
    Twice { network: NetworkId },
    #[error("network {network}: host {host} has no PIF on {transport}")]
    NoTransport { network: NetworkId, host: XapiUuid, transport: TransportName },
    #[error("network {network} is deleted, and stays in the pool while {vifs} VIFs are plugged into it")]
    Plugged { network: NetworkId, vifs: usize },
    #[error("network {network} is deleted, and stays in the pool until host {host} is live again")]
    HostDown { network: NetworkId, host: XapiUuid },
}

/// Computes what brings the pool to its target. `state` is what the target is of: a network that it has never heard of may be
/// a later leader's, and is left alone.
pub fn difference(state: &NetworkState, target: &PoolTarget, observed: &ObservedPool) -> PoolDifference {
    let mut differ = Differ { target, observed, found: PoolDifference::default() };
    differ.compare_control();
    let mut ours: BTreeMap<NetworkId, Vec<(&ObjectRef, &ObservedPoolNetwork)>> = BTreeMap::new();
    for (reference, network) in &observed.networks {
        let key = network.key.parse::<PoolNetworkKey>().ok().filter(|key| key.cluster == target.cluster);
        if let Some(key) = key {
            ours.entry(key.network).or_default().push((reference, network));
        }
    }
    for (id, wanted) in &target.networks {
        match ours.remove(id).as_deref() {
            None | Some([]) => match &wanted.adoption {
                Some(adoption) => differ.mark(*id, adoption),
                None => differ.create(*id, wanted),
            },
            Some([(reference, _)]) if wanted.adoption.is_some_and(|it| it.is_releasing) => {
                differ.found.calls.push(PoolCall::UnmarkNetwork { network: (*reference).clone() });
            }
            Some([(reference, network)]) => differ.compare_network(*id, wanted, reference, network),
            Some(_) => differ.found.obstacles.push(Obstacle::Twice { network: *id }),
        }
    }
    for (id, networks) in ours.into_iter().filter(|(id, _)| state.has_known(*id)) {
        for (reference, network) in networks {
            differ.destroy(id, reference, network);
        }
    }
    differ.found
}

struct Differ<'a> {
    target: &'a PoolTarget,
    observed: &'a ObservedPool,
    found: PoolDifference,
}

impl Differ<'_> {
    /// The CA first: a host that listens reads it when it begins to. Hosts that listen already, for whomever, are to believe us
    /// before a network is made: one of theirs may be adopted.
    fn compare_control(&mut self) {
        let listens = self.observed.controllers.iter().any(|controller| controller.protocol == "pssl");
        if !self.target.is_controlled && !listens {
            return;
        }
        match self.observed.authority {
            ObservedAuthority::Absent => return self.found.calls.push(PoolCall::InstallAuthority),
            ObservedAuthority::Unknown => return,
            ObservedAuthority::Other => self.found.obstacles.push(Obstacle::OtherAuthority),
            ObservedAuthority::Installed => {}
        }
        match self.observed.controllers.first() {
            None => self.found.calls.push(PoolCall::IntroduceController),
            Some(controller) if controller.protocol == "pssl" => {}
            Some(controller) => self.found.obstacles.push(Obstacle::OtherController {
                protocol: controller.protocol.clone(),
                address: controller.address.clone(),
            }),
        }
    }

    fn create(&mut self, network: NetworkId, wanted: &TargetPoolNetwork) {
        if self.observed.foreign_bridges.contains(&wanted.bridge) {
            let bridge = wanted.bridge.clone();
            return self.found.obstacles.push(Obstacle::BridgeTaken { network, bridge });
        }
        self.found.calls.push(PoolCall::CreateNetwork {
            key: PoolNetworkKey { cluster: self.target.cluster, network },
            label: wanted.label.clone(),
            bridge: wanted.bridge.clone(),
            mtu: wanted.mtu,
        });
    }

    /// The pool's own network becomes ours by its key alone.
    fn mark(&mut self, network: NetworkId, adoption: &PoolAdoption) {
        if adoption.is_releasing {
            return;
        }
        let mut found = self.observed.plugin_networks.iter();
        match found.find(|(_, found)| found.uuid == adoption.uuid) {
            Some((reference, _)) => self.found.calls.push(PoolCall::MarkNetwork {
                network: reference.clone(),
                key: PoolNetworkKey { cluster: self.target.cluster, network },
            }),
            None => self.found.obstacles.push(Obstacle::AdoptedGone { network, uuid: adoption.uuid }),
        }
    }

    fn compare_network(
        &mut self,
        id: NetworkId,
        wanted: &TargetPoolNetwork,
        reference: &ObjectRef,
        network: &ObservedPoolNetwork,
    ) {
        if network.bridge != wanted.bridge {
            let (bridge, found) = (wanted.bridge.clone(), network.bridge.clone());
            return self.found.obstacles.push(Obstacle::OtherBridge { network: id, bridge, found });
        }
        // Those who use the pool know its own network by the label that it has.
        let label = if wanted.adoption.is_some() { &network.label } else { &wanted.label };
        if network.label != *label || network.mtu != i64::from(wanted.mtu) {
            let (network, label, mtu) = (reference.clone(), label.clone(), wanted.mtu);
            self.found.calls.push(PoolCall::ChangeNetwork { network, label, mtu });
        }
        for (uuid, status) in &wanted.hosts {
            let Some(host) = self.observed.hosts.get(uuid) else { continue };
            match network.tunnels.get(uuid) {
                None => self.create_tunnel(id, wanted, reference, (*uuid, host)),
                Some(tunnel) => self.compare_tunnel(wanted, (*uuid, host), tunnel, status.as_ref()),
            }
        }
    }

    fn create_tunnel(
        &mut self,
        id: NetworkId,
        wanted: &TargetPoolNetwork,
        network: &ObjectRef,
        (uuid, host): (XapiUuid, &ObservedPoolHost),
    ) {
        let Some(transport) = host.transports.get(&wanted.transport) else {
            let transport = wanted.transport.clone();
            return self.found.obstacles.push(Obstacle::NoTransport { network: id, host: uuid, transport });
        };
        // XAPI refuses for a host that is not live.
        if host.is_live {
            self.found.calls.push(PoolCall::CreateTunnel {
                host: uuid,
                network: network.clone(),
                transport: transport.pif.clone(),
                protocol: wanted.protocol,
            });
        }
    }

    fn compare_tunnel(
        &mut self,
        wanted: &TargetPoolNetwork,
        (uuid, host): (XapiUuid, &ObservedPoolHost),
        tunnel: &ObservedTunnel,
        status: Option<&TunnelStatus>,
    ) {
        let is_right =
            tunnel.protocol == Some(wanted.protocol) && tunnel.transport.as_ref() == Some(&wanted.transport);
        if !is_right {
            if host.is_live {
                let tunnel = tunnel.tunnel.clone();
                self.found.calls.push(PoolCall::DestroyTunnel { host: uuid, tunnel });
            }
            return;
        }
        // One that starts plugs its own PIFs first, and is enabled when it has.
        if !tunnel.is_attached && host.is_live && host.is_enabled {
            self.found.calls.push(PoolCall::Plug { host: uuid, pif: tunnel.access_pif.clone() });
        }
        let Some(status) = status.map(|status| to_map(status, wanted.vni)) else { return };
        let differs =
            ["active", "key", "error"].iter().any(|key| status.get(*key) != tunnel.status.get(*key));
        if differs {
            let tunnel = tunnel.tunnel.clone();
            self.found.calls.push(PoolCall::SetStatus { host: uuid, tunnel, status });
        }
    }

    /// What the pool has for a network that it carries no more: tunnels first, since it keeps a network that has any.
    fn destroy(&mut self, id: NetworkId, reference: &ObjectRef, network: &ObservedPoolNetwork) {
        for (uuid, tunnel) in &network.tunnels {
            let is_live = self.observed.hosts.get(uuid).is_none_or(|host| host.is_live);
            if is_live {
                let tunnel = tunnel.tunnel.clone();
                self.found.calls.push(PoolCall::DestroyTunnel { host: *uuid, tunnel });
            } else {
                self.found.obstacles.push(Obstacle::HostDown { network: id, host: *uuid });
            }
        }
        if network.plugged_vifs > 0 {
            let vifs = network.plugged_vifs;
            self.found.obstacles.push(Obstacle::Plugged { network: id, vifs });
        } else if network.tunnels.is_empty() {
            self.found.calls.push(PoolCall::DestroyNetwork { network: reference.clone() });
        }
    }
}

/// `tunnel.status` as operators' tools read it; `key` is the VNI.
fn to_map(status: &TunnelStatus, vni: Option<Vni>) -> BTreeMap<String, String> {
    let mut map = BTreeMap::from([("active".to_owned(), status.is_active.to_string())]);
    map.extend(vni.map(|vni| ("key".to_owned(), vni.to_string())));
    if !status.error.is_empty() {
        map.insert("error".to_owned(), status.error.clone());
    }
    map
}

#[cfg(test)]
mod tests;
