//! What Xen Orchestra's plugin made, and what would become of it.

use asterism_api::v1;
use serde::Serialize;

use super::View;
use crate::output::table::{indent, pairs};

#[derive(Debug, Serialize)]
pub struct AdoptionView {
    pub networks: Vec<AdoptableView>,
    pub signs: Vec<SignView>,
}

#[derive(Debug, Serialize)]
pub struct SignView {
    pub pool: String,
    pub text: String,
    pub is_overridden: bool,
}

#[derive(Debug, Serialize)]
pub struct AdoptableView {
    /// Xen Orchestra's.
    pub uuid: String,
    pub label: String,
    pub name: String,
    pub encapsulation: String,
    pub vni: String,
    pub mtu: i64,
    pub is_encrypted: bool,
    pub preferred_center: String,
    pub pool_center: String,
    pub pools: Vec<AdoptablePoolView>,
    pub problems: Vec<String>,
    pub notes: Vec<String>,
    pub hosts: Vec<AdoptableHostView>,
}

#[derive(Debug, Serialize)]
pub struct AdoptablePoolView {
    pub pool: String,
    pub uuid: String,
    pub bridge: String,
    pub transport: String,
    pub center: String,
}

#[derive(Debug, Serialize)]
pub struct AdoptableHostView {
    pub host: String,
    pub changes: Vec<String>,
}

impl From<v1::Adoption> for AdoptionView {
    fn from(adoption: v1::Adoption) -> Self {
        let signs = adoption.signs.into_iter().map(|sign| {
            let v1::PluginSign { pool, text, is_overridden } = sign;
            SignView { pool, text, is_overridden }
        });
        Self {
            networks: adoption.networks.into_iter().map(AdoptableView::from).collect(),
            signs: signs.collect(),
        }
    }
}

impl From<v1::AdoptableNetwork> for AdoptableView {
    fn from(network: v1::AdoptableNetwork) -> Self {
        let pools = network.pools.into_iter().map(|part| {
            let v1::AdoptablePool { pool, uuid, bridge, transport, center } = part;
            AdoptablePoolView { pool, uuid, bridge, transport, center }
        });
        let hosts = network.hosts.into_iter().map(|part| {
            let v1::AdoptableHost { host, changes } = part;
            AdoptableHostView { host, changes }
        });
        Self {
            uuid: network.uuid,
            label: network.label,
            name: network.name,
            encapsulation: network.encapsulation,
            vni: network.vni,
            mtu: network.mtu,
            is_encrypted: network.is_encrypted,
            preferred_center: network.preferred_center,
            pool_center: network.pool_center,
            pools: pools.collect(),
            problems: network.problems,
            notes: network.notes,
            hosts: hosts.collect(),
        }
    }
}

impl AdoptionView {
    /// Whether all of it can be taken over as it stands.
    pub fn is_adoptable(&self) -> bool {
        self.signs.iter().all(|sign| sign.is_overridden)
            && self.networks.iter().all(|network| network.problems.is_empty())
    }
}

impl AdoptableView {
    fn text(&self) -> String {
        let parts = self.pools.iter().map(|part| {
            let over = if part.transport.is_empty() { "no one transport" } else { &part.transport };
            let center =
                if part.center.is_empty() { String::new() } else { format!(", star-center {}", part.center) };
            format!("{}: bridge {} over {over}{center}", part.pool, part.bridge)
        });
        let mut text = pairs(&[
            ("network", format!("{} (`{}` in Xen Orchestra, {})", self.name, self.label, self.uuid)),
            ("encapsulation", self.encapsulation.clone()),
            ("vni", self.vni.clone()),
            ("mtu", format!("{} bytes", self.mtu)),
            ("encrypted", if self.is_encrypted { "yes" } else { "no" }.to_owned()),
            ("preferred center", self.preferred_center.clone()),
            ("pools", parts.collect::<Vec<_>>().join("; ")),
            ("pool-center", self.pool_center.clone()),
        ]);
        let notes = self.notes.iter().map(|note| format!("note: {note}\n"));
        text.extend(notes);
        for host in &self.hosts {
            text.push_str(&format!("{}\n", host.host));
            match host.changes.is_empty() {
                true => text.push_str(&indent("nothing changes")),
                false => text.push_str(&indent(&host.changes.join("\n"))),
            }
        }
        text.extend(self.problems.iter().map(|problem| format!("can't be adopted: {problem}\n")));
        text
    }
}

impl View for AdoptionView {
    const KIND: &'static str = "Adoption";
    const COLUMNS: &'static [&'static str] = &["NETWORKS"];

    fn cells(&self) -> Vec<String> {
        vec![self.networks.len().to_string()]
    }

    fn text(&self) -> String {
        let mut text = self.networks.iter().map(AdoptableView::text).collect::<Vec<_>>().join("\n");
        if self.networks.is_empty() {
            text.push_str("no networks of Xen Orchestra that could be adopted\n");
        }
        for sign in &self.signs {
            let SignView { pool, text: what, is_overridden } = sign;
            let remedy = if *is_overridden {
                "you say that it is off".to_owned()
            } else {
                format!(
                    "unload Xen Orchestra's plugin sdn-controller; if the sign is an old one: --plugin-is-off {pool}"
                )
            };
            text.push_str(&format!("pool {pool}: the plugin looks active: {what}; {remedy}\n"));
        }
        text
    }
}
