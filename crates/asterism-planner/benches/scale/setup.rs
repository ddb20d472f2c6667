//! States and evidence of a given size.

use std::collections::BTreeMap;

use asterism_model::{
    ClusterId, Command, Datapath, Detection, Encapsulation, HostId, HostSpec, NetworkSpec, NetworkState,
    NodeId, Operation, OvsdbEndpoint, PoolAttachmentSpec, Reply, Resilience, Timestamp, Transport,
};
use asterism_planner::{Evidence, Graces, HostEvidence, Path, Plan, SessionEvidence, Targets, Tick, plan};

pub const POOLS: usize = 16;
pub const CLUSTER: ClusterId = ClusterId(0xa57e);
/// Late enough that every grace since [`Tick`] zero is over.
pub const NOW: Tick = Tick(60_000);

/// Pools, hosts and a leader, without networks.
pub fn hosts(count: usize) -> NetworkState {
    let mut state = NetworkState::default();
    commit(&mut state, Operation::InitCluster { cluster: CLUSTER, name: "scale".parse().unwrap() });
    commit(&mut state, Operation::ClaimEpoch { node: NodeId(1) });
    for pool in 0..POOLS {
        commit(&mut state, Operation::AddPool { name: format!("p{pool}").parse().unwrap() });
    }
    for number in 0..u32::try_from(count).unwrap() {
        let address = std::net::Ipv4Addr::from(0x0a00_0001 + number).into();
        let transport = ("lan".parse().unwrap(), Transport { address, mtu: 1600 });
        let host = HostSpec {
            name: format!("h{number}").parse().unwrap(),
            ovsdb: OvsdbEndpoint::Tcp((address, 6640).into()),
            datapath: Datapath::System,
            transports: BTreeMap::from([transport]),
        };
        let pool = format!("p{}", number as usize % POOLS).parse().unwrap();
        commit(&mut state, Operation::AddHost { pool, host });
    }
    state
}

/// Adds networks over all pools, without choices.
pub fn add_networks(state: &mut NetworkState, count: usize, resilience: Resilience) {
    let attachment = PoolAttachmentSpec { transport: "lan".parse().unwrap(), preferred_host: None };
    let pools: BTreeMap<_, _> =
        (0..POOLS).map(|pool| (format!("p{pool}").parse().unwrap(), attachment.clone())).collect();
    for number in 0..count {
        let network = NetworkSpec {
            name: format!("n{number}").parse().unwrap(),
            encapsulation: Encapsulation::Vxlan,
            mtu: None,
            vni: None,
            resilience,
            detection: Detection::Normal,
            pools: pools.clone(),
            preferred_pool: None,
        };
        commit(state, Operation::CreateNetwork(network));
    }
}

/// Makes the plan's choices.
pub fn adopt(state: &mut NetworkState, plan: &Plan) {
    let Plan { based_on, changes, .. } = plan.clone();
    commit(state, Operation::AdoptTopology { epoch: state.epoch(), based_on, changes });
}

/// Networks over hosts, with all choices made.
pub fn settled(networks: usize, host_count: usize, resilience: Resilience) -> NetworkState {
    let mut state = hosts(host_count);
    add_networks(&mut state, networks, resilience);
    let choices = plan(&state, &all_able(&state), &Graces::default(), NOW);
    adopt(&mut state, &choices);
    state
}

/// All hosts answer, and all tunnels that the choices ask for are up.
pub fn all_able(state: &NetworkState) -> Evidence {
    let targets = Targets::of(state);
    let since = Tick(0);
    let hosts = state.hosts().values().map(|host| {
        let mut evidence = HostEvidence::new(SessionEvidence::Up { since });
        for network in state.networks().keys() {
            let peers = targets.peers(host, *network).into_iter();
            evidence.paths.extend(peers.map(|peer| (peer, Path::Up { since })));
        }
        (host.id, evidence)
    });
    Evidence { hosts: hosts.collect(), ..Evidence::default() }
}

/// The host in the middle of the most stars.
pub fn busiest(state: &NetworkState) -> HostId {
    let mut stars: BTreeMap<HostId, usize> = BTreeMap::new();
    for star in state.topologies().values().flat_map(|topology| topology.stars.values()) {
        *stars.entry(star.center.holder).or_default() += 1;
    }
    stars.into_iter().max_by_key(|(_, stars)| *stars).expect("there are networks").0
}

pub fn commit(state: &mut NetworkState, operation: Operation) {
    let reply = state.apply(&Command { caller: None, request: None, at: Timestamp(0), operation });
    assert!(matches!(reply, Reply::Applied { .. }), "{reply:?}");
}
