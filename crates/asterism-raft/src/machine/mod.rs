//! The state machine: the one place where committed commands change the state, and the snapshots of it.
//!
//! The state lives in memory. What is durable is the log and the last snapshots; after a restart the newest snapshot
//! is read and the log behind it is applied again.

mod format;
mod raft;
mod snapshots;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use asterism_model::{Command, NetworkState, Reply};
use bytes::Bytes;
pub use format::SnapshotError;
pub use snapshots::{OpenError, Snapshots};
use tokio::sync::watch;

use crate::{
    blocking::Blocking,
    failure::Failure,
    replica::{Applied, View},
    types::{LogId, SnapshotMeta, StoredMembership},
};

/// A handle on the state machine; clones are the same machine.
#[derive(Clone)]
pub struct StateMachine {
    shared: Arc<Shared>,
}

struct Shared {
    current: Mutex<Current>,
    applied: watch::Sender<Applied>,
    snapshots: Snapshots,
    blocking: Blocking,
    failure: Failure,
}

/// Each time the log passes a multiple of this, the state is kept aside, so that replicas that apply at different speeds
/// can be compared. Keeping it costs one copy of the state, when the next entry changes it.
const MARK_EVERY: u64 = 256;

/// Everything that moves with an entry moves together.
#[derive(Clone, Default)]
struct Current {
    last: Option<LogId>,
    membership: StoredMembership,
    /// Changed in place while no reader holds it, else copied first.
    state: Arc<NetworkState>,
    /// As it was after the last command that passed a multiple of [`MARK_EVERY`]: the same ones on every replica.
    marked: Option<View>,
}

impl StateMachine {
    /// An empty machine; openraft has it read the current snapshot, and apply the log behind it.
    pub fn new(snapshots: Snapshots, blocking: Blocking, failure: Failure) -> Self {
        let shared = Shared {
            current: Mutex::default(),
            applied: watch::Sender::new(Applied::default()),
            snapshots,
            blocking,
            failure,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The state as it is; never an entry half applied.
    pub fn view(&self) -> View {
        let current = self.lock();
        View { index: current.last.map_or(0, |last| last.index), state: current.state.clone() }
    }

    /// The last state that was kept aside; none since the last snapshot was installed or read.
    pub fn marked(&self) -> Option<View> {
        self.lock().marked.clone()
    }

    pub fn watch_applied(&self) -> watch::Receiver<Applied> {
        self.shared.applied.subscribe()
    }

    fn apply_command(&self, id: LogId, command: &Command) -> Reply {
        let mut current = self.lock();
        let reply = Arc::make_mut(&mut current.state).apply(command);
        let before = current.last.map_or(0, |last| last.index);
        current.last = Some(id);
        if id.index / MARK_EVERY > before / MARK_EVERY {
            current.marked = Some(View { index: id.index, state: current.state.clone() });
        }
        reply
    }

    fn apply_blank(&self, id: LogId) {
        self.lock().last = Some(id);
    }

    fn apply_membership(&self, id: LogId, membership: crate::types::Membership) {
        let mut current = self.lock();
        current.membership = StoredMembership::new(Some(id), membership);
        current.last = Some(id);
    }

    fn replace(&self, meta: &SnapshotMeta, state: NetworkState) {
        *self.lock() = Current {
            last: meta.last_log_id,
            membership: meta.last_membership.clone(),
            state: Arc::new(state),
            marked: None,
        };
    }

    /// Wakes those who wait for an index.
    fn tell(&self) {
        let index = self.lock().last.map_or(0, |last| last.index);
        self.shared.applied.send_if_modified(|applied| {
            let moved = applied.index != index;
            applied.index = index;
            moved
        });
    }

    /// Works on the snapshots where blocking is allowed; a failure is the end of this replica.
    async fn with_snapshots<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Snapshots) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let shared = self.shared.clone();
        self.shared.blocking.run(move || shared.failure.guard(what, || work(&shared.snapshots))).await
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.shared.current.lock().expect("apply is total: it never panics")
    }
}

/// A state as of one entry, on its way into a file.
pub struct SnapshotBuilder {
    view: Current,
    machine: StateMachine,
}

/// A whole snapshot file.
pub type SnapshotData = Bytes;

/// The state that a snapshot file holds, with what it says of itself.
pub fn read_snapshot(bytes: &[u8]) -> Result<(SnapshotMeta, NetworkState), SnapshotError> {
    format::decode(bytes)
}

/// Checks a snapshot file and returns what it says of itself.
pub fn decode_snapshot(bytes: &[u8]) -> Result<SnapshotMeta, SnapshotError> {
    format::decode(bytes).map(|(meta, _)| meta)
}
