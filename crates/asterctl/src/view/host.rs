//! A host as it is shown.

use std::collections::BTreeMap;

use asterism_api::v1;
use serde::Serialize;

use super::{View, pool::XapiHostView, time, time_short, word};
use crate::output::table::{counted, indent, pairs, table};

#[derive(Debug, Serialize)]
pub struct HostView {
    /// `pool/host`.
    pub name: String,
    pub id: u32,
    pub ovsdb: String,
    pub datapath: String,
    pub transports: BTreeMap<String, TransportView>,
    pub standing: String,
    pub revision: u64,
    /// How many uplinks it can have in a network: `several` or `one`.
    pub uplinks: String,
    /// What its tunnels' BFD is set to; null without tunnels.
    pub bfd: Option<BfdView>,
    /// Where it is, or becomes, center or standby.
    pub offices: Vec<OfficeView>,
    /// What its pool's XAPI says of it; null in a static pool.
    pub xapi: Option<XapiHostView>,
    /// What the leader sees; null in a stale answer.
    pub status: Option<HostStatusView>,
}

#[derive(Debug, Serialize)]
pub struct TransportView {
    pub address: String,
    pub mtu: Option<u32>,
    /// Of its XAPI network; null where there is none, or it is not known.
    pub label: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct BfdView {
    pub sessions: u32,
    /// In networks with normal detection; null where it has none.
    pub interval_ms: Option<u32>,
    /// In networks with fast detection; null where it has none.
    pub fast_interval_ms: Option<u32>,
    pub packets_per_second: u32,
    pub budget: u32,
}

#[derive(Debug, Serialize)]
pub struct OfficeView {
    pub network: String,
    pub rank: String,
    pub is_coming: bool,
    pub successor: Option<String>,
    pub waiting_for: String,
}

#[derive(Debug, Serialize)]
pub struct HostStatusView {
    pub session: String,
    pub since: String,
    pub last_error: String,
    pub phase: String,
    pub waiting_for: String,
    pub target: String,
    pub pending_rows: u32,
    pub fence: Option<FenceView>,
    pub ovs_version: String,
    pub tunnels: u32,
    pub tunnels_up: u32,
}

#[derive(Debug, Serialize)]
pub struct FenceView {
    pub cluster_id: String,
    pub epoch: u64,
    pub revision: u64,
}

impl From<v1::Host> for HostView {
    fn from(host: v1::Host) -> Self {
        let transports = host.transports.into_iter().map(|(name, transport)| {
            let v1::Transport { address, mtu, label } = transport;
            (name, TransportView { address, mtu, label })
        });
        Self {
            name: host.name,
            id: host.id,
            ovsdb: host.ovsdb,
            datapath: word!(Datapath, "DATAPATH_", host.datapath),
            transports: transports.collect(),
            standing: word!(Standing, "STANDING_", host.standing),
            revision: host.revision,
            uplinks: word!(Uplinks, "UPLINKS_", host.uplinks),
            bfd: host.bfd.map(BfdView::from),
            offices: host.offices.into_iter().map(OfficeView::from).collect(),
            xapi: host.xapi.map(XapiHostView::from),
            status: host.status.map(HostStatusView::from),
        }
    }
}

impl From<v1::BfdLoad> for BfdView {
    fn from(load: v1::BfdLoad) -> Self {
        let v1::BfdLoad { sessions, interval_ms, fast_interval_ms, packets_per_second, budget } = load;
        Self { sessions, interval_ms, fast_interval_ms, packets_per_second, budget }
    }
}

impl BfdView {
    /// `12 sessions, every 100 ms, fast ones every 15 ms: 240 of 4000 packets/s`
    fn text(&self) -> String {
        let normal = self.interval_ms.map(|interval| format!("every {interval} ms"));
        let fast = self.fast_interval_ms.map(|interval| format!("fast ones every {interval} ms"));
        let intervals: Vec<String> = normal.into_iter().chain(fast).collect();
        let sessions = counted(self.sessions, "session");
        let (sends, budget) = (self.packets_per_second, self.budget);
        format!("{sessions}, {}: {sends} of {budget} packets/s", intervals.join(", "))
    }
}

impl From<v1::Office> for OfficeView {
    fn from(office: v1::Office) -> Self {
        Self {
            rank: word!(Rank, "RANK_", office.rank),
            network: office.network,
            is_coming: office.is_coming,
            successor: office.successor,
            waiting_for: office.waiting_for,
        }
    }
}

impl OfficeView {
    fn cells(&self) -> Vec<String> {
        let rank = self.rank.replace('_', " ");
        vec![
            self.network.clone(),
            if self.is_coming { format!("to be {rank}") } else { rank },
            self.successor.clone().unwrap_or_default(),
            self.waiting_for.clone(),
        ]
    }
}

impl From<v1::HostStatus> for HostStatusView {
    fn from(status: v1::HostStatus) -> Self {
        Self {
            session: word!(Session, "SESSION_", status.session),
            since: time(status.since_ms),
            last_error: status.last_error,
            phase: word!(LanePhase, "LANE_PHASE_", status.phase),
            waiting_for: status.waiting_for,
            target: word!(TargetState, "TARGET_STATE_", status.target),
            pending_rows: status.pending_rows,
            fence: status.fence.map(|fence| FenceView {
                cluster_id: fence.cluster_id,
                epoch: fence.epoch,
                revision: fence.revision,
            }),
            ovs_version: status.ovs_version,
            tunnels: status.tunnels,
            tunnels_up: status.tunnels_up,
        }
    }
}

impl HostStatusView {
    /// In one word what an operator wants to know first.
    fn target_word(&self) -> String {
        match self.target.as_str() {
            "differs" => format!("{} off", counted(self.pending_rows, "row")),
            other => other.to_owned(),
        }
    }

