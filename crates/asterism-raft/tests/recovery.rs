//! What is left after a power cut, on the simulated disk: all that was acknowledged, and of the rest a beginning.
//!
//! A seeded run of appends, truncations, purges and votes is cut at a random point. What the log holds after the next
//! boot has to be what it held after one of the steps, and not an earlier one than the last that was acknowledged.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
};

use asterism_raft::parts::{
    Batch, Blocking, CommittedLeaderId, Entry, Failure, Fault, LogDisk, LogId, LogStore, Payload, SimLog,
    Slot, Vote,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

fn boot(disk: Arc<dyn LogDisk>) -> LogStore {
    LogStore::open(disk, Blocking::Inline, Failure::default()).unwrap()
}

fn blank(term: u64, index: u64) -> Entry {
    Entry { log_id: LogId::new(CommittedLeaderId::new(term), index), payload: Payload::Blank }
}

/// What a log holds.
#[derive(Debug, Clone, PartialEq, Default)]
struct Held {
    vote: Option<Vote>,
    purged: Option<LogId>,
    entries: Vec<LogId>,
}

impl Held {
    fn of(log: &LogStore) -> Self {
        let entries = log.read_all(0..u64::MAX).unwrap();
        Self {
            vote: log.vote().unwrap(),
            purged: log.bounds().purged,
            entries: entries.iter().map(|entry| entry.log_id).collect(),
        }
    }

    fn next(&self) -> u64 {
        self.entries.last().or(self.purged.as_ref()).map_or(0, |last| last.index + 1)
    }

    fn term(&self) -> u64 {
        self.vote.map_or(0, |vote| vote.leader_id.term)
    }
}

/// One step of a run, drawn so that openraft could have asked for it.
#[derive(Debug, Clone)]
enum Step {
    Vote(Vote),
    Append(Vec<Entry>),
    TruncateAfter(Option<LogId>),
    Purge(LogId),
}

impl Step {
    fn draw(rng: &mut StdRng, held: &Held) -> Self {
        let some_entry = |rng: &mut StdRng| match held.entries.len() {
            0 => None,
            len => Some(held.entries[rng.random_range(0..len)]),
        };
        match rng.random_range(0..10) {
            0..2 => Self::Vote(Vote::new(held.term() + rng.random_range(1..3), rng.random_range(1..4))),
            2 => match some_entry(rng) {
                Some(after) => Self::TruncateAfter(Some(after)),
                None => Self::TruncateAfter(held.purged),
            },
            3 => match some_entry(rng) {
                Some(upto) => Self::Purge(upto),
                None => Self::Purge(LogId::new(CommittedLeaderId::new(held.term()), held.next() + 3)),
            },
            _ => {
                let count = rng.random_range(1..5);
                Self::Append(
                    (held.next()..held.next() + count).map(|index| blank(held.term(), index)).collect(),
                )
            }
        }
    }

    fn apply(&self, held: &mut Held) {
        match self {
            Self::Vote(vote) => held.vote = Some(*vote),
            Self::Append(entries) => held.entries.extend(entries.iter().map(|entry| entry.log_id)),
            Self::TruncateAfter(last) => {
                held.entries.retain(|id| last.is_some_and(|last| id.index <= last.index))
            }
            Self::Purge(upto) => {
                held.purged = Some(*upto);
                held.entries.retain(|id| id.index > upto.index);
            }
        }
    }

    /// Returns whether it was acknowledged.
    async fn run(&self, log: &LogStore) -> bool {
        match self {
            Self::Vote(vote) => log.save_vote(vote).await.is_ok(),
            Self::TruncateAfter(last) => log.truncate_after(*last).await.is_ok(),
            Self::Purge(upto) => log.purge(*upto).await.is_ok(),
            Self::Append(entries) => {
                let (done, acknowledged) = channel();
                let written =
                    log.append(entries.clone(), Box::new(move |result| done.send(result.is_ok()).unwrap()));
                written.is_ok() && acknowledged.recv().unwrap()
            }
        }
    }
}

#[tokio::test]
async fn after_a_power_cut_the_log_is_as_after_a_step_that_is_not_before_the_last_acknowledged() {
    for seed in 0..300 {
        let mut rng = StdRng::seed_from_u64(seed);
        let disk = Arc::new(SimLog::default());
        let mut held = Held::default();
        // Three lives of the same disk.
        for _ in 0..3 {
            let log = boot(disk.clone());
            assert_eq!(Held::of(&log), held, "seed {seed}");
            for _ in 0..rng.random_range(0..20) {
                let step = Step::draw(&mut rng, &held);
                assert!(step.run(&log).await, "seed {seed}: {step:?}");
                step.apply(&mut held);
            }
            let step = Step::draw(&mut rng, &held);
            disk.fail(Fault::Sync);
            let acknowledged = step.run(&log).await;
            let written = disk.unsynced() > 0;
            disk.crash(rng.random_range(0..2));
            let found = Held::of(&boot(disk.clone()));
            let mut after = held.clone();
            step.apply(&mut after);
            assert!(!acknowledged || !written, "seed {seed}: {step:?} was acknowledged unsynced");
            assert!(found == held || found == after, "seed {seed}: {step:?}\n{found:?}\n{held:?}");
            held = found;
        }
    }
}

/// A disk whose syncs wait for a word.
struct Slow {
    disk: Arc<SimLog>,
    word: Mutex<Receiver<()>>,
}

impl LogDisk for Slow {
    fn read(&self, range: Range<u64>, max_bytes: usize) -> std::io::Result<Vec<(u64, Vec<u8>)>> {
        self.disk.read(range, max_bytes)
    }

    fn value(&self, slot: Slot) -> std::io::Result<Option<Vec<u8>>> {
        self.disk.value(slot)
    }

    fn write(&self, batch: Batch) -> std::io::Result<()> {
        self.disk.write(batch)
    }

    fn sync(&self) -> std::io::Result<()> {
        match self.word.lock().unwrap().recv() {
            Ok(()) => self.disk.sync(),
            Err(_) => Err(std::io::Error::other("the power is gone")),
        }
    }
}

fn slow(disk: &Arc<SimLog>) -> (LogStore, Sender<()>) {
    let (sender, word) = channel();
    let disk = Arc::new(Slow { disk: disk.clone(), word: Mutex::new(word) });
    (LogStore::open(disk, Blocking::Threads, Failure::default()).unwrap(), sender)
}

#[test]
fn what_waits_for_its_sync_is_acknowledged_only_after_it_and_lost_from_the_end() {
    for kept in 0..=5 {
        let disk = Arc::new(SimLog::default());
        let (log, word) = slow(&disk);
        let (done, acknowledged) = channel();
        for index in 0..5 {
            let done = done.clone();
            let tell = move |result: std::io::Result<()>| done.send((index, result.is_ok())).unwrap();
            log.append(vec![blank(1, index)], Box::new(tell)).unwrap();
        }
        assert_eq!(log.read_all(0..10).unwrap().len(), 5, "what was written is readable at once");
        assert!(acknowledged.try_recv().is_err(), "and not acknowledged");
        disk.crash(kept);
        let found = Held::of(&boot(disk.clone()));
        assert_eq!(found.entries.len(), kept);
        assert!(found.entries.iter().map(|id| id.index).eq(0..kept as u64));
        drop(word);
        assert!((0..5).all(|index| acknowledged.recv().unwrap() == (index, false)));
    }
}

#[test]
fn a_vote_is_not_told_before_it_is_durable() {
    let disk = Arc::new(SimLog::default());
    let (log, word) = slow(&disk);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let voter = log.clone();
    let saving = runtime.spawn(async move { voter.save_vote(&Vote::new(5, 1)).await });
    while disk.unsynced() == 0 {
        std::thread::yield_now();
    }
    assert!(!saving.is_finished());
    word.send(()).unwrap();
    runtime.block_on(saving).unwrap().unwrap();
    disk.crash(0);
    assert_eq!(boot(disk).vote().unwrap(), Some(Vote::new(5, 1)));
}

#[test]
fn what_is_known_to_be_committed_may_be_lost_and_nothing_else() {
    let disk = Arc::new(SimLog::default());
    let log = boot(disk.clone());
    log.append(vec![blank(1, 0), blank(1, 1)], Box::new(|result| result.unwrap())).unwrap();
    log.save_committed(Some(LogId::new(CommittedLeaderId::new(1), 1))).unwrap();
    disk.crash(0);
    let log = boot(disk);
    assert_eq!(log.committed().unwrap(), None);
    assert_eq!(Held::of(&log).entries.len(), 2);
}

#[test]
fn a_record_damaged_at_run_time_ends_the_log_for_good() {
    let disk = Arc::new(SimLog::default());
    let failure = Failure::default();
    let log = LogStore::open(disk.clone(), Blocking::Inline, failure.clone()).unwrap();
    log.append((0..10).map(|index| blank(1, index)).collect(), Box::new(|result| result.unwrap())).unwrap();
    assert!(disk.damage(4));
    let error = log.read_all(0..10).unwrap_err();
    assert_eq!(error.to_string(), "can't read the log: entry 4 of the log fails its checksum");
    assert_eq!(failure.get().unwrap().to_string(), error.to_string());
    assert!(log.read_all(0..2).is_err(), "nothing is read after that, not even what is whole");
    assert!(log.append(vec![blank(1, 10)], Box::new(|_| panic!("not reached"))).is_err());
}

#[test]
fn a_full_disk_ends_the_log_for_good() {
    let disk = Arc::new(SimLog::default());
    let failure = Failure::default();
    let log = LogStore::open(disk.clone(), Blocking::Inline, failure.clone()).unwrap();
    disk.fail(Fault::Write);
    assert!(log.append(vec![blank(1, 0)], Box::new(|_| panic!("not reached"))).is_err());
    disk.crash(0); // the fault is gone, the failure stays
    assert!(log.append(vec![blank(1, 0)], Box::new(|_| panic!("not reached"))).is_err());
    assert!(failure.get().unwrap().to_string().contains("the simulated disk is full"));
}
