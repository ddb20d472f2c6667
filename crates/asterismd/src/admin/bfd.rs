//! What BFD costs a host: as its target has it, which is what the budget is kept by.

use asterism_api::v1;
use asterism_model::{Detection, HostTarget, NetworkState};

/// Of all tunnels of a host; `None` where it has none.
pub(super) fn load(state: &NetworkState, target: &HostTarget) -> Option<v1::BfdLoad> {
    let mut load = v1::BfdLoad { budget: state.settings().bfd_budget, ..Default::default() };
    let mut packets_per_minute = 0;
    for bridge in target.bridges.values() {
        let detection = state.networks().get(&bridge.network).map(|network| network.detection);
        let slowest = match detection.unwrap_or_default() {
            Detection::Normal => &mut load.interval_ms,
            Detection::Fast => &mut load.fast_interval_ms,
        };
        for tunnel in bridge.ports.values().flat_map(|port| &port.tunnels) {
            let interval = tunnel.bfd.interval_ms;
            *slowest = Some(slowest.map_or(interval, |slowest| slowest.max(interval)));
            load.sessions += 1;
            packets_per_minute += 60_000 / interval.max(1);
        }
    }
    load.packets_per_second = packets_per_minute / 60;
    (load.sessions > 0).then_some(load)
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
