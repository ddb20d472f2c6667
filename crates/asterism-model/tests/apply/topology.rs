//! The planner's choices are checked and taken over.

use expect_test::expect;

use crate::check;

#[test]
fn a_choice_that_stays_keeps_its_cause_and_its_age() {
    check(
        "
        @1 init lab
        claim c1
        pool p1
        pool p2
        host p1/a 10.0.0.1
        host p1/b 10.0.0.2
        host p2/a 10.0.1.1
        network n1 p1 p2
        @10 adopt n1:vni=5:p1=h1:p2=h3:center=p1
        show topologies
        @20 adopt n1:vni=5:p1=h2:p2=h3:center=p1:cause=dead
        show topologies
        @30 adopt n1:vni=5:p2=h3:center=p2:cause=removed
        show topologies
        @40 adopt n1:vni=5
        show topologies
        show events
        ",
        expect![[r#"
            > @1 init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > host p1/a 10.0.0.1
            r3 host h1
            > host p1/b 10.0.0.2
            r4 host h2
            > host p2/a 10.0.1.1
            r5 host h3
            > network n1 p1 p2
            r6 network n1
            > @10 adopt n1:vni=5:p1=h1:p2=h3:center=p1
            r7
            > show topologies
            topology n1 vni 5 p1=h1 (first @10) p2=h3 (first @10) center p1 (first @10) r7
            > @20 adopt n1:vni=5:p1=h2:p2=h3:center=p1:cause=dead
            r8
            > show topologies
            topology n1 vni 5 p1=h2 (dead @20) p2=h3 (first @10) center p1 (first @10) r8
            > @30 adopt n1:vni=5:p2=h3:center=p2:cause=removed
            r9
            > show topologies
            topology n1 vni 5 p2=h3 (first @10) center p2 (removed @30) r9
            > @40 adopt n1:vni=5
            r10
            > show topologies
            topology n1 vni 5 r10
            > show events
            1 @1 cluster lab initialised
            2 @1 c1 leads, epoch 1
            3 @1 pool p1 added
            4 @1 pool p2 added
            5 @1 host p1/a added
            6 @1 host p1/b added
            7 @1 host p2/a added
            8 @1 network n1 created
            9 @10 network n1 has VNI 5
            10 @10 network n1, pool p1: star-center none -> a (first)
            11 @10 network n1, pool p2: star-center none -> a (first)
            12 @10 network n1: pool-center none -> p1 (first)
            13 @20 network n1, pool p1: star-center a -> b (dead)
            14 @30 network n1, pool p1: star-center b -> none
            15 @30 network n1: pool-center p1 -> p2 (removed)
            16 @40 network n1, pool p2: star-center a -> none
            17 @40 network n1: pool-center p2 -> none
        "#]],
    );
}

#[test]
fn the_plan_in_force_is_no_change() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        network n1 p1
        network n2 p1
        adopt
        adopt n1:vni=5:p1=h1:center=p1 n2:vni=6:p1=h1:center=p1
        adopt n1:vni=5:p1=h1:center=p1:cause=dead n2:vni=6:p1=h1:center=p1
        adopt n1:vni=5 n2:vni=6:p1=h1:center=p1
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
            > network n2 p1
            r4 network n2
            > adopt
            r4
            > adopt n1:vni=5:p1=h1:center=p1 n2:vni=6:p1=h1:center=p1
            r5
            > adopt n1:vni=5:p1=h1:center=p1:cause=dead n2:vni=6:p1=h1:center=p1
            r5
            > adopt n1:vni=5 n2:vni=6:p1=h1:center=p1
            r6
            > show topologies
            topology n1 vni 5 r6
            topology n2 vni 6 p1=h1 (first @0) center p1 (first @0) r5
        "#]],
    );
}

#[test]
fn a_plan_of_another_leader_or_another_state_is_refused() {
    check(
        "
        init lab
        claim c1
        pool p1
        network n1 p1
        adopt based=1 n1:vni=5
        adopt based=3 n1:vni=5
        claim c2
        adopt epoch=1 n1:vni=5
        adopt epoch=3 n1:vni=5
        adopt n1:vni=5
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > network n1 p1
            r2 network n1
            > adopt based=1 n1:vni=5
            refused: planned upon revision 1, and the state is at 2: plan again
            > adopt based=3 n1:vni=5
            refused: planned upon revision 3, and the state is at 2: plan again
            > claim c2
            r2 epoch 2
            > adopt epoch=1 n1:vni=5
            refused: epoch 1 is not the current one, 2: another controller leads
            > adopt epoch=3 n1:vni=5
            refused: epoch 3 is not the current one, 2: another controller leads
            > adopt n1:vni=5
            r3
            > show state
            cluster lab, epoch 2 of c2, revision 3
            pool p1 p1
            network n1 n1 vxlan mtu 1430 single p1:lan r2
            topology n1 vni 5 r3
        "#]],
    );
}

