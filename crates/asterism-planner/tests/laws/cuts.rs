//! P11: the loop argument and what elections add to it, over every subset of cut links and dead hosts of small networks.
//!
//! What is cut here are ways between two hosts, both of which live and answer: neither is dead, and BFD alone tells.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{Cause, HostId, NetworkId};

use crate::support::{World, oracle::Groups};

const NETWORK: NetworkId = NetworkId(1);

/// A dual network at rest, over pools of these sizes.
fn world(pools: &[u32]) -> World {
    let mut script = String::new();
    for (pool, hosts) in (1..).zip(pools) {
        script.push_str(&format!("pool p{pool}\n"));
        for host in 1..=*hosts {
            script.push_str(&format!("host p{pool}/h{host} 10.0.{pool}.{host}\n"));
        }
    }
    let all: String = (1..=pools.len()).map(|pool| format!(" p{pool}")).collect();
    script.push_str(&format!("network n{all} resilience=dual\n"));
    let mut world = World::of(&script);
    world.elect();
    world.settle();
    world.check_healed();
    world
}

/// Pairs of hosts with a tunnel between them, the lower id first.
fn links(world: &World) -> Vec<[HostId; 2]> {
    let ends = world
        .hosts
        .keys()
        .flat_map(|host| world.hosts[host].peers(NETWORK).into_iter().map(|peer| [*host, peer]));
    ends.filter(|[one, other]| one < other).collect()
}

fn subsets<T: Copy>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    (0..1_u32 << items.len()).map(|bits| {
        let chosen = (0..items.len()).filter(|place| bits & (1 << place) != 0);
        chosen.map(|place| items[place]).collect()
    })
}

fn living(world: &World) -> BTreeSet<HostId> {
    world.hosts.iter().filter(|(_, host)| host.is_alive).map(|(id, _)| *id).collect()
}

/// What the switches do by themselves. Returns how many parts the living hosts are in.
fn check_data_plane(world: &World) -> usize {
    let living = living(world);
    let mut groups = Groups::default();
    let mut on_their_own = 0;
    for host in &living {
        let mut uplinks = world.hosts[host].uplinks(NETWORK).into_iter();
        let in_use = world.active.get(&(*host, NETWORK)).filter(|peer| world.is_up(NETWORK, *host, **peer));
        match in_use {
            Some(peer) => {
                assert!(world.carries(NETWORK, *host, *peer), "{host}'s uplink in use carries nothing");
                assert!(groups.join(*host, *peer), "the links in use close a ring:\n{}", world.describe());
            }
            None => {
                assert!(!uplinks.any(|peer| world.is_up(NETWORK, *host, peer)), "{host} leaves a way unused");
                on_their_own += 1;
            }
        }
    }
    // In use on their own account, hosts close no ring by what others send them.
    let carried = links(world).into_iter().filter(|[one, other]| world.carries(NETWORK, *one, *other));
    assert_eq!(carried.count() + on_their_own, living.len(), "frames pass over what nobody uses");
    on_their_own
}

#[test]
fn links_in_use_are_a_forest_and_a_tree_where_all_but_one_have_a_way_up() {
    let mut world = world(&[3, 2]);
    let hosts: Vec<HostId> = world.hosts.keys().copied().collect();
    let links = links(&world);
    assert_eq!(links.len(), 8);
    let mut parts: BTreeMap<usize, usize> = BTreeMap::new();
    for dead in subsets(&hosts) {
        for host in &hosts {
            world.hosts.get_mut(host).unwrap().is_alive = !dead.contains(host);
        }
        for cut in subsets(&links) {
            world.cut_links = cut.into_iter().collect();
            world.follow_bonds();
            *parts.entry(check_data_plane(&world)).or_default() += 1;
        }
    }
    assert_eq!(parts.values().sum::<usize>(), 32 * 256);
    assert!(parts[&1] > 1000 && parts[&5] == 1, "{parts:?}");
}

/// With controllers: no center keeps an office that its standby could fill, and what is mended is whole again.
#[test]
fn no_center_without_a_way_up_stays_where_its_standby_has_one() {
    let mut causes: BTreeMap<Cause, usize> = BTreeMap::new();
    let links = links(&world(&[2, 3]));
    assert_eq!(links.len(), 8);
    for cut in subsets(&links) {
        let mut world = world(&[2, 3]);
        for [one, other] in &cut {
            world.set_link_cut(*one, *other, true);
        }
        world.follow_bonds();
        world.settle();
        check_data_plane(&world);
        let topology = world.state().topologies()[&NETWORK].clone();
        for star in topology.stars.values() {
            *causes.entry(star.center.cause).or_default() += 1;
            let center = star.center.holder;
            let has_way = |host: HostId| {
                let mut uplinks =
                    world.hosts[&host].uplinks(NETWORK).into_iter().filter(|peer| *peer != center);
                uplinks.any(|peer| world.is_up(NETWORK, host, peer))
            };
            let is_better = !has_way(center) && star.standby.is_some_and(has_way);
            assert!(!is_better, "{cut:?} leave {center} cut off:\n{}", world.describe());
        }
        for [one, other] in &cut {
            world.set_link_cut(*one, *other, false);
        }
        world.follow_bonds();
        world.settle();
        world.check_healed();
    }
    // Some of them lived, some were given up for dead: nobody had a word of them.
    assert!(causes[&Cause::CutOff] > 5 && causes[&Cause::Dead] > 5, "{causes:?}");
}
