//! Each host: our session to it, what is written there, its tunnels, and what its BFD costs.

use asterism_model::{BfdState, ObservedHost};
use asterism_planner::{LaneStatus, Phase, Targets};

use super::{Counters, Sheet};
use crate::leader::LeadingView;

pub(super) fn fill(
    sheet: &mut Sheet,
    targets: &Targets<'_>,
    leading: Option<&LeadingView>,
    counters: &Counters,
) {
    let state = targets.members().state();
    let hosts = || state.hosts().keys().map(|host| (state.host_label(*host), *host));
    let loads = || hosts().map(|(label, host)| (label, targets.budget().host(host)));
    sheet.gauges(
        "asterism_host_bfd_packets_per_second",
        "BFD packets a second that a host's tunnels are set to send at most",
        ["host"],
        loads().map(|(label, load)| ([label], load.packets_per_second() as f64)),
    );
    sheet.gauges(
        "asterism_host_bfd_sessions",
        "Tunnels that a host is to have",
        ["host"],
        loads().map(|(label, load)| ([label], f64::from(load.sessions.total()))),
    );
    sheet.gauge(
        "asterism_bfd_budget_packets_per_second",
        "BFD packets a second that a host may send: `asterctl cluster settings --bfd-budget`",
        f64::from(state.settings().bfd_budget),
    );
    let mut seen = |name, help, value: &dyn Fn(&LaneStatus) -> Option<f64>| {
        let lanes = leading.into_iter().flat_map(|leading| &leading.lanes);
        let rows = lanes.filter_map(|lane| Some(([state.host_label(lane.host)], value(lane)?)));
        sheet.gauges(name, help, ["host"], rows.collect::<Vec<_>>());
    };
    seen("asterism_host_session_up", "On the leader: 1 if the host's OVSDB answers", &|lane| {
        Some(f64::from(lane.evidence.answers()))
    });
    seen(
        "asterism_host_settled",
        "On the leader: 1 if the host has all that it shall and can have",
        &|lane| Some(f64::from(lane.settled_at.is_some())),
    );
    seen("asterism_host_blocked", "On the leader: 1 if it may not write to the host", &|lane| {
        Some(f64::from(matches!(lane.phase, Phase::Barred { .. })))
    });
    seen(
        "asterism_host_pending_rows",
        "On the leader: rows of a host that answers and differ from its target",
        &|lane| Some(lane.drift(targets)?.rows as f64),
    );
    seen("asterism_host_tunnels", "On the leader: tunnels of ours on a host that answers", &|lane| {
        Some(tunnels(answering(lane)?).count() as f64)
    });
    seen("asterism_host_tunnels_up", "On the leader: those of them whose BFD is up", &|lane| {
        Some(tunnels(answering(lane)?).filter(|bfd| matches!(bfd, BfdState::Up | BfdState::Drained)).count()
            as f64)
    });
    sheet.kept(
        "asterism_host_pictures",
        "Pictures of a host's OVSDB that arrived",
        &["host"],
        counters.pictures.clone(),
    );
    sheet.gauges(
        "asterism_host_last_picture_timestamp_seconds",
        "When a host's last picture arrived, Unix time; one that does not change sends none",
        ["host"],
        counters.last_pictures().into_iter().map(|(host, at)| ([host], super::machine::seconds(at.0))),
    );
    sheet.kept(
        "asterism_host_claims",
        "Claims of a host's fence, by outcome; `refused` is a newer leader's or another cluster's",
        &["host", "outcome"],
        counters.claims.clone(),
    );
    sheet.kept(
        "asterism_host_transactions",
        "Transactions on a host, by outcome; `fenced` were refused by the host for a deposed leader's",
        &["host", "outcome"],
        counters.transactions.clone(),
    );
    sheet.kept(
        "asterism_host_rows_written",
        "Rows in transactions that a host applied",
        &["host"],
        counters.rows.clone(),
    );
}

fn answering(lane: &LaneStatus) -> Option<&ObservedHost> {
    lane.picture.as_deref().filter(|_| lane.evidence.answers())
}

fn tunnels(picture: &ObservedHost) -> impl Iterator<Item = BfdState> {
    let ports = picture.bridges.values().flat_map(|bridge| bridge.ports.values());
    ports.flat_map(|port| port.interfaces.values()).map(|interface| interface.bfd_state)
}
