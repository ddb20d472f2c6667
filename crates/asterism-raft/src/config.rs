//! What a replica is started with.

use std::{path::PathBuf, time::Duration};

use asterism_model::{Name, NodeId};

/// One replica's place in its cluster.
#[derive(Debug, Clone)]
pub struct ReplicaConfig {
    /// 1 or more; never given to another machine, not even after this one is removed.
    pub node: NodeId,
    /// Peers and data directories of another cluster are refused by this name.
    pub cluster: Name,
    /// Made if absent; bound to `cluster` and `node` at the first start.
    pub data_dir: PathBuf,
    /// `host:port` at which the other replicas reach this one.
    pub advertise: String,
    pub timing: Timing,
    /// A snapshot is taken, and the log before the last one dropped, each time that many entries were applied.
    pub snapshot_every: u64,
}

impl ReplicaConfig {
    /// With the default timing, and a snapshot every 5000 entries.
    pub fn new(node: NodeId, cluster: Name, data_dir: PathBuf, advertise: String) -> Self {
        Self { node, cluster, data_dir, advertise, timing: Timing::default(), snapshot_every: 5000 }
    }
}

/// The clocks of an election. A leader that died is replaced after `election_max` (its lease) and one more wait
/// between `election_min` and `election_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
}

impl Default for Timing {
    /// For replicas on one LAN: 100 ms, 300 ms, 600 ms.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(300),
            election_max: Duration::from_millis(600),
        }
    }
}
