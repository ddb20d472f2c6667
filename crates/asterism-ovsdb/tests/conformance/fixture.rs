//! What the tests say in few words: configurations, fences, targets, waiting for a state.

use std::{sync::Arc, time::Duration};

use asterism_model::{
    Bfd, BridgeOwner, ClusterId, Datapath, Encapsulation, Fence, HostDiff, HostId, NetworkId, ObservedHost,
    Outcome, OvsdbEndpoint, PortAddition, PortChange, PortRole, RowUuid, TargetBridge, TargetPort, Tunnel,
    Vni, chain,
    target::{bridge_name, tunnel_name},
};
use asterism_ovsdb::{Backoff, HostSession, Liveness, SessionConfig, SessionState};
use tokio::time::timeout;

pub const HOST: HostId = HostId(1);
const PATIENCE: Duration = Duration::from_secs(20);

/// Patient with silence, quick to come back.
pub fn config() -> SessionConfig {
    SessionConfig {
        backoff: Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(200) },
        liveness: Liveness {
            probe_interval: Duration::from_secs(60),
            probe_deadline: Duration::from_secs(60),
        },
        ..SessionConfig::default()
    }
}

/// As [`config`], but a server that says nothing for half a second is dead.
pub fn impatient() -> SessionConfig {
    let half = Duration::from_millis(250);
    SessionConfig { liveness: Liveness { probe_interval: half, probe_deadline: half }, ..config() }
}

pub fn open(endpoint: OvsdbEndpoint, config: &SessionConfig) -> HostSession {
    HostSession::open(HOST, endpoint, config).unwrap()
}

/// Waits until the state is as wanted, and gives what `wanted` gives.
pub async fn until<T>(session: &HostSession, wanted: impl Fn(&SessionState) -> Option<T>) -> T {
    let mut states = session.state();
    let reached = async {
        loop {
            if let Some(found) = wanted(&states.borrow_and_update()) {
                return found;
            }
            states.changed().await.expect("the session's task runs");
        }
    };
    match timeout(PATIENCE, reached).await {
        Ok(found) => found,
        Err(_) => panic!("the state is still {:?}", session.state().borrow().clone()),
    }
}

/// Waits for a picture that is as wanted.
pub async fn picture(session: &HostSession, wanted: impl Fn(&ObservedHost) -> bool) -> Arc<ObservedHost> {
    until(session, |state| state.picture().filter(|picture| wanted(picture)).cloned()).await
}

/// Waits for the error that a session could not be had for.
pub async fn last_error(session: &HostSession) -> String {
    until(session, |state| match state {
        SessionState::Connecting { last_error: Some(error), .. } => Some(chain(error.as_ref())),
        SessionState::Connecting { .. } | SessionState::Waiting(_) | SessionState::Connected { .. } => None,
    })
    .await
}

/// The picture on show.
pub fn shown(session: &HostSession) -> Arc<ObservedHost> {
    session.state().borrow().picture().cloned().expect("there is a picture")
}

pub fn fence(epoch: u64, revision: u64) -> Fence {
    Fence { cluster: ClusterId(0xa57e), epoch, revision }
}

/// A session that has claimed its host for epoch 1.
pub async fn claimed(endpoint: OvsdbEndpoint, config: &SessionConfig) -> HostSession {
    let session = open(endpoint, config);
    picture(&session, |_| true).await;
    session.claim(fence(1, 0)).await.unwrap();
    session
}

pub fn tunnel(network: u32, peer: u32) -> Tunnel {
    Tunnel {
        name: tunnel_name(NetworkId(network), HostId(peer)),
        peer: HostId(peer),
        encapsulation: Encapsulation::Vxlan,
        local_ip: "10.0.0.1".parse().unwrap(),
        remote_ip: format!("10.0.1.{peer}").parse().unwrap(),
        key: Vni::new(network).unwrap(),
        bfd: Bfd { interval_ms: 100, is_drained: false },
    }
}

pub fn port(network: u32, peer: u32) -> TargetPort {
    let tunnel = tunnel(network, peer);
    TargetPort { name: tunnel.name.clone(), role: PortRole::Downlink, tunnels: vec![tunnel], is_open: false }
}

/// An uplink port of that name, with tunnels to these peers.
pub fn uplink(network: u32, name: &str, peers: &[u32]) -> TargetPort {
    let tunnels = peers.iter().map(|peer| tunnel(network, *peer)).collect();
    TargetPort { name: name.to_owned(), role: PortRole::Uplink, tunnels, is_open: false }
}

pub fn bridge(network: u32, peers: &[u32]) -> TargetBridge {
    TargetBridge {
        name: bridge_name(NetworkId(network)),
        network: NetworkId(network),
        owner: BridgeOwner::Ours,
        adoption: None,
        datapath: Datapath::Netdev,
        mtu: 1450,
        ports: peers.iter().map(|peer| port(network, *peer)).map(|port| (port.name.clone(), port)).collect(),
    }
}

/// Why a transaction was rejected.
pub fn rejected(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Rejected(reason) => reason,
        Outcome::Applied | Outcome::Fenced | Outcome::Unknown(_) => panic!("{outcome:?}"),
    }
}

pub fn no_diff() -> HostDiff {
    HostDiff::empty(HOST, 1)
}

pub fn add_bridge(bridge: TargetBridge) -> HostDiff {
    HostDiff { add_bridges: vec![bridge], ..no_diff() }
}

/// The addition of a port to a network's bridge that is there.
pub fn addition(picture: &ObservedHost, network: u32, port: TargetPort) -> PortAddition {
    let (bridge, found) = bridge_of(picture, network);
    PortAddition { bridge, bridge_name: found.name.clone(), network: NetworkId(network), port }
}

/// A change of a port, of nothing yet.
pub fn unchanged(port: RowUuid, name: &str, network: u32) -> PortChange {
    PortChange {
        port,
        name: name.to_owned(),
        network: NetworkId(network),
        is_protected: None,
        mode: None,
        add_tunnels: Vec::new(),
        remove_interfaces: Vec::new(),
    }
}

/// The one bridge of a network.
pub fn bridge_of(picture: &ObservedHost, network: u32) -> (RowUuid, &asterism_model::ObservedBridge) {
    let mut found = picture.bridges.iter().filter(|(_, bridge)| bridge.network == Some(NetworkId(network)));
    let (uuid, bridge) = found.next().expect("the network has a bridge");
    (*uuid, bridge)
}
