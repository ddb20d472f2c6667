//! Hosts join, are enabled and disabled, leave, and are forgotten.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Applied, exhausted};
use crate::{
    Effect, EventKind, Host, HostId, HostRef, HostSpec, Listing, Name, NetworkState, PoolId, PrivateNetwork,
    Refusal, Uplinks, pool::Standing, target::MAX_ID,
};

/// Eight times the largest installation that is measured.
pub(super) const MAX_HOSTS: usize = 4096;
/// Smallest transport MTU in bytes: IPv6's (RFC 8200 §5). Largest: what an IPv4 packet's length field holds.
pub(super) const TRANSPORT_MTU: (u16, u16) = (1280, u16::MAX);

impl NetworkState {
    pub(super) fn add_host(&mut self, pool: &Name, spec: &HostSpec) -> Applied {
        let pool_id = self.find_pool(pool)?;
        if self.pools.get(&pool_id).is_some_and(|pool| pool.xapi().is_some()) {
            return Err(Refusal::PoolListsHosts { pool: pool.clone() });
        }
        self.check_new_host(pool_id, &HostRef { pool: pool.clone(), host: spec.name.clone() }, spec)?;
        if self.hosts.len() >= MAX_HOSTS {
            return Err(Refusal::TooMany { what: "hosts".into(), limit: MAX_HOSTS });
        }
        if self.last_host >= MAX_ID {
            return Err(exhausted("host"));
        }
        let host = Host {
            id: HostId(self.last_host + 1),
            pool: pool_id,
            name: spec.name.clone(),
            ovsdb: spec.ovsdb.clone(),
            datapath: spec.datapath,
            transports: spec.transports.clone(),
            standing: Standing::Enabled,
            uplinks: Uplinks::default(),
            xapi: None,
            revision: self.revision.saturating_add(1),
        };
        self.check_fit_of_newcomer(&host)?;
        let id = host.id;
        self.last_host = id.0;
        self.bump();
        self.hosts.insert(id, host);
        self.record(EventKind::HostAdded { pool: pool.clone(), host: spec.name.clone() });
        Ok(Effect::Host(id))
    }

    /// Whether a new host can carry all networks of its pool. Their members fit one another already, so that it is
    /// compared with one of them and with those that have an address of its own.
    fn check_fit_of_newcomer(&self, host: &Host) -> Result<(), Refusal> {
        let addresses: BTreeSet<IpAddr> = host.transports.values().map(|own| own.address).collect();
        let has_same = |other: &&Host| other.transports.values().any(|own| addresses.contains(&own.address));
        let twins: Vec<&Host> = self.hosts.values().filter(has_same).collect();
        for network in self.networks.values().filter(|network| network.pools.contains_key(&host.pool)) {
            let one = self.members_of(network).next();
            let twins = twins.iter().copied().filter(|twin| network.spans(twin));
            self.check_fit(network, one.into_iter().chain(twins).chain([host]))?;
        }
        Ok(())
    }

    fn check_new_host(&self, pool: PoolId, label: &HostRef, spec: &HostSpec) -> Result<(), Refusal> {
        if let Some(other) = self.hosts_of(pool).find(|other| other.name == spec.name) {
            return Err(if other.is_member() {
                Refusal::HostNameTaken { host: label.clone() }
            } else {
                Refusal::HostLeaving { host: label.clone() }
            });
        }
        if !spec.ovsdb.is_reachable() {
            return Err(Refusal::EndpointInvalid { endpoint: spec.ovsdb.clone() });
        }
        if let Some(other) = self.hosts.values().find(|other| other.ovsdb.server() == spec.ovsdb.server()) {
            return Err(Refusal::EndpointTaken { endpoint: spec.ovsdb.clone(), host: self.host_ref(other) });
        }
        if spec.transports.is_empty() {
            return Err(Refusal::NoTransport);
        }
        for (name, transport) in &spec.transports {
            let (address, mtu) = (transport.address, transport.mtu);
            if !is_own_unicast(address) {
                return Err(Refusal::TransportAddressInvalid { transport: name.clone(), address });
            }
            let (min, max) = TRANSPORT_MTU;
            if !(min..=max).contains(&mtu) {
                return Err(Refusal::TransportMtuInvalid { transport: name.clone(), mtu, min, max });
            }
            let taken =
                |other: &&Host| other.transports.get(name).is_some_and(|theirs| theirs.address == address);
            if let Some(other) = self.hosts.values().find(taken) {
                let host = self.host_ref(other);
                return Err(Refusal::TransportAddressTaken { transport: name.clone(), address, host });
            }
        }
        Ok(())
    }

