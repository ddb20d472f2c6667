//! openraft's own suite over the log and the state machine, on the real disk and on the simulated one.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

use std::sync::Arc;

use asterism_raft::parts::{
    Blocking, Failure, LogDisk, LogStore, RocksLog, SimLog, SimSnapshots, SnapshotDisk, SnapshotFiles,
    Snapshots, StateMachine, TokioTypes,
};
use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};
use tempfile::TempDir;

fn stores(
    log: Arc<dyn LogDisk>,
    snapshots: Arc<dyn SnapshotDisk>,
    blocking: Blocking,
) -> (LogStore, StateMachine) {
    let failure = Failure::default();
    let log = LogStore::open(log, blocking.clone(), failure.clone()).unwrap();
    let snapshots = Snapshots::open(snapshots, log.bounds().purged).unwrap();
    (log, StateMachine::new(snapshots, blocking, failure))
}

struct OnRocksDb;

impl StoreBuilder<TokioTypes, LogStore, StateMachine, TempDir> for OnRocksDb {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<TokioTypes>> {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(RocksLog::open(&dir.path().join("log"), true).unwrap());
        let snapshots = Arc::new(SnapshotFiles::open(&dir.path().join("snapshots")).unwrap());
        let (log, machine) = stores(log, snapshots, Blocking::Threads);
        Ok((dir, log, machine))
    }
}

struct OnSimulatedDisk;

impl StoreBuilder<TokioTypes, LogStore, StateMachine> for OnSimulatedDisk {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError<TokioTypes>> {
        let (log, machine) =
            stores(Arc::<SimLog>::default(), Arc::<SimSnapshots>::default(), Blocking::Inline);
        Ok(((), log, machine))
    }
}

#[tokio::test]
async fn the_stores_on_rocksdb_do_what_openraft_asks() {
    Suite::test_all(OnRocksDb).await.unwrap();
}

#[tokio::test]
async fn the_stores_on_the_simulated_disk_do_what_openraft_asks() {
    Suite::test_all(OnSimulatedDisk).await.unwrap();
}
