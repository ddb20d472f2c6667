//! The choices in force for a network, with its members.

use asterism_model::{
    Choice, Drain, Host, NetworkState, NextCenter, NextPool, PoolAttachment, PoolId, PrivateNetwork,
    Topology, Vni,
};

use super::host::standing;
use crate::v1;

/// A network's topology as the state has it. Without links, which the planner derives, and without health and what is
/// waited for, which the leader sees: the server adds them.
pub fn topology(state: &NetworkState, network: &PrivateNetwork) -> v1::Topology {
    let choices = state.topologies().get(&network.id);
    let mut stars: Vec<v1::Star> =
        network.pools.iter().map(|(pool, attachment)| star(state, choices, *pool, attachment)).collect();
    stars.sort_by(|a, b| a.pool.cmp(&b.pool));
    let pool_center = choices.and_then(|choices| choices.pool_center.as_ref());
    v1::Topology {
        network_id: network.id.0,
        network: network.name.to_string(),
        encapsulation: v1::Encapsulation::from(network.encapsulation).into(),
        mtu: network.mtu.into(),
        vni: choices.map(|choices| Vni::get(choices.vni)),
        resilience: v1::Resilience::from(network.resilience).into(),
        pool_center: pool_center.map(|choice| choice_to_proto(choice, state.pool_label(choice.holder))),
        stars,
        links: Vec::new(),
        revision: choices.map_or(0, |choices| choices.revision),
        detection: v1::Detection::from(network.detection).into(),
        waiting: Vec::new(),
        next_pool: choices.and_then(|choices| choices.next_pool).map(|next| next_pool(state, next)),
    }
}

fn star(
    state: &NetworkState,
    choices: Option<&Topology>,
    pool: PoolId,
    attachment: &PoolAttachment,
) -> v1::Star {
    let star = choices.and_then(|choices| choices.stars.get(&pool));
    let mut members: Vec<v1::Member> = state
        .hosts_of(pool)
        .filter(|host| host.is_member())
        .map(|host| member(state, choices, attachment, host))
        .collect();
    members.sort_by(|a, b| a.host.cmp(&b.host));
    v1::Star {
        pool: state.pool_label(pool),
        transport: attachment.transport.to_string(),
        center: star.map(|star| choice_to_proto(&star.center, state.host_label(star.center.holder))),
        standby: star.and_then(|star| star.standby).map(|host| state.host_label(host)),
        preferred_host: attachment.preferred_host.map(|host| state.host_label(host)),
        members,
        next: star.and_then(|star| star.next).map(|next| next_center(state, next)),
        drain: star.and_then(|star| star.drained).map(|drained| drain(state, drained)),
    }
}

fn next_pool(state: &NetworkState, next: NextPool) -> v1::NextPool {
    let NextPool { pool, cause, is_drained, is_announced: _ } = next;
    v1::NextPool { pool: state.pool_label(pool), cause: v1::Cause::from(cause).into(), is_drained }
}

fn next_center(state: &NetworkState, next: NextCenter) -> v1::NextCenter {
    v1::NextCenter { host: state.host_label(next.host), cause: v1::Cause::from(next.cause).into() }
}

pub(super) fn drain(state: &NetworkState, drain: Drain) -> v1::Drain {
    let extent = v1::DrainExtent::from(drain.extent).into();
    v1::Drain { host: state.host_label(drain.host), extent }
}

fn member(
    state: &NetworkState,
    choices: Option<&Topology>,
    attachment: &PoolAttachment,
    host: &Host,
) -> v1::Member {
    let rank = choices.and_then(|choices| choices.rank(host.id, host.pool));
    let transport = host.transports.get(&attachment.transport);
    v1::Member {
        host: state.host_label(host.id),
        rank: rank.map_or(v1::Rank::Unspecified, v1::Rank::from).into(),
        standing: standing(host),
        address: transport.map(|transport| transport.address.to_string()).unwrap_or_default(),
        health: v1::Health::Unspecified.into(),
        uplinks: v1::Uplinks::from(host.uplinks).into(),
        active_uplink: None,
    }
}

fn choice_to_proto<T>(choice: &Choice<T>, holder: String) -> v1::Choice {
    v1::Choice {
        holder,
        cause: v1::Cause::from(choice.cause).into(),
        since_ms: choice.since.0,
        evidence: choice.evidence.clone(),
    }
}
