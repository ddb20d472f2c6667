//! The handle on a simulated pool: starts it, tells what was asked of it, and gives it trouble.
//!
//! A [`Simulator`] is cheap to clone; the pool ends, with all its threads, when the last clone is dropped. Hosts, VMs and
//! networks are named by their name labels. What is named wrongly is a mistake of the test, and panics.

mod connections;
mod hosts;
mod janitor;
pub(crate) mod mastership;
mod networks;
mod rows;
mod somebody;
mod spec;
mod vms;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use connections::Ports;
pub use spec::{Binder, HostSpec, Identity, InterfaceSpec, Listen, PoolSpec, StartError};

use crate::{
    agent::HostAgent,
    clock::Clock,
    database::Database,
    fault::Fault,
    journal::CallRecord,
    pool::{Condition, Machine, Pool, State},
    value::Value,
    wire::listener::Door,
};

/// A simulated pool.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    pool: Arc<Pool>,
    spec: PoolSpec,
    ports: Ports,
    /// By the names of hosts, also of those that left.
    doors: Mutex<BTreeMap<String, Arc<Door>>>,
    /// The pools that ejected hosts became.
    others: Mutex<Vec<Arc<Pool>>>,
}

impl Simulator {
    /// Starts a pool whose hosts run, with their interfaces' bridges up, and listen each on its own address.
    ///
    /// # Errors
    /// If there is no host, or a port or a certificate cannot be had.
    pub fn start(spec: PoolSpec, agent: Arc<dyn HostAgent>, listen: Listen) -> Result<Simulator, StartError> {
        if spec.hosts.is_empty() {
            return Err(StartError::NoHosts);
        }
        let clock = Clock::new(spec.time_factor);
        let (database, hosts) = rows::pool(&spec, &clock.date());
        let state = state(&spec, database, &hosts);
        let pool = Arc::new(Pool::new(agent, clock, spec.version, state));
        let (ports, doors) = connections::open(&pool, &spec, &hosts, listen)?;
        janitor::start(&pool);
        let simulator = Simulator(Arc::new(Inner {
            pool,
            spec,
            ports,
            doors: Mutex::new(doors),
            others: Mutex::default(),
        }));
        for host in hosts {
            simulator.raise_bridges(&host);
        }
        Ok(simulator)
    }

    /// A copy of the database, to look into.
    pub fn database(&self) -> Database {
        self.0.pool.read(Database::clone)
    }

    /// Changes the database from outside, as something that is not simulated would.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut Database) -> T) -> T {
        self.0.pool.write(edit)
    }

    /// Every call that has ended, in that order.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.0.pool.journal.all()
    }

    /// How many calls of a method are under way: waiting for events, for a host, or for the end of a fault.
    pub fn calls_under_way(&self, method: &str) -> usize {
        self.0.pool.journal.under_way(method)
    }

    /// Forgets the calls that have ended.
    pub fn clear_calls(&self) {
        self.0.pool.journal.clear();
    }

    /// Orders trouble for calls. Of several faults that hit a call, the one ordered first does.
    pub fn inject(&self, fault: Fault) {
        self.0.pool.change(|state| state.faults.push(fault));
    }

    /// Ends all ordered trouble of calls.
    pub fn heal(&self) {
        self.0.pool.change(|state| state.faults.clear());
    }

    /// How long a wrong password is thought about.
    pub fn set_wrong_password_delay(&self, delay: Duration) {
        self.0.pool.change(|state| state.wrong_password_delay = delay);
    }

    /// Changes the password of the one user.
    pub fn set_password(&self, password: &str) {
        self.0.pool.change(|state| password.clone_into(&mut state.password));
    }

    /// Has `event.from` look at its timeout on a tick of 10 s only, as 8.2 and 23.4 do.
    pub fn set_overshoot(&self, overshoots: bool) {
        self.0.pool.change(|state| state.overshoots = overshoots);
    }

    /// Destroys all sessions: the next call of each one gets SESSION_INVALID, and waiting ones get it at once.
    pub fn expire_sessions(&self) {
        self.edit(|database| {
            for session in database.refs("session") {
                database.destroy("session", &session);
            }
        });
    }

    /// Keeps the database as it is, as the master does with a slave every 300 s: an emergency transition goes back to it.
    pub fn back_up(&self) {
        self.0.pool.change(|state| state.backup = Some(state.database.clone()));
    }

    /// Runs the database's garbage collection, which runs by itself every 30 s.
    pub fn collect_garbage(&self) {
        self.edit(Database::collect_garbage);
    }

    /// Sets or removes a key of the pool's `other_config`: `xo:clientInfo:..` and the like.
    pub fn set_pool_key(&self, key: &str, value: Option<&str>) {
        self.edit(|database| {
            let pool = database.pool();
            let old = database.get("pool", &pool, "other_config").entries().to_vec();
            let kept = old.into_iter().filter(|(name, _)| name != key);
            let mut entries: Vec<_> =
                kept.chain(value.map(|value| (key.to_owned(), Value::text(value)))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            database.set("pool", &pool, "other_config", Value::Map(entries));
        });
    }

    /// The reference of a host.
    ///
    /// # Panics
    /// If the pool has no host of that name.
    pub fn host(&self, name: &str) -> String {
        let state = self.0.pool.lock();
        let found = state.machines.iter().find(|(_, machine)| machine.name == name);
        found.map_or_else(|| panic!("the pool has no host {name}"), |(host, _)| host.clone())
    }

    fn machine<T>(&self, host: &str, change: impl FnOnce(&mut Machine) -> T) -> T {
        self.0.pool.change(|state| change(state.machines.get_mut(host).expect("hosts have machines")))
    }

    fn doors(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Door>>> {
        self.0.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for door in self.doors.lock().unwrap_or_else(PoisonError::into_inner).values() {
            door.close();
        }
        let others = std::mem::take(&mut *self.others.lock().unwrap_or_else(PoisonError::into_inner));
        for pool in others.into_iter().chain([Arc::clone(&self.pool)]) {
            pool.change(|state| state.is_closing = true);
        }
    }
}

/// The state that a pool starts with: all hosts up, the first one master.
fn state(spec: &PoolSpec, database: Database, hosts: &[String]) -> State {
    let master = spec.hosts[0].address.to_string();
    let machines = hosts
        .iter()
        .zip(&spec.hosts)
        .enumerate()
        .map(|(index, (host, spec))| (host.clone(), machine(spec, (index > 0).then(|| master.clone()))));
    State {
        machines: machines.collect(),
        database,
        backup: None,
        user: spec.user.clone(),
        password: spec.password.clone(),
        wrong_password_delay: Duration::ZERO,
        overshoots: false,
        faults: Vec::new(),
        local_sessions: Vec::new(),
        registered: BTreeMap::new(),
        certificates: BTreeMap::new(),
        bridges: 0,
        is_closing: false,
    }
}

fn machine(spec: &HostSpec, slave_of: Option<String>) -> Machine {
    Machine {
        name: spec.name.clone(),
        address: spec.address.to_string(),
        condition: Condition::Up,
        slave_of,
        reaches_master: true,
        emergency: None,
        heartbeat: Instant::now(),
        certificates: BTreeMap::new(),
    }
}
