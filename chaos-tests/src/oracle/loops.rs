//! The links in use close no ring, so that no frame comes twice; and no ring of tunnels is laid either, whichever of their
//! hosts are alive.
//!
//! A database that was put back to an earlier one may hold anything: until a leader has brought it to its target, rings
//! through it are nobody's fault.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{NetworkId, RowUuid};

use crate::sim::{
    Breakage,
    fabric::{Groups, Place},
    world::World,
};

/// How frames may go from tunnel to tunnel in one network: by machine and interface, the port and the other end.
type Laid = BTreeMap<usize, Vec<(RowUuid, Place)>>;

impl World {
    /// After anything that the switches noticed.
    pub fn judge_fabric(&mut self) {
        let verdict = self.networks_are_apart();
        self.judge("isolation", verdict);
        let verdict = self.no_frame_comes_twice();
        self.judge("loops", verdict);
    }

    /// A broadcast goes over each link in use once: it comes twice somewhere exactly if these links close a ring.
    fn no_frame_comes_twice(&self) -> Result<(), String> {
        let mut groups: Groups<(NetworkId, usize)> = Groups::new();
        for (one, other) in self.fabric.links_in_use(self.broken == Some(Breakage::BondsIgnored)) {
            let Some(end) = self.fabric.ends.get(&one) else { continue };
            let network = end.network;
            if !groups.join((network, one.0), (network, other.0)) && !self.is_anybody_restored(network) {
                let (from, to) = (&self.machines[one.0].label, &self.machines[other.0].label);
                return Err(format!(
                    "a broadcast of {network} comes twice: {from}-{to} closes a ring of links in use"
                ));
            }
        }
        Ok(())
    }

    fn is_anybody_restored(&self, network: NetworkId) -> bool {
        let its = self.fabric.ends.iter().filter(|(_, end)| end.network == network);
        its.into_iter().any(|((machine, _), _)| self.machines[*machine].is_restored)
    }

    /// No ring of tunnels with both their ends leads through a machine, from one port to another on each host.
    ///
    /// # Errors
    /// There is one.
    pub fn no_ring_is_laid_through(&self, machine: usize) -> Result<(), String> {
        let networks: BTreeSet<NetworkId> = self
            .fabric
            .ends
            .iter()
            .filter(|((of, _), _)| *of == machine)
            .map(|(_, end)| end.network)
            .collect();
        for network in networks {
            let laid = self.laid(network);
            for (port, next) in laid.get(&machine).into_iter().flatten() {
                let mut way = vec![machine];
                if comes_back(&laid, machine, *port, *next, &mut way) && !self.is_anybody_restored(network) {
                    let names: Vec<String> =
                        way.iter().map(|machine| self.machines[*machine].label.to_string()).collect();
                    return Err(format!("tunnels of {network} make a ring: {}", names.join(" - ")));
                }
            }
        }
        Ok(())
    }

    fn laid(&self, network: NetworkId) -> Laid {
        let mut laid = Laid::new();
        for ((machine, _), end) in self.fabric.ends.iter().filter(|(_, end)| end.network == network) {
            if let Some(peer) = end.peer {
                laid.entry(*machine).or_default().push((end.port, peer));
            }
        }
        laid
    }
}

/// Whether a frame that left `first` by `first_port` and comes in at `place` may come back to another port of it.
fn comes_back(laid: &Laid, first: usize, first_port: RowUuid, place: Place, way: &mut Vec<usize>) -> bool {
    let (machine, _) = place;
    let before = *way.last().expect("a way has a beginning");
    if machine == first {
        // In by the port that it left by is no ring.
        let port = laid
            .get(&first)
            .into_iter()
            .flatten()
            .find(|(_, (far, _))| *far == before)
            .map(|(port, _)| *port);
        return way.len() > 2 && port.is_some_and(|port| port != first_port);
    }
    if way.contains(&machine) {
        return false;
    }
    let exits = laid.get(&machine).into_iter().flatten();
    let Some(entry) = exits.clone().find(|(_, (far, _))| *far == before).map(|(port, _)| *port) else {
        return false;
    };
    way.push(machine);
    for (_, next) in exits.filter(|(port, _)| *port != entry) {
        if comes_back(laid, first, first_port, *next, way) {
            return true;
        }
    }
    way.pop();
    false
}