    /// What is wrong, if anything.
    fn remark(&self) -> String {
        match (self.waiting_for.as_str(), self.last_error.as_str()) {
            ("", last_error) => last_error.to_owned(),
            // What is waited for may tell the error already.
            (waiting_for, last_error) if waiting_for.contains(last_error) => waiting_for.to_owned(),
            (waiting_for, last_error) => format!("{waiting_for}; {last_error}"),
        }
    }

    fn text(&self) -> String {
        let fence =
            self.fence.as_ref().map(|fence| format!("epoch {}, revision {}", fence.epoch, fence.revision));
        pairs(&[
            ("session", format!("{} since {}", self.session, time_short(&self.since))),
            ("last error", self.last_error.clone()),
            ("phase", self.phase.clone()),
            ("waiting for", self.waiting_for.clone()),
            ("target", self.target_word()),
            ("fence", fence.unwrap_or_default()),
            ("Open vSwitch", self.ovs_version.clone()),
            ("tunnels up", format!("{} of {}", self.tunnels_up, self.tunnels)),
        ])
    }
}

impl HostView {
    /// What its pool says of it, and what is wrong with it.
    fn remark(&self) -> String {
        let said = self.xapi.as_ref().map(XapiHostView::remark).unwrap_or_default();
        let seen = self.status.as_ref().map(HostStatusView::remark).unwrap_or_default();
        if said.is_empty() || seen.is_empty() { format!("{said}{seen}") } else { format!("{said}; {seen}") }
    }

    fn xapi_text(&self) -> String {
        let Some(xapi) = &self.xapi else { return String::new() };
        let remark = xapi.remark();
        format!("{}, {}", xapi.version, if remark.is_empty() { "in service" } else { remark })
    }

    fn transports_text(&self) -> String {
        let transports =
            self.transports.iter().map(|(name, transport)| format!("{name}={}", transport.address));
        transports.collect::<Vec<_>>().join(" ")
    }
}

impl View for HostView {
    const KIND: &'static str = "Host";
    const COLUMNS: &'static [&'static str] =
        &["HOST", "STANDING", "OVSDB", "TRANSPORTS", "SESSION", "TARGET", "TUNNELS", "REMARK"];

    fn cells(&self) -> Vec<String> {
        let status = self.status.as_ref();
        let of = |text: fn(&HostStatusView) -> String| status.map(text).unwrap_or_default();
        vec![
            self.name.clone(),
            self.standing.clone(),
            self.ovsdb.clone(),
            self.transports_text(),
            of(|status| status.session.clone()),
            of(HostStatusView::target_word),
            of(|status| format!("{}/{}", status.tunnels_up, status.tunnels)),
            self.remark(),
        ]
    }

    fn text(&self) -> String {
        let transports = self.transports.iter().map(|(name, transport)| {
            let mtu = transport.mtu.map_or_else(String::new, |mtu| format!(", MTU {mtu}"));
            let label = transport.label.as_ref().map_or_else(String::new, |label| format!(", `{label}`"));
            format!("{name}={}{mtu}{label}", transport.address)
        });
        let kept = pairs(&[
            ("host", self.name.clone()),
            ("id", self.id.to_string()),
            ("standing", self.standing.clone()),
            ("ovsdb", self.ovsdb.clone()),
            ("datapath", self.datapath.clone()),
            ("transports", transports.collect::<Vec<_>>().join("; ")),
            ("XAPI", self.xapi_text()),
            ("uplinks", self.uplinks.clone()),
            ("BFD", self.bfd.as_ref().map(BfdView::text).unwrap_or_default()),
            ("revision", self.revision.to_string()),
        ]);
        let offices = match self.offices.as_slice() {
            [] => String::new(),
            offices => {
                let rows: Vec<Vec<String>> = offices.iter().map(OfficeView::cells).collect();
                let table = table(&["NETWORK", "OFFICE", "GOES TO", "WAITING FOR"], &rows);
                format!("offices:\n{}", indent(&table))
            }
        };
        match &self.status {
            Some(status) => format!("{kept}{offices}as the leader sees it:\n{}", indent(&status.text())),
            None => kept + &offices,
        }
    }
}
