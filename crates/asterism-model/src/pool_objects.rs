//! What a network needs in a pool's XAPI, what is there, and the calls in between.
//!
//! The counterpart of [`target`](crate::target), [`observed`](crate::observed) and [`diff`](crate::diff) for a pool: the
//! objects are a consequence of the state, and made again when they are missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{ClusterId, Encapsulation, NetworkId, PoolId, TransportName, Vni, XapiUuid};

/// The key in `network.other_config` that makes a network ours; its value is a [`PoolNetworkKey`].
pub const POOL_NETWORK_KEY: &str = "asterism-network";

/// The name under which a pool's hosts look for the CA of SDN controllers; no other is read.
pub const AUTHORITY_FILE: &str = "sdn-controller-ca.pem";

/// An `OpaqueRef`: a handle that is good for one database of one pool.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectRef(pub String);

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which network of which cluster an XAPI network belongs to: `<cluster>/<network>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolNetworkKey {
    pub cluster: ClusterId,
    pub network: NetworkId,
}

impl fmt::Display for PoolNetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.network.0)
    }
}

impl FromStr for PoolNetworkKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a network of a cluster: expected CLUSTER/NUMBER");
        let (cluster, network) = text.split_once('/').ok_or_else(error)?;
        let cluster = cluster.parse().map_err(|_| error())?;
        let network = network.parse().map(NetworkId).map_err(|_| error())?;
        Ok(Self { cluster, network })
    }
}

/// All that Asterism wants in one pool's XAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolTarget {
    pub pool: PoolId,
    pub cluster: ClusterId,
    /// Whether the hosts shall listen for controllers, with our CA: as soon as the pool carries a network.
    pub is_controlled: bool,
    pub networks: BTreeMap<NetworkId, TargetPoolNetwork>,
}

/// A network's objects in one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPoolNetwork {
    /// Set for the pool's own network, which is found and never made, and whose label is left alone.
    pub adoption: Option<PoolAdoption>,
    /// `network.name_label`.
    pub label: String,
    /// `network.bridge`: given at creation, so that no two controllers can make the same network twice.
    pub bridge: String,
    /// `network.MTU` in bytes.
    pub mtu: u16,
    /// `tunnel.protocol`.
    pub protocol: Encapsulation,
    /// The network whose PIFs carry the tunnels, by its bridge.
    pub transport: TransportName,
    /// Hosts that shall have a tunnel object, by `host.uuid`, with what `tunnel.status` shall say; `None` while that is not
    /// known.
    pub hosts: BTreeMap<XapiUuid, Option<TunnelStatus>>,
    pub vni: Option<Vni>,
}

/// How a network that a pool had before is known in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolAdoption {
    /// `network.uuid`.
    pub uuid: XapiUuid,
    /// Our key is to go.
    pub is_releasing: bool,
}

/// What `tunnel.status` says; it is owned by the SDN controller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TunnelStatus {
    /// `active`: the host is joined to the network.
    pub is_active: bool,
    /// `error`: why not; empty when there is nothing wrong.
    pub error: String,
}

/// A pool's XAPI at one moment, as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedPool {
    /// Counts up with each picture of one session.
    pub picture: u64,
    /// Networks that carry [`POOL_NETWORK_KEY`], of whatever cluster.
    pub networks: BTreeMap<ObjectRef, ObservedPoolNetwork>,
    /// Networks that carry keys of Xen Orchestra's plugin, ours or not.
    pub plugin_networks: BTreeMap<ObjectRef, PluginNetwork>,
    /// What says that the plugin is at work in the pool: keys of `pool.other_config`.
    pub plugin_signs: Vec<String>,
    /// `network.bridge` of all other networks.
    pub foreign_bridges: BTreeSet<String>,
    /// By `host.uuid`.
    pub hosts: BTreeMap<XapiUuid, ObservedPoolHost>,
    /// All of class `SDN_controller`; a pool has one at most.
    pub controllers: Vec<ObservedController>,
    /// Whether [`AUTHORITY_FILE`] is installed.
    pub authority: ObservedAuthority,
}

/// One network with our key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPoolNetwork {
    pub uuid: XapiUuid,
    /// The key's text; another cluster's, or none of ours, where it does not parse.
    pub key: String,
    pub label: String,
    pub bridge: String,
    pub mtu: i64,
    /// By the access PIF's `host.uuid`.
    pub tunnels: BTreeMap<XapiUuid, ObservedTunnel>,
    /// VIFs that are plugged: the network can't be destroyed while there are any.
    pub plugged_vifs: usize,
}

/// One network that Xen Orchestra's plugin made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginNetwork {
    pub uuid: XapiUuid,
    pub label: String,
    pub bridge: String,
    pub mtu: i64,
    /// The uuid of the private network, the same in all of its pools; the network's own where the plugin's first versions
    /// gave none.
    pub plugin: XapiUuid,
    /// As it stands there; `None` where it says nothing, which means GRE.
    pub encapsulation: Option<String>,
    /// As it stands there.
    pub vni: Option<String>,
    pub is_encrypted: bool,
    pub preferred_center: Option<XapiUuid>,
    pub has_our_key: bool,
    /// By the access PIF's `host.uuid`.
    pub tunnels: BTreeMap<XapiUuid, ObservedTunnel>,
}

/// The tunnel object of one host in one network, with its access PIF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTunnel {
    pub tunnel: ObjectRef,
    pub access_pif: ObjectRef,
    /// `PIF.currently_attached` of the access PIF: the bridge is on the host.
    pub is_attached: bool,
    /// The bridge of the transport PIF's network; `None` where that PIF is gone.
    pub transport: Option<TransportName>,
    /// `None` for a protocol that is none of ours. Absent in old versions, where it means GRE.
    pub protocol: Option<Encapsulation>,
    /// `tunnel.status`, as it stands there.
    pub status: BTreeMap<String, String>,
}

/// One host of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPoolHost {
    pub host: ObjectRef,
    pub is_enabled: bool,
    pub is_live: bool,
    /// PIFs that may carry tunnels, by the bridge of their network, whether they have an address or not.
    pub transports: BTreeMap<TransportName, ObservedTransport>,
}

/// A PIF that may carry tunnels: physical, a bond's master or a VLAN; never a bond's slave, never a tunnel's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTransport {
    pub pif: ObjectRef,
    pub has_address: bool,
    pub is_attached: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedController {
    pub controller: ObjectRef,
    /// `pssl` or `ssl`.
    pub protocol: String,
    pub address: String,
}

/// What the pool has under [`AUTHORITY_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ObservedAuthority {
    /// Not asked yet, or not answered.
    #[default]
    Unknown,
    Absent,
    /// Ours, as far as the pool can tell: by fingerprint, or by name alone where it has no fingerprints.
    Installed,
    /// Another one: whose certificates our own is not among.
    Other,
}

