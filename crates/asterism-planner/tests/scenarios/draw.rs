//! What a scenario shows: for eyes, and only what changed.
//!
//! ```text
//! n1: vni=1 p1=a+b p2=d+e pool-center=p1    first choices, + before standbys; `p1: a -> b (dead)` is a change with its
//!                                           cause, `p1: + b -> c` another standby, `p1: > b (moved)` a move that begins
//! n1 is at p1=a+b>b~a p2=d+e                what is under way: > before the next center or pool, ~ before who is drained,
//!                                           ~~ of its standby alone
//! p1/a +br +b +^p2/d -c ~^e !f ~g(drained)  the tunnels of one host, named by their peers: + new, - gone, ~ changed in
//!                                           place, ! removed and added again; ^ leads toward the root; br is the bridge
//! p1/b goes by c, no longer by a            another member of its bond is in use
//! 5 transactions, 9 rows, 6 claims, 0.5s    the time is that of the last write or election, since the verb
//! report: ..  waits: ..  n1: whole ..       what stands in the way, what is waited for, which running hosts are joined
//! ```

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    DrainExtent, EventKind, HostId, Mode, Name, NetworkId, NetworkState, RowUuid, Topology, event::Event,
    target::tunnel_peer,
};
use asterism_planner::{Phase, Targets, Tick, check, diff, target};

use crate::stage::{Deeds, Stage};

/// Host lines are filled up to this.
const WIDTH: usize = 100;

/// What is compared before and after.
pub struct Sight {
    hosts: BTreeMap<HostId, BTreeMap<NetworkId, Rows>>,
    writes: usize,
    /// Names of the networks, which may be deleted afterwards.
    names: BTreeMap<NetworkId, String>,
    /// Which uplink each host uses.
    active: BTreeMap<(HostId, NetworkId), HostId>,
}

/// A network's rows on one host.
#[derive(Default, Clone, PartialEq, Eq)]
struct Rows {
    bridge: Option<RowUuid>,
    /// By peer.
    tunnels: BTreeMap<HostId, Tunnel>,
}

#[derive(Clone, PartialEq, Eq)]
struct Tunnel {
    interface: RowUuid,
    leads_up: bool,
    is_drained: bool,
    /// All the rest that may be changed in place.
    rest: String,
}

impl Sight {
    pub fn of(stage: &Stage) -> Self {
        let world = &stage.world;
        let mut names: BTreeMap<NetworkId, String> = BTreeMap::new();
        for network in world.log.iter().flat_map(|state| state.networks().values()) {
            names.insert(network.id, network.name.to_string());
        }
        Self {
            hosts: world.hosts.iter().map(|(host, it)| (*host, rows(&it.rows))).collect(),
            writes: world.hosts.values().map(|it| it.writes).sum(),
            names,
            active: stage.world.active.clone(),
        }
    }
}

fn rows(observed: &asterism_model::ObservedHost) -> BTreeMap<NetworkId, Rows> {
    let mut all: BTreeMap<NetworkId, Rows> = BTreeMap::new();
    for (uuid, bridge) in &observed.bridges {
        if let Some(network) = bridge.network {
            all.entry(network).or_default().bridge = Some(*uuid);
        }
        for (uuid, port) in &bridge.ports {
            let Some(network) = port.network else { continue };
            for (row, interface) in &port.interfaces {
                let Some(peer) = tunnel_peer(network, &interface.name) else { continue };
                let tunnel = Tunnel {
                    interface: *row,
                    leads_up: port.is_protected == Some(true),
                    is_drained: interface.bfd.contains_key("cpath_down"),
                    rest: format!("{uuid} {} {:?} {:?}", interface.kind, interface.options, interface.bfd),
                };
                all.entry(network).or_default().tunnels.insert(peer, tunnel);
            }
        }
    }
    all
}

