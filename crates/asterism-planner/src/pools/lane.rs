//! One pool's lane: its session, what it shows, which calls are under way.
//!
//! Calls that one host has to do something for wait for that host alone; the rest are made one by one. What was done is
//! believed when a later picture shows it, and asked for again after a pause if none does. The session of a pool says nothing
//! of its hosts' networks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use asterism_model::{CallOutcome, HostId, ObservedPool, PoolCall, PoolInventory, XapiAccess, XapiUuid};

use super::{Obstacle, PoolDifference};
use crate::{Tick, reconciler::Settings};

/// How long after a call a picture that shows it may take, before it is asked for again.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);
/// The shell gives a call two minutes, a plug's; this fires only if the shell is wedged.
const ANSWER: Duration = Duration::from_secs(150);

/// The session with a pool's XAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolSession {
    Up { since: Tick },
    Down { since: Tick, why: String },
}

/// A pool as the reconciler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolLane {
    pub session: PoolSession,
    /// How it is connected.
    access: XapiAccess,
    pub inventory: Option<Arc<PoolInventory>>,
    pub picture: Option<Arc<ObservedPool>>,
    /// By the host that has to do something, if one has.
    ways: BTreeMap<Option<XapiUuid>, Way>,
    last_ticket: u64,
    pub obstacles: Vec<Obstacle>,
    /// An inventory was proposed, or refused: not again before this.
    pub(crate) reported_until: Option<Tick>,
    /// Hosts to which the pool's certificates were copied for our sake, since they last answered.
    pub(crate) synced: BTreeSet<HostId>,
    /// When what its hosts are joined to is to be looked at again.
    look_at: Option<Tick>,
}

/// Calls that wait for one another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Way {
    state: WayState,
    /// Refusals and silences in a row.
    failures: u32,
    last_error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum WayState {
    #[default]
    Free,
    UnderWay {
        ticket: u64,
        what: String,
        deadline: Tick,
    },
    /// Done, as of that picture: a later one shows it.
    Looking {
        picture: u64,
        until: Tick,
    },
    Pausing {
        until: Tick,
    },
}

impl PoolLane {
    pub fn new(access: XapiAccess, now: Tick) -> Self {
        Self {
            session: PoolSession::Down { since: now, why: "not connected yet".into() },
            access,
            inventory: None,
            picture: None,
            ways: BTreeMap::new(),
            last_ticket: 0,
            obstacles: Vec::new(),
            reported_until: None,
            synced: BTreeSet::new(),
            look_at: None,
        }
    }

    /// Whether the lane needs no other session for that access. A pool that is connected tells the certificates of its hosts
    /// itself, and is not to be left for that.
    pub(crate) fn fits(&self, access: &XapiAccess) -> bool {
        let is_up = matches!(self.session, PoolSession::Up { .. });
        self.access.is_same_way(access) && (is_up || self.access.trust == access.trust)
    }

    /// Something of its hosts has changed.
    pub(crate) fn look_by(&mut self, at: Tick) {
        self.look_at = Some(self.look_at.map_or(at, |known| known.min(at)));
    }

    /// What the last failures were, and what is under way; for operators.
    pub fn troubles(&self) -> impl Iterator<Item = (Option<XapiUuid>, &str)> {
        self.ways.iter().filter_map(|(host, way)| Some((*host, way.last_error.as_deref()?)))
    }

    /// Calls that wait for their answer.
    pub fn under_way(&self) -> impl Iterator<Item = &str> {
        self.ways.values().filter_map(|way| match &way.state {
            WayState::UnderWay { what, .. } => Some(what.as_str()),
            WayState::Free | WayState::Looking { .. } | WayState::Pausing { .. } => None,
        })
    }

    pub(crate) fn show(&mut self, inventory: Arc<PoolInventory>, picture: Arc<ObservedPool>, now: Tick) {
        if !matches!(self.session, PoolSession::Up { .. }) {
            self.session = PoolSession::Up { since: now };
        }
        for way in self.ways.values_mut() {
            if matches!(way.state, WayState::Looking { picture: of, .. } if picture.picture > of) {
                way.state = WayState::Free;
            }
        }
        self.inventory = Some(inventory);
        self.picture = Some(picture);
    }

