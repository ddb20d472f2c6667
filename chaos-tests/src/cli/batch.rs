//! Runs many seeds on several threads. Each run is alone with its seed: how many run at a time changes nothing in any.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use asterism_chaos::sim::{Options, Report, Tally, run};

/// What came of many runs.
#[derive(Default)]
pub struct Batch {
    pub runs: u64,
    pub events: u64,
    pub tally: Tally,
    /// In virtual milliseconds, the longest way back.
    pub longest_healing_ms: u64,
    pub failed: Vec<Report>,
    pub took: Duration,
}

/// Which seeds, and for how long.
pub struct Order {
    pub seeds: std::ops::RangeInclusive<u64>,
    pub jobs: usize,
    /// No run is begun after so long.
    pub time: Option<Duration>,
    /// No run is begun after so many failures.
    pub most_failures: usize,
}

/// Runs them all; `tell` is called now and then, with what there is until then.
pub fn run_all(order: &Order, options: &Options, mut tell: impl FnMut(&Batch)) -> Batch {
    let began = Instant::now();
    let next = AtomicU64::new(*order.seeds.start());
    let is_enough = AtomicBool::new(false);
    let (sender, reports) = mpsc::channel();
    let sender = Mutex::new(sender);
    let mut batch = Batch::default();
    thread::scope(|scope| {
        for _ in 0..order.jobs.max(1) {
            let sender = sender.lock().expect("no thread panics with it").clone();
            let (next, is_enough) = (&next, &is_enough);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_late = order.time.is_some_and(|time| began.elapsed() >= time);
                    if seed > *order.seeds.end() || is_late || is_enough.load(Ordering::Relaxed) {
                        return;
                    }
                    if sender.send(run(seed, options)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender.into_inner());
        let mut told = Instant::now();
        for report in reports {
            batch.add(report);
            is_enough.fetch_or(batch.failed.len() >= order.most_failures, Ordering::Relaxed);
            if told.elapsed() >= Duration::from_secs(30) {
                told = Instant::now();
                batch.took = began.elapsed();
                tell(&batch);
            }
        }
    });
    batch.took = began.elapsed();
    batch.failed.sort_by_key(|report| report.seed);
    batch
}

impl Batch {
    fn add(&mut self, report: Report) {
        self.runs += 1;
        self.events += report.events;
        self.tally.merge(&report.tally);
        self.longest_healing_ms = self.longest_healing_ms.max(report.healed_after_ms.unwrap_or(0));
        if report.violation.is_some() {
            self.failed.push(report);
        }
    }

    pub fn seeds_a_minute(&self) -> u64 {
        let millis = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX).max(1);
        self.runs.saturating_mul(60_000) / millis
    }
}
