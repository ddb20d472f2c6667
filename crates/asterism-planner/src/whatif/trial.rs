//! Asks the planner what it would choose, moment by moment, with evidence that ages as it would.
//!
//! A host that goes dark closes no connection: its last word stands until a probe goes unanswered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use asterism_model::{
    Choice, Command, HostId, NetworkId, NetworkState, Operation, PoolId, Reply, Star, Topology,
};

use super::{
    Delays, Kill, Remedy, Succession,
    reach::{Damage, way},
};
use crate::{
    Budget, Evidence, HostEvidence, Path, SessionEvidence, Tick, budget::noticed_within, links::Fabric,
    members::Members, plan,
};

/// When the failure happens: every grace since the beginning is over by then.
const FAILURE: Tick = Tick(3_600_000);
/// Nothing is waited for longer: a preferred host's grace is none of the failure's business.
const HORIZON: Duration = Duration::from_secs(20);
/// More than any failure takes.
const MAX_PLANS: usize = 64;

pub(super) struct Trial {
    pub state: NetworkState,
    pub successions: BTreeMap<NetworkId, Vec<Succession>>,
    /// From the failure to the last choice.
    pub elected_within: BTreeMap<NetworkId, Duration>,
}

impl Trial {
    pub fn run(
        state: &NetworkState,
        known: Option<&Evidence>,
        delays: &Delays,
        kill: &Kill,
        before: &Damage,
    ) -> Self {
        let graces = &delays.graces;
        let mut trial =
            Self { state: state.clone(), successions: BTreeMap::new(), elected_within: BTreeMap::new() };
        if kill.has_no_quorum {
            return trial;
        }
        let scene = |state: &NetworkState, peers: &Peers, kill: Option<&Kill>, now: Tick| {
            Scene { peers, known, before, kill, delays, now }.evidence(state)
        };
        // What would have been chosen anyway is no consequence.
        let well = scene(&trial.state, &peers(&trial.state), None, FAILURE);
        for _ in 0..MAX_PLANS {
            let planned = plan(&trial.state, &well, graces, FAILURE);
            if planned.changes.is_empty() || !trial.adopt(&planned) {
                break;
            }
        }
        let mut now = FAILURE + kill.leaderless;
        let end = FAILURE + HORIZON;
        let mut joined = peers(&trial.state);
        let mut moments: BTreeSet<Tick> =
            joined.values().flat_map(BTreeMap::values).map(|noticed| FAILURE + *noticed).collect();
        moments.insert(FAILURE + delays.session);
        for _ in 0..MAX_PLANS {
            let evidence = scene(&trial.state, &joined, Some(kill), now);
            let planned = plan(&trial.state, &evidence, graces, now);
            if !planned.changes.is_empty() {
                let earlier = trial.state.clone();
                if !trial.adopt(&planned) {
                    break;
                }
                trial.note(&earlier, now);
                joined = peers(&trial.state);
                continue;
            }
            let later = moments.iter().copied().chain(planned.plan_again).filter(|at| *at > now);
            match later.min().filter(|at| *at <= end) {
                Some(at) => now = at,
                None => break,
            }
        }
        trial
    }

    fn adopt(&mut self, planned: &crate::Plan) -> bool {
        let operation = Operation::AdoptTopology {
            epoch: self.state.epoch(),
            based_on: planned.based_on,
            changes: planned.changes.clone(),
        };
        let command = Command { caller: None, request: None, at: self.state.clock(), operation };
        matches!(self.state.apply(&command), Reply::Applied { .. })
    }

    fn note(&mut self, earlier: &NetworkState, now: Tick) {
        for (id, after) in self.state.topologies() {
            let before = earlier.topologies().get(id);
            if before == Some(after) {
                continue;
            }
            let found = successions(before, after);
            if !found.is_empty() {
                self.elected_within.insert(*id, now.since(FAILURE));
                self.successions.entry(*id).or_default().extend(found);
            }
        }
    }
}

/// By host: those that it has a tunnel to, and how long after the failure it has noticed that none of them works.
type Peers = BTreeMap<HostId, BTreeMap<HostId, Duration>>;

fn peers(state: &NetworkState) -> Peers {
    let members = Members::of(state);
    let budget = Budget::of(&members);
    let mut peers = Peers::new();
    for network in state.networks().values() {
        let Some(fabric) = Fabric::of(&members, network) else { continue };
        for (host, uplinks) in fabric.links() {
            for uplink in uplinks {
                let noticed = noticed_within(budget.host(host), budget.host(uplink), network.detection);
                for (near, far) in [(host, uplink), (uplink, host)] {
                    let slowest = peers.entry(near).or_default().entry(far).or_default();
                    *slowest = noticed.max(*slowest);
                }
            }
        }
    }
    peers
}

