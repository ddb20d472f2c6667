//! Consensus: who leads, how far each is, what the disk takes.

use asterism_model::stored;
use asterism_raft::{Meters, Role, Status, View};

use super::Sheet;
use crate::agreement::Compared;

const ROLES: [(Role, &str); 5] = [
    (Role::Leader, "leader"),
    (Role::Follower, "follower"),
    (Role::Candidate, "candidate"),
    (Role::Learner, "learner"),
    (Role::Stopped, "stopped"),
];

pub(super) fn fill(sheet: &mut Sheet, status: &Status, view: &View, meters: &Meters) {
    let role = ROLES.map(|(role, name)| ([name.to_owned()], f64::from(role == status.role)));
    sheet.gauges("asterism_raft_role", "1 at the role that this replica has", ["role"], role);
    sheet.gauge("asterism_raft_term", "The term that it knows", status.term as f64);
    let leader = status.leader.as_ref().map(|peer| peer.node.0);
    sheet.gauge(
        "asterism_raft_leader",
        "The node that leads, 0 if none is known",
        leader.unwrap_or(0) as f64,
    );
    sheet.gauge("asterism_raft_voters", "Replicas that vote", voters(status) as f64);
    let index = |index: Option<u64>| index.unwrap_or(0) as f64;
    sheet.gauge("asterism_raft_log_index", "The last entry of its log", index(status.last_log));
    sheet.gauge(
        "asterism_raft_committed_index",
        "The last entry that it knows to be committed",
        index(status.committed),
    );
    sheet.gauge("asterism_raft_applied_index", "The last entry that it applied", index(status.applied));
    sheet.gauge(
        "asterism_raft_snapshot_index",
        "The last entry in its last snapshot, 0 without one",
        index(status.snapshot),
    );
    let others = || status.members.iter().filter(|member| member.peer.node != status.node);
    sheet.gauges(
        "asterism_raft_member_lag_entries",
        "On the leader: entries that a member is behind",
        ["node"],
        others().filter_map(|member| Some(([member.peer.node.to_string()], member.lag? as f64))),
    );
    sheet.gauges(
        "asterism_raft_member_silence_seconds",
        "On the leader: the age of the last message that a member answered",
        ["node"],
        others().filter_map(|it| Some(([it.peer.node.to_string()], it.last_heard?.as_secs_f64()))),
    );
    sheet.gauges(
        "asterism_raft_quorum_silence_seconds",
        "On the leader: the age of the last heartbeat that a majority answered",
        [],
        status.last_quorum_ack.map(|age| ([], age.as_secs_f64())),
    );
    sheet.gauge("asterism_state_epoch", "The epoch that it has applied", view.state.epoch() as f64);
    sheet.gauge(
        "asterism_state_revision",
        "The revision of the replicated state",
        view.state.revision() as f64,
    );
    sheet.gauge(
        "asterism_state_bytes",
        "Size of the replicated state in its stored form",
        stored::encode_state(&view.state).len() as f64,
    );
    sheet.kept(
        "asterism_raft_proposals",
        "Entries proposed here, by what became of them",
        &["outcome"],
        meters.proposals.clone(),
    );
    sheet.kept(
        "asterism_raft_commit_seconds",
        "From a proposal here to its being applied",
        &[],
        meters.commit.clone(),
    );
    sheet.kept(
        "asterism_raft_sync_seconds",
        "How long the disk took to sync the log",
        &[],
        meters.sync.clone(),
    );
}

/// What comparing the replicas' states came to.
pub(super) fn agreement(sheet: &mut Sheet, compared: &Compared) {
    sheet.gauge(
        "asterism_replicas_diverged",
        "Replicas whose state differs from the majority's, as this one sees it; anything but 0 is an alarm",
        compared.odd.len() as f64,
    );
    sheet.gauge(
        "asterism_compared_index",
        "The last entry after which the states of replicas were compared",
        compared.index as f64,
    );
}

fn voters(status: &Status) -> usize {
    status.members.iter().filter(|member| member.voter).count()
}
