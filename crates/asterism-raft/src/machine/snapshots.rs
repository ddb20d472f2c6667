//! Which snapshots are kept, and which one counts.
//!
//! The newest counts. The one before it is kept, and counts if the newest turns out damaged, as long as the log still
//! reaches back to it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use asterism_model::{NetworkState, chain};
use bytes::Bytes;

use super::format::{self, SnapshotError};
use crate::{
    disk::SnapshotDisk,
    types::{LogId, SnapshotMeta, term_and_index},
};

/// The newest and the one before it.
const KEPT: usize = 2;

/// A handle on the snapshots of one replica.
#[derive(Clone)]
pub struct Snapshots {
    disk: Arc<dyn SnapshotDisk>,
    newest: Arc<Mutex<Option<Name>>>,
}

/// Why there is no snapshot to start from.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{what}")]
    Damaged { what: String },
    #[error("{what}")]
    Newer { what: String },
}

/// Ordered by index, then term, as the file names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    index: u64,
    term: u64,
}

impl Snapshots {
    /// Reads the newest snapshot, and puts it aside for the one before if it is damaged. `purged` is the last entry
    /// that the log dropped: the snapshot has to reach up to it.
    ///
    /// # Errors
    /// No snapshot that is whole reaches far enough, or a newer version of the program wrote it.
    pub fn open(disk: Arc<dyn SnapshotDisk>, purged: Option<LogId>) -> Result<Self, OpenError> {
        let mut names: Vec<Name> = disk.list()?.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_unstable();
        let mut damaged = Vec::new();
        let newest = loop {
            let Some(name) = names.pop() else { break None };
            match format::decode(&disk.read(&name.file())?) {
                Ok((meta, _)) if Name::of(meta.last_log_id.as_ref()) == name => break Some(name),
                Ok(_) => damaged.push((name, "it is the snapshot of another entry".to_owned())),
                Err(error) if error.is_newer() => {
                    return Err(OpenError::Newer { what: format!("{}: {}", name.file(), chain(&error)) });
                }
                Err(error) => damaged.push((name, chain(&error))),
            }
        };
        let reached = newest.map(|name| name.index);
        if let Some(purged) = purged.filter(|purged| reached.is_none_or(|reached| reached < purged.index)) {
            return Err(OpenError::Damaged { what: gap(purged.index, &damaged) });
        }
        for (name, problem) in damaged {
            tracing::warn!(
                snapshot = name.file(),
                problem,
                "a damaged snapshot is put aside; an older one will do"
            );
            disk.set_aside(&name.file())?;
        }
        Ok(Self { disk, newest: Arc::new(Mutex::new(newest)) })
    }

    /// The newest snapshot, as it lies in its file, checked.
    pub fn newest(&self) -> io::Result<Option<(SnapshotMeta, Bytes)>> {
        let Some(name) = *self.lock() else { return Ok(None) };
        let bytes = self.disk.read(&name.file())?;
        let (meta, _) = format::decode(&bytes).map_err(|error| in_file(name, error))?;
        Ok(Some((meta, bytes.into())))
    }

    /// Saves the state as a snapshot; returns it once it is durable.
    pub fn save(&self, meta: &SnapshotMeta, state: &NetworkState) -> io::Result<Bytes> {
        let bytes = format::encode(meta, state);
        self.write(Name::of(meta.last_log_id.as_ref()), &bytes)?;
        Ok(bytes.into())
    }

