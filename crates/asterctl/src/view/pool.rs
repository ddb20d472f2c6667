//! A pool as it is shown.

use asterism_api::v1::{self, xapi_trust::By};
use serde::Serialize;

use super::{View, time, time_short, word};
use crate::output::table::{counted, indent, names, pairs, table};

#[derive(Debug, Serialize)]
pub struct PoolView {
    pub name: String,
    pub id: u32,
    /// Who keeps the list of its hosts: `static`, the operator; `xapi`, the pool.
    pub management: &'static str,
    /// `pool/host`.
    pub hosts: Vec<String>,
    pub networks: Vec<String>,
    /// How its XAPI is reached, and what it says; null of a static pool.
    pub xapi: Option<XapiPoolView>,
}

#[derive(Debug, Serialize)]
pub struct XapiPoolView {
    pub uuid: String,
    pub addresses: Vec<String>,
    pub user: String,
    pub trust: TrustView,
    /// `pool/host`; empty until the pool was read.
    pub master: String,
    pub is_leaving: bool,
    pub hosts: Vec<XapiPoolHostView>,
    pub transports: Vec<PoolTransportView>,
    /// What the leader sees; null in a stale answer.
    pub status: Option<PoolStatusView>,
}

/// By what its hosts are known.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustView {
    Unknown,
    /// PEM.
    Authority(String),
    Fingerprints(Vec<String>),
}

#[derive(Debug, Serialize)]
pub struct XapiPoolHostView {
    /// `pool/host`.
    pub name: String,
    #[serde(flatten)]
    pub xapi: XapiHostView,
}

#[derive(Debug, Serialize)]
pub struct XapiHostView {
    pub uuid: String,
    pub version: String,
    pub is_enabled: bool,
    pub is_live: bool,
    pub is_listed: bool,
    pub fingerprint: String,
}

#[derive(Debug, Serialize)]
pub struct PoolTransportView {
    /// Its bridge.
    pub name: String,
    /// Of its network; empty where it is not known.
    pub label: String,
    pub uuid: String,
    /// Hosts with an address on it.
    pub hosts: u32,
}

#[derive(Debug, Serialize)]
pub struct PoolStatusView {
    pub session: String,
    pub since: String,
    pub last_error: String,
    pub address: String,
    pub version: String,
    pub event_lag_ms: Option<u64>,
    pub waiting_for: Vec<String>,
}

impl From<v1::Pool> for PoolView {
    fn from(pool: v1::Pool) -> Self {
        let v1::Pool { id, name, hosts, networks, xapi } = pool;
        let management = if xapi.is_some() { "xapi" } else { "static" };
        Self { name, id, management, hosts, networks, xapi: xapi.map(XapiPoolView::from) }
    }
}

impl From<v1::XapiPool> for XapiPoolView {
    fn from(pool: v1::XapiPool) -> Self {
        Self {
            uuid: pool.uuid,
            addresses: pool.addresses,
            user: pool.user,
            trust: match pool.trust.and_then(|trust| trust.by) {
                Some(By::AuthorityPem(pem)) => TrustView::Authority(pem),
                Some(By::Fingerprints(v1::Fingerprints { sha256 })) => TrustView::Fingerprints(sha256),
                Some(By::FirstUse(_)) | None => TrustView::Unknown,
            },
            master: pool.master,
            is_leaving: pool.is_leaving,
            hosts: pool
                .hosts
                .into_iter()
                .map(|host| XapiPoolHostView { name: host.name, xapi: host.xapi.unwrap_or_default().into() })
                .collect(),
            transports: pool.transports.into_iter().map(PoolTransportView::from).collect(),
            status: pool.status.map(PoolStatusView::from),
        }
    }
}

impl From<v1::XapiHost> for XapiHostView {
    fn from(host: v1::XapiHost) -> Self {
        let v1::XapiHost { uuid, version, is_enabled, is_live, is_listed, fingerprint } = host;
        Self { uuid, version, is_enabled, is_live, is_listed, fingerprint }
    }
}

impl From<v1::PoolTransport> for PoolTransportView {
    fn from(transport: v1::PoolTransport) -> Self {
        let v1::PoolTransport { name, label, uuid, hosts } = transport;
        Self { name, label, uuid, hosts }
    }
}

