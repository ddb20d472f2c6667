//! Elections and allocations as whole plans.

mod dual;

use asterism_model::{HostId, Operation, Reply};
use expect_test::{Expect, expect};

use super::*;
use crate::testing::{evidence_of, state, support::model::render};

const GRACES: Graces = Graces {
    death: std::time::Duration::from_millis(500),
    contact: std::time::Duration::from_secs(3),
    fabric: std::time::Duration::from_secs(1),
    silence: std::time::Duration::from_secs(10),
    come_up: std::time::Duration::from_secs(10),
    settle: std::time::Duration::from_millis(700),
    fail_back: std::time::Duration::from_secs(10),
};

/// Plans after a script; hosts that the evidence does not name answer since the beginning.
fn check(script: &str, evidence: &str, now: u64, expected: Expect) {
    let state = state(script);
    let evidence = evidence_of(&state, evidence);
    let plan = plan(&state, &evidence, &GRACES, Tick(now));
    let out = show(&state, &plan);
    // P1: once adopted, the same evidence gives no further change.
    let mut adopted = state.clone();
    let operation =
        Operation::AdoptTopology { epoch: state.epoch(), based_on: plan.based_on, changes: plan.changes };
    let reply =
        adopted.apply(&asterism_model::Command { caller: None, request: None, at: state.clock(), operation });
    assert!(matches!(reply, Reply::Applied { .. }), "{}", render::reply(&reply));
    assert_eq!(super::plan(&adopted, &evidence, &GRACES, Tick(now)).changes, BTreeMap::new());
    expected.assert_eq(&out);
}

fn show(state: &NetworkState, plan: &Plan) -> String {
    let mut out = String::new();
    for (network, TopologyPlan { vni, stars, pool_center, next_pool }) in &plan.changes {
        out += &format!("{network} vni={vni}");
        for (pool, star) in stars {
            let standby = star.standby.map(|host| format!("+{host}")).unwrap_or_default();
            let next = star.next.map(|next| format!(">{} ({})", next.host, next.cause)).unwrap_or_default();
            let drained = star.drained.map(|drain| format!("~{} of {:?}", drain.host, drain.extent));
            let drained = drained.unwrap_or_default();
            out += &format!(" {pool}={}{standby} ({}){next}{drained}", star.center, star.cause);
        }
        match pool_center {
            Some((pool, cause)) => out += &format!(" center={pool} ({cause})"),
            None => out += " no center",
        }
        let next = next_pool.map(|next| format!(" next={} drained={}", next.pool, next.is_drained));
        out += &format!("{}\n", next.unwrap_or_default());
        for (pool, star) in stars {
            out += &star.evidence.as_ref().map(|words| format!("  {pool}: {words}\n")).unwrap_or_default();
        }
    }
    for finding in &plan.findings {
        out += &format!("{}: {}\n", finding.network(), finding.describe(state));
    }
    if let Some(at) = plan.plan_again {
        out += &format!("again at {at}\n");
    }
    out
}

/// Two pools of two, and a network over both.
const NEW: &str = "
    pool p1
    pool p2
    host p1/a 10.0.1.1
    host p1/b 10.0.1.2
    host p2/c 10.0.2.1
    host p2/d 10.0.2.2
    network n p1 p2";

/// [`NEW`] with h1 the root and h3 the other center.
fn settled(more: &str) -> String {
    format!("{NEW}\nadopt n1:vni=1:p1=h1:p2=h3:center=p1\n{more}")
}

