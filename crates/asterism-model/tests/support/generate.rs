//! Generators of histories: commands that mostly name what is there, sometimes what is not, and now and then nonsense.
//!
//! A [`Step`] is a draft. It becomes a command when the state is known that it meets, so that epochs, revisions and
//! ids are often right, and wrong by little.

use std::collections::{BTreeMap, BTreeSet};

use super::xapi;
use asterism_model::{
    AccessRole, Caller, Cause, ClusterId, Command, Datapath, Detection, Drain, DrainExtent, Encapsulation,
    Host, HostId, HostInventory, HostRef, HostSpec, Invitation, MemberChange, MemberRole, Mode, Name,
    NetworkChange, NetworkId, NetworkSpec, NetworkState, NextCenter, NextPool, NodeId, Operation,
    OvsdbEndpoint, PoolAttachmentSpec, PoolId, PoolInventory, PrivateNetwork, RequestId, Resilience,
    SessionId, SettingsChange, StarPlan, Timestamp, TopologyPlan, Transport, TransportName, Uplinks, Vni,
    XapiUuid, encode_state,
};
use proptest::{collection, option, prelude::*, sample};

/// The last has no host at first.
const POOLS: [&str; 4] = ["pa", "pb", "pc", "pd"];
const HOSTS: [&str; 4] = ["a", "b", "c", "d"];
const NETWORKS: [&str; 5] = ["na", "nb", "nc", "nd", "ne"];
const TRANSPORTS: [&str; 2] = ["lan", "san"];

/// A command in the making.
#[derive(Debug, Clone)]
pub struct Step {
    /// How far the leader's clock goes; backwards too, since a new leader's clock may be slow.
    pub milliseconds: i64,
    pub request: Option<RequestDraft>,
    pub draft: Draft,
}

#[derive(Debug, Clone)]
pub enum Draft {
    Operation(Operation),
    /// What the XAPI of the pool at that place of the list says: those of `HOSTS` that it has, with the place of the address
    /// of each, and whether it is in service.
    Inventory {
        pool: usize,
        epoch_lag: u64,
        hosts: Vec<Option<(usize, bool)>>,
    },
    /// Forgets the host at that place of the list, with an epoch so far behind.
    Forget {
        host: usize,
        epoch_lag: u64,
    },
    Adopt {
        epoch_lag: u64,
        revision_lag: u64,
        plans: Vec<PlanDraft>,
    },
}

/// A request in the session at that place of the list, so many sequence numbers after the session's last.
#[derive(Debug, Clone)]
pub struct RequestDraft {
    pub session: usize,
    pub ahead: u64,
}

#[derive(Debug, Clone)]
pub struct PlanDraft {
    pub network: usize,
    /// Where the network has none and asked for none.
    pub vni: Vni,
    /// One for each pool of the network, in order; the host's place in its pool's list, if it shall have a star.
    pub centers: Vec<Option<usize>>,
    pub pool_center: usize,
    pub cause: Cause,
    pub standby: Option<usize>,
    pub next: Option<usize>,
    pub is_drained: bool,
    /// Nothing of the above is looked up: ids are the places themselves.
    pub is_blind: bool,
}

impl Step {
    /// The command that this step is in that state.
    pub fn command(&self, state: &NetworkState) -> Command {
        let operation = match &self.draft {
            Draft::Operation(operation) => operation.clone(),
            Draft::Inventory { pool, epoch_lag, hosts } => {
                let pools = state.pools().values().filter_map(|pool| Some((pool.id, pool.xapi()?.uuid)));
                let (pool, uuid) = pick(pools, *pool).unwrap_or((PoolId(1), XapiUuid(0)));
                let hosts = hosts.iter().zip(1..).filter_map(|(host, uuid)| {
                    let (place, is_enabled) = (*host)?;
                    let address = home_of(4 + pool.0 as usize % 3, place);
                    let transport = is_enabled.then_some(Transport { address, mtu: 1500 });
                    let seen = xapi::plain_host(name(HOSTS[place % HOSTS.len()]), address, transport);
                    Some((XapiUuid(uuid), HostInventory { is_enabled, ..seen }))
                });
                Operation::RecordInventory {
                    pool,
                    epoch: state.epoch().saturating_sub(*epoch_lag),
                    inventory: PoolInventory { uuid, master: XapiUuid(1), hosts: hosts.collect() },
                }
            }
            Draft::Forget { host, epoch_lag } => Operation::ForgetHost {
                host: pick(state.hosts().keys().copied(), *host).unwrap_or(HostId(1)),
                epoch: state.epoch().saturating_sub(*epoch_lag),
            },
            Draft::Adopt { epoch_lag, revision_lag, plans } => Operation::AdoptTopology {
                epoch: state.epoch().saturating_sub(*epoch_lag),
                based_on: state.revision().saturating_sub(*revision_lag),
                changes: plans.iter().filter_map(|plan| plan.resolve(state)).collect(),
            },
        };
        let at = Timestamp(state.clock().0.saturating_add_signed(self.milliseconds));
        let request = self.request.as_ref().map(|draft| draft.resolve(state));
        // Operators have sessions, and the controllers have none.
        let caller = request.map(|request| Caller {
            name: format!("operator{}", request.session.0),
            role: AccessRole::Operator,
            from: "10.0.0.9".to_owned(),
        });
        Command { caller, request, at, operation }
    }
}

