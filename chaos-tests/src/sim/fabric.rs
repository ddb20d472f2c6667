//! What the switches do by themselves: tunnels that match at both ends, BFD, bonds. Nobody has to decide anything for it.
//!
//! A tunnel's two ends find one another by type, key and addresses, as on the wire, and not by what we call them. A plain
//! port forwards whatever BFD says; of a bond's members one is in use, and frames that arrive on another are dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use asterism_model::{BfdState, Encapsulation, NetworkId, RowUuid};

use super::{
    Breakage,
    machine::Machine,
    world::{Happening, World},
};

/// A place of a tunnel: a machine and the interface's row.
pub type Place = (usize, RowUuid);

/// All tunnels' ends, and which bond's member is in use.
#[derive(Default)]
pub struct Fabric {
    pub ends: BTreeMap<Place, End>,
    /// By machine and port.
    active: BTreeMap<Place, RowUuid>,
}

/// One end of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub network: NetworkId,
    /// The port that has it.
    pub port: RowUuid,
    /// Whether that has others besides.
    pub is_bonded: bool,
    wire: Wire,
    interval_ms: u64,
    is_draining: bool,
    /// The interface that matches at the other end, if one does.
    pub peer: Option<Place>,
    /// Whether frames pass now.
    pub is_live: bool,
    said: BfdState,
    was_up: bool,
    /// Counts what BFD is about to say; a change before that takes it back.
    turn: u64,
    coming: BfdState,
}

/// By what ends match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wire {
    kind: Option<Encapsulation>,
    key: Option<u32>,
    local: Option<IpAddr>,
    remote: Option<IpAddr>,
}

impl Wire {
    fn seen_from_there(self) -> Self {
        Self { local: self.remote, remote: self.local, ..self }
    }
}

impl Fabric {
    pub fn bfd_state(&self, machine: usize, row: RowUuid) -> BfdState {
        self.ends.get(&(machine, row)).map_or(BfdState::Unknown, |end| end.said)
    }

    /// Whether it is the one that its bond forwards over.
    pub fn is_active(&self, machine: usize, row: RowUuid) -> bool {
        self.ends.get(&(machine, row)).is_some_and(|end| self.active.get(&(machine, end.port)) == Some(&row))
    }

    /// A switch that starts forgets what it said.
    pub fn forget(&mut self, machine: usize) {
        self.ends.retain(|(of, _), _| *of != machine);
        self.active.retain(|(of, _), _| *of != machine);
    }

    /// Whether the end takes frames and sends them.
    fn is_used(&self, place: Place) -> bool {
        self.ends
            .get(&place)
            .is_some_and(|end| !end.is_bonded || self.active.get(&(place.0, end.port)) == Some(&place.1))
    }

    /// The links over which a broadcast goes, each once.
    pub fn links_in_use(&self, all_members: bool) -> impl Iterator<Item = (Place, Place)> {
        self.ends.iter().filter_map(move |(place, end)| {
            let peer = end.peer.filter(|peer| end.is_live && *place < *peer)?;
            (all_members || self.is_used(*place) && self.is_used(peer)).then_some((*place, peer))
        })
    }
}

impl World {
    /// Looks at all tunnels anew, after rows, power or ways have changed.
    pub fn rewire(&mut self) {
        let mut wires: BTreeMap<(usize, Wire), RowUuid> = BTreeMap::new();
        let mut ends: BTreeMap<Place, End> = BTreeMap::new();
        for (number, machine) in self.machines.iter().enumerate() {
            survey(number, machine, &mut ends);
        }
        let ignores_keys = self.broken == Some(Breakage::KeysIgnored);
        for ((machine, row), end) in &mut ends {
            if ignores_keys {
                end.wire.key = None;
            }
            wires.insert((*machine, end.wire), *row);
        }
        let owners: BTreeMap<Option<IpAddr>, usize> =
            self.machines.iter().enumerate().map(|(number, it)| (Some(it.address.into()), number)).collect();
        for ((machine, _), end) in &mut ends {
            let Some(far) = owners.get(&end.wire.remote) else { continue };
            let is_its_own = owners.get(&end.wire.local) == Some(machine);
            let there = wires.get(&(*far, end.wire.seen_from_there())).filter(|_| is_its_own);
            end.peer = there.map(|row| (*far, *row));
            end.is_live = end.peer.is_some() && self.passes(*machine, *far);
        }
        for (place, end) in &mut ends {
            let Some(known) = self.fabric.ends.get(place) else { continue };
            (end.said, end.was_up, end.turn, end.coming) =
                (known.said, known.was_up, known.turn, known.coming);
        }
        self.fabric.ends = ends;
        self.expect_turns();
        self.follow_bonds();
        self.judge_fabric();
    }

    /// Whether frames pass between two machines, which both forward.
    fn passes(&self, one: usize, other: usize) -> bool {
        let carries = |machine: &Machine| machine.switches() && machine.cut.is_empty();
        let is_cut =
            self.cut_links.get(&(one.min(other), one.max(other))).is_some_and(|cuts| !cuts.is_empty());
        carries(&self.machines[one]) && carries(&self.machines[other]) && !is_cut
    }

