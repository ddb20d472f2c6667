//! Hosts: machines with an OVSDB and a switch, and what befalls them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use asterism_model::{
    BridgeOwner, Fence, HostDiff, HostId, HostRef, NetworkId, ObservedHost, Outcome, OvsdbEndpoint, RowUuid,
    StoredFence,
};
use asterism_planner::{Event, reconciler::ClaimOutcome};

use super::{
    Breakage,
    session::{Order, Work},
    world::World,
};
use crate::fake_host::{FakeHost, apply_diff, empty};

/// Where rows that the harness writes by hand begin; no other row of a machine is there.
const BY_HAND: u128 = 1 << 60;
/// How many earlier databases a machine may be put back to.
const BACKUPS: usize = 24;

/// One host.
pub struct Machine {
    pub label: HostRef,
    pub pool: usize,
    pub address: Ipv4Addr,
    pub db: FakeHost,
    /// Faults that keep it from power.
    pub off: BTreeSet<usize>,
    /// Faults that make its `ovsdb-server` hang.
    pub frozen: BTreeSet<usize>,
    /// Faults that make all of it hang.
    pub dark: BTreeSet<usize>,
    /// Faults that cut its management off: from one replica, or from all.
    pub deaf: BTreeMap<usize, Option<usize>>,
    /// Faults that cut its transport.
    pub cut: BTreeSet<usize>,
    pub slowed: BTreeSet<usize>,
    pub resets: BTreeSet<usize>,
    /// Counts the lives of its `ovsdb-server`.
    pub boot: u64,
    /// Orders that lie in its sockets while it hangs.
    pub backlog: Vec<u64>,
    backups: Vec<ObservedHost>,
    /// VMs by bridge: ports that are not ours.
    pub plugged: BTreeMap<String, usize>,
    /// Whether its database is an earlier one that no leader has brought to its target yet.
    pub is_restored: bool,
    last_by_hand: u128,
}

impl Machine {
    pub fn new(number: usize, label: HostRef, pool: usize, address: Ipv4Addr) -> Self {
        let id = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let mut db = FakeHost::new(HostId(id));
        db.rows.foreign_names.extend(["xenbr0".to_owned(), "eth0".to_owned()]);
        Self {
            label,
            pool,
            address,
            db,
            off: BTreeSet::new(),
            frozen: BTreeSet::new(),
            dark: BTreeSet::new(),
            deaf: BTreeMap::new(),
            cut: BTreeSet::new(),
            slowed: BTreeSet::new(),
            resets: BTreeSet::new(),
            boot: 1,
            backlog: Vec::new(),
            backups: Vec::new(),
            plugged: BTreeMap::new(),
            is_restored: false,
            last_by_hand: BY_HAND,
        }
    }

    pub fn endpoint(&self) -> OvsdbEndpoint {
        OvsdbEndpoint::Tcp(SocketAddr::new(IpAddr::V4(self.address), 6640))
    }

    pub fn is_on(&self) -> bool {
        self.off.is_empty()
    }

    /// Whether its `ovsdb-server` answers whom it hears.
    pub fn serves(&self) -> bool {
        self.is_on() && self.frozen.is_empty() && self.dark.is_empty()
    }

    /// Whether its switch forwards.
    pub fn switches(&self) -> bool {
        self.is_on() && self.dark.is_empty()
    }

    fn next_row(&mut self) -> RowUuid {
        self.last_by_hand += 1;
        RowUuid(self.last_by_hand)
    }
}

impl World {
    pub fn machine_at(&self, endpoint: &OvsdbEndpoint) -> Option<usize> {
        let (OvsdbEndpoint::Tcp(address) | OvsdbEndpoint::Ssl(address)) = endpoint else { return None };
        self.machines.iter().position(|machine| IpAddr::V4(machine.address) == address.ip())
    }

    /// Carries an order out, and has it judged.
    pub fn execute(&mut self, order: &Order) -> Event {
        let machine = order.machine;
        let host = order.host;
        let before = self.machines[machine].db.rows.clone();
        let (event, fence, what) = match &order.work {
            Work::Claim { root, fence } => {
                let outcome = self.claim(machine, *root, *fence);
                let what = format!("claim {host}: {outcome:?}");
                (Event::Claimed { host, fence: *fence, outcome }, *fence, what)
            }
            Work::Transact { stored, fence, diff } => {
                let outcome = self.transact(machine, *stored, *fence, diff);
                let what = format!("write {} rows of {host}: {outcome:?}", diff.len());
                (Event::Transacted { host, fence: *fence, outcome }, *fence, what)
            }
        };
        let after = &self.machines[machine].db.rows;
        self.trace
            .note(self.now, format_args!("c{} {}:{} {what}", order.replica + 1, fence.epoch, fence.revision));
        if before == *after {
            return event;
        }
        let has_rows = before.bridges != after.bridges;
        if has_rows {
            self.tally.count("transactions applied");
            self.rewire();
        }
        self.judge_write(order, &before, has_rows);
        self.forgive(machine, host);
        self.remember(machine, before);
        self.changed(machine);
        event
    }