impl RequestDraft {
    fn resolve(&self, state: &NetworkState) -> RequestId {
        let stored: serde_json::Value = serde_json::from_slice(&encode_state(state)).unwrap();
        let sessions = stored["value"]["sessions"].as_object().unwrap();
        match pick(sessions.iter(), self.session) {
            Some((id, session)) => {
                let last = session["last"][0].as_u64().unwrap_or(0);
                let sequence = last.saturating_add(self.ahead);
                RequestId { session: SessionId(id.parse().unwrap()), sequence }
            }
            None => RequestId { session: SessionId(1), sequence: self.ahead },
        }
    }
}

impl PlanDraft {
    fn resolve(&self, state: &NetworkState) -> Option<(NetworkId, TopologyPlan)> {
        if self.is_blind {
            return Some(self.blind());
        }
        let network = pick(state.networks().values(), self.network)?;
        let in_use = state.topologies().get(&network.id).map(|topology| topology.vni);
        let stars: BTreeMap<PoolId, StarPlan> = network
            .pools
            .keys()
            .zip(&self.centers)
            .filter_map(|(pool, center)| {
                Some((*pool, self.star(&members(state, network, *pool), (*center)?)?))
            })
            .collect();
        let pool_center = pick(stars.keys().copied(), self.pool_center).map(|pool| (pool, self.cause));
        let vni = in_use.or(network.requested_vni).unwrap_or(self.vni);
        let next_pool = self
            .next
            .and_then(|next| pick(stars.keys().copied(), next))
            .filter(|next| pool_center.is_some_and(|(pool, _)| pool != *next))
            .map(|pool| NextPool {
                pool,
                cause: self.cause,
                is_announced: self.is_drained,
                is_drained: self.is_drained,
            });
        Some((network.id, TopologyPlan { vni, stars, pool_center, next_pool }))
    }

    fn star(&self, members: &[HostId], center: usize) -> Option<StarPlan> {
        let center = pick(members.iter().copied(), center)?;
        let others = || members.iter().copied().filter(|host| *host != center);
        let standby = self.standby.and_then(|standby| pick(others(), standby));
        let next = self.next.and_then(|next| pick(others(), next));
        let extent = if self.next.is_some() { DrainExtent::Standby } else { DrainExtent::All };
        let drained = self.is_drained.then(|| Drain { host: standby.unwrap_or(center), extent });
        let next = next.map(|host| NextCenter { host, cause: self.cause });
        let evidence = self.is_drained.then(|| "it said nothing".into());
        Some(StarPlan { center, cause: self.cause, evidence, standby, next, drained })
    }

    fn blind(&self) -> (NetworkId, TopologyPlan) {
        let id = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let stars = self.centers.iter().enumerate().filter_map(|(pool, center)| {
            let center = HostId(id((*center)?));
            let standby = (center.0.is_multiple_of(2)).then_some(HostId(center.0 / 2));
            Some((PoolId(id(pool)), StarPlan { standby, ..StarPlan::around(center, self.cause) }))
        });
        let pool_center = (self.pool_center < 4).then(|| (PoolId(id(self.pool_center)), self.cause));
        let plan = TopologyPlan { vni: self.vni, stars: stars.collect(), pool_center, next_pool: None };
        (NetworkId(id(self.network)), plan)
    }
}

fn members(state: &NetworkState, network: &PrivateNetwork, pool: PoolId) -> Vec<HostId> {
    state.hosts_of(pool).filter(|host: &&Host| network.spans(host)).map(|host| host.id).collect()
}

/// The item at that place, counted round; nothing of nothing.
fn pick<T>(items: impl Iterator<Item = T>, place: usize) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    (!items.is_empty()).then(|| items.swap_remove(place % items.len()))
}

