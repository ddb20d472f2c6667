//! What a pool's XAPI lists becomes the pool's hosts.
//!
//! An inventory is a fact and not a request: it is never refused for what it says of a host. What can't be taken over (an
//! address that another host has) is left out, and said in an event. A host that is listed no longer stays, since the
//! pool's database may be an old one; the leader forgets it when its switch says nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::{
    Applied,
    host::{MAX_HOSTS, TRANSPORT_MTU, is_own_unicast},
};
use crate::{
    CertificateFingerprint, Datapath, Effect, EventKind, Host, HostId, HostInventory, HostReport, Management,
    Name, NetworkState, OvsdbEndpoint, PoolId, PoolInventory, Refusal, Transport, TransportName, Uplinks,
    XapiHost, XapiTrust, XapiUuid, endpoint::OVSDB_PORT, pool::Standing, target::MAX_ID,
};

impl NetworkState {
    pub(super) fn record_inventory(&mut self, id: PoolId, epoch: u64, inventory: &PoolInventory) -> Applied {
        self.require_epoch(epoch)?;
        // Removed meanwhile.
        let Some(pool) = self.pools.get_mut(&id) else { return Ok(Effect::Done) };
        let Management::Xapi(xapi) = &mut pool.management else {
            return Err(Refusal::PoolIsStatic { pool: pool.name.clone() });
        };
        if xapi.uuid != inventory.uuid {
            let (pool, uuid) = (pool.name.clone(), inventory.uuid.to_string());
            return Err(Refusal::OtherPoolsInventory { pool, uuid });
        }
        if xapi.is_leaving || xapi.inventory.as_ref() == Some(inventory) {
            return Ok(Effect::Done);
        }
        xapi.inventory = Some(inventory.clone());
        learn(&mut xapi.access.trust, inventory);
        self.bump();
        let known: BTreeMap<XapiUuid, HostId> =
            self.hosts_of(id).filter_map(|host| Some((host.xapi.as_ref()?.uuid, host.id))).collect();
        for (uuid, host) in &known {
            if !inventory.hosts.contains_key(uuid) {
                self.unlist(*host);
            }
        }
        for (uuid, seen) in &inventory.hosts {
            match known.get(uuid) {
                Some(host) => self.update_host(*host, seen),
                None => self.take_in(id, *uuid, seen),
            }
        }
        Ok(Effect::Done)
    }

    fn unlist(&mut self, id: HostId) {
        let Some(mut host) = self.hosts.get(&id).cloned() else { return };
        let Some(xapi) = host.xapi.as_mut().filter(|xapi| xapi.is_listed) else { return };
        xapi.is_listed = false;
        self.report(&host, HostReport::Unlisted);
        self.replace(host);
    }

    fn take_in(&mut self, pool: PoolId, uuid: XapiUuid, seen: &HostInventory) {
        let name = self.free_name(pool, &seen.name, None);
        let ovsdb = endpoint(seen.address);
        let why = if self.hosts.len() >= MAX_HOSTS {
            Some(format!("no more than {MAX_HOSTS} hosts are supported"))
        } else if self.last_host >= MAX_ID {
            Some("the last host number is used up".into())
        } else {
            self.endpoint_conflict(&ovsdb, None)
        };
        if let Some(why) = why {
            let pool = self.pool_name(pool);
            self.record(EventKind::HostReported { pool, host: name, report: HostReport::LeftOut(why) });
            return;
        }
        self.last_host += 1;
        let id = HostId(self.last_host);
        self.record(EventKind::HostAdded { pool: self.pool_name(pool), host: name.clone() });
        let mut host = Host {
            id,
            pool,
            name,
            ovsdb,
            datapath: Datapath::System,
            transports: BTreeMap::new(),
            standing: Standing::Enabled,
            uplinks: Uplinks::default(),
            xapi: Some(XapiHost {
                uuid,
                is_enabled: seen.is_enabled,
                is_live: seen.is_live,
                is_listed: true,
                fingerprint: seen.fingerprint,
            }),
            revision: self.revision,
        };
        host.transports = self.usable(&host, seen);
        self.hosts.insert(id, host);
    }

    fn update_host(&mut self, id: HostId, seen: &HostInventory) {
        let Some(before) = self.hosts.get(&id).cloned() else { return };
        let Some(xapi) = &before.xapi else { return };
        let mut host = Host {
            name: self.free_name(before.pool, &seen.name, Some(id)),
            transports: self.usable(&before, seen),
            ..before.clone()
        };
        let ovsdb = endpoint(seen.address);
        match self.endpoint_conflict(&ovsdb, Some(id)) {
            None => host.ovsdb = ovsdb,
            Some(why) => self.report(&host, HostReport::LeftOut(why)),
        }
        let now = XapiHost {
            uuid: xapi.uuid,
            is_enabled: seen.is_enabled,
            is_live: seen.is_live,
            is_listed: true,
            fingerprint: seen.fingerprint.or(xapi.fingerprint),
        };
        let turned = |was: bool, is: bool, yes, no| (was != is).then_some(if is { yes } else { no });
        let is_readdressed = host.ovsdb != before.ovsdb || host.transports != before.transports;
        let reports = [
            turned(xapi.is_listed, true, HostReport::Listed, HostReport::Unlisted),
            turned(xapi.is_live, now.is_live, HostReport::Live, HostReport::Dead),
            turned(xapi.is_enabled, now.is_enabled, HostReport::Enabled, HostReport::Disabled),
            is_readdressed.then_some(HostReport::Readdressed),
        ];
        host.xapi = Some(now);
        for report in reports.into_iter().flatten() {
            self.report(&host, report);
        }
        if host != before {
            self.replace(host);
        }
    }

