//! Whether the replicas agree: digests of their states after the same entries are compared as long as they run.
//!
//! Equal history has to give equal state; where it does not (memory that flips bits, a disk that lies, a program that is
//! wrong), a replica must not go on to answer, least of all lead. [`Digests`] remembers this replica's, [`judge`] compares
//! them with the others', and the task carries the verdict out: a replica that finds itself in the minority leaves a
//! note in its data directory and ends the process; one that sees another in the minority tells of it. Where there is no
//! majority, or versions differ, nobody ends: that is for people.

mod digests;
mod judge;
mod note;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use asterism_api::v1;
use asterism_model::{NodeId, Operation};
use futures::future::join_all;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tracing::{debug, error, warn};

pub use digests::Digests;
pub use judge::{Agreement, Told, judge};
pub use note::{check, leave};

use crate::admin::AdminService;

/// Between two looks at this replica's own state.
const LOOK: Duration = Duration::from_secs(1);
/// Between two comparisons. The first one comes as soon as there is something to compare.
const COMPARE: Duration = Duration::from_secs(10);
/// How long the log may take for the word about another replica.
const DEADLINE: Duration = Duration::from_secs(5);

/// What the last comparison said, for metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// At the last entry at which replicas could be compared; 0 before.
    pub index: u64,
    /// Replicas in the minority.
    pub odd: Vec<NodeId>,
}

/// Compares until this replica turns out to be the odd one: then it returns the sentence with which the process ends.
pub async fn run(
    service: AdminService,
    digests: Digests,
    compared: watch::Sender<Compared>,
    data_dir: PathBuf,
) -> String {
    let mut told: BTreeMap<NodeId, u64> = BTreeMap::new();
    let mut next = Instant::now();
    loop {
        sleep(LOOK).await;
        digests.look(&service.replica).await;
        if Instant::now() < next {
            continue;
        }
        let seen = ask_all(&service).await;
        let verdict = judge(service.node, &seen);
        debug!(?verdict, "compared");
        match verdict {
            Agreement::Unknown => {}
            Agreement::Agreed { index } => {
                next = Instant::now() + COMPARE;
                compared.send_replace(Compared { index, odd: Vec::new() });
            }
            Agreement::OddOneOut { index } => {
                compared.send_replace(Compared { index, odd: vec![service.node] });
                error!(index, "this replica's state differs from the majority's");
                return leave(&data_dir, index);
            }
            Agreement::Differ { index, odd } => {
                next = Instant::now() + COMPARE;
                compared.send_replace(Compared { index, odd: odd.clone() });
                warn!(index, ?odd, "states of replicas differ");
                for node in odd {
                    if told.get(&node) != Some(&index) && tell(&service, node, index).await {
                        told.insert(node, index);
                    }
                }
            }
        }
    }
}

/// Every replica's digests that can be had, this one's among them.
async fn ask_all(service: &AdminService) -> BTreeMap<NodeId, Told> {
    let members = service.replica.status().members;
    let peers = members.iter().filter(|member| member.peer.node != service.node);
    let answers = peers.map(async |member| {
        let answer = service.ask(&member.peer).await;
        if let Err(why) = &answer {
            debug!(node = %member.peer.node, why, "not compared");
        }
        (member.peer.node, answer.ok())
    });
    let mut seen = BTreeMap::new();
    for (node, answer) in join_all(answers).await {
        seen.insert(node, answer.map(Told::from).unwrap_or_default());
    }
    seen.insert(service.node, Told::from(service.own_status()));
    seen
}

/// Writes it into the cluster's story, if this replica leads.
async fn tell(service: &AdminService, node: NodeId, index: u64) -> bool {
    if !service.replica.watch_leadership().borrow().is_leader {
        return false;
    }
    let epoch = service.replica.read_stale().state.epoch();
    let report = Operation::ReportDivergence { node, epoch, index };
    match service.replica.propose(report, None, service.clock.wall(), DEADLINE).await {
        Ok(_) => true,
        Err(failed) => {
            warn!(%failed, %node, "the divergence was not told");
            false
        }
    }
}

impl From<v1::ReplicaStatus> for Told {
    fn from(status: v1::ReplicaStatus) -> Self {
        let digests = status.digests.into_iter().map(|digest| (digest.index, digest.digest));
        Self { version: status.version, digests: digests.collect() }
    }
}
