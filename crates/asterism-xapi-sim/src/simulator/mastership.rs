//! Who is master, and who believes so: planned changes, emergency transitions, slaves that are told.

use super::Simulator;
use crate::{
    database::Database,
    pool::{Machine, Pool, State},
    value::Value,
};

impl Simulator {
    /// Another host becomes master in good order: both restart, sessions die.
    pub fn hand_over_mastership(&self, name: &str) {
        let host = self.host(name);
        let old = self.0.pool.read(Database::master);
        hand_over(&self.0.pool, &host);
        self.cut_connections(&old);
        self.cut_connections(&host);
    }

    /// A slave becomes master by an emergency transition, with the database of the last backup. The other slaves go on
    /// pointing at the old master until [`recover_slaves`](Self::recover_slaves).
    pub fn seize_mastership(&self, name: &str) {
        let host = self.host(name);
        seize(&self.0.pool, &host);
        self.cut_connections(&host);
    }

    /// The master tells all hosts that it is master.
    pub fn recover_slaves(&self) {
        recover_slaves(&self.0.pool);
    }

    /// Has a slave name another address as its master's.
    pub fn set_master_hint(&self, name: &str, address: &str) {
        point_to(&self.0.pool, &self.host(name), address);
    }

    /// Parts a slave from its master: a session's call to it waits 14 s, then the connection closes.
    pub fn part_from_master(&self, name: &str, is_parted: bool) {
        let host = self.host(name);
        self.machine(&host, |machine| machine.reaches_master = !is_parted);
    }

    /// Puts a host into emergency mode, where it answers nearly all calls with this code; or takes it out.
    pub fn set_emergency(&self, name: &str, code: Option<&str>) {
        let host = self.host(name);
        self.machine(&host, |machine| machine.emergency = code.map(ToOwned::to_owned));
    }
}

/// Makes another host master, with the database as it is. Sessions die.
pub(crate) fn hand_over(pool: &Pool, host: &str) {
    pool.change(|state| {
        set_master(&mut state.database, host);
        state.database.forget_what_a_restart_forgets();
        tell_all(state, host);
    });
}

/// Makes a slave master by decree, with the database of the last backup. Only it knows so, until the slaves are told.
pub(crate) fn seize(pool: &Pool, host: &str) {
    pool.change(|state| {
        let present = state.database.clone();
        let mut database = state.backup.clone().unwrap_or_else(|| present.clone());
        // References must not be given out twice, though what they were given to is forgotten.
        database.continue_ids(&present);
        set_master(&mut database, host);
        database.forget_what_a_restart_forgets();
        state.database = database;
        state.bridges = 0;
        if let Some(machine) = state.machines.get_mut(host) {
            machine.slave_of = None;
            machine.emergency = None;
        }
    });
}

/// Has a host take the one at this address for its master.
pub(crate) fn point_to(pool: &Pool, host: &str, address: &str) {
    pool.change(|state| {
        if let Some(machine) = state.machines.get_mut(host) {
            machine.slave_of = Some(address.to_owned());
            forgive(machine);
        }
    });
}

/// Tells all hosts that run who is master. Answers their references.
pub(crate) fn recover_slaves(pool: &Pool) -> Vec<String> {
    pool.change(|state| {
        let master = state.database.master();
        tell_all(state, &master);
        state.database.refs("host").into_iter().filter(|host| *host != master).collect()
    })
}

/// A host that starts finds out who is master: an old one that was replaced while it was away is a slave.
pub(super) fn find_master(state: &mut State, host: &str) {
    let master = state.database.master();
    let address = state.machines.get(&master).map(|machine| machine.address.clone());
    if let Some(machine) = state.machines.get_mut(host).filter(|machine| machine.slave_of.is_none()) {
        machine.slave_of = address.filter(|_| master != host);
    }
}

fn set_master(database: &mut Database, host: &str) {
    let pool = database.pool();
    database.set("pool", &pool, "master", Value::text(host));
}

fn tell_all(state: &mut State, master: &str) {
    let address = state.machines.get(master).map(|machine| machine.address.clone()).unwrap_or_default();
    for (host, machine) in &mut state.machines {
        machine.slave_of = (host != master).then(|| address.clone());
        forgive(machine);
    }
}

fn forgive(machine: &mut Machine) {
    machine.emergency = None;
    machine.reaches_master = true;
}
