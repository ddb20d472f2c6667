//! What Xen Orchestra's plugin made, and what would become of it here.
//!
//! Pure: looks at what pools and hosts show, joins a private network's parts over its pools, and says either how it would be
//! taken over, host by host, or why it can't be. Nothing is guessed where a host can't be seen: a tunnel that nobody counted
//! could close a ring.

mod star;

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    AdoptedNetwork, AdoptedPoolSpec, AdoptionSpec, Command, Encapsulation, Host, HostId, Name, NetworkState,
    ObservedHost, ObservedPool, Operation, PluginNetwork, PluginPort, PoolId, Reply, Shape, TransportName,
    Vni, XapiUuid,
};

use crate::{Targets, diff::diff_within, drift::lines, scope::Scope};
use star::{Middle, Stars};

/// What can be seen, and what is asked for.
pub struct Sight<'a> {
    pub state: &'a NetworkState,
    /// Pools whose XAPI answers.
    pub pools: BTreeMap<PoolId, &'a ObservedPool>,
    /// Hosts whose OVSDB answers.
    pub hosts: BTreeMap<HostId, &'a ObservedHost>,
    /// The pools whose networks are asked for.
    pub asked: BTreeSet<PoolId>,
    /// Names that an operator chose, by the plugin's uuid.
    pub names: BTreeMap<XapiUuid, Name>,
    /// Only these, by label, name or the plugin's uuid; all if there are none.
    pub only: BTreeSet<String>,
}

/// One of the plugin's networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The plugin's uuid of it.
    pub plugin: XapiUuid,
    /// As Xen Orchestra calls it.
    pub label: String,
    /// What it would be called here.
    pub name: Name,
    /// As the keys say.
    pub encapsulation: String,
    pub vni: Option<String>,
    pub mtu: i64,
    pub is_encrypted: bool,
    pub preferred_center: Option<HostId>,
    pub pools: Vec<FoundPool>,
    /// What would be asked of the log; none if it can't be taken over.
    pub spec: Option<AdoptionSpec>,
    /// Why it can't be taken over.
    pub problems: Vec<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What would change on each host, by the comparison that is made for every change. No lines: nothing.
    pub hosts: Vec<(HostId, Vec<String>)>,
}

/// Its part in one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPool {
    pub pool: PoolId,
    /// `network.uuid`.
    pub uuid: XapiUuid,
    pub bridge: String,
    pub transport: Option<TransportName>,
}

/// What says that the plugin is at work on a pool, and what to do about it.
pub fn signs(pool: &ObservedPool) -> Vec<String> {
    let keys = pool.plugin_signs.iter().map(|key| format!("pool.other_config has {key}"));
    let dialling = pool.controllers.iter().filter(|it| it.protocol != "pssl").map(|it| {
        format!("SDN_controller has the hosts dial {} ({}) instead of listening", it.address, it.protocol)
    });
    keys.chain(dialling).collect()
}

/// How many of the plugin's networks a pool has that were not taken over.
pub fn count(pool: &ObservedPool) -> usize {
    pool.plugin_networks.values().filter(|network| !network.has_our_key).count()
}

/// Finds what is asked for, in the order of the plugin's uuids. What is found first has its name and VNI before the others.
pub fn find(sight: &Sight<'_>) -> Vec<Found> {
    let mut parts: BTreeMap<XapiUuid, Vec<(PoolId, &PluginNetwork)>> = BTreeMap::new();
    for (pool, seen) in &sight.pools {
        for network in seen.plugin_networks.values().filter(|network| !network.has_our_key) {
            if !is_adopted(sight.state, *pool, network.uuid) {
                parts.entry(network.plugin).or_default().push((*pool, network));
            }
        }
    }
    let mut after = sight.state.clone();
    let mut found = Vec::new();
    for (plugin, parts) in parts {
        let Some((_, first)) = parts.first() else { continue };
        let name = sight.names.get(&plugin).cloned().unwrap_or_else(|| free_name(&after, &first.label));
        let is_asked = parts.iter().any(|(pool, _)| sight.asked.contains(pool));
        let keys = [first.label.clone(), name.to_string(), plugin.to_string()];
        let is_meant = sight.only.is_empty() || keys.iter().any(|key| sight.only.contains(key));
        if is_asked && is_meant {
            found.push(Finder { sight, name, plugin, parts: &parts }.find(&mut after));
        }
    }
    found
}

