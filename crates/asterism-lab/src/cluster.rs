//! What an operator does with the controllers, through the real `asterctl`: found a cluster, register hosts, ask.
//!
//! Reads only the JSON that `asterctl` promises to programs (`api: asterism/v1`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::address::HostName;
use crate::answers::{
    ClusterStatus, Fence, HostAnswer, HostStatus, NetworkStatus, ReplicaState, ReplicaStatus, TopologyStatus,
};
use crate::controller::Controller;
use crate::error::{LabError, Result};
use crate::host::{HostState, TRANSPORT_BRIDGE};
use crate::lab::Lab;
use crate::wait::until;
use crate::xapi::{self, XAPI_PASSWORD, XAPI_USER};

/// Name under which the hosts' transport is registered: what `--pool p1:storage` attaches a network to.
pub const TRANSPORT: &str = "storage";
/// Bytes of an IP packet that the fabric carries.
const UNDERLAY_MTU: u32 = 1500;
/// Time that fresh replicas may take to listen, on a machine that builds something meanwhile.
const READY: Duration = Duration::from_secs(30);

impl Lab {
    /// Makes the controllers one cluster, and registers all pools and hosts with it.
    ///
    /// # Errors
    /// When the replicas do not listen within 30 s, or refuse something.
    pub fn found_cluster(&self) -> Result<()> {
        self.found_cluster_of(&self.controllers().map(Controller::node).collect::<Vec<_>>())
    }

    /// The same with some of the controllers; the others wait to be added.
    ///
    /// # Errors
    /// When the replicas do not listen within 30 s, or refuse something.
    pub fn found_cluster_of(&self, nodes: &[u8]) -> Result<()> {
        self.init_cluster_of(nodes)?;
        let is_static = |name: &HostName| !self.xapi.contains_key(&name.pool);
        let names = || self.hosts().map(|host| host.name());
        let static_pools: BTreeSet<String> = names().filter(is_static).map(HostName::pool_name).collect();
        for pool in static_pools {
            self.asterctl_ok(&["pool", "add", &pool, "--wait", "committed"])?;
        }
        names().filter(is_static).try_for_each(|name| self.register_host(name))?;
        self.xapi.keys().try_for_each(|pool| self.register_xapi_pool(*pool))
    }

    /// Tells the controllers of a pool behind a XAPI, by its master's address, and waits until they list its hosts.
    ///
    /// # Errors
    /// When they refuse, or don't list them within 30 s.
    pub fn register_xapi_pool(&self, pool: u8) -> Result<()> {
        let (name, url) = (format!("p{pool}"), xapi::url(HostName::new(pool, 1)));
        let password = self.dir.join("xapi-password");
        fs::write(&password, XAPI_PASSWORD)
            .map_err(|source| LabError::io(format!("writing {}", password.display()), source))?;
        let (password, user) = (password.display().to_string(), XAPI_USER);
        let words = ["pool", "add", &name, "--xapi", &url, "--user", user, "--password-file", &password];
        self.asterctl_ok(&[words.as_slice(), &["--trust-on-first-use", "--wait", "committed"]].concat())?;
        let own = self.hosts().map(|host| host.name()).filter(|host| host.pool == pool);
        let own: BTreeSet<String> = own.map(|host| host.to_string()).collect();
        until(format!("the hosts of {name} are listed"), READY, || {
            let hosts: Vec<NamedHost> =
                self.ask_json_list(&["host", "list"]).map_err(|error| error.chain())?;
            let listed: BTreeSet<String> = hosts.into_iter().map(|host| host.name).collect();
            if own.is_subset(&listed) { Ok(()) } else { Err(format!("listed: {listed:?}")) }
        })
    }

    /// What `network create` attaches a network to in a pool: `p1:xenbr0`, `p3:storage`.
    pub fn attachment(&self, pool: u8) -> String {
        let transport = if self.xapi.contains_key(&pool) { TRANSPORT_BRIDGE } else { TRANSPORT };
        format!("p{pool}:{transport}")
    }

    /// Makes the controllers one cluster, with nothing in it.
    ///
    /// # Errors
    /// When the replicas do not listen within 30 s, or refuse.
    pub fn init_cluster(&self) -> Result<()> {
        self.init_cluster_of(&self.controllers().map(Controller::node).collect::<Vec<_>>())
    }

