//! Pools behind a XAPI: what their masters show and do, and what that makes of their hosts.
//!
//! A network's bridge on such a host is its pool's: it is there while the tunnel's PIF is plugged. The hosts listen for
//! controllers once their pool has been told of one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use asterism_model::{
    BridgeOwner, CallOutcome, HostInventory, Name, ObservedBridge, ObservedPool, PoolCall, PoolId,
    PoolInventory, PoolNetworkKey, RowUuid, Transport, XapiUuid,
};
use asterism_planner::Event;

use super::{
    Breakage, Time,
    machine::Machine,
    replica::Letter,
    world::{Happening, World, transport},
};
use crate::fake_pool::FakePool;

/// How many earlier databases a slave may take over with.
const BACKUPS: usize = 12;

/// A pool behind a XAPI.
pub struct XapiSide {
    pub name: Name,
    pub inventory: PoolInventory,
    pub fake: FakePool,
    /// Machines by `host.uuid`.
    pub hosts: BTreeMap<XapiUuid, usize>,
    /// Faults that make its master hang.
    pub hung: BTreeSet<usize>,
    /// Faults that keep its master away.
    pub away: BTreeSet<usize>,
    /// Faults that make it refuse.
    pub refusing: BTreeSet<usize>,
    backups: Vec<ObservedPool>,
    last_row: u128,
}

/// A leader's session with a pool.
pub struct PoolLink {
    replica: usize,
    generation: u64,
    pool: PoolId,
    side: usize,
    is_up: bool,
    connection: u64,
    is_show_due: bool,
    last_told: Time,
}

/// A call under way.
#[derive(Debug, Clone)]
pub struct Call {
    link: u64,
    connection: u64,
    side: usize,
    ticket: u64,
    call: PoolCall,
}

/// What happens between leaders and pools.
#[derive(Debug, Clone)]
pub enum PoolNews {
    Dial(u64),
    Show(u64),
    Arrives(Box<Call>),
    Answers(Box<Call>, CallOutcome),
    /// A host of the pool has started, and is put into service.
    Enables(usize),
}

impl XapiSide {
    /// `uuid` begins the numbers of its hosts.
    pub fn new(name: Name, uuid: u128, machines: &[(usize, &Machine)]) -> Self {
        let hosts: BTreeMap<XapiUuid, usize> =
            machines.iter().map(|(number, _)| (host_uuid(uuid, *number), *number)).collect();
        let listed = machines.iter().map(|(number, machine)| {
            let listed = HostInventory {
                name: machine.label.host.clone(),
                address: IpAddr::V4(machine.address),
                is_enabled: true,
                is_live: true,
                transports: [(transport(), Transport { address: IpAddr::V4(machine.address), mtu: 1500 })]
                    .into(),
                version: "8.3.0".into(),
                fingerprint: None,
            };
            (host_uuid(uuid, *number), listed)
        });
        let master = hosts.keys().next().copied().unwrap_or(XapiUuid(uuid));
        let inventory = PoolInventory { uuid: XapiUuid(uuid), master, hosts: listed.collect() };
        let mut fake = FakePool::of(&inventory);
        fake.shows.picture = 1;
        Self {
            name,
            inventory,
            fake,
            hosts,
            hung: BTreeSet::new(),
            away: BTreeSet::new(),
            refusing: BTreeSet::new(),
            backups: Vec::new(),
            last_row: 1 << 61,
        }
    }

    /// Whether its hosts listen for controllers.
    pub fn is_controlled(&self) -> bool {
        !self.fake.shows.controllers.is_empty()
    }

    fn answers(&self) -> bool {
        self.hung.is_empty() && self.away.is_empty()
    }
}

fn host_uuid(pool: u128, machine: usize) -> XapiUuid {
    XapiUuid(pool + 1 + u128::try_from(machine).unwrap_or(0))
}

impl World {
    pub fn open_pool_session(&mut self, replica: usize, generation: u64, pool: PoolId) {
        self.close_pool_session(replica, pool);
        let state = &self.replicas[replica].state;
        let uuid = state.pools().get(&pool).and_then(|pool| pool.xapi()).map(|xapi| xapi.uuid);
        let Some(side) = self.sides.iter().position(|side| Some(side.inventory.uuid) == uuid) else { return };
        self.last_session += 1;
        let id = self.last_session;
        let link = PoolLink {
            replica,
            generation,
            pool,
            side,
            is_up: false,
            connection: 0,
            is_show_due: false,
            last_told: self.now,
        };
        self.pool_sessions.insert(id, link);
        if let Some(leading) = self.leading(replica, generation) {
            leading.pools.insert(pool, id);
        }
        let delay = self.dice.network.millis(2, 80);
        self.later(delay, Happening::Pool(PoolNews::Dial(id)));
    }

