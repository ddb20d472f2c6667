//! The log of one replica: entries, vote, and where it begins and ends.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, RwLock},
};

use prometheus_client::metrics::histogram::Histogram;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::{
    flusher::{Completion, Flusher},
    record::{RecordError, decode_entry, decode_value, encode_entry, encode_value},
};
use crate::{
    blocking::Blocking,
    disk::{Batch, LogDisk, Slot},
    failure::Failure,
    types::{Entry, LogId, Vote},
};

/// How much of the log is read in one go: what one message to a follower carries, unless one entry is larger.
const READ_BYTES: usize = 2 << 20;

/// A handle on the log; clones are the same log.
#[derive(Clone)]
pub struct LogStore {
    shared: Arc<Shared>,
}

struct Shared {
    /// Taken at the end, so that the disk is closed whoever still has a handle.
    disk: RwLock<Option<Arc<dyn LogDisk>>>,
    flusher: Flusher,
    failure: Failure,
    bounds: Mutex<Bounds>,
}

/// Where the log begins and ends; on disk in the entries themselves and in [`Slot::Purged`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// The last entry that was dropped.
    pub purged: Option<LogId>,
    /// The last entry, or `purged` if there is none.
    pub last: Option<LogId>,
}

impl LogStore {
    /// Reads the whole log and checks every entry, so that damage shows before this replica promises anything.
    ///
    /// # Errors
    /// `InvalidData`, with a [`RecordError`] inside where a record is at fault: damaged, or newer than this program.
    pub fn open(disk: Arc<dyn LogDisk>, blocking: Blocking, failure: Failure) -> io::Result<Self> {
        let bounds = check(disk.as_ref())?;
        let flusher = Flusher::new(blocking, disk.clone(), failure.clone())?;
        let shared = Shared { disk: RwLock::new(Some(disk)), flusher, failure, bounds: Mutex::new(bounds) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How long each sync took, in seconds.
    pub fn sync_meter(&self) -> Histogram {
        self.shared.flusher.meter()
    }

    pub fn bounds(&self) -> Bounds {
        *self.lock()
    }

    /// The entries with an index in `range`, as many as fit into one message, and one at least if there is one.
    pub fn read(&self, range: Range<u64>) -> io::Result<Vec<Entry>> {
        let disk = self.disk()?;
        self.shared.failure.guard("read the log", || {
            let records = disk.read(range, READ_BYTES)?;
            records.iter().map(|(index, bytes)| Ok(decode_entry(*index, bytes)?)).collect()
        })
    }

    /// All the entries with an index in `range`.
    pub fn read_all(&self, mut range: Range<u64>) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        loop {
            let more = self.read(range.clone())?;
            let Some(last) = more.last() else { return Ok(entries) };
            range.start = last.log_id.index + 1;
            entries.extend(more);
        }
    }

    /// Writes entries behind the last one; calls `done` once they are durable.
    pub fn append(&self, entries: Vec<Entry>, done: Completion) -> io::Result<()> {
        let Some(last) = entries.last().map(|entry| entry.log_id) else {
            self.shared.flusher.submit(done);
            return Ok(());
        };
        let records = entries.iter().map(|entry| (entry.log_id.index, encode_entry(entry))).collect();
        self.write("append to the log", Batch { records, ..Batch::default() })?;
        self.lock().last = Some(last);
        self.shared.flusher.submit(done);
        Ok(())
    }

    /// Removes the entries behind `last`, which may be absent to remove all; returns once that is durable.
    pub async fn truncate_after(&self, last: Option<LogId>) -> io::Result<()> {
        let bounds = self.bounds();
        let Some(end) = bounds.last.filter(|end| Some(end.index) > last.map(|last| last.index)) else {
            return Ok(());
        };
        let start = last.map_or(0, |last| last.index + 1);
        let remove = Some(start..end.index + 1);
        self.write("truncate the log", Batch { remove, ..Batch::default() })?;
        self.lock().last = last.or(bounds.purged);
        self.synced().await
    }

    /// Drops the entries up to `upto`, inclusive; returns once that is durable.
    pub async fn purge(&self, upto: LogId) -> io::Result<()> {
        let start = self.bounds().purged.map_or(0, |purged| purged.index + 1);
        let remove = (start <= upto.index).then_some(start..upto.index + 1);
        let values = vec![(Slot::Purged, encode_value(Slot::Purged, &upto))];
        self.write("drop the log's beginning", Batch { remove, values, ..Batch::default() })?;
        {
            let mut bounds = self.lock();
            bounds.purged = Some(upto);
            bounds.last = bounds.last.filter(|last| last.index > upto.index).or(Some(upto));
        }
        self.synced().await
    }

    /// Returns once the vote is durable: from then on it may be told to others.
    pub async fn save_vote(&self, vote: &Vote) -> io::Result<()> {
        self.save(Slot::Vote, vote).await
    }

    pub fn vote(&self) -> io::Result<Option<Vote>> {
        self.value(Slot::Vote)
    }

    /// Not synced: a restart that finds an older one applies the rest again when the leader tells.
    pub fn save_committed(&self, committed: Option<LogId>) -> io::Result<()> {
        let values = vec![(Slot::Committed, encode_value(Slot::Committed, &committed))];
        self.write("note what is committed", Batch { values, ..Batch::default() })
    }

    pub fn committed(&self) -> io::Result<Option<LogId>> {
        self.value(Slot::Committed).map(Option::flatten)
    }

    /// Saves a value of another module; returns once it is durable.
    pub async fn save<T: Serialize>(&self, slot: Slot, value: &T) -> io::Result<()> {
        let values = vec![(slot, encode_value(slot, value))];
        self.write(format_args!("save the {slot:?}"), Batch { values, ..Batch::default() })?;
        self.synced().await
    }

    pub fn value<T: DeserializeOwned>(&self, slot: Slot) -> io::Result<Option<T>> {
        let disk = self.disk()?;
        self.shared.failure.guard(format_args!("read the {slot:?}"), || read_value(disk.as_ref(), slot))
    }

    /// Syncs what was written and closes the disk; later calls fail.
    pub fn close(&self) {
        self.shared.flusher.submit(Box::new(|_| ()));
        self.shared.flusher.close();
        self.shared.disk.write().expect(POISON).take();
    }

    fn write(&self, what: impl std::fmt::Display, batch: Batch) -> io::Result<()> {
        let disk = self.disk()?;
        self.shared.failure.guard(what, || disk.write(batch))
    }

    async fn synced(&self) -> io::Result<()> {
        let (sender, receiver) = oneshot::channel();
        self.shared.flusher.submit(Box::new(|result| {
            // The waiter is gone when its task was cancelled; the sync happened nevertheless.
            let _ = sender.send(result);
        }));
        receiver.await.unwrap_or_else(|_| Err(io::Error::other("the log was closed")))
    }

    fn disk(&self) -> io::Result<Arc<dyn LogDisk>> {
        let disk = self.shared.disk.read().expect(POISON).clone();
        disk.ok_or_else(|| io::Error::other("the log is closed"))
    }

    fn lock(&self) -> MutexGuard<'_, Bounds> {
        self.shared.bounds.lock().expect(POISON)
    }
}

