//! What was looked at in a pool before a network is made there.

use std::collections::BTreeMap;

use asterism_api::v1;
use serde::Serialize;

use super::{View, word};
use crate::output::table::{counted, names, pairs, table};

#[derive(Debug, Serialize)]
pub struct PoolCheckView {
    /// The worst of its items: `ok`, `note`, `warning` or `blocking`.
    pub severity: String,
    pub uuid: String,
    pub label: String,
    pub address: String,
    /// Of the master's certificate; empty over plain HTTP.
    pub fingerprint: String,
    pub hosts: Vec<SurveyedHostView>,
    pub networks: Vec<SurveyedNetworkView>,
    /// Worst first.
    pub items: Vec<CheckItemView>,
}

#[derive(Debug, Serialize)]
pub struct SurveyedHostView {
    pub name: String,
    pub uuid: String,
    pub address: String,
    pub version: String,
    pub backend: String,
    pub is_master: bool,
    pub is_enabled: bool,
    pub is_live: bool,
}

#[derive(Debug, Serialize)]
pub struct SurveyedNetworkView {
    pub bridge: String,
    pub label: String,
    pub mtu: i64,
    /// By the host's name; empty where it has no address there.
    pub hosts: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
pub struct CheckItemView {
    pub severity: String,
    pub about: String,
    pub text: String,
    pub remedy: String,
}

impl From<v1::PoolCheck> for PoolCheckView {
    fn from(check: v1::PoolCheck) -> Self {
        let survey = check.survey.unwrap_or_default();
        let items: Vec<CheckItemView> = check.items.into_iter().map(CheckItemView::from).collect();
        Self {
            severity: items.first().map_or_else(|| "ok".to_owned(), |item| item.severity.clone()),
            uuid: survey.uuid,
            label: survey.label,
            address: survey.address,
            fingerprint: survey.fingerprint,
            hosts: survey.hosts.into_iter().map(SurveyedHostView::from).collect(),
            networks: survey.networks.into_iter().map(SurveyedNetworkView::from).collect(),
            items,
        }
    }
}

impl From<v1::SurveyedHost> for SurveyedHostView {
    fn from(host: v1::SurveyedHost) -> Self {
        let v1::SurveyedHost { name, uuid, address, version, backend, is_master, is_enabled, is_live } = host;
        Self { name, uuid, address, version, backend, is_master, is_enabled, is_live }
    }
}

impl From<v1::SurveyedNetwork> for SurveyedNetworkView {
    fn from(network: v1::SurveyedNetwork) -> Self {
        let v1::SurveyedNetwork { bridge, label, mtu, hosts } = network;
        Self { bridge, label, mtu, hosts }
    }
}

impl From<v1::CheckItem> for CheckItemView {
    fn from(item: v1::CheckItem) -> Self {
        Self {
            severity: word!(Severity, "SEVERITY_", item.severity),
            about: item.about,
            text: item.text,
            remedy: item.remedy,
        }
    }
}

impl PoolCheckView {
    /// `1 blocking, 2 warnings, 3 notes`
    pub fn summary(&self) -> String {
        let count = |severity: &str| {
            let count = self.items.iter().filter(|item| item.severity == severity).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let (warnings, notes) = (counted(count("warning"), "warning"), counted(count("note"), "note"));
        format!("{} blocking, {warnings}, {notes}", count("blocking"))
    }
}

impl View for PoolCheckView {
    const KIND: &'static str = "PoolCheck";
    const COLUMNS: &'static [&'static str] = &["POOL", "SEVERITY", "WHAT"];

    fn cells(&self) -> Vec<String> {
        vec![self.label.clone(), self.severity.clone(), self.summary()]
    }

    fn text(&self) -> String {
        let hosts: Vec<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
        let seen = pairs(&[
            ("pool", self.label.clone()),
            ("uuid", self.uuid.clone()),
            ("master", self.address.clone()),
            ("hosts", names(&hosts)),
        ]);
        let rows: Vec<Vec<String>> = self
            .items
            .iter()
            .map(|item| {
                vec![
                    item.severity.clone(),
                    item.about.replace('_', " "),
                    item.text.clone(),
                    item.remedy.clone(),
                ]
            })
            .collect();
        let verdict = match self.severity.as_str() {
            "blocking" => "no private network can be made here yet",
            "warning" => "private networks can be made here, and may not work everywhere",
            _ => "private networks can be made here",
        };
        format!("{seen}{}{verdict}: {}\n", table(&["SEVERITY", "ABOUT", "WHAT", "DO"], &rows), self.summary())
    }
}