    /// Saves a snapshot that came from elsewhere, unless it is the newest already; returns its state.
    pub fn adopt(&self, meta: &SnapshotMeta, bytes: &Bytes) -> io::Result<NetworkState> {
        let name = Name::of(meta.last_log_id.as_ref());
        let (found, state) = format::decode(bytes).map_err(|error| in_file(name, error))?;
        if found.last_log_id != meta.last_log_id {
            let problem = format!("{} is the snapshot of another entry", name.file());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        if *self.lock() != Some(name) {
            self.write(name, bytes)?;
        }
        Ok(state)
    }

    fn write(&self, name: Name, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(&name.file(), bytes)?;
        {
            // A snapshot that took long may come after one that was installed meanwhile.
            let mut newest = self.lock();
            *newest = (*newest).max(Some(name));
        }
        self.prune()
    }

    fn prune(&self) -> io::Result<()> {
        let mut names: Vec<Name> = self.disk.list()?.iter().filter_map(|name| Name::parse(name)).collect();
        names.sort_unstable();
        let superfluous = names.len().saturating_sub(KEPT);
        names[..superfluous].iter().try_for_each(|name| self.disk.remove(&name.file()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Name>> {
        self.newest.lock().expect("no code panics while it holds the lock")
    }
}

impl Name {
    fn of(last: Option<&LogId>) -> Self {
        let (term, index) = term_and_index(last);
        Self { index, term }
    }

    /// Digits enough that the order of the names is that of the numbers.
    fn file(self) -> String {
        format!("snapshot-{:020}-{:020}", self.index, self.term)
    }

    fn parse(file: &str) -> Option<Self> {
        let (index, term) = file.strip_prefix("snapshot-")?.split_once('-')?;
        let name = Self { index: index.parse().ok()?, term: term.parse().ok()? };
        (name.file() == file).then_some(name)
    }
}

fn in_file(name: Name, error: SnapshotError) -> io::Error {
    let error = chain(&error);
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", name.file()))
}

fn gap(purged: u64, damaged: &[(Name, String)]) -> String {
    let reason = match damaged.first() {
        None => "and there is none".to_owned(),
        Some((name, problem)) => format!("and {} can't be used: {problem}", name.file()),
    };
    format!("the log begins behind entry {purged}, so a snapshot up to there is needed, {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        disk::sim::SimSnapshots,
        types::{CommittedLeaderId, StoredMembership},
    };

    fn id(index: u64) -> LogId {
        LogId::new(CommittedLeaderId::new(1), index)
    }

    fn meta(index: u64) -> SnapshotMeta {
        SnapshotMeta { last_log_id: Some(id(index)), last_membership: StoredMembership::default() }
    }

    /// Snapshots up to each of `indexes`, and the disk that they are on.
    fn saved(indexes: &[u64]) -> Arc<SimSnapshots> {
        let disk = Arc::new(SimSnapshots::default());
        let snapshots = Snapshots::open(disk.clone(), None).unwrap();
        for index in indexes {
            snapshots.save(&meta(*index), &NetworkState::default()).unwrap();
        }
        disk
    }

    fn newest(disk: Arc<SimSnapshots>, purged: Option<u64>) -> Result<Option<u64>, OpenError> {
        let snapshots = Snapshots::open(disk, purged.map(id))?;
        Ok(snapshots.newest().unwrap().map(|(meta, _)| meta.last_log_id.unwrap().index))
    }

    #[test]
    fn two_are_kept_and_the_newest_counts() {
        let disk = saved(&[10, 20, 30]);
        assert_eq!(disk.list().unwrap().len(), 2);
        assert_eq!(newest(disk, Some(15)).unwrap(), Some(30));
    }

    #[test]
    fn a_damaged_snapshot_gives_way_to_the_one_before_while_the_log_reaches_back_to_it() {
        let disk = saved(&[10, 20]);
        disk.damage(&Name::of(Some(&id(20))).file());
        assert_eq!(newest(disk, Some(10)).unwrap(), Some(10));
    }

    #[test]
    fn a_damaged_snapshot_that_the_log_needs_is_an_error_that_names_it() {
        let disk = saved(&[10, 20]);
        let file = Name::of(Some(&id(20))).file();
        disk.damage(&file);
        let error = newest(disk.clone(), Some(11)).unwrap_err().to_string();
        assert!(error.contains(&file) && error.contains("entry 11"), "{error}");
        assert!(disk.list().unwrap().contains(&file), "it is left where it was");
    }

    #[test]
    fn a_log_without_its_beginning_and_without_a_snapshot_is_an_error() {
        let error = newest(saved(&[]), Some(5)).unwrap_err().to_string();
        assert!(error.contains("there is none"), "{error}");
    }
}