#[test]
fn a_new_network_gets_its_first_choices() {
    check(
        NEW,
        "",
        0,
        expect![[r#"
        n1 vni=1 p1=h1 (first) p2=h3 (first) center=p1 (first)
    "#]],
    );
}

#[test]
fn what_works_stays() {
    check(&settled(""), "", 0, expect![[r#""#]]);
}

#[test]
fn stars_spread_over_hosts_and_middles_over_pools() {
    check(
        &settled("network m p1 p2\nnetwork o p1 p2"),
        "",
        0,
        expect![[r#"
        n2 vni=2 p1=h2 (first) p2=h4 (first) center=p2 (first)
        n3 vni=3 p1=h1 (first) p2=h3 (first) center=p1 (first)
    "#]],
    );
}

#[test]
fn a_dead_center_is_replaced_and_the_pool_center_stays_with_its_pool() {
    check(
        &settled(""),
        "h1 lost 1000\nh2 up 0: h1 down 1300\nh3 up 0: h1 down 1300",
        2000,
        expect![[r#"
            n1 vni=1 p1=h2 (dead) p2=h3 (first) center=p1 (first)
              p1: no OVSDB session (no answer), and its tunnels are down
        "#]],
    );
}

#[test]
fn a_dead_root_without_a_heir_in_its_pool_gives_the_middle_to_another_pool() {
    let dead = "h1 lost 1000\nh2 lost 1000\nh3 up 0: h1 down 1300";
    check(
        &settled(""),
        dead,
        20_000,
        expect![[r#"
        n1 vni=1 p1=h1 (first) p2=h3 (first) center=p2 (dead)
        n1: pool p1 keeps its star-center p1/a, which is dead: no OVSDB session (no answer), and its tunnels are down
    "#]],
    );
}

#[test]
fn a_doubtful_center_stays_and_a_finding_says_so() {
    check(
        &settled(""),
        "h1 lost 1000\nh2 up 0: h1 up 100",
        60_000,
        expect![[r#"
        n1: pool p1 keeps its star-center p1/a, which is doubtful: no OVSDB session (no answer), but its tunnels are up
    "#]],
    );
}

#[test]
fn a_disabled_center_makes_its_successor_ready_before_it_hands_over() {
    check(
        &settled("disable p1/a"),
        "",
        0,
        expect![[r#"
            n1 vni=1 p1=h1+h2 (first)>h2 (disabled) p2=h3 (first) center=p1 (first)
            n1: the move of pool p1's star-center to p1/b waits: for the tunnels between p1/b and p2/c, p1/a to come up
        "#]],
    );
}

#[test]
fn a_disabled_center_stays_where_nobody_else_is_able() {
    check(
        &settled("disable p1/a\ndisable p1/b"),
        "",
        0,
        expect![[r#"
        n1: pool p1 keeps its star-center p1/a, which is disabled
    "#]],
    );
}

#[test]
fn a_removed_center_is_replaced() {
    check(
        &settled("remove p1/a"),
        "",
        0,
        expect![[r#"
        n1 vni=1 p1=h2 (removed) p2=h3 (first) center=p1 (first)
    "#]],
    );
}

#[test]
fn a_pool_whose_hosts_all_left_has_no_star() {
    check(
        &settled("remove p1/a force\nremove p1/b force"),
        "",
        0,
        expect![[r#"
        n1 vni=1 p2=h3 (first) center=p2 (removed)
        n1: pool p1 has no able host
    "#]],
    );
}

#[test]
fn a_pool_without_an_able_host_waits_and_says_why() {
    check(
        NEW,
        "h1 lost 0\nh2 awaited 0",
        0,
        expect![[r#"
        n1 vni=1 p2=h3 (first) center=p2 (first)
        n1: pool p1 has no able host; p1/a: doubtful: no OVSDB session (no answer), and no host knows of it; p1/b: doubtful: no OVSDB session (no answer), and no host knows of it
        again at t=10.000s
    "#]],
    );
}

#[test]
fn a_preferred_host_takes_over_after_a_while() {
    let preferred = settled("update n host=p1:b");
    check(
        &preferred,
        "h2 up 5000",
        14_999,
        expect![[r#"
        n1: preferred star-center p1/b is passed over: able, and takes over when it has been so for 10s
        again at t=15.000s
    "#]],
    );
    check(
        &preferred,
        "h2 up 5000",
        15_000,
        expect![[r#"
            n1 vni=1 p1=h1+h2 (first)>h2 (preferred) p2=h3 (first) center=p1 (first)
            n1: the move of pool p1's star-center to p1/b waits: for the tunnels between p1/b and p2/c, p1/a to come up
        "#]],
    );
}

#[test]
fn a_preferred_host_is_made_ready_at_once_where_the_center_is_disabled() {
    check(
        &settled("disable p1/a\nupdate n host=p1:b"),
        "h2 up 5000",
        5000,
        expect![[r#"
            n1 vni=1 p1=h1+h2 (first)>h2 (preferred) p2=h3 (first) center=p1 (first)
            n1: the move of pool p1's star-center to p1/b waits: for the tunnels between p1/b and p2/c, p1/a to come up
        "#]],
    );
}

#[test]
fn a_preferred_host_that_is_disabled_is_passed_over_and_not_waited_for() {
    check(
        &settled("update n host=p1:b\ndisable p1/b"),
        "",
        60_000,
        expect![[r#"
        n1: preferred star-center p1/b is passed over: disabled
    "#]],
    );
}

#[test]
fn a_preferred_host_whose_way_came_back_is_waited_for_from_then_on() {
    let back = "h1 up 0: h2 up 30000\nh2 up 0: h1 up 30000";
    check(
        &settled("update n host=p1:b"),
        back,
        31_000,
        expect![[r#"
        n1: preferred star-center p1/b is passed over: able, and takes over when it has been so for 10s
        again at t=40.000s
    "#]],
    );
}

#[test]
fn a_preferred_pool_takes_over_after_a_while() {
    let preferred = settled("update n prefer=p2");
    check(
        &preferred,
        "h3 up 5000",
        14_999,
        expect![[r#"
            n1: preferred pool-center p2 is passed over: its star-center takes over when it has been able for 10s
            again at t=15.000s
        "#]],
    );
    check(
        &preferred,
        "h3 up 5000",
        15_000,
        expect![[r#"
            n1 vni=1 p1=h1 (first) p2=h3 (first) center=p1 (first) next=p2 drained=false
            n1: the move of the pool-center to p2 waits: for the tunnels between p2/c and p1/a to come up
        "#]],
    );
}

#[test]
fn a_better_host_that_joins_changes_nothing() {
    check(
        &settled("network m p1\nadopt n2:vni=2:p1=h1:center=p1\nhost p1/z 10.0.1.9"),
        "",
        0,
        expect![[r#""#]],
    );
}

#[test]
fn a_host_that_cannot_have_the_bridge_is_not_elected_for_that_network() {
    let state = state(&format!("{NEW}\nnetwork m p1"));
    let mut evidence = evidence_of(&state, "");
    let taken = BTreeMap::from([(NetworkId(1), "the bridge name ast1 is taken".to_owned())]);
    evidence.hosts.get_mut(&HostId(1)).unwrap().hindered = taken;
    let plan = plan(&state, &evidence, &GRACES, Tick(0));
    expect![[r#"
        n1 vni=1 p1=h2 (first) p2=h3 (first) center=p1 (first)
        n2 vni=2 p1=h1 (first) center=p1 (first)
    "#]]
    .assert_eq(&show(&state, &plan));
}

#[test]
fn a_requested_vni_is_kept_free_for_the_network_that_asked() {
    check(
        "pool p1\nhost p1/a 10.0.1.1\nnetwork n p1\nnetwork m p1 vni=1",
        "",
        0,
        expect![[r#"
        n1 vni=2 p1=h1 (first) center=p1 (first)
        n2 vni=1 p1=h1 (first) center=p1 (first)
    "#]],
    );
}
