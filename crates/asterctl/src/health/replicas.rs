//! The replicas as a cluster: is there a majority, would there be after one more failure, do they agree.

use std::collections::{BTreeMap, BTreeSet};

use asterism_api::v1::{self, replica::Status};

use super::{Check, Severity, Symptom, answer};

/// Entries behind the leader from which on a replica is more than busy: it would be sent a snapshot soon.
const LAG: u64 = 1000;

pub(super) fn examine(cluster: &v1::ClusterStatus) -> Vec<Symptom> {
    let mut found = quorum(cluster);
    found.extend(digests(cluster));
    found
}

fn reachable(replica: &v1::Replica) -> Option<&v1::ReplicaStatus> {
    match &replica.status {
        Some(Status::Reachable(status)) => Some(status),
        Some(Status::Unreachable(_)) | None => None,
    }
}

fn quorum(cluster: &v1::ClusterStatus) -> Vec<Symptom> {
    use Severity::{Critical, Note, Warning};
    let told =
        |severity, about: &str, what: String| Symptom::new(Check::QuorumCritical, severity, about, what);
    if cluster.cluster_id.is_none() {
        let what = "it is not initialised".to_owned();
        return vec![told(Critical, "cluster", what).remedy("`asterctl cluster init`, once")];
    }
    let voters: Vec<&v1::Replica> = cluster.replicas.iter().filter(|replica| replica.is_voter).collect();
    let (all, left) = (voters.len(), voters.iter().filter(|voter| reachable(voter).is_some()).count());
    let majority = all / 2 + 1;
    let mut found = Vec::new();
    if left < majority {
        let what = format!(
            "no quorum: {}, and {majority} must; nothing can be changed, networks go on",
            answer(left, all)
        );
        let remedy = "start the replicas that don't answer; OPERATIONS: `no quorum`, or no leader";
        found.push(told(Critical, "cluster", what).remedy(remedy));
    } else if cluster.leader.is_none() {
        let what = format!("no replica leads, though {}", answer(left, all));
        let remedy = "ask again in a second; if it stays so, look at the replicas' logs and at the network between them";
        found.push(told(Critical, "cluster", what).remedy(remedy));
    } else if left < all && left == majority {
        let what = format!("{}: one more failure costs the quorum", answer(left, all));
        found.push(told(Warning, "cluster", what).remedy("bring back the replicas that don't answer"));
    } else if all % 2 == 0 {
        let bears = (all - 1) / 2;
        let what = format!("{all} voters bear no more failures than {}: {bears}", all - 1);
        found.push(told(Note, "cluster", what).remedy("run an odd number of replicas"));
    } else if all == 1 {
        let what = "one voter bears no failure".to_owned();
        found.push(told(Note, "cluster", what).remedy("run three replicas"));
    }
    for replica in &cluster.replicas {
        let about = format!("replica {}", replica.node);
        match &replica.status {
            Some(Status::Unreachable(why)) => found.push(
                told(Warning, &about, format!("does not answer at {}: {why}", replica.address))
                    .remedy("OPERATIONS: A controller is down"),
            ),
            Some(Status::Reachable(status)) => {
                if let Some(lag) = status.lag.filter(|lag| *lag > LAG) {
                    let what = format!("is {lag} entries behind the leader");
                    found.push(told(Warning, &about, what).remedy("look at its disk and its network"));
                }
            }
            None => {}
        }
    }
    let versions: BTreeSet<&str> =
        cluster.replicas.iter().filter_map(|it| Some(reachable(it)?.version.as_str())).collect();
    if versions.len() > 1 {
        let versions: Vec<&str> = versions.into_iter().collect();
        let what = format!("replicas run different versions: {}", versions.join(", "));
        found.push(told(Note, "cluster", what).remedy("finish the upgrade"));
    }
    let is_read_only = |it: &v1::Settings| it.mode() == v1::Mode::ReadOnly;
    if cluster.settings.as_ref().is_some_and(is_read_only) {
        let what = "read-only mode: nothing is chosen or written".to_owned();
        found.push(
            told(Note, "cluster", what)
                .remedy("`asterctl cluster settings --mode active` when you are ready"),
        );
    }
    found
}

/// Replicas by digest, at the last entry for which two of them told one.
fn digests(cluster: &v1::ClusterStatus) -> Vec<Symptom> {
    let mut at: BTreeMap<u64, BTreeMap<&str, BTreeSet<u64>>> = BTreeMap::new();
    let answering: Vec<(u64, &v1::ReplicaStatus)> =
        cluster.replicas.iter().filter_map(|it| Some((it.node, reachable(it)?))).collect();
    for (node, status) in &answering {
        let now = (status.applied_index, status.digest.as_str());
        let late = status.digests.iter().map(|it| (it.index, it.digest.as_str()));
        for (index, digest) in late.chain([now]).filter(|(_, digest)| !digest.is_empty()) {
            at.entry(index).or_default().entry(digest).or_default().insert(*node);
        }
    }
    if let Some((index, groups)) = at.iter().rev().find(|(_, groups)| groups.len() > 1) {
        let groups: Vec<String> = groups.values().map(listed).collect();
        let what = format!("the states of replicas differ after entry {index}: {}", groups.join(" against "));
        let remedy = "stop the one in the minority, keep its data directory for analysis, and let a new node take its place; \
                      OPERATIONS: A replica's state differs";
        return vec![Symptom::new(Check::Digest, Severity::Critical, "cluster", what).remedy(remedy)];
    }
    let is_compared = at.values().flat_map(BTreeMap::values).any(|nodes| nodes.len() > 1);
    if answering.len() > 1 && !is_compared {
        let what = "the replicas applied no entry in common yet whose state can be compared";
        return vec![
            Symptom::new(Check::Digest, Severity::Note, "cluster", what).remedy("ask again in a second"),
        ];
    }
    Vec::new()
}

fn listed(nodes: &BTreeSet<u64>) -> String {
    nodes.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
