//! Pools and hosts.

use std::collections::BTreeMap;

use asterism_model::{
    Host, HostRef, HostSpec, Name, NetworkState, Pool, Refusal, Transport, TransportName, pool::Standing,
};

use super::{
    FieldError, bytes_of_packet,
    enums::known,
    office::offices,
    parse, parse_host, parse_map, parse_name,
    xapi::{xapi_host, xapi_pool},
};
use crate::{ApiError, v1};

/// What a transport carries unless told otherwise, in bytes.
const ETHERNET_MTU: u16 = 1500;

/// The host of an `AddHost`, and the pool that it joins.
pub(super) fn host_spec_from_proto(message: &v1::AddHost) -> Result<(Name, HostSpec), FieldError> {
    let spec = HostSpec {
        name: parse("name", &message.name)?,
        ovsdb: parse("ovsdb", &message.ovsdb)?,
        datapath: known::<v1::Datapath>("datapath", message.datapath)?.unwrap_or_default(),
        transports: parse_map("transports", &message.transports, transport_from_proto)?,
    };
    Ok((parse("pool", &message.pool)?, spec))
}

pub(super) fn host_spec_to_proto(pool: &Name, spec: &HostSpec) -> v1::AddHost {
    v1::AddHost {
        pool: pool.to_string(),
        name: spec.name.to_string(),
        ovsdb: spec.ovsdb.to_string(),
        datapath: v1::Datapath::from(spec.datapath).into(),
        transports: transports_to_proto(&spec.transports),
    }
}

fn transport_from_proto(message: &v1::Transport) -> Result<Transport, FieldError> {
    let mtu = message.mtu.map_or(Ok(ETHERNET_MTU), |mtu| bytes_of_packet("mtu", mtu))?;
    let address = message.address.parse().map_err(|_| {
        FieldError::new(
            "address",
            format_args!("`{}` is not an IP address: expected IPv4 or IPv6", message.address),
        )
    })?;
    Ok(Transport { address, mtu })
}

fn transports_to_proto(transports: &BTreeMap<TransportName, Transport>) -> BTreeMap<String, v1::Transport> {
    transports
        .iter()
        .map(|(name, transport)| {
            let message = v1::Transport {
                address: transport.address.to_string(),
                mtu: Some(transport.mtu.into()),
                label: None,
            };
            (name.to_string(), message)
        })
        .collect()
}

/// A host as the state has it, without the leader's status and without what the planner derives.
pub fn host(state: &NetworkState, host: &Host) -> v1::Host {
    v1::Host {
        id: host.id.0,
        name: state.host_label(host.id),
        ovsdb: host.ovsdb.to_string(),
        datapath: v1::Datapath::from(host.datapath).into(),
        transports: transports_to_proto(&host.transports),
        standing: v1::Standing::from(host.standing).into(),
        revision: host.revision,
        status: None,
        uplinks: v1::Uplinks::from(host.uplinks).into(),
        bfd: None,
        offices: offices(state, host),
        xapi: xapi_host(state, host),
    }
}

/// A pool with the names of its hosts and networks.
pub fn pool(state: &NetworkState, pool: &Pool) -> v1::Pool {
    let mut hosts: Vec<String> = state.hosts_of(pool.id).map(|host| state.host_label(host.id)).collect();
    hosts.sort();
    let spans = state.networks().values().filter(|network| network.pools.contains_key(&pool.id));
    let mut networks: Vec<String> = spans.map(|network| network.name.to_string()).collect();
    networks.sort();
    let xapi = xapi_pool(state, pool);
    v1::Pool { id: pool.id.0, name: pool.name.to_string(), hosts, networks, xapi }
}

/// The pools that a request asks for, by name.
///
/// # Errors
/// It names one that is not there, or no name at all.
pub fn list_pools<'a>(
    state: &'a NetworkState,
    request: &v1::ListPoolsRequest,
) -> Result<Vec<&'a Pool>, ApiError> {
    let mut pools = match &request.pool {
        Some(name) => vec![find_pool(state, &parse_name("pool", name)?)?],
        None => state.pools().values().collect(),
    };
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pools)
}

/// The hosts that a request asks for, by their pools' and their own names.
///
/// # Errors
/// It names a pool or a host that is not there, or no name at all.
pub fn list_hosts<'a>(
    state: &'a NetworkState,
    request: &v1::ListHostsRequest,
) -> Result<Vec<&'a Host>, ApiError> {
    let pool = match &request.pool {
        Some(name) => Some(find_pool(state, &parse_name("pool", name)?)?.id),
        None => None,
    };
    let mut hosts = match &request.host {
        Some(label) => vec![find_host(state, &parse_host("host", label)?)?],
        None => state.hosts().values().collect(),
    };
    hosts.retain(|host| pool.is_none_or(|pool| host.pool == pool));
    hosts.sort_by_key(|host| (state.pool_label(host.pool), host.name.clone()));
    Ok(hosts)
}

fn find_pool<'a>(state: &'a NetworkState, name: &Name) -> Result<&'a Pool, Refusal> {
    state.pool_named(name).ok_or_else(|| Refusal::UnknownPool {
        name: name.clone(),
        known: state.pools().values().map(|pool| pool.name.clone()).collect(),
    })
}

/// The host of that name.
///
/// # Errors
/// The refusal that a write of it would meet: it tells the names that are there.
pub fn find_host<'a>(state: &'a NetworkState, label: &HostRef) -> Result<&'a Host, Refusal> {
    let pool = find_pool(state, &label.pool)?.id;
    state.host_named(label).ok_or_else(|| Refusal::UnknownHost {
        host: label.clone(),
        known: state.hosts_of(pool).map(|host| host.name.clone()).collect(),
    })
}

/// Whether the host's networks count on it as center, for its row in a topology.
pub(super) fn standing(host: &Host) -> i32 {
    let standing: Standing = host.standing;
    v1::Standing::from(standing).into()
}
