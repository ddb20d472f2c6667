//! The leader's hands: a session to each host, in tasks of its own, that reports what it sees and does what it is told.

use std::{collections::BTreeMap, sync::Arc};

use asterism_model::{Fence, HostDiff, HostId, NetworkState, OvsdbEndpoint, RowUuid, StoredFence, chain};
use asterism_ovsdb::{
    ClaimError, FenceRefusal, HostSession, SessionConfig, SessionState, TlsConfig, Trust, WaitingFor,
};
use asterism_planner::{Event, reconciler::ClaimOutcome};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{
    clock::Clock,
    metrics::Counters,
    pools::{HostIdentity, HostTrust, trust_of_host},
};

/// Orders that may wait for one host. The reconciler has one under way at a time, and one more where it gave up on one.
const ORDERS: usize = 4;

/// What a host is told to do.
enum Order {
    Claim(RowUuid, Fence),
    Transact(Fence, Box<HostDiff>),
}

/// Counts what a host is seen and told.
#[derive(Clone)]
struct HostMeter {
    /// `pool/host`
    label: String,
    clock: Clock,
    counters: Counters,
}

/// The sessions of one leadership; dropping them ends all.
pub struct Lanes {
    config: SessionConfig,
    /// Who we are to hosts of pools behind a XAPI.
    identity: Option<HostIdentity>,
    inbox: mpsc::Sender<Event>,
    clock: Clock,
    counters: Counters,
    hosts: BTreeMap<HostId, HostLane>,
}

struct HostLane {
    /// Where it goes to, to be dialled again when our certificates are others and it could not be.
    endpoint: OvsdbEndpoint,
    session: Option<Arc<HostSession>>,
    orders: mpsc::Sender<Order>,
    /// Dropped with the lane, which aborts them.
    _tasks: JoinSet<()>,
}

impl Lanes {
    pub fn new(
        config: SessionConfig,
        identity: Option<HostIdentity>,
        inbox: mpsc::Sender<Event>,
        clock: Clock,
        counters: Counters,
    ) -> Self {
        Self { config, identity, inbox, clock, counters, hosts: BTreeMap::new() }
    }

    pub fn connect(&mut self, host: HostId, endpoint: OvsdbEndpoint, state: &NetworkState) {
        let label = state.host_label(host);
        let span = info_span!("host", %host, label, %endpoint);
        let mut tasks = JoinSet::new();
        let (orders, received) = mpsc::channel(ORDERS);
        let config = self.config_of(host, state);
        let opened = config.and_then(|config| {
            HostSession::open(host, endpoint.clone(), &config).map_err(|error| chain(&error))
        });
        let session = match opened {
            Ok(session) => {
                let session = Arc::new(session);
                let meter = HostMeter { label, clock: self.clock.clone(), counters: self.counters.clone() };
                let report = report(host, session.state(), self.inbox.clone(), meter.clone());
                tasks.spawn(report.instrument(span.clone()));
                tasks.spawn(obey(session.clone(), received, self.inbox.clone(), meter).instrument(span));
                Some(session)
            }
            Err(why) => {
                // It stays so until our configuration or what the pool tells of the host is another.
                span.in_scope(|| warn!(why, "host can't be dialled"));
                let inbox = self.inbox.clone();
                tasks.spawn(async move { send(&inbox, Event::SessionLost { host, why }).await });
                None
            }
        };
        self.hosts.insert(host, HostLane { endpoint, session, orders, _tasks: tasks });
    }

    /// Shows other certificates to hosts from their next session on; sessions that are open stay. Hosts that could not be
    /// dialled are tried again.
    pub fn take_up(&mut self, tls: Option<TlsConfig>, identity: Option<HostIdentity>, state: &NetworkState) {
        self.config.tls = tls;
        self.identity = identity;
        let hosts: Vec<(HostId, OvsdbEndpoint, Option<Arc<HostSession>>)> = self
            .hosts
            .iter()
            .map(|(host, lane)| (*host, lane.endpoint.clone(), lane.session.clone()))
            .collect();
        for (host, endpoint, session) in hosts {
            let Some(session) = session else {
                self.connect(host, endpoint, state);
                continue;
            };
            let taken = self
                .config_of(host, state)
                .and_then(|config| session.take_up(config.tls.as_ref()).map_err(|error| chain(&error)));
            if let Err(why) = taken {
                warn!(%host, why, "newer certificates are not shown to a host");
            }
        }
    }

    /// A host of a static pool is believed as the configuration says, one of a pool behind a XAPI as its pool tells.
    fn config_of(&self, host: HostId, state: &NetworkState) -> Result<SessionConfig, String> {
        let Some(trust) = state.hosts().get(&host).and_then(|host| trust_of_host(state, host)) else {
            return Ok(self.config.clone());
        };
        let trust = match trust {
            HostTrust::Certificate(fingerprint) => Trust::Pinned(fingerprint.into()),
            HostTrust::Authority(pem) => Trust::Authority { pem: pem.as_bytes().to_owned() },
            HostTrust::Untold => {
                return Err(
                    "its pool does not tell its certificate: have the pool known by the authority that \
                            signed its hosts' certificates (`asterctl pool update --xapi-ca`)"
                        .into(),
                );
            }
        };
        let Some(identity) = &self.identity else {
            return Err(
                "this replica has no certificate for hosts: set `[ovsdb.tls]` in its configuration".into()
            );
        };
        let tls = TlsConfig { trust, identity: Some(identity.identity.clone()), required_name: None };
        Ok(SessionConfig { tls: Some(tls), ..self.config.clone() })
    }