    pub(crate) fn lose(&mut self, why: String, now: Tick) {
        match &mut self.session {
            PoolSession::Up { .. } => self.session = PoolSession::Down { since: now, why },
            PoolSession::Down { why: known, .. } => *known = why,
        }
        // Nothing is called upon what may be an old picture.
        self.picture = None;
    }

    /// The calls that can be made now, each with its ticket.
    pub(crate) fn start(&mut self, difference: PoolDifference, now: Tick) -> Vec<(u64, PoolCall)> {
        let mut started = Vec::new();
        self.obstacles = difference.obstacles;
        // A failure is over when nothing is asked for any more.
        let asked: BTreeSet<Option<XapiUuid>> = difference.calls.iter().map(PoolCall::host).collect();
        self.ways.retain(|host, way| asked.contains(host) || way.state != WayState::Free);
        for call in difference.calls {
            let way = self.ways.entry(call.host()).or_default();
            if way.state != WayState::Free {
                continue;
            }
            self.last_ticket += 1;
            let (ticket, what) = (self.last_ticket, call.to_string());
            way.state = WayState::UnderWay { ticket, what, deadline: now + ANSWER };
            started.push((ticket, call));
        }
        started
    }

    /// The answer to a call.
    pub(crate) fn take_outcome(&mut self, ticket: u64, outcome: CallOutcome, settings: &Settings, now: Tick) {
        let picture = self.picture.as_ref().map_or(0, |picture| picture.picture);
        let is_of = |(_, way): &(&Option<XapiUuid>, &mut Way)| matches!(way.state, WayState::UnderWay { ticket: of, .. } if of == ticket);
        if let Some((host, way)) = self.ways.iter_mut().find(is_of) {
            match outcome {
                CallOutcome::Done => {
                    *way = Way {
                        state: WayState::Looking { picture, until: now + SHOWN_WITHIN },
                        ..Way::default()
                    };
                }
                CallOutcome::Refused(why) | CallOutcome::Unknown(why) => {
                    way.fail(why, settings, now);
                    // It may have been the copying of certificates.
                    if host.is_none() {
                        self.synced.clear();
                    }
                }
            }
        }
    }

    /// Ends what has waited too long; whether there was any.
    pub(crate) fn expire(&mut self, settings: &Settings, now: Tick) -> bool {
        let is_due = |at: &mut Tick| *at <= now;
        let mut any = self.reported_until.take_if(is_due).is_some();
        any |= self.look_at.take_if(is_due).is_some();
        for way in self.ways.values_mut() {
            match &way.state {
                WayState::UnderWay { deadline, what, .. } if *deadline <= now => {
                    let why = format!("the answer to `{what}` is overdue");
                    way.fail(why, settings, now);
                    any = true;
                }
                WayState::Looking { until, .. } | WayState::Pausing { until } if *until <= now => {
                    way.state = WayState::Free;
                    any = true;
                }
                WayState::Free
                | WayState::UnderWay { .. }
                | WayState::Looking { .. }
                | WayState::Pausing { .. } => {}
            }
        }
        any
    }

    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (Tick, &'static str)> {
        let ways = self.ways.values().filter_map(|way| match &way.state {
            WayState::Free => None,
            WayState::UnderWay { deadline, .. } => Some((*deadline, "answer to a call of a pool")),
            WayState::Looking { until, .. } => Some((*until, "picture of what a pool did")),
            WayState::Pausing { until } => Some((*until, "pause after a pool's refusal")),
        });
        let report = self.reported_until.map(|until| (until, "answer to a pool's inventory"));
        ways.chain(report).chain(self.look_at.map(|at| (at, "look at what a pool's hosts are joined to")))
    }
}

impl Way {
    fn fail(&mut self, why: String, settings: &Settings, now: Tick) {
        self.state = WayState::Pausing { until: now + settings.pool_pause(self.failures) };
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(why);
    }
}