/// A history from the first entry on.
pub fn history() -> impl Strategy<Value = Vec<Step>> {
    (prelude(), collection::vec(step(), 0..60)).prop_map(|(prelude, steps)| [prelude, steps].concat())
}

/// A state that a cluster can get into, in which `violations` are empty if `apply` is right.
pub fn reachable_state() -> impl Strategy<Value = NetworkState> {
    history().prop_map(|steps| {
        let mut state = NetworkState::default();
        for step in steps {
            state.apply(&step.command(&state));
        }
        state
    })
}

/// Mostly what every cluster begins with, so that what follows meets hosts; sometimes nothing.
fn prelude() -> impl Strategy<Value = Vec<Step>> {
    let plain = |operation| Step { milliseconds: 1, request: None, draft: Draft::Operation(operation) };
    let mut operations = vec![init(), Operation::ClaimEpoch { node: NodeId(1) }, Operation::OpenSession];
    operations.extend(POOLS.map(|pool| Operation::AddPool { name: name(pool) }));
    let (uuid, access) = (XapiUuid(9), xapi::plain_access().into());
    operations.push(Operation::AddXapiPool { name: name("px"), uuid, access });
    let networks = [("na", vec!["pa", "pb"]), ("nb", vec!["pb", "pc"]), ("nc", vec!["pa"])];
    for (pool, pool_name) in POOLS.iter().take(3).enumerate() {
        for (host, host_name) in HOSTS.iter().take(2).enumerate() {
            let host = host_spec(host_name, home_of(pool, host), 1500);
            operations.push(Operation::AddHost { pool: name(pool_name), host });
        }
    }
    operations
        .extend(networks.map(|(network, pools)| Operation::CreateNetwork(plain_network(network, &pools))));
    let steps: Vec<Step> = operations.into_iter().map(plain).collect();
    prop_oneof![9 => Just(steps), 1 => Just(Vec::new())]
}

pub fn step() -> impl Strategy<Value = Step> {
    let request = (0..4_usize, prop_oneof![6 => Just(1), 3 => Just(0), 1 => Just(2), 1 => any::<u64>()])
        .prop_map(|(session, ahead)| RequestDraft { session, ahead });
    let milliseconds = prop_oneof![20 => 0..10_000_i64, 3 => -5_000..0_i64, 1 => any::<i64>()];
    (milliseconds, option::weighted(0.3, request), draft()).prop_map(|(milliseconds, request, draft)| Step {
        milliseconds,
        request,
        draft,
    })
}

fn draft() -> impl Strategy<Value = Draft> {
    let lag = || prop_oneof![9 => Just(0), 1 => any::<u64>()];
    let forget = (0..12_usize, lag()).prop_map(|(host, epoch_lag)| Draft::Forget { host, epoch_lag });
    let host = option::weighted(0.7, (0..6_usize, prop::bool::weighted(0.8)));
    let inventory = (0..3_usize, lag(), collection::vec(host, HOSTS.len()))
        .prop_map(|(pool, epoch_lag, hosts)| Draft::Inventory { pool, epoch_lag, hosts });
    let adopt = (lag(), lag(), collection::vec(plan(), 0..4))
        .prop_map(|(epoch_lag, revision_lag, plans)| Draft::Adopt { epoch_lag, revision_lag, plans });
    prop_oneof![
        12 => operation().prop_map(Draft::Operation),
        1 => forget,
        2 => inventory,
        4 => adopt,
    ]
}

fn plan() -> impl Strategy<Value = PlanDraft> {
    let cause = sample::select(vec![Cause::First, Cause::Preferred, Cause::Disabled, Cause::Dead]);
    let centers = collection::vec(option::weighted(0.9, 0..6_usize), POOLS.len());
    let place = || option::of(0..6_usize);
    let heads = (place(), place(), any::<bool>());
    (0..6_usize, vni(), centers, 0..6_usize, cause, heads, prop::bool::weighted(0.1)).prop_map(
        |(network, vni, centers, pool_center, cause, (standby, next, is_drained), is_blind)| PlanDraft {
            network,
            vni,
            centers,
            pool_center,
            cause,
            standby,
            next,
            is_drained,
            is_blind,
        },
    )
}