    fn remember(&mut self, machine: usize, rows: ObservedHost) {
        let backups = &mut self.machines[machine].backups;
        backups.push(rows);
        if backups.len() > BACKUPS {
            backups.remove(0);
        }
    }

    fn claim(&mut self, machine: usize, root: RowUuid, fence: Fence) -> ClaimOutcome {
        let it = &mut self.machines[machine].db;
        if it.rows.root != root && self.broken != Some(Breakage::RootIgnored) {
            return ClaimOutcome::Unknown("its database is another one than was seen".into());
        }
        if self.broken == Some(Breakage::GuardIgnored) {
            it.edit(|rows| rows.fence = StoredFence::Present(fence));
            return ClaimOutcome::Claimed;
        }
        it.claim(fence)
    }

    fn transact(&mut self, machine: usize, stored: Fence, fence: Fence, diff: &HostDiff) -> Outcome {
        let it = &mut self.machines[machine];
        let mut diff = diff.clone();
        let mut fence = fence;
        match self.broken {
            Some(Breakage::GuardIgnored) => {
                let (rows, mut last) = (it.db.rows.clone(), it.next_row().0 + (1 << 50));
                return match apply_diff(&rows, &diff, &mut last) {
                    Ok(rows) => {
                        it.db.edit(|old| *old = ObservedHost { fence: StoredFence::Present(fence), ..rows });
                        Outcome::Applied
                    }
                    Err(why) => Outcome::Rejected(why),
                };
            }
            Some(Breakage::KeptPorts) => diff.remove_ports.clear(),
            Some(Breakage::WrongTunnels) => misdirect(&mut diff),
            Some(Breakage::FenceFalls) => fence.revision = fence.revision.max(stored.revision),
            _ => {}
        }
        if it.db.rows.fence != StoredFence::Present(stored) {
            self.tally.count("writes refused by the fence");
            return Outcome::Fenced;
        }
        let outcome = it.db.transact(fence, &diff);
        match (self.broken, &outcome) {
            (Some(Breakage::FenceFalls), Outcome::Applied) => it.db.edit(|rows| {
                let revision = fence.revision.saturating_sub(3);
                rows.fence = StoredFence::Present(Fence { revision, ..fence });
            }),
            (Some(Breakage::ForeignTouched), Outcome::Applied) => it.db.edit(|rows| {
                for bridge in rows.bridges.values_mut() {
                    bridge.foreign_ports = bridge.foreign_ports.saturating_sub(1);
                }
            }),
            _ => {}
        }
        outcome
    }

