//! Calls that a caller's role did not allow, on their way to the audit trail.
//!
//! Whoever has a certificate could make them without end, so they are thinned out: of each caller and method one a minute, and
//! few at once. What is left out stands in this replica's log.

use std::{collections::BTreeMap, time::Duration};

use asterism_api::{ApiError, v1};
use asterism_model::{Caller, Operation};
use asterism_raft::{ProposeError, Replica};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tonic::Request;
use tracing::{debug, warn};

use crate::{admin::AdminForwarder, clock::Clock};

/// Denials that may wait for the log.
const QUEUE: usize = 16;
/// How long the same caller's same call is not told again.
const QUIET: Duration = Duration::from_secs(60);
/// Callers and methods that are remembered.
const REMEMBERED: usize = 1024;
/// How long the log may take to keep one.
const DEADLINE: Duration = Duration::from_secs(5);

/// Where the gate puts them.
#[derive(Clone)]
pub struct Denied {
    queue: mpsc::Sender<(Caller, String)>,
}

impl Denied {
    /// The way to the trail; ends with the last handle.
    pub fn start(replica: Replica, clock: Clock, forwarder: AdminForwarder) -> Self {
        let (queue, notes) = mpsc::channel(QUEUE);
        tokio::spawn(keep(notes, replica, clock, forwarder));
        Self { queue }
    }

    /// Never waits: the caller has its answer at once.
    pub fn note(&self, caller: &Caller, method: &str) {
        warn!(caller = caller.name, role = %caller.role, from = caller.from, method, "not permitted");
        if self.queue.try_send((caller.clone(), method.to_owned())).is_err() {
            debug!(method, "a denial is not in the audit trail: too many at once");
        }
    }
}

async fn keep(
    mut notes: mpsc::Receiver<(Caller, String)>,
    replica: Replica,
    clock: Clock,
    forwarder: AdminForwarder,
) {
    let mut told: BTreeMap<(String, String), Instant> = BTreeMap::new();
    while let Some((caller, method)) = notes.recv().await {
        let now = Instant::now();
        told.retain(|_, at| now.saturating_duration_since(*at) < QUIET);
        let about = (caller.name.clone(), method.clone());
        if told.contains_key(&about) || told.len() >= REMEMBERED {
            continue;
        }
        told.insert(about, now);
        if let Err(error) = pass_on(&replica, &clock, &forwarder, caller, method).await {
            debug!(%error, "a denial is not in the audit trail");
        }
    }
}

async fn pass_on(
    replica: &Replica,
    clock: &Clock,
    forwarder: &AdminForwarder,
    caller: Caller,
    method: String,
) -> Result<(), ApiError> {
    let leadership = replica.watch_leadership().borrow().clone();
    if leadership.is_leader {
        return report(replica, clock, caller, method).await.map_err(crate::admin::proposal_failure);
    }
    let Some(leader) = leadership.leader else { return Err(ApiError::NotLeader { leader: None }) };
    let Caller { name, role, from } = caller;
    let report = v1::ReportDeniedRequest { method, name, role: role.to_string(), from };
    let mut admin = forwarder.admin(&leader)?;
    match timeout(DEADLINE, admin.report_denied(Request::new(report))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(status)) => Err(ApiError::Internal(status.message().to_owned())),
        Err(_) => Err(ApiError::Deadline("the leader did not answer".to_owned())),
    }
}

/// Keeps one in the trail; this replica leads.
///
/// # Errors
/// As any proposal.
pub async fn report(
    replica: &Replica,
    clock: &Clock,
    caller: Caller,
    method: String,
) -> Result<(), ProposeError> {
    let operation = Operation::RecordDenied { method };
    replica.propose_for(caller, operation, None, clock.wall(), DEADLINE).await.map(drop)
}
