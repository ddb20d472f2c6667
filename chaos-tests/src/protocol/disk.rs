//! A machine's disk under the log, in time: writes are seen at once, syncs take a while, and power may go in between.

use std::{
    collections::VecDeque,
    fmt, io,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use asterism_raft::parts::{Batch, Fault, LogDisk, SimLog, SimSnapshots, Slot, SnapshotDisk, SyncQueue};
use openraft::AsyncRuntime as _;
use openraft_rt_sim::SimRuntime;

use super::Breakage;
use crate::sim::Dice;

/// What survives of a machine when its power goes. The same object is booted from again.
pub(super) struct Platter {
    log: SimLog,
    snapshots: SimSnapshots,
    broken: Option<Breakage>,
}

impl Platter {
    pub fn new(broken: Option<Breakage>) -> Arc<Self> {
        Arc::new(Self { log: SimLog::default(), snapshots: SimSnapshots::default(), broken })
    }

    /// Power goes: of what was written and not synced, a beginning has reached the platter.
    pub fn lose_power(&self, dice: &mut Dice) {
        let unsynced = self.log.unsynced();
        self.log.crash(dice.index(unsynced + 1));
    }

    /// The process dies and the system lives on: all that was written is there.
    pub fn keep_all(&self) {
        self.log.crash(usize::MAX);
    }

    pub fn fail(&self, fault: Fault) {
        self.log.fail(fault);
    }
}

/// The disk as one life of a machine has it: after its end nothing reaches the platter any more.
pub(super) struct Mounted {
    pub platter: Arc<Platter>,
    pub is_gone: AtomicBool,
}

impl Mounted {
    pub fn new(platter: Arc<Platter>) -> Arc<Self> {
        Arc::new(Self { platter, is_gone: AtomicBool::new(false) })
    }

    pub fn unmount(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.is_gone.load(Ordering::SeqCst) {
            return Err(io::Error::other("the power is gone"));
        }
        Ok(())
    }
}

impl LogDisk for Mounted {
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        self.check()?;
        self.platter.log.read(range, max_bytes)
    }

    fn value(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        self.check()?;
        self.platter.log.value(slot)
    }

    fn write(&self, mut batch: Batch) -> io::Result<()> {
        self.check()?;
        if self.platter.broken == Some(Breakage::VotesLost) {
            batch.values.retain(|(slot, _)| *slot != Slot::Vote);
        }
        self.platter.log.write(batch)
    }

    fn sync(&self) -> io::Result<()> {
        self.check()?;
        if self.platter.broken == Some(Breakage::NoSync) {
            return Ok(());
        }
        self.platter.log.sync()
    }
}

/// A snapshot's file is durable when it is written, as its trait demands.
impl SnapshotDisk for Mounted {
    fn list(&self) -> io::Result<Vec<String>> {
        self.check()?;
        self.platter.snapshots.list()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.check()?;
        self.platter.snapshots.read(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.check()?;
        self.platter.snapshots.write(name, content)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check()?;
        self.platter.snapshots.remove(name)
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.check()?;
        self.platter.snapshots.set_aside(name)
    }
}

type Sync = Box<dyn FnOnce() + Send>;

/// Syncs one after another, each a few milliseconds, now and then many.
#[derive(Clone)]
pub(super) struct Spindle(Arc<Turning>);

struct Turning {
    waiting: Mutex<VecDeque<Sync>>,
    is_turning: AtomicBool,
    dice: Mutex<Dice>,
}

impl Spindle {
    pub fn new(dice: Dice) -> Self {
        let turning =
            Turning { waiting: Mutex::default(), is_turning: AtomicBool::new(false), dice: Mutex::new(dice) };
        Self(Arc::new(turning))
    }

    fn turn(&self) {
        let spindle = self.clone();
        let _detached = SimRuntime::spawn(async move {
            loop {
                let Some(sync) = spindle.next() else { return };
                let span = {
                    let mut dice = spindle.0.dice.lock().unwrap_or_else(PoisonError::into_inner);
                    if dice.chance(2) { dice.millis(20, 400) } else { dice.micros(200, 6_000) }
                };
                SimRuntime::sleep(span).await;
                sync();
            }
        });
    }

    fn next(&self) -> Option<Sync> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = waiting.pop_front();
        if next.is_none() {
            self.0.is_turning.store(false, Ordering::SeqCst);
        }
        next
    }
}

impl SyncQueue for Spindle {
    fn push(&self, sync: Sync) {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(sync);
        if !self.0.is_turning.swap(true, Ordering::SeqCst) {
            self.turn();
        }
    }
}

impl fmt::Debug for Spindle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spindle")
    }
}
