//! The leader's loop: while this replica leads, it claims an epoch, and carries events to the reconciler and the
//! reconciler's actions out.
//!
//! One task owns the reconciler. It never waits for a host or for the log: what takes time runs in tasks of its own and
//! reports back through one bounded inbox. When leadership ends, the tasks end with it; what they have under way is
//! refused by the hosts as soon as the next leader has claimed them.

mod lanes;
mod pools;
mod view;

use std::{sync::Arc, time::Duration};

use asterism_model::{Effect, NodeId, Operation, Reply};
use asterism_ovsdb::SessionConfig;
use asterism_planner::{Action, Event, Reconciler, Settings, reconciler::ProposalOutcome};
use asterism_raft::{ProposeError, Replica};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tracing::{Instrument, debug, error, info, info_span, warn};

pub use pools::PoolWatch;
pub use view::{LeaderView, LeadingView, PoolHealth};

use crate::{
    clock::Clock,
    credentials::{Credentials, Standing},
    metrics::Counters,
    pools::PoolAccess,
};
use lanes::Lanes;
use pools::PoolLanes;

/// How long a proposal of the leader's own may take before it is unknown and planned again.
const PROPOSAL_DEADLINE: Duration = Duration::from_secs(5);
/// Pause before another try to lead, so that a replica that cannot (no quorum, cluster not initialised) does not spin.
const RETRY: Duration = Duration::from_millis(200);
/// Events that may wait; a host whose reports find no room waits, and nobody else.
const INBOX: usize = 1024;
/// Events taken in before actions are carried out and the view is renewed.
const BATCH: usize = 64;

/// What the loop is given.
pub struct Context {
    pub node: NodeId,
    pub replica: Replica,
    pub sessions: SessionConfig,
    /// For pools behind a XAPI, and their hosts.
    pub pools: PoolAccess,
    pub settings: Settings,
    pub clock: Clock,
    pub counters: Counters,
    /// What operators are shown; empty while this replica does not lead.
    pub view: watch::Sender<Arc<LeaderView>>,
    pub stopped: watch::Receiver<bool>,
    /// What is shown to hosts and pools.
    pub credentials: watch::Receiver<Standing>,
}

