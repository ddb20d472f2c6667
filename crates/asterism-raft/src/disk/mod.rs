//! What a replica needs of storage, as two small traits, so that a simulated disk can stand in for the real one.
//!
//! The difference that matters is between *written* and *synced*: what was written is readable at once, what was
//! synced is there after a power cut. A disk knows nothing of Raft; [`crate::log`] and [`crate::machine`] do.

pub mod files;
pub mod rocks;
pub mod sim;

use std::{io, ops::Range};

/// A disk for the log of one replica: records under consecutive numbers, and a few named values beside them.
pub trait LogDisk: Send + Sync + 'static {
    /// The records with numbers in `range`, ascending. Stops after the record with which `max_bytes` is reached, so
    /// that there is always one where there is any.
    ///
    /// # Errors
    /// `InvalidData` if the disk knows that what it holds is damaged.
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>>;

    /// # Errors
    /// As [`LogDisk::read`].
    fn value(&self, slot: Slot) -> io::Result<Option<Vec<u8>>>;

    /// Writes the batch: all of it or, after a crash, nothing; never a later batch without an earlier one.
    ///
    /// # Errors
    /// Nothing may be assumed of the batch then, nor of later ones.
    fn write(&self, batch: Batch) -> io::Result<()>;

    /// Returns when every batch written before the call survives a power cut.
    ///
    /// # Errors
    /// What was written since the last sync may be lost, and syncing again may succeed without having kept it.
    fn sync(&self) -> io::Result<()>;
}

/// The named values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Whose log this is.
    Identity,
    Vote,
    /// Up to where the log is known to be committed; the only one that may be lost.
    Committed,
    /// Up to where the log was dropped.
    Purged,
    /// The data directories that this replica has met.
    Peers,
}

/// Changes that take effect together: first the removal, then the records and values.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub remove: Option<Range<u64>>,
    pub records: Vec<(u64, Vec<u8>)>,
    pub values: Vec<(Slot, Vec<u8>)>,
}

/// A place for snapshots: whole files under a name.
pub trait SnapshotDisk: Send + Sync + 'static {
    /// In no order.
    ///
    /// # Errors
    /// The place can't be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// # Errors
    /// There is no such file, or it can't be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Returns when the file survives a power cut; before, and after a crash, it is there whole or not at all.
    ///
    /// # Errors
    /// The file may or may not be there, but never in part.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()>;

    /// # Errors
    /// The file may or may not be there.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Puts a damaged file out of the way, for someone to look at.
    ///
    /// # Errors
    /// The file is where it was.
    fn set_aside(&self, name: &str) -> io::Result<()>;
}
