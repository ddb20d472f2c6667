//! Networks are created, updated and deleted.

use expect_test::expect;

use crate::check;

#[test]
fn the_mtu_is_the_largest_that_all_carry() {
    check(
        "
        init lab
        pool p1
        pool p2
        pool p3
        host p1/a lan=10.0.0.1 san=10.1.0.1/9000
        host p2/a lan=10.0.1.1/1400 san=10.1.1.1/9000
        host p3/a lan=fd00::1
        network vxlan p1
        network gre p1 encap=gre
        network geneve p1 encap=geneve
        network smallest p1 p2
        network jumbo p1:san p2:san
        network ipv6 p3
        show networks
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > pool p3
            r3 pool p3
            > host p1/a lan=10.0.0.1 san=10.1.0.1/9000
            r4 host h1
            > host p2/a lan=10.0.1.1/1400 san=10.1.1.1/9000
            r5 host h2
            > host p3/a lan=fd00::1
            r6 host h3
            > network vxlan p1
            r7 network n1
            > network gre p1 encap=gre
            r8 network n2
            > network geneve p1 encap=geneve
            r9 network n3
            > network smallest p1 p2
            r10 network n4
            > network jumbo p1:san p2:san
            r11 network n5
            > network ipv6 p3
            r12 network n6
            > show networks
            network n1 vxlan vxlan mtu 1450 single p1:lan r7
            network n2 gre gre mtu 1458 single p1:lan r8
            network n3 geneve geneve mtu 1450 single p1:lan r9
            network n4 smallest vxlan mtu 1350 single p1:lan p2:lan r10
            network n5 jumbo vxlan mtu 1500 single p1:san p2:san r11
            network n6 ipv6 vxlan mtu 1430 single p3:lan r12
        "#]],
    );
}

#[test]
fn ordinary_hosts_can_join_a_network_that_was_made_before_them() {
    check(
        "
        init lab
        pool p1
        network vxlan p1
        network gre p1 encap=gre
        host p1/a fd00::1
        host p1/b fd00::2
        show networks
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > network vxlan p1
            r2 network n1
            > network gre p1 encap=gre
            r3 network n2
            > host p1/a fd00::1
            r4 host h1
            > host p1/b fd00::2
            r5 host h2
            > show networks
            network n1 vxlan vxlan mtu 1430 single p1:lan r2
            network n2 gre gre mtu 1438 single p1:lan r3
        "#]],
    );
}

#[test]
fn the_mtu_asked_for_is_taken_or_refused() {
    check(
        "
        init lab
        pool p1
        host p1/a 10.0.0.1
        network n1 p1 mtu=1451
        network n1 p1 mtu=1450
        network n2 p1 mtu=1459 encap=gre
        network n2 p1 mtu=1458 encap=gre
        network n3 p1 mtu=575
        network n3 p1 mtu=576
        update n1 mtu=1451
        update n1 mtu=0
        update n1 mtu=1000
        show networks
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1
            r2 host h1
            > network n1 p1 mtu=1451
            refused: mtu: the 1451 of network `n1` are more than transport `lan` of host `p1/a` carries: its MTU of 1500 less 50 bytes of vxlan leaves 1450
            > network n1 p1 mtu=1450
            r3 network n1
            > network n2 p1 mtu=1459 encap=gre
            refused: mtu: the 1459 of network `n2` are more than transport `lan` of host `p1/a` carries: its MTU of 1500 less 42 bytes of gre leaves 1458
            > network n2 p1 mtu=1458 encap=gre
            r4 network n2
            > network n3 p1 mtu=575
            refused: mtu: 575 is too small; expected 576 bytes at least
            > network n3 p1 mtu=576
            r5 network n3
            > update n1 mtu=1451
            refused: mtu: the 1451 of network `n1` are more than transport `lan` of host `p1/a` carries: its MTU of 1500 less 50 bytes of vxlan leaves 1450
            > update n1 mtu=0
            refused: mtu: 0 is too small; expected 576 bytes at least
            > update n1 mtu=1000
            r6
            > show networks
            network n1 n1 vxlan mtu 1000 single p1:lan r6
            network n2 n2 gre mtu 1458 single p1:lan r4
            network n3 n3 vxlan mtu 576 single p1:lan r5
        "#]],
    );
}

