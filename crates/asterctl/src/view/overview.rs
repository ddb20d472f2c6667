//! A cluster on one screen.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    View, cluster::ClusterView, diagnosis::symptoms, host::HostView, network::NetworkView, pool::PoolView,
};
use crate::{
    health::{Facts, Symptom},
    output::table::{counted, names, pairs, table},
};

/// Rows of a table on the screen; the rest is counted.
const ROWS: usize = 15;

#[derive(Debug, Serialize)]
pub struct OverviewView {
    pub cluster: ClusterView,
    /// Null where the leader could be asked; else why not, and what follows is an old state.
    pub stale: Option<String>,
    pub pools: Vec<PoolView>,
    pub hosts: Vec<HostView>,
    pub networks: Vec<NetworkView>,
    /// The star-centers of each network, by pool.
    pub centers: BTreeMap<String, BTreeMap<String, String>>,
    /// Worst first; notes are left out.
    pub alarms: Vec<Symptom>,
}

impl OverviewView {
    pub fn of(facts: Facts, alarms: Vec<Symptom>) -> Self {
        let centers = facts.topologies.into_iter().map(|topology| {
            let stars = topology.stars.into_iter();
            let centers = stars.filter_map(|star| Some((star.pool, star.center?.holder)));
            (topology.network, centers.collect())
        });
        Self {
            centers: centers.collect(),
            cluster: ClusterView::from(facts.cluster),
            stale: facts.seen.err(),
            pools: facts.pools.into_iter().map(PoolView::from).collect(),
            hosts: facts.hosts.into_iter().map(HostView::from).collect(),
            networks: facts.networks.into_iter().map(NetworkView::from).collect(),
            alarms,
        }
    }

    fn head(&self) -> String {
        let cluster = self.cluster.name.clone().unwrap_or_else(|| "not initialised".to_owned());
        let voters = || self.cluster.replicas.iter().filter(|replica| replica.is_voter);
        let answering = voters().filter(|replica| replica.status.is_some()).count();
        let leader = match self.cluster.leader {
            Some(node) => format!("replica {node}"),
            None => "none is known".to_owned(),
        };
        let replicas = format!("{answering} of {} voters answer", voters().count());
        let xapi = self.pools.iter().filter(|pool| pool.xapi.is_some()).count();
        let pools = match xapi {
            0 => self.pools.len().to_string(),
            _ => format!("{}, {xapi} behind a XAPI", self.pools.len()),
        };
        pairs(&[
            ("cluster", cluster),
            ("leader", leader),
            ("replicas", replicas),
            ("pools", pools),
            ("hosts", self.hosts_line()),
            ("networks", self.networks.len().to_string()),
        ])
    }

    /// `9: 8 answer, 7 as they should be`
    fn hosts_line(&self) -> String {
        let seen: Vec<_> = self.hosts.iter().filter_map(|host| host.status.as_ref()).collect();
        if seen.is_empty() {
            return self.hosts.len().to_string();
        }
        let answer = seen.iter().filter(|status| status.session == "connected").count();
        let reached = seen.iter().filter(|status| status.target == "reached").count();
        format!("{}: {answer} answer, {reached} as they should be", self.hosts.len())
    }

    fn replicas_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .cluster
            .replicas
            .iter()
            .map(|replica| match &replica.status {
                Some(status) => vec![
                    replica.node.to_string(),
                    status.role.clone(),
                    status.applied_index.to_string(),
                    status.lag.map(|lag| lag.to_string()).unwrap_or_default(),
                    replica.address.clone(),
                ],
                None => vec![
                    replica.node.to_string(),
                    "unreachable".to_owned(),
                    String::new(),
                    String::new(),
                    replica.address.clone(),
                ],
            })
            .collect();
        cut(&["REPLICA", "ROLE", "APPLIED", "LAG", "ADDRESS"], rows)
    }

    fn networks_table(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .networks
            .iter()
            .map(|network| {
                let of = |some: fn(&super::network::NetworkStatusView) -> (u32, u32)| {
                    let shown = network.status.as_ref().map(some);
                    shown.map(|(is, of)| format!("{is}/{of}")).unwrap_or_default()
                };
                let centers: Vec<&String> =
                    self.centers.get(&network.name).into_iter().flat_map(BTreeMap::values).collect();
                vec![
                    network.name.clone(),
                    network.encapsulation.clone(),
                    of(|status| (status.hosts_programmed, status.hosts)),
                    of(|status| (status.links_up, status.links)),
                    network.root.clone().unwrap_or_default(),
                    names(&centers),
                ]
            })
            .collect();
        cut(&["NETWORK", "TYPE", "HOSTS", "LINKS UP", "ROOT", "CENTERS"], rows)
    }
}

fn cut(columns: &[&str], mut rows: Vec<Vec<String>>) -> String {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let mut text = table(columns, &rows);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text
}

impl View for OverviewView {
    const KIND: &'static str = "Status";
    const COLUMNS: &'static [&'static str] = &["CLUSTER", "ALARMS"];

    fn cells(&self) -> Vec<String> {
        vec![self.cluster.name.clone().unwrap_or_default(), self.alarms.len().to_string()]
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n{}", self.head(), self.replicas_table());
        if !self.networks.is_empty() {
            text.push_str(&format!("\n{}", self.networks_table()));
        }
        if let Some(why) = &self.stale {
            text.push_str(&format!("\nThis is an old state, without what a leader sees: {why}.\n"));
        }
        let shown = self.alarms.len().min(ROWS);
        text.push_str(&match self.alarms.len() {
            0 => "\nno alarms\n".to_owned(),
            all => {
                let more = if all > shown {
                    format!("and {} more: `asterctl doctor`\n", all - shown)
                } else {
                    String::new()
                };
                format!("\n{}:\n{}{more}", counted(all as u64, "alarm"), symptoms(&self.alarms[..shown]))
            }
        });
        text
    }
}
