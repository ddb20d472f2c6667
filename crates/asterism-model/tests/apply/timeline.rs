//! Backups that are put in place, and clusters that go on with one survivor.

use std::collections::BTreeSet;

use asterism_model::{
    NetworkState, NodeId, Operation, Reply, apply::timeline::EPOCHS_PER_TIMELINE, pool::Standing,
};

use crate::support::{World, script};

const BEFORE: &str = "
    init lab
    claim c1
    pool p1
    host p1/a 10.0.0.1
    network n1 p1
    adopt n1:vni=1:p1=h1:center=p1
";

fn with(mut world: World, lines: &str) -> World {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let reply = world.apply(&script::parse(line, &world.state));
        assert!(matches!(reply, Reply::Applied { .. }), "{line}: {reply:?}");
    }
    world
}

fn restore(world: &mut World, old: &NetworkState, members: &[u64]) -> Reply {
    let members = members.iter().copied().map(NodeId).collect();
    world.execute(Operation::RestoreState { state: old.clone().for_restore().into(), members })
}

#[test]
fn what_came_after_the_backup_is_gone_and_what_was_deleted_is_back() {
    let old = World::of(BEFORE).state;
    let mut world = with(World { state: old.clone() }, "delete n1\nnetwork n2 p1\nremove p1/a force");
    assert!(matches!(restore(&mut world, &old, &[1]), Reply::Applied { .. }));
    let state = &world.state;
    assert_eq!(state.networks(), old.networks());
    assert_eq!((state.hosts(), state.topologies()), (old.hosts(), old.topologies()));
}

#[test]
fn the_epoch_is_raised_above_both_timelines_for_good() {
    let old = World::of(BEFORE).state;
    let mut world = with(World { state: old.clone() }, "claim c2\nclaim c3");
    restore(&mut world, &old, &[1]);
    assert_eq!((world.state.epoch(), world.state.timeline()), (EPOCHS_PER_TIMELINE, 1));
    let mut world = with(world, "claim c1");
    assert_eq!(world.state.epoch(), EPOCHS_PER_TIMELINE + 1);
    // A backup of a timeline that went on elsewhere.
    let elsewhere = with(World { state: world.state.clone() }, "restore c1\nrestore c1\nclaim c9").state;
    restore(&mut world, &elsewhere, &[1]);
    assert_eq!(world.state.timeline(), 4);
}

#[test]
fn ids_of_both_timelines_are_used_up() {
    let old = World::of(BEFORE).state;
    let mut world = with(World { state: old.clone() }, "network n2 p1\nnetwork n3 p1\nhost p1/b 10.0.0.2");
    restore(&mut world, &old, &[1]);
    let world = with(world, "network n2 p1\npool p2");
    let newest = *world.state.networks().keys().max().unwrap();
    assert!(newest.0 > 3 + 4000, "{newest}: the lost timeline may have given out some more");
    assert!(world.state.has_known(asterism_model::NetworkId(3)), "and its rows are ours to take away");
}

#[test]
fn hosts_that_the_backup_lacks_are_leaving_rather_than_forgotten_with_their_tunnels() {
    let old = World::of(BEFORE).state;
    let mut world = with(World { state: old.clone() }, "host p1/b 10.0.0.2\npool p2\nhost p2/a 10.0.1.1");
    restore(&mut world, &old, &[1]);
    let state = &world.state;
    let leaving: BTreeSet<String> = state
        .hosts()
        .values()
        .filter(|host| host.standing == Standing::Leaving)
        .map(|host| state.host_label(host.id))
        .collect();
    assert_eq!(leaving, BTreeSet::from(["p1/b".to_owned(), "p2/a".to_owned()]));
    assert_eq!(state.hosts().len(), 3);
}

#[test]
fn a_retried_request_is_known_over_a_restore() {
    let old = World::of(BEFORE).state;
    let mut world = with(World { state: old.clone() }, "session\ns1#1 pool p2");
    restore(&mut world, &old, &[1]);
    let reply = world.apply(&script::parse("s1#1 pool p2", &world.state));
    assert!(matches!(reply, Reply::Applied { .. }), "{reply:?}");
    assert!(world.state.pool_named(&"p2".parse().unwrap()).is_none(), "and has no second effect");
}

#[test]
fn the_backup_of_another_cluster_is_refused() {
    let other = World::of("init other id=9").state;
    let mut world = World::of(BEFORE);
    let Reply::Refused(refusal) = restore(&mut world, &other, &[1]) else { panic!("it was taken") };
    assert!(refusal.to_string().contains("another cluster, `other`"), "{refusal}");
}

#[test]
fn members_of_today_stay_and_those_that_the_backup_knows_as_removed_stay_away() {
    let old = with(World::of(BEFORE), "retire c2\nretire c3\ndrain-node c9").state;
    let mut world = with(World::of(BEFORE), "drain-node c4\nretire c5");
    restore(&mut world, &old, &[3, 4]);
    let membership = world.state.membership();
    assert_eq!(membership.retired(), &BTreeSet::from([2, 5].map(NodeId)));
    assert_eq!(membership.drained(), &BTreeSet::from([NodeId(4)]));
}

#[test]
fn a_recovered_cluster_shuts_all_others_out_and_keeps_its_networks() {
    let before = with(World::of(BEFORE), "invite c4 10.9.0.4:7400\ndrain-node c1");
    let networks = before.state.networks().clone();
    let world = with(before, "recover c1 c2 c3");
    let membership = world.state.membership();
    assert_eq!(membership.retired(), &BTreeSet::from([2, 3, 4].map(NodeId)));
    assert!(membership.invited().is_empty() && membership.drained().is_empty());
    assert_eq!((world.state.networks(), world.state.timeline()), (&networks, 1));
}
