//! Networks: what is asked for, and what is kept.

use std::collections::BTreeMap;

use asterism_model::{
    HostId, Name, NetworkChange, NetworkSpec, NetworkState, PoolAttachmentSpec, PrivateNetwork, Refusal,
    Shape, Vni,
};

use super::{FieldError, bytes_of_packet, enums::known, parse, parse_map, parse_name, parse_optional};
use crate::{ApiError, v1};

pub(super) fn spec_from_proto(message: &v1::CreateNetwork) -> Result<NetworkSpec, FieldError> {
    Ok(NetworkSpec {
        name: parse("name", &message.name)?,
        encapsulation: known::<v1::Encapsulation>("encapsulation", message.encapsulation)?
            .unwrap_or_default(),
        mtu: message.mtu.map(|mtu| bytes_of_packet("mtu", mtu)).transpose()?,
        vni: message.vni.map(vni_from_proto).transpose()?,
        resilience: known::<v1::Resilience>("resilience", message.resilience)?.unwrap_or_default(),
        detection: known::<v1::Detection>("detection", message.detection)?.unwrap_or_default(),
        pools: parse_map("pools", &message.pools, attachment_from_proto)?,
        preferred_pool: parse_optional("preferred_pool", message.preferred_pool.as_ref())?,
    })
}

pub(super) fn spec_to_proto(spec: &NetworkSpec) -> v1::CreateNetwork {
    v1::CreateNetwork {
        name: spec.name.to_string(),
        encapsulation: v1::Encapsulation::from(spec.encapsulation).into(),
        mtu: spec.mtu.map(u32::from),
        vni: spec.vni.map(Vni::get),
        resilience: v1::Resilience::from(spec.resilience).into(),
        pools: attachments_to_proto(&spec.pools),
        preferred_pool: spec.preferred_pool.as_ref().map(Name::to_string),
        detection: v1::Detection::from(spec.detection).into(),
    }
}

pub(super) fn change_from_proto(message: &v1::UpdateNetwork) -> Result<NetworkChange, FieldError> {
    let remove_pools = message.remove_pools.iter().enumerate();
    Ok(NetworkChange {
        mtu: message.mtu.map(|mtu| bytes_of_packet("mtu", mtu)).transpose()?,
        resilience: known::<v1::Resilience>("resilience", message.resilience)?,
        detection: known::<v1::Detection>("detection", message.detection)?,
        set_pools: parse_map("set_pools", &message.set_pools, attachment_from_proto)?,
        remove_pools: remove_pools
            .map(|(index, name)| parse(&format!("remove_pools[{index}]"), name))
            .collect::<Result<_, _>>()?,
        prefer_hosts: parse_map("prefer_hosts", &message.prefer_hosts, preference_from_proto)?,
        prefer_pool: match &message.prefer_pool {
            Some(preference) => {
                Some(super::Within::within(preference_from_proto(preference), "prefer_pool")?)
            }
            None => None,
        },
    })
}

pub(super) fn change_to_proto(network: &Name, change: &NetworkChange) -> v1::UpdateNetwork {
    let preferences = change.prefer_hosts.iter();
    v1::UpdateNetwork {
        network: network.to_string(),
        mtu: change.mtu.map(u32::from),
        resilience: change.resilience.map_or(v1::Resilience::Unspecified, v1::Resilience::from).into(),
        set_pools: attachments_to_proto(&change.set_pools),
        remove_pools: change.remove_pools.iter().map(Name::to_string).collect(),
        prefer_hosts: preferences
            .map(|(pool, host)| (pool.to_string(), preference_to_proto(host.as_ref())))
            .collect(),
        prefer_pool: change.prefer_pool.as_ref().map(|pool| preference_to_proto(pool.as_ref())),
        detection: change.detection.map_or(v1::Detection::Unspecified, v1::Detection::from).into(),
    }
}