/// One step toward a [`PoolTarget`]. Each may be carried out twice without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolCall {
    /// Installs our CA and has it copied to every host.
    InstallAuthority,
    /// Has the certificates copied again, for a host that is new.
    SyncCertificates,
    /// Has every host listen for controllers (`SDN_controller.introduce` with `pssl`).
    IntroduceController,
    CreateNetwork {
        key: PoolNetworkKey,
        label: String,
        bridge: String,
        mtu: u16,
    },
    /// Gives a network that is there our key.
    MarkNetwork {
        network: ObjectRef,
        key: PoolNetworkKey,
    },
    /// Takes our key off a network; the plugin's are still there.
    UnmarkNetwork {
        network: ObjectRef,
    },
    /// Writes label and MTU.
    ChangeNetwork {
        network: ObjectRef,
        label: String,
        mtu: u16,
    },
    DestroyNetwork {
        network: ObjectRef,
    },
    /// Makes the host's tunnel object and its access PIF, and plugs it.
    CreateTunnel {
        host: XapiUuid,
        network: ObjectRef,
        transport: ObjectRef,
        protocol: Encapsulation,
    },
    DestroyTunnel {
        host: XapiUuid,
        tunnel: ObjectRef,
    },
    /// Plugs the access PIF, which makes the bridge on the host.
    Plug {
        host: XapiUuid,
        pif: ObjectRef,
    },
    SetStatus {
        host: XapiUuid,
        tunnel: ObjectRef,
        status: BTreeMap<String, String>,
    },
}

impl PoolCall {
    /// The host that has to do something for it, if one host has: calls for different hosts don't wait for one another.
    pub fn host(&self) -> Option<XapiUuid> {
        match self {
            Self::CreateTunnel { host, .. } | Self::DestroyTunnel { host, .. } | Self::Plug { host, .. } => {
                Some(*host)
            }
            Self::InstallAuthority
            | Self::SyncCertificates
            | Self::IntroduceController
            | Self::CreateNetwork { .. }
            | Self::MarkNetwork { .. }
            | Self::UnmarkNetwork { .. }
            | Self::ChangeNetwork { .. }
            | Self::DestroyNetwork { .. }
            | Self::SetStatus { .. } => None,
        }
    }
}

impl fmt::Display for PoolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstallAuthority => write!(f, "install {AUTHORITY_FILE}"),
            Self::SyncCertificates => f.write_str("copy certificates to all hosts"),
            Self::IntroduceController => f.write_str("introduce an SDN controller"),
            Self::CreateNetwork { label, bridge, .. } => {
                write!(f, "create network {label} with bridge {bridge}")
            }
            Self::MarkNetwork { network, .. } => write!(f, "mark network {network}"),
            Self::UnmarkNetwork { network } => write!(f, "unmark network {network}"),
            Self::ChangeNetwork { label, .. } => write!(f, "change network {label}"),
            Self::DestroyNetwork { network } => write!(f, "destroy network {network}"),
            Self::CreateTunnel { host, .. } => write!(f, "create a tunnel on host {host}"),
            Self::DestroyTunnel { host, .. } => write!(f, "destroy a tunnel on host {host}"),
            Self::Plug { host, .. } => write!(f, "plug a tunnel's PIF on host {host}"),
            Self::SetStatus { host, .. } => write!(f, "set a tunnel's status on host {host}"),
        }
    }
}

/// What became of a call; believed only once the records show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    Done,
    /// XAPI refused it: its code and parameters, for operators.
    Refused(String),
    /// No answer, or the session went: it may have happened, and may yet.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_what_it_prints() {
        let key = PoolNetworkKey { cluster: ClusterId(7), network: NetworkId(12) };
        assert_eq!(key.to_string().parse::<PoolNetworkKey>(), Ok(key));
        for text in ["", "12", "x/12", "00000000000000000000000000000007/n12"] {
            assert!(text.parse::<PoolNetworkKey>().is_err(), "{text}");
        }
    }
}