    pub fn close_pool_session(&mut self, replica: usize, pool: PoolId) {
        let super::office::Office::Leading(leading) = &mut self.replicas[replica].office else { return };
        if let Some(id) = leading.pools.remove(&pool) {
            self.pool_sessions.remove(&id);
        }
    }

    /// Makes a call; without a session nothing is sent, and the caller is told so.
    pub fn call_pool(&mut self, replica: usize, pool: PoolId, ticket: u64, call: PoolCall) {
        let super::office::Office::Leading(leading) = &self.replicas[replica].office else { return };
        let Some(id) = leading.pools.get(&pool).copied() else { return };
        let Some(link) = self.pool_sessions.get(&id) else { return };
        if !link.is_up {
            let generation = link.generation;
            let outcome = CallOutcome::Unknown("no session".into());
            let event = Event::PoolCalled { pool, ticket, outcome };
            return self.inform_of_pool(id, replica, generation, event);
        }
        self.trace.note(self.now, format_args!("call {pool} by c{}: {call}", replica + 1));
        let call = Call { link: id, connection: link.connection, side: link.side, ticket, call };
        let delay = self.dice.network.millis(1, 120);
        self.later(delay, Happening::Pool(PoolNews::Arrives(Box::new(call))));
    }

    pub fn pool_news(&mut self, news: PoolNews) {
        match news {
            PoolNews::Dial(id) => self.dial_pool(id),
            PoolNews::Show(id) => self.show_pool(id),
            PoolNews::Arrives(call) => self.call_arrives(*call),
            PoolNews::Answers(call, outcome) => self.call_answers(&call, outcome),
            PoolNews::Enables(machine) => self.enable_in_pool(machine),
        }
    }

    fn dial_pool(&mut self, id: u64) {
        let Some(link) = self.pool_sessions.get_mut(&id) else { return };
        if !self.replicas[link.replica].is_running() {
            return self.later(Duration::from_millis(20), Happening::Pool(PoolNews::Dial(id)));
        }
        if !self.sides[link.side].answers() {
            let (replica, generation, pool) = (link.replica, link.generation, link.pool);
            let event = Event::PoolLost { pool, why: "no answer".into() };
            self.inform_of_pool(id, replica, generation, event);
            let delay = self.dice.network.millis(500, 3_000);
            return self.later(delay, Happening::Pool(PoolNews::Dial(id)));
        }
        link.is_up = true;
        link.connection += 1;
        link.is_show_due = true;
        let delay = self.dice.network.millis(1, 40);
        self.later(delay, Happening::Pool(PoolNews::Show(id)));
    }

    fn inform_of_pool(&mut self, id: u64, replica: usize, generation: u64, event: Event) {
        let delay = self.dice.network.micros(50, 2_000);
        let mut at = self.now + delay;
        if let Some(link) = self.pool_sessions.get_mut(&id) {
            at = at.max(link.last_told);
            link.last_told = at;
        }
        let incarnation = self.replicas[replica].incarnation;
        self.send(at.since(self.now), replica, incarnation, Letter::Tell { generation, event });
    }

