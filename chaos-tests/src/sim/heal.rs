//! The second phase: everything is mended, and within a bound everything must be as it shall be, and stay so.

use std::time::Duration;

use super::{
    Time,
    inject::EXAMINED_EACH,
    session::Order,
    world::{Happening, World},
};
use crate::oracle::foreign;

/// Longest way back: a pause of the reconciler's is 30 s at most, another's answer is awaited for 15 s, and one may follow
/// the other.
const HEALS_WITHIN: Duration = Duration::from_secs(120);
/// How long nobody must do anything when all is done.
const RESTS_FOR: Duration = Duration::from_secs(3);

/// How far it is.
pub struct Healing {
    pub since: Time,
    /// Since when all is done.
    rests: Option<Rest>,
    pub done_at: Option<Time>,
}

/// All is done, it seems.
#[derive(Clone, Copy)]
struct Rest {
    since: Time,
    /// How much was written until then.
    writes: usize,
    /// How much was decided until then.
    entries: usize,
}

impl World {
    pub fn heal(&mut self) {
        self.trace.note(self.now, format_args!("everything is mended"));
        self.healing = Some(Healing { since: self.now, rests: None, done_at: None });
        self.mend_all();
        self.later(EXAMINED_EACH, Happening::Examines);
    }

    pub fn examine(&mut self) {
        self.unplug_unwanted();
        let differs = self.what_differs();
        let writes = self.machines.iter().map(|machine| machine.db.writes).sum();
        let (now, entries) = (self.now, self.consensus.entries.len());
        let Some(healing) = &mut self.healing else { return };
        match (differs, healing.rests) {
            (Ok(()), Some(rest)) if rest.entries == entries && rest.writes != writes => {
                let why = "rows are written though everything is as it shall be".to_owned();
                return self.judge("convergence", Err(why));
            }
            (Ok(()), Some(rest)) if rest.entries == entries => {
                if now.since(rest.since) >= RESTS_FOR {
                    let verdict = self.oracles.acknowledged.at_the_end(&self.consensus, &self.operators);
                    self.judge("acknowledged", verdict);
                    return self.end();
                }
            }
            // A choice may wait for its time: then it rests anew.
            (Ok(()), Some(_) | None) => {
                healing.rests = Some(Rest { since: now, writes, entries });
                healing.done_at = Some(now);
            }
            (Err(why), _) => {
                healing.rests = None;
                if now.since(healing.since) > HEALS_WITHIN {
                    let why = format!("{} s after everything was mended: {why}", HEALS_WITHIN.as_secs());
                    return self.judge("convergence", Err(why));
                }
            }
        }
        self.later(EXAMINED_EACH, Happening::Examines);
    }

    /// A claim or a transaction has changed a machine's rows.
    pub fn judge_write(&mut self, order: &Order, before: &asterism_model::ObservedHost, has_rows: bool) {
        let machine = order.machine;
        let label = self.machines[machine].label.to_string();
        let after = self.machines[machine].db.rows.clone();
        let verdict =
            self.oracles.fences.wrote(machine, &label, order.replica, &after.fence, &self.oracles.epochs);
        self.judge("fences", verdict);
        let verdict = foreign::untouched(&label, before, &after, &self.machines[machine].plugged);
        self.judge("foreign", verdict);
        if !has_rows {
            return;
        }
        let endpoint = self.machines[machine].endpoint();
        let other = match &endpoint {
            asterism_model::OvsdbEndpoint::Tcp(address) => asterism_model::OvsdbEndpoint::Ssl(*address),
            other @ (asterism_model::OvsdbEndpoint::Ssl(_) | asterism_model::OvsdbEndpoint::Unix(_)) => {
                other.clone()
            }
        };
        let verdict = self.oracles.rows.explain(&[endpoint, other], before, &after, &self.consensus.states);
        self.judge("rows", verdict);
        let verdict = self.no_ring_is_laid_through(machine);
        self.judge("loops", verdict);
    }

    /// A machine that was put back counts again when it is where it shall be.
    pub fn forgive(&mut self, machine: usize, host: asterism_model::HostId) {
        if self.machines[machine].is_restored {
            let target = asterism_planner::target(self.consensus.state(), host);
            let found = asterism_planner::diff(&target, &self.machines[machine].db.rows);
            self.machines[machine].is_restored = !found.diff.is_empty();
        }
    }
}
