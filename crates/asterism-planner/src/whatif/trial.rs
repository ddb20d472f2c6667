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
    Kill, Remedy, Succession,
    reach::{Damage, way},
};
use crate::{
    Evidence, Graces, HostEvidence, Path, SessionEvidence, Tick, links::Fabric, members::Members, plan,
};

/// When the failure happens: every grace since the beginning is over by then.
const FAILURE: Tick = Tick(3_600_000);
/// When BFD has told the peers, at the shortest interval: elections have longer graces than the difference matters to.
const NOTICED: Duration = Duration::from_millis(300);
/// When the session to a dark host is given up: the interval of probes and the wait for an answer.
const PROBE: Duration = Duration::from_millis(3500);
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
        graces: &Graces,
        kill: &Kill,
        before: &Damage,
    ) -> Self {
        let mut trial =
            Self { state: state.clone(), successions: BTreeMap::new(), elected_within: BTreeMap::new() };
        if kill.has_no_quorum {
            return trial;
        }
        // What would have been chosen anyway is no consequence.
        let well = scene(&trial.state, &peers(&trial.state), known, before, None, FAILURE);
        for _ in 0..MAX_PLANS {
            let planned = plan(&trial.state, &well, graces, FAILURE);
            if planned.changes.is_empty() || !trial.adopt(&planned) {
                break;
            }
        }
        let mut now = FAILURE + NOTICED.max(kill.leaderless);
        let end = FAILURE + HORIZON;
        let mut joined = peers(&trial.state);
        for _ in 0..MAX_PLANS {
            let evidence = scene(&trial.state, &joined, known, before, Some(kill), now);
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
            let probed = FAILURE + PROBE;
            let next = planned.plan_again.into_iter().chain((now < probed).then_some(probed)).min();
            match next.filter(|at| *at <= end && *at > now) {
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
        let command = Command { request: None, at: self.state.clock(), operation };
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

/// By host: those that it has a tunnel to, in any network.
type Peers = BTreeMap<HostId, BTreeSet<HostId>>;

fn peers(state: &NetworkState) -> Peers {
    let members = Members::of(state);
    let mut peers = Peers::new();
    for network in state.networks().values() {
        let Some(fabric) = Fabric::of(&members, network) else { continue };
        for (host, uplinks) in fabric.links() {
            for uplink in uplinks {
                peers.entry(host).or_default().insert(uplink);
                peers.entry(uplink).or_default().insert(host);
            }
        }
    }
    peers
}

/// What a leader would know: everything works but for the damage, which the peers have noticed.
fn scene(
    state: &NetworkState,
    joined: &Peers,
    known: Option<&Evidence>,
    before: &Damage,
    kill: Option<&Kill>,
    now: Tick,
) -> Evidence {
    let since = Tick(0);
    let noticed = FAILURE + NOTICED;
    let is_killed = |host: HostId| kill.is_some_and(|kill| kill.hosts.contains(&host));
    let is_cut = |one: HostId, other: HostId| {
        kill.is_some_and(|kill| kill.links.iter().any(|[a, b]| way(*a, *b) == way(one, other)))
    };
    let mut evidence = Evidence::default();
    for host in state.hosts().values() {
        let is_dark = is_killed(host.id);
        let why = || "no answer".to_owned();
        let session = if before.dead.contains(&host.id) {
            SessionEvidence::Down { since, why: why() }
        } else if is_dark && now >= FAILURE + PROBE {
            SessionEvidence::Down { since: FAILURE + PROBE, why: why() }
        } else {
            SessionEvidence::Up { since }
        };
        let mut seen = HostEvidence::new(session);
        for peer in joined.get(&host.id).into_iter().flatten().copied() {
            let path = if before.dead.contains(&peer) || before.lost.contains(&way(host.id, peer)) {
                Path::Down { since }
            } else if !is_dark && (is_killed(peer) || is_cut(host.id, peer)) {
                Path::Down { since: noticed }
            } else {
                // A dark host's last word.
                Path::Up { since }
            };
            seen.paths.insert(peer, path);
        }
        if let Some(known) = known.and_then(|known| known.hosts.get(&host.id)) {
            seen.barred.clone_from(&known.barred);
            seen.hindered.clone_from(&known.hindered);
        }
        evidence.hosts.insert(host.id, seen);
    }
    if let Some(known) = known {
        evidence.pictures.clone_from(&known.pictures);
    }
    evidence
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