pub fn lines(stage: &Stage, before: &Sight, deeds: &Deeds, start: Tick) -> Vec<String> {
    let after = Sight::of(stage);
    let state = stage.world.state();
    let mut lines = elections(state, stage.drawn_event);
    lines.extend(
        state
            .networks()
            .values()
            .filter_map(|network| motion(stage, network.name.as_str(), state.topologies().get(&network.id)?)),
    );
    lines.extend(fill(host_cells(stage, before, &after)));
    lines.extend(fill(switches(stage, before, &after)));
    let rows = after.writes - before.writes;
    let mut summary = format!("{} transactions, {rows} rows", deeds.transactions);
    if deeds.claims > 0 {
        summary += &format!(", {} claims", deeds.claims);
    }
    if let Some(last) = deeds.last {
        summary += &format!(", {}s", last.since(start).as_secs_f64());
    }
    if deeds.is_endless {
        summary += ", and does NOT come to rest";
    }
    lines.push(summary);
    lines.extend(deeds.refused.iter().map(|refused| format!("refused: {refused}")));
    lines.extend(waits(stage));
    lines.extend(pieces(stage));
    lines
}

/// What no transcript can make right: a choice that breaks an invariant, or a host that is taken for finished and is not.
pub fn assert_sound(stage: &Stage) {
    let (world, state) = (&stage.world, stage.world.state());
    assert_eq!(check(state), Vec::new());
    for lane in world.leader().reconciler.lanes() {
        let mut wanted = target(state, lane.host);
        for (network, peers) in &lane.withheld {
            let Some(bridge) = wanted.bridges.get_mut(network) else { continue };
            bridge.ports.retain(|_, port| port.tunnels.iter().all(|tunnel| !peers.contains(&tunnel.peer)));
        }
        if lane.settled_at.is_some() {
            let left = diff(&wanted, &world.hosts[&lane.host].rows).diff;
            assert!(left.is_empty(), "{} is settled, and differs: {left:#?}", stage.labels[&lane.host]);
        }
    }
}

/// One line for each network with new choices.
fn elections(state: &NetworkState, after: u64) -> Vec<String> {
    let mut networks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    let or_none = |name: &Option<Name>| name.as_ref().map_or("none".to_owned(), Name::to_string);
    let because =
        |cause: Option<asterism_model::Cause>| cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
    for Event { kind, .. } in state.events().iter().filter(|event| event.sequence > after) {
        let mut tell =
            |network: &Name, what: String| networks.entry(network.to_string()).or_default().push(what);
        match kind {
            EventKind::VniAllocated { network, vni } => tell(network, format!("vni={vni}")),
            EventKind::StarCenterElected { network, pool, from: None, to, .. } => {
                tell(network, format!("{pool}={}", or_none(to)));
            }
            EventKind::StarCenterElected { network, pool, from, to, cause, .. } => {
                tell(network, format!("{pool}: {} -> {}{}", or_none(from), or_none(to), because(*cause)));
            }
            EventKind::StandbyChosen { network, pool, from: None, to } => {
                tell(network, format!("{pool}+{}", or_none(to)));
            }
            EventKind::StandbyChosen { network, pool, from, to } => {
                tell(network, format!("{pool}: + {} -> {}", or_none(from), or_none(to)));
            }
            EventKind::CenterMoveBegun { network, pool, to, cause } => {
                tell(network, format!("{pool}: > {}{}", or_none(to), because(*cause)));
            }
            EventKind::PoolMoveBegun { network, to, cause } => {
                tell(network, format!("pool-center: > {}{}", or_none(to), because(*cause)));
            }
            EventKind::PoolCenterElected { network, from: None, to, .. } => {
                tell(network, format!("pool-center={}", or_none(to)));
            }
            EventKind::PoolCenterElected { network, from, to, cause } => {
                tell(
                    network,
                    format!("pool-center: {} -> {}{}", or_none(from), or_none(to), because(*cause)),
                );
            }
            EventKind::HostForgotten { .. }
            | EventKind::HostUplinksChanged { .. }
            | EventKind::HostReported { .. }
            | EventKind::PoolLeaving { .. } => others.push(kind.to_string()),
            EventKind::ClusterInitialised { .. }
            | EventKind::EpochClaimed { .. }
            | EventKind::ReplicaDiverged { .. }
            | EventKind::PoolAdded { .. }
            | EventKind::PoolRemoved { .. }
            | EventKind::PoolAccessChanged { .. }
            | EventKind::NetworkAdopted { .. }
            | EventKind::NetworkReleasing { .. }
            | EventKind::NetworkReleased { .. }
            | EventKind::HostAdded { .. }
            | EventKind::HostStandingChanged { .. }
            | EventKind::SettingsChanged { .. }
            | EventKind::MemberChanged { .. }
            | EventKind::TimelineBegun { .. }
            | EventKind::NetworkCreated { .. }
            | EventKind::NetworkUpdated { .. }
            | EventKind::NetworkDeleted { .. } => {}
        }
    }
    let of_networks = networks.into_iter().map(|(network, what)| format!("{network}: {}", what.join(" ")));
    of_networks.chain(others).collect()
}

