//! What would come of failures of a network of three pools.

use expect_test::{Expect, expect};

use super::*;
use crate::testing::{evidence_of, state};

const POOLS: &str = "
    pool p1
    pool p2
    pool p3
    host p1/a 10.0.0.1
    host p1/b 10.0.0.2
    host p1/c 10.0.0.3
    host p2/d 10.0.0.4
    host p2/e 10.0.0.5
    host p2/f 10.0.0.6
    host p3/g 10.0.0.7
    host p3/h 10.0.0.8";

fn dual() -> NetworkState {
    let choices = "adopt n1:vni=1:p1=h1+h2:p2=h4+h5:p3=h7+h8:center=p1";
    state(&format!("{POOLS}\nnetwork n p1 p2 p3 resilience=dual\n{choices}"))
}

fn single() -> NetworkState {
    state(&format!("{POOLS}\nnetwork n p1 p2 p3\nadopt n1:vni=1:p1=h1:p2=h4:p3=h7:center=p1"))
}

fn kill(hosts: &[u32]) -> Kill {
    Kill { hosts: hosts.iter().copied().map(HostId).collect(), ..Kill::default() }
}

fn delays() -> Delays {
    Delays { graces: Graces::default(), session: Duration::from_secs(3) }
}

fn check(state: &NetworkState, kill: &Kill, expected: Expect) {
    let evidence = evidence_of(state, "");
    expected.assert_eq(&show(state, &whatif(state, Some(&evidence), &delays(), kill)));
}

fn show(state: &NetworkState, forecast: &Forecast) -> String {
    let host = |host: Option<HostId>| host.map_or("none".to_owned(), |host| state.host_label(host));
    let pool = |pool: Option<PoolId>| pool.map_or("none".to_owned(), |pool| state.pool_label(pool));
    let pairs = |pairs: &Pairs| {
        let examples = pairs.examples.iter().map(|[a, b]| format!("{} {}", host(Some(*a)), host(Some(*b))));
        format!("{} pairs ({})", pairs.count, examples.collect::<Vec<_>>().join(", "))
    };
    let mut out = String::new();
    for it in &forecast.networks {
        out += &format!("{}: {} killed, {} pairs live\n", it.network, it.killed.len(), it.pairs);
        for succession in &it.successions {
            out += &match *succession {
                Succession::Center { pool: of, from, to, remedy } => {
                    format!("  {} center {} -> {} by {remedy:?}\n", pool(Some(of)), host(from), host(to))
                }
                Succession::Standby { pool: of, from, to } => {
                    format!("  {} standby {} -> {}\n", pool(Some(of)), host(from), host(to))
                }
                Succession::PoolCenter { from, to } => {
                    format!("  pool-center {} -> {}\n", pool(from), pool(to))
                }
            };
        }
        for it in &it.interruptions {
            out += &format!("  {:?} within {:?}: {}\n", it.remedy, it.heals_within, pairs(&it.pairs));
        }
        out += &it.cut.as_ref().map(|cut| format!("  for good: {}\n", pairs(cut))).unwrap_or_default();
    }
    out + &format!("untouched: {}\n", forecast.untouched)
}

