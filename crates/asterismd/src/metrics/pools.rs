//! Pools behind a XAPI: the session, how stale its word is, the calls made there.

use asterism_model::NetworkState;
use asterism_planner::pools::PoolSession;

use super::{Counters, Sheet};
use crate::{
    clock::Clock,
    leader::{LeadingView, PoolHealth},
};

pub(super) fn fill(
    sheet: &mut Sheet,
    state: &NetworkState,
    leading: Option<&LeadingView>,
    clock: &Clock,
    counters: &Counters,
) {
    sheet.gauges(
        "asterism_pool_hosts",
        "Hosts of a pool",
        ["pool"],
        state.pools().values().map(|pool| {
            let hosts = state.hosts().values().filter(|host| host.pool == pool.id);
            ([pool.name.to_string()], hosts.count() as f64)
        }),
    );
    let mut seen = |name, help, value: &dyn Fn(&PoolHealth) -> Option<f64>| {
        let pools = leading.into_iter().flat_map(|leading| &leading.pools);
        let rows = pools.filter_map(|(id, health)| Some(([state.pool_label(*id)], value(health)?)));
        sheet.gauges(name, help, ["pool"], rows.collect::<Vec<_>>());
    };
    seen("asterism_pool_session_up", "On the leader: 1 if the pool's XAPI answers", &|health| {
        Some(f64::from(matches!(health.session, PoolSession::Up { .. })))
    });
    seen(
        "asterism_pool_event_age_seconds",
        "On the leader: since the pool last answered the question for events; some 30 s where nothing happens",
        &|health| Some(clock.since(health.watch.as_ref()?.look()?.1?).as_secs_f64()),
    );
    seen(
        "asterism_pool_obstacles",
        "On the leader: things that stand in the way of a network in the pool",
        &|health| Some(health.obstacles.len() as f64),
    );
    seen("asterism_pool_calls_under_way", "On the leader: calls that wait for their answer", &|health| {
        Some(health.under_way.len() as f64)
    });
    sheet.kept(
        "asterism_pool_calls",
        "Calls of a pool's XAPI that change something, by outcome",
        &["pool", "outcome"],
        counters.pool_calls.clone(),
    );
}
