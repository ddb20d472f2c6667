//! P1 to P4: what the planner chooses, for every state that can be reached and whatever is known of the hosts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use asterism_model::{
    BfdState, ClusterId, Command, Fence, HostDiff, HostId, NetworkId, NetworkState, ObservedHost, Operation,
    PoolId, Reply, Star, Topology,
};
use asterism_planner::{
    Evidence, Graces, HostEvidence, Path, Plan, SessionEvidence, Tick, check, judge, plan, target,
};
use proptest::{collection, prelude::*};

use crate::support::{
    FakeHost,
    model::{self, generate::reachable_state},
};

/// When it is planned; long enough after the beginning for every grace to be over, or not.
const NOW: Tick = Tick(60_000);

/// A state, and what a leader may know of its hosts.
fn state_and_evidence() -> impl Strategy<Value = (NetworkState, Evidence)> {
    reachable_state().prop_flat_map(|state| {
        let hosts: Vec<HostId> = state.hosts().keys().copied().collect();
        let count = hosts.len();
        let seen = collection::vec((host_evidence(hosts.clone()), tunnels()), count);
        let changed_at =
            collection::btree_map((1..4_u32).prop_map(NetworkId), (0..NOW.0).prop_map(Tick), 0..2);
        (seen, changed_at).prop_map(move |(seen, changed_at)| {
            let mut evidence = Evidence { changed_at, ..Evidence::default() };
            for (host, (seen, tunnels)) in hosts.iter().zip(seen) {
                if seen.answers() {
                    evidence.pictures.insert(*host, Arc::new(picture(&state, *host, &tunnels)));
                }
                evidence.hosts.insert(*host, seen);
            }
            (state.clone(), evidence)
        })
    })
}

/// What BFD says on a host's tunnels, counted round. Planned moves wait for all of them.
fn tunnels() -> impl Strategy<Value = Vec<BfdState>> {
    let state = prop_oneof![
        1 => Just(BfdState::Unknown),
        1 => Just(BfdState::Down),
        4 => Just(BfdState::Drained),
        12 => Just(BfdState::Up),
    ];
    collection::vec(state, 1..8)
}

/// A host that has what the state wants of it.
fn picture(state: &NetworkState, host: HostId, tunnels: &[BfdState]) -> ObservedHost {
    let mut it = FakeHost::new(host);
    let fence = Fence { cluster: ClusterId(1), epoch: 1, revision: 1 };
    it.claim(fence);
    let mut diff = HostDiff::empty(host, 1);
    diff.add_bridges = target(state, host).bridges.into_values().collect();
    it.transact(Fence { revision: 2, ..fence }, &diff);
    let ports = it.rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut());
    let interfaces = ports.flat_map(|port| port.interfaces.values_mut());
    for (interface, state) in interfaces.zip(tunnels.iter().cycle()) {
        interface.bfd_state = *state;
    }
    it.rows
}

fn host_evidence(hosts: Vec<HostId>) -> impl Strategy<Value = HostEvidence> {
    let tick = || (0..NOW.0).prop_map(Tick);
    let why = || "no answer".to_owned();
    let session = prop_oneof![
        6 => tick().prop_map(|since| SessionEvidence::Up { since }),
        2 => tick().prop_map(move |since| SessionEvidence::Down { since, why: why() }),
        1 => tick().prop_map(move |since| SessionEvidence::Awaited { since, why: why() }),
    ];
    let path = prop_oneof![
        tick().prop_map(|since| Path::Up { since }),
        tick().prop_map(|since| Path::Down { since }),
        tick().prop_map(|since| Path::Pending { since }),
    ];
    let peers = proptest::sample::select(if hosts.is_empty() { vec![HostId(1)] } else { hosts });
    let paths = collection::btree_map(peers, path, 0..4);
    let barred = prop_oneof![9 => Just(None), 1 => Just(Some("barred".to_owned()))];
    let hindered = prop_oneof![
        5 => Just(BTreeMap::new()),
        1 => (1..4_u32).prop_map(|network| BTreeMap::from([(NetworkId(network), "taken".to_owned())])),
    ];
    (session, paths, any::<bool>(), barred, hindered).prop_map(
        |(session, paths, is_down_in_pool, barred, hindered)| HostEvidence {
            is_down_in_pool,
            given_up: None,
            session,
            paths,
            barred,
            hindered,
        },
    )
}

fn plan_now(state: &NetworkState, evidence: &Evidence) -> Plan {
    plan(state, evidence, &Graces::default(), NOW)
}

/// The state after the plan is adopted.
fn adopt(state: &NetworkState, plan: &Plan) -> NetworkState {
    let mut after = state.clone();
    if !plan.changes.is_empty() {
        let changes = plan.changes.clone();
        apply(
            &mut after,
            Operation::AdoptTopology { epoch: state.epoch(), based_on: plan.based_on, changes },
        );
    }
    after
}

fn apply(state: &mut NetworkState, operation: Operation) {
    let reply = state.apply(&Command { caller: None, request: None, at: state.clock(), operation });
    assert!(matches!(reply, Reply::Applied { .. }), "{}", model::render::reply(&reply));
}