fn vni_from_proto(number: u32) -> Result<Vni, FieldError> {
    Vni::try_from(number).map_err(|problem| FieldError::new("vni", problem))
}

fn attachment_from_proto(message: &v1::PoolAttachment) -> Result<PoolAttachmentSpec, FieldError> {
    Ok(PoolAttachmentSpec {
        transport: parse("transport", &message.transport)?,
        preferred_host: parse_optional("preferred_host", message.preferred_host.as_ref())?,
    })
}

fn attachments_to_proto(
    attachments: &BTreeMap<Name, PoolAttachmentSpec>,
) -> BTreeMap<String, v1::PoolAttachment> {
    attachments
        .iter()
        .map(|(pool, attachment)| {
            let message = v1::PoolAttachment {
                transport: attachment.transport.to_string(),
                preferred_host: attachment.preferred_host.as_ref().map(Name::to_string),
            };
            (pool.to_string(), message)
        })
        .collect()
}

fn preference_from_proto(message: &v1::Preference) -> Result<Option<Name>, FieldError> {
    parse_optional("name", message.name.as_ref())
}

fn preference_to_proto(name: Option<&Name>) -> v1::Preference {
    v1::Preference { name: name.map(Name::to_string) }
}

/// A network as the state has it, without the leader's status.
pub fn network(state: &NetworkState, network: &PrivateNetwork) -> v1::Network {
    let topology = state.topologies().get(&network.id);
    let attachments = network.pools.iter().map(|(pool, attachment)| {
        let message = v1::PoolAttachment {
            transport: attachment.transport.to_string(),
            preferred_host: attachment.preferred_host.map(|host| host_name(state, host)),
        };
        (state.pool_label(*pool), message)
    });
    let pool_center = topology.and_then(|topology| topology.pool_center.as_ref());
    v1::Network {
        id: network.id.0,
        name: network.name.to_string(),
        encapsulation: v1::Encapsulation::from(network.encapsulation).into(),
        mtu: network.mtu.into(),
        vni: topology.map(|topology| topology.vni.get()),
        requested_vni: network.requested_vni.map(Vni::get),
        resilience: v1::Resilience::from(network.resilience).into(),
        pools: attachments.collect(),
        preferred_pool: network.preferred_pool.map(|pool| state.pool_label(pool)),
        pool_center: pool_center.map(|choice| state.pool_label(choice.holder)),
        root: topology.and_then(|topology| topology.root()).map(|host| state.host_label(host)),
        revision: network.revision,
        status: None,
        detection: v1::Detection::from(network.detection).into(),
        adoption: network.adoption.map(|adoption| v1::NetworkAdoption {
            uuid: adoption.plugin.to_string(),
            is_releasing: adoption.is_releasing,
            is_one_star: network.shape == Shape::OneStar,
        }),
    }
}

/// A host's name in its pool; a forgotten one is written by its id.
fn host_name(state: &NetworkState, id: HostId) -> String {
    state.hosts().get(&id).map_or_else(|| id.to_string(), |host| host.name.to_string())
}

/// The networks that a request asks for, by name.
///
/// # Errors
/// It names one that is not there, or no name at all.
pub fn list_networks<'a>(
    state: &'a NetworkState,
    name: Option<&String>,
) -> Result<Vec<&'a PrivateNetwork>, ApiError> {
    let mut networks = match name {
        Some(name) => vec![find_network(state, &parse_name("network", name)?)?],
        None => state.networks().values().collect(),
    };
    networks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(networks)
}

/// The network of that name.
///
/// # Errors
/// The refusal that a write of it would meet: it tells the names that are there.
pub fn find_network<'a>(state: &'a NetworkState, name: &Name) -> Result<&'a PrivateNetwork, Refusal> {
    state.network_named(name).ok_or_else(|| Refusal::UnknownNetwork {
        name: name.clone(),
        known: state.networks().values().map(|network| network.name.clone()).collect(),
    })
}
