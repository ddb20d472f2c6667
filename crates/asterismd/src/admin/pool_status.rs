//! What the leader sees of a pool's XAPI, in the API's words.

use std::collections::BTreeMap;

use asterism_api::v1;
use asterism_model::{NetworkState, TransportName, XapiUuid};
use asterism_planner::pools::PoolSession;
use asterism_xapi::{ConnectedPool, NetworkLabel, PoolSessionState};

use crate::{clock::Clock, leader::PoolHealth};

/// Adds the session with the pool, and what its networks are called.
pub(super) fn add(state: &NetworkState, health: &PoolHealth, clock: &Clock, xapi: &mut v1::XapiPool) {
    for transport in &mut xapi.transports {
        if let Some(known) = name_of(health, &transport.name) {
            transport.label = known.label;
            transport.uuid = known.uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
        }
    }
    xapi.status = Some(status(state, health, clock));
}

/// Adds what a host's transports are called in its pool.
pub(super) fn label(health: &PoolHealth, transports: &mut BTreeMap<String, v1::Transport>) {
    for (name, transport) in transports {
        transport.label = name_of(health, name).map(|known| known.label);
    }
}

fn name_of(health: &PoolHealth, transport: &str) -> Option<NetworkLabel> {
    let transport: TransportName = transport.parse().ok()?;
    connected(health)?.picture.networks.get(&transport).cloned()
}

/// Whether the first attempt is under way, and there is no news yet.
fn is_first_attempt(health: &PoolHealth) -> bool {
    let state = health.watch.as_ref().and_then(|watch| watch.look());
    matches!(state, Some((PoolSessionState::Connecting { last_error: None, .. }, _)))
}

fn connected(health: &PoolHealth) -> Option<ConnectedPool> {
    match health.watch.as_ref()?.look()?.0 {
        PoolSessionState::Connected(connected) => Some(connected),
        PoolSessionState::Connecting { .. } => None,
    }
}

fn status(state: &NetworkState, health: &PoolHealth, clock: &Clock) -> v1::PoolStatus {
    let (session, since, why) = match &health.session {
        PoolSession::Up { since } => (v1::Session::Connected, *since, String::new()),
        PoolSession::Down { since, .. } if is_first_attempt(health) => {
            (v1::Session::Connecting, *since, String::new())
        }
        PoolSession::Down { since, why } => (v1::Session::Lost, *since, why.clone()),
    };
    let connected = connected(health);
    let heard = health.watch.as_ref().and_then(|watch| watch.look()?.1);
    let lag = heard.filter(|_| connected.is_some()).map(|heard| clock.since(heard).as_millis());
    let troubles = health.troubles.iter().map(|(host, why)| match host {
        Some(host) => format!("{}: {why}", host_label(state, *host)),
        None => why.clone(),
    });
    let errors: Vec<String> = Some(why).filter(|why| !why.is_empty()).into_iter().chain(troubles).collect();
    let obstacles = health.obstacles.iter().map(ToString::to_string);
    v1::PoolStatus {
        session: session.into(),
        since_ms: clock.wall_at(since).0,
        last_error: errors.join("; "),
        address: connected.as_ref().map(|pool| pool.master.to_string()).unwrap_or_default(),
        version: connected.map(|pool| pool.version).unwrap_or_default(),
        event_lag_ms: lag.map(|lag| u64::try_from(lag).unwrap_or(u64::MAX)),
        waiting_for: obstacles.chain(health.under_way.iter().cloned()).collect(),
    }
}

fn host_label(state: &NetworkState, uuid: XapiUuid) -> String {
    let host = state.hosts().values().find(|host| host.xapi.as_ref().is_some_and(|xapi| xapi.uuid == uuid));
    host.map_or_else(|| uuid.to_string(), |host| state.host_label(host.id))
}
