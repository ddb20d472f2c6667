//! Private networks: what an operator asked for.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{AdoptedNetwork, Adoption, Host, HostId, Name, NetworkId, PoolId, Transport, TransportName};

/// One isolated layer-2 segment over one pool or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateNetwork {
    pub id: NetworkId,
    /// Unique in the cluster.
    pub name: Name,
    pub encapsulation: Encapsulation,
    /// Largest IP packet in bytes that a VM may send: at most the smallest transport's MTU less the overhead.
    pub mtu: u16,
    /// The VNI that the operator asked for; the one in use is in the topology.
    pub requested_vni: Option<Vni>,
    pub resilience: Resilience,
    #[serde(default, skip_serializing_if = "is_default")]
    pub detection: Detection,
    /// Never empty.
    pub pools: BTreeMap<PoolId, PoolAttachment>,
    /// The pool that shall be pool-center while it is able; one of `pools`.
    pub preferred_pool: Option<PoolId>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: Shape,
    /// Set for one that Xen Orchestra's plugin made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub adoption: Option<Adoption>,
    /// The state's revision when this record last changed.
    pub revision: u64,
}

impl PrivateNetwork {
    /// Whether the host is one of the network's: of one of its pools, with the transport that carries it there, and not
    /// leaving. A host of a static pool has that transport, or is refused; a pool's XAPI may list hosts that lack it.
    pub fn spans(&self, host: &Host) -> bool {
        host.is_member() && self.transport_of(host).is_some()
    }

    /// Whether it is being handed back.
    pub fn is_releasing(&self) -> bool {
        self.adoption.is_some_and(|adoption| adoption.is_releasing)
    }

    /// What carries the network's tunnels on a host of one of its pools.
    pub fn transport_of<'a>(&self, host: &'a Host) -> Option<&'a Transport> {
        host.transports.get(&self.pools.get(&host.pool)?.transport)
    }
}

/// How one pool takes part in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolAttachment {
    /// Which transport of its hosts carries the tunnels.
    pub transport: TransportName,
    /// The host that shall be star-center while it is able; one of the pool's.
    pub preferred_host: Option<HostId>,
    /// The pool's own network that carries it, where that was there before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub adopted: Option<AdoptedNetwork>,
}

/// How the stars of a network's pools are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A star in each pool, and a star of their centers.
    #[default]
    Stars,
    /// One star: the hosts of all pools lead to the root, as Xen Orchestra's plugin has them.
    OneStar,
}

/// How frames are wrapped between hosts (schema: `Interface.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encapsulation {
    #[default]
    Vxlan,
    Gre,
    Geneve,
}

impl Encapsulation {
    /// All of them, for help and errors.
    pub const ALL: [Self; 3] = [Self::Vxlan, Self::Gre, Self::Geneve];

    /// Whether a pool's XAPI has tunnels of this kind (`tunnel.protocol`), without which its hosts' firewalls drop them.
    pub fn is_known_to_xapi(self) -> bool {
        match self {
            Self::Vxlan | Self::Gre => true,
            Self::Geneve => false,
        }
    }

    /// The value of `Interface.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::Gre => "gre",
            Self::Geneve => "geneve",
        }
    }

    /// Bytes between a VM's IP packet and the transport's: the inner Ethernet header (14), the tunnel's own header,
    /// and the outer IP header (20 or 40). VXLAN (RFC 7348 §5) and Geneve without options (RFC 8926 §3) have 8 bytes
    /// over UDP's 8; GRE with a key (RFC 2784 §2, RFC 2890 §2) has 8 over IP.
    pub fn overhead(self, transport: IpAddr) -> u16 {
        let outer = if transport.is_ipv4() { 20 } else { 40 };
        let tunnel = match self {
            Self::Vxlan | Self::Geneve => 8 + 8,
            Self::Gre => 8,
        };
        outer + tunnel + 14
    }
}

impl fmt::Display for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Encapsulation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|encapsulation| encapsulation.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not an encapsulation: expected vxlan, gre or geneve"))
    }
}

/// How much redundancy the network's tunnels have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resilience {
    /// One uplink each: the plain star of stars, mended by an election.
    Single,
    /// Uplinks to the center and its standby, mended by the data plane alone.
    #[default]
    Dual,
}

impl Resilience {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Dual => "dual",
        }
    }
}

impl fmt::Display for Resilience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How fast the network's hosts notice that a tunnel is dead, as far as their budgets allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detection {
    /// BFD every 100 ms.
    #[default]
    Normal,
    /// BFD every 15 ms.
    Fast,
}

impl Detection {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Fast => "fast",
        }
    }
}

impl fmt::Display for Detection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// For fields that a stored form leaves out where they say nothing.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The number that tells a network's frames from others' on the wire: VXLAN's VNI (RFC 7348 §5), Geneve's VNI, GRE's
/// key. 24 bits wide for all, so that a network can change its encapsulation; never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Vni(u32);

impl Vni {
    pub const MIN: Self = Self(1);
    pub const MAX: Self = Self(0x00ff_ffff);

    /// The VNI of that number, if it is 1 to 16,777,215.
    pub fn new(number: u32) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&number).then_some(Self(number))
    }

    pub fn get(self) -> u32 {
        self.0
    }

    /// The next greater one, unless this is the greatest.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl TryFrom<u32> for Vni {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        Self::new(number).ok_or_else(|| format!("VNI {number} is out of range: expected 1 to 16777215"))
    }
}

impl From<Vni> for u32 {
    fn from(vni: Vni) -> Self {
        vni.0
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vni {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overhead_is_the_sum_of_the_headers() {
        let v4: IpAddr = "10.0.0.1".parse().unwrap();
        let v6: IpAddr = "fd00::1".parse().unwrap();
        assert_eq!(Encapsulation::Vxlan.overhead(v4), 50);
        assert_eq!(Encapsulation::Geneve.overhead(v4), 50);
        assert_eq!(Encapsulation::Gre.overhead(v4), 42);
        assert_eq!(Encapsulation::Vxlan.overhead(v6), 70);
    }

    #[test]
    fn a_vni_has_24_bits_and_is_not_zero() {
        assert_eq!(Vni::new(0), None);
        assert_eq!(Vni::new(1 << 24), None);
        assert_eq!(Vni::MAX.next(), None);
    }
}