    fn init_cluster_of(&self, nodes: &[u8]) -> Result<()> {
        // Chosen here, so that a second try is known for one.
        let id = random_cluster_id()?;
        let members: Vec<String> = self
            .controllers()
            .filter(|replica| nodes.contains(&replica.node()))
            .map(Controller::as_member)
            .collect();
        let members = members.iter().flat_map(|member| ["--member", member.as_str()]);
        let words: Vec<&str> = ["cluster", "init", "--cluster-id", &id].into_iter().chain(members).collect();
        until("the replicas become a cluster", READY, || {
            self.asterctl_ok(&words).map_err(|error| error.chain())
        })?;
        self.wait_for_leader(READY).map(drop)
    }

    /// Tells the controllers of a host; its pool must be known.
    ///
    /// # Errors
    /// When they refuse.
    pub fn register_host(&self, name: HostName) -> Result<()> {
        self.register_host_at(name, &self.ovsdb_remote(name)?)
    }

    /// The same, of a host whose OVSDB is to be reached at `remote`.
    ///
    /// # Errors
    /// When they refuse.
    pub fn register_host_at(&self, name: HostName, remote: &str) -> Result<()> {
        let transport = format!("{TRANSPORT}={},mtu={UNDERLAY_MTU}", name.transport());
        let words = ["host", "add", &name.to_string(), "--ovsdb", remote, "--transport", &transport];
        self.asterctl_ok(&[words.as_slice(), &["--datapath", "netdev", "--wait", "committed"]].concat())
            .map(drop)
    }

    /// Waits until a replica leads, and gives its number.
    ///
    /// # Errors
    /// [`LabError::Deadline`] with what the replicas said last.
    pub fn wait_for_leader(&self, deadline: Duration) -> Result<u8> {
        until("a leader", deadline, || {
            let status = self.cluster_status().map_err(|error| error.chain())?;
            let leads = |replica: &&ReplicaStatus| {
                replica.status.as_ref().is_some_and(|state| state.role == "leader")
            };
            let leader = status.replicas.iter().find(leads).map(|replica| replica.node);
            leader
                .and_then(|node| u8::try_from(node).ok())
                .ok_or_else(|| format!("no replica leads: {status:?}"))
        })
    }

    /// Waits until all replicas answer and have applied the same log to the same state; gives that state's revision.
    ///
    /// # Errors
    /// [`LabError::Deadline`] with how far each is.
    pub fn wait_for_all_replicas(&self, deadline: Duration) -> Result<u64> {
        until("all replicas hold the same state", deadline, || {
            let status = self.cluster_status().map_err(|error| error.chain())?;
            let states: Vec<&ReplicaState> =
                status.replicas.iter().filter_map(|replica| replica.status.as_ref()).collect();
            let equal = |pair: &[&ReplicaState]| {
                (pair[0].applied_index, &pair[0].digest) == (pair[1].applied_index, &pair[1].digest)
            };
            let all = states.len() == status.replicas.len() && states.windows(2).all(equal);
            all.then(|| states.first().map(|state| state.revision))
                .flatten()
                .ok_or_else(|| format!("{states:?}"))
        })
    }

    /// What role a replica says that it has; `None` while it cannot be asked.
    ///
    /// # Errors
    /// When no replica answers.
    pub fn role_of(&self, node: u8) -> Result<Option<String>> {
        let status = self.cluster_status()?;
        let replica = status.replicas.into_iter().find(|replica| replica.node == u64::from(node));
        Ok(replica.and_then(|replica| replica.status).map(|state| state.role))
    }

    /// What the leader sees of a host.
    ///
    /// # Errors
    /// When no replica answers, or there is no such host.
    pub fn host_status(&self, name: HostName) -> Result<HostStatus> {
        let answer: HostAnswer = self.ask_json(&["host", "show", &name.to_string()])?;
        answer.status.ok_or_else(|| LabError::Unreadable {
            what: format!("asterctl host show {name}"),
            problem: "it has no status".into(),
        })
    }

    /// # Errors
    /// When no replica answers.
    pub fn cluster_status(&self) -> Result<ClusterStatus> {
        self.ask_json(&["cluster", "status"])
    }

    /// # Errors
    /// When no replica answers, or there is no such network.
    pub fn network(&self, name: &str) -> Result<NetworkStatus> {
        self.ask_json(&["network", "show", name])
    }