    /// Something in the pool's database has changed.
    fn pool_changed(&mut self, side: usize) {
        let ids: Vec<u64> =
            self.pool_sessions.iter().filter(|(_, link)| link.side == side).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(link) = self.pool_sessions.get_mut(&id) else { continue };
            if link.is_up && !std::mem::replace(&mut link.is_show_due, true) {
                let delay = self.dice.network.millis(1, 300);
                self.later(delay, Happening::Pool(PoolNews::Show(id)));
            }
        }
    }

    fn show_pool(&mut self, id: u64) {
        let Some(link) = self.pool_sessions.get_mut(&id).filter(|link| link.is_up) else { return };
        let side = &self.sides[link.side];
        if !side.answers() {
            return self.later(Duration::from_millis(200), Happening::Pool(PoolNews::Show(id)));
        }
        link.is_show_due = false;
        let (replica, generation, pool) = (link.replica, link.generation, link.pool);
        let inventory = Arc::new(side.inventory.clone());
        let picture = Arc::new(side.fake.shows.clone());
        self.inform_of_pool(id, replica, generation, Event::PoolPicture { pool, inventory, picture });
    }

    /// The master is away, or another one: sessions end.
    pub fn lose_pool(&mut self, side: usize) {
        let ids: Vec<u64> =
            self.pool_sessions.iter().filter(|(_, link)| link.side == side).map(|(id, _)| *id).collect();
        for id in ids {
            let Some(link) = self.pool_sessions.get_mut(&id).filter(|link| link.is_up) else { continue };
            link.is_up = false;
            link.is_show_due = false;
            let (replica, generation, pool) = (link.replica, link.generation, link.pool);
            let event = Event::PoolLost { pool, why: "the connection was closed".into() };
            self.inform_of_pool(id, replica, generation, event);
            let delay = self.dice.network.millis(100, 1_500);
            self.later(delay, Happening::Pool(PoolNews::Dial(id)));
        }
    }

    fn call_arrives(&mut self, call: Call) {
        let side = &mut self.sides[call.side];
        if !side.away.is_empty() {
            let why = CallOutcome::Unknown("the connection was closed".into());
            return self
                .later(Duration::from_millis(5), Happening::Pool(PoolNews::Answers(Box::new(call), why)));
        }
        if !side.hung.is_empty() {
            // Carried out when it goes on, whoever waits for it.
            return self
                .later(Duration::from_millis(250), Happening::Pool(PoolNews::Arrives(Box::new(call))));
        }
        if !side.refusing.is_empty() && self.dice.network.chance(60) {
            let why = CallOutcome::Refused("OTHER_OPERATION_IN_PROGRESS".into());
            return self
                .later(Duration::from_millis(3), Happening::Pool(PoolNews::Answers(Box::new(call), why)));
        }
        let off = side.hosts.iter().filter(|(_, machine)| !self.machines[**machine].switches());
        side.fake.hanging = off.map(|(uuid, _)| *uuid).collect();
        let before = side.fake.shows.clone();
        let outcome = side.fake.call(&call.call);
        self.tally.count("calls of pools");
        if outcome == CallOutcome::Done {
            side.backups.push(before);
            if side.backups.len() > BACKUPS {
                side.backups.remove(0);
            }
            if let (Some(Breakage::PoolNetworkTwice), PoolCall::CreateNetwork { .. }) =
                (self.broken, &call.call)
            {
                let (reference, network) = side.fake.shows.networks.last_key_value().expect("one was made");
                let (mut reference, network) = (reference.clone(), network.clone());
                reference.0.push_str("-again");
                side.fake.shows.networks.insert(reference, network);
            }
            self.match_bridges(call.side);
            self.pool_changed(call.side);
        }
        // A host that has something to do for it needs its time.
        let delay = match call.call.host() {
            Some(_) => self.dice.network.millis(20, 900),
            None => self.dice.network.millis(2, 60),
        };
        self.later(delay, Happening::Pool(PoolNews::Answers(Box::new(call), outcome)));
    }

    fn call_answers(&mut self, call: &Call, outcome: CallOutcome) {
        let Some(link) = self.pool_sessions.get(&call.link) else { return };
        let outcome = if link.is_up && link.connection == call.connection {
            outcome
        } else {
            CallOutcome::Unknown("the session ended".into())
        };
        let (replica, generation, pool) = (link.replica, link.generation, link.pool);
        let event = Event::PoolCalled { pool, ticket: call.ticket, outcome };
        self.inform_of_pool(call.link, replica, generation, event);
    }

    /// Bridges on the pool's hosts follow what is plugged there.
    fn match_bridges(&mut self, side: usize) {
        let cluster = self.consensus.state().cluster().map(|cluster| cluster.id);
        let mut changed = Vec::new();
        let it = &mut self.sides[side];
        for (uuid, machine) in &it.hosts {
            let host = &mut self.machines[*machine];
            if !host.switches() {
                continue;
            }
            let wanted: BTreeMap<String, PoolNetworkKey> = it
                .fake
                .shows
                .networks
                .values()
                .filter(|network| network.tunnels.get(uuid).is_some_and(|tunnel| tunnel.is_attached))
                .filter_map(|network| Some((network.bridge.clone(), network.key.parse().ok()?)))
                .filter(|(_, key): &(_, PoolNetworkKey)| Some(key.cluster) == cluster)
                .collect();
            let known: BTreeSet<String> =
                it.fake.shows.networks.values().map(|network| network.bridge.clone()).collect();
            let rows = &host.db.rows;
            let has: BTreeSet<&String> = rows.bridges.values().map(|bridge| &bridge.name).collect();
            let missing: Vec<(String, PoolNetworkKey)> = wanted
                .iter()
                .filter(|(name, _)| !has.contains(name))
                .map(|(name, key)| (name.clone(), *key))
                .collect();
            // A bridge that its database does not know of any more it leaves alone.
            let surplus: BTreeSet<RowUuid> = rows
                .bridges
                .iter()
                .filter(|(_, bridge)| bridge.owner == BridgeOwner::Pool && known.contains(&bridge.name))
                .filter(|(_, bridge)| !wanted.contains_key(&bridge.name))
                .map(|(row, _)| *row)
                .collect();
            if missing.is_empty() && surplus.is_empty() {
                continue;
            }
            let gone = rows.bridges.iter().filter(|(row, _)| surplus.contains(row));
            for (_, bridge) in gone {
                host.plugged.remove(&bridge.name);
            }
            host.db.edit(|rows| {
                rows.bridges.retain(|row, _| !surplus.contains(row));
                for (name, key) in missing {
                    it.last_row += 1;
                    let bridge = ObservedBridge {
                        name,
                        network: Some(key.network),
                        owner: BridgeOwner::Pool,
                        datapath_type: String::new(),
                        own_interface: None,
                        ports: BTreeMap::new(),
                        plugin_ports: BTreeMap::new(),
                        foreign_ports: 0,
                    };
                    rows.bridges.insert(RowUuid(it.last_row), bridge);
                }
            });
            changed.push(*machine);
        }
        for machine in &changed {
            self.changed(*machine);
        }
        if !changed.is_empty() {
            self.rewire();
        }
    }

    /// A host of a pool starts: nothing is plugged, and it is not in service yet.
    pub fn replug(&mut self, machine: usize) {
        let Some(side) = self.side_of(machine) else { return };
        let it = &mut self.sides[side];
        let Some(uuid) = it.hosts.iter().find(|(_, of)| **of == machine).map(|(uuid, _)| *uuid) else {
            return;
        };
        let has: BTreeSet<&String> =
            self.machines[machine].db.rows.bridges.values().map(|bridge| &bridge.name).collect();
        for network in it.fake.shows.networks.values_mut() {
            let is_there = has.contains(&network.bridge);
            if let Some(tunnel) = network.tunnels.get_mut(&uuid) {
                tunnel.is_attached = is_there;
            }
        }
        set_enabled(it, uuid, false);
        self.pool_changed(side);
        let delay = self.dice.network.millis(500, 6_000);
        self.later(delay, Happening::Pool(PoolNews::Enables(machine)));
    }

    fn enable_in_pool(&mut self, machine: usize) {
        let Some(side) = self.side_of(machine).filter(|_| self.machines[machine].is_on()) else { return };
        let it = &mut self.sides[side];
        let Some(uuid) = it.hosts.iter().find(|(_, of)| **of == machine).map(|(uuid, _)| *uuid) else {
            return;
        };
        set_enabled(it, uuid, true);
        self.pool_changed(side);
    }

    pub fn side_of(&self, machine: usize) -> Option<usize> {
        self.sides.iter().position(|side| side.hosts.values().any(|of| *of == machine))
    }

    /// A slave takes over, with a database of an earlier time.
    pub fn put_pool_back(&mut self, side: usize, place: usize) {
        let it = &mut self.sides[side];
        if let Some(earlier) = it.backups.get(place.checked_rem(it.backups.len()).unwrap_or(0)).cloned() {
            let picture = it.fake.shows.picture + 1;
            let hosts = it.fake.shows.hosts.clone();
            it.fake.shows = ObservedPool { picture, hosts, ..earlier };
            self.attach_what_is_there(side);
        }
        self.lose_pool(side);
    }

    /// Hosts tell a new master which of their bridges are there.
    fn attach_what_is_there(&mut self, side: usize) {
        let it = &mut self.sides[side];
        for network in it.fake.shows.networks.values_mut() {
            for (uuid, tunnel) in &mut network.tunnels {
                let Some(machine) = it.hosts.get(uuid) else { continue };
                let bridges = self.machines[*machine].db.rows.bridges.values();
                tunnel.is_attached = bridges.into_iter().any(|bridge| bridge.name == network.bridge);
            }
        }
    }

    /// Whether a machine's server listens for controllers.
    pub fn listens(&self, machine: usize) -> bool {
        self.side_of(machine).is_none_or(|side| self.sides[side].is_controlled())
    }
}

fn set_enabled(side: &mut XapiSide, uuid: XapiUuid, is_enabled: bool) {
    side.fake.shows.picture += 1;
    if let Some(host) = side.fake.shows.hosts.get_mut(&uuid) {
        host.is_enabled = is_enabled;
    }
    if let Some(host) = side.inventory.hosts.get_mut(&uuid) {
        host.is_enabled = is_enabled;
    }
}
