//! The log on RocksDB. Every call of RocksDB stands in this file.
//!
//! One column family and so one write-ahead log: its order is the order of our batches, votes and entries alike.
//! Batches go to the page cache; [`LogDisk::sync`] syncs the write-ahead log once for all of them.

use std::{io, ops::Range, path::Path};

use rocksdb::{
    DB, DBCompressionType, DBRecoveryMode, Direction, ErrorKind, IteratorMode, LogLevel, Options,
    ReadOptions, WriteBatch,
};

use super::{Batch, LogDisk, Slot};

/// Records first, so that a removal of records never touches a value.
const RECORD: u8 = b'l';
const VALUE: u8 = b'm';

/// Of unsynced and synced data in memory before it goes to a table file; also what a restart reads again at most,
/// a few times over.
const WRITE_BUFFER_BYTES: usize = 16 << 20;
const MAX_WAL_BYTES: u64 = 64 << 20;

/// A RocksDB database.
pub struct RocksLog {
    db: DB,
}

impl RocksLog {
    /// Opens the database in `dir`, making it if `create`.
    ///
    /// # Errors
    /// `InvalidData`: damaged. `WouldBlock`: another process has it open. `NotFound`: absent, and not to be made.
    pub fn open(dir: &Path, create: bool) -> io::Result<Self> {
        let mut options = Options::default();
        options.create_if_missing(create);
        // A write-ahead log that ends within a record ended so in a crash, before that record was synced: the
        // record is dropped. Any other damage is an error, which RocksDB's default would take for the end of the
        // log, forgetting votes and entries that were promised to others (docs/adr/0001).
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_paranoid_checks(true);
        options.set_compression_type(DBCompressionType::None);
        options.set_write_buffer_size(WRITE_BUFFER_BYTES);
        options.set_max_total_wal_size(MAX_WAL_BYTES);
        options.set_max_open_files(64);
        options.set_max_background_jobs(2);
        // RocksDB's own journal goes nowhere but to this level: a second line in it after the disk is full trips an
        // assertion in builds that have them, Debian's among them, and takes the process down without a sentence.
        options.set_log_level(LogLevel::Fatal);
        options.set_keep_log_file_num(2);
        DB::open(&options, dir).map(|db| Self { db }).map_err(to_io)
    }
}

impl LogDisk for RocksLog {
    fn read(&self, range: Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(record_key(range.end).to_vec());
        let start = record_key(range.start);
        let mut records = Vec::new();
        let mut bytes = 0;
        for item in self.db.iterator_opt(IteratorMode::From(&start, Direction::Forward), options) {
            let (key, value) = item.map_err(to_io)?;
            bytes += value.len();
            records.push((record_number(&key)?, value.into_vec()));
            if bytes >= max_bytes {
                break;
            }
        }
        Ok(records)
    }

    fn value(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        self.db.get(value_key(slot)).map_err(to_io)
    }

    fn write(&self, batch: Batch) -> io::Result<()> {
        let mut writes = WriteBatch::default();
        if let Some(range) = batch.remove {
            writes.delete_range(record_key(range.start), record_key(range.end));
        }
        for (number, record) in batch.records {
            writes.put(record_key(number), record);
        }
        for (slot, value) in batch.values {
            writes.put(value_key(slot), value);
        }
        self.db.write(writes).map_err(to_io)
    }

    fn sync(&self) -> io::Result<()> {
        self.db.flush_wal(true).map_err(to_io)
    }
}

/// Big-endian, so that records lie in the order of their numbers.
fn record_key(number: u64) -> [u8; 9] {
    let mut key = [RECORD; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn record_number(key: &[u8]) -> io::Result<u64> {
    match key {
        [RECORD, number @ ..] => number.try_into().map(u64::from_be_bytes).ok(),
        _ => None,
    }
    .ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "a record stands under a key that is no number")
    })
}

fn value_key(slot: Slot) -> [u8; 2] {
    let name = match slot {
        Slot::Identity => b'i',
        Slot::Vote => b'v',
        Slot::Committed => b'c',
        Slot::Purged => b'p',
        Slot::Peers => b'r',
    };
    [VALUE, name]
}

/// RocksDB tells errors as text; what the callers tell apart is put into the kind.
fn to_io(error: rocksdb::Error) -> io::Error {
    let text = error.as_ref();
    let says = |part| text.contains(part);
    let kind = if error.kind() == ErrorKind::Corruption {
        io::ErrorKind::InvalidData
    } else if says("No space left on device") {
        io::ErrorKind::StorageFull
    } else if says("lock file") || says("lock hold by current process") {
        // Another process: fcntl's EAGAIN; another handle in this one: RocksDB's own table.
        io::ErrorKind::WouldBlock
    } else if says("does not exist (create_if_missing is false)") {
        io::ErrorKind::NotFound
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_in_the_order_of_their_numbers_and_apart_from_values() {
        assert!(record_key(255) < record_key(256));
        assert!(record_key(u64::MAX).as_slice() < value_key(Slot::Committed).as_slice());
        assert_eq!(record_number(&record_key(77)).unwrap(), 77);
    }

    #[test]
    fn a_second_handle_on_a_directory_is_told_that_it_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let _first = RocksLog::open(dir.path(), true).unwrap();
        let second = RocksLog::open(dir.path(), true).err().unwrap();
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock, "{second}");
    }

    #[test]
    fn an_absent_database_is_not_made_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let error = RocksLog::open(dir.path(), false).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
    }
}
