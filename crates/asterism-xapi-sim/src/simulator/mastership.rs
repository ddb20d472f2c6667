//! Who is master, and who believes so: planned changes, emergency transitions, slaves that are told.

use crate::{
    database::Database,
    pool::{Machine, Pool, State},
    value::Value,
};

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

/// Tells all hosts that run who is master. Answers their references.
pub(crate) fn recover_slaves(pool: &Pool) -> Vec<String> {
    pool.change(|state| {
        let master = state.database.master();
        tell_all(state, &master);
        state.database.refs("host").into_iter().filter(|host| *host != master).collect()
    })
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