proptest! {
    #[test]
    fn a_plan_that_is_adopted_leaves_nothing_to_plan((state, evidence) in state_and_evidence()) {
        let planned = plan_now(&state, &evidence);
        let after = adopt(&state, &planned);
        // A leader notes when it saw choices change.
        let mut evidence = evidence;
        evidence.changed_at.extend(planned.changes.keys().map(|network| (*network, NOW)));
        let again = plan_now(&after, &evidence);
        prop_assert_eq!(&again.changes, &BTreeMap::new());
        prop_assert!(!planned.changes.is_empty() || again.plan_again == planned.plan_again);
        prop_assert!(again.plan_again.is_none_or(|at| at > NOW), "a plan that is due at once is due for ever");
    }

    #[test]
    fn every_plan_keeps_the_invariants((state, evidence) in state_and_evidence()) {
        prop_assert_eq!(check(&state), Vec::new());
        prop_assert_eq!(check(&adopt(&state, &plan_now(&state, &evidence))), Vec::new());
    }

    #[test]
    fn a_host_that_joins_moves_no_center_that_works(
        (state, evidence) in state_and_evidence(),
        pool in any::<proptest::sample::Index>(),
    ) {
        let before = adopt(&state, &plan_now(&state, &evidence));
        let pools: Vec<_> = before.pools().values().collect();
        if pools.is_empty() {
            return Ok(());
        }
        let mut after = before.clone();
        let line = format!("host {}/newcomer lan=10.9.9.9/9000 san=10.9.9.10/9000", pools[pool.index(pools.len())].name);
        let command = model::script::parse(&line, &after);
        if !matches!(after.apply(&command), Reply::Applied { .. }) {
            return Ok(());
        }
        let mut evidence = evidence;
        let newcomer = *after.hosts().keys().last().unwrap();
        evidence.hosts.insert(newcomer, HostEvidence::new(SessionEvidence::Up { since: NOW }));

        let verdicts = judge(&evidence, &Graces::default(), NOW);
        // A host fails a network too where a foreign row has its bridge's name.
        let has_failed = |host: HostId, network: NetworkId| {
            let seen = evidence.hosts.get(&host);
            verdicts.of(host).is_dead() || seen.is_some_and(|seen| seen.hindered.contains_key(&network))
        };
        let works = |host: HostId, network: NetworkId| {
            let is_eligible = before.hosts().get(&host).is_some_and(asterism_model::Host::is_eligible);
            is_eligible && !has_failed(host, network)
        };
        for (id, changed) in plan_now(&after, &evidence).changes {
            // What is on its way to another one arrives there.
            let at_rest = before.topologies()[&id].stars.iter().filter(|(_, star)| star.next.is_none());
            for (pool, Star { center, .. }) in at_rest {
                let moved = changed.stars.get(pool).map(|star| star.center) != Some(center.holder);
                prop_assert!(!moved || !works(center.holder, id), "{id}: {pool} lost {}", center.holder);
            }
            let Topology { stars, pool_center, next_pool, .. } = &before.topologies()[&id];
            if let (Some(middle), None) = (pool_center, next_pool) {
                let moved = changed.pool_center.map(|(pool, _)| pool) != Some(middle.holder);
                let root = stars[&middle.holder].center.holder;
                prop_assert!(!moved || has_failed(root, id), "{id}: the middle left {}", middle.holder);
            }
        }
    }

    #[test]
    fn the_order_in_which_pools_are_filled_is_no_matter(order in Just(filling()).prop_shuffle()) {
        // Within a pool the order stands: the lowest id wins a draw.
        let mut counters = [0; POOLS];
        let script: String = order.iter().map(|pool| {
            counters[*pool] += 1;
            format!("host p{pool}/h{0} 10.0.{pool}.{0}\n", counters[*pool])
        }).collect();
        prop_assert_eq!(choices(&script), choices(&in_order()));
    }
}

const POOLS: usize = 3;
const HOSTS: usize = 4;

fn filling() -> Vec<usize> {
    (0..POOLS * HOSTS).map(|place| place / HOSTS).collect()
}

fn in_order() -> String {
    let hosts = (0..POOLS).flat_map(|pool| (1..=HOSTS).map(move |host| (pool, host)));
    hosts.map(|(pool, host)| format!("host p{pool}/h{host} 10.0.{pool}.{host}\n")).collect()
}

/// The first choices for some networks, by name.
fn choices(hosts: &str) -> BTreeSet<String> {
    let pools: String = (0..POOLS).map(|pool| format!("pool p{pool}\n")).collect();
    let networks = "network a p0 p1 p2\nnetwork b p0 p1\nnetwork c p1 p2\nnetwork d p0 p1 p2\nnetwork e p2";
    let state = model::World::of(&format!("init lab\nclaim c1\n{pools}{hosts}{networks}")).state;
    let able = || HostEvidence::new(SessionEvidence::Up { since: Tick(0) });
    let evidence =
        Evidence { hosts: state.hosts().keys().map(|host| (*host, able())).collect(), ..Evidence::default() };
    let stars = |id: NetworkId, stars: &BTreeMap<PoolId, asterism_model::StarPlan>| -> Vec<String> {
        stars.values().map(|star| format!("{id} {}", state.host_label(star.center))).collect()
    };
    let plan = plan_now(&state, &evidence);
    let centers = plan.changes.iter().flat_map(|(id, plan)| stars(*id, &plan.stars));
    let middles = plan.changes.iter().map(|(id, plan)| format!("{id} middle {:?}", plan.pool_center));
    centers.chain(middles).collect()
}
