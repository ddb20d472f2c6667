//! From the state to what one pool's XAPI shall have.

use std::collections::BTreeMap;

use asterism_model::{
    HostId, NetworkId, NetworkState, PoolAdoption, PoolId, PoolTarget, PrivateNetwork, TargetPoolNetwork,
    TunnelStatus, target::bridge_name,
};

use crate::members::Members;

/// All that Asterism wants in a pool's XAPI; `None` for a static pool, and before the cluster has an identity. `status` tells
/// how far a host is joined to a network, if that is known.
pub fn pool_target(
    state: &NetworkState,
    pool: PoolId,
    status: impl Fn(HostId, NetworkId) -> Option<TunnelStatus>,
) -> Option<PoolTarget> {
    let cluster = state.cluster()?.id;
    state.pools().get(&pool)?.xapi()?;
    let members = Members::of(state);
    let carried = state.networks().values().filter(|network| network.pools.contains_key(&pool));
    let networks: BTreeMap<NetworkId, TargetPoolNetwork> = carried
        .filter_map(|network| Some((network.id, of_network(&members, network, pool, &status)?)))
        .collect();
    Some(PoolTarget { pool, cluster, is_controlled: !networks.is_empty(), networks })
}

fn of_network(
    members: &Members<'_>,
    network: &PrivateNetwork,
    pool: PoolId,
    status: &impl Fn(HostId, NetworkId) -> Option<TunnelStatus>,
) -> Option<TargetPoolNetwork> {
    // The pool's word is not asked for here: a host that is down has its objects too.
    let hosts = members.of_star(network, pool).iter();
    let hosts = hosts.filter_map(|host| Some((host.xapi.as_ref()?.uuid, status(host.id, network.id))));
    let attachment = network.pools.get(&pool)?;
    let adopted = attachment.adopted.as_ref();
    Some(TargetPoolNetwork {
        adoption: adopted
            .map(|adopted| PoolAdoption { uuid: adopted.uuid, is_releasing: network.is_releasing() }),
        label: network.name.to_string(),
        bridge: adopted.map_or_else(|| bridge_name(network.id), |adopted| adopted.bridge.clone()),
        mtu: network.mtu,
        protocol: network.encapsulation,
        transport: attachment.transport.clone(),
        hosts: hosts.collect(),
        vni: members.state().topologies().get(&network.id).map(|topology| topology.vni),
    })
}
