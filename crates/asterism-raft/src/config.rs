//! What a replica is started with.

use std::{path::PathBuf, sync::Arc, time::Duration};

use asterism_model::{Name, NodeId};
use openraft::SnapshotPolicy;

use crate::StartError;

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
    /// For replicas on one LAN: 100 ms, 225 ms, 450 ms. Four heartbeats may be missed, and a leader that died is
    /// replaced in 0.7 to 0.9 s; the sum of both waits has to stay below the second that operators are promised.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(225),
            election_max: Duration::from_millis(450),
        }
    }
}

/// What openraft is told for a replica of this configuration.
///
/// # Errors
/// A field is not valid; the sentence names it and what would be.
pub fn openraft_config(config: &ReplicaConfig) -> Result<Arc<openraft::Config>, StartError> {
    config.validate()
}

impl ReplicaConfig {
    /// Checks every field and returns what openraft is told.
    pub(crate) fn validate(&self) -> Result<Arc<openraft::Config>, StartError> {
        if self.node.0 == 0 {
            return Err(invalid("node", "0 is not a node id", "1 or more"));
        }
        if self
            .advertise
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok())
            .is_none_or(|port| port == 0)
        {
            return Err(invalid("advertise", &format!("`{}` has no port", self.advertise), "host:port"));
        }
        if self.snapshot_every == 0 {
            return Err(invalid("snapshot_every", "0 entries", "1 or more"));
        }
        let Timing { heartbeat, election_min, election_max } = self.timing;
        if heartbeat < Duration::from_millis(1) {
            return Err(invalid("heartbeat", &format!("{heartbeat:?}"), "1 ms or more"));
        }
        if election_min < heartbeat * 2 {
            let expected = format!("twice the heartbeat ({heartbeat:?}) or more");
            return Err(invalid("election_min", &format!("{election_min:?}"), &expected));
        }
        if election_max <= election_min {
            let expected = format!("more than election_min ({election_min:?})");
            return Err(invalid("election_max", &format!("{election_max:?}"), &expected));
        }
        Ok(Arc::new(self.openraft()?))
    }

    fn openraft(&self) -> Result<openraft::Config, StartError> {
        let Timing { heartbeat, election_min, election_max } = self.timing;
        let config = openraft::Config {
            cluster_name: self.cluster.to_string(),
            heartbeat_interval: millis(heartbeat),
            election_timeout_min: millis(election_min),
            election_timeout_max: millis(election_max),
            install_snapshot_timeout: millis(SNAPSHOT_DEADLINE),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_every),
            // So the log reaches back to the snapshot before the last, which counts if the last is damaged.
            max_in_snapshot_log_to_keep: self.snapshot_every,
            replication_lag_threshold: self.snapshot_every.saturating_mul(2),
            // A node that was away asks before it disturbs a leader that the others hear.
            enable_pre_vote: Some(true),
            // A state that was just read from disk may be older than what this node has answered: an election first.
            enable_leader_restore: Some(false),
            // A leader without a majority falls silent from time to time, so that the one voter that it still reaches
            // may elect another.
            quorum_loss_probe_interval: Some(millis(election_max).saturating_mul(5).div_ceil(2)),
            backoff: BACKOFF.to_owned(),
            ..openraft::Config::default()
        };
        config.validate().map_err(|error| invalid("timing", &error.to_string(), "longer intervals"))
    }
}

/// For a whole snapshot, sent, saved and read by the follower; openraft's 200 ms suffice for none.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(60);

/// Between attempts at a peer that can't be reached: soon at first, so that a restarted one is found quickly.
const BACKOFF: &str = "50ms 100ms 200ms ...1s";

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn invalid(key: &'static str, problem: &str, expected: &str) -> StartError {
    StartError::Config { key, problem: problem.to_owned(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ReplicaConfig {
        ReplicaConfig::new(NodeId(1), "c".parse().unwrap(), "/nowhere".into(), "127.0.0.1:7400".to_owned())
    }

    fn refusal(change: impl FnOnce(&mut ReplicaConfig)) -> String {
        let mut config = config();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = config().validate().unwrap();
        assert_eq!(config.enable_pre_vote, Some(true));
        assert_eq!(config.quorum_loss_probe_interval, Some(1125));
    }

    #[test]
    fn a_bad_field_is_named_with_what_would_be_valid() {
        assert_eq!(refusal(|c| c.node = NodeId(0)), "node: 0 is not a node id; expected 1 or more");
        assert_eq!(
            refusal(|c| c.advertise = "here".into()),
            "advertise: `here` has no port; expected host:port"
        );
        let election = refusal(|c| c.timing.election_max = c.timing.election_min);
        assert_eq!(election, "election_max: 225ms; expected more than election_min (225ms)");
        assert!(refusal(|c| c.timing.election_min = c.timing.heartbeat).starts_with("election_min: 100ms"));
    }
}
