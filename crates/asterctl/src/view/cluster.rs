//! The replicas as they are shown.

use asterism_api::v1;
use serde::Serialize;

use super::{View, settings::SettingsView, time, word};
use crate::output::table::{NONE, pairs, table};

#[derive(Debug, Serialize)]
pub struct ClusterView {
    /// Null before the cluster is initialised.
    pub cluster_id: Option<String>,
    pub name: Option<String>,
    /// Who answered.
    pub node: u64,
    pub leader: Option<u64>,
    /// Whether a majority of the voters answers; without one nothing can be changed. Null before the cluster is initialised.
    pub has_quorum: Option<bool>,
    /// As the answering replica has them; null before the cluster is initialised.
    pub settings: Option<SettingsView>,
    pub replicas: Vec<ReplicaView>,
    /// Those that are to become members, or voters.
    pub invited: Vec<InvitedView>,
    /// What the answering replica waits for before it is a member.
    pub waiting_for: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct InvitedView {
    pub node: u64,
    pub address: String,
    pub as_learner: bool,
    pub replaces: Option<u64>,
    pub waiting_for: String,
}

#[derive(Debug, Serialize)]
pub struct ReplicaView {
    pub node: u64,
    pub address: String,
    pub is_voter: bool,
    pub is_drained: bool,
    /// Null while it can't be asked.
    pub status: Option<ReplicaStatusView>,
    /// Why it can't be asked.
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct ReplicaStatusView {
    pub role: String,
    pub term: u64,
    pub leader: Option<u64>,
    pub last_log_index: u64,
    pub applied_index: u64,
    pub snapshot_index: u64,
    pub lag: Option<u64>,
    pub version: String,
    pub revision: u64,
    pub digest: String,
    pub epoch: u64,
    pub started_at: String,
    pub certificate_ends: String,
    pub certificate_days_left: i64,
    /// What ends soon, and why newer certificates are not taken up.
    pub certificate_alarms: Vec<String>,
}

impl From<v1::ClusterStatus> for ClusterView {
    fn from(status: v1::ClusterStatus) -> Self {
        let replicas: Vec<ReplicaView> = status.replicas.into_iter().map(ReplicaView::from).collect();
        Self {
            has_quorum: status.cluster_id.is_some().then(|| has_quorum(&replicas)),
            cluster_id: status.cluster_id,
            name: status.name,
            node: status.node,
            leader: status.leader,
            settings: status.settings.map(SettingsView::from),
            replicas,
            invited: status.invited.into_iter().map(InvitedView::from).collect(),
            waiting_for: (!status.waiting_for.is_empty()).then_some(status.waiting_for),
        }
    }
}

fn has_quorum(replicas: &[ReplicaView]) -> bool {
    let voters = || replicas.iter().filter(|replica| replica.is_voter);
    voters().filter(|voter| voter.status.is_some()).count() > voters().count() / 2
}

impl From<v1::InvitedMember> for InvitedView {
    fn from(invited: v1::InvitedMember) -> Self {
        let v1::InvitedMember { node, address, as_learner, replaces, waiting_for } = invited;
        Self { node, address, as_learner, replaces, waiting_for }
    }
}

impl From<v1::Replica> for ReplicaView {
    fn from(replica: v1::Replica) -> Self {
        let (status, error) = match replica.status {
            Some(v1::replica::Status::Reachable(status)) => (Some(ReplicaStatusView::from(status)), None),
            Some(v1::replica::Status::Unreachable(error)) => (None, Some(error)),
            None => (None, Some("it was not asked".to_owned())),
        };
        let v1::Replica { node, address, is_voter, is_drained, .. } = replica;
        Self { node, address, is_voter, is_drained, status, error }
    }
}

impl From<v1::ReplicaStatus> for ReplicaStatusView {
    fn from(status: v1::ReplicaStatus) -> Self {
        Self {
            role: word!(Role, "ROLE_", status.role),
            term: status.term,
            leader: status.leader,
            last_log_index: status.last_log_index,
            applied_index: status.applied_index,
            snapshot_index: status.snapshot_index,
            lag: status.lag,
            version: status.version,
            revision: status.revision,
            digest: status.digest,
            epoch: status.epoch,
            started_at: time(status.started_at_ms),
            certificate_ends: time(status.certificate_ends_ms),
            certificate_days_left: status.certificate_days_left,
            certificate_alarms: status.certificate_alarms,
        }
    }
}

impl ReplicaView {
    fn cells(&self) -> Vec<String> {
        let voter = match (self.is_voter, self.is_drained) {
            (true, true) => " (drained)",
            (true, false) => "",
            (false, _) => " (no voter)",
        };
        let mut cells = vec![format!("{}{voter}", self.node), self.address.clone()];
        match &self.status {
            Some(status) => cells.extend([
                status.role.clone(),
                status.term.to_string(),
                status.last_log_index.to_string(),
                status.applied_index.to_string(),
                status.snapshot_index.to_string(),
                status.lag.map(|lag| lag.to_string()).unwrap_or_default(),
                status.revision.to_string(),
                status.epoch.to_string(),
                status.digest.chars().take(8).collect(),
                format!("{} d", status.certificate_days_left),
                status.version.clone(),
            ]),
            None => {
                cells.push("unreachable".to_owned());
                cells.extend(std::iter::repeat_n(NONE.to_owned(), 10));
            }
        }
        cells
    }
}

impl ClusterView {
    /// Replicas that applied the same log and have another state: never so, unless there is a bug or a broken disk.
    pub fn diverged(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (position, a) in self.replicas.iter().enumerate() {
            for b in &self.replicas[position + 1..] {
                let (Some(left), Some(right)) = (&a.status, &b.status) else { continue };
                if left.applied_index == right.applied_index && left.digest != right.digest {
                    found.push(format!(
                        "replicas {} and {} both applied entry {}, and their states differ: {} and {}",
                        a.node, b.node, left.applied_index, left.digest, right.digest
                    ));
                }
            }
        }
        found
    }
}

const REPLICA_COLUMNS: [&str; 13] = [
    "NODE", "ADDRESS", "ROLE", "TERM", "LOG", "APPLIED", "SNAPSHOT", "LAG", "REVISION", "EPOCH", "DIGEST",
    "CERT", "VERSION",
];

impl View for ClusterView {
    const KIND: &'static str = "ClusterStatus";
    const COLUMNS: &'static [&'static str] = &["CLUSTER", "LEADER"];

