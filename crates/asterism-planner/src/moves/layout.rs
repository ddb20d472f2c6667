//! Which tunnels of one host and network are in which port.

use std::{collections::BTreeMap, fmt};

use asterism_model::HostId;

/// The peers of a host's tunnels, parted by ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// By peer: the least of the peers that share its port, so that equal layouts are equal values.
    ports: BTreeMap<HostId, HostId>,
}

impl Layout {
    /// Adds a port with tunnels to these peers.
    pub fn add_port(&mut self, peers: impl IntoIterator<Item = HostId>) {
        let peers: Vec<HostId> = peers.into_iter().collect();
        let Some(first) = peers.iter().min().copied() else { return };
        self.ports.extend(peers.into_iter().map(|peer| (peer, first)));
    }

    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    pub fn contains(&self, peer: HostId) -> bool {
        self.ports.contains_key(&peer)
    }

    pub fn peers(&self) -> impl Iterator<Item = HostId> {
        self.ports.keys().copied()
    }

    /// The port that has the tunnel to `peer`, by the least of its peers.
    pub fn port_of(&self, peer: HostId) -> Option<HostId> {
        self.ports.get(&peer).copied()
    }

    /// All peers with their ports.
    pub fn entries(&self) -> impl Iterator<Item = (HostId, HostId)> {
        self.ports.iter().map(|(peer, port)| (*peer, *port))
    }

    /// Whether frames may pass from the tunnel to one to the tunnel to the other: both are there, in two ports.
    pub fn separates(&self, one: HostId, other: HostId) -> bool {
        match (self.port_of(one), self.port_of(other)) {
            (Some(one), Some(other)) => one != other,
            (Some(_) | None, None) | (None, Some(_)) => false,
        }
    }
}

/// For eyes: the peers of each port.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ports: BTreeMap<HostId, Vec<String>> = BTreeMap::new();
        for (peer, port) in self.entries() {
            ports.entry(port).or_default().push(peer.to_string());
        }
        let ports: Vec<String> = ports.into_values().map(|peers| peers.join("+")).collect();
        f.write_str(&ports.join(" "))
    }
}

impl<P: IntoIterator<Item = HostId>> FromIterator<P> for Layout {
    fn from_iter<I: IntoIterator<Item = P>>(ports: I) -> Self {
        let mut layout = Self::default();
        for port in ports {
            layout.add_port(port);
        }
        layout
    }
}
