//! What one host shall have: the consequence of the choices, derived, stored nowhere.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Write as _},
    net::IpAddr,
};

use crate::{Datapath, Encapsulation, HostId, NetworkId, Vni, XapiUuid};

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
    /// See [`bridge_name`]; an adopted one has the name that its pool gave it.
    pub name: String,
    pub network: NetworkId,
    pub owner: BridgeOwner,
    /// Set if, and only if, the owner is [`BridgeOwner::Adopted`].
    pub adoption: Option<BridgeAdoption>,
    pub datapath: Datapath,
    /// In bytes, for the bridge's own port (schema: `Interface.mtu_request`).
    pub mtu: u16,
    /// By name.
    pub ports: BTreeMap<String, TargetPort>,
}

/// Who makes and removes a network's bridge on a host. The tunnel ports in it are ours in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeOwner {
    /// Asterism: the row carries [`NETWORK_KEY`].
    Ours,
    /// The host's pool, whose XAPI plugs the network there: the row carries [`POOL_KEY`].
    Pool,
    /// The host's pool, under a name of its own: the row carries [`POOL_KEY`], and [`NETWORK_KEY`] since it was adopted.
    Adopted,
}

/// What an adopted bridge is known by, and what is to be done with what the plugin left on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeAdoption {
    /// `network.uuid` in the pool's XAPI: one of those in [`POOL_KEY`].
    pub uuid: XapiUuid,
    /// The plugin's uuid of the private network.
    pub plugin: XapiUuid,
    /// Ports are given the plugin's marks back, and then all of ours are taken away.
    pub is_releasing: bool,
    /// All of the host's tunnels, those included that must wait for other hosts: the plugin's ports that hold one of these
    /// are taken over or left alone, and others removed.
    pub tunnels: Vec<Tunnel>,
}

/// The key in `external_ids` of Bridge by which a pool's hosts mark the bridges that they make.
pub const POOL_KEY: &str = "xs-network-uuids";

/// A port of a private bridge: a plain one with one tunnel, or an active-backup bond of several (schema: `Port`). A bridge
/// has one uplink port at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPort {
    /// What it is called if it has to be made; a port that is there is known by its tunnels.
    pub name: String,
    /// Toward the root or away from it.
    pub role: PortRole,
    /// Never empty; by preference, the active one first.
    pub tunnels: Vec<Tunnel>,
    /// Whether a bond takes what still comes over the members that it does not use: [`BondMode::Open`], else
    /// [`BondMode::Backup`].
    pub is_open: bool,
}

/// What a bond takes, and what it sends by.
///
/// When a bond turns to another member, the hosts above go on to send to the one before until they have learned; an
/// active-backup bond drops that. Before hosts are told to leave one above them, their bonds are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BondMode {
    /// Sends and takes by the active member alone: `bond_mode` is `active-backup`, and `lacp` is off.
    Backup,
    /// The same, and `lacp` is `passive` and `other_config:lacp-fallback-ab` set: a switch whose peer speaks no LACP goes on
    /// as before. A bond is made ready before it is opened, since one that did both at once might send by any member until
    /// it has begun with LACP.
    Ready,
    /// Sends, and takes what is for many, by the active member; takes what is for one address from any: as ready, but
    /// `bond_mode` is `balance-slb`, and decides about nothing but what is taken (ovs-vswitchd.conf.db(5), "Bonding
    /// Configuration"). What it has seen come from below is not taken from above.
    Open,
    /// Anything else: it may send by all members at once, or by none.
    Other,
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
    /// `cpath_down`: tells the peer that frames are not to be sent this way, while the session stays up.
    pub is_drained: bool,
}

/// The key of `Interface.bfd` that drains a tunnel.
const CPATH_DOWN: &str = "cpath_down";

impl Bfd {
    /// The column's content.
    pub fn to_column(self) -> BTreeMap<String, String> {
        let mut column = to_column(self.pairs());
        if self.is_drained {
            column.insert(CPATH_DOWN.to_owned(), true.to_string());
        }
        column
    }

    /// Whether the column has just this content.
    pub fn is_shown_by(&self, column: &BTreeMap<String, String>) -> bool {
        let is_drained = column.get(CPATH_DOWN).is_some_and(|value| value == "true");
        let length = self.pairs().len() + usize::from(self.is_drained);
        is_drained == self.is_drained && column.len() == length && shows_all(column, self.pairs())
    }

    fn pairs(&self) -> [(&'static str, &dyn Display); 3] {
        [("enable", &true), ("min_rx", &self.interval_ms), ("min_tx", &self.interval_ms)]
    }
}

impl Tunnel {
    /// The content of `Interface.options`.
    pub fn to_options(&self) -> BTreeMap<String, String> {
        to_column(self.pairs())
    }

    /// Whether `Interface.options` has just this content.
    pub fn is_shown_by(&self, options: &BTreeMap<String, String>) -> bool {
        is_shown(options, self.pairs())
    }

