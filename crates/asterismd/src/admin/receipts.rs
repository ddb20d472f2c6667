//! How long operators' changes take: from the request to its commit, to every OVSDB, to tunnels that are up.
//!
//! Measured whether anybody waits or not. The task looks when the leader's view changes and something is open; nothing
//! waits for it, and what finds no room in its queue is not measured.

use std::{collections::VecDeque, time::Duration};

use asterism_api::v1::{self, Stage};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use super::AdminService;
use crate::metrics::Counters;

/// Changes that may wait to be looked after.
const QUEUE: usize = 256;
/// Between two looks: a view changes with each picture, and a look goes over all tunnels.
const PAUSE: Duration = Duration::from_millis(20);
/// Looked at by itself that often: a host becomes unreachable, and is not waited for then, by time alone.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// For how long a change is looked after.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where a change is reported as it is committed.
#[derive(Clone)]
pub struct Receipts {
    committed: mpsc::Sender<Change>,
    counters: Counters,
}

/// The other end, for the task.
pub struct Reported(mpsc::Receiver<Change>);

struct Change {
    revision: u64,
    since: Instant,
    is_programmed: bool,
}

/// A pair of ends.
pub fn receipts(counters: Counters) -> (Receipts, Reported) {
    let (committed, reported) = mpsc::channel(QUEUE);
    (Receipts { committed, counters }, Reported(reported))
}

impl Receipts {
    /// A change that began at `since` was committed as that revision.
    pub(super) fn committed(&self, revision: u64, since: Instant) {
        self.counters.wrote("applied");
        self.counters.received("committed", since.elapsed().as_secs_f64());
        // Not measured, if there are too many at a time.
        let _ = self.committed.try_send(Change { revision, since, is_programmed: false });
    }

    /// The state refused it.
    pub(super) fn refused(&self) {
        self.counters.wrote("refused");
    }

    /// It was not committed, as far as is known.
    pub(super) fn failed(&self) {
        self.counters.wrote("failed");
    }
}

impl AdminService {
    /// Looks after changes until the replica stops.
    pub(crate) async fn measure_receipts(self, reported: Reported) {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            () = self.look_after(reported.0) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    async fn look_after(&self, mut reported: mpsc::Receiver<Change>) {
        let mut view = self.view.clone();
        let mut open: VecDeque<Change> = VecDeque::new();
        loop {
            if open.is_empty() {
                match reported.recv().await {
                    Some(change) => open.push_back(change),
                    None => return,
                }
            }
            while let Ok(change) = reported.try_recv() {
                open.push_back(change);
            }
            view.mark_unchanged();
            self.look(&mut open);
            sleep(PAUSE).await;
            // Whether it changed or not, the next look tells.
            let _ = timeout(LOOK_AGAIN, view.changed()).await;
        }
    }

    fn look(&self, open: &mut VecDeque<Change>) {
        let shown = self.leader_view();
        let Some(leading) = &shown.leading else {
            // Who leads then measures its own.
            if !self.replica.watch_leadership().borrow().is_leader {
                open.clear();
            }
            return;
        };
        let request =
            v1::AwaitRequest { revision: 0, stage: Stage::Verified.into(), include_unreachable: false };
        let progress = self.measure(leading, &request);
        let counters = &self.receipts.counters;
        open.retain_mut(|change| {
            let is_seen = change.revision <= progress.revision;
            let has_reached = |stage: Stage| is_seen && progress.stage >= stage.into();
            let seconds = change.since.elapsed().as_secs_f64();
            if !change.is_programmed && has_reached(Stage::Programmed) {
                change.is_programmed = true;
                counters.received("programmed", seconds);
            }
            if has_reached(Stage::Verified) {
                counters.received("verified", seconds);
                return false;
            }
            let is_overdue = change.since.elapsed() > PATIENCE;
            if is_overdue {
                counters.overdue();
            }
            !is_overdue
        });
    }
}