    /// BFD notices after some of its intervals.
    fn expect_turns(&mut self) {
        let places: Vec<Place> = self.fabric.ends.keys().copied().collect();
        for place in places {
            let Some(end) = self.fabric.ends.get(&place) else { continue };
            let is_drained =
                end.peer.and_then(|peer| self.fabric.ends.get(&peer)).is_some_and(|far| far.is_draining);
            let should = match (end.is_live, is_drained) {
                (true, false) => BfdState::Up,
                (true, true) => BfdState::Drained,
                (false, _) if end.was_up => BfdState::Down,
                (false, _) => BfdState::Unknown,
            };
            if should == end.coming || !self.machines[place.0].switches() {
                continue;
            }
            let (interval, said) = (end.interval_ms, end.said);
            let delay = match should {
                BfdState::Down | BfdState::Unknown => self.dice.network.millis(interval * 2, interval * 4),
                BfdState::Up | BfdState::Drained => self.dice.network.millis(interval, interval * 3),
            };
            let Some(end) = self.fabric.ends.get_mut(&place) else { continue };
            end.coming = should;
            end.turn += 1;
            if should != said {
                let turn = end.turn;
                self.later(delay, Happening::BfdTurns(place, turn));
            }
        }
    }

    /// BFD says something else.
    pub fn bfd_turns(&mut self, place: Place, turn: u64) {
        let Some(end) = self.fabric.ends.get_mut(&place).filter(|end| end.turn == turn) else { return };
        if !self.machines[place.0].switches() {
            // Goes on when its machine does.
            end.coming = end.said;
            return;
        }
        end.said = end.coming;
        end.was_up |= matches!(end.said, BfdState::Up | BfdState::Drained);
        self.trace.note(
            self.now,
            format_args!("bfd {} {} {:?}", self.machines[place.0].label, end.network, end.said),
        );
        self.tally.count("BFD changes");
        self.follow_bonds();
        self.changed(place.0);
        self.judge_fabric();
    }

    /// What bonds do: a member that is in use no longer is followed by another one that may be.
    fn follow_bonds(&mut self) {
        let mut bonds: BTreeMap<Place, Vec<(RowUuid, bool)>> = BTreeMap::new();
        for ((machine, row), end) in self.fabric.ends.iter().filter(|(_, end)| end.is_bonded) {
            bonds.entry((*machine, end.port)).or_default().push((*row, end.said == BfdState::Up));
        }
        let mut changed: BTreeSet<usize> = BTreeSet::new();
        self.fabric.active.retain(|bond, _| bonds.contains_key(bond));
        for (bond, members) in bonds {
            if !self.machines[bond.0].switches() {
                continue;
            }
            let known = self.fabric.active.get(&bond).copied();
            if members.iter().any(|(row, is_up)| Some(*row) == known && *is_up) {
                continue;
            }
            let up: Vec<RowUuid> = members.iter().filter(|(_, is_up)| *is_up).map(|(row, _)| *row).collect();
            let next = self.dice.network.pick(&up);
            if next != known {
                changed.insert(bond.0);
                self.tally.count("bonds turned");
                match next {
                    Some(next) => self.fabric.active.insert(bond, next),
                    None => self.fabric.active.remove(&bond),
                };
            }
        }
        for machine in changed {
            self.changed(machine);
        }
    }
}

/// The ends of a machine's rows, not matched yet.
fn survey(number: usize, machine: &Machine, ends: &mut BTreeMap<Place, End>) {
    for bridge in machine.db.rows.bridges.values() {
        let Some(network) = bridge.network else { continue };
        for (port_row, port) in &bridge.ports {
            for (row, interface) in &port.interfaces {
                let option = |key: &str| interface.options.get(key).map(String::as_str).unwrap_or_default();
                let interval = interface.bfd.get("min_tx").and_then(|text| text.parse().ok());
                let end = End {
                    network,
                    port: *port_row,
                    is_bonded: port.interfaces.len() > 1,
                    wire: Wire {
                        kind: interface.kind.parse().ok(),
                        key: option("key").parse().ok(),
                        local: option("local_ip").parse().ok(),
                        remote: option("remote_ip").parse().ok(),
                    },
                    interval_ms: interval.unwrap_or(100),
                    is_draining: interface.bfd.get("cpath_down").is_some_and(|value| value == "true"),
                    peer: None,
                    is_live: false,
                    said: BfdState::Unknown,
                    was_up: false,
                    turn: 0,
                    coming: BfdState::Unknown,
                };
                ends.insert((number, *row), end);
            }
        }
    }
}

/// Which of some things are joined.
#[derive(Default)]
pub struct Groups<K>(BTreeMap<K, K>);

impl<K: Copy + Ord> Groups<K> {
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub fn find(&self, of: K) -> K {
        let mut at = of;
        while let Some(parent) = self.0.get(&at) {
            at = *parent;
        }
        at
    }

    /// Whether they were not joined yet.
    pub fn join(&mut self, one: K, other: K) -> bool {
        let (one, other) = (self.find(one), self.find(other));
        one != other && self.0.insert(one, other).is_none()
    }
}
