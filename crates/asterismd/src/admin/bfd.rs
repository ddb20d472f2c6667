//! What BFD costs a host, in the API's words.

use asterism_api::v1;
use asterism_model::{HostId, NetworkState};
use asterism_planner::{BfdLoad, Targets};

/// `None` for a host that has no tunnel.
pub(super) fn load(targets: &Targets<'_>, host: HostId) -> Option<v1::BfdLoad> {
    convert(targets.members().state(), targets.budget().host(host))
}

/// `None` where there is no tunnel.
pub(super) fn convert(state: &NetworkState, load: BfdLoad) -> Option<v1::BfdLoad> {
    let BfdLoad { sessions, normal_ms, fast_ms } = load;
    (sessions.total() > 0).then(|| v1::BfdLoad {
        sessions: sessions.total(),
        interval_ms: (sessions.normal > 0).then_some(normal_ms),
        fast_interval_ms: (sessions.fast > 0).then_some(fast_ms),
        packets_per_second: u32::try_from(load.packets_per_second()).unwrap_or(u32::MAX),
        budget: state.settings().bfd_budget,
    })
}

/// `12 sessions, every 100 ms: 120 of 4000 packets/s`
pub(super) fn describe(load: &v1::BfdLoad) -> String {
    let normal = load.interval_ms.map(|interval| format!("every {interval} ms"));
    let fast =
        load.fast_interval_ms.map(|interval| format!("every {interval} ms in networks with fast detection"));
    let intervals: Vec<String> = normal.into_iter().chain(fast).collect();
    let (sessions, sends, budget) = (load.sessions, load.packets_per_second, load.budget);
    format!("{sessions} sessions, {}: {sends} of {budget} packets/s", intervals.join(", "))
}