    pub(super) fn enable_host(&mut self, host: &HostRef) -> Applied {
        self.set_standing(host, Standing::Enabled)
    }

    pub(super) fn disable_host(&mut self, host: &HostRef) -> Applied {
        self.set_standing(host, Standing::Disabled)
    }

    fn set_standing(&mut self, label: &HostRef, standing: Standing) -> Applied {
        let id = self.find_host(label)?;
        let revision = self.revision.saturating_add(1);
        // Found a line above.
        let Some(host) = self.hosts.get_mut(&id) else { return Ok(Effect::Done) };
        if host.standing == standing {
            return Ok(Effect::Done);
        }
        if host.standing == Standing::Leaving {
            return Err(Refusal::HostLeaving { host: label.clone() });
        }
        host.standing = standing;
        host.revision = revision;
        self.bump();
        self.record(EventKind::HostStandingChanged {
            pool: label.pool.clone(),
            host: label.host.clone(),
            standing,
        });
        Ok(Effect::Done)
    }

    pub(super) fn remove_host(&mut self, label: &HostRef, force: bool) -> Applied {
        let id = self.find_host(label)?;
        if self.hosts.get(&id).and_then(|host| host.xapi.as_ref()).is_some_and(|xapi| xapi.is_listed) {
            return Err(Refusal::HostListed { host: label.clone() });
        }
        let prefers = |network: &&PrivateNetwork| {
            network.pools.values().any(|attachment| attachment.preferred_host == Some(id))
        };
        let networks: Listing<Name> =
            self.networks.values().filter(prefers).map(|network| network.name.clone()).collect();
        if !networks.is_empty() {
            return Err(Refusal::HostPreferred { host: label.clone(), networks });
        }
        if force { self.forget(id) } else { self.set_standing(label, Standing::Leaving) }
    }

    pub(super) fn forget_host(&mut self, id: HostId, epoch: u64) -> Applied {
        self.require_epoch(epoch)?;
        match self.hosts.get(&id) {
            Some(host) if host.may_be_forgotten() => self.forget(id),
            // Forgotten before, or back in its pool: the leader's picture is old.
            Some(_) | None => Ok(Effect::Done),
        }
    }

    pub(super) fn record_uplinks(&mut self, id: HostId, epoch: u64, uplinks: Uplinks) -> Applied {
        self.require_epoch(epoch)?;
        let revision = self.revision.saturating_add(1);
        // One that was forgotten meanwhile needs no record.
        let Some(host) = self.hosts.get_mut(&id).filter(|host| host.uplinks != uplinks) else {
            return Ok(Effect::Done);
        };
        host.uplinks = uplinks;
        host.revision = revision;
        let (pool, host) = (host.pool, host.name.clone());
        self.bump();
        self.record(EventKind::HostUplinksChanged { pool: self.pool_name(pool), host, uplinks });
        Ok(Effect::Done)
    }

    pub(super) fn forget(&mut self, id: HostId) -> Applied {
        if let Some(host) = self.hosts.get(&id) {
            let (label, pool) = (self.host_ref(host), host.pool);
            self.hosts.remove(&id);
            self.prefer_no_longer(id);
            self.bump();
            self.record(EventKind::HostForgotten { pool: label.pool, host: label.host });
            self.drop_pool_if_left(pool);
        }
        Ok(Effect::Done)
    }

    /// A host that its pool took out of itself is preferred by nobody any more.
    fn prefer_no_longer(&mut self, host: HostId) {
        let revision = self.revision.saturating_add(1);
        for network in self.networks.values_mut() {
            for attachment in network.pools.values_mut().filter(|pool| pool.preferred_host == Some(host)) {
                attachment.preferred_host = None;
                network.revision = revision;
            }
        }
    }

    pub(super) fn find_host(&self, label: &HostRef) -> Result<HostId, Refusal> {
        let pool = self.find_pool(&label.pool)?;
        self.hosts_of(pool).find(|host| host.name == label.host).map(|host| host.id).ok_or_else(|| {
            Refusal::UnknownHost {
                host: label.clone(),
                known: self.hosts_of(pool).map(|host| host.name.clone()).collect(),
            }
        })
    }
}

/// Whether a host can send from this address and be reached at it. IPv6's link-local ones mean nothing without an
/// interface, and IPv4's in IPv6's clothes are spelt as IPv4.
pub(super) fn is_own_unicast(address: IpAddr) -> bool {
    let fits_version = match address {
        IpAddr::V4(address) => !address.is_broadcast(),
        IpAddr::V6(address) => !address.is_unicast_link_local() && address.to_ipv4_mapped().is_none(),
    };
    fits_version && !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
}