    /// What a session shows: the rows, and what the switch says of its tunnels.
    pub fn picture(&self, machine: usize) -> ObservedHost {
        let mut rows = self.machines[machine].db.rows.clone();
        for port in rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut()) {
            let is_bond = port.interfaces.len() > 1;
            for (uuid, interface) in &mut port.interfaces {
                interface.bfd_state = self.fabric.bfd_state(machine, *uuid);
                let is_active = self.fabric.is_active(machine, *uuid);
                if is_bond && is_active {
                    port.active = Some(interface.name.clone());
                }
            }
        }
        rows
    }

    // What befalls it.

    /// The machine loses power; its switch and its connections are gone.
    pub fn power_off(&mut self, machine: usize) {
        let it = &mut self.machines[machine];
        it.backlog.clear();
        it.boot += 1;
        self.fabric.forget(machine);
        self.orders.retain(|_, order| order.machine != machine || order.is_awaited);
        self.watch_silence(machine);
        self.rewire();
    }

    /// The machine starts; those who still have a connection learn that there is none.
    pub fn power_on(&mut self, machine: usize, is_empty: bool) {
        if is_empty {
            self.wipe(machine);
        }
        self.replug(machine);
        self.break_sessions(machine);
        self.rewire();
    }

    /// The server goes on: what lies in its sockets is carried out, whoever sent it.
    pub fn thaw(&mut self, machine: usize) {
        for number in std::mem::take(&mut self.machines[machine].backlog) {
            self.executes(number);
        }
        self.changed(machine);
        self.rewire();
    }

    /// The database is made anew.
    pub fn wipe(&mut self, machine: usize) {
        let it = &mut self.machines[machine];
        it.boot += 1;
        it.backlog.clear();
        let root = it.next_row();
        let rows = ObservedHost { root, picture: it.db.rows.picture + 1, ..empty() };
        it.db.edit(|old| {
            let foreign_names = ["xenbr0".to_owned(), "eth0".to_owned()].into();
            *old = ObservedHost { foreign_names, ..rows };
        });
        it.plugged.clear();
        it.is_restored = false;
        it.backups.clear();
        self.oracles.fences.renewed(machine);
        self.break_sessions(machine);
        self.rewire();
    }

    /// The database is put back to an earlier one; the server is started anew for that.
    pub fn put_back(&mut self, machine: usize, place: usize) {
        let it = &mut self.machines[machine];
        let Some(earlier) = it.backups.get(place.checked_rem(it.backups.len()).unwrap_or(0)).cloned() else {
            return;
        };
        it.boot += 1;
        it.backlog.clear();
        let picture = it.db.rows.picture + 1;
        it.db.edit(|rows| *rows = ObservedHost { picture, ..earlier });
        it.is_restored = true;
        let bridges = it.db.rows.bridges.values().filter(|bridge| bridge.foreign_ports > 0);
        it.plugged = bridges.map(|bridge| (bridge.name.clone(), bridge.foreign_ports)).collect();
        let fence = it.db.rows.fence.clone();
        self.oracles.fences.put_back(machine, &fence);
        self.break_sessions(machine);
        self.rewire();
    }

    /// Somebody changes rows of ours by hand.
    pub fn edit_by_hand(&mut self, machine: usize, what: usize) {
        let it = &mut self.machines[machine];
        if !it.is_on() {
            return;
        }
        it.db.edit(|rows| {
            let ours = |owner: BridgeOwner, network: Option<NetworkId>| {
                owner == BridgeOwner::Ours && network.is_some()
            };
            match what % 4 {
                0 => {
                    let bridges = rows.bridges.values_mut().filter(|bridge| !bridge.ports.is_empty());
                    if let Some(bridge) = bridges.last() {
                        bridge.ports.pop_last();
                    }
                }
                1 => {
                    let is_free = |bridge: &asterism_model::ObservedBridge| {
                        ours(bridge.owner, bridge.network) && bridge.foreign_ports == 0
                    };
                    rows.bridges.retain(|_, bridge| !is_free(bridge));
                }
                2 => {
                    for interface in interfaces(rows) {
                        interface.options.insert("remote_ip".into(), "192.0.2.1".into());
                    }
                }
                _ => {
                    for interface in interfaces(rows) {
                        interface.bfd.clear();
                    }
                }
            }
        });
        self.changed(machine);
        self.rewire();
    }

    /// A VM comes to a bridge, or goes.
    pub fn plug(&mut self, machine: usize, place: usize, is_there: bool) {
        let it = &mut self.machines[machine];
        if !it.is_on() {
            return;
        }
        let names: Vec<String> = it.db.rows.bridges.values().map(|bridge| bridge.name.clone()).collect();
        let Some(name) = names.get(place.checked_rem(names.len()).unwrap_or(0)).cloned() else { return };
        let count = it.plugged.entry(name.clone()).or_default();
        *count = if is_there { *count + 1 } else { count.saturating_sub(1) };
        let count = *count;
        it.db.edit(|rows| {
            for bridge in rows.bridges.values_mut().filter(|bridge| bridge.name == name) {
                bridge.foreign_ports = count;
            }
        });
        self.changed(machine);
    }

    /// All VMs go where no network is wanted.
    pub fn unplug_unwanted(&mut self) {
        let state = self.consensus.state().clone();
        for machine in 0..self.machines.len() {
            let it = &mut self.machines[machine];
            let is_wanted = |network: Option<NetworkId>| {
                network.and_then(|network| state.networks().get(&network)).is_some_and(|network| {
                    let mut hosts = state.members_of(network);
                    hosts.any(|host| host.ovsdb == it.endpoint())
                })
            };
            let gone: BTreeSet<String> = it
                .db
                .rows
                .bridges
                .values()
                .filter(|bridge| !is_wanted(bridge.network))
                .map(|bridge| bridge.name.clone())
                .collect();
            it.plugged.retain(|name, _| !gone.contains(name));
            let has_any = it
                .db
                .rows
                .bridges
                .values()
                .any(|bridge| gone.contains(&bridge.name) && bridge.foreign_ports > 0);
            if has_any {
                it.db.edit(|rows| {
                    for bridge in rows.bridges.values_mut().filter(|bridge| gone.contains(&bridge.name)) {
                        bridge.foreign_ports = 0;
                    }
                });
                self.changed(machine);
            }
        }
    }
}

fn interfaces(rows: &mut ObservedHost) -> impl Iterator<Item = &mut asterism_model::ObservedInterface> {
    let ports = rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut());
    ports.flat_map(|port| port.interfaces.values_mut())
}

/// A breakage: every new tunnel leads elsewhere.
fn misdirect(diff: &mut HostDiff) {
    let bridges = diff.add_bridges.iter_mut().flat_map(|bridge| bridge.ports.values_mut());
    let ports = diff.add_ports.iter_mut().map(|addition| &mut addition.port);
    for port in bridges.chain(ports) {
        for tunnel in &mut port.tunnels {
            tunnel.remote_ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        }
    }
}