    /// Whether `Interface.options` has this content, or all of it but the host's own address: so the plugin's tunnels are. An
    /// address that is added makes the switch build the tunnel anew, which costs a packet in flight.
    pub fn is_carried_by(&self, options: &BTreeMap<String, String>) -> bool {
        let pairs: [(&'static str, &dyn Display); 2] = [("key", &self.key), ("remote_ip", &self.remote_ip)];
        is_shown(options, pairs) || self.is_shown_by(options)
    }

    /// Whether these are a tunnel between the same ends, of the same kind and key: two such can't be on one host.
    pub fn is_at(&self, kind: &str, options: &BTreeMap<String, String>) -> bool {
        let pairs: [(&'static str, &dyn Display); 2] = [("key", &self.key), ("remote_ip", &self.remote_ip)];
        kind == self.encapsulation.as_str()
            && shows_all(options, pairs)
            && options.get("local_ip").is_none_or(|local| *local == self.local_ip.to_string())
    }

    fn pairs(&self) -> [(&'static str, &dyn Display); 3] {
        [("key", &self.key), ("local_ip", &self.local_ip), ("remote_ip", &self.remote_ip)]
    }
}

fn to_column<const N: usize>(pairs: [(&'static str, &dyn Display); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect()
}

/// Compares without making texts: a leader asks this of every tunnel of every host.
fn is_shown<const N: usize>(
    column: &BTreeMap<String, String>,
    pairs: [(&'static str, &dyn Display); N],
) -> bool {
    column.len() == N && shows_all(column, pairs)
}

fn shows_all<const N: usize>(
    column: &BTreeMap<String, String>,
    pairs: [(&'static str, &dyn Display); N],
) -> bool {
    pairs.into_iter().all(|(key, value)| {
        let mut left = column.get(key).map(|text| Left(text));
        left.as_mut().is_some_and(|left| write!(left, "{value}").is_ok() && left.0.is_empty())
    })
}

/// What is left of a text when what is written to it is taken off its front; an error where that does not stand there.
struct Left<'a>(&'a str);

impl fmt::Write for Left<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// The name of a network's bridge: `ast` and the network's id in base 36. At most 10 of the 15 bytes that Linux allows.
pub fn bridge_name(network: NetworkId) -> String {
    format!("ast{}", base36(network.0))
}

/// The network whose bridge bears that name: the inverse of [`bridge_name`].
pub fn bridge_network(name: &str) -> Option<NetworkId> {
    from_base36(name.strip_prefix("ast")?).map(NetworkId)
}

/// The name of the port and interface of a network's tunnel to `peer`: at most 13 of the 15 bytes that Linux allows,
/// since `apply` gives out no id above [`MAX_ID`].
///
/// It is a function of network and peer, so that work done twice fails by the interface's name.
pub fn tunnel_name(network: NetworkId, peer: HostId) -> String {
    format!("at{}-{}", base36(network.0), base36(peer.0))
}

/// What the port of a host's uplinks is called where it is made: `au` and the network's id in base 36. A port that turns its
/// direction in place keeps the name that it has.
pub fn uplink_name(network: NetworkId) -> String {
    format!("au{}", base36(network.0))
}

/// The peer whose tunnel of `network` bears that name: the inverse of [`tunnel_name`].
pub fn tunnel_peer(network: NetworkId, name: &str) -> Option<HostId> {
    let (its_network, peer) = name.strip_prefix("at")?.split_once('-')?;
    if from_base36(its_network)? != network.0 {
        return None;
    }
    from_base36(peer).map(HostId)
}

/// The greatest id of networks and hosts: five digits in base 36, two of which and `at-` stay below 15 bytes.
pub const MAX_ID: u32 = 36_u32.pow(5) - 1;

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

/// One spelling each: no sign, no leading zeros, no capitals.
fn from_base36(digits: &str) -> Option<u32> {
    let is_shortest = digits == "0" || !digits.starts_with('0');
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit() || digit.is_ascii_lowercase());
    if is_shortest && is_plain { u32::from_str_radix(digits, 36).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_linux_for_every_id_that_is_given_out() {
        assert_eq!(bridge_name(NetworkId(36)), "ast10");
        assert_eq!((bridge_network("ast10"), bridge_network("astro-")), (Some(NetworkId(36)), None));
        assert_eq!(tunnel_name(NetworkId(1), HostId(35)), "at1-z");
        assert!(tunnel_name(NetworkId(MAX_ID), HostId(MAX_ID)).len() <= 15);
        assert!(bridge_name(NetworkId(MAX_ID)).len() <= 15);
    }

    #[test]
    fn a_column_is_shown_by_its_own_content_alone() {
        let tunnel = Tunnel {
            name: tunnel_name(NetworkId(1), HostId(2)),
            peer: HostId(2),
            encapsulation: Encapsulation::Vxlan,
            local_ip: "10.0.0.1".parse().unwrap(),
            remote_ip: "fd00::2".parse().unwrap(),
            key: Vni::MAX,
            bfd: Bfd { interval_ms: 100, is_drained: false },
        };
        assert!(tunnel.is_shown_by(&tunnel.to_options()) && tunnel.bfd.is_shown_by(&tunnel.bfd.to_column()));
        for (key, text) in
            [("key", "167772"), ("key", "167772150"), ("remote_ip", "fd00::3"), ("csum", "true")]
        {
            let mut other = tunnel.to_options();
            other.insert(key.into(), text.into());
            assert!(!tunnel.is_shown_by(&other), "{key}={text}");
        }
        assert!(!tunnel.is_shown_by(&BTreeMap::new()));
    }

    #[test]
    fn a_tunnels_name_tells_its_peer() {
        assert_eq!(tunnel_peer(NetworkId(1), "at1-z"), Some(HostId(35)));
        for other in ["at2-z", "at1-Z", "at1-0z", "at1-+z", "at1-", "at01-z", "vxlan0"] {
            assert_eq!(tunnel_peer(NetworkId(1), other), None, "{other}");
        }
    }
}
