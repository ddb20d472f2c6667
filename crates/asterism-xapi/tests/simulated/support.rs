//! Pools of a few hosts on loopback addresses, short deadlines, and waiting for what shall come.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use asterism_model::{ClusterId, NetworkId, ObjectRef, PoolId, PoolNetworkKey, XapiAddress, XapiUuid};
use asterism_xapi::{
    Backoff, ConnectedPool, PoolPicture, PoolSession, PoolSessionState, Secret, Trust, XapiConfig, XapiError,
};
use asterism_xapi_sim::{HostSpec, Listen, PoolSpec, RecordingAgent, Simulator};
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine: it ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(40);

/// The network that all of `eth1` are on.
pub const TRANSPORT: &str = "Pool-wide network associated with eth1";

/// Hosts `h1` to `hN`, each with `eth0` for management and `eth1` for tunnels; `h1` is master.
pub fn spec(hosts: u8) -> PoolSpec {
    PoolSpec::new("pool-a", (1..=hosts).map(host).collect())
}

pub fn host(number: u8) -> HostSpec {
    let address = [127, 0, 0, 10 + number].into();
    let transport = [10, 1, 0, number].into();
    HostSpec::new(&format!("h{number}"), address)
        .with_interface("eth0", Some((address, 8)))
        .with_interface("eth1", Some((transport, 24)))
}

pub fn start(spec: PoolSpec) -> Simulator {
    start_on(spec, Listen::http(0))
}

pub fn start_on(spec: PoolSpec, listen: Listen) -> Simulator {
    Simulator::start(spec, Arc::new(RecordingAgent::default()), listen).unwrap()
}

pub fn address(simulator: &Simulator, host: &str) -> XapiAddress {
    simulator.url(host).parse().unwrap()
}

/// The pool's uuid.
pub fn uuid(simulator: &Simulator) -> XapiUuid {
    let database = simulator.database();
    database.text("pool", &database.pool(), "uuid").parse().unwrap()
}

pub fn host_uuid(simulator: &Simulator, host: &str) -> XapiUuid {
    simulator.database().text("host", &simulator.host(host), "uuid").parse().unwrap()
}

/// For the pool, knowing the addresses of these hosts.
pub fn config(simulator: &Simulator, hosts: &[&str]) -> XapiConfig {
    let addresses: BTreeSet<XapiAddress> = hosts.iter().map(|host| address(simulator, host)).collect();
    let mut config = XapiConfig::new(addresses, "root", Secret::new("secret"), Trust::Observe, "asterism/1");
    config.expected_pool = Some(uuid(simulator));
    config.deadlines.connect = Duration::from_secs(2);
    config.deadlines.login = Duration::from_secs(3);
    config.deadlines.head_start = Duration::from_millis(300);
    config.deadlines.event = Duration::from_secs(2);
    config.deadlines.event_overshoot = Duration::from_secs(1);
    config.backoff = Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(200) };
    config
}

pub fn open(config: &XapiConfig) -> PoolSession {
    PoolSession::open(PoolId(1), config.clone()).unwrap()
}

/// The state that fits, with its name if it does not come.
pub async fn state_where(
    session: &PoolSession,
    name: &str,
    mut fits: impl FnMut(&PoolSessionState) -> bool,
) -> PoolSessionState {
    let mut state = session.state();
    let waited =
        timeout(PATIENCE, state.wait_for(|state| fits(state))).await.map(|state| state.unwrap().clone());
    waited.unwrap_or_else(|_| panic!("{name}: not within {PATIENCE:?}; it is {:?}", session.state().borrow()))
}

pub async fn connected(session: &PoolSession) -> ConnectedPool {
    connected_where(session, "connected", |_| true).await
}

pub async fn connected_where(
    session: &PoolSession,
    name: &str,
    mut fits: impl FnMut(&ConnectedPool) -> bool,
) -> ConnectedPool {
    let state = state_where(session, name, |state| match state {
        PoolSessionState::Connected(pool) => fits(pool),
        PoolSessionState::Connecting { .. } => false,
    });
    match state.await {
        PoolSessionState::Connected(pool) => pool,
        PoolSessionState::Connecting { .. } => unreachable!("it fits"),
    }
}

pub async fn picture_where(
    session: &PoolSession,
    name: &str,
    mut fits: impl FnMut(&PoolPicture) -> bool,
) -> Arc<PoolPicture> {
    connected_where(session, name, |pool| fits(&pool.picture)).await.picture
}

/// The error of an attempt that failed.
pub async fn failed(session: &PoolSession, fits: impl Fn(&XapiError) -> bool) -> Arc<XapiError> {
    let fits = |state: &PoolSessionState| match state {
        PoolSessionState::Connecting { last_error: Some(error), .. } => fits(error),
        PoolSessionState::Connecting { last_error: None, .. } | PoolSessionState::Connected(_) => false,
    };
    let state = state_where(session, "failed", fits).await;
    let PoolSessionState::Connecting { last_error: Some(error), .. } = state else {
        unreachable!("it fits");
    };
    error
}

/// Waits for something that the simulator shows.
pub async fn until(name: &str, mut holds: impl FnMut() -> bool) {
    let looking = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{name}: not within {PATIENCE:?}"));
}

/// How many calls of a method have ended.
pub fn count(simulator: &Simulator, method: &str) -> usize {
    simulator.calls().iter().filter(|call| call.method == method).count()
}

pub fn key(network: u32) -> PoolNetworkKey {
    PoolNetworkKey { cluster: ClusterId(42), network: NetworkId(network) }
}

/// The one network with our key.
pub fn only_network(picture: &PoolPicture) -> ObjectRef {
    assert_eq!(picture.observed.networks.len(), 1);
    picture.observed.networks.keys().next().unwrap().clone()
}