    fn replace(&mut self, host: Host) {
        let host = Host { revision: self.revision, ..host };
        self.hosts.insert(host.id, host);
    }

    fn report(&mut self, host: &Host, report: HostReport) {
        let pool = self.pool_name(host.pool);
        self.record(EventKind::HostReported { pool, host: host.name.clone(), report });
    }

    /// The wanted name, or that with the first free number where another host of the pool has it.
    fn free_name(&self, pool: PoolId, wanted: &Name, own: Option<HostId>) -> Name {
        let others = self.hosts_of(pool).filter(|host| Some(host.id) != own);
        let taken: BTreeSet<&str> = others.map(|host| host.name.as_str()).collect();
        let numbered = (2..).map(|number| wanted.numbered(number));
        let mut candidates = std::iter::once(wanted.clone()).chain(numbered);
        // A pool has fewer hosts than there are numbers.
        candidates.find(|name| !taken.contains(name.as_str())).unwrap_or_else(|| wanted.clone())
    }

    fn endpoint_conflict(&self, endpoint: &OvsdbEndpoint, own: Option<HostId>) -> Option<String> {
        if !endpoint.is_reachable() {
            return Some(format!("nobody can answer at {endpoint}"));
        }
        let mut others = self.hosts.values().filter(|host| Some(host.id) != own);
        let other = others.find(|other| other.ovsdb.server() == endpoint.server())?;
        Some(format!("{endpoint} is the endpoint of host {}", self.host_ref(other)))
    }

    /// The transports that can carry tunnels; the others are said where they are new.
    ///
    /// One that carries a network of the pool is not given up for having no address: a PIF shows none while it waits for a
    /// lease, or is set up anew, and tunnels that would be dead without it are no worse for staying as they are.
    fn usable(&mut self, host: &Host, seen: &HostInventory) -> BTreeMap<TransportName, Transport> {
        let is_in_use = |name: &TransportName| {
            let mut attachments = self.networks.values().filter_map(|network| network.pools.get(&host.pool));
            attachments.any(|attachment| attachment.transport == *name)
        };
        let kept = host.transports.iter().filter(|(name, _)| !seen.transports.contains_key(*name));
        let kept = kept.filter(|(name, _)| is_in_use(name));
        let mut usable: BTreeMap<_, _> = kept.map(|(name, transport)| (name.clone(), *transport)).collect();
        for (name, transport) in &seen.transports {
            match self.transport_conflict(host.id, name, *transport) {
                None => drop(usable.insert(name.clone(), *transport)),
                Some(why) if host.transports.is_empty() || host.transports.contains_key(name) => {
                    self.report(host, HostReport::LeftOut(format!("transport {name}: {why}")));
                }
                Some(_) => {}
            }
        }
        usable
    }

    fn transport_conflict(&self, own: HostId, name: &TransportName, transport: Transport) -> Option<String> {
        let Transport { address, mtu } = transport;
        let (min, max) = TRANSPORT_MTU;
        if !is_own_unicast(address) {
            return Some(format!("{address} can't carry tunnels"));
        }
        if !(min..=max).contains(&mtu) {
            return Some(format!("MTU {mtu} is not {min} to {max} bytes"));
        }
        let mut others = self.hosts.values().filter(|host| host.id != own);
        let taken = |host: &&Host| host.transports.get(name).is_some_and(|theirs| theirs.address == address);
        let other = others.find(taken)?;
        Some(format!("{address} is the address of host {}", self.host_ref(other)))
    }
}

/// Where a host's OVSDB listens once an SDN controller was introduced to its pool.
fn endpoint(address: IpAddr) -> OvsdbEndpoint {
    OvsdbEndpoint::Ssl(SocketAddr::new(address, OVSDB_PORT))
}

/// A pool whose certificates are known one by one tells those of its hosts; once it tells all, others are no longer trusted.
fn learn(trust: &mut XapiTrust, inventory: &PoolInventory) {
    let XapiTrust::Fingerprints(known) = trust else { return };
    let told: BTreeSet<CertificateFingerprint> =
        inventory.hosts.values().filter_map(|host| host.fingerprint).collect();
    let tells_all = inventory.hosts.values().all(|host| host.fingerprint.is_some());
    if tells_all && !told.is_empty() {
        *known = told;
    } else {
        known.extend(told);
    }
}
