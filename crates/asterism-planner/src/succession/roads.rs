//! What the hosts' BFD says of the tunnels that a motion is about.
//!
//! Only hosts that can tell are asked, and only those that have a choice: one that does not answer, is dead, or cannot have
//! the network's bridge holds nothing up, and one with a single uplink has nowhere else to go.

use asterism_model::{BfdState, Host, HostId, PrivateNetwork, Topology, Uplinks};

use crate::{elect::Ballot, links::Fabric, members::Members};

/// The tunnels of one network.
pub(super) struct Roads<'a> {
    pub ballot: Ballot<'a>,
    pub members: &'a Members<'a>,
    pub network: &'a PrivateNetwork,
    pub topology: &'a Topology,
}

impl Roads<'_> {
    fn fabric(&self) -> Fabric<'_> {
        Fabric::with(self.members, self.network, self.topology)
    }

    fn link(&self, host: HostId, peer: HostId) -> Option<BfdState> {
        self.ballot.evidence.link(self.network.id, host, peer)
    }

    /// Whether both ends say that the tunnel is up and may be used.
    pub fn is_up(&self, one: HostId, other: HostId) -> bool {
        [self.link(one, other), self.link(other, one)] == [Some(BfdState::Up); 2]
    }

    /// Whether the tunnel lives, be it drained or not.
    fn lives(&self, one: HostId, other: HostId) -> bool {
        let lives = |state| matches!(state, Some(BfdState::Up | BfdState::Drained));
        lives(self.link(one, other)) && lives(self.link(other, one))
    }

    /// Whether the host can say what it does with the network's frames.
    fn can_tell(&self, host: HostId) -> bool {
        self.ballot.evidence.answers(host) && self.ballot.failure(host).is_none()
    }

    /// Whether the host can tell, and has more than one uplink to choose from.
    fn has_choice(&self, host: HostId) -> bool {
        let has_bonds = |host: &Host| host.uplinks == Uplinks::Several;
        self.members.get(host).is_some_and(has_bonds) && self.can_tell(host)
    }

    /// Of a standby that shall become center, the peers to which its tunnels don't work yet: those below it, those that it
    /// will lead up to, and the center itself, which will lead up to it.
    pub fn not_ready(&self, standby: &Host, center: HostId) -> Vec<HostId> {
        let fabric = self.fabric();
        let below = fabric.downlinks(standby).into_iter().filter(|peer| self.has_choice(*peer));
        let above =
            fabric.uplinks(standby).into_iter().filter(|peer| *peer != center && self.can_tell(*peer));
        let mut missing: Vec<HostId> =
            below.chain(above).filter(|peer| !self.is_up(standby.id, *peer)).collect();
        let is_below = fabric.uplinks(standby).contains(&center);
        if is_below && self.can_tell(center) && !self.lives(standby.id, center) {
            missing.push(center);
        }
        missing
    }

    /// The hosts below that have no other way up.
    pub fn without_other_way(&self, host: &Host) -> Vec<HostId> {
        let fabric = self.fabric();
        let has_other = |below: &Host| {
            let others = fabric.uplinks(below).into_iter().filter(|uplink| *uplink != host.id);
            others.into_iter().any(|uplink| self.is_up(below.id, uplink))
        };
        let below = fabric.downlinks(host).into_iter().filter(|below| self.has_choice(*below));
        below.filter(|below| !self.members.get(*below).is_some_and(has_other)).collect()
    }

    /// Of the hosts below that will be told to leave, those that would still drop what comes over the host when they have
    /// left.
    pub fn not_open(&self, host: &Host) -> Vec<HostId> {
        let fabric = self.fabric();
        let will_open = |below: &HostId| self.members.get(*below).is_some_and(|below| fabric.is_open(below));
        let below = fabric.downlinks(host).into_iter().filter(|below| self.has_choice(*below));
        below
            .filter(|below| will_open(below) && self.ballot.evidence.is_closed(self.network.id, *below))
            .collect()
    }

    /// Of the hosts below that were told to leave, those that may still forward over it.
    pub fn not_gone(&self, host: &Host) -> Vec<HostId> {
        let fabric = self.fabric();
        let is_told = |below: &HostId| fabric.is_drained(host, *below) && self.has_choice(*below);
        let below = fabric.downlinks(host).into_iter().filter(is_told);
        // An open bond turns a moment after the tunnel has told it to.
        let sends = |below: HostId| self.ballot.evidence.sends_by(self.network.id, below, host.id);
        below.filter(|below| self.link(*below, host.id) == Some(BfdState::Up) || sends(*below)).collect()
    }

    /// Of the heads of another pool that shall become pool-center, one of the tunnels that don't work yet between them and
    /// heads of all other pools, the middle to be joined to the next among them.
    pub fn next_pool_not_ready(
        &self,
        heads: [Option<&Host>; 2],
        root: HostId,
    ) -> Option<(HostId, Vec<HostId>)> {
        let fabric = self.fabric();
        for head in heads.into_iter().flatten() {
            let is_other = |peer: &HostId| self.members.get(*peer).is_some_and(|peer| peer.pool != head.pool);
            let below = fabric.downlinks(head).into_iter().filter(is_other);
            let mut missing: Vec<HostId> =
                below.filter(|peer| self.has_choice(*peer) && !self.is_up(head.id, *peer)).collect();
            let is_center = heads[0].is_some_and(|center| center.id == head.id);
            if is_center && self.can_tell(root) && !self.is_up(head.id, root) {
                missing.push(root);
            }
            if !missing.is_empty() {
                return Some((head.id, missing));
            }
        }
        None
    }

    /// Whether a star-center that lives has lost all of its ways toward the root for a while, and its standby has not.
    /// `Err` says when it is so at the earliest.
    pub fn is_cut_off(&self, center: &Host, standby: &Host) -> Result<bool, crate::Tick> {
        let (fabric, evidence) = (self.fabric(), self.ballot.evidence);
        let uplinks = fabric.uplinks(center);
        let lost: Option<Vec<crate::Tick>> =
            uplinks.iter().map(|uplink| evidence.lost_since(center.id, *uplink)).collect();
        let Some(last) = lost.and_then(|lost| lost.into_iter().max()) else { return Ok(false) };
        let of_standby = fabric.uplinks(standby).into_iter().filter(|uplink| *uplink != center.id);
        if !of_standby.into_iter().any(|uplink| evidence.is_joined(standby.id, uplink)) {
            return Ok(false);
        }
        let from = last + self.ballot.graces.fabric;
        if self.ballot.now >= from { Ok(true) } else { Err(from) }
    }
}
