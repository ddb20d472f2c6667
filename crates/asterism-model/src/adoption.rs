//! Networks that Xen Orchestra's plugin made and that were taken over, or are handed back.
//!
//! What was there before Asterism keeps its place: the pool's own network, the bridge that the pool chose, the tunnels that
//! carry traffic. The plugin's words are spelt here, for the edges that read and write them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Encapsulation, Name, Shape, TransportName, Vni, XapiUuid, network::is_default};

/// The plugin's key in `network.other_config` of a pool's XAPI and in `Port.other_config` of a host's OVSDB: the uuid of the
/// private network, the same in all of its pools.
pub const PLUGIN_NETWORK_KEY: &str = "xo:sdn-controller:private-network-uuid";

/// Keys by which ports were marked before that one, in `Port.other_config`.
pub const OLD_PLUGIN_PORT_KEYS: [&str; 4] = [
    "private_pool_wide",
    "cross_pool",
    "xo:sdn-controller:private-pool-wide",
    "xo:sdn-controller:cross-pool",
];

/// The key in `external_ids` of an Interface that was taken over: what the tunnel would be called, had Asterism made it.
pub const TUNNEL_KEY: &str = "asterism-tunnel";

/// Where a network came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// The plugin's uuid of the private network.
    pub plugin: XapiUuid,
    /// It is on its way back: forgotten once no mark of ours is left on it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_releasing: bool,
}

/// A pool's own network that carries an adopted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedNetwork {
    /// `network.uuid` in the pool's XAPI.
    pub uuid: XapiUuid,
    /// `network.bridge`: of the pool's choosing, the same on all of its hosts.
    pub bridge: String,
}

/// A network to take over, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionSpec {
    pub name: Name,
    pub plugin: XapiUuid,
    pub encapsulation: Encapsulation,
    pub mtu: u16,
    pub vni: Vni,
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: Shape,
    /// Never empty.
    pub pools: BTreeMap<Name, AdoptedPoolSpec>,
    /// One of `pools`.
    pub pool_center: Name,
}

/// A pool of a network to take over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedPoolSpec {
    pub network: AdoptedNetwork,
    pub transport: TransportName,
    /// The host that all others lead to, or would.
    pub center: Name,
}
