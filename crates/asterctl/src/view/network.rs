//! A network as it is shown.

use std::collections::BTreeMap;

use asterism_api::v1;
use serde::Serialize;

use super::{View, word};
use crate::output::table::{names, pairs};

#[derive(Debug, Serialize)]
pub struct NetworkView {
    pub name: String,
    pub id: u32,
    pub encapsulation: String,
    pub mtu: u32,
    /// Null until the planner has chosen.
    pub vni: Option<u32>,
    pub requested_vni: Option<u32>,
    pub resilience: String,
    pub detection: String,
    pub pools: BTreeMap<String, AttachmentView>,
    pub preferred_pool: Option<String>,
    pub pool_center: Option<String>,
    /// `pool/host`.
    pub root: Option<String>,
    pub revision: u64,
    /// Left out for one that was made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adoption: Option<NetworkAdoptionView>,
    /// What the leader sees; null in a stale answer.
    pub status: Option<NetworkStatusView>,
}

#[derive(Debug, Serialize)]
pub struct AttachmentView {
    pub transport: String,
    pub preferred_host: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct NetworkAdoptionView {
    /// Xen Orchestra's uuid of it.
    pub uuid: String,
    pub is_releasing: bool,
    /// The hosts of all pools lead to the root.
    pub is_one_star: bool,
}

#[derive(Debug, Serialize)]
pub struct NetworkStatusView {
    pub hosts: u32,
    pub hosts_programmed: u32,
    pub links: u32,
    pub links_up: u32,
}

impl From<v1::Network> for NetworkView {
    fn from(network: v1::Network) -> Self {
        let pools = network.pools.into_iter().map(|(pool, attachment)| {
            let v1::PoolAttachment { transport, preferred_host } = attachment;
            (pool, AttachmentView { transport, preferred_host })
        });
        Self {
            name: network.name,
            id: network.id,
            encapsulation: word!(Encapsulation, "ENCAPSULATION_", network.encapsulation),
            mtu: network.mtu,
            vni: network.vni,
            requested_vni: network.requested_vni,
            resilience: word!(Resilience, "RESILIENCE_", network.resilience),
            detection: word!(Detection, "DETECTION_", network.detection),
            pools: pools.collect(),
            preferred_pool: network.preferred_pool,
            pool_center: network.pool_center,
            root: network.root,
            revision: network.revision,
            adoption: network.adoption.map(|adoption| {
                let v1::NetworkAdoption { uuid, is_releasing, is_one_star } = adoption;
                NetworkAdoptionView { uuid, is_releasing, is_one_star }
            }),
            status: network.status.map(|status| NetworkStatusView {
                hosts: status.hosts,
                hosts_programmed: status.hosts_programmed,
                links: status.links,
                links_up: status.links_up,
            }),
        }
    }
}

impl NetworkView {
    fn vni_text(&self) -> String {
        match (self.vni, self.requested_vni) {
            (Some(vni), Some(requested)) if vni == requested => format!("{vni} (asked for)"),
            (Some(vni), _) => vni.to_string(),
            (None, Some(requested)) => format!("{requested} (asked for, not in use yet)"),
            (None, None) => String::new(),
        }
    }

    fn hosts_text(&self) -> String {
        let status = self.status.as_ref();
        status.map_or_else(String::new, |status| format!("{}/{}", status.hosts_programmed, status.hosts))
    }

    fn links_text(&self) -> String {
        let status = self.status.as_ref();
        status.map_or_else(String::new, |status| format!("{}/{}", status.links_up, status.links))
    }
}

impl NetworkAdoptionView {
    fn text(&self) -> String {
        let shape = if self.is_one_star { ", one star over all pools" } else { "" };
        let end = if self.is_releasing { ", being released" } else { "" };
        format!("{} in Xen Orchestra{shape}{end}", self.uuid)
    }
}

impl View for NetworkView {
    const KIND: &'static str = "Network";
    const COLUMNS: &'static [&'static str] =
        &["NETWORK", "ENCAPSULATION", "VNI", "MTU", "POOLS", "ROOT", "PROGRAMMED", "LINKS UP"];

    fn cells(&self) -> Vec<String> {
        let pools: Vec<&String> = self.pools.keys().collect();
        vec![
            self.name.clone(),
            self.encapsulation.clone(),
            self.vni.map(|vni| vni.to_string()).unwrap_or_default(),
            self.mtu.to_string(),
            names(&pools),
            self.root.clone().unwrap_or_default(),
            self.hosts_text(),
            self.links_text(),
        ]
    }

    fn text(&self) -> String {
        let pools = self.pools.iter().map(|(pool, attachment)| match &attachment.preferred_host {
            Some(host) => format!("{pool} over {}, prefers {host}", attachment.transport),
            None => format!("{pool} over {}", attachment.transport),
        });
        let mut rows = vec![
            ("network", self.name.clone()),
            ("id", self.id.to_string()),
            ("encapsulation", self.encapsulation.clone()),
            ("vni", self.vni_text()),
            ("mtu", format!("{} bytes", self.mtu)),
            ("resilience", self.resilience.clone()),
            ("detection", self.detection.clone()),
            ("pools", pools.collect::<Vec<_>>().join("; ")),
            ("preferred pool", self.preferred_pool.clone().unwrap_or_default()),
            ("pool-center", self.pool_center.clone().unwrap_or_default()),
            ("root", self.root.clone().unwrap_or_default()),
            ("hosts programmed", self.hosts_text()),
            ("links up", self.links_text()),
            ("revision", self.revision.to_string()),
        ];
        rows.extend(self.adoption.as_ref().map(|adoption| ("adopted", adoption.text())));
        pairs(&rows)
    }
}
