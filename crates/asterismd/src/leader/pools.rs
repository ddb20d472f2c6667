//! The leader's hands in pools: a session to each pool's XAPI, in tasks of its own, that reports what it sees and makes the
//! calls that it is told to. No pool waits for another, and no host for its pool.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use asterism_model::{NetworkState, PoolCall, PoolId, chain};
use asterism_planner::Event;
use asterism_xapi::{PoolSession, PoolSessionState};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tracing::{Instrument, Span, debug, info, info_span, warn};

use crate::{metrics::Counters, pools::PoolAccess};

/// The sessions of one leadership; dropping them ends all.
pub struct PoolLanes {
    access: PoolAccess,
    inbox: mpsc::Sender<Event>,
    counters: Counters,
    pools: BTreeMap<PoolId, PoolLane>,
}

struct PoolLane {
    session: Option<Arc<PoolSession>>,
    label: String,
    span: Span,
    /// Dropped with the lane, which aborts them: what they had under way is unknown.
    tasks: JoinSet<()>,
}

/// A look at a session, which it keeps neither open nor busy.
#[derive(Debug, Clone)]
pub struct PoolWatch(Weak<PoolSession>);

impl PoolWatch {
    /// The session's state, and when the pool last answered the question for events; `None` when it has ended.
    pub fn look(&self) -> Option<(PoolSessionState, Option<Instant>)> {
        let session = self.0.upgrade()?;
        let state = session.state().borrow().clone();
        Some((state, session.last_heard()))
    }
}

impl PartialEq for PoolWatch {
    /// Of the same session.
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Eq for PoolWatch {}

impl PoolLanes {
    pub fn new(access: PoolAccess, inbox: mpsc::Sender<Event>, counters: Counters) -> Self {
        Self { access, inbox, counters, pools: BTreeMap::new() }
    }

    /// Connects a pool as the state has it, from anew.
    pub fn connect(&mut self, pool: PoolId, state: &NetworkState) {
        let label = state.pool_label(pool);
        let span = info_span!("pool", %pool, label);
        let mut tasks = JoinSet::new();
        let session = match self.open(pool, state) {
            Ok(session) => {
                let report = report(pool, session.state(), self.inbox.clone());
                tasks.spawn(report.instrument(span.clone()));
                Some(Arc::new(session))
            }
            Err(why) => {
                // It stays so until the pool's access or this node's configuration is another.
                span.in_scope(|| warn!(why, "pool can't be connected"));
                let inbox = self.inbox.clone();
                tasks.spawn(async move { send(&inbox, Event::PoolLost { pool, why }).await });
                None
            }
        };
        self.pools.insert(pool, PoolLane { session, label, span, tasks });
    }

    fn open(&self, id: PoolId, state: &NetworkState) -> Result<PoolSession, String> {
        let pool = state.pools().get(&id).ok_or("it was removed")?;
        let xapi = pool.xapi().ok_or("it is a static one")?;
        let config = self.access.config(state, pool, xapi).map_err(|error| chain(&error))?;
        PoolSession::open(id, config).map_err(|error| chain(&error))
    }

    /// Logs into each pool anew, which is what tells it of another authority of ours.
    pub fn take_up(&mut self, state: &NetworkState) {
        for pool in self.pools.keys().copied().collect::<Vec<_>>() {
            self.connect(pool, state);
        }
    }

    /// What each pool's session shows, as long as there is one.
    pub fn watch(&self) -> impl Iterator<Item = (PoolId, PoolWatch)> {
        let watch = |lane: &PoolLane| Some(PoolWatch(Arc::downgrade(lane.session.as_ref()?)));
        self.pools.iter().filter_map(move |(pool, lane)| Some((*pool, watch(lane)?)))
    }

    pub fn disconnect(&mut self, pool: PoolId) {
        self.pools.remove(&pool);
    }

    /// Makes a call; its answer comes as an event, unless the pool is disconnected before.
    pub fn call(&mut self, pool: PoolId, ticket: u64, call: PoolCall) {
        let Some(lane) = self.pools.get_mut(&pool) else { return };
        let Some(session) = lane.session.clone() else { return };
        // Those that have ended need no place any more.
        while lane.tasks.try_join_next().is_some() {}
        let (inbox, counters, label) = (self.inbox.clone(), self.counters.clone(), lane.label.clone());
        let make = async move {
            info!(%call, "calling");
            let outcome = session.call(call).await;
            debug!(?outcome, "answered");
            counters.called(&label, &outcome);
            send(&inbox, Event::PoolCalled { pool, ticket, outcome }).await;
        };
        lane.tasks.spawn(make.instrument(lane.span.clone()));
    }
}

/// Passes the session's states on, the latest one each time.
async fn report(pool: PoolId, mut states: watch::Receiver<PoolSessionState>, inbox: mpsc::Sender<Event>) {
    let mut was_connected = false;
    loop {
        let state = states.borrow_and_update().clone();
        let event = match state {
            PoolSessionState::Connected(connected) => {
                if !was_connected {
                    info!(master = %connected.master, version = connected.version, "pool answers");
                }
                was_connected = true;
                let inventory = Arc::new(connected.picture.inventory.clone());
                let picture = Arc::new(connected.picture.observed.clone());
                Some(Event::PoolPicture { pool, inventory, picture })
            }
            // The first attempt is under way: no news yet.
            PoolSessionState::Connecting { last_error: None, .. } => None,
            PoolSessionState::Connecting { attempt, last_error: Some(error) } => {
                let why = chain(&*error);
                if was_connected {
                    info!(why, "pool lost");
                } else {
                    debug!(attempt, why, "pool does not answer");
                }
                was_connected = false;
                Some(Event::PoolLost { pool, why })
            }
        };
        if let Some(event) = event {
            send(&inbox, event).await;
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// The loop may have ended; then nobody wants to know.
async fn send(inbox: &mpsc::Sender<Event>, event: Event) {
    let _ = inbox.send(event).await;
}
