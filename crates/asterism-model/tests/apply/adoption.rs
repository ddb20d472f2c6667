//! Networks of Xen Orchestra's plugin are taken over whole, with the choices that they have, and handed back.

use expect_test::expect;

use crate::check;

const POOLS: &str = "
    init lab
    claim c1
    xapi-pool x1
    xapi-pool x2
    inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
    inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3 b#4@10.0.0.4,xenbr1=10.1.0.4";

fn check_pools(more: &str, expected: expect_test::Expect) {
    check(&format!("{POOLS}\n{more}"), expected);
}

#[test]
fn a_network_comes_with_its_centers_and_goes_when_it_is_forgotten() {
    check_pools(
        "
        take blue plugin=240 vni=77 one-star center=x1 x1:10:xapi0:xenbr1:b x2:11:xapi3:xenbr1:a
        show state
        release blue
        release blue
        update blue mtu=1300
        move blue x1/a
        delete blue
        forget-network n1 epoch=9
        forget-network n1
        forget-network n1
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
            > xapi-pool x2
            r2 pool p2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r3
            > inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3 b#4@10.0.0.4,xenbr1=10.1.0.4
            r4
            > take blue plugin=240 vni=77 one-star center=x1 x1:10:xapi0:xenbr1:b x2:11:xapi3:xenbr1:a
            r5
            > show state
            cluster lab, epoch 1 of c1, revision 5
            pool p1 x1 lists 2 hosts, trusts []
            pool p2 x2 lists 2 hosts, trusts []
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r3
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r3
            host h3 x2/a Enabled system ssl:10.0.0.3:6640 xenbr1=10.1.0.3/1500 xapi 3 r4
            host h4 x2/b Enabled system ssl:10.0.0.4:6640 xenbr1=10.1.0.4/1500 xapi 4 r4
            network n1 blue vxlan mtu 1400 vni 77 single p1:xenbr1=xapi0/10 p2:xenbr1=xapi3/11 one star adopted 240 r5
            topology n1 vni 77 p1=h2 (first @0) p2=h3 (first @0) center p1 (first @0) r5
            > release blue
            r6
            > release blue
            r6
            > update blue mtu=1300
            refused: network `blue` is being released; it can't be changed any more
            > move blue x1/a
            refused: network `blue` is being released; it can't be changed any more
            > delete blue
            refused: network `blue` is being released; it can't be changed any more
            > forget-network n1 epoch=9
            refused: epoch 9 is not the current one, 1: another controller leads
            > forget-network n1
            r7
            > forget-network n1
            r7
            > show state
            cluster lab, epoch 1 of c1, revision 7
            pool p1 x1 lists 2 hosts, trusts []
            pool p2 x2 lists 2 hosts, trusts []
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r3
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r3
            host h3 x2/a Enabled system ssl:10.0.0.3:6640 xenbr1=10.1.0.3/1500 xapi 3 r4
            host h4 x2/b Enabled system ssl:10.0.0.4:6640 xenbr1=10.1.0.4/1500 xapi 4 r4
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool x1 added
            4 @0 pool x2 added
            5 @0 host x1/a added
            6 @0 host x1/b added
            7 @0 host x2/a added
            8 @0 host x2/b added
            9 @0 network blue created
            10 @0 network blue adopted
            11 @0 network blue has VNI 77
            12 @0 network blue, pool x1: star-center none -> b (first)
            13 @0 network blue, pool x2: star-center none -> a (first)
            14 @0 network blue: pool-center none -> x1 (first)
            15 @0 network blue is being released
            16 @0 network blue released
        "#]],
    );
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_taken() {
    check_pools(
        "
        take blue vni=77 x1:10:xapi0:xenbr1:b
        pool p1
        take red vni=8 p1:12:xapi0:xenbr1:b
        take red vni=8 x1:10:xapi1:xenbr1:b
        take red vni=8 x1:12:xapi0:xenbr1:b
        take red vni=77 x1:12:xapi1:xenbr1:b
        take blue vni=8 x1:12:xapi1:xenbr1:b
        take red vni=8 x1:12:xapi1:xenbr1:z
        take red vni=8 x1:12:xapi1:xenbr9:b
        take red vni=8 x1:12:xapi/1:xenbr1:b
        take red vni=8 center=x2 x1:12:xapi1:xenbr1:b
        take red vni=8 mtu=1500 x1:12:xapi1:xenbr1:b
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > xapi-pool x2
            r2 pool p2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r3
            > inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3 b#4@10.0.0.4,xenbr1=10.1.0.4
            r4
            > take blue vni=77 x1:10:xapi0:xenbr1:b
            r5
            > pool p1
            r6 pool p3
            > take red vni=8 p1:12:xapi0:xenbr1:b
            refused: pool: `p1` is a static one, without a XAPI
            > take red vni=8 x1:10:xapi1:xenbr1:b
            refused: pool `x1`: its network 00000000-0000-0000-0000-00000000000a carries network `blue` already; each is adopted once
            > take red vni=8 x1:12:xapi0:xenbr1:b
            refused: pool `x1`: its network 00000000-0000-0000-0000-00000000000c carries network `blue` already; each is adopted once
            > take red vni=77 x1:12:xapi1:xenbr1:b
            refused: vni: 77 is taken by network `blue`; choose another, or leave it out to have one allocated
            > take blue vni=8 x1:12:xapi1:xenbr1:b
            refused: network: the name `blue` is taken; choose another
            > take red vni=8 x1:12:xapi1:xenbr1:z
            refused: host: there is no host `x1/z`; hosts of that pool: a, b
            > take red vni=8 x1:12:xapi1:xenbr9:b
            refused: transport: no host of pool `x1` has an address on `xenbr9`; other transports: xenbr1
            > take red vni=8 x1:12:xapi/1:xenbr1:b
            refused: pool `x1`: `xapi/1` is no bridge of a pool's network; expected 1 to 15 letters and digits
            > take red vni=8 center=x2 x1:12:xapi1:xenbr1:b
            refused: pool-center: `x2` is not one of the pools of network `red`; its pools: x1
            > take red vni=8 mtu=1500 x1:12:xapi1:xenbr1:b
            refused: mtu: the 1500 of network `red` are more than transport `xenbr1` of host `x1/a` carries: its MTU of 1500 less 50 bytes of vxlan leaves 1450
        "#]],
    );
}

#[test]
fn only_what_was_adopted_and_is_at_rest_is_released() {
    check_pools(
        "
        network green x1:xenbr1
        release green
        take blue vni=77 x1:10:xapi0:xenbr1:b
        update blue set=x2:xenbr1
        release blue
        update blue remove=x2
        update blue resilience=dual
        release blue
        update blue resilience=single
        adopt n2:vni=77:p1=h2+h1:center=p1
        release blue
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > xapi-pool x2
            r2 pool p2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r3
            > inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3 b#4@10.0.0.4,xenbr1=10.1.0.4
            r4
            > network green x1:xenbr1
            r5 network n1
            > release green
            refused: network `green` was not adopted from Xen Orchestra, and there is nobody to release it to; see `asterctl network delete`
            > take blue vni=77 x1:10:xapi0:xenbr1:b
            r6
            > update blue set=x2:xenbr1
            r7
            > release blue
            refused: network `blue` was given pools since it was adopted: x2; remove them with `asterctl network update` first
            > update blue remove=x2
            r8
            > update blue resilience=dual
            r9
            > release blue
            refused: resilience: network `blue` has two uplinks on its hosts, and Xen Orchestra knows one; run `asterctl network update blue --resilience single` first
            > update blue resilience=single
            r10
            > adopt n2:vni=77:p1=h2+h1:center=p1
            r11
            > release blue
            refused: network `blue` still has standbys, or a center on the move; release it when `asterctl topology blue` shows none
        "#]],
    );
}

#[test]
fn an_attachment_that_is_replaced_keeps_the_pools_own_network() {
    check_pools(
        "
        take blue vni=77 one-star x1:10:xapi0:xenbr1:b x2:11:xapi3:xenbr1:a
        update blue set=x1:xenbr1:a
        update blue prefer=x2
        move-pool blue x2
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > xapi-pool x1
            r1 pool p1
            > xapi-pool x2
            r2 pool p2
            > inventory x1 a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
            r3
            > inventory x2 a#3@10.0.0.3,xenbr1=10.1.0.3 b#4@10.0.0.4,xenbr1=10.1.0.4
            r4
            > take blue vni=77 one-star x1:10:xapi0:xenbr1:b x2:11:xapi3:xenbr1:a
            r5
            > update blue set=x1:xenbr1:a
            r6
            > update blue prefer=x2
            refused: network `blue` is one star over the hosts of all of its pools; its pool-center moves only when its star has no host left
            > move-pool blue x2
            refused: network `blue` is one star over the hosts of all of its pools; its pool-center moves only when its star has no host left
            > show state
            cluster lab, epoch 1 of c1, revision 6
            pool p1 x1 lists 2 hosts, trusts []
            pool p2 x2 lists 2 hosts, trusts []
            host h1 x1/a Enabled system ssl:10.0.0.1:6640 xenbr1=10.1.0.1/1500 xapi 1 r3
            host h2 x1/b Enabled system ssl:10.0.0.2:6640 xenbr1=10.1.0.2/1500 xapi 2 r3
            host h3 x2/a Enabled system ssl:10.0.0.3:6640 xenbr1=10.1.0.3/1500 xapi 3 r4
            host h4 x2/b Enabled system ssl:10.0.0.4:6640 xenbr1=10.1.0.4/1500 xapi 4 r4
            network n1 blue vxlan mtu 1400 vni 77 single p1:xenbr1:h1=xapi0/10 p2:xenbr1=xapi3/11 one star adopted 240 r6
            topology n1 vni 77 p1=h2 (first @0) p2=h3 (first @0) center p1 (first @0) r5
        "#]],
    );
}
