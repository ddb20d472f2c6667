//! What a pool's XAPI lists becomes the pool's hosts, whatever it says.

use expect_test::expect;

use crate::check;

const POOL: &str = "
    init lab
    claim c1
    xapi-pool x1
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2";

fn check_pool(more: &str, expected: expect_test::Expect) {
    check(&format!("{POOL}\n{more}"), expected);
}

#[test]
fn hosts_come_change_and_are_unlisted_as_the_pool_says() {
    check_pool(
        "
        inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
        inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.9,disabled b#2@10.0.0.2,xenbr1=10.1.0.2,dead c#3@10.0.0.3
        inventory x1 b#2@10.0.0.2,xenbr1=10.1.0.2
        show state
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.9,disabled b#2@10.0.0.2,xenbr1=10.1.0.2,dead c#3@10.0.0.3
            r3
            > inventory x1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r4
            > show state
            cluster lab, epoch 1 of c1, revision 4
            pool p1 x1 lists 1 hosts, trusts []
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.9/1500 xapi 1 unlisted disabled r4
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r4
            host h3 x1/c Enabled system ssl:10.0.0.3:6640 xapi 3 unlisted r4
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool x1 added
            4 @0 host x1/a added
            5 @0 host x1/b added
            6 @0 host x1/a is disabled in its pool
            7 @0 host x1/a has other addresses or transports
            8 @0 host x1/b is not live, as its pool says
            9 @0 host x1/c added
            10 @0 host x1/a is no longer listed by its pool
            11 @0 host x1/c is no longer listed by its pool
            12 @0 host x1/b is live, as its pool says
        "#]],
    );
}

#[test]
fn an_inventory_of_another_pool_or_of_a_deposed_leader_is_refused() {
    check_pool(
        "
        pool p1
        inventory x1 uuid=5 c#3@10.0.0.3
        inventory x1 epoch=0 c#3@10.0.0.3
        inventory p1 c#3@10.0.0.3
        inventory gone c#3@10.0.0.3
        show hosts
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > pool p1
            r3 pool p2
            > inventory x1 uuid=5 c#3@10.0.0.3
            refused: pool `x1`: an inventory of another pool, 00000000-0000-0000-0000-000000000005, is not taken for its own
            > inventory x1 epoch=0 c#3@10.0.0.3
            refused: epoch 0 is not the current one, 1: another controller leads
            > inventory p1 c#3@10.0.0.3
            refused: pool: `p1` is a static one, without a XAPI
            > inventory gone c#3@10.0.0.3
            r3
            > show hosts
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r2
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
        "#]],
    );
}

#[test]
fn what_cannot_be_taken_over_is_left_out_and_said() {
    check_pool(
        "
        pool p1
        host p1/z 10.9.0.1 ovsdb=ssl:10.0.0.3
        xapi-pool x2
        inventory x2 a#4@10.0.0.3 b#5@10.0.0.5,xenbr1=10.1.0.1 b#6@10.0.0.6,xenbr1=127.0.0.1 b#7@10.0.0.7
        show state
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > pool p1
            r3 pool p2
            > host p1/z 10.9.0.1 ovsdb=ssl:10.0.0.3
            r4 host h3
            > xapi-pool x2
            r5 pool p3
            > inventory x2 a#4@10.0.0.3 b#5@10.0.0.5,xenbr1=10.1.0.1 b#6@10.0.0.6,xenbr1=127.0.0.1 b#7@10.0.0.7
            r6
            > show state
            cluster lab, epoch 1 of c1, revision 6
            pool p1 x1 lists 2 hosts, trusts []
            pool p2 p1
            pool p3 x2 lists 4 hosts, trusts []
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r2
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
            host h3 p1/z Enabled system ssl:10.0.0.3:6640 lan=10.9.0.1/1500 r4
            host h4 x2/b Enabled system ssl:10.0.0.5:6640 xapi 5 r6
            host h5 x2/b-2 Enabled system ssl:10.0.0.6:6640 xapi 6 r6
            host h6 x2/b-3 Enabled system ssl:10.0.0.7:6640 xapi 7 r6
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool x1 added
            4 @0 host x1/a added
            5 @0 host x1/b added
            6 @0 pool p1 added
            7 @0 host p1/z added
            8 @0 pool x2 added
            9 @0 host x2/a is left out: ssl:10.0.0.3:6640 is the endpoint of host p1/z
            10 @0 host x2/b added
            11 @0 host x2/b is left out: transport xenbr1: 10.1.0.1 is the address of host x1/a
            12 @0 host x2/b-2 added
            13 @0 host x2/b-2 is left out: transport xenbr1: 127.0.0.1 can't carry tunnels
            14 @0 host x2/b-3 added
        "#]],
    );
}

