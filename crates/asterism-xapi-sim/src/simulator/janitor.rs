//! What xapi does every 30 seconds: hold silent hosts for dead, and forget dangling rows.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::rows::set_live;
use crate::pool::{Condition, Pool, State};

const PERIOD: Duration = Duration::from_secs(30);
/// `host_assumed_dead_interval`.
const ASSUMED_DEAD: Duration = Duration::from_secs(600);
/// About how long a pool with HA takes.
const ASSUMED_DEAD_HA: Duration = Duration::from_secs(60);

/// Starts the thread; it ends with the pool.
pub(super) fn start(pool: &Arc<Pool>) {
    let pool = Arc::clone(pool);
    let work = move || {
        while !pool.lock().is_closing {
            pool.sleep(pool.clock.scaled(PERIOD));
            if !pool.lock().is_closing {
                pool.change(|state| tidy(state, &pool));
            }
        }
    };
    if let Err(error) = thread::Builder::new().name("xapi-janitor".to_owned()).spawn(work) {
        tracing::warn!(%error, "no thread for periodic work: hosts are never held for dead");
    }
}

fn tidy(state: &mut State, pool: &Pool) {
    let database = &state.database;
    let has_ha = database.is_true("pool", &database.pool(), "ha_enabled");
    let limit = pool.clock.scaled(if has_ha { ASSUMED_DEAD_HA } else { ASSUMED_DEAD });
    let master = database.master();
    let now = Instant::now();
    let mut dead = Vec::new();
    for (host, machine) in &mut state.machines {
        if machine.condition == Condition::Up {
            machine.heartbeat = now;
        // A master is never marked dead by itself, and does not look while it is away.
        } else if *host != master && now.duration_since(machine.heartbeat) >= limit {
            dead.push(host.clone());
        }
    }
    if state.machines.get(&master).is_some_and(|machine| machine.condition == Condition::Up) {
        for host in dead {
            set_live(&mut state.database, &host, false);
        }
        state.database.collect_garbage();
    }
}