    pub fn disconnect(&mut self, host: HostId) {
        self.hosts.remove(&host);
    }

    pub fn claim(&mut self, host: HostId, root: RowUuid, fence: Fence) {
        self.order(host, Order::Claim(root, fence));
    }

    pub fn transact(&mut self, host: HostId, fence: Fence, diff: HostDiff) {
        self.order(host, Order::Transact(fence, Box::new(diff)));
    }

    /// An order that finds no room is dropped: its answer is overdue then, and what is overdue is unknown.
    fn order(&mut self, host: HostId, order: Order) {
        let sent = self.hosts.get(&host).is_some_and(|lane| lane.orders.try_send(order).is_ok());
        if !sent {
            debug!(%host, "an order was dropped");
        }
    }
}

/// Passes the session's states on, the latest one each time.
async fn report(
    host: HostId,
    mut states: watch::Receiver<SessionState>,
    inbox: mpsc::Sender<Event>,
    meter: HostMeter,
) {
    let mut was_connected = false;
    loop {
        let state = states.borrow_and_update().clone();
        let event = match state {
            SessionState::Connected { picture } => {
                if !was_connected {
                    info!(ovs = picture.ovs_version.as_deref().unwrap_or("unknown"), "host answers");
                }
                was_connected = true;
                meter.counters.pictured(&meter.label, meter.clock.wall());
                Event::Picture { host, picture }
            }
            // The first attempt is under way: no news yet.
            SessionState::Connecting { last_error: None, .. } => {
                if states.changed().await.is_err() {
                    return;
                }
                continue;
            }
            SessionState::Connecting { attempt, last_error: Some(error) } => {
                let why = chain(&*error);
                if was_connected {
                    info!(why, "host lost");
                } else {
                    debug!(attempt, why, "host does not answer");
                }
                was_connected = false;
                Event::SessionLost { host, why }
            }
            SessionState::Waiting(WaitingFor::RootRow) => {
                let why = "its OVSDB has no row in Open_vSwitch: run `ovs-vsctl init` there".to_owned();
                Event::SessionLost { host, why }
            }
            SessionState::Waiting(WaitingFor::LateAnswer) => {
                Event::SessionLost { host, why: "an answer is overdue".to_owned() }
            }
        };
        send(&inbox, event).await;
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// Carries orders out one by one.
async fn obey(
    session: Arc<HostSession>,
    mut orders: mpsc::Receiver<Order>,
    inbox: mpsc::Sender<Event>,
    meter: HostMeter,
) {
    let host = session.host();
    while let Some(order) = orders.recv().await {
        let event = match order {
            Order::Claim(root, fence) => {
                let claimed = session.claim_seen(root, fence).await;
                debug!(%fence, ?claimed, "claim answered");
                let outcome = claim_outcome(claimed.err());
                meter.counters.claimed(&meter.label, &outcome);
                Event::Claimed { host, fence, outcome }
            }
            Order::Transact(fence, diff) => {
                let rows = diff.len();
                let transacted = session.transact(*diff, fence).await;
                meter.counters.transacted(&meter.label, rows, &transacted.outcome);
                match &transacted.outcome {
                    asterism_model::Outcome::Applied => debug!(%fence, rows, "transaction applied"),
                    asterism_model::Outcome::Fenced => warn!(%fence, rows, "transaction fenced"),
                    asterism_model::Outcome::Rejected(why) => {
                        warn!(%fence, rows, why, "transaction rejected")
                    }
                    asterism_model::Outcome::Unknown(why) => warn!(%fence, rows, why, "transaction unknown"),
                }
                Event::Transacted { host, fence, outcome: transacted.outcome }
            }
        };
        send(&inbox, event).await;
    }
}

fn claim_outcome(error: Option<ClaimError>) -> ClaimOutcome {
    match error {
        None => ClaimOutcome::Claimed,
        Some(ClaimError::Refused { source, .. }) => match source {
            FenceRefusal::Superseded { stored, .. } | FenceRefusal::OtherCluster { stored, .. } => {
                ClaimOutcome::Refused(StoredFence::Present(stored))
            }
            FenceRefusal::Malformed { text } => ClaimOutcome::Refused(StoredFence::Malformed(text)),
            refusal @ FenceRefusal::Unclaimed { .. } => ClaimOutcome::Unknown(refusal.to_string()),
        },
        Some(
            error @ (ClaimError::NotSent { .. } | ClaimError::Unknown { .. } | ClaimError::Rejected { .. }),
        ) => ClaimOutcome::Unknown(error.to_string()),
    }
}

/// The loop may have ended; then nobody wants to know.
async fn send(inbox: &mpsc::Sender<Event>, event: Event) {
    let _ = inbox.send(event).await;
}