fn is_adopted(state: &NetworkState, pool: PoolId, uuid: XapiUuid) -> bool {
    let mut attachments = state.networks().values().filter_map(|network| network.pools.get(&pool));
    attachments.any(|attachment| attachment.adopted.as_ref().is_some_and(|it| it.uuid == uuid))
}

/// A label made a name that no network has.
fn free_name(state: &NetworkState, label: &str) -> Name {
    let spelt: String = label
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || ".-_".contains(it) { it } else { '-' })
        .skip_while(|it| !it.is_ascii_alphanumeric())
        .take(63)
        .collect();
    let name: Name = spelt
        .trim_end_matches('-')
        .parse()
        .or_else(|_| "private".parse())
        .expect("a word of letters is a name");
    let others = (2..).map(|number| name.numbered(number));
    let mut names = [name.clone()].into_iter().chain(others);
    names.find(|name| state.network_named(name).is_none()).unwrap_or(name)
}

/// One network that is looked at.
struct Finder<'a> {
    sight: &'a Sight<'a>,
    name: Name,
    plugin: XapiUuid,
    parts: &'a [(PoolId, &'a PluginNetwork)],
}

impl Finder<'_> {
    fn find(&self, after: &mut NetworkState) -> Found {
        let (_, first) = self.parts[0];
        let pools = self.parts.iter().map(|(pool, network)| FoundPool {
            pool: *pool,
            uuid: network.uuid,
            bridge: network.bridge.clone(),
            transport: transports(network).into_iter().next(),
        });
        let mut found = Found {
            plugin: self.plugin,
            label: first.label.clone(),
            name: self.name.clone(),
            encapsulation: encapsulation_of(first).to_owned(),
            vni: first.vni.clone(),
            mtu: first.mtu,
            is_encrypted: self.parts.iter().any(|(_, network)| network.is_encrypted),
            preferred_center: self.preferred(),
            pools: pools.collect(),
            spec: None,
            problems: Vec::new(),
            notes: Vec::new(),
            hosts: Vec::new(),
        };
        self.check_keys(&mut found);
        self.check_parts(&mut found);
        let Some(spec) = self.spec(&mut found) else { return found };
        self.foretell(after, spec, &mut found);
        found
    }

    fn check_keys(&self, found: &mut Found) {
        if found.is_encrypted {
            found.problems.push("it is encrypted, which is not supported yet".into());
        }
        for (pool, other) in self.parts {
            let (_, first) = self.parts[0];
            if encapsulation_of(other) != encapsulation_of(first) || other.vni != first.vni {
                let pool = self.sight.state.pool_label(*pool);
                let problem =
                    format!("pool {pool} has another encapsulation or VNI than the first of its pools");
                found.problems.push(problem);
            }
        }
        if encapsulation(&found.encapsulation).is_none() {
            let problem = format!("its encapsulation, {}, is neither vxlan nor gre", found.encapsulation);
            found.problems.push(problem);
        }
        if vni(found.vni.as_deref()).is_none() {
            let text = found.vni.as_deref().unwrap_or("none");
            found.problems.push(format!("its VNI, {text}, is not one of 1 to 16777215"));
        }
    }

    fn check_parts(&self, found: &mut Found) {
        for (pool, network) in self.parts {
            let label = self.sight.state.pool_label(*pool);
            if !self.sight.asked.contains(pool) {
                let problem = format!("it spans pool {label}, too: add --pool {label}");
                found.problems.push(problem);
            }
            let transports: Vec<String> = transports(network).iter().map(ToString::to_string).collect();
            match transports.len() {
                0 => found
                    .problems
                    .push(format!("pool {label} has no tunnel object for it, and so no transport")),
                1 => {}
                _ => found.problems.push(format!(
                    "pool {label} has its tunnels on several transports, {}; one is supported",
                    transports.join(" and ")
                )),
            }
        }
        for host in self.hosts().filter(|host| !self.sight.hosts.contains_key(&host.id)) {
            let host = self.sight.state.host_label(host.id);
            found.problems.push(format!("host {host} does not answer, and what it has can't be seen"));
        }
    }

    /// The hosts that it spans, by what carries it in their pools.
    fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.sight.state.hosts().values().filter(|host| host.is_member() && self.transport(host).is_some())
    }

    fn transport<'a>(&self, host: &'a Host) -> Option<&'a asterism_model::Transport> {
        let (_, network) = self.parts.iter().find(|(pool, _)| *pool == host.pool)?;
        host.transports.get(transports(network).first()?)
    }

    fn preferred(&self) -> Option<HostId> {
        let wanted = self.parts.iter().find_map(|(_, network)| network.preferred_center)?;
        self.hosts().find(|host| host.xapi.as_ref().is_some_and(|xapi| xapi.uuid == wanted)).map(|it| it.id)
    }

    /// The plugin's tunnels on a host.
    fn ports(&self, host: &Host) -> Vec<&PluginPort> {
        let network = self.parts.iter().find(|(pool, _)| *pool == host.pool).map(|(_, network)| network);
        let bridges = self.sight.hosts.get(&host.id).map(|picture| picture.pool_bridges.values());
        let is_its = |name: &str, networks: &[XapiUuid]| {
            network.is_some_and(|network| network.bridge == name && networks.contains(&network.uuid))
        };
        let its = bridges.into_iter().flatten().find(|bridge| is_its(&bridge.name, &bridge.networks));
        its.map(|bridge| bridge.ports.values().collect()).unwrap_or_default()
    }

    /// The hosts to which a host has a tunnel of the network's.
    fn peers(&self, host: &Host, found: &mut Found) -> BTreeSet<HostId> {
        let mut peers = BTreeSet::new();
        for port in self.ports(host) {
            let option = |key| port.options.get(key).map(String::as_str).unwrap_or_default();
            if port.kind != found.encapsulation || Some(option("key")) != found.vni.as_deref() {
                continue;
            }
            let is_there = |it: &&Host| {
                self.transport(it)
                    .is_some_and(|transport| transport.address.to_string() == option("remote_ip"))
            };
            match self.hosts().find(is_there) {
                Some(peer) => drop(peers.insert(peer.id)),
                None => found.problems.push(format!(
                    "port {} of host {} leads to {}, which is no host here: add its pool first, or remove the port",
                    port.name,
                    self.sight.state.host_label(host.id),
                    option("remote_ip"),
                )),
            }
        }
        peers
    }

    fn spec(&self, found: &mut Found) -> Option<AdoptionSpec> {
        let hosts: Vec<&Host> = self.hosts().collect();
        let mut tunnels: BTreeSet<(HostId, HostId)> = BTreeSet::new();
        for host in &hosts {
            tunnels.extend(self.peers(host, found).into_iter().map(|peer| (host.id, peer)));
        }
        let Middle { root, shape, centers } = match star::middle(&hosts, &tunnels, found.preferred_center) {
            Ok(middle) => middle,
            Err(Stars::Empty) => {
                found.problems.push("no host of its pools has its transport".into());
                return None;
            }
            Err(Stars::None(links)) => {
                let label = |host: &HostId| self.sight.state.host_label(*host);
                let links: Vec<String> =
                    links.iter().map(|(one, other)| format!("{} - {}", label(one), label(other))).collect();
                found.problems.push(format!("its tunnels are no star: {}", links.join(", ")));
                return None;
            }
        };
        if shape == Shape::OneStar {
            found.notes.push("one star over the hosts of all pools, as it is now".into());
        }
        if !found.problems.is_empty() {
            return None;
        }
        let encapsulation = encapsulation(&found.encapsulation)?;
        let mut pools = BTreeMap::new();
        for part in &found.pools {
            let center = self.sight.state.hosts().get(centers.get(&part.pool)?)?;
            let spec = AdoptedPoolSpec {
                network: AdoptedNetwork { uuid: part.uuid, bridge: part.bridge.clone() },
                transport: part.transport.clone()?,
                center: center.name.clone(),
            };
            pools.insert(self.pool_name(part.pool)?, spec);
        }
        let root = self.sight.state.hosts().get(&root)?;
        Some(AdoptionSpec {
            name: self.name.clone(),
            plugin: self.plugin,
            encapsulation,
            mtu: self.mtu(encapsulation, &hosts, found),
            vni: vni(found.vni.as_deref())?,
            shape,
            pools,
            pool_center: self.pool_name(root.pool)?,
        })
    }

    fn pool_name(&self, pool: PoolId) -> Option<Name> {
        self.sight.state.pools().get(&pool).map(|pool| pool.name.clone())
    }

    /// What the network has, or what its transports carry of it.
    fn mtu(&self, encapsulation: Encapsulation, hosts: &[&Host], found: &mut Found) -> u16 {
        let asked = u16::try_from(found.mtu).unwrap_or(u16::MAX);
        let carried = hosts.iter().filter_map(|host| self.transport(host));
        let carried = carried
            .map(|it| it.mtu.saturating_sub(encapsulation.overhead(it.address)))
            .min()
            .unwrap_or(asked);
        if carried < asked {
            found.notes.push(format!(
                "MTU {asked} becomes {carried}, which is what its transports carry; VMs that run keep theirs until they are \
                 plugged again"
            ));
        }
        asked.min(carried)
    }

    /// Tries it on a copy of the state, and compares the hosts with what they would have.
    fn foretell(&self, after: &mut NetworkState, spec: AdoptionSpec, found: &mut Found) {
        let operation = Operation::AdoptNetworks { networks: vec![spec.clone()] };
        let mut tried = after.clone();
        let command = Command { caller: None, request: None, at: tried.clock(), operation };
        if let Reply::Refused(refusal) = tried.apply(&command) {
            return found.problems.push(refusal.to_string());
        }
        let Some(network) = tried.network_named(&spec.name) else { return };
        let targets = Targets::of(&tried);
        let scope = Scope::Networks([network.id].into());
        for host in self.hosts() {
            let Some(picture) = self.sight.hosts.get(&host.id) else { continue };
            let target = targets.part(host.id, [network].into_iter());
            let difference = diff_within(&scope, &target, picture);
            let mut told = lines(&difference.diff);
            told.extend(difference.conflicts.iter().map(ToString::to_string));
            told.extend(self.strays(host, &target).map(|name| {
                format!("- port {name}: it belongs to no tunnel of the network, and goes when that is whole")
            }));
            found.hosts.push((host.id, told));
        }
        found.spec = Some(spec);
        *after = tried;
    }

    /// Ports that are no end of a tunnel that the host would have.
    fn strays<'a>(
        &'a self,
        host: &'a Host,
        target: &'a asterism_model::HostTarget,
    ) -> impl Iterator<Item = &'a str> {
        let tunnels =
            || target.bridges.values().filter_map(|it| it.adoption.as_ref()).flat_map(|it| &it.tunnels);
        let is_known = move |port: &&PluginPort| tunnels().any(|it| it.is_at(&port.kind, &port.options));
        let ports = self.ports(host).into_iter().filter(move |port| !is_known(port));
        ports.map(|port| port.name.as_str())
    }
}

fn encapsulation_of(network: &PluginNetwork) -> &str {
    network.encapsulation.as_deref().unwrap_or("gre")
}

fn encapsulation(text: &str) -> Option<Encapsulation> {
    text.parse().ok().filter(|it: &Encapsulation| it.is_known_to_xapi())
}

fn vni(text: Option<&str>) -> Option<Vni> {
    Vni::new(text?.parse().ok()?)
}

/// What carries its tunnels in the pool; one, if all is well.
fn transports(network: &PluginNetwork) -> Vec<TransportName> {
    let found: BTreeSet<&TransportName> =
        network.tunnels.values().filter_map(|tunnel| tunnel.transport.as_ref()).collect();
    found.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests;
