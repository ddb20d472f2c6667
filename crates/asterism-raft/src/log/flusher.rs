//! Group commit: one sync for all that was written while the one before it ran.
//!
//! Whoever wrote something submits what to do once it is durable. One thread takes all that is submitted, syncs the
//! disk once, and does it in the order of submission. In a simulation there is no thread: each submission syncs, at once or
//! when the simulation has it so.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use prometheus_client::metrics::histogram::Histogram;

use crate::{
    blocking::{Blocking, SyncQueue},
    disk::LogDisk,
    failure::Failure,
    meters,
};

/// What to do once everything that was written before is durable, or is known not to be.
pub type Completion = Box<dyn FnOnce(io::Result<()>) + Send>;

pub struct Flusher {
    state: Mutex<State>,
    sync: Histogram,
}

enum State {
    Thread { submissions: Sender<Completion>, thread: JoinHandle<()>, failure: Failure },
    Inline(Worker),
    Queued(Worker, Arc<dyn SyncQueue>),
    Closed,
}

#[derive(Clone)]
struct Worker {
    disk: Arc<dyn LogDisk>,
    failure: Failure,
    sync: Histogram,
}

impl Flusher {
    /// # Errors
    /// The thread can't be started.
    pub fn new(blocking: Blocking, disk: Arc<dyn LogDisk>, failure: Failure) -> io::Result<Self> {
        let sync = meters::sync_histogram();
        let worker = Worker { disk, failure: failure.clone(), sync: sync.clone() };
        let state = match blocking {
            Blocking::Inline => State::Inline(worker),
            Blocking::Queued(queue) => State::Queued(worker, queue),
            Blocking::Threads => {
                let (submissions, submitted) = mpsc::channel();
                let thread = thread::Builder::new().name("raft-log-sync".to_owned());
                let thread = thread.spawn(move || worker.run(&submitted))?;
                State::Thread { submissions, thread, failure }
            }
        };
        Ok(Self { state: Mutex::new(state), sync })
    }

    /// How long each sync took, in seconds.
    pub fn meter(&self) -> Histogram {
        self.sync.clone()
    }

    /// Calls `done` when everything that was written before this call is durable.
    pub fn submit(&self, done: Completion) {
        let worker = match &*self.lock() {
            State::Inline(worker) => worker.clone(),
            State::Queued(worker, queue) => {
                let worker = worker.clone();
                return queue.push(Box::new(move || worker.complete(vec![done])));
            }
            State::Thread { submissions, .. } => match submissions.send(done) {
                Ok(()) => return,
                Err(refused) => return refused.0(Err(closed())),
            },
            State::Closed => return done(Err(closed())),
        };
        worker.complete(vec![done]);
    }

    /// Does what was submitted, then lets go of the disk.
    pub fn close(&self) {
        let state = std::mem::replace(&mut *self.lock(), State::Closed);
        let State::Thread { submissions, thread, failure } = state else { return };
        drop(submissions);
        if thread.join().is_err() {
            failure.fail("the thread that syncs the log panicked".to_owned(), io::ErrorKind::Other);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the lock")
    }
}

/// The disk is let go of when the last handle is, and not some time later.
impl Drop for Flusher {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}

impl Worker {
    fn run(&self, submitted: &Receiver<Completion>) {
        while let Ok(first) = submitted.recv() {
            let mut batch = vec![first];
            batch.extend(submitted.try_iter());
            self.complete(batch);
        }
    }

    fn complete(&self, batch: Vec<Completion>) {
        let start = Instant::now();
        let result = self.failure.guard("sync the log", || self.disk.sync());
        self.sync.observe(start.elapsed().as_secs_f64());
        for done in batch {
            done(result.as_ref().copied().map_err(|error| io::Error::new(error.kind(), error.to_string())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, sync_channel};

    use super::*;
    use crate::disk::{
        Batch,
        sim::{Fault, SimLog},
    };

    /// A disk whose sync waits until it is let through.
    struct Gate {
        disk: SimLog,
        let_through: Mutex<Receiver<()>>,
    }

    impl LogDisk for Gate {
        fn read(&self, range: std::ops::Range<u64>, max_bytes: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
            self.disk.read(range, max_bytes)
        }
        fn value(&self, slot: crate::disk::Slot) -> io::Result<Option<Vec<u8>>> {
            self.disk.value(slot)
        }
        fn write(&self, batch: Batch) -> io::Result<()> {
            self.disk.write(batch)
        }
        fn sync(&self) -> io::Result<()> {
            self.let_through.lock().unwrap().recv().unwrap();
            self.disk.sync()
        }
    }

    #[test]
    fn one_sync_serves_all_that_waited_and_in_order() {
        let (gate, let_through) = channel();
        let disk = Arc::new(Gate { disk: SimLog::default(), let_through: Mutex::new(let_through) });
        let flusher = Flusher::new(Blocking::Threads, disk.clone(), Failure::default()).unwrap();
        let (done, seen) = channel();
        for number in 0..10 {
            let done = done.clone();
            flusher.submit(Box::new(move |result| {
                result.unwrap();
                done.send(number).unwrap();
            }));
        }
        // The first sync serves what the thread found when it woke up, the second all the rest.
        gate.send(()).unwrap();
        gate.send(()).unwrap();
        let order: Vec<i32> = (0..10).map(|_| seen.recv().unwrap()).collect();
        assert_eq!(order, (0..10).collect::<Vec<_>>());
        assert!(disk.disk.syncs() <= 2);
        flusher.close();
    }

    #[test]
    fn after_a_failed_sync_nothing_is_synced_again() {
        let disk = Arc::new(SimLog::default());
        let failure = Failure::default();
        let flusher = Flusher::new(Blocking::Threads, disk.clone(), failure.clone()).unwrap();
        disk.fail(Fault::Sync);
        let (done, seen) = sync_channel(2);
        let submit = || {
            let done = done.clone();
            flusher.submit(Box::new(move |result| done.send(result.is_ok()).unwrap()));
            seen.recv().unwrap()
        };
        assert!(!submit());
        disk.crash(0); // the fault goes, the failure stays
        assert!(!submit());
        assert_eq!(disk.syncs(), 0);
        assert!(failure.get().unwrap().to_string().contains("sync the log"));
        flusher.close();
    }
}