#[test]
fn a_plan_that_breaks_an_invariant_is_refused() {
    check(
        "
        init lab
        claim c1
        pool p1
        pool p2
        host p1/a 10.0.0.1
        host p1/b 10.0.0.2
        host p2/a 10.0.1.1
        network n1 p1
        network n2 p1 p2 vni=9
        remove p1/b
        adopt n9:vni=1
        adopt n1:vni=5:p2=h3:center=p2
        adopt n1:vni=5:p1=h3:center=p1
        adopt n1:vni=5:p1=h2:center=p1
        adopt n1:vni=5:p1=h8:center=p1
        adopt n1:vni=5:p1=h1+h1:center=p1
        adopt n1:vni=5:p1=h1+h2:center=p1
        adopt n1:vni=5:p1=h1>h1:center=p1
        adopt n1:vni=5:p1=h1>h3:center=p1
        adopt n1:vni=5:p1=h1~h3:center=p1
        adopt n1:vni=5:p1=h1:center=p1:next=p1
        adopt n1:vni=5:p1=h1:center=p1:next=p2
        adopt n1:vni=5:p1=h1
        adopt n1:vni=5:center=p1
        adopt n2:vni=5
        adopt n1:vni=9
        adopt n1:vni=5
        adopt n1:vni=6
        show topologies
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > host p1/a 10.0.0.1
            r3 host h1
            > host p1/b 10.0.0.2
            r4 host h2
            > host p2/a 10.0.1.1
            r5 host h3
            > network n1 p1
            r6 network n1
            > network n2 p1 p2 vni=9
            r7 network n2
            > remove p1/b
            r8
            > adopt n9:vni=1
            refused: the plan for network `n9` breaks an invariant: there is no such network
            > adopt n1:vni=5:p2=h3:center=p2
            refused: the plan for network `n1` breaks an invariant: p2 is not one of its pools
            > adopt n1:vni=5:p1=h3:center=p1
            refused: the plan for network `n1` breaks an invariant: h3 is not a host of p1
            > adopt n1:vni=5:p1=h2:center=p1
            refused: the plan for network `n1` breaks an invariant: h2 is not a host of p1
            > adopt n1:vni=5:p1=h8:center=p1
            refused: the plan for network `n1` breaks an invariant: h8 is not a host of p1
            > adopt n1:vni=5:p1=h1+h1:center=p1
            refused: the plan for network `n1` breaks an invariant: h1 is its own standby
            > adopt n1:vni=5:p1=h1+h2:center=p1
            refused: the plan for network `n1` breaks an invariant: h2 is not a host of p1
            > adopt n1:vni=5:p1=h1>h1:center=p1
            refused: the plan for network `n1` breaks an invariant: h1 is to become what it is
            > adopt n1:vni=5:p1=h1>h3:center=p1
            refused: the plan for network `n1` breaks an invariant: h3 is not a host of p1
            > adopt n1:vni=5:p1=h1~h3:center=p1
            refused: the plan for network `n1` breaks an invariant: h3 is drained, and neither center nor standby of p1
            > adopt n1:vni=5:p1=h1:center=p1:next=p1
            refused: the plan for network `n1` breaks an invariant: p1 is to become what it is
            > adopt n1:vni=5:p1=h1:center=p1:next=p2
            refused: the plan for network `n1` breaks an invariant: next pool-center p2 has no star
            > adopt n1:vni=5:p1=h1
            refused: the plan for network `n1` breaks an invariant: there are stars and no pool-center
            > adopt n1:vni=5:center=p1
            refused: the plan for network `n1` breaks an invariant: pool-center p1 has no star
            > adopt n2:vni=5
            refused: the plan for network `n2` breaks an invariant: VNI 5 is not the one asked for
            > adopt n1:vni=9
            refused: the plan for network `n1` breaks an invariant: VNI 9 is in use
            > adopt n1:vni=5
            r9
            > adopt n1:vni=6
            refused: the plan for network `n1` breaks an invariant: a VNI in use is never changed
            > show topologies
            topology n1 vni 5 r9
        "#]],
    );
}

#[test]
fn one_bad_network_refuses_the_whole_plan() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        network n1 p1
        network n2 p1
        adopt n1:vni=5:p1=h1:center=p1 n2:vni=5
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
            > network n2 p1
            r4 network n2
            > adopt n1:vni=5:p1=h1:center=p1 n2:vni=5
            refused: the plan for network `n2` breaks an invariant: VNI 5 is in use
            > show topologies
        "#]],
    );
}

#[test]
fn what_is_gone_stands_in_the_events_with_its_id() {
    check(
        "
        init lab
        claim c1
        pool p1
        pool p2
        host p1/a 10.0.0.1
        host p2/a 10.0.1.1
        network n1 p1 p2
        adopt n1:vni=5:p1=h1:p2=h2:center=p1
        remove p1/a force
        update n1 remove=p1
        remove-pool p1
        show topologies
        adopt n1:vni=5:p2=h2:center=p2:cause=removed
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > host p1/a 10.0.0.1
            r3 host h1
            > host p2/a 10.0.1.1
            r4 host h2
            > network n1 p1 p2
            r5 network n1
            > adopt n1:vni=5:p1=h1:p2=h2:center=p1
            r6
            > remove p1/a force
            r7
            > update n1 remove=p1
            r8
            > remove-pool p1
            r9
            > show topologies
            topology n1 vni 5 p1=h1 (first @0) p2=h2 (first @0) center p1 (first @0) r6
            > adopt n1:vni=5:p2=h2:center=p2:cause=removed
            r10
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool p1 added
            4 @0 pool p2 added
            5 @0 host p1/a added
            6 @0 host p2/a added
            7 @0 network n1 created
            8 @0 network n1 has VNI 5
            9 @0 network n1, pool p1: star-center none -> a (first)
            10 @0 network n1, pool p2: star-center none -> a (first)
            11 @0 network n1: pool-center none -> p1 (first)
            12 @0 host p1/a removed
            13 @0 network n1 updated
            14 @0 pool p1 removed
            15 @0 network n1, pool p1: star-center h1 -> none
            16 @0 network n1: pool-center p1 -> p2 (removed)
        "#]],
    );
}
