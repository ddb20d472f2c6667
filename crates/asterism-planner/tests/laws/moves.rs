//! P7 and P10: real reconcilers, several of them, and hosts that answer in any order, late or never.
//!
//! [`World`] judges every action and every write: a fence on each, one in flight per host, silence after the end, and
//! never a ring of live links.

use std::time::Duration;

use asterism_model::{
    Cause, Drain, DrainExtent, HostId, NextCenter, NextPool, Operation, Resilience, StarPlan, TopologyPlan,
};
use proptest::{collection, prelude::*};

use crate::support::World;

/// Something that happens; places are counted round over what is there.
#[derive(Debug, Clone)]
enum Step {
    Deliver(usize),
    /// The oldest things under way arrive.
    Flow(usize),
    Lose(usize),
    LoseSession(usize),
    ShowEarlier(usize, usize),
    Pass(u64),
    Kill(usize),
    Revive(usize),
    Unreach(usize),
    Reach(usize),
    Cut(usize),
    Mend(usize),
    CutLink(usize, usize),
    MendLink(usize),
    Empty(usize),
    Operate(Verb, usize, usize),
    Elect,
    Depose,
    /// Choices that no plan would make: whatever is chosen, no ring comes of it.
    Choose(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Disable,
    Enable,
    PreferHost,
    PreferPool,
    Add,
    Remove,
    Forget,
    Create,
    Delete,
    TakePoolOut,
    PutPoolIn,
    Single,
    Dual,
    MoveCenter,
    MovePoolCenter,
    Bonds,
}

fn step() -> impl Strategy<Value = Step> {
    let verb = prop_oneof![
        4 => Just(Verb::Disable),
        4 => Just(Verb::Enable),
        6 => Just(Verb::PreferHost),
        6 => Just(Verb::PreferPool),
        2 => Just(Verb::Add),
        1 => Just(Verb::Remove),
        1 => Just(Verb::Forget),
        1 => Just(Verb::Create),
        1 => Just(Verb::Delete),
        1 => Just(Verb::TakePoolOut),
        2 => Just(Verb::PutPoolIn),
        1 => Just(Verb::Single),
        2 => Just(Verb::Dual),
        5 => Just(Verb::MoveCenter),
        4 => Just(Verb::MovePoolCenter),
        1 => Just(Verb::Bonds),
    ];
    let place = || any::<u8>().prop_map(usize::from);
    prop_oneof![
        40 => place().prop_map(Step::Deliver),
        10 => (1..30_usize).prop_map(Step::Flow),
        3 => place().prop_map(Step::Lose),
        2 => place().prop_map(Step::LoseSession),
        3 => (place(), 1..3_usize).prop_map(|(place, lag)| Step::ShowEarlier(place, lag)),
        6 => prop_oneof![4 => 1..1000_u64, 2 => 1000..20_000_u64].prop_map(Step::Pass),
        3 => place().prop_map(Step::Kill),
        3 => place().prop_map(Step::Revive),
        3 => place().prop_map(Step::Unreach),
        3 => place().prop_map(Step::Reach),
        1 => place().prop_map(Step::Cut),
        1 => place().prop_map(Step::Mend),
        3 => (place(), place()).prop_map(|(one, other)| Step::CutLink(one, other)),
        2 => place().prop_map(Step::MendLink),
        2 => place().prop_map(Step::Empty),
        8 => (verb, place(), place()).prop_map(|(verb, one, other)| Step::Operate(verb, one, other)),
        2 => Just(Step::Elect),
        1 => Just(Step::Depose),
        3 => collection::vec(any::<u8>(), 24).prop_map(Step::Choose),
    ]
}

/// Pools by their number of hosts.
fn pools() -> impl Strategy<Value = Vec<usize>> {
    collection::vec(1..4_usize, 1..4)
}

fn world(pools: &[usize], resilience: Resilience) -> World {
    let mut script = String::new();
    for (pool, hosts) in pools.iter().enumerate() {
        script.push_str(&format!("pool p{pool}\n"));
        for host in 0..*hosts {
            script.push_str(&format!("host p{pool}/h{host} 10.0.{pool}.{}\n", host + 1));
        }
    }
    let all: String = (0..pools.len()).map(|pool| format!(" p{pool}")).collect();
    script.push_str(&format!("network n0{all} resilience={resilience}\n"));
    let mut world = World::of(&script);
    world.elect();
    world
}

fn pick<T>(items: Vec<T>, place: usize) -> Option<T> {
    let count = items.len();
    items.into_iter().nth(place.checked_rem(count)?)
}

impl Step {
    fn happen(&self, world: &mut World) {
        let hosts: Vec<HostId> = world.hosts.keys().copied().collect();
        let host = |place: usize| hosts[place % hosts.len()];
        match self {
            Self::Deliver(place) => {
                if let Some(next) = pick(world.deliverable(), *place) {
                    world.deliver(next);
                }
            }
            Self::Flow(count) => {
                for _ in 0..*count {
                    let Some(next) = world.deliverable().first().copied() else { break };
                    world.deliver(next);
                }
            }
            Self::Lose(place) if !world.mail.is_empty() => world.lose(place % world.mail.len()),
            Self::Lose(_) => {}
            Self::LoseSession(place) => {
                let leader = place % world.leaders.len();
                let sessions = &world.leaders[leader].sessions;
                let up =
                    sessions.iter().filter(|(_, session)| session.is_up).map(|(host, _)| *host).collect();
                if let Some(host) = pick(up, *place).filter(|_| !world.leaders[leader].is_silent) {
                    world.lose_session(leader, host);
                }
            }
            Self::ShowEarlier(place, lag) => {
                let leader = place % world.leaders.len();
                if !world.leaders[leader].is_silent {
                    world.show(leader, host(*place), *lag);
                }
            }
            Self::Pass(milliseconds) => world.pass(Duration::from_millis(*milliseconds)),
            Self::Kill(place) => world.set_alive(host(*place), false),
            Self::Revive(place) => world.set_alive(host(*place), true),
            Self::Unreach(place) => world.set_reachable(host(*place), false),
            Self::Reach(place) => world.set_reachable(host(*place), true),
            Self::Cut(place) => world.set_cut(host(*place), true),
            Self::Mend(place) => world.set_cut(host(*place), false),
            Self::CutLink(one, other) => world.set_link_cut(host(*one), host(*other), true),
            Self::MendLink(place) => {
                if let Some([one, other]) = pick(world.cut_links.iter().copied().collect(), *place) {
                    world.set_link_cut(one, other, false);
                }
            }
            Self::Empty(place) => world.empty(host(*place)),
            Self::Operate(verb, one, other) => {
                if let Some(line) = verb.line(world, *one, *other) {
                    world.operate(&line);
                }
            }
            Self::Elect if world.leaders.len() < 5 => world.elect(),
            Self::Elect => {}
            Self::Depose => depose_old(world),
            Self::Choose(dice) => choose(world, dice),
        }
    }
}

/// Adopts for each network whatever the dice say.
fn choose(world: &mut World, dice: &[u8]) {
    let state = world.state().clone();
    let mut dice = dice.iter().copied().map(usize::from).cycle();
    let mut roll = move || dice.next().unwrap_or(0);
    let mut changes = std::collections::BTreeMap::new();
    for network in state.networks().values() {
        let Some(topology) = state.topologies().get(&network.id) else { continue };
        let mut stars = std::collections::BTreeMap::new();
        for pool in network.pools.keys() {
            let members: Vec<HostId> =
                state.hosts_of(*pool).filter(|host| network.spans(host)).map(|host| host.id).collect();
            let Some(center) = pick(members.clone(), roll()) else { continue };
            let others: Vec<HostId> = members.into_iter().filter(|host| *host != center).collect();
            let standby = pick(others.clone(), roll()).filter(|_| roll() % 4 > 0);
            let next = pick(others, roll()).filter(|_| roll().is_multiple_of(3));
            let drained = pick([Some(center), standby].into_iter().flatten().collect(), roll());
            let extents = [DrainExtent::All, DrainExtent::Standby, DrainExtent::Cut, DrainExtent::Announced];
            let extent = extents[roll() % extents.len()];
            let star = StarPlan {
                standby,
                next: next.map(|host| NextCenter { host, cause: Cause::Moved }),
                drained: drained.filter(|_| roll().is_multiple_of(3)).map(|host| Drain { host, extent }),
                ..StarPlan::around(center, Cause::First)
            };
            stars.insert(*pool, star);
        }
        let pools: Vec<_> = stars.keys().copied().collect();
        let pool_center = pick(pools.clone(), roll()).map(|pool| (pool, Cause::First));
        let next_pool = pick(pools, roll())
            .filter(|pool| roll().is_multiple_of(2) && pool_center.is_some_and(|(center, _)| center != *pool))
            .map(|pool| NextPool {
                pool,
                cause: Cause::Moved,
                is_announced: roll().is_multiple_of(2),
                is_drained: roll().is_multiple_of(2),
            });
        changes.insert(network.id, TopologyPlan { vni: topology.vni, stars, pool_center, next_pool });
    }
    let (epoch, based_on) = (state.epoch(), state.revision());
    world.commit(Operation::AdoptTopology { epoch, based_on, changes });
}

/// The oldest leader that does not know it yet is told.
fn depose_old(world: &mut World) {
    let last = world.leaders.len() - 1;
    if let Some(old) = (0..last).find(|leader| !world.leaders[*leader].is_silent) {
        world.handle(old, asterism_planner::Event::Deposed);
    }
}

impl Verb {
    /// The operator's command, as far as there is something that it can be about.
    fn line(self, world: &World, one: usize, other: usize) -> Option<String> {
        let state = world.state();
        let host = pick(state.hosts().keys().copied().collect(), one).map(|host| state.host_label(host));
        let pool = pick(state.pools().values().collect(), one).map(|pool| pool.name.to_string());
        let network =
            pick(state.networks().values().collect(), other).map(|network| network.name.to_string());
        let in_pool =
            || host.as_ref()?.split_once('/').map(|(pool, host)| (pool.to_owned(), host.to_owned()));
        Some(match self {
            Self::Disable => format!("disable {}", host?),
            Self::Enable => format!("enable {}", host?),
            Self::PreferHost => {
                let (pool, host) = in_pool()?;
                let host = if one.is_multiple_of(5) { "-" } else { &host };
                format!("update {} host={pool}:{host}", network?)
            }
            Self::PreferPool => {
                let pool = if one.is_multiple_of(5) { "-".to_owned() } else { pool? };
                format!("update {} prefer={pool}", network?)
            }
            Self::Add => format!("host {}/x{other} 10.1.{}.{}", pool?, one % 250, other % 250 + 1),
            Self::Remove => format!("remove {}", host?),
            Self::Forget => format!("remove {} force", host?),
            Self::Create => format!("network n{other} {}", pool?),
            Self::Delete => format!("delete {}", network?),
            Self::TakePoolOut => format!("update {} remove={}", network?, pool?),
            Self::PutPoolIn => format!("update {} set={}", network?, pool?),
            Self::Single => format!("update {} resilience=single", network?),
            Self::Dual => format!("update {} resilience=dual", network?),
            Self::MoveCenter => format!("move {} {}", network?, host?),
            Self::MovePoolCenter => format!("move-pool {} {}", network?, pool?),
            Self::Bonds => {
                let id = pick(state.hosts().keys().copied().collect::<Vec<_>>(), one)?;
                format!("uplinks {id} {}", if other.is_multiple_of(2) { "one" } else { "several" })
            }
        })
    }
}

proptest! {
    #[test]
    fn no_order_of_events_closes_a_ring_and_what_answers_is_made_whole(
        pools in pools(),
        is_dual in prop::bool::weighted(0.7),
        steps in collection::vec(step(), 0..150),
    ) {
        let resilience = if is_dual { Resilience::Dual } else { Resilience::Single };
        let mut world = world(&pools, resilience);
        for step in &steps {
            step.happen(&mut world);
        }
        // Old leaders are told; what they sent may still arrive. Who does not answer is dead for a while.
        for _ in 0..world.leaders.len() {
            depose_old(&mut world);
        }
        let hosts: Vec<HostId> = world.hosts.keys().copied().collect();
        for [one, other] in world.cut_links.clone() {
            world.set_link_cut(one, other, false);
        }
        for host in &hosts {
            world.set_cut(*host, false);
            if !world.hosts[host].answers() {
                world.set_alive(*host, false);
            }
        }
        world.settle();
        world.check_links_of_those_who_answer();
        // And comes back.
        for host in &hosts {
            world.set_alive(*host, true);
            world.set_reachable(*host, true);
        }
        world.settle();
        world.check_healed();
    }
}