#[test]
fn a_pool_tells_the_certificates_of_its_hosts() {
    check(
        "
        init lab
        claim c1
        xapi-pool x1 pin=aa
        inventory x1 a#1@10.0.0.1,cert=aa b#2@10.0.0.2
        show state
        inventory x1 a#1@10.0.0.1,cert=ab b#2@10.0.0.2,cert=bb
        show state
        access x1 pin=cc
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1 pin=aa
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,cert=aa b#2@10.0.0.2
            r2
            > show state
            cluster lab, epoch 1 of c1, revision 2
            pool p1 x1 lists 2 hosts, trusts [AA]
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xapi 1 r2
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xapi 2 r2
            > inventory x1 a#1@10.0.0.1,cert=ab b#2@10.0.0.2,cert=bb
            r3
            > show state
            cluster lab, epoch 1 of c1, revision 3
            pool p1 x1 lists 2 hosts, trusts [AB+BB]
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xapi 1 r3
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xapi 2 r3
            > access x1 pin=cc
            r4
            > show state
            cluster lab, epoch 1 of c1, revision 4
            pool p1 x1 lists 2 hosts, trusts [CC]
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xapi 1 r3
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xapi 2 r3
        "#]],
    );
}

#[test]
fn operators_leave_the_list_to_the_pool() {
    check_pool(
        "
        host x1/c 10.0.0.3
        remove x1/a
        disable x1/a
        xapi-pool x2 uuid=49
        access x2
        pool p1
        access p1
        show hosts
        inventory x1 b#2@10.0.0.2,xenbr1=10.1.0.2
        remove x1/a force
        show hosts
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > host x1/c 10.0.0.3
            refused: pool `x1`: its XAPI lists its hosts; add the host to the pool there, and it appears here
            > remove x1/a
            refused: host `x1/a` is listed by its pool's XAPI; eject it from the pool there, or drain it with `asterctl host drain x1/a`
            > disable x1/a
            r3
            > xapi-pool x2 uuid=49
            refused: pool: `x1` is the same pool, 00000000-0000-0000-0000-000000000031; a pool is added once
            > access x2
            refused: pool: there is no pool `x2`; pools: x1
            > pool p1
            r4 pool p2
            > access p1
            refused: pool: `p1` is a static one, without a XAPI
            > show hosts
            host h1 x1/a Disabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r3
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
            > inventory x1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r5
            > remove x1/a force
            r6
            > show hosts
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
        "#]],
    );
}

#[test]
fn an_unlisted_host_is_forgotten_by_the_leader_and_preferred_no_longer() {
    check_pool(
        "
        network n x1:xenbr1:a
        forget h1
        inventory x1 b#2@10.0.0.2,xenbr1=10.1.0.2
        forget h1
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > network n x1:xenbr1:a
            r3 network n1
            > forget h1
            r3
            > inventory x1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r4
            > forget h1
            r5
            > show state
            cluster lab, epoch 1 of c1, revision 5
            pool p1 x1 lists 1 hosts, trusts []
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
            network n1 n vxlan mtu 1450 single p1:xenbr1 r5
        "#]],
    );
}

