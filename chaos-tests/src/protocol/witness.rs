//! Sees all, says nothing until the end: the trace, the history, and the first promise that was not kept.

use std::sync::{Mutex, MutexGuard, PoisonError};

use openraft::Instant as _;
use openraft_rt_sim::SimInstant;

use super::{
    Fault, Report, Violation,
    history::{History, Moment},
};
use crate::sim::{Time, Trace};

pub(super) struct Witness(Mutex<Seen>);

struct Seen {
    trace: Trace,
    history: History,
    violation: Option<Violation>,
    began: Option<SimInstant>,
    crashes: u64,
    healed_after_ms: Option<u64>,
}

impl Witness {
    pub fn new(is_traced: bool) -> Self {
        Self(Mutex::new(Seen {
            trace: Trace::new(is_traced),
            history: History::default(),
            violation: None,
            began: None,
            crashes: 0,
            healed_after_ms: None,
        }))
    }

    /// From here on time counts.
    pub fn begin(&self) {
        self.seen().began = Some(SimInstant::now());
    }

    /// Virtual nanoseconds since the beginning.
    pub fn now(&self) -> Moment {
        let began = self.seen().began;
        let span = began.map(|began| SimInstant::now() - began).unwrap_or_default();
        u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn note(&self, what: std::fmt::Arguments<'_>) {
        let now = Time(self.now() / 1000);
        self.seen().trace.note(now, what);
    }

    pub fn judge(&self, oracle: &'static str, verdict: Result<(), String>) {
        let Err(what) = verdict else { return };
        self.seen().violation.get_or_insert(Violation { oracle, what });
    }

    /// Works on the history, and judges what comes of it.
    pub fn record(&self, oracle: &'static str, work: impl FnOnce(&mut History) -> Result<(), String>) {
        let verdict = work(&mut self.seen().history);
        self.judge(oracle, verdict);
    }

    pub fn crashed(&self) {
        self.seen().crashes += 1;
    }

    pub fn healed(&self, after_ms: u64) {
        self.seen().healed_after_ms = Some(after_ms);
    }

    pub fn has_found(&self) -> bool {
        self.seen().violation.is_some()
    }

    pub fn report(&self, seed: u64, plan: Vec<Fault>) -> Report {
        let mut seen = self.seen();
        let count = |is_write: bool| {
            let done = seen.history.done.iter().filter(|done| done.is_write == is_write);
            u64::try_from(done.count()).unwrap_or(u64::MAX)
        };
        Report {
            seed,
            digest: seen.trace.digest(),
            events: seen.trace.count(),
            writes: count(true),
            reads: count(false),
            crashes: seen.crashes,
            healed_after_ms: seen.healed_after_ms,
            plan,
            violation: seen.violation.clone(),
            lines: seen.trace.take_lines(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
