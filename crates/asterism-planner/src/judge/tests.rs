//! Every rule of judging, with evidence written in a few words.

use expect_test::{Expect, expect};

use super::*;
use crate::testing::evidence;

/// Judges at that many milliseconds.
fn check(text: &str, now: u64, expected: Expect) {
    let evidence = evidence(text);
    let verdicts = judge(&evidence, &Graces::default(), Tick(now));
    expected.assert_eq(&show(&evidence, &verdicts));
}

fn show(evidence: &Evidence, verdicts: &Verdicts) -> String {
    let mut out = String::new();
    for host in evidence.hosts.keys() {
        let verdict = match verdicts.of(*host) {
            Verdict::Able { since } => format!("able since {since}"),
            verdict @ (Verdict::Doubtful(_) | Verdict::Dead(_)) => verdict.to_string(),
        };
        out += &format!("{host} {verdict}\n");
    }
    match verdicts.judge_again {
        Some(at) => out + &format!("again at {at}\n"),
        None => out,
    }
}

/// A center and two leaves, whose center is h1.
const STAR: &str = "
    h1 up 0: h2 up 100, h3 up 100
    h2 up 0: h1 up 100
    h3 up 0: h1 up 100";

#[test]
fn a_star_that_works_is_able_since_its_ways_are_up() {
    check(
        STAR,
        5000,
        expect![[r#"
        h1 able since t=0.100s
        h2 able since t=0.100s
        h3 able since t=0.100s
    "#]],
    );
}

#[test]
fn a_cut_of_the_management_network_moves_nothing() {
    let cut = "
        h1 lost 4000
        h2 up 0: h1 up 100
        h3 up 0: h1 up 100";
    check(
        cut,
        3_600_000,
        expect![[r#"
        h1 doubtful: no OVSDB session (no answer), but its tunnels are up
        h2 able since t=0.000s
        h3 able since t=0.000s
    "#]],
    );
}

#[test]
fn a_controller_that_reaches_nobody_moves_nothing() {
    let alone = "
        h1 lost 4000: h2 down 4000
        h2 lost 4000: h1 down 4000";
    check(
        alone,
        3_600_000,
        expect![[r#"
        h1 doubtful: no host answers this controller
        h2 doubtful: no host answers this controller
    "#]],
    );
}

/// The center is killed at 4 s; its leaves' BFD says so 300 ms later.
const KILLED: &str = "
    h1 lost 4000: h2 up 100, h3 up 100
    h2 up 0: h1 down 4300
    h3 up 0: h1 down 4350";

#[test]
fn a_killed_center_is_dead_when_the_grace_is_over() {
    check(
        KILLED,
        4849,
        expect![[r#"
        h1 doubtful: no OVSDB session (no answer), and its tunnels are down
        h2 able since t=0.000s
        h3 able since t=0.000s
        again at t=4.850s
    "#]],
    );
    check(
        KILLED,
        4850,
        expect![[r#"
        h1 dead: no OVSDB session (no answer), and its tunnels are down
        h2 able since t=0.000s
        h3 able since t=0.000s
    "#]],
    );
}

#[test]
fn a_way_that_was_lost_long_before_the_session_says_nothing_of_it() {
    // h2's own transport has been broken for a minute when the management network takes h1 and h3 away.
    let cut = "
        h1 lost 70000
        h2 up 0: h1 down 10000
        h3 lost 70000";
    check(
        cut,
        79_999,
        expect![[r#"
        h1 doubtful: no OVSDB session (no answer), and no host knows of it
        h2 able since t=0.000s
        h3 doubtful: no OVSDB session (no answer), and no host knows of it
        again at t=80.000s
    "#]],
    );
}

#[test]
fn a_host_on_which_nobody_has_a_word_is_dead_after_silence() {
    let silent = "
        h1 lost 4000
        h9 up 0";
    check(
        silent,
        13_999,
        expect![[r#"
        h1 doubtful: no OVSDB session (no answer), and no host knows of it
        h9 able since t=0.000s
        again at t=14.000s
    "#]],
    );
    check(
        silent,
        14_000,
        expect![[r#"
        h1 dead: no OVSDB session (no answer), and no host knows of it
        h9 able since t=0.000s
    "#]],
    );
}

#[test]
fn a_new_leader_gives_itself_the_time_to_reach_everybody() {
    // h2 is the first to be reached, and its transport is broken: it says what a dead center's leaf would.
    let beginning = "
        h1 awaited 0
        h2 up 40: h1 down 40
        h3 awaited 0";
    check(
        beginning,
        2999,
        expect![[r#"
        h1 doubtful: no OVSDB session (no answer), and its tunnels are down
        h2 able since t=0.040s
        h3 doubtful: no OVSDB session (no answer), and no host knows of it
        again at t=3.000s
    "#]],
    );
    check(
        beginning,
        3000,
        expect![[r#"
        h1 dead: no OVSDB session (no answer), and its tunnels are down
        h2 able since t=0.040s
        h3 doubtful: no OVSDB session (no answer), and no host knows of it
        again at t=10.000s
    "#]],
    );
}

#[test]
fn a_center_whose_transport_is_cut_is_dead_and_its_leaves_are_excused() {
    let cut = "
        h1 up 0: h2 down 4300, h3 down 4300
        h2 up 0: h1 down 4300
        h3 up 0: h1 down 4350";
    check(
        cut,
        5349,
        expect![[r#"
        h1 doubtful: it answers, but all its tunnels to living hosts are down
        h2 able since t=0.000s
        h3 able since t=0.000s
        again at t=5.350s
    "#]],
    );
    check(
        cut,
        5350,
        expect![[r#"
        h1 dead: it answers, but all its tunnels to living hosts are down
        h2 able since t=0.000s
        h3 able since t=0.000s
    "#]],
    );
}

#[test]
fn the_last_word_of_a_dead_switch_is_not_believed() {
    // h1's ovs-vswitchd was killed; its ovsdb-server lives, and still shows `up`.
    let stale = "
        h1 up 0: h2 up 100, h3 up 100
        h2 up 0: h1 down 4300
        h3 up 0: h1 down 4300";
    check(
        stale,
        5300,
        expect![[r#"
            h1 dead: its last word is old, and its tunnels to living hosts are down
            h2 able since t=0.000s
            h3 able since t=0.000s
        "#]],
    );
}

/// h1 and h2 go dark at 4 s, and no session to them has noticed yet. h3 and h4 have tunnels to both.
const BOTH_DARK: &str = "
    h1 up 0: h2 up 100, h3 up 100, h4 up 100
    h2 up 0: h1 up 100, h3 up 100, h4 up 100
    h3 up 0: h1 down 4300, h2 down 4300
    h4 up 0: h1 down 4310, h2 down 4310";

#[test]
fn two_hosts_that_died_together_do_not_vouch_for_each_other() {
    check(
        BOTH_DARK,
        4799,
        expect![[r#"
        h1 able since t=0.100s
        h2 able since t=0.100s
        h3 doubtful: it answers, but all its tunnels to living hosts are down
        h4 doubtful: it answers, but all its tunnels to living hosts are down
        again at t=4.800s
    "#]],
    );
    check(
        BOTH_DARK,
        5309,
        expect![[r#"
        h1 doubtful: its last word is old, and its tunnels to living hosts are down
        h2 doubtful: its last word is old, and its tunnels to living hosts are down
        h3 able since t=0.000s
        h4 able since t=0.000s
        again at t=5.310s
    "#]],
    );
    check(
        BOTH_DARK,
        5310,
        expect![[r#"
        h1 dead: its last word is old, and its tunnels to living hosts are down
        h2 dead: its last word is old, and its tunnels to living hosts are down
        h3 able since t=0.000s
        h4 able since t=0.000s
    "#]],
    );
}

/// h1 goes dark at 4 s. The database of h3 has hung since 3 s, its tunnels live; h3 is also joined to h2.
const DARK_BESIDE_A_FROZEN_ONE: &str = "
    h1 up 0: h2 up 100, h3 up 100, h4 up 100
    h2 up 0: h1 down 4300, h3 up 100, h4 up 100
    h3 up 0: h1 up 100, h2 up 100
    h4 up 0: h1 down 4310, h2 up 100";

#[test]
fn a_host_that_hangs_does_not_outweigh_those_who_speak() {
    check(
        DARK_BESIDE_A_FROZEN_ONE,
        5310,
        expect![[r#"
        h1 dead: its last word is old, and its tunnels to living hosts are down
        h2 able since t=0.100s
        h3 able since t=0.100s
        h4 able since t=0.100s
    "#]],
    );
}

#[test]
fn a_leaf_that_died_with_all_that_it_was_joined_to_is_in_doubt() {
    let with_leaf = BOTH_DARK.replace("h1 up 0: h2", "h5 up 0: h1 up 100, h2 up 100\nh1 up 0: h5 up 100, h2");
    check(
        &with_leaf,
        5310,
        expect![[r#"
        h1 dead: its last word is old, and its tunnels to living hosts are down
        h2 dead: its last word is old, and its tunnels to living hosts are down
        h3 able since t=0.000s
        h4 able since t=0.000s
        h5 doubtful: its last word is old
    "#]],
    );
}

#[test]
fn of_two_hosts_that_lost_one_another_neither_is_blamed() {
    let two = "
        h1 up 0: h2 down 4300
        h2 up 0: h1 down 4300";
    check(
        two,
        60_000,
        expect![[r#"
        h1 doubtful: it answers, but its only tunnel is down
        h2 doubtful: it answers, but its only tunnel is down
    "#]],
    );
}

#[test]
fn a_leaf_that_alone_lost_the_center_is_the_one_in_doubt() {
    let leaf = "
        h1 up 0: h2 up 100, h3 down 4300
        h2 up 0: h1 up 100
        h3 up 0: h1 down 4300";
    check(
        leaf,
        60_000,
        expect![[r#"
        h1 able since t=0.100s
        h2 able since t=0.100s
        h3 doubtful: it answers, but its only tunnel is down
    "#]],
    );
}

#[test]
fn a_peer_that_is_dead_itself_is_no_witness() {
    // h3 is dead: that h1 lost it is no word on h1.
    let dead_leaf = "
        h1 up 0: h3 down 4300
        h3 lost 4000: h1 up 100";
    check(
        dead_leaf,
        60_000,
        expect![[r#"
        h1 able since t=0.000s
        h3 dead: no OVSDB session (no answer), and its tunnels are down
    "#]],
    );
}

#[test]
fn a_tunnel_with_one_end_says_nothing_while_the_other_host_answers() {
    // The leaves have been moved to another center; h1's ends of the old tunnels are about to go.
    let moved = "
        h1 up 0: h2 down 4300, h3 down 4300
        h2 up 0: h4 up 4200
        h3 up 0: h4 up 4200
        h4 up 0: h2 up 4200, h3 up 4200";
    check(
        moved,
        60_000,
        expect![[r#"
        h1 able since t=0.000s
        h2 able since t=4.200s
        h3 able since t=4.200s
        h4 able since t=4.200s
    "#]],
    );
}

/// h4 was added at 1 s, and its tunnel to the center made at once.
const NEWCOMER: &str = "
    h1 up 0: h2 up 100, h4 pending 1000
    h2 up 0: h1 up 100
    h4 up 1000: h1 pending 1010";

#[test]
fn a_newcomer_whose_tunnel_never_comes_up_is_doubtful_after_a_while() {
    check(
        NEWCOMER,
        11_009,
        expect![[r#"
        h1 able since t=0.100s
        h2 able since t=0.100s
        h4 able since t=1.010s
        again at t=11.010s
    "#]],
    );
    check(
        NEWCOMER,
        11_010,
        expect![[r#"
        h1 able since t=0.100s
        h2 able since t=0.100s
        h4 doubtful: it answers, but its only tunnel is down
    "#]],
    );
}

#[test]
fn a_center_none_of_whose_tunnels_ever_came_up_is_dead() {
    let broken = "
        h1 up 0: h2 pending 100, h3 pending 200
        h2 up 0: h1 pending 100
        h3 up 0: h1 pending 150";
    check(
        broken,
        11_200,
        expect![[r#"
        h1 dead: it answers, but all its tunnels to living hosts are down
        h2 able since t=0.000s
        h3 able since t=0.000s
    "#]],
    );
}

#[test]
fn a_new_tunnel_is_not_held_against_hosts_of_which_one_does_not_answer() {
    let pending = "
        h1 up 0: h2 pending 100
        h2 lost 100";
    check(
        pending,
        20_000,
        expect![[r#"
        h1 able since t=0.000s
        h2 dead: no OVSDB session (no answer), and no host knows of it
    "#]],
    );
}

#[test]
fn a_host_that_may_not_be_written_to_is_not_elected() {
    let mut evidence = evidence(STAR);
    evidence.hosts.get_mut(&HostId(2)).unwrap().barred = Some("claimed by another cluster".into());
    let verdicts = judge(&evidence, &Graces::default(), Tick(5000));
    expect![[r#"
        h1 able since t=0.100s
        h2 doubtful: claimed by another cluster
        h3 able since t=0.100s
    "#]]
    .assert_eq(&show(&evidence, &verdicts));
}

#[test]
fn a_host_without_evidence_is_doubtful() {
    assert_eq!(Verdicts::default().of(HostId(1)).to_string(), "doubtful: not tried yet");
}

mod others;