/// A moment after the failure, or before it.
struct Scene<'a> {
    peers: &'a Peers,
    known: Option<&'a Evidence>,
    before: &'a Damage,
    /// None before the failure.
    kill: Option<&'a Kill>,
    delays: &'a Delays,
    now: Tick,
}

impl Scene<'_> {
    /// What a leader would know: everything works but for the damage, as far as it was noticed.
    fn evidence(&self, state: &NetworkState) -> Evidence {
        let since = Tick(0);
        let why = || "no answer".to_owned();
        let mut evidence = Evidence::default();
        for host in state.hosts().values() {
            let lost = FAILURE + self.delays.session;
            let session = if self.before.dead.contains(&host.id) {
                SessionEvidence::Down { since, why: why() }
            } else if !self.is_killed(host.id) {
                SessionEvidence::Up { since }
            } else if let Some(begun) = self.new_leader() {
                // It never had one.
                SessionEvidence::Awaited { since: begun, why: why() }
            } else if self.now >= lost {
                SessionEvidence::Down { since: lost, why: why() }
            } else {
                SessionEvidence::Up { since }
            };
            let mut seen = HostEvidence::new(session);
            for (peer, noticed) in self.peers.get(&host.id).into_iter().flatten() {
                seen.paths.insert(*peer, self.path(host.id, *peer, FAILURE + *noticed));
            }
            if let Some(known) = self.known.and_then(|known| known.hosts.get(&host.id)) {
                seen.barred.clone_from(&known.barred);
                seen.hindered.clone_from(&known.hindered);
            }
            evidence.hosts.insert(host.id, seen);
        }
        if let Some(known) = self.known {
            evidence.pictures.clone_from(&known.pictures);
        }
        evidence
    }

    fn path(&self, host: HostId, peer: HostId, noticed: Tick) -> Path {
        let since = Tick(0);
        let is_hit = self.is_killed(peer) || self.is_cut(host, peer);
        if self.before.dead.contains(&peer) || self.before.lost.contains(&way(host, peer)) {
            Path::Down { since }
        } else if is_hit && !self.is_killed(host) && self.now >= noticed {
            // A new leader knows of nothing that was before it.
            Path::Down { since: self.new_leader().map_or(noticed, |begun| begun.max(noticed)) }
        } else {
            // A dark host's last word, too.
            Path::Up { since }
        }
    }

    /// Since when another leads, where the leader is among the killed.
    fn new_leader(&self) -> Option<Tick> {
        let leaderless = self.kill?.leaderless;
        (!leaderless.is_zero()).then_some(FAILURE + leaderless)
    }

    fn is_killed(&self, host: HostId) -> bool {
        self.kill.is_some_and(|kill| kill.hosts.contains(&host))
    }

    fn is_cut(&self, one: HostId, other: HostId) -> bool {
        let is_it = |[a, b]: &[HostId; 2]| way(*a, *b) == way(one, other);
        self.kill.is_some_and(|kill| kill.links.iter().any(is_it))
    }
}

fn successions(before: Option<&Topology>, after: &Topology) -> Vec<Succession> {
    let mut found = Vec::new();
    let star_before = |pool: &PoolId| before.and_then(|topology| topology.stars.get(pool));
    let gone = before.into_iter().flat_map(|topology| topology.stars.keys());
    let pools: BTreeSet<PoolId> = after.stars.keys().chain(gone).copied().collect();
    let center = |star: &Star| star.center.holder;
    let standby = |star: &Star| star.standby;
    for pool in pools {
        let (earlier, later) = (star_before(&pool), after.stars.get(&pool));
        let (from, to) = (earlier.map(center), later.map(center));
        if from != to {
            let heir = earlier.and_then(standby);
            let remedy = if heir.is_some() && heir == to { Remedy::DataPlane } else { Remedy::Election };
            found.push(Succession::Center { pool, from, to, remedy });
        }
        let (from, to) = (earlier.and_then(standby), later.and_then(standby));
        if from != to {
            found.push(Succession::Standby { pool, from, to });
        }
    }
    let holder = |choice: &Choice<PoolId>| choice.holder;
    let from = before.and_then(|topology| topology.pool_center.as_ref()).map(holder);
    let to = after.pool_center.as_ref().map(holder);
    if from != to {
        found.push(Succession::PoolCenter { from, to });
    }
    found
}