impl From<v1::PoolStatus> for PoolStatusView {
    fn from(status: v1::PoolStatus) -> Self {
        Self {
            session: word!(Session, "SESSION_", status.session),
            since: time(status.since_ms),
            last_error: status.last_error,
            address: status.address,
            version: status.version,
            event_lag_ms: status.event_lag_ms,
            waiting_for: status.waiting_for,
        }
    }
}

impl XapiHostView {
    /// What is unusual of it, as its pool says; empty where nothing is.
    pub fn remark(&self) -> &'static str {
        match (self.is_listed, self.is_live, self.is_enabled) {
            (false, _, _) => "not listed by its pool",
            (true, false, _) => "down, says its pool",
            (true, true, false) => "disabled in its pool",
            (true, true, true) => "",
        }
    }
}

impl PoolStatusView {
    fn text(&self) -> String {
        let lag = self.event_lag_ms.map(|lag| format!("{} s ago", lag / 1000));
        pairs(&[
            ("session", format!("{} since {}", self.session, time_short(&self.since))),
            ("address", self.address.clone()),
            ("version", self.version.clone()),
            ("last heard", lag.unwrap_or_default()),
            ("last error", self.last_error.clone()),
            ("waiting for", self.waiting_for.join("; ")),
        ])
    }
}

impl XapiPoolView {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let trust = match &self.trust {
            TrustView::Unknown => String::new(),
            TrustView::Authority(_) => "an authority".to_owned(),
            TrustView::Fingerprints(known) => {
                counted(u32::try_from(known.len()).unwrap_or(u32::MAX), "certificate")
            }
        };
        let mut pairs = vec![
            ("uuid", self.uuid.clone()),
            ("addresses", names(&self.addresses)),
            ("user", self.user.clone()),
            ("known by", trust),
            ("master", self.master.clone()),
        ];
        if self.is_leaving {
            pairs.push(("removed", "its hosts are leaving".to_owned()));
        }
        pairs
    }

    fn sections(&self) -> String {
        let hosts: Vec<Vec<String>> = self.hosts.iter().map(XapiPoolHostView::cells).collect();
        let transports: Vec<Vec<String>> = self.transports.iter().map(PoolTransportView::cells).collect();
        let hosts = section("hosts", &["HOST", "VERSION", "REMARK"], &hosts);
        let transports = section("transports", &["NAME", "NETWORK", "HOSTS"], &transports);
        let status = self.status.as_ref().map(|status| indent(&status.text()));
        let status = status.map(|text| format!("as the leader sees it:\n{text}")).unwrap_or_default();
        format!("{hosts}{transports}{status}")
    }
}

impl XapiPoolHostView {
    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.xapi.version.clone(), self.xapi.remark().to_owned()]
    }
}

impl PoolTransportView {
    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.label.clone(), self.hosts.to_string()]
    }
}

fn section(title: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { String::new() } else { format!("{title}:\n{}", indent(&table(columns, rows))) }
}

impl View for PoolView {
    const KIND: &'static str = "Pool";
    const COLUMNS: &'static [&'static str] = &["POOL", "KIND", "HOSTS", "NETWORKS", "SESSION", "REMARK"];

    fn cells(&self) -> Vec<String> {
        let status = self.xapi.as_ref().and_then(|xapi| xapi.status.as_ref());
        vec![
            self.name.clone(),
            self.management.to_owned(),
            self.hosts.len().to_string(),
            names(&self.networks),
            status.map(|status| status.session.clone()).unwrap_or_default(),
            status.map(|status| status.last_error.clone()).unwrap_or_default(),
        ]
    }

    fn text(&self) -> String {
        let mut kept = vec![
            ("pool", self.name.clone()),
            ("id", self.id.to_string()),
            ("kind", self.management.to_owned()),
            ("hosts", names(&self.hosts)),
            ("networks", names(&self.networks)),
        ];
        kept.extend(self.xapi.iter().flat_map(XapiPoolView::pairs));
        pairs(&kept) + &self.xapi.as_ref().map(XapiPoolView::sections).unwrap_or_default()
    }
}
