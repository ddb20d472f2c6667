//! What one host shall have: the consequence of the choices, derived, stored nowhere.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{Datapath, Encapsulation, HostId, NetworkId, Vni};

/// The key in `external_ids` of Bridge, Port and Interface that makes a row ours; its value is the network's id.
pub const NETWORK_KEY: &str = "asterism-network";

/// All bridges and tunnels that Asterism wants on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTarget {
    pub host: HostId,
    /// The revision of the state that this was derived from; it goes into the fence.
    pub revision: u64,
    pub bridges: BTreeMap<NetworkId, TargetBridge>,
}

/// A network's private bridge on one host (schema: `Bridge`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBridge {
    /// See [`bridge_name`].
    pub name: String,
    pub network: NetworkId,
    pub datapath: Datapath,
    /// In bytes, for the bridge's own port (schema: `Interface.mtu_request`).
    pub mtu: u16,
    /// By name.
    pub ports: BTreeMap<String, TargetPort>,
}

/// A port of a private bridge: a plain one with one tunnel, or an active-backup bond of several (schema: `Port`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPort {
    pub name: String,
    /// Toward the root or away from it.
    pub role: PortRole,
    /// Never empty; by preference, the active one first.
    pub tunnels: Vec<Tunnel>,
}

/// Which way a port leads.
///
/// It stands in the port's row, as `Port.protected`, for its one effect: the switch forgets the addresses that it has
/// learned on a port when that column changes. A host that becomes center keeps its tunnel to the old one, but what it
/// learned there is wrong from then on; if the old center is dead, its VMs' frames would go on into nothing until the
/// addresses age. Protected ports don't forward to one another, which means nothing here: a bridge has one uplink port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRole {
    Uplink,
    Downlink,
}

impl PortRole {
    /// The value of `Port.protected`.
    pub fn is_protected(self) -> bool {
        match self {
            Self::Uplink => true,
            Self::Downlink => false,
        }
    }
}

/// One end of a tunnel between two hosts (schema: `Interface`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// See [`tunnel_name`].
    pub name: String,
    pub peer: HostId,
    pub encapsulation: Encapsulation,
    /// `options:local_ip`.
    pub local_ip: IpAddr,
    /// `options:remote_ip`; frames from any other address are not taken.
    pub remote_ip: IpAddr,
    /// `options:key`.
    pub key: Vni,
    pub bfd: Bfd,
}

/// Bidirectional forwarding detection on a tunnel (RFC 5880; schema: `Interface.bfd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bfd {
    /// Both `min_tx` and `min_rx`, in milliseconds. A peer counts as down after three intervals without a word.
    pub interval_ms: u32,
}

impl Bfd {
    /// The column's content.
    pub fn to_column(self) -> BTreeMap<String, String> {
        let interval = self.interval_ms.to_string();
        [("enable", "true"), ("min_rx", interval.as_str()), ("min_tx", interval.as_str())]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

impl Tunnel {
    /// The content of `Interface.options`.
    pub fn to_options(&self) -> BTreeMap<String, String> {
        [
            ("key", self.key.to_string()),
            ("local_ip", self.local_ip.to_string()),
            ("remote_ip", self.remote_ip.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

/// The name of a network's bridge: `ast` and the network's id in base 36. At most 10 of the 15 bytes that Linux allows.
pub fn bridge_name(network: NetworkId) -> String {
    format!("ast{}", base36(network.0))
}

/// The name of the port and interface of a network's tunnel to `peer`: at most 13 of the 15 bytes that Linux allows,
/// since `apply` gives out no id above [`MAX_ID`].
///
/// It is a function of network and peer, so that work done twice fails by its name.
pub fn tunnel_name(network: NetworkId, peer: HostId) -> String {
    format!("{}{}", tunnel_name_prefix(network), base36(peer.0))
}

/// The peer whose tunnel of `network` bears that name: the inverse of [`tunnel_name`].
pub fn tunnel_peer(network: NetworkId, name: &str) -> Option<HostId> {
    let digits = name.strip_prefix(&tunnel_name_prefix(network))?;
    let peer = u32::from_str_radix(digits, 36).ok().map(HostId)?;
    // One spelling each: no sign, no leading zeros, no capitals.
    (tunnel_name(network, peer) == name).then_some(peer)
}

/// The greatest id of networks and hosts: five digits in base 36, two of which and `at-` stay below 15 bytes.
pub const MAX_ID: u32 = 36_u32.pow(5) - 1;

fn tunnel_name_prefix(network: NetworkId) -> String {
    format!("at{}-", base36(network.0))
}

fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = char::from_digit(number % 36, 36).expect("a remainder by 36 is a digit in base 36");
        digits.push(digit);
        number /= 36;
        if number == 0 {
            break;
        }
    }
    digits.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_linux_for_every_id_that_is_given_out() {
        assert_eq!(bridge_name(NetworkId(36)), "ast10");
        assert_eq!(tunnel_name(NetworkId(1), HostId(35)), "at1-z");
        assert!(tunnel_name(NetworkId(MAX_ID), HostId(MAX_ID)).len() <= 15);
        assert!(bridge_name(NetworkId(MAX_ID)).len() <= 15);
    }

    #[test]
    fn a_tunnels_name_tells_its_peer() {
        assert_eq!(tunnel_peer(NetworkId(1), "at1-z"), Some(HostId(35)));
        for other in ["at2-z", "at1-Z", "at1-0z", "at1-+z", "at1-", "vxlan0"] {
            assert_eq!(tunnel_peer(NetworkId(1), other), None, "{other}");
        }
    }
}