#[test]
fn a_vni_belongs_to_one_network_whether_asked_for_or_allocated() {
    check(
        "
        init lab
        claim c1
        pool p1
        network asked p1 vni=7
        network late p1
        network too p1 vni=7
        adopt n1:vni=7 n2:vni=7
        adopt n2:vni=7
        adopt n2:vni=8
        network too p1 vni=8
        delete late
        network too p1 vni=8
        adopt n1:vni=9
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > network asked p1 vni=7
            r2 network n1
            > network late p1
            r3 network n2
            > network too p1 vni=7
            refused: vni: 7 is taken by network `asked`; choose another, or leave it out to have one allocated
            > adopt n1:vni=7 n2:vni=7
            refused: the plan for network `late` breaks an invariant: VNI 7 is in use
            > adopt n2:vni=7
            refused: the plan for network `late` breaks an invariant: VNI 7 is in use
            > adopt n2:vni=8
            r4
            > network too p1 vni=8
            refused: vni: 8 is taken by network `late`; choose another, or leave it out to have one allocated
            > delete late
            r5
            > network too p1 vni=8
            r6 network n3
            > adopt n1:vni=9
            refused: the plan for network `asked` breaks an invariant: VNI 9 is not the one asked for
            > show state
            cluster lab, epoch 1 of c1, revision 6
            pool p1 p1
            network n1 asked vxlan mtu 1430 vni 7 single p1:lan r2
            network n3 too vxlan mtu 1430 vni 8 single p1:lan r6
        "#]],
    );
}

#[test]
fn pools_are_set_and_removed_in_one_change() {
    check(
        "
        init lab
        pool p1
        pool p2
        pool p3
        host p1/a 10.0.0.1
        host p2/a lan=10.0.1.1 san=10.1.1.1
        network n1 p1 p2 prefer=p1
        update n1 remove=p1 set=p3
        show networks
        update n1 set=p2:san:a
        show networks
        update n1 remove=p3 set=p3
        update n1 remove=p3 remove=p3
        update n1 remove=p3
        update n1 remove=p2
        update n1 remove=p2 set=p1 prefer=p1
        show networks
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > pool p3
            r3 pool p3
            > host p1/a 10.0.0.1
            r4 host h1
            > host p2/a lan=10.0.1.1 san=10.1.1.1
            r5 host h2
            > network n1 p1 p2 prefer=p1
            r6 network n1
            > update n1 remove=p1 set=p3
            r7
            > show networks
            network n1 n1 vxlan mtu 1450 single p2:lan p3:lan r7
            > update n1 set=p2:san:a
            r8
            > show networks
            network n1 n1 vxlan mtu 1450 single p2:san:h2 p3:lan r8
            > update n1 remove=p3 set=p3
            refused: pools: `p3` is to be both set and removed; name it once
            > update n1 remove=p3 remove=p3
            r9
            > update n1 remove=p3
            refused: pool `p3` is not part of network `n1`; its pools: p2
            > update n1 remove=p2
            refused: pools: a network needs at least one pool
            > update n1 remove=p2 set=p1 prefer=p1
            r10
            > show networks
            network n1 n1 vxlan mtu 1450 single *p1:lan r10
            > show events
            1 @0 cluster lab initialised
            2 @0 pool p1 added
            3 @0 pool p2 added
            4 @0 pool p3 added
            5 @0 host p1/a added
            6 @0 host p2/a added
            7 @0 network n1 created
            8 @0 network n1 updated
            9 @0 network n1 updated
            10 @0 network n1 updated
            11 @0 network n1 updated
        "#]],
    );
}

