//! The data directory of one replica: what is where, whose it is, and whether it is whole.
//!
//! ```text
//! identity.json    cluster, node, incarnation
//! log/             RocksDB: entries, vote, and the identity again
//! snapshots/       the newest and the one before
//! ```
//!
//! A directory is bound to its cluster and node at the first start. The identity stands twice, so that a log that was
//! copied in, or lost, is noticed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use asterism_model::{Name, NodeId, chain};
use serde::{Deserialize, Serialize};

use crate::{
    StartError,
    blocking::Blocking,
    disk::{
        Batch, LogDisk, Slot,
        files::{SnapshotFiles, sync_dir, write_file},
        rocks::RocksLog,
    },
    failure::Failure,
    log::{LogStore, RecordError, encode_value, read_value},
    machine::{OpenError, Snapshots},
};

const IDENTITY: &str = "identity.json";
const IDENTITY_VERSION: u32 = 1;

/// Whose data this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    version: u32,
    pub cluster: Name,
    pub node: NodeId,
    /// Random, made at the first start: a directory that was lost and made again is another one.
    pub incarnation: Incarnation,
}

/// Tells two data directories of one node apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Incarnation(pub u128);

impl From<Incarnation> for String {
    fn from(incarnation: Incarnation) -> Self {
        format!("{:032x}", incarnation.0)
    }
}

impl TryFrom<String> for Incarnation {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}

/// An open data directory.
pub struct DataDir {
    pub identity: Identity,
    pub log: LogStore,
    pub snapshots: Snapshots,
}

impl DataDir {
    /// Opens the directory, or makes it at the first start. Blocks.
    ///
    /// # Errors
    /// It belongs to another node or cluster, is in use, damaged, or of a newer version.
    pub fn open(dir: &Path, cluster: &Name, node: NodeId, failure: Failure) -> Result<Self, StartError> {
        let opening = Opening { dir, cluster, node };
        opening.make_dirs()?;
        let (disk, identity) = opening.log()?;
        let log =
            LogStore::open(disk, Blocking::Threads, failure).map_err(|error| opening.log_error(error))?;
        let snapshots = SnapshotFiles::open(&opening.snapshots_dir()).map_err(|error| opening.io(error))?;
        let snapshots = Snapshots::open(Arc::new(snapshots), log.bounds().purged);
        let snapshots = snapshots.map_err(|error| opening.snapshot_error(error))?;
        Ok(Self { identity, log, snapshots })
    }
}

struct Opening<'a> {
    dir: &'a Path,
    cluster: &'a Name,
    node: NodeId,
}