/// An operation as operators and leaders ask for; names are those of a small vocabulary.
pub fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        1 => any::<bool>().prop_map(|again| if again { init() } else { another_init() }),
        2 => Just(Operation::OpenSession),
        1 => Just(Operation::RecordDenied { method: "Write".to_owned() }),
        1 => any::<u64>().prop_map(|node| Operation::ClaimEpoch { node: NodeId(node) }),
        2 => pool_name().prop_map(|name| Operation::AddPool { name }),
        2 => (pool_name(), any::<bool>()).prop_map(|(pool, force)| Operation::RemovePool { pool, force }),
        1 => (pool_name(), 1..5_u128).prop_map(|(name, uuid)| {
            Operation::AddXapiPool { name, uuid: XapiUuid(uuid), access: xapi::plain_access().into() }
        }),
        1 => pool_name()
            .prop_map(|pool| Operation::ChangeXapiAccess { pool, access: xapi::plain_access().into() }),
        6 => (pool_name(), new_host()).prop_map(|(pool, host)| Operation::AddHost { pool, host }),
        1 => (0..9_u64, 0..3_u64)
            .prop_map(|(node, epoch)| Operation::ReportDivergence { node: NodeId(node), epoch, index: 7 }),
        2 => host_ref().prop_map(|host| Operation::EnableHost { host }),
        2 => host_ref().prop_map(|host| Operation::DisableHost { host }),
        3 => (host_ref(), any::<bool>()).prop_map(|(host, force)| Operation::RemoveHost { host, force }),
        1 => (any::<u32>(), any::<u64>())
            .prop_map(|(host, epoch)| Operation::ForgetHost { host: HostId(host), epoch }),
        6 => network_spec().prop_map(Operation::CreateNetwork),
        6 => (network_name(), network_change())
            .prop_map(|(network, change)| Operation::UpdateNetwork { network, change }),
        2 => network_name().prop_map(|network| Operation::DeleteNetwork { network }),
        3 => (network_name(), host_ref()).prop_map(|(network, host)| Operation::MoveCenter { network, host }),
        3 => (network_name(), pool_name())
            .prop_map(|(network, pool)| Operation::MovePoolCenter { network, pool }),
        1 => (0..9_u32, 0..3_u64, any::<bool>()).prop_map(|(host, epoch, several)| {
            let uplinks = if several { Uplinks::Several } else { Uplinks::One };
            Operation::RecordUplinks { host: HostId(host), epoch, uplinks }
        }),
        2 => (1..6_u64, 0..5_usize, 1..6_u64).prop_map(|(node, verb, other)| {
            Operation::ChangeMembers(member_change(NodeId(node), verb, NodeId(other)))
        }),
        1 => (option::of(any::<u32>()), option::of(any::<bool>())).prop_map(|(bfd_budget, is_active)| {
            let mode = is_active.map(|is_active| if is_active { Mode::Active } else { Mode::ReadOnly });
            Operation::ChangeSettings(SettingsChange { bfd_budget, mode })
        }),
    ]
}

fn member_change(node: NodeId, verb: usize, other: NodeId) -> MemberChange {
    match verb {
        0 => {
            let role = if other.0 == 1 { MemberRole::Learner } else { MemberRole::Voter };
            let replaces = (other.0 > 3).then_some(other);
            let invitation = Invitation { address: format!("10.9.0.{}:7400", node.0), role, replaces };
            MemberChange::Invite { node, invitation }
        }
        1 => MemberChange::Join { node },
        2 => MemberChange::Retire { node },
        3 => MemberChange::Drain { node },
        _ => MemberChange::Undrain { node },
    }
}

fn init() -> Operation {
    Operation::InitCluster { cluster: ClusterId(0xa57e), name: name("lab") }
}

fn another_init() -> Operation {
    Operation::InitCluster { cluster: ClusterId(u128::MAX), name: name("other") }
}

fn new_host() -> impl Strategy<Value = HostSpec> {
    let home = (0..POOLS.len(), 0..HOSTS.len()).prop_map(|(pool, host)| home_of(pool, host));
    let stray = any::<std::net::IpAddr>();
    let address = prop_oneof![9 => home, 1 => stray];
    let mtu = prop_oneof![8 => Just(1500), 2 => Just(9000), 1 => Just(1280), 1 => any::<u16>()];
    (sample::select(HOSTS.to_vec()), address, mtu, 0..8_u8).prop_map(|(host, address, mtu, oddity)| {
        let mut spec = host_spec(host, address, mtu);
        if oddity == 0 {
            spec.transports.clear();
        }
        if oddity == 1 {
            let transport = Transport { address, mtu: 9000 };
            spec.transports.insert(transport_named("san"), transport);
        }
        if oddity == 2 {
            spec.ovsdb = OvsdbEndpoint::Unix("/run/ovs.sock".into());
        }
        if oddity == 3 {
            spec.ovsdb = OvsdbEndpoint::Unix("no absolute path".into());
        }
        spec
    })
}

