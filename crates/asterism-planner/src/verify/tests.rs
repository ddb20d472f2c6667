//! Every kind of problem, from worlds that have it.

use std::{collections::BTreeMap, sync::Arc};

use asterism_model::ObservedHost;
use expect_test::{Expect, expect};

use super::*;
use crate::{
    Event,
    testing::support::{Delivery, World, world::Mail},
};

/// A dual network over two pools of three, at rest.
fn world() -> World {
    let mut world = World::of(
        "pool p1
        pool p2
        host p1/a 10.0.0.1
        host p1/b 10.0.0.2
        host p1/c 10.0.0.3
        host p2/d 10.0.0.4
        host p2/e 10.0.0.5
        host p2/f 10.0.0.6
        network n p1 p2 resilience=dual",
    );
    world.elect();
    world.settle();
    world
}

fn check(world: &World, expected: Expect) {
    expected.assert_eq(&show(&found(world, None)));
}

fn found(world: &World, only: Option<NetworkId>) -> Verification {
    let reconciler = &world.leader().reconciler;
    let (evidence, lanes, graces) = (reconciler.evidence(), reconciler.lanes(), Graces::default());
    let findings = reconciler.findings();
    let view = View { evidence: &evidence, graces: &graces, now: world.now, lanes: &lanes, findings };
    verify(world.state(), view, only)
}

fn show(found: &Verification) -> String {
    let Verification { networks, hosts, links, .. } = found;
    let mut out = format!("{networks} networks, {hosts} hosts, {links} links\n");
    for problem in &found.problems {
        out += &format!("{:?} {:?}: {}\n", problem.severity, problem.kind, problem.text);
    }
    let is_ill = ["Broken", "Degraded", "ComingUp"].into_iter().any(|severity| out.contains(severity));
    assert_eq!(found.is_well(), !is_ill);
    out
}

fn host(world: &World, label: &str) -> HostId {
    let hosts = world.state().hosts().keys();
    hosts.copied().find(|host| world.state().host_label(*host) == label).unwrap()
}

/// Shows the leader a host's rows with some change that the fake switch would not make.
fn doctor(world: &mut World, label: &str, change: impl Fn(&mut ObservedHost)) {
    let id = host(world, label);
    let mut picture = ObservedHost::clone(&world.leader().reconciler.evidence().pictures[&id]);
    change(&mut picture);
    world.handle(0, Event::Picture { host: id, picture: Arc::new(picture) });
}