#[test]
fn a_leaf_takes_nothing_with_it() {
    check(
        &dual(),
        &kill(&[6]),
        expect![[r#"
        n1: 1 killed, 21 pairs live
        untouched: 0
    "#]],
    );
}

#[test]
fn with_dual_resilience_the_switches_mend_the_death_of_any_center() {
    check(
        &dual(),
        &kill(&[1]),
        expect![[r#"
        n1: 1 killed, 21 pairs live
          p1 center p1/a -> p1/b by DataPlane
          p1 standby p1/b -> p1/c
          DataPlane within 300ms: 17 pairs (p1/b p1/c, p1/b p2/d, p1/b p3/g)
        untouched: 0
    "#]],
    );
    check(
        &dual(),
        &kill(&[4]),
        expect![[r#"
        n1: 1 killed, 21 pairs live
          p2 center p2/d -> p2/e by DataPlane
          p2 standby p2/e -> p2/f
          DataPlane within 300ms: 11 pairs (p1/a p2/e, p1/a p2/f)
        untouched: 0
    "#]],
    );
    check(
        &dual(),
        &kill(&[1, 4]),
        expect![[r#"
        n1: 2 killed, 15 pairs live
          p1 center p1/a -> p1/b by DataPlane
          p1 standby p1/b -> p1/c
          p2 center p2/d -> p2/e by DataPlane
          p2 standby p2/e -> p2/f
          DataPlane within 300ms: 14 pairs (p1/b p1/c, p1/b p2/e, p1/b p2/f)
        untouched: 0
    "#]],
    );
}

#[test]
fn with_single_resilience_it_takes_an_election() {
    check(
        &single(),
        &kill(&[1]),
        expect![[r#"
            n1: 1 killed, 21 pairs live
              p1 center p1/a -> p1/b by Election
              Election within 1.5s: 17 pairs (p1/b p1/c, p1/b p2/d, p1/b p3/g)
            untouched: 0
        "#]],
    );
}

#[test]
fn without_a_quorum_nothing_is_elected() {
    let kill = Kill { has_no_quorum: true, ..kill(&[1]) };
    check(
        &single(),
        &kill,
        expect![[r#"
        n1: 1 killed, 21 pairs live
          for good: 17 pairs (p1/b p1/c, p1/b p2/d, p1/b p3/g)
        untouched: 0
    "#]],
    );
    check(
        &dual(),
        &kill,
        expect![[r#"
        n1: 1 killed, 21 pairs live
          DataPlane within 300ms: 17 pairs (p1/b p1/c, p1/b p2/d, p1/b p3/g)
        untouched: 0
    "#]],
    );
}

#[test]
fn a_pool_that_dies_takes_its_own_hosts_alone() {
    check(
        &dual(),
        &kill(&[1, 2, 3]),
        expect![[r#"
            n1: 3 killed, 10 pairs live
              pool-center p1 -> p2
              Election within 3.5s: 6 pairs (p2/d p3/g)
            untouched: 0
        "#]],
    );
}

#[test]
fn root_and_its_standby_at_once_take_an_election() {
    check(
        &dual(),
        &kill(&[1, 2]),
        expect![[r#"
            n1: 2 killed, 15 pairs live
              p1 center p1/a -> p1/c by Election
              p1 standby p1/b -> none
              Election within 3.5s: 11 pairs (p1/c p2/d, p1/c p3/g)
            untouched: 0
        "#]],
    );
}

#[test]
fn a_way_that_is_cut_has_another_beside_it() {
    let kill = Kill { links: BTreeSet::from([[HostId(6), HostId(4)]]), ..Kill::default() };
    check(
        &dual(),
        &kill,
        expect![[r#"
        n1: 0 killed, 28 pairs live
          DataPlane within 300ms: 7 pairs (p1/a p2/f)
        untouched: 0
    "#]],
    );
    check(
        &single(),
        &kill,
        expect![[r#"
        n1: 0 killed, 28 pairs live
          for good: 7 pairs (p1/a p2/f)
        untouched: 0
    "#]],
    );
}

#[test]
fn fast_detection_notices_sooner_and_an_old_leader_later() {
    let choices = "adopt n1:vni=1:p1=h1+h2:p2=h4+h5:p3=h7+h8:center=p1";
    let fast = state(&format!("{POOLS}\nnetwork n p1 p2 p3 resilience=dual detection=fast\n{choices}"));
    let kill = Kill { leaderless: Duration::from_secs(5), ..kill(&[1]) };
    check(
        &fast,
        &kill,
        expect![[r#"
        n1: 1 killed, 21 pairs live
          p1 center p1/a -> p1/b by DataPlane
          p1 standby p1/b -> p1/c
          DataPlane within 45ms: 17 pairs (p1/b p1/c, p1/b p2/d, p1/b p3/g)
        untouched: 0
    "#]],
    );
}

#[test]
fn an_election_takes_as_long_as_what_it_waits_for() {
    let within = |delays: &Delays, kill: &Kill| {
        let forecast = whatif(&single(), None, delays, kill);
        forecast.networks[0].interruptions[0].heals_within.as_millis()
    };
    let usual = delays();
    // BFD, the grace of a host that seems to answer, programming.
    assert_eq!(within(&usual, &kill(&[1])), 300 + 1000 + 200);
    // BFD, the session, the grace of a host that has none, programming.
    let patient = Graces { fabric: Duration::from_secs(9), ..usual.graces };
    assert_eq!(within(&Delays { graces: patient, ..usual }, &kill(&[1])), 3000 + 500 + 200);
    let slow = Delays { graces: patient, session: Duration::from_secs(6) };
    assert_eq!(within(&slow, &kill(&[1])), 6000 + 500 + 200);
    // The election of a leader, its grace for a host that it has never reached, programming.
    let beheaded = Kill { leaderless: Duration::from_millis(900), ..kill(&[1]) };
    assert_eq!(within(&usual, &beheaded), 900 + 3000 + 200);
}

#[test]
fn an_election_hears_of_a_death_as_soon_as_bfd_tells_it() {
    let within = |detections: &[&str]| {
        let networks: String =
            detections.iter().map(|it| format!("\nnetwork {it} p1 p2 p3 detection={it}")).collect();
        let choices = (1..=detections.len()).map(|id| format!(" n{id}:vni={id}:p1=h1:p2=h4:p3=h7:center=p1"));
        let state = state(&format!("{POOLS}{networks}\nadopt{}", choices.collect::<String>()));
        let forecast = whatif(&state, None, &delays(), &kill(&[1]));
        forecast.networks[0].interruptions[0].heals_within.as_millis()
    };
    assert_eq!(within(&["fast"]), 45 + 1000 + 200);
    // Hosts have lost one another when no tunnel between them is up.
    assert_eq!(within(&["fast", "normal"]), 300 + 1000 + 200);
}

#[test]
fn what_is_dead_already_is_no_consequence() {
    let state = dual();
    let text = "h2 lost 1000\nh1 up 0: h2 down 1000\nh4 up 0: h2 down 1000\nh5 up 0: h2 down 1000";
    let evidence = evidence_of(&state, text);
    let forecast = whatif(&state, Some(&evidence), &delays(), &kill(&[1]));
    expect![[r#"
        n1: 1 killed, 15 pairs live
          p1 center p1/a -> p1/c by DataPlane
          p1 standby p1/c -> none
          Election within 3.5s: 11 pairs (p1/c p2/d, p1/c p3/g)
        untouched: 0
    "#]]
    .assert_eq(&show(&state, &forecast));
}