const POISON: &str = "no code panics while it holds the lock";

pub(crate) fn read_value<T: DeserializeOwned>(disk: &dyn LogDisk, slot: Slot) -> io::Result<Option<T>> {
    let bytes = disk.value(slot)?;
    Ok(bytes.map(|bytes| decode_value(slot, &bytes)).transpose()?)
}

/// Reads every record once. The entries have to be consecutive, behind what was dropped, with terms that don't fall.
fn check(disk: &dyn LogDisk) -> io::Result<Bounds> {
    read_value::<Vote>(disk, Slot::Vote)?;
    read_value::<Option<LogId>>(disk, Slot::Committed)?;
    let purged = read_value::<LogId>(disk, Slot::Purged)?;
    let mut last = purged;
    let mut next = purged.map_or(0, |purged| purged.index + 1);
    loop {
        let records = disk.read(next..u64::MAX, READ_BYTES)?;
        if records.is_empty() {
            return Ok(Bounds { purged, last });
        }
        for (index, bytes) in records {
            let entry = decode_entry(index, &bytes)?;
            if index != next {
                return Err(RecordError::Missing { place: format!("entry {next} of the log") }.into());
            }
            if last.is_some_and(|last| last.committed_leader_id() > entry.log_id.committed_leader_id()) {
                let found = "one of an earlier term than the entry before it".to_owned();
                return Err(
                    RecordError::Misplaced { place: format!("entry {index} of the log"), found }.into()
                );
            }
            last = Some(entry.log_id);
            next = index + 1;
        }
    }
}
