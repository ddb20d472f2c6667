//! A pool's XAPI in a few maps: it does what it is called to do, as a real one would, and shows what it has.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    CallOutcome, ObjectRef, ObservedAuthority, ObservedController, ObservedPool, ObservedPoolHost,
    ObservedPoolNetwork, ObservedTransport, ObservedTunnel, PoolCall, PoolInventory, XapiUuid,
};

/// A pool whose hosts have a PIF on each transport that its inventory lists.
pub struct FakePool {
    pub shows: ObservedPool,
    /// Hosts that answer nothing, though the pool takes them for live.
    pub hanging: BTreeSet<XapiUuid>,
    last: u64,
    /// What was called and done, in words.
    pub done: Vec<String>,
}

impl FakePool {
    pub fn of(inventory: &PoolInventory) -> Self {
        let hosts = inventory.hosts.iter().map(|(uuid, host)| {
            let transports = host.transports.keys().map(|name| {
                let pif = ObjectRef(format!("pif-{name}-{}", uuid.0));
                (name.clone(), ObservedTransport { pif, has_address: true, is_attached: true })
            });
            let seen = ObservedPoolHost {
                host: ObjectRef(format!("host-{}", uuid.0)),
                is_enabled: host.is_enabled,
                is_live: host.is_live,
                transports: transports.collect(),
            };
            (*uuid, seen)
        });
        let shows = ObservedPool {
            hosts: hosts.collect(),
            authority: ObservedAuthority::Absent,
            ..ObservedPool::default()
        };
        Self { shows, hanging: BTreeSet::new(), last: 0, done: Vec::new() }
    }

    fn new_ref(&mut self, what: &str) -> ObjectRef {
        self.last += 1;
        ObjectRef(format!("{what}-{}", self.last))
    }

    /// Does it, as far as a real one would.
    pub fn call(&mut self, call: &PoolCall) -> CallOutcome {
        if call.host().is_some_and(|host| self.hanging.contains(&host)) {
            return CallOutcome::Unknown("no answer".into());
        }
        match self.carry_out(call) {
            Ok(()) => {
                self.shows.picture += 1;
                self.done.push(call.to_string());
                CallOutcome::Done
            }
            Err(refusal) => CallOutcome::Refused(refusal),
        }
    }

    fn carry_out(&mut self, call: &PoolCall) -> Result<(), String> {
        match call {
            PoolCall::InstallAuthority => self.shows.authority = ObservedAuthority::Installed,
            PoolCall::SyncCertificates => {}
            PoolCall::IntroduceController => {
                if !self.shows.controllers.is_empty() {
                    return Err("OPERATION_NOT_ALLOWED".into());
                }
                let controller = self.new_ref("controller");
                let (protocol, address) = ("pssl".into(), String::new());
                self.shows.controllers.push(ObservedController { controller, protocol, address });
            }
            PoolCall::CreateNetwork { key, label, bridge, mtu } => {
                if self.shows.networks.values().any(|network| network.bridge == *bridge) {
                    return Err(format!("BRIDGE_NAME_EXISTS {bridge}"));
                }
                let reference = self.new_ref("network");
                let network = ObservedPoolNetwork {
                    uuid: XapiUuid(self.last.into()),
                    key: key.to_string(),
                    label: label.clone(),
                    bridge: bridge.clone(),
                    mtu: (*mtu).into(),
                    tunnels: BTreeMap::new(),
                    plugged_vifs: 0,
                };
                self.shows.networks.insert(reference, network);
            }
            PoolCall::MarkNetwork { network, key } => {
                let found = self.shows.plugin_networks.get(network).ok_or("HANDLE_INVALID")?;
                let marked = ObservedPoolNetwork {
                    uuid: found.uuid,
                    key: key.to_string(),
                    label: found.label.clone(),
                    bridge: found.bridge.clone(),
                    mtu: found.mtu,
                    tunnels: found.tunnels.clone(),
                    plugged_vifs: 0,
                };
                self.shows.networks.insert(network.clone(), marked);
            }
            PoolCall::UnmarkNetwork { network } => {
                self.shows.networks.remove(network).ok_or("HANDLE_INVALID")?;
            }
            PoolCall::ChangeNetwork { network, label, mtu } => {
                let network = self.shows.networks.get_mut(network).ok_or("HANDLE_INVALID")?;
                (network.label, network.mtu) = (label.clone(), (*mtu).into());
            }
            PoolCall::DestroyNetwork { network } => {
                let found = self.shows.networks.get(network).ok_or("HANDLE_INVALID")?;
                if !found.tunnels.is_empty() || found.plugged_vifs > 0 {
                    return Err("NETWORK_CONTAINS_PIF".into());
                }
                self.shows.networks.remove(network);
            }
            PoolCall::CreateTunnel { host, network, transport, protocol } => {
                let transports = &self.shows.hosts.get(host).ok_or("HANDLE_INVALID")?.transports;
                let name =
                    transports.iter().find(|(_, it)| it.pif == *transport).map(|(name, _)| name.clone());
                let (tunnel, access_pif) = (self.new_ref("tunnel"), self.new_ref("pif"));
                let network = self.shows.networks.get_mut(network).ok_or("HANDLE_INVALID")?;
                if network.tunnels.contains_key(host) {
                    return Err("NETWORK_ALREADY_CONNECTED".into());
                }
                let made = ObservedTunnel {
                    tunnel,
                    access_pif,
                    is_attached: true,
                    transport: name,
                    protocol: Some(*protocol),
                    status: BTreeMap::from([("active".into(), "false".into())]),
                };
                network.tunnels.insert(*host, made);
            }
            PoolCall::DestroyTunnel { tunnel, .. } => {
                for network in self.shows.networks.values_mut() {
                    network.tunnels.retain(|_, it| it.tunnel != *tunnel);
                }
            }
            PoolCall::Plug { pif, .. } => self.tunnel(|it| it.access_pif == *pif)?.is_attached = true,
            PoolCall::SetStatus { tunnel, status, .. } => {
                self.tunnel(|it| it.tunnel == *tunnel)?.status = status.clone();
            }
        }
        Ok(())
    }

    fn tunnel(&mut self, is_it: impl Fn(&ObservedTunnel) -> bool) -> Result<&mut ObservedTunnel, String> {
        let tunnels = self.shows.networks.values_mut().flat_map(|network| network.tunnels.values_mut());
        tunnels.into_iter().find(|tunnel| is_it(tunnel)).ok_or_else(|| "HANDLE_INVALID".into())
    }
}