/// Leads whenever this replica is elected, until it is stopped.
pub async fn run(mut context: Context) {
    let mut leadership = context.replica.watch_leadership();
    loop {
        let elected = async {
            // An error means that the replica is gone; then only `stopped` ends this.
            if leadership.wait_for(|leadership| leadership.is_leader).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let mut stopped = context.stopped.clone();
        tokio::select! {
            () = elected => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let term = leadership.borrow().term;
        let span = info_span!("leading", node = %context.node, term);
        lead(&mut context).instrument(span).await;
        context.view.send_replace(Arc::new(LeaderView::none()));
        sleep(RETRY).await;
    }
}

/// One leadership, from the claim of an epoch to its end.
async fn lead(context: &mut Context) {
    let Some(epoch) = claim_epoch(context).await else { return };
    let view = context.replica.read_stale();
    let Some(cluster) = view.state.cluster().map(|cluster| cluster.id) else { return };
    info!(epoch, "leading");
    context.counters.led();
    let reconciler =
        Reconciler::new(context.settings.clone(), cluster, epoch, view.state, context.clock.tick());
    let (inbox, events) = mpsc::channel(INBOX);
    let credentials = context.credentials.borrow_and_update().credentials.clone();
    let sessions = SessionConfig { tls: credentials.static_hosts.clone(), ..context.sessions.clone() };
    let (clock, counters) = (context.clock.clone(), context.counters.clone());
    let lanes = Lanes::new(sessions, credentials.identity.clone(), inbox.clone(), clock, counters);
    context.pools.take_up(credentials.identity.clone());
    let shown = credentials.clone();
    let pools = PoolLanes::new(context.pools.clone(), inbox.clone(), context.counters.clone());
    let mut leading =
        Leading { context, reconciler, lanes, pools, inbox, events, proposals: JoinSet::new(), shown };
    let reason = leading.run().await;
    info!(epoch, reason, "leading no longer");
}

/// `None` if this replica cannot lead now: another one does, there is no quorum, or the cluster is not initialised.
async fn claim_epoch(context: &Context) -> Option<u64> {
    let operation = Operation::ClaimEpoch { node: context.node };
    match context.replica.propose(operation, None, context.clock.wall(), PROPOSAL_DEADLINE).await {
        Ok(proposed) => match proposed.reply {
            Reply::Applied { effect: Effect::Epoch(epoch), .. } => Some(epoch),
            Reply::Applied { .. } => None,
            Reply::Refused(refusal) => {
                debug!(%refusal, "no epoch");
                None
            }
        },
        Err(error) => {
            debug!(%error, "no epoch");
            None
        }
    }
}

struct Leading<'a> {
    context: &'a mut Context,
    reconciler: Reconciler,
    lanes: Lanes,
    pools: PoolLanes,
    inbox: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    proposals: JoinSet<()>,
    /// The certificates that hosts and pools are met with.
    shown: Arc<Credentials>,
}

impl Leading<'_> {
    /// Returns why it ended.
    async fn run(&mut self) -> String {
        let mut applied = self.context.replica.watch_applied();
        let mut leadership = self.context.replica.watch_leadership();
        let mut stopped = self.context.stopped.clone();
        let mut credentials = self.context.credentials.clone();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if let Some(reason) = self.carry_out() {
                return reason;
            }
            self.publish();
            let wake = self.reconciler.poll_deadline().map(|(at, _)| self.context.clock.instant(at));
            tokio::select! {
                changed = applied.changed() => match changed {
                    Ok(()) => {
                        // Look only after marking: an entry applied in between is seen by the next round.
                        applied.borrow_and_update();
                        let state = self.context.replica.read_stale().state;
                        self.handle(Event::State(state));
                    }
                    Err(_) => return "the replica stopped".into(),
                },
                lost = leadership.wait_for(|leadership| !leadership.is_leader) => {
                    self.handle(Event::Deposed);
                    return match lost {
                        Ok(leadership) => leadership.leader.as_ref().map_or_else(
                            || "deposed, no leader is known".to_owned(),
                            |leader| format!("deposed by {leader}"),
                        ),
                        Err(_) => "the replica stopped".into(),
                    };
                }
                _ = stopped.wait_for(|stopped| *stopped) => return "stopping".into(),
                // What keeps them outlives this loop, and an error would come again and again.
                Ok(()) = credentials.changed() => {
                    let newest = credentials.borrow_and_update().credentials.clone();
                    self.take_up(newest);
                }
                _ = self.events.recv_many(&mut batch, BATCH) => {
                    for event in batch.drain(..) {
                        self.handle(event);
                    }
                }
                () = sleep_until(wake.unwrap_or_else(far_away)), if wake.is_some() => self.handle(Event::Wake),
                Some(ended) = self.proposals.join_next() => {
                    if let Err(failed) = ended {
                        error!(%failed, "a proposal's task failed");
                    }
                }
            }
        }
    }

    /// Meets hosts and pools with other certificates.
    fn take_up(&mut self, newest: Arc<Credentials>) {
        if Arc::ptr_eq(&newest, &self.shown) {
            return;
        }
        let state = self.context.replica.read_stale().state;
        self.context.pools.take_up(newest.identity.clone());
        self.lanes.take_up(newest.static_hosts.clone(), newest.identity.clone(), &state);
        let authority = |credentials: &Credentials| {
            credentials.identity.as_ref().map(|identity| identity.authority_pem.clone())
        };
        if authority(&newest) != authority(&self.shown) {
            self.pools.take_up(&state);
        }
        self.shown = newest;
    }

    fn handle(&mut self, event: Event) {
        self.reconciler.handle(event, self.context.clock.tick());
    }

    /// Does what the reconciler wants done; some reason when it wants to lead no longer.
    fn carry_out(&mut self) -> Option<String> {
        while let Some(action) = self.reconciler.poll_action() {
            match action {
                // By what it is believed stands in the state.
                Action::Connect { host, endpoint } => {
                    let state = self.context.replica.read_stale().state;
                    self.lanes.connect(host, endpoint, &state);
                }
                Action::Disconnect { host } => self.lanes.disconnect(host),
                Action::Claim { host, root, fence } => self.lanes.claim(host, root, fence),
                Action::Transact { host, stored: _, fence, diff, picture: _ } => {
                    self.lanes.transact(host, fence, *diff)
                }
                Action::ConnectPool { pool } => {
                    let state = self.context.replica.read_stale().state;
                    self.pools.connect(pool, &state);
                }
                Action::DisconnectPool { pool } => self.pools.disconnect(pool),
                Action::CallPool { pool, ticket, call } => self.pools.call(pool, ticket, call),
                Action::Propose(operation) => self.propose(operation),
                Action::StepDown { reason } => {
                    warn!(reason, "stepping down");
                    return Some(reason);
                }
            }
        }
        None
    }

    fn propose(&mut self, operation: Operation) {
        let (replica, clock, inbox) =
            (self.context.replica.clone(), self.context.clock.clone(), self.inbox.clone());
        let counters = self.context.counters.clone();
        self.proposals.spawn(async move {
            let proposed = replica.propose(operation.clone(), None, clock.wall(), PROPOSAL_DEADLINE).await;
            let outcome = match proposed {
                Ok(proposed) => match proposed.reply {
                    Reply::Applied { .. } => ProposalOutcome::Applied,
                    Reply::Refused(refusal) => {
                        debug!(%refusal, "proposal refused");
                        ProposalOutcome::Refused(refusal)
                    }
                },
                Err(
                    error @ (ProposeError::NotLeader { .. }
                    | ProposeError::NoQuorum
                    | ProposeError::TooLarge { .. }
                    | ProposeError::Busy
                    | ProposeError::Unknown { .. }
                    | ProposeError::Stopped(_)),
                ) => {
                    warn!(%error, "proposal not answered");
                    ProposalOutcome::Unknown(error.to_string())
                }
            };
            if let Operation::AdoptTopology { changes, .. } = &operation {
                counters.planned(changes.len(), &outcome);
            }
            // The loop may have ended; then nobody wants to know.
            let _ = inbox.send(Event::Proposed { operation, outcome }).await;
        });
    }

    fn publish(&self) {
        let view = LeaderView::of(&self.reconciler, &self.pools);
        self.context.view.send_if_modified(|shown| {
            let changed = **shown != view;
            if changed {
                *shown = Arc::new(view);
            }
            changed
        });
    }
}

/// A moment that no loop lives to see; `select!` evaluates it even where its guard is false.
fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