fn host_cells(stage: &Stage, before: &Sight, after: &Sight) -> Vec<String> {
    let mut cells = Vec::new();
    for (host, its) in &after.hosts {
        let nothing = BTreeMap::new();
        let earlier = before.hosts.get(host).unwrap_or(&nothing);
        let networks: BTreeSet<NetworkId> = earlier.keys().chain(its.keys()).copied().collect();
        for network in networks {
            let none = Rows::default();
            let changes = changes(
                stage,
                *host,
                earlier.get(&network).unwrap_or(&none),
                its.get(&network).unwrap_or(&none),
            );
            if !changes.is_empty() {
                let name =
                    if after.names.len() > 1 { format!(" {}", after.names[&network]) } else { String::new() };
                cells.push(format!("{}{name} {}", stage.labels[host], changes.join(" ")));
            }
        }
    }
    cells
}

fn changes(stage: &Stage, host: HostId, before: &Rows, after: &Rows) -> Vec<String> {
    let mut changes = Vec::new();
    match (before.bridge, after.bridge) {
        (None, Some(_)) => changes.push("+br".to_owned()),
        (Some(_), None) => changes.push("-br".to_owned()),
        (Some(one), Some(other)) if one != other => changes.push("!br".to_owned()),
        (None, None) | (Some(_), Some(_)) => {}
    }
    let peers: BTreeSet<HostId> = before.tunnels.keys().chain(after.tunnels.keys()).copied().collect();
    for peer in peers {
        let (earlier, later) = (before.tunnels.get(&peer), after.tunnels.get(&peer));
        let sign = match (earlier, later) {
            (None, Some(_)) => "+",
            (Some(_), None) => "-",
            (Some(one), Some(other)) if one.interface != other.interface => "!",
            (Some(one), Some(other)) if one != other => "~",
            (Some(_), Some(_)) | (None, None) => continue,
        };
        let arrow = if later.is_some_and(|it| it.leads_up) { "^" } else { "" };
        let drained = if later.is_some_and(|it| it.is_drained) { "(drained)" } else { "" };
        changes.push(format!("{sign}{arrow}{}{drained}", near(stage, host, peer)));
    }
    changes
}

/// Who forwards over another uplink than before.
fn switches(stage: &Stage, before: &Sight, after: &Sight) -> Vec<String> {
    let others = after.active.iter().filter_map(|((host, network), to)| {
        let from = before.active.get(&(*host, *network)).filter(|from| *from != to)?;
        let name = if after.names.len() > 1 { format!(" {}", after.names[network]) } else { String::new() };
        let (from, to) = (near(stage, *host, *from), near(stage, *host, *to));
        Some(format!("{}{name} goes by {to}, no longer by {from}", stage.labels[host]))
    });
    others.collect()
}

/// What is under way in a network.
fn motion(stage: &Stage, network: &str, topology: &Topology) -> Option<String> {
    let stars = topology.stars.values();
    let moves = stars.clone().any(|star| star.next.is_some() || star.drained.is_some());
    if !moves && topology.next_pool.is_none() {
        return None;
    }
    let name = |host: HostId| stage.labels[&host].split_once('/').unwrap().1;
    let mut out = format!("{network} is at");
    for (pool, star) in &topology.stars {
        let standby = star.standby.map(|host| format!("+{}", name(host))).unwrap_or_default();
        let next = star.next.map(|next| format!(">{}", name(next.host))).unwrap_or_default();
        let drained = star.drained.map(|drain| {
            let sign = match drain.extent {
                DrainExtent::Announced => "~~~",
                DrainExtent::Standby => "~~",
                DrainExtent::All => "~",
                DrainExtent::Cut => "/",
            };
            format!("{sign}{}", name(drain.host))
        });
        let pool = stage.world.state().pool_label(*pool);
        out += &format!(" {pool}={}{standby}{next}{}", name(star.center.holder), drained.unwrap_or_default());
    }
    if let Some(next) = topology.next_pool {
        let drained = if next.is_drained { "~" } else { "" };
        out += &format!(" pool-center>{}{drained}", stage.world.state().pool_label(next.pool));
    }
    Some(out)
}

