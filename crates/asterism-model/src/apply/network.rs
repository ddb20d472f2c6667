//! Networks are created, updated and deleted.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use super::{Applied, exhausted};
use crate::{
    Effect, Encapsulation, EventKind, Host, HostId, HostRef, Name, NetworkChange, NetworkId, NetworkSpec,
    NetworkState, Pool, PoolAttachment, PoolAttachmentSpec, PoolId, PrivateNetwork, Refusal, Shape,
    Transport, TransportName, Vni, target::MAX_ID,
};

/// Four times the largest installation that is measured.
const MAX_NETWORKS: usize = 4096;
/// Every IPv4 host must take packets of this size (RFC 791 §3.1).
const MIN_MTU: u16 = 576;
/// What VMs expect of an Ethernet, and most transports are, unless told otherwise.
const ETHERNET_MTU: u16 = 1500;

impl NetworkState {
    pub(super) fn create_network(&mut self, spec: &NetworkSpec) -> Applied {
        if self.network_named(&spec.name).is_some() {
            return Err(Refusal::NetworkNameTaken { name: spec.name.clone() });
        }
        if self.networks.len() >= MAX_NETWORKS {
            return Err(Refusal::TooMany { what: "networks".into(), limit: MAX_NETWORKS });
        }
        if self.last_network >= MAX_ID {
            return Err(exhausted("network"));
        }
        let mut pools = BTreeMap::new();
        for (name, attachment) in &spec.pools {
            pools.insert(self.find_pool(name)?, self.resolve_attachment(name, attachment)?);
        }
        let preferred_pool = spec.preferred_pool.as_ref().map(|name| self.find_pool(name)).transpose()?;
        self.check_vni(spec.vni)?;
        let mut network = PrivateNetwork {
            id: NetworkId(self.last_network + 1),
            name: spec.name.clone(),
            encapsulation: spec.encapsulation,
            mtu: MIN_MTU,
            requested_vni: spec.vni,
            resilience: spec.resilience,
            detection: spec.detection,
            pools,
            preferred_pool,
            shape: Shape::default(),
            adoption: None,
            revision: self.revision.saturating_add(1),
        };
        self.check_pools(&network)?;
        self.check_fit(&network, self.hosts_in(&network))?;
        network.mtu = spec.mtu.unwrap_or_else(|| self.largest_mtu(&network));
        self.check_fit(&network, self.hosts_in(&network))?;

        let id = network.id;
        self.last_network = id.0;
        self.bump();
        self.networks.insert(id, network);
        self.record(EventKind::NetworkCreated { network: spec.name.clone() });
        Ok(Effect::Network(id))
    }

    pub(super) fn update_network(&mut self, name: &Name, change: &NetworkChange) -> Applied {
        let before = self.find_held_network(name)?;
        let mut network = before.clone();
        if let Some(mtu) = change.mtu {
            network.mtu = mtu;
        }
        if let Some(resilience) = change.resilience {
            network.resilience = resilience;
        }
        if let Some(detection) = change.detection {
            network.detection = detection;
        }
        for pool in &change.remove_pools.iter().collect::<BTreeSet<_>>() {
            if change.set_pools.contains_key(*pool) {
                return Err(Refusal::PoolSetAndRemoved { pool: (*pool).clone() });
            }
            let id = self.find_attached_pool(&network, pool)?;
            network.pools.remove(&id);
            // A preference for a pool that is taken out goes with it.
            network.preferred_pool = network.preferred_pool.filter(|preferred| *preferred != id);
        }
        for (pool, attachment) in &change.set_pools {
            let id = self.find_pool(pool)?;
            let adopted = network.pools.get(&id).and_then(|attachment| attachment.adopted.clone());
            let attachment = self.resolve_attachment(pool, attachment)?;
            network.pools.insert(id, PoolAttachment { adopted, ..attachment });
        }
        for (pool, host) in &change.prefer_hosts {
            let id = self.find_attached_pool(&network, pool)?;
            let host = self.resolve_member(pool, host.as_ref())?;
            if let Some(attachment) = network.pools.get_mut(&id) {
                attachment.preferred_host = host;
            }
        }
        if let Some(preferred) = &change.prefer_pool {
            self.check_stars(&network)?;
            network.preferred_pool = preferred.as_ref().map(|name| self.find_pool(name)).transpose()?;
        }
        if network == *before {
            return Ok(Effect::Done);
        }
        self.check_pools(&network)?;
        self.check_fit(&network, self.hosts_in(&network))?;
        network.revision = self.bump();
        self.networks.insert(network.id, network);
        self.record(EventKind::NetworkUpdated { network: name.clone() });
        Ok(Effect::Done)
    }

