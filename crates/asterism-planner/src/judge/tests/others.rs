//! What counts besides sessions and tunnels: a pool's word, and that a host was given up before.

use expect_test::expect;

use super::*;

#[test]
fn a_pool_that_says_that_a_silent_host_is_down_is_believed_at_once() {
    let text = "
        h1 lost 4000 halted
        h2 awaited 0 halted
        h3 lost 4000
        h4 up 0: h5 up 100
        h5 up 0: h4 up 100";
    check(
        text,
        4001,
        expect![[r#"
        h1 dead: no OVSDB session (no answer), and its pool says that it is down
        h2 dead: no OVSDB session (no answer), and its pool says that it is down
        h3 doubtful: no OVSDB session (no answer), and no host knows of it
        h4 able since t=0.100s
        h5 able since t=0.100s
        again at t=14.000s
    "#]],
    );
}

#[test]
fn a_pools_word_alone_moves_nothing() {
    let text = "
        h1 lost 4000 halted: h2 up 100
        h2 up 0 halted: h1 up 100
        h3 up 0: h1 up 100, h2 up 100";
    check(
        text,
        60_000,
        expect![[r#"
        h1 doubtful: no OVSDB session (no answer), but its tunnels are up
        h2 able since t=0.000s
        h3 able since t=0.000s
    "#]],
    );
}

#[test]
fn a_host_that_was_given_up_stays_so_until_it_shows_something_or_a_way_to_it_is_up() {
    let mut evidence = evidence(
        "
        h1 up 0
        h2 lost 4000
        h3 lost 4000
        h4 up 0: h3 up 5000",
    );
    for host in [1, 2, 3] {
        evidence.hosts.get_mut(&HostId(host)).unwrap().given_up = Some("it was cut off".into());
    }
    let verdicts = judge(&evidence, &Graces::default(), Tick(5500));
    expect![[r#"
        h1 dead: it was cut off
        h2 dead: it was cut off
        h3 doubtful: no OVSDB session (no answer), but its tunnels are up
        h4 able since t=0.000s
        again at t=14.000s
    "#]]
    .assert_eq(&show(&evidence, &verdicts));
}
