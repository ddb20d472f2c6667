//! Members as they are shown, and the configuration of a new one.

use asterism_api::v1;
use serde::Serialize;

use super::{View, word};
use crate::{
    args::MemberArg,
    output::table::{NONE, pairs},
};

/// A member, or one that is to be.
#[derive(Debug, Serialize)]
pub struct MemberView {
    pub node: u64,
    pub address: String,
    /// `voter`, `learner` or `invited`.
    pub kind: &'static str,
    /// `leader`, `follower`, ..., `unreachable`; of an invited one `joining`.
    pub state: String,
    pub is_drained: bool,
    /// Entries behind the leader, as the answering replica knows.
    pub lag: Option<u64>,
    /// Who leaves when it is a voter.
    pub replaces: Option<u64>,
    /// What stands in the way, or why it can't be asked.
    pub note: Option<String>,
}

/// Members first, then those that are to become some.
pub fn members(status: v1::ClusterStatus) -> Vec<MemberView> {
    let waiting_for = (!status.waiting_for.is_empty()).then_some(status.waiting_for);
    let invited = status.invited;
    let is_member = |node: u64| status.replicas.iter().any(|replica| replica.node == node);
    let to_be: Vec<MemberView> =
        invited.iter().filter(|invited| !is_member(invited.node)).map(MemberView::invited).collect();
    let members = status.replicas.iter().map(|replica| {
        let mut view = MemberView::member(replica);
        if let Some(invited) = invited.iter().find(|invited| invited.node == replica.node) {
            view.replaces = invited.replaces;
            view.note = Some(invited.waiting_for.clone());
        }
        if view.note.is_none() {
            view.note.clone_from(&waiting_for);
        }
        view
    });
    members.chain(to_be).collect()
}

impl MemberView {
    fn invited(invited: &v1::InvitedMember) -> Self {
        Self {
            node: invited.node,
            address: invited.address.clone(),
            kind: "invited",
            state: "joining".to_owned(),
            is_drained: false,
            lag: None,
            replaces: invited.replaces,
            note: Some(invited.waiting_for.clone()),
        }
    }

    fn member(replica: &v1::Replica) -> Self {
        let (state, lag, note) = match &replica.status {
            Some(v1::replica::Status::Reachable(status)) => {
                (word!(Role, "ROLE_", status.role), status.lag, None)
            }
            Some(v1::replica::Status::Unreachable(why)) => {
                ("unreachable".to_owned(), None, Some(why.clone()))
            }
            None => ("unknown".to_owned(), None, None),
        };
        Self {
            node: replica.node,
            address: replica.address.clone(),
            kind: if replica.is_voter { "voter" } else { "learner" },
            state,
            is_drained: replica.is_drained,
            lag,
            replaces: None,
            note,
        }
    }
}

impl View for MemberView {
    const KIND: &'static str = "Member";
    const COLUMNS: &'static [&'static str] = &["NODE", "ADDRESS", "KIND", "STATE", "LAG", "NOTE"];

    fn cells(&self) -> Vec<String> {
        let drained = self.is_drained.then(|| "drained".to_owned());
        let replaces = self.replaces.map(|old| format!("replaces {old}"));
        let notes: Vec<String> = drained.into_iter().chain(replaces).chain(self.note.clone()).collect();
        vec![
            self.node.to_string(),
            if self.address.is_empty() { NONE.to_owned() } else { self.address.clone() },
            self.kind.to_owned(),
            self.state.clone(),
            self.lag.map(|lag| lag.to_string()).unwrap_or_default(),
            notes.join("; "),
        ]
    }

    fn text(&self) -> String {
        format!("{}\n", self.cells().join("  "))
    }
}

/// What became of a change of members.
#[derive(Debug, Serialize)]
pub struct MemberChangeView {
    pub cluster: String,
    pub done: String,
    pub warnings: Vec<String>,
}

impl View for MemberChangeView {
    const KIND: &'static str = "MemberChange";
    const COLUMNS: &'static [&'static str] = &["DONE"];

    fn cells(&self) -> Vec<String> {
        vec![self.done.clone()]
    }

    fn text(&self) -> String {
        format!("{}\n", self.done)
    }
}

/// Who leads.
#[derive(Debug, Serialize)]
pub struct LeaderView {
    pub node: u64,
    pub address: String,
    /// Null right after a transfer.
    pub term: Option<u64>,
    pub epoch: Option<u64>,
}

impl LeaderView {
    /// `None`: no leader is known.
    pub fn of(status: &v1::ClusterStatus) -> Option<Self> {
        let leader = status.leader?;
        let replica = status.replicas.iter().find(|replica| replica.node == leader);
        let known = replica.and_then(|replica| match &replica.status {
            Some(v1::replica::Status::Reachable(status)) => Some(status),
            Some(v1::replica::Status::Unreachable(_)) | None => None,
        });
        Some(Self {
            node: leader,
            address: replica.map(|replica| replica.address.clone()).unwrap_or_default(),
            term: known.map(|status| status.term),
            epoch: known.map(|status| status.epoch),
        })
    }
}

impl View for LeaderView {
    const KIND: &'static str = "Leader";
    const COLUMNS: &'static [&'static str] = &["NODE", "ADDRESS"];

    fn cells(&self) -> Vec<String> {
        vec![self.node.to_string(), self.address.clone()]
    }

    fn text(&self) -> String {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let mut lines = vec![("leader", self.node.to_string()), ("address", self.address.clone())];
        lines.extend(number(self.term).map(|term| ("term", term)));
        lines.extend(number(self.epoch).map(|epoch| ("epoch", epoch)));
        pairs(&lines)
    }
}

/// What a new node starts with; the same layout as cluster-config/node1.toml has.
pub fn node_config(node: &MemberArg, cluster: &str) -> String {
    let MemberArg { node, address } = node;
    let port = address.rsplit_once(':').map_or("7400", |(_, port)| port);
    format!(
        "\
# Node {node} of cluster {cluster}, as `asterctl member add` printed it. Its data directory must be empty.
node_id = {node}
cluster = \"{cluster}\"
data_dir = \"/var/lib/asterism\"
listen = \"0.0.0.0:{port}\"
advertise = \"{address}\"

[tls]
ca = \"certificates/ca.pem\"
cert = \"certificates/node{node}.pem\"
key = \"certificates/node{node}.key\"

# The same file as on the other nodes; without it this node can't serve pools behind a XAPI.
# [secrets]
# key = \"certificates/cluster.key\"

# [ovsdb.tls], [raft] and [snapshots]: as on the other nodes.
"
    )
}