    fn cells(&self) -> Vec<String> {
        let leader = self.leader.map(|leader| leader.to_string());
        vec![self.name.clone().unwrap_or_default(), leader.unwrap_or_default()]
    }

    fn text(&self) -> String {
        let cluster = match (&self.name, &self.cluster_id) {
            (Some(name), Some(id)) => format!("{name} ({id})"),
            _ => "not initialised".to_owned(),
        };
        let leader = self.leader.map_or_else(|| "none is known".to_owned(), |leader| leader.to_string());
        let mut head = pairs(&[("cluster", cluster), ("leader", leader)]);
        if self.has_quorum == Some(false) {
            head.push_str(
                "No quorum: no majority of the voters answers. Nothing can be changed, and nobody is elected; networks go on.\n",
            );
        }
        // Said where somebody wonders why nothing happens; else there is `cluster settings`.
        if self.settings.as_ref().is_some_and(|settings| settings.mode == "read_only") {
            head.push_str("The leader only looks: read-only mode (`asterctl cluster settings`).\n");
        }
        let rows: Vec<Vec<String>> = self.replicas.iter().map(ReplicaView::cells).collect();
        let mut text = format!("{head}\n{}", table(&REPLICA_COLUMNS, &rows));
        for replica in &self.replicas {
            if let Some(error) = &replica.error {
                text.push_str(&format!("replica {}: {error}\n", replica.node));
            }
            for alarm in replica.status.iter().flat_map(|status| &status.certificate_alarms) {
                text.push_str(&format!("replica {}: {alarm}\n", replica.node));
            }
        }
        for invited in &self.invited {
            text.push_str(&format!(
                "node {} at {} is to join; it waits for {}\n",
                invited.node, invited.address, invited.waiting_for
            ));
        }
        if let Some(waiting_for) = &self.waiting_for {
            text.push_str(&format!("{waiting_for}\n"));
        }
        text
    }
}

/// A cluster that was just made.
#[derive(Debug, Serialize)]
pub struct InitView {
    pub name: String,
    pub cluster_id: String,
    pub members: usize,
}

impl View for InitView {
    const KIND: &'static str = "Cluster";
    const COLUMNS: &'static [&'static str] = &["CLUSTER", "ID", "MEMBERS"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.cluster_id.clone(), self.members.to_string()]
    }

    fn text(&self) -> String {
        let Self { name, cluster_id, members } = self;
        let replicas = if *members == 1 { "replica" } else { "replicas" };
        format!("cluster {name} made of {members} {replicas}, id {cluster_id}\n")
    }
}
