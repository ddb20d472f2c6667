//! A disk in memory that forgets what was not synced: for simulations and for tests of what survives.
//!
//! It crashes when told to, keeps as many of the unsynced batches as it is told, fails when it is told, and counts
//! its syncs. The same object is opened again after a crash, as a machine boots from the same disk.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    ops::Range,
    sync::{Mutex, MutexGuard},
};

use super::{Batch, LogDisk, Slot, SnapshotDisk};

/// A log disk in memory.
#[derive(Default)]
pub struct SimLog {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    written: Content,
    synced: Content,
    /// Written and not synced, oldest first.
    unsynced: VecDeque<Batch>,
    syncs: u64,
    fault: Option<Fault>,
}

#[derive(Default, Clone)]
struct Content {
    records: BTreeMap<u64, Vec<u8>>,
    values: BTreeMap<Slot, Vec<u8>>,
}

/// How the disk fails, from the next call of the named kind on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No space left.
    Write,
    /// An I/O error; what was unsynced is lost with the crash that follows.
    Sync,
}

impl SimLog {
    /// The machine loses power. Of the unsynced batches the first `kept` had reached the platter.
    pub fn crash(&self, kept: usize) {
        let mut state = self.lock();
        let kept = kept.min(state.unsynced.len());
        let survivors: Vec<Batch> = state.unsynced.drain(..kept).collect();
        for batch in survivors {
            state.synced.apply(batch);
        }
        state.unsynced.clear();
        state.written = state.synced.clone();
        state.fault = None;
    }

    /// How many batches a crash could lose.
    pub fn unsynced(&self) -> usize {
        self.lock().unsynced.len()
    }

    /// How often the disk was synced.
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Makes the disk fail, until it crashes.
    pub fn fail(&self, fault: Fault) {
        self.lock().fault = Some(fault);
    }

    /// Flips a bit of a stored record, in the middle of it; both of what is written and what is synced.
    ///
    /// Returns whether there is such a record.
    pub fn damage(&self, number: u64) -> bool {
        let mut state = self.lock();
        let State { written, synced, .. } = &mut *state;
        let mut found = false;
        for content in [written, synced] {
            if let Some(record) = content.records.get_mut(&number) {
                let middle = record.len() / 2;
                record[middle] ^= 1;
                found = true;
            }
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the lock")
    }
}

impl LogDisk for SimLog {
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.lock();
        let mut records = Vec::new();
        let mut bytes = 0;
        for (number, record) in state.written.records.range(range) {
            bytes += record.len();
            records.push((*number, record.clone()));
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(records)
    }

    fn value(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        Ok(self.lock().written.values.get(&slot).cloned())
    }

    fn write(&self, batch: Batch) -> io::Result<()> {
        let mut state = self.lock();
        if state.fault == Some(Fault::Write) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the simulated disk is full"));
        }
        state.written.apply(batch.clone());
        state.unsynced.push_back(batch);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.fault == Some(Fault::Sync) {
            return Err(io::Error::other("the simulated disk doesn't sync"));
        }
        state.syncs += 1;
        let batches = std::mem::take(&mut state.unsynced);
        for batch in batches {
            state.synced.apply(batch);
        }
        Ok(())
    }
}

impl Content {
    fn apply(&mut self, batch: Batch) {
        if let Some(range) = batch.remove {
            self.records.retain(|number, _| !range.contains(number));
        }
        self.records.extend(batch.records);
        self.values.extend(batch.values);
    }
}

/// Snapshots in memory; a written one is durable, as the trait demands.
#[derive(Default)]
pub struct SimSnapshots {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl SimSnapshots {
    /// Flips a bit in the middle of a file. Returns whether there is such a file.
    pub fn damage(&self, name: &str) -> bool {
        let mut files = self.lock();
        let Some(content) = files.get_mut(name) else { return false };
        let middle = content.len() / 2;
        content[middle] ^= 1;
        true
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.files.lock().expect("no code panics while it holds the lock")
    }
}

impl SnapshotDisk for SimSnapshots {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.lock().get(name).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.lock().insert(name.to_owned(), content.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.lock().remove(name);
        Ok(())
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        self.remove(name)
    }
}
