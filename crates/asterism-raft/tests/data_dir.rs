//! Whose a data directory is, and what happens when a part of it is missing or damaged.
//!
//! A damaged directory is refused with a sentence; what was acknowledged is never silently forgotten.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use asterism_model::{Command, NodeId, Operation, Timestamp};
use asterism_raft::{
    StartError,
    parts::{CommittedLeaderId, DataDir, Entry, Failure, LogId, Payload, Proposal, Vote},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

const ENTRIES: u64 = 100;

fn open_as(dir: &Path, cluster: &str, node: u64) -> Result<DataDir, StartError> {
    DataDir::open(dir, &cluster.parse().unwrap(), NodeId(node), Failure::default())
}

fn open(dir: &Path) -> Result<DataDir, StartError> {
    open_as(dir, "test", 1)
}

fn entry(index: u64) -> Entry {
    let operation = Operation::AddPool { name: format!("pool-{index}").parse().unwrap() };
    let command = Command { caller: None, request: None, at: Timestamp(index), operation };
    Entry {
        log_id: LogId::new(CommittedLeaderId::new(1), index),
        payload: Payload::Normal(Proposal(command)),
    }
}

async fn append(data: &DataDir, index: u64) {
    let (done, durable) = oneshot::channel();
    data.log.append(vec![entry(index)], Box::new(|result| done.send(result).unwrap())).unwrap();
    durable.await.unwrap().unwrap();
}

/// A directory with a vote and entries, each synced by itself, closed.
async fn filled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path()).unwrap();
    data.log.save_vote(&Vote::new_committed(1, 1)).await.unwrap();
    for index in 0..ENTRIES {
        append(&data, index).await;
    }
    data.log.close();
    dir
}

/// The one write-ahead log, which holds everything, as nothing else was written yet.
fn write_ahead_log(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|is| is == "log")).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    logs.remove(0)
}

fn len(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

fn cut(file: &Path, len: u64) {
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(len).unwrap();
}

fn flip(file: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

fn last_index(data: &DataDir) -> Option<u64> {
    data.log.bounds().last.map(|last| last.index)
}

fn refusal(dir: &Path) -> String {
    let error = open(dir).err().unwrap();
    assert!(matches!(error, StartError::Damaged { .. }), "{error}");
    let said = error.to_string();
    assert!(said.starts_with(&dir.display().to_string()), "{said}");
    assert!(said.contains("under a new node id"), "{said}");
    said
}

#[tokio::test]
async fn a_directory_is_read_as_it_was_closed() {
    let dir = filled().await;
    let data = open(dir.path()).unwrap();
    assert_eq!(last_index(&data), Some(ENTRIES - 1));
    assert_eq!(data.log.vote().unwrap(), Some(Vote::new_committed(1, 1)));
    let all: Vec<Entry> = (0..ENTRIES).map(entry).collect();
    assert_eq!(data.log.read_all(0..ENTRIES).unwrap(), all);
}

#[test]
fn a_directory_of_another_node_or_cluster_is_refused_with_both_names() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).unwrap().log.close();
    let error = open_as(dir.path(), "test", 2).err().unwrap().to_string();
    assert!(error.contains("node c1 of cluster `test`, and this is node c2 of cluster `test`"), "{error}");
    let error = open_as(dir.path(), "other", 1).err().unwrap().to_string();
    assert!(error.contains("node c1 of cluster `test`, and this is node c1 of cluster `other`"), "{error}");
    // Without the file that says so, the log itself says it.
    fs::remove_file(dir.path().join("identity.json")).unwrap();
    let error = open_as(dir.path(), "test", 2).err().unwrap();
    assert!(matches!(error, StartError::Foreign { .. }), "{error}");
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path()).unwrap();
    let error = open(dir.path()).err().unwrap();
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn a_first_start_that_was_interrupted_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let before = open(dir.path()).unwrap();
    before.log.close();
    fs::remove_file(dir.path().join("identity.json")).unwrap();
    let after = open(dir.path()).unwrap();
    assert_eq!(after.identity, before.identity);
    assert!(dir.path().join("identity.json").exists());
}