#[test]
fn a_network_fits_what_the_pool_has() {
    check_pool(
        "
        network n x1:xenbr7
        network n x1:xenbr1 encap=geneve
        network n x1:xenbr1
        inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2/1300 c#3@10.0.0.3
        adopt n1:vni=7:p1=h3:center=p1
        adopt n1:vni=7:p1=h2+h1:center=p1
        move n x1/c
        inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1,disabled b#2@10.0.0.2,xenbr1=10.1.0.2/1300 c#3@10.0.0.3
        move n x1/a
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > network n x1:xenbr7
            refused: transport: no host of pool `x1` has an address on `xenbr7`; other transports: xenbr1
            > network n x1:xenbr1 encap=geneve
            refused: encapsulation: pool `x1` is behind a XAPI, which has no tunnels of geneve; expected vxlan or gre
            > network n x1:xenbr1
            r3 network n1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2/1300 c#3@10.0.0.3
            r4
            > adopt n1:vni=7:p1=h3:center=p1
            refused: the plan for network `n` breaks an invariant: h3 is not a host of p1
            > adopt n1:vni=7:p1=h2+h1:center=p1
            r5
            > move n x1/c
            refused: transport: network `n` needs transport `xenbr1`, which host `x1/c` does not have; there are no other transports
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1,disabled b#2@10.0.0.2,xenbr1=10.1.0.2/1300 c#3@10.0.0.3
            r6
            > move n x1/a
            refused: host `x1/a` is disabled in its pool, or not listed there, and so no center
            > show state
            cluster lab, epoch 1 of c1, revision 6
            pool p1 x1 lists 3 hosts, trusts []
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 disabled r6
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1300 xapi 2 r4
            host h3 x1/c Enabled system ssl:10.0.0.3:6640 xapi 3 r4
            network n1 n vxlan mtu 1450 single p1:xenbr1 r3
            topology n1 vni 7 p1=h2 (first @0)+h1 center p1 (first @0) r5
        "#]],
    );
}

#[test]
fn a_pool_leaves_with_its_hosts() {
    check_pool(
        "
        network n x1:xenbr1
        remove-pool x1
        delete n
        remove-pool x1
        network n x1:xenbr1
        inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3
        show state
        forget h1
        forget h2
        show state
        xapi-pool x1
        inventory x1 a#1@10.0.0.1
        remove-pool x1 force
        show state
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > network n x1:xenbr1
            r3 network n1
            > remove-pool x1
            refused: pool `x1` is part of networks: n; delete them or remove the pool from them first
            > delete n
            r4
            > remove-pool x1
            r5
            > network n x1:xenbr1
            refused: pool: `x1` is leaving; it can be added again once it is gone
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2 c#3@10.0.0.3
            r5
            > show state
            cluster lab, epoch 1 of c1, revision 5
            pool p1 x1 lists 2 hosts, trusts [], leaving
            host h1 x1/a Leaving system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r5
            host h2 x1/b Leaving system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r5
            > forget h1
            r6
            > forget h2
            r8
            > show state
            cluster lab, epoch 1 of c1, revision 8
            > xapi-pool x1
            r9 pool p2
            > inventory x1 a#1@10.0.0.1
            r10
            > remove-pool x1 force
            r13
            > show state
            cluster lab, epoch 1 of c1, revision 13
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool x1 added
            4 @0 host x1/a added
            5 @0 host x1/b added
            6 @0 network n created
            7 @0 network n deleted
            8 @0 pool x1 leaving
            9 @0 host x1/a removed
            10 @0 host x1/b removed
            11 @0 pool x1 removed
            12 @0 pool x1 added
            13 @0 host x1/a added
            14 @0 pool x1 leaving
            15 @0 host x1/a removed
            16 @0 pool x1 removed
        "#]],
    );
}

#[test]
fn a_transport_in_use_keeps_its_last_address_until_it_has_another() {
    check_pool(
        "
        network n x1:xenbr1
        inventory x1 a#1@10.0.0.1 b#2@10.0.0.2
        show hosts
        inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.9 b#2@10.0.0.2
        show hosts
        delete n
        inventory x1 a#1@10.0.0.1 b#2@10.0.0.2
        show hosts
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r2
            > network n x1:xenbr1
            r3 network n1
            > inventory x1 a#1@10.0.0.1 b#2@10.0.0.2
            r4
            > show hosts
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r2
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.9 b#2@10.0.0.2
            r5
            > show hosts
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.9/1500 xapi 1 r5
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r2
            > delete n
            r6
            > inventory x1 a#1@10.0.0.1 b#2@10.0.0.2
            r7
            > show hosts
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xapi 1 r7
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xapi 2 r7
        "#]],
    );
}
