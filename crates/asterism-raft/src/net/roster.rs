//! The data directories that this replica has met, by node.
//!
//! A node whose directory was wiped has forgotten its votes and the entries that it acknowledged. Under its old id it
//! could help to elect a leader that lacks what was committed, and openraft's leader panics when it meets it. So its
//! messages are refused, until it is added again under a new id.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard},
};

use asterism_model::NodeId;

use crate::{data_dir::Incarnation, disk::Slot, log::LogStore};

pub struct Roster {
    log: LogStore,
    met: Mutex<BTreeMap<NodeId, Incarnation>>,
}

impl Roster {
    /// # Errors
    /// The log can't be read.
    pub fn open(log: LogStore) -> io::Result<Self> {
        let met = log.value(Slot::Peers)?.unwrap_or_default();
        Ok(Self { log, met: Mutex::new(met) })
    }

    /// The node was met with another data directory than this.
    pub fn knows_other(&self, node: NodeId, incarnation: Incarnation) -> bool {
        self.lock().get(&node).is_some_and(|met| *met != incarnation)
    }

    /// Remembers the data directory of a node that takes part, across restarts; the first one stays.
    pub async fn meet(&self, node: NodeId, incarnation: Incarnation) -> io::Result<()> {
        let met = {
            let mut met = self.lock();
            if met.contains_key(&node) {
                return Ok(());
            }
            met.insert(node, incarnation);
            met.clone()
        };
        self.log.save(Slot::Peers, &met).await
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Incarnation>> {
        self.met.lock().expect("no code panics while it holds the lock")
    }
}