    pub(super) fn delete_network(&mut self, name: &Name) -> Applied {
        let id = self.find_held_network(name)?.id;
        self.bump();
        self.networks.remove(&id);
        self.topologies.remove(&id);
        self.record(EventKind::NetworkDeleted { network: name.clone() });
        Ok(Effect::Done)
    }

    /// Whether each of these hosts can carry the network together with the others: has its transport, with an address
    /// of its own, one IP version, and enough MTU.
    pub(crate) fn check_fit<'a>(
        &self,
        network: &PrivateNetwork,
        hosts: impl Iterator<Item = &'a Host>,
    ) -> Result<(), Refusal> {
        if network.mtu < MIN_MTU {
            return Err(Refusal::MtuTooSmall { mtu: network.mtu, min: MIN_MTU });
        }
        let mut first_is_ipv4 = None;
        let mut holders: BTreeMap<IpAddr, &Host> = BTreeMap::new();
        for host in hosts {
            let Some(attachment) = network.pools.get(&host.pool) else { continue };
            let Some(transport) = host.transports.get(&attachment.transport) else {
                // What a pool lists is what there is: such a host has no part in the network.
                if host.xapi.is_some() {
                    continue;
                }
                return Err(self.transport_missing(network, host, attachment));
            };
            let is_ipv4 = transport.address.is_ipv4();
            if *first_is_ipv4.get_or_insert(is_ipv4) != is_ipv4 {
                return Err(Refusal::MixedIpVersions {
                    network: network.name.clone(),
                    host: self.host_ref(host),
                    version: if is_ipv4 { 4 } else { 6 },
                });
            }
            let earlier = holders.insert(transport.address, host).filter(|earlier| earlier.id != host.id);
            if let Some(earlier) = earlier {
                return Err(Refusal::TransportAddressShared {
                    network: network.name.clone(),
                    hosts: [earlier, host].map(|host| self.host_ref(host)).into_iter().collect(),
                    address: transport.address,
                });
            }
            let max = inner_mtu(*transport, network.encapsulation);
            if network.mtu > max {
                return Err(Refusal::MtuTooLarge {
                    network: network.name.clone(),
                    mtu: network.mtu,
                    max,
                    host: self.host_ref(host),
                    transport: attachment.transport.clone(),
                    transport_mtu: transport.mtu,
                    encapsulation: network.encapsulation,
                    overhead: network.encapsulation.overhead(transport.address),
                });
            }
        }
        Ok(())
    }

    /// The largest that all members carry. Where there are none, what Ethernet carries between addresses of either
    /// IP version, so that ordinary hosts can join.
    fn largest_mtu(&self, network: &PrivateNetwork) -> u16 {
        self.members_of(network)
            .filter_map(|host| network.transport_of(host))
            .map(|transport| inner_mtu(*transport, network.encapsulation))
            .min()
            .unwrap_or_else(|| {
                let address = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
                inner_mtu(Transport { address, mtu: ETHERNET_MTU }, network.encapsulation)
            })
            .min(ETHERNET_MTU)
    }

    fn check_pools(&self, network: &PrivateNetwork) -> Result<(), Refusal> {
        if network.pools.is_empty() {
            return Err(Refusal::NoPools);
        }
        for (pool, attachment) in &network.pools {
            self.check_xapi_pool(*pool, attachment, network.encapsulation)?;
        }
        match network.preferred_pool {
            Some(preferred) if !network.pools.contains_key(&preferred) => {
                Err(self.pool_not_in_network(network, &self.pool_name(preferred)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a pool behind a XAPI, if it is one, can carry such a network at all.
    fn check_xapi_pool(
        &self,
        pool: PoolId,
        attachment: &PoolAttachment,
        encapsulation: Encapsulation,
    ) -> Result<(), Refusal> {
        let Some(xapi) = self.pools.get(&pool).and_then(Pool::xapi) else { return Ok(()) };
        let name = self.pool_name(pool);
        if xapi.is_leaving {
            return Err(Refusal::PoolIsLeaving { pool: name });
        }
        if !encapsulation.is_known_to_xapi() {
            return Err(Refusal::EncapsulationUnknownToXapi { pool: name, encapsulation });
        }
        let transports = || self.hosts_of(pool).flat_map(|host| host.transports.keys());
        if xapi.inventory.is_none() || transports().any(|transport| *transport == attachment.transport) {
            return Ok(());
        }
        let known: BTreeSet<&TransportName> = transports().collect();
        let known = known.into_iter().cloned().collect();
        Err(Refusal::TransportUnknown { pool: name, transport: attachment.transport.clone(), known })
    }

    /// Whether a host that its pool lists has what carries the network.
    pub(super) fn check_spanned(&self, network: &Name, host: HostId) -> Result<(), Refusal> {
        let network = self.find_network(network)?;
        let host = self.hosts.get(&host).filter(|host| !network.spans(host));
        match host.and_then(|host| Some((host, network.pools.get(&host.pool)?))) {
            Some((host, attachment)) => Err(self.transport_missing(network, host, attachment)),
            None => Ok(()),
        }
    }

    fn transport_missing(
        &self,
        network: &PrivateNetwork,
        host: &Host,
        attachment: &PoolAttachment,
    ) -> Refusal {
        Refusal::TransportMissing {
            network: network.name.clone(),
            host: self.host_ref(host),
            transport: attachment.transport.clone(),
            known: host.transports.keys().cloned().collect(),
        }
    }

    /// The hosts of a network's pools, whether they have what carries it or not; leaving ones left out.
    fn hosts_in<'a>(&'a self, network: &'a PrivateNetwork) -> impl Iterator<Item = &'a Host> {
        self.hosts.values().filter(|host| host.is_member() && network.pools.contains_key(&host.pool))
    }

    fn check_vni(&self, requested: Option<Vni>) -> Result<(), Refusal> {
        let Some(vni) = requested else { return Ok(()) };
        match self.networks.values().find(|network| self.vni_of(network) == Some(vni)) {
            Some(network) => Err(Refusal::VniTaken { vni, network: network.name.clone() }),
            None => Ok(()),
        }
    }

    /// The VNI that a network has or is promised.
    pub(crate) fn vni_of(&self, network: &PrivateNetwork) -> Option<Vni> {
        self.topologies.get(&network.id).map(|topology| topology.vni).or(network.requested_vni)
    }

    fn resolve_attachment(&self, pool: &Name, spec: &PoolAttachmentSpec) -> Result<PoolAttachment, Refusal> {
        let preferred_host = self.resolve_member(pool, spec.preferred_host.as_ref())?;
        Ok(PoolAttachment { transport: spec.transport.clone(), preferred_host, adopted: None })
    }

    fn resolve_member(&self, pool: &Name, host: Option<&Name>) -> Result<Option<HostId>, Refusal> {
        let Some(host) = host else { return Ok(None) };
        let label = HostRef { pool: pool.clone(), host: host.clone() };
        let id = self.find_host(&label)?;
        match self.hosts.get(&id) {
            Some(host) if host.is_member() => Ok(Some(id)),
            Some(_) | None => Err(Refusal::HostLeaving { host: label }),
        }
    }

    pub(super) fn find_attached_pool(
        &self,
        network: &PrivateNetwork,
        pool: &Name,
    ) -> Result<PoolId, Refusal> {
        let id = self.find_pool(pool)?;
        if network.pools.contains_key(&id) { Ok(id) } else { Err(self.pool_not_in_network(network, pool)) }
    }

    fn pool_not_in_network(&self, network: &PrivateNetwork, pool: &Name) -> Refusal {
        let known = network.pools.keys().map(|id| self.pool_name(*id)).collect();
        Refusal::PoolNotInNetwork { network: network.name.clone(), pool: pool.clone(), known }
    }

    /// Whether the network's middle can be moved to another pool.
    pub(super) fn check_stars(&self, network: &PrivateNetwork) -> Result<(), Refusal> {
        match network.shape {
            Shape::Stars => Ok(()),
            Shape::OneStar => Err(Refusal::NetworkIsOneStar { network: network.name.clone() }),
        }
    }

    /// The network, unless it is on its way back to whom it came from.
    pub(super) fn find_held_network(&self, name: &Name) -> Result<&PrivateNetwork, Refusal> {
        let network = self.find_network(name)?;
        match network.is_releasing() {
            true => Err(Refusal::NetworkReleasing { network: name.clone() }),
            false => Ok(network),
        }
    }

    pub(super) fn find_network(&self, name: &Name) -> Result<&PrivateNetwork, Refusal> {
        self.network_named(name).ok_or_else(|| Refusal::UnknownNetwork {
            name: name.clone(),
            known: self.networks.values().map(|network| network.name.clone()).collect(),
        })
    }
}

/// What is left of a transport's MTU for a VM's IP packets.
fn inner_mtu(transport: Transport, encapsulation: Encapsulation) -> u16 {
    transport.mtu.saturating_sub(encapsulation.overhead(transport.address))
}