#[test]
fn a_network_that_works_has_no_problems() {
    check(
        &world(),
        expect![[r#"
        1 networks, 6 hosts, 10 links
    "#]],
    );
}

#[test]
fn a_dead_host_is_broken_and_one_that_only_does_not_answer_is_degraded() {
    let mut world = world();
    let (dead, silent) = (host(&world, "p2/f"), host(&world, "p1/c"));
    world.set_alive(dead, false);
    world.set_reachable(silent, false);
    world.settle();
    check(
        &world,
        expect![[r#"
        1 networks, 6 hosts, 10 links
        Broken Unreachable: p2/f: its OVSDB does not answer, and no tunnel to it is up
        Degraded Unreachable: p1/c: its OVSDB does not answer; its tunnels are up
    "#]],
    );
}

#[test]
fn of_a_dead_host_whose_session_has_not_ended_nothing_comes_up() {
    let mut world = world();
    let center = host(&world, "p2/d");
    world.pass(2 * Graces::default().come_up);
    // No connection of it closes: its peers show that it is gone, and it is replaced.
    world.hosts.get_mut(&center).unwrap().is_alive = false;
    world.changed(center);
    for _ in 0..40 {
        let its = |world: &World, delivery: &Delivery| match delivery {
            Delivery::Lose(_, host) | Delivery::Show(_, host) => *host == center,
            Delivery::Mail(place) => {
                matches!(&world.mail[*place], Mail::Order { host, .. } if *host == center)
            }
            Delivery::Learn(_) | Delivery::Connect(..) => false,
        };
        while let Some(next) = world.deliverable().into_iter().find(|next| !its(&world, next)) {
            world.deliver(next);
        }
        world.pass(std::time::Duration::from_millis(50));
    }
    check(
        &world,
        expect![[r#"
            1 networks, 6 hosts, 10 links
            Broken Dead: p2/d: given up: its last word is old, and its tunnels to living hosts are down
            Degraded LinkDown: network n: BFD from p2/e to p2/d is not up
            Degraded LinkDown: network n: BFD from p2/f to p2/d is not up
            Note Changing: p2/d: 2 rows are being changed
            Note Changing: p2/f: 1 row is being changed
        "#]],
    );
}

#[test]
fn a_host_whose_transport_is_cut_is_cut_off() {
    let mut world = world();
    let leaf = host(&world, "p2/f");
    world.set_cut(leaf, true);
    world.settle();
    check(
        &world,
        expect![[r#"
            1 networks, 6 hosts, 10 links
            Broken Dead: p2/f: given up: it answers, but all its tunnels to living hosts are down
            Broken CutOff: network n: p2/f has no way up: its tunnels to p2/e, p2/d are down
            Broken LinkDown: network n: BFD from p2/f to p2/d is not up
            Broken LinkDown: network n: BFD from p2/f to p2/e is not up
        "#]],
    );
}

#[test]
fn a_name_that_is_taken_is_broken() {
    let mut world = world();
    let leaf = host(&world, "p2/f");
    world.empty(leaf);
    world.hosts.get_mut(&leaf).unwrap().edit(|rows| {
        rows.foreign_names.insert("ast1".into());
    });
    world.settle();
    check(
        &world,
        expect![[r#"
        1 networks, 6 hosts, 10 links
        Broken Blocked: p2/f: the bridge name ast1 is taken by a row that is not Asterism's; rename or remove that one
    "#]],
    );
}

#[test]
fn in_read_only_mode_what_differs_is_drift() {
    let mut world = world();
    world.operate("settings mode=read-only");
    world.empty(host(&world, "p1/c"));
    world.settle();
    check(
        &world,
        expect![[r#"
        1 networks, 6 hosts, 10 links
        Broken CutOff: network n: p1/c has no way up: its tunnels to p1/b are down
        Broken LinkDown: network n: BFD from p1/c to p1/b is not up
        Degraded Drift: p1/c: 5 rows differ from the target
        Degraded LinkDown: network n: BFD from p1/a to p1/c is not up
        Degraded LinkDown: network n: BFD from p2/d to p1/c is not up
        Degraded LinkDown: network n: BFD from p2/e to p1/c is not up
    "#]],
    );
}

#[test]
fn rows_that_are_about_to_be_written_are_no_drift() {
    let mut world = world();
    let leaf = host(&world, "p1/c");
    world.empty(leaf);
    let all = world.deliverable();
    let its =
        all.into_iter().find(|delivery| matches!(delivery, Delivery::Connect(_, host) if *host == leaf));
    world.deliver(its.unwrap());
    check(
        &world,
        expect![[r#"
            1 networks, 6 hosts, 10 links
            ComingUp ComingUp: network n: the tunnel between p1/a and p1/c is coming up
            ComingUp ComingUp: network n: the tunnel between p1/c and p1/b is coming up
            ComingUp ComingUp: network n: the tunnel between p2/d and p1/c is coming up
            ComingUp ComingUp: network n: the tunnel between p2/e and p1/c is coming up
            Note Changing: p1/c: 5 rows are being changed
        "#]],
    );
}

/// Everything arrives, and no time passes.
fn flow(world: &mut World) {
    while let Some(next) = world.deliverable().first().copied() {
        world.deliver(next);
    }
}

#[test]
fn a_tunnel_that_was_just_made_is_coming_up_until_its_grace_is_over() {
    let mut world = world();
    // So that BFD does not come up at once.
    world.set_link_cut(host(&world, "p2/e"), host(&world, "p2/f"), true);
    world.operate("network m p2");
    flow(&mut world);
    let of_m = |world: &World| show(&found(world, Some(NetworkId(2))));
    expect![[r#"
        1 networks, 3 hosts, 2 links
        ComingUp ComingUp: network m: the tunnel between p2/e and p2/f is coming up
    "#]]
    .assert_eq(&of_m(&world));
    let grace = Graces::default().come_up;
    let short = std::time::Duration::from_millis(1);
    world.now = world.now + grace.checked_sub(short).unwrap();
    assert!(!of_m(&world).contains("LinkDown"));
    world.now = world.now + short;
    expect![[r#"
        1 networks, 3 hosts, 2 links
        Broken CutOff: network m: p2/e has no way up: its tunnels to p2/f are down
        Broken LinkDown: network m: BFD from p2/e to p2/f is not up
    "#]]
    .assert_eq(&of_m(&world));
}

#[test]
fn what_is_about_to_be_made_is_coming_up() {
    let mut world = world();
    world.operate("network m p1");
    // The choices are made, and nobody has written yet.
    while world.state().topologies().len() < 2 {
        let next = world.deliverable().first().copied();
        world.deliver(next.unwrap());
    }
    let learn = world.deliverable().into_iter().find(|next| matches!(next, Delivery::Learn(_)));
    world.deliver(learn.unwrap());
    expect![[r#"
        1 networks, 3 hosts, 2 links
        ComingUp ComingUp: network m: the tunnel between p1/b and p1/a is coming up
        ComingUp ComingUp: network m: the tunnel between p1/c and p1/a is coming up
        Note Changing: p1/a: 3 rows are being changed
        Note Changing: p1/b: 2 rows are being changed
        Note Changing: p1/c: 2 rows are being changed
    "#]]
    .assert_eq(&show(&found(&world, Some(NetworkId(2)))));
    flow(&mut world);
    assert!(found(&world, Some(NetworkId(2))).is_well());
}

#[test]
fn a_host_that_came_back_empty_is_coming_up_at_both_ends() {
    let mut world = world();
    let leaf = host(&world, "p2/f");
    world.empty(leaf);
    flow(&mut world);
    world.set_cut(leaf, true);
    world.empty(leaf);
    flow(&mut world);
    check(
        &world,
        expect![[r#"
            1 networks, 6 hosts, 10 links
            ComingUp ComingUp: network n: the tunnel between p2/f and p2/d is coming up
            ComingUp ComingUp: network n: the tunnel between p2/f and p2/e is coming up
        "#]],
    );
}

#[test]
fn a_move_that_waits_and_a_host_without_bonds_are_notes() {
    let mut world = world();
    let (center, leaf) = (host(&world, "p2/d"), host(&world, "p2/f"));
    world.hosts.get_mut(&leaf).unwrap().edit(|rows| rows.can_bond = false);
    world.changed(leaf);
    world.set_reachable(center, false);
    world.settle();
    world.operate("disable p2/d");
    world.settle();
    check(
        &world,
        expect![[r#"
            1 networks, 6 hosts, 9 links
            Degraded Unreachable: p2/d: its OVSDB does not answer; its tunnels are up
            Note Moving: network n: pool p2's change of standby from p2/d to p2/f waits: until p2/d answers
            Note OneUplink: network n: p2/f cannot bond: it has one uplink
        "#]],
    );
}

#[test]
fn an_interface_that_the_switch_could_not_make_is_broken() {
    let mut world = world();
    doctor(&mut world, "p1/c", |rows| {
        let mut ports = rows.bridges.values_mut().flat_map(|bridge| bridge.ports.values_mut());
        let interface = ports.next().unwrap().interfaces.values_mut().next().unwrap();
        interface.error = Some("could not open network device".into());
    });
    check(
        &world,
        expect![[r#"
        1 networks, 6 hosts, 10 links
        Broken InterfaceError: p1/c: the switch could not make at1-1: could not open network device
    "#]],
    );
}

#[test]
fn pools_without_center_or_standby_are_told() {
    let mut world = world();
    let state = |world: &World| world.state().clone();
    for label in ["p2/e", "p2/f"] {
        world.operate(&format!("disable {label}"));
    }
    world.settle();
    world.operate("pool p3");
    world.operate("host p3/g 10.0.0.7");
    world.set_alive(host(&world, "p3/g"), false);
    world.operate("update n set=p3");
    world.settle();
    assert!(state(&world).networks().values().all(|network| network.pools.len() == 3));
    check(
        &world,
        expect![[r#"
        1 networks, 7 hosts, 7 links
        Broken Unreachable: p3/g: its OVSDB does not answer, and no tunnel to it is up
        Broken NoCenter: network n: pool p3 has no star-center
        Degraded NoStandby: network n: pool p2 has no standby
    "#]],
    );
}

#[test]
fn one_network_of_several_is_looked_at_alone() {
    let mut world = world();
    world.operate("network m p1");
    world.settle();
    world.set_alive(host(&world, "p2/f"), false);
    world.settle();
    let only = |id: u32| show(&found(&world, Some(NetworkId(id))));
    expect![[r#"
        1 networks, 3 hosts, 2 links
    "#]]
    .assert_eq(&only(2));
    let problems = |id: u32| found(&world, Some(NetworkId(id))).problems.len();
    let all: BTreeMap<u32, usize> = [1, 2].into_iter().map(|id| (id, problems(id))).collect();
    assert!(all[&1] > 0 && all[&2] == 0);
}
