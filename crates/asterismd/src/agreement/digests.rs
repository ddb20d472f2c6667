//! This replica's digests of late: after every entry that is marked, and where the log came to rest.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use asterism_model::stored;
use asterism_raft::{Replica, View};

/// How many are kept: replicas that apply at different speeds meet at one of them.
const KEPT: usize = 32;

/// Clones are the same memory.
#[derive(Debug, Clone, Default)]
pub struct Digests {
    known: Arc<Mutex<BTreeMap<u64, String>>>,
    /// The last index that was looked at, to see whether the log rests.
    last: Arc<Mutex<u64>>,
}

impl Digests {
    /// Takes the state's digest if it is worth it: at a mark, or if nothing was applied since the last look.
    pub async fn look(&self, replica: &Replica) {
        let here = replica.read_stale();
        let rests = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, here.index) == here.index
        };
        let worth = replica.marked().into_iter().chain(rests.then_some(here));
        for view in worth.filter(|view| view.index > 0) {
            if !self.lock().contains_key(&view.index) {
                self.take(view).await;
            }
        }
    }

    /// On a thread of its own: the state of a large installation takes some milliseconds.
    async fn take(&self, view: View) {
        let index = view.index;
        let taken = tokio::task::spawn_blocking(move || stored::digest(&view.state)).await;
        // The runtime is ending.
        let Ok(digest) = taken else { return };
        let mut known = self.lock();
        known.insert(index, digest);
        while known.len() > KEPT {
            known.pop_first();
        }
    }

    /// By index.
    pub fn known(&self) -> BTreeMap<u64, String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