/// A host's name as its neighbours in the pool say it, and with the pool for others.
fn near(stage: &Stage, from: HostId, host: HostId) -> &str {
    let pool = |host: HostId| stage.labels[&host].split_once('/').unwrap();
    let (its_pool, name) = pool(host);
    if its_pool == pool(from).0 { name } else { &stage.labels[&host] }
}

fn fill(cells: Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cell in cells {
        match lines.last_mut() {
            Some(line) if line.len() + 4 + cell.len() <= WIDTH => *line = format!("{line}    {cell}"),
            Some(_) | None => lines.push(cell),
        }
    }
    lines
}

fn waits(stage: &Stage) -> Vec<String> {
    let leader = stage.world.leader();
    let state = stage.world.state();
    if leader.is_silent {
        return vec!["the leader has stepped down".to_owned()];
    }
    let reconciler = &leader.reconciler;
    let findings = reconciler.findings().iter();
    let mut lines: Vec<String> = findings
        .map(|finding| {
            let network = state.networks().get(&finding.network()).map(|network| network.name.to_string());
            format!("report: {}: {}", network.unwrap_or_default(), finding.describe(state))
        })
        .collect();
    for lane in reconciler.lanes() {
        let label = &stage.labels[&lane.host];
        match lane.phase {
            Phase::Ready { .. } => {}
            Phase::Disconnected => lines.push(format!("waits: {label} is disconnected")),
            Phase::Unclaimed { .. }
            | Phase::Claiming { .. }
            | Phase::Barred { .. }
            | Phase::InFlight { .. }
            | Phase::Looking { .. }
            | Phase::BackingOff { .. } => {
                let why = lane.last_error.map(|error| format!(" ({error})")).unwrap_or_default();
                lines.push(format!("waits: {label} is {}{why}", lane.phase));
            }
        }
        for peer in lane.withheld.values().flatten() {
            lines.push(format!(
                "waits: {label}'s port to {}, lest it close a ring",
                near(stage, lane.host, *peer)
            ));
        }
        lines.extend(lane.conflicts.iter().map(|conflict| format!("conflict: {label}: {conflict}")));
    }
    if state.settings().mode == Mode::ReadOnly {
        let targets = Targets::of(state);
        for lane in reconciler.lanes() {
            let drift = lane.drift(&targets).filter(|drift| !drift.is_empty());
            let told = drift.map(|drift| format!("{} rows; {}", drift.rows, drift.lines.join("; ")));
            lines.extend(told.map(|told| format!("differs: {}: {told}", stage.labels[&lane.host])));
        }
    }
    if !reconciler.is_at_rest() {
        lines.push("not at rest".to_owned());
    }
    lines
}

/// Which running hosts of each network reach one another.
fn pieces(stage: &Stage) -> Vec<String> {
    let world = &stage.world;
    let state = world.state();
    let mut lines = Vec::new();
    for network in state.networks().values() {
        let mut left: BTreeSet<HostId> =
            state.members_of(network).map(|host| host.id).filter(|host| world.hosts[host].is_alive).collect();
        let mut pieces = Vec::new();
        while let Some(first) = left.pop_first() {
            let mut piece = vec![first];
            let mut place = 0;
            while let Some(at) = piece.get(place).copied() {
                let next: Vec<HostId> =
                    left.iter().copied().filter(|host| world.carries(network.id, at, *host)).collect();
                left.retain(|host| !next.contains(host));
                piece.extend(next);
                place += 1;
            }
            piece.sort_unstable();
            pieces.push(piece);
        }
        let name = &network.name;
        match pieces.as_slice() {
            [] => lines.push(format!("{name}: nobody")),
            [whole] => lines.push(format!("{name}: whole, {} hosts", whole.len())),
            pieces => {
                let draw = |piece: &Vec<HostId>| {
                    piece.iter().map(|host| stage.labels[host].as_str()).collect::<Vec<_>>().join(" ")
                };
                lines.push(format!("{name}: {}", pieces.iter().map(draw).collect::<Vec<_>>().join(" | ")));
            }
        }
    }
    lines
}
