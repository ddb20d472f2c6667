//! Pools come and go.

use expect_test::expect;

use crate::check;

#[test]
fn a_pools_id_is_not_given_out_again() {
    check(
        "
        init lab
        pool p1
        pool p2
        remove-pool p1
        pool p1
        show state
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > remove-pool p1
            r3
            > pool p1
            r4 pool p3
            > show state
            cluster lab, epoch 0, revision 4
            pool p2 p2
            pool p3 p1
            > show events
            1 @0 cluster lab initialised
            2 @0 pool p1 added
            3 @0 pool p2 added
            4 @0 pool p1 removed
            5 @0 pool p1 added
        "#]],
    );
}

#[test]
fn a_pool_that_is_used_stays() {
    check(
        "
        init lab
        pool p1
        pool p2
        host p1/a 10.0.0.1
        network n1 p2
        network n2 p2
        remove-pool p1
        remove-pool p2
        delete n1
        delete n2
        remove-pool p2
        remove p1/a force
        remove-pool p1
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > host p1/a 10.0.0.1
            r3 host h1
            > network n1 p2
            r4 network n1
            > network n2 p2
            r5 network n2
            > remove-pool p1
            refused: pool `p1` still has hosts: a; remove them first
            > remove-pool p2
            refused: pool `p2` is part of networks: n1, n2; delete them or remove the pool from them first
            > delete n1
            r6
            > delete n2
            r7
            > remove-pool p2
            r8
            > remove p1/a force
            r9
            > remove-pool p1
            r10
            > show state
            cluster lab, epoch 0, revision 10
        "#]],
    );
}