    /// # Errors
    /// When no replica answers, or there is no such network.
    pub fn topology(&self, network: &str) -> Result<TopologyStatus> {
        self.ask_json(&["topology", network])
    }

    /// Who holds the places of a network: the star-center of each pool, by the pool's name.
    ///
    /// # Errors
    /// When no replica answers, or a name is none of the laboratory's.
    pub fn star_centers(&self, network: &str) -> Result<BTreeMap<String, HostName>> {
        let stars = self.topology(network)?.stars.into_iter();
        stars
            .filter_map(|star| Some((star.pool, star.center?.holder.parse())))
            .map(|(pool, host)| Ok((pool, host?)))
            .collect()
    }

    /// The hosts in the middle of a network: all star-centers and their standbys.
    ///
    /// # Errors
    /// As [`Lab::star_centers`].
    pub fn heads(&self, network: &str) -> Result<BTreeSet<HostName>> {
        let stars = self.topology(network)?.stars.into_iter();
        let heads = stars.flat_map(|star| [star.center.map(|center| center.holder), star.standby]);
        heads.flatten().map(|host| host.parse()).collect()
    }

    /// The fences that the running hosts keep, by host; a host without one is left out.
    ///
    /// # Errors
    /// When a host's database does not answer.
    pub fn fences(&self) -> Result<BTreeMap<HostName, Fence>> {
        let running = self.hosts().filter(|host| host.state() == HostState::Running);
        let fences =
            running.map(|host| Ok((host.name(), host.vsctl().fence()?.as_deref().and_then(Fence::parse))));
        let fences = fences.filter_map(|pair: Result<_>| match pair {
            Ok((name, fence)) => fence.map(|fence| Ok((name, fence))),
            Err(error) => Some(Err(error)),
        });
        fences.collect()
    }

    /// Waits until every host that had a fence in `before`, and runs, holds one of a later epoch: a new leader has come to it.
    ///
    /// # Errors
    /// [`LabError::Deadline`] naming the hosts that it has not come to.
    pub fn wait_for_new_epoch(&self, before: &BTreeMap<HostName, Fence>, deadline: Duration) -> Result<()> {
        until("a new leader claims every host", deadline, || {
            let after = self.fences().map_err(|error| error.chain())?;
            let behind = after
                .iter()
                .filter(|(name, fence)| before.get(name).is_some_and(|old| fence.epoch <= old.epoch));
            let behind: Vec<String> =
                behind.map(|(name, fence)| format!("{name} at epoch {}", fence.epoch)).collect();
            if behind.is_empty() { Ok(()) } else { Err(behind.join(", ")) }
        })
    }

    pub(crate) fn ask_json<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T> {
        let mut document = self.ask_document(words)?;
        // One thing by name comes alone, or as a list of one.
        let alone = document.get_mut("items").and_then(|items| items.get_mut(0)).map(serde_json::Value::take);
        understand(words, alone.unwrap_or(document))
    }

    /// All things of a kind.
    pub(crate) fn ask_json_list<T: DeserializeOwned>(&self, words: &[&str]) -> Result<Vec<T>> {
        let mut document = self.ask_document(words)?;
        let items = document.get_mut("items").map(serde_json::Value::take);
        understand(words, items.unwrap_or_else(|| vec![document].into()))
    }

    fn ask_document(&self, words: &[&str]) -> Result<serde_json::Value> {
        let text = self.asterctl_ok(&[words, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).map_err(|error| unreadable(words, &format!("{error}: {text}")))
    }
}

fn understand<T: DeserializeOwned>(words: &[&str], document: serde_json::Value) -> Result<T> {
    let text = document.to_string();
    serde_json::from_value(document).map_err(|error| unreadable(words, &format!("{error}: {text}")))
}

fn unreadable(words: &[&str], problem: &str) -> LabError {
    LabError::Unreadable { what: format!("asterctl {} -o json", words.join(" ")), problem: problem.into() }
}

/// What is asked of a listed host.
#[derive(serde::Deserialize)]
struct NamedHost {
    name: String,
}

/// 32 hexadecimal digits from the kernel.
fn random_cluster_id() -> Result<String> {
    let uuid = std::fs::read_to_string("/proc/sys/kernel/random/uuid")
        .map_err(|source| LabError::io("reading a random id", source))?;
    Ok(uuid.chars().filter(char::is_ascii_hexdigit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_has_32_digits() {
        assert_eq!(random_cluster_id().unwrap().len(), 32);
    }
}
