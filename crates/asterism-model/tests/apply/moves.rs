//! Standbys, and planned moves of a middle: what is under way stands in the topology.

use expect_test::expect;

use super::support::World;
use crate::check;

/// Two pools, a network over both, centers h1 and h4.
const LAB: &str = "
    init lab
    claim c1
    pool p1
    pool p2
    host p1/a 10.0.0.1
    host p1/b 10.0.0.2
    host p1/c 10.0.0.3
    host p2/a 10.0.1.1
    host p2/b 10.0.1.2
    network n1 p1 p2 resilience=dual
    @10 adopt n1:vni=5:p1=h1+h2:p2=h4+h5:center=p1
";

/// As `check`, after [`LAB`], which stands in no transcript.
fn check_moves(script: &str, expected: expect_test::Expect) {
    expected.assert_eq(&crate::support::run::transcript_of(World::of(LAB), script));
}

#[test]
fn a_move_is_noted_and_carried_out_by_the_planner() {
    check_moves(
        "
        show topologies
        @20 move n1 p1/c
        show topologies
        adopt n1:vni=5:p1=h1+h2~h2>h3:p2=h4+h5:center=p1:cause=moved
        adopt n1:vni=5:p1=h1+h3>h3:p2=h4+h5:center=p1:cause=moved
        adopt n1:vni=5:p1=h1+h3~h1/standby>h3:p2=h4+h5:center=p1:cause=moved
        show topologies
        adopt n1:vni=5:p1=h1+h3~h1>h3:p2=h4+h5:center=p1:cause=moved
        show topologies
        @30 adopt n1:vni=5:p1=h3+h1:p2=h4+h5:center=p1:cause=moved
        show topologies
        show story
        ",
        expect![[r#"
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2 p2=h4 (first @10)+h5 center p1 (first @10) r9
            > @20 move n1 p1/c
            r10
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2>h3 p2=h4 (first @10)+h5 center p1 (first @10) r10
            > adopt n1:vni=5:p1=h1+h2~h2>h3:p2=h4+h5:center=p1:cause=moved
            r11
            > adopt n1:vni=5:p1=h1+h3>h3:p2=h4+h5:center=p1:cause=moved
            r12
            > adopt n1:vni=5:p1=h1+h3~h1/standby>h3:p2=h4+h5:center=p1:cause=moved
            r13
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h3~h1/standby>h3 p2=h4 (first @10)+h5 center p1 (first @10) r13
            > adopt n1:vni=5:p1=h1+h3~h1>h3:p2=h4+h5:center=p1:cause=moved
            r14
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h3~h1>h3 p2=h4 (first @10)+h5 center p1 (first @10) r14
            > @30 adopt n1:vni=5:p1=h3+h1:p2=h4+h5:center=p1:cause=moved
            r15
            > show topologies
            topology n1 vni 5 p1=h3 (moved @30)+h1 p2=h4 (first @10)+h5 center p1 (first @10) r15
            > show story
            17 @20 network n1, pool p1: star-center moves to c (moved)
            18 @20 network n1, pool p1: standby b -> c
            19 @30 network n1, pool p1: star-center a -> c (moved)
            20 @30 network n1, pool p1: standby c -> a
        "#]],
    );
}

#[test]
fn a_move_to_where_the_center_is_takes_back_the_one_under_way() {
    check_moves(
        "
        move n1 p1/a
        move n1 p1/c
        move n1 p1/c
        move n1 p1/b
        move n1 p1/a
        show topologies
        show story
        ",
        expect![[r#"
            > move n1 p1/a
            r9
            > move n1 p1/c
            r10
            > move n1 p1/c
            r10
            > move n1 p1/b
            r11
            > move n1 p1/a
            r12
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2 p2=h4 (first @10)+h5 center p1 (first @10) r12
            > show story
            17 @10 network n1, pool p1: star-center moves to c (moved)
            18 @10 network n1, pool p1: star-center moves to b (moved)
            19 @10 network n1, pool p1: star-center moves no longer
        "#]],
    );
}

#[test]
fn a_pools_move_is_noted_goes_on_when_asked_again_and_is_taken_back() {
    check_moves(
        "
        move-pool n1 p1
        move-pool n1 p2
        adopt n1:vni=5:p1=h1+h2:p2=h4+h5:center=p1:next=p2~:cause=moved
        move-pool n1 p2
        show topologies
        move-pool n1 p1
        show topologies
        move-pool n1 p2
        @50 adopt n1:vni=5:p1=h1+h2:p2=h4+h5:center=p2:cause=moved
        show topologies
        show story
        ",
        expect![[r#"
            > move-pool n1 p1
            r9
            > move-pool n1 p2
            r10
            > adopt n1:vni=5:p1=h1+h2:p2=h4+h5:center=p1:next=p2~:cause=moved
            r11
            > move-pool n1 p2
            r11
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2 p2=h4 (first @10)+h5 center p1 (first @10) next p2~ r11
            > move-pool n1 p1
            r12
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2 p2=h4 (first @10)+h5 center p1 (first @10) r12
            > move-pool n1 p2
            r13
            > @50 adopt n1:vni=5:p1=h1+h2:p2=h4+h5:center=p2:cause=moved
            r14
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2 p2=h4 (first @10)+h5 center p2 (moved @50) r14
            > show story
            17 @10 network n1: pool-center moves to p2 (moved)
            18 @10 network n1: pool-center moves no longer
            19 @10 network n1: pool-center moves to p2 (moved)
            20 @50 network n1: pool-center p1 -> p2 (moved)
        "#]],
    );
}

#[test]
fn a_move_is_asked_of_a_host_that_may_be_center_where_there_is_one() {
    check_moves(
        "
        move n9 p1/a
        move n1 p9/a
        move n1 p1/z
        move-pool n1 p9
        pool p3
        host p3/a 10.0.2.1
        move n1 p3/a
        move-pool n1 p3
        update n1 set=p3
        move n1 p3/a
        move-pool n1 p3
        disable p1/b
        move n1 p1/b
        remove p1/c
        move n1 p1/c
        update n1 host=p2:b prefer=p2
        move n1 p2/a
        move n1 p2/b
        move-pool n1 p1
        move-pool n1 p2
        show topologies
        ",
        expect![[r#"
            > move n9 p1/a
            refused: network: there is no network `n9`; networks: n1
            > move n1 p9/a
            refused: pool: there is no pool `p9`; pools: p1, p2
            > move n1 p1/z
            refused: host: there is no host `p1/z`; hosts of that pool: a, b, c
            > move-pool n1 p9
            refused: pool: there is no pool `p9`; pools: p1, p2
            > pool p3
            r10 pool p3
            > host p3/a 10.0.2.1
            r11 host h6
            > move n1 p3/a
            refused: pool `p3` is not part of network `n1`; its pools: p1, p2
            > move-pool n1 p3
            refused: pool `p3` is not part of network `n1`; its pools: p1, p2
            > update n1 set=p3
            r12
            > move n1 p3/a
            refused: pool `p3` of network `n1` has no star-center yet; see `asterctl explain n1` for what it waits for
            > move-pool n1 p3
            refused: pool `p3` of network `n1` has no star-center yet; see `asterctl explain n1` for what it waits for
            > disable p1/b
            r13
            > move n1 p1/b
            refused: host `p1/b` is disabled, and so no center; `asterctl host undrain p1/b` makes it one that may be
            > remove p1/c
            r14
            > move n1 p1/c
            refused: host `p1/c` is leaving; it can be added again once it is gone
            > update n1 host=p2:b prefer=p2
            r15
            > move n1 p2/a
            refused: network `n1` prefers star-center `p2/b` in that pool and would go back to it; change the preference with `asterctl network update` first
            > move n1 p2/b
            r16
            > move-pool n1 p1
            refused: network `n1` prefers pool-center `p2` and would go back to it; change the preference with `asterctl network update` first
            > move-pool n1 p2
            r17
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h2 p2=h4 (first @10)+h5>h5 center p1 (first @10) next p2 r17
        "#]],
    );
}

#[test]
fn a_change_of_the_standby_is_told_and_keeps_the_centers_age() {
    check_moves(
        "
        @20 adopt n1:vni=5:p1=h1+h3:p2=h4:center=p1:cause=dead
        show topologies
        @30 adopt n1:vni=5:p1=h3:p2=h4+h5:center=p1:cause=cut-off
        show topologies
        show story
        ",
        expect![[r#"
            > @20 adopt n1:vni=5:p1=h1+h3:p2=h4:center=p1:cause=dead
            r10
            > show topologies
            topology n1 vni 5 p1=h1 (first @10)+h3 p2=h4 (first @10) center p1 (first @10) r10
            > @30 adopt n1:vni=5:p1=h3:p2=h4+h5:center=p1:cause=cut-off
            r11
            > show topologies
            topology n1 vni 5 p1=h3 (cut off @30) p2=h4 (first @10)+h5 center p1 (first @10) r11
            > show story
            17 @20 network n1, pool p1: standby b -> c
            18 @20 network n1, pool p2: standby b -> none
            19 @30 network n1, pool p1: star-center a -> c (cut off)
            20 @30 network n1, pool p1: standby c -> none
            21 @30 network n1, pool p2: standby none -> b
        "#]],
    );
}

#[test]
fn what_was_seen_of_a_center_before_is_kept_with_the_choice_and_cut_between_characters() {
    let evidence = "é".repeat(100);
    check_moves(
        &format!(
            "
            @20 adopt n1:vni=5:p1=h2:p2=h4:center=p1:cause=dead:evidence=2of2-see-no-BFD
            show topologies
            @30 adopt n1:vni=5:p1=h2:p2=h5:center=p1:cause=dead:evidence={evidence}
            show story
            "
        ),
        expect![[r#"
            > @20 adopt n1:vni=5:p1=h2:p2=h4:center=p1:cause=dead:evidence=2of2-see-no-BFD
            r10
            > show topologies
            topology n1 vni 5 p1=h2 (dead @20: 2of2-see-no-BFD) p2=h4 (first @10) center p1 (first @10) r10
            > @30 adopt n1:vni=5:p1=h2:p2=h5:center=p1:cause=dead:evidence=éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
            r11
            > show story
            17 @20 network n1, pool p1: star-center a -> b (dead): 2of2-see-no-BFD
            18 @20 network n1, pool p1: standby b -> none
            19 @20 network n1, pool p2: standby b -> none
            20 @30 network n1, pool p2: star-center a -> b (dead): éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
        "#]],
    );
}

#[test]
fn a_network_at_rest_says_nothing_of_moves() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        network n1 p1
        adopt n1:vni=5:p1=h1:center=p1
        show topologies
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1
            r2 host h1
            > network n1 p1
            r3 network n1
            > adopt n1:vni=5:p1=h1:center=p1
            r4
            > show topologies
            topology n1 vni 5 p1=h1 (first @0) center p1 (first @0) r4
        "#]],
    );
}