fn home_of(pool: usize, host: usize) -> std::net::IpAddr {
    let octet = |place: usize| u8::try_from(place + 1).unwrap();
    [10, 0, octet(pool), octet(host)].into()
}

fn host_spec(host: &str, address: std::net::IpAddr, mtu: u16) -> HostSpec {
    HostSpec {
        name: name(host),
        ovsdb: OvsdbEndpoint::Tcp((address, 6640).into()),
        datapath: Datapath::System,
        transports: [(transport_named("lan"), Transport { address, mtu })].into(),
    }
}

fn plain_network(network: &str, pools: &[&str]) -> NetworkSpec {
    let attachment =
        || PoolAttachmentSpec { transport: transport_named(TRANSPORTS[0]), preferred_host: None };
    NetworkSpec {
        name: name(network),
        encapsulation: Encapsulation::Vxlan,
        mtu: None,
        vni: None,
        resilience: Resilience::Single,
        detection: Detection::Normal,
        pools: pools.iter().map(|pool| (name(pool), attachment())).collect(),
        preferred_pool: None,
    }
}

fn network_spec() -> impl Strategy<Value = NetworkSpec> {
    // None is refused; few as that is, it is met.
    let size = prop_oneof![1 => Just(0), 20 => 1..4_usize];
    let pools = size.prop_flat_map(|size| collection::btree_map(pool_name(), attachment(), size));
    (
        network_name(),
        sample::select(Encapsulation::ALL.to_vec()),
        option::weighted(0.3, mtu()),
        option::weighted(0.3, vni()),
        resilience(),
        pools,
        option::weighted(0.3, 0..3_usize),
        option::weighted(0.03, pool_name()),
    )
        .prop_map(|(name, encapsulation, mtu, vni, resilience, pools, preferred, stray)| {
            let preferred = preferred.and_then(|place| pick(pools.keys().cloned(), place));
            NetworkSpec {
                name,
                encapsulation,
                mtu,
                vni,
                resilience,
                detection: Detection::default(),
                pools,
                preferred_pool: stray.or(preferred),
            }
        })
}

fn network_change() -> impl Strategy<Value = NetworkChange> {
    let few = 0..2_usize;
    (
        option::weighted(0.2, mtu()),
        option::weighted(0.2, resilience()),
        collection::btree_map(pool_name(), attachment(), few.clone()),
        collection::vec(pool_name(), few.clone()),
        collection::btree_map(pool_name(), option::of(host_name()), few),
        option::weighted(0.3, option::of(pool_name())),
    )
        .prop_map(|(mtu, resilience, set_pools, remove_pools, prefer_hosts, prefer_pool)| {
            let detection = resilience.map(|_| Detection::Fast);
            NetworkChange { mtu, resilience, detection, set_pools, remove_pools, prefer_hosts, prefer_pool }
        })
}

fn attachment() -> impl Strategy<Value = PoolAttachmentSpec> {
    let transport =
        prop_oneof![24 => Just(TRANSPORTS[0]), 1 => Just(TRANSPORTS[1])].prop_map(transport_named);
    (transport, option::weighted(0.1, host_name()))
        .prop_map(|(transport, preferred_host)| PoolAttachmentSpec { transport, preferred_host })
}

fn mtu() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(1400), 1 => Just(576), 1 => Just(1450), 1 => any::<u16>()]
}

/// Few, so that networks compete for them; and the ends of the range.
fn vni() -> impl Strategy<Value = Vni> {
    let few = (1..6_u32).prop_map(|number| Vni::new(number).unwrap());
    prop_oneof![8 => few, 1 => Just(Vni::MIN), 1 => Just(Vni::MAX)]
}

fn resilience() -> impl Strategy<Value = Resilience> {
    prop_oneof![Just(Resilience::Single), Just(Resilience::Dual)]
}

fn host_ref() -> impl Strategy<Value = HostRef> {
    (pool_name(), host_name()).prop_map(|(pool, host)| HostRef { pool, host })
}

fn pool_name() -> impl Strategy<Value = Name> {
    prop_oneof![4 => one_of(&POOLS), 1 => Just(name("px"))]
}

fn host_name() -> impl Strategy<Value = Name> {
    one_of(&HOSTS)
}

fn network_name() -> impl Strategy<Value = Name> {
    one_of(&NETWORKS)
}

fn one_of(names: &'static [&'static str]) -> impl Strategy<Value = Name> {
    prop_oneof![60 => sample::select(names), 1 => Just("nobody")].prop_map(name)
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn transport_named(text: &str) -> TransportName {
    text.parse().unwrap()
}