#[tokio::test]
async fn a_lost_log_is_noticed() {
    let dir = filled().await;
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    assert!(refusal(dir.path()).contains("its log is gone"));
}

#[tokio::test]
async fn the_log_of_an_earlier_directory_of_the_same_node_is_noticed() {
    let (dir, earlier) = (filled().await, filled().await);
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    fs::rename(earlier.path().join("log"), dir.path().join("log")).unwrap();
    assert!(refusal(dir.path()).contains("its log is that of an earlier directory"));
}

#[tokio::test]
async fn an_identity_that_cannot_be_read_is_refused() {
    let dir = filled().await;
    cut(&dir.path().join("identity.json"), 20);
    assert!(refusal(dir.path()).contains("identity.json can't be read"));
}

/// A power cut may tear what was not acknowledged, at any byte; all that was stays.
#[tokio::test]
async fn a_log_that_ends_within_a_record_has_all_records_before_it() {
    let dir = filled().await;
    // The close synced and closed the log without moving it into a table.
    let log = write_ahead_log(dir.path());
    let full = len(&log);
    let whole = fs::read(&log).unwrap();
    for missing in [1, 2, 7, 50, 100, 137, 200] {
        fs::write(&log, &whole).unwrap();
        cut(&log, full - missing);
        let copy = copied(dir.path());
        let data = open(copy.path()).unwrap();
        let last = last_index(&data).unwrap();
        assert!((ENTRIES - 4..ENTRIES - 1).contains(&last), "{missing} bytes cut: entries up to {last}");
        let kept: Vec<Entry> = (0..=last).map(entry).collect();
        assert_eq!(data.log.read_all(0..ENTRIES).unwrap(), kept);
    }
}

#[tokio::test]
async fn a_flipped_byte_is_refused_wherever_it_is() {
    let dir = filled().await;
    let log = write_ahead_log(dir.path());
    let full = len(&log);
    let whole = fs::read(&log).unwrap();
    // In an early record, in the middle, and in the last record: it can't be told from one that was acknowledged.
    for at in [full / 10, full / 2, full - 40] {
        fs::write(&log, &whole).unwrap();
        flip(&log, at);
        let copy = copied(dir.path());
        let said = refusal(copy.path());
        assert!(said.contains("orruption"), "at byte {at}: {said}");
    }
}

#[tokio::test]
async fn a_zeroed_block_is_refused() {
    let dir = filled().await;
    let log = write_ahead_log(dir.path());
    let middle = len(&log) / 2;
    fs::OpenOptions::new().write(true).open(&log).unwrap().write_all_at(&[0; 512], middle).unwrap();
    refusal(dir.path());
}

#[tokio::test]
async fn a_flipped_byte_in_a_table_is_refused() {
    let dir = filled().await;
    // The next start moves the write-ahead log into a table.
    open(dir.path()).unwrap().log.close();
    let files = fs::read_dir(dir.path().join("log")).unwrap().map(|entry| entry.unwrap().path());
    let table = files.into_iter().find(|path| path.extension().is_some_and(|is| is == "sst")).unwrap();
    flip(&table, len(&table) / 3);
    refusal(dir.path());
}

#[tokio::test]
async fn a_hole_in_the_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = open(dir.path()).unwrap();
    for index in [0, 1, 3] {
        append(&data, index).await;
    }
    data.log.close();
    assert!(refusal(dir.path()).contains("entry 2 of the log is missing"));
}

/// A copy to open, as opening changes the files.
fn copied(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::copy(dir.join("identity.json"), copy.path().join("identity.json")).unwrap();
    fs::create_dir(copy.path().join("log")).unwrap();
    for file in fs::read_dir(dir.join("log")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join("log").join(file.file_name())).unwrap();
    }
    copy
}
