//! Standbys: who takes over from whom, at once.

use super::*;

/// Three pools with standbys: h1 is the root, h2 its standby; h4 and h5, h7 and h8 are the heads of the others.
fn dual(more: &str) -> String {
    format!(
        "
        pool p1
        pool p2
        pool p3
        host p1/a 10.0.1.1
        host p1/b 10.0.1.2
        host p1/c 10.0.1.3
        host p2/d 10.0.2.1
        host p2/e 10.0.2.2
        host p2/f 10.0.2.3
        host p3/g 10.0.3.1
        host p3/h 10.0.3.2
        network n p1 p2 p3 resilience=dual
        adopt n1:vni=1:p1=h1+h2:p2=h4+h5:p3=h7+h8:center=p1
        {more}"
    )
}

#[test]
fn a_dead_center_is_followed_by_its_standby_and_that_by_the_best_other() {
    let dead = "h4 lost 1000\nh5 up 0: h4 down 1300\nh6 up 0: h4 down 1300\nh1 up 0: h4 down 1300";
    check(
        &dual(""),
        dead,
        2000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h5+h6 (dead) p3=h7+h8 (first) center=p1 (first)
          p2: no OVSDB session (no answer), and its tunnels are down
    "#]],
    );
}

#[test]
fn a_dead_center_is_followed_by_its_standby_though_another_is_preferred() {
    let dead = "h4 lost 1000\nh5 up 0: h4 down 1300\nh6 up 0: h4 down 1300\nh1 up 0: h4 down 1300";
    check(
        &dual("update n host=p2:f"),
        dead,
        2000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h5+h6 (dead) p3=h7+h8 (first) center=p1 (first)
          p2: no OVSDB session (no answer), and its tunnels are down
        n1: preferred star-center p2/f is passed over: able, and takes over when it has been so for 10s
        again at t=10.000s
    "#]],
    );
}

#[test]
fn where_center_and_standby_are_dead_the_best_other_is_center() {
    let dead = "h4 lost 1000\nh5 lost 1000\nh6 up 0: h4 down 1300, h5 down 1300\nh1 up 0: h4 down 1300, h5 down 1300";
    check(
        &dual(""),
        dead,
        2000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h6 (dead) p3=h7+h8 (first) center=p1 (first)
          p2: no OVSDB session (no answer), and its tunnels are down
        n1: pool p2 has no standby: no host but its star-center is able
    "#]],
    );
}

/// h4 lives, its leaves reach it, and both of its ways to the root are down; h5's are up.
const CUT_OFF: &str = "
    h1 up 0: h3 up 100, h4 down 1000, h5 up 100
    h2 up 0: h3 up 100, h4 down 1000, h5 up 100
    h3 up 0: h1 up 100, h2 up 100
    h4 up 0: h1 down 1000, h2 down 1000, h5 up 100, h6 up 100
    h5 up 0: h1 up 100, h2 up 100, h4 up 100, h6 up 100
    h6 up 0: h4 up 100, h5 up 100";

#[test]
fn a_center_that_lives_and_has_lost_the_root_is_followed_by_a_standby_that_has_not() {
    check(
        &dual(""),
        CUT_OFF,
        1999,
        expect![[r#"
        again at t=2.000s
    "#]],
    );
    check(
        &dual(""),
        CUT_OFF,
        2000,
        expect![[r#"
            n1 vni=1 p1=h1+h2 (first) p2=h5+h6 (cut off) p3=h7+h8 (first) center=p1 (first)
              p2: it lives, and its ways toward the root are down
        "#]],
    );
}

#[test]
fn a_center_stays_where_its_standby_has_lost_the_root_too() {
    let both = CUT_OFF
        .replace("h4 down 1000, h5 up 100", "h4 down 1000, h5 down 900")
        .replace("h5 up 0: h1 up 100, h2 up 100", "h5 up 0: h1 down 900, h2 down 900");
    check(&dual(""), &both, 60_000, expect![""]);
}

#[test]
fn a_hindered_center_is_followed_by_its_standby() {
    let state = state(&dual(""));
    let mut evidence = evidence_of(&state, "");
    let taken = BTreeMap::from([(NetworkId(1), "the bridge name ast1 is taken".to_owned())]);
    evidence.hosts.get_mut(&HostId(4)).unwrap().hindered = taken;
    let plan = plan(&state, &evidence, &GRACES, Tick(0));
    expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h5+h6 (cut off) p3=h7+h8 (first) center=p1 (first)
          p2: the bridge name ast1 is taken
    "#]]
    .assert_eq(&show(&state, &plan));
}

#[test]
fn what_an_operator_asked_for_outlives_the_centers_death_and_not_the_successors() {
    let asked = dual("move n p2/f");
    let others = "h1 up 0: h4 down 1300, h6 down 1300";
    let center = format!("h4 lost 1000\nh5 up 0: h4 down 1300\nh6 up 0: h4 down 1300\n{others}");
    check(
        &asked,
        &center,
        2000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h5+h6 (dead)>h6 (moved) p3=h7+h8 (first) center=p1 (first)
          p2: no OVSDB session (no answer), and its tunnels are down
        n1: the move of pool p2's star-center to p2/f waits: for the tunnels between p2/f and p1/a, p1/b, p2/e to come up
    "#]],
    );
    let next = format!("h6 lost 1000\nh4 up 0: h6 down 1300\nh5 up 0: h6 down 1300\n{others}");
    check(
        &asked,
        &next,
        2000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h4+h5 (first) p3=h7+h8 (first) center=p1 (first)
    "#]],
    );
}

#[test]
fn a_pool_without_bonds_says_so_where_standbys_are_chosen() {
    let more = "uplinks h5 one\nuplinks h6 one\ndisable p2/d";
    check(
        &dual(more),
        "",
        0,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h4+h5 (first)>h5 (disabled) p3=h7+h8 (first) center=p1 (first)
        n1: the move of pool p2's star-center to p2/e waits: for the tunnels between p2/e and p2/d to come up
    "#]],
    );
}

#[test]
fn a_standby_that_was_forgotten_holds_no_office_though_its_successor_is_in_doubt() {
    let script = dual("move n p2/f\nremove p2/e force");
    check(
        &script,
        "h6 lost 1000\nh4 up 0: h6 up 100",
        60_000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h4 (first)>h6 (moved) p3=h7+h8 (first) center=p1 (first)
        n1: the move of pool p2's star-center to p2/f waits: p2/f is doubtful: no OVSDB session (no answer), but its tunnels are up
        n1: pool p2 has no standby: no host but its star-center is able
    "#]],
    );
}

#[test]
fn while_a_successor_is_in_doubt_another_is_standby() {
    let script = dual("host p2/i 10.0.2.4\nmove n p2/f\nremove p2/e force");
    check(
        &script,
        "h6 lost 1000\nh4 up 0: h6 up 100",
        60_000,
        expect![[r#"
        n1 vni=1 p1=h1+h2 (first) p2=h4+h9 (first)>h6 (moved) p3=h7+h8 (first) center=p1 (first)
        n1: the move of pool p2's star-center to p2/f waits: p2/f is doubtful: no OVSDB session (no answer), but its tunnels are up
    "#]],
    );
}