#[test]
fn preferences_name_what_is_in_the_network() {
    check(
        "
        init lab
        pool p1
        pool p2
        host p1/a 10.0.0.1
        host p2/b 10.0.1.1
        network n1 p1 prefer=p2
        network n1 p1:lan:b
        network n1 p1:lan:a prefer=p1
        update n1 prefer=p2
        update n1 host=p2:b
        update n1 host=p1:b
        update n1 set=p2:lan:b host=p2:- prefer=p2
        update n1 prefer=- host=p1:-
        show networks
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
            > host p2/b 10.0.1.1
            r4 host h2
            > network n1 p1 prefer=p2
            refused: pool `p2` is not part of network `n1`; its pools: p1
            > network n1 p1:lan:b
            refused: host: there is no host `p1/b`; hosts of that pool: a
            > network n1 p1:lan:a prefer=p1
            r5 network n1
            > update n1 prefer=p2
            refused: pool `p2` is not part of network `n1`; its pools: p1
            > update n1 host=p2:b
            refused: pool `p2` is not part of network `n1`; its pools: p1
            > update n1 host=p1:b
            refused: host: there is no host `p1/b`; hosts of that pool: a
            > update n1 set=p2:lan:b host=p2:- prefer=p2
            r6
            > update n1 prefer=- host=p1:-
            r7
            > show networks
            network n1 n1 vxlan mtu 1450 single p1:lan p2:lan r7
        "#]],
    );
}

#[test]
fn a_leaving_host_is_not_preferred() {
    check(
        "
        init lab
        pool p1
        host p1/a 10.0.0.1
        remove p1/a
        network n1 p1:lan:a
        network n1 p1
        update n1 host=p1:a
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1
            r2 host h1
            > remove p1/a
            r3
            > network n1 p1:lan:a
            refused: host `p1/a` is leaving; it can be added again once it is gone
            > network n1 p1
            r4 network n1
            > update n1 host=p1:a
            refused: host `p1/a` is leaving; it can be added again once it is gone
        "#]],
    );
}

#[test]
fn a_change_that_changes_nothing_leaves_the_revision() {
    check(
        "
        init lab
        pool p1
        network n1 p1
        update n1
        update n1 set=p1 mtu=1430 resilience=single prefer=-
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > network n1 p1
            r2 network n1
            > update n1
            r2
            > update n1 set=p1 mtu=1430 resilience=single prefer=-
            r2
        "#]],
    );
}

#[test]
fn two_hosts_never_carry_a_network_from_one_address() {
    check(
        "
        init lab
        pool p1
        pool p2
        host p1/a lan=10.0.0.1 san=10.1.0.1
        host p2/a san=10.0.0.1 lan=10.1.1.1 ovsdb=tcp:10.9.9.9
        network n1 p1:lan p2:san
        network n1 p1:lan p2:lan
        update n1 set=p2:san
        update n1 set=p1:san set=p2:san
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > host p1/a lan=10.0.0.1 san=10.1.0.1
            r3 host h1
            > host p2/a san=10.0.0.1 lan=10.1.1.1 ovsdb=tcp:10.9.9.9
            r4 host h2
            > network n1 p1:lan p2:san
            refused: transport: hosts p1/a, p2/a would carry network `n1` from one address, 10.0.0.1; each needs its own
            > network n1 p1:lan p2:lan
            r5 network n1
            > update n1 set=p2:san
            refused: transport: hosts p1/a, p2/a would carry network `n1` from one address, 10.0.0.1; each needs its own
            > update n1 set=p1:san set=p2:san
            r6
        "#]],
    );
}

#[test]
fn a_deleted_network_takes_its_topology_along() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        network n1 p1
        adopt n1:vni=5:p1=h1:center=p1
        delete n1
        delete n1
        network n1 p1
        show state
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
            > delete n1
            r5
            > delete n1
            refused: network: there is no network `n1`; there are no networks
            > network n1 p1
            r6 network n2
            > show state
            cluster lab, epoch 1 of c1, revision 6
            pool p1 p1
            host h1 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r2
            network n2 n1 vxlan mtu 1450 single p1:lan r6
        "#]],
    );
}