impl Opening<'_> {
    fn make_dirs(&self) -> Result<(), StartError> {
        fs::create_dir_all(self.dir).map_err(|error| self.io(error))?;
        // Its own name has to survive a power cut, too.
        let parent =
            self.dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_dir(parent).map_err(|error| self.io(error))
    }

    /// Opens or makes the log, and binds it to this node.
    fn log(&self) -> Result<(Arc<dyn LogDisk>, Identity), StartError> {
        let stated = self.read_identity()?;
        if let Some(stated) = &stated {
            self.require_own(stated)?;
        }
        let exists = self.log_dir().join("CURRENT").exists();
        if !exists && (stated.is_some() || self.has_snapshots()?) {
            return Err(self.damaged("its log is gone".to_owned()));
        }
        let disk = RocksLog::open(&self.log_dir(), !exists).map_err(|error| self.log_error(error))?;
        let bound = read_value::<Identity>(&disk, Slot::Identity).map_err(|error| self.log_error(error))?;
        let identity = match (stated, bound) {
            (Some(stated), Some(bound)) if stated == bound => stated,
            (_, Some(bound)) if !self.owns(&bound) => return Err(self.foreign(&bound)),
            // A crash in the first start came before the file was written.
            (None, Some(bound)) => bound,
            (Some(_), Some(_)) => {
                return Err(self.damaged("its log is that of an earlier directory".to_owned()));
            }
            (Some(_), None) => return Err(self.damaged("its log has no identity".to_owned())),
            // A crash in the first start, or a first start.
            (None, None) => self.bind(&disk)?,
        };
        self.write_identity(&identity)?;
        Ok((Arc::new(disk), identity))
    }

    fn bind(&self, disk: &RocksLog) -> Result<Identity, StartError> {
        let found = disk.read(0..u64::MAX, 1).map_err(|error| self.log_error(error))?;
        if !found.is_empty() {
            return Err(self.damaged("its log has no identity".to_owned()));
        }
        let incarnation = Incarnation(rand::random());
        let identity = Identity {
            version: IDENTITY_VERSION,
            cluster: self.cluster.clone(),
            node: self.node,
            incarnation,
        };
        let values = vec![(Slot::Identity, encode_value(Slot::Identity, &identity))];
        disk.write(Batch { values, ..Batch::default() })
            .and_then(|()| disk.sync())
            .map_err(|error| self.log_error(error))?;
        Ok(identity)
    }

    fn read_identity(&self) -> Result<Option<Identity>, StartError> {
        let text = match fs::read(self.dir.join(IDENTITY)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io(error)),
        };
        let identity: Identity = serde_json::from_slice(&text)
            .map_err(|error| self.damaged(format!("{IDENTITY} can't be read: {error}")))?;
        if identity.version > IDENTITY_VERSION {
            let what = format!("{IDENTITY} is in format {}", identity.version);
            return Err(StartError::Newer { path: self.dir.to_owned(), what });
        }
        Ok(Some(identity))
    }

    fn write_identity(&self, identity: &Identity) -> Result<(), StartError> {
        if self.dir.join(IDENTITY).exists() {
            return Ok(());
        }
        let mut text = serde_json::to_vec_pretty(identity).expect("an identity has no fallible serialiser");
        text.push(b'\n');
        write_file(self.dir, IDENTITY, &text).map_err(|error| self.io(error))
    }

    fn has_snapshots(&self) -> Result<bool, StartError> {
        match fs::read_dir(self.snapshots_dir()) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.io(error)),
        }
    }

    fn owns(&self, identity: &Identity) -> bool {
        identity.cluster == *self.cluster && identity.node == self.node
    }

    fn require_own(&self, identity: &Identity) -> Result<(), StartError> {
        if self.owns(identity) { Ok(()) } else { Err(self.foreign(identity)) }
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn snapshots_dir(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    fn foreign(&self, found: &Identity) -> StartError {
        StartError::Foreign {
            path: self.dir.to_owned(),
            found_node: found.node,
            found_cluster: found.cluster.clone(),
            node: self.node,
            cluster: self.cluster.clone(),
        }
    }

    fn damaged(&self, what: String) -> StartError {
        StartError::Damaged { path: self.dir.to_owned(), what }
    }

    fn io(&self, source: io::Error) -> StartError {
        StartError::DataDir { path: self.dir.to_owned(), source }
    }

    fn log_error(&self, error: io::Error) -> StartError {
        let record = error.get_ref().and_then(|inner| inner.downcast_ref::<RecordError>());
        let newer = record.is_some_and(RecordError::is_newer);
        let path = self.log_dir();
        if error.kind() == io::ErrorKind::WouldBlock {
            return StartError::InUse { path: self.dir.to_owned() };
        }
        if error.kind() != io::ErrorKind::InvalidData {
            return StartError::DataDir { path, source: error };
        }
        let what = chain(&error);
        if newer { StartError::Newer { path, what } } else { StartError::Damaged { path, what } }
    }

    fn snapshot_error(&self, error: OpenError) -> StartError {
        let path = self.snapshots_dir();
        match error {
            OpenError::Io(source) => StartError::DataDir { path, source },
            OpenError::Damaged { what } => StartError::Damaged { path, what },
            OpenError::Newer { what } => StartError::Newer { path, what },
        }
    }
}
