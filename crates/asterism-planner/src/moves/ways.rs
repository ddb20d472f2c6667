//! Which ways lead from a host back to itself, over links that are possible and hosts that may pass frames on.
//!
//! A way may go through a host more than once, which a ring does not: that errs on the safe side.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{HostId, NetworkId};

use super::{Layout, Ledger};

/// The ways around one host in one network.
pub(super) struct Ways<'a> {
    pub ledger: &'a Ledger,
    pub network: NetworkId,
    pub host: HostId,
    /// The peers that may have a tunnel to the host, which wants one to them.
    pub live: &'a BTreeSet<HostId>,
}

impl Ways<'_> {
    /// The peers over which a way comes back that has left to `peer`.
    pub fn back_from(&self, peer: HostId) -> BTreeSet<HostId> {
        let mut back = BTreeSet::new();
        self.walk([(peer, peer)], |from, _| {
            back.insert(from);
        });
        back
    }

    /// Whether a way that has left to one of the live peers may come back over another port of `wanted`.
    pub fn come_back_elsewhere(&self, wanted: &Layout) -> bool {
        let mut found = false;
        let sources = self.live.iter().filter_map(|peer| Some((*peer, wanted.port_of(*peer)?)));
        self.walk(sources, |from, label| {
            found |= wanted.port_of(from).is_some_and(|port| port != label);
        });
        found
    }

    /// Walks from the host to each source, as far as any way leads, and tells each return with the label of a source that
    /// it came from. Of many labels two are told: whoever looks for another one than his own finds it.
    fn walk(
        &self,
        sources: impl IntoIterator<Item = (HostId, HostId)>,
        mut on_return: impl FnMut(HostId, HostId),
    ) {
        let mut arcs = Arcs::default();
        for (peer, label) in sources {
            arcs.add(self.host, peer, label);
        }
        let mut passed: BTreeMap<(HostId, usize), Vec<Passage>> = BTreeMap::new();
        let mut unknown: BTreeSet<HostId> = BTreeSet::new();
        while let Some((from, to, label)) = arcs.open.pop() {
            if to == self.host {
                on_return(from, label);
                continue;
            }
            if !self.ledger.is_known(to) {
                // All hosts of which nothing is known are one: any two may be linked, and each to whoever has a tunnel to it.
                if unknown.len() < 2 && unknown.insert(label) {
                    self.leave_unknown(label, &mut arcs);
                }
                continue;
            }
            for (number, layout) in self.ledger.layouts(self.network, to).iter().enumerate() {
                let Some(entry) = layout.port_of(from) else { continue };
                let passages = passed.entry((to, number)).or_default();
                for exit in Passage::exits(passages, label, entry, layout) {
                    // The host's own end is what is asked about.
                    if exit == self.host || self.ledger.may_have(self.network, exit, to) {
                        arcs.add(to, exit, label);
                    }
                }
            }
        }
    }

    fn leave_unknown(&self, label: HostId, arcs: &mut Arcs) {
        let is_unknown = |peer: &HostId| !self.ledger.is_known(*peer);
        for peer in self.live.iter().copied().filter(is_unknown) {
            arcs.add(peer, self.host, label);
        }
        let Some(holdings) = self.ledger.networks.get(&self.network) else { return };
        for (host, layouts) in holdings.iter().filter(|(host, _)| **host != self.host) {
            for peer in layouts.iter().flat_map(Layout::peers).filter(is_unknown) {
                arcs.add(peer, *host, label);
            }
        }
    }
}

/// Steps from one host to another, with the labels that came that way: two of them at most.
#[derive(Default)]
struct Arcs {
    labels: BTreeMap<(HostId, HostId), Vec<HostId>>,
    open: Vec<(HostId, HostId, HostId)>,
}

impl Arcs {
    fn add(&mut self, from: HostId, to: HostId, label: HostId) {
        let known = self.labels.entry((from, to)).or_default();
        if known.len() < 2 && !known.contains(&label) {
            known.push(label);
            self.open.push((from, to, label));
        }
    }
}

/// A label that has come into a host, by one port only as yet, or by several.
struct Passage {
    label: HostId,
    /// The port that it has not gone out by: the one that it came in by.
    left_out: Option<HostId>,
}

impl Passage {
    /// The peers to which a label goes on that comes in by a port, those left out to which it has gone before; and those to
    /// which two others have.
    fn exits(passages: &mut Vec<Self>, label: HostId, entry: HostId, layout: &Layout) -> Vec<HostId> {
        let of_port =
            |port: HostId| layout.entries().filter(move |(_, its)| *its == port).map(|(peer, _)| peer);
        if let Some(known) = passages.iter_mut().find(|passage| passage.label == label) {
            return match known.left_out.filter(|port| *port != entry) {
                Some(port) => {
                    known.left_out = None;
                    of_port(port).collect()
                }
                None => Vec::new(),
            };
        }
        if passages.len() < 2 {
            passages.push(Self { label, left_out: Some(entry) });
            return layout.entries().filter(|(_, port)| *port != entry).map(|(peer, _)| peer).collect();
        }
        // A third goes only where fewer than two have gone.
        let ports: BTreeSet<HostId> = passages.iter().filter_map(|passage| passage.left_out).collect();
        ports.into_iter().filter(|port| *port != entry).flat_map(of_port).collect()
    }
}
