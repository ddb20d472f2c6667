//! Hosts join, are enabled and disabled, leave, and are forgotten.

use expect_test::expect;

use crate::check;

#[test]
fn a_host_leaves_in_two_steps_and_its_id_is_not_given_out_again() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        host p1/b 10.0.0.2
        remove p1/a
        remove p1/a
        show hosts
        enable p1/a
        disable p1/a
        host p1/a 10.0.0.3
        forget h1
        forget h1
        host p1/a 10.0.0.1
        show hosts
        show events
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
            > host p1/b 10.0.0.2
            r3 host h2
            > remove p1/a
            r4
            > remove p1/a
            r4
            > show hosts
            host h1 p1/a Leaving system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r4
            host h2 p1/b Enabled system tcp:10.0.0.2:6640 lan=10.0.0.2/1500 r3
            > enable p1/a
            refused: host `p1/a` is leaving; it can be added again once it is gone
            > disable p1/a
            refused: host `p1/a` is leaving; it can be added again once it is gone
            > host p1/a 10.0.0.3
            refused: host `p1/a` is leaving; it can be added again once it is gone
            > forget h1
            r5
            > forget h1
            r5
            > host p1/a 10.0.0.1
            r6 host h3
            > show hosts
            host h2 p1/b Enabled system tcp:10.0.0.2:6640 lan=10.0.0.2/1500 r3
            host h3 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r6
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool p1 added
            4 @0 host p1/a added
            5 @0 host p1/b added
            6 @0 host p1/a leaving
            7 @0 host p1/a removed
            8 @0 host p1/a added
        "#]],
    );
}

#[test]
fn a_host_that_is_not_leaving_is_not_forgotten_on_an_old_picture() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        forget h1
        forget h9
        claim c2
        forget h1 epoch=1
        show hosts
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
            > forget h1
            r2
            > forget h9
            r2
            > claim c2
            r2 epoch 2
            > forget h1 epoch=1
            refused: epoch 1 is not the current one, 2: another controller leads
            > show hosts
            host h1 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r2
        "#]],
    );
}

#[test]
fn force_forgets_a_host_at_once_and_also_one_that_is_leaving() {
    check(
        "
        init lab
        pool p1
        host p1/a 10.0.0.1
        host p1/b 10.0.0.2
        remove p1/a force
        remove p1/b
        remove p1/b force
        show hosts
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1
            r2 host h1
            > host p1/b 10.0.0.2
            r3 host h2
            > remove p1/a force
            r4
            > remove p1/b
            r5
            > remove p1/b force
            r6
            > show hosts
        "#]],
    );
}

#[test]
fn standing_changes_once() {
    check(
        "
        init lab
        pool p1
        host p1/a 10.0.0.1
        enable p1/a
        disable p1/a
        disable p1/a
        enable p1/a
        show hosts
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1
            r2 host h1
            > enable p1/a
            r2
            > disable p1/a
            r3
            > disable p1/a
            r3
            > enable p1/a
            r4
            > show hosts
            host h1 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r4
            > show events
            1 @0 cluster lab initialised
            2 @0 pool p1 added
            3 @0 host p1/a added
            4 @0 host p1/a disabled
            5 @0 host p1/a enabled
        "#]],
    );
}

#[test]
fn a_preferred_host_is_not_removed_even_by_force() {
    check(
        "
        init lab
        pool p1
        host p1/a 10.0.0.1
        network n1 p1:lan:a
        remove p1/a
        remove p1/a force
        disable p1/a
        update n1 host=p1:-
        remove p1/a force
        show state
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1
            r2 host h1
            > network n1 p1:lan:a
            r3 network n1
            > remove p1/a
            refused: host `p1/a` is the preferred center of networks: n1; change that first
            > remove p1/a force
            refused: host `p1/a` is the preferred center of networks: n1; change that first
            > disable p1/a
            r4
            > update n1 host=p1:-
            r5
            > remove p1/a force
            r6
            > show state
            cluster lab, epoch 0, revision 6
            pool p1 p1
            network n1 n1 vxlan mtu 1450 single p1:lan r5
        "#]],
    );
}

#[test]
fn a_host_is_in_one_pool_only_however_its_endpoint_is_written() {
    check(
        "
        init lab
        pool p1
        pool p2
        host p1/a 10.0.0.1
        host p2/a 10.0.0.2 ovsdb=ssl:10.0.0.1
        host p2/a 10.0.0.2 ovsdb=tcp:[::ffff:10.0.0.1]
        host p2/a 10.0.0.1 ovsdb=tcp:10.0.0.2
        host p2/a 10.0.0.1 ovsdb=tcp:10.0.0.2 datapath=netdev
        host p2/a san=10.0.0.1 ovsdb=unix:/run/ovs/db.sock datapath=netdev
        show hosts
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
            > host p2/a 10.0.0.2 ovsdb=ssl:10.0.0.1
            refused: ovsdb: ssl:10.0.0.1:6640 is the endpoint of host `p1/a` already; a host is in one pool only
            > host p2/a 10.0.0.2 ovsdb=tcp:[::ffff:10.0.0.1]
            refused: ovsdb: tcp:[::ffff:10.0.0.1]:6640 is the endpoint of host `p1/a` already; a host is in one pool only
            > host p2/a 10.0.0.1 ovsdb=tcp:10.0.0.2
            refused: transport `lan`: the address 10.0.0.1 is that of host `p1/a` already
            > host p2/a 10.0.0.1 ovsdb=tcp:10.0.0.2 datapath=netdev
            refused: transport `lan`: the address 10.0.0.1 is that of host `p1/a` already
            > host p2/a san=10.0.0.1 ovsdb=unix:/run/ovs/db.sock datapath=netdev
            r4 host h2
            > show hosts
            host h1 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r3
            host h2 p2/a Enabled netdev unix:/run/ovs/db.sock san=10.0.0.1/1500 r4
        "#]],
    );
}

#[test]
fn an_address_that_cannot_carry_tunnels_is_refused() {
    check(
        "
        init lab
        pool p1
        host p1/a 0.0.0.0 ovsdb=tcp:10.0.0.1
        host p1/a 127.0.0.1
        host p1/a 224.0.0.1 ovsdb=tcp:10.0.0.1
        host p1/a 255.255.255.255 ovsdb=tcp:10.0.0.1
        host p1/a fe80::1 ovsdb=tcp:10.0.0.1
        host p1/a ::ffff:10.0.0.1
        host p1/a ::1
        host p1/a 10.0.0.1/1279
        host p1/a ovsdb=tcp:10.0.0.1
        host p1/a fd00::1/1280
        show hosts
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > host p1/a 0.0.0.0 ovsdb=tcp:10.0.0.1
            refused: transport `lan`: 0.0.0.0 can't carry tunnels; expected the host's own unicast address
            > host p1/a 127.0.0.1
            refused: transport `lan`: 127.0.0.1 can't carry tunnels; expected the host's own unicast address
            > host p1/a 224.0.0.1 ovsdb=tcp:10.0.0.1
            refused: transport `lan`: 224.0.0.1 can't carry tunnels; expected the host's own unicast address
            > host p1/a 255.255.255.255 ovsdb=tcp:10.0.0.1
            refused: transport `lan`: 255.255.255.255 can't carry tunnels; expected the host's own unicast address
            > host p1/a fe80::1 ovsdb=tcp:10.0.0.1
            refused: transport `lan`: fe80::1 can't carry tunnels; expected the host's own unicast address
            > host p1/a ::ffff:10.0.0.1
            refused: transport `lan`: ::ffff:10.0.0.1 can't carry tunnels; expected the host's own unicast address
            > host p1/a ::1
            refused: transport `lan`: ::1 can't carry tunnels; expected the host's own unicast address
            > host p1/a 10.0.0.1/1279
            refused: transport `lan`: MTU 1279 is out of range; expected 1280 to 65535 bytes
            > host p1/a ovsdb=tcp:10.0.0.1
            refused: transport: a host needs at least one, as NAME=ADDRESS
            > host p1/a fd00::1/1280
            r2 host h1
            > show hosts
            host h1 p1/a Enabled system tcp:[fd00::1]:6640 lan=fd00::1/1280 r2
        "#]],
    );
}

#[test]
fn a_newcomer_must_fit_the_networks_of_its_pool() {
    check(
        "
        init lab
        pool p1
        pool p2
        host p1/a lan=10.0.0.1 san=10.1.0.1/9000
        host p2/a lan=10.0.1.1
        network big p1:san mtu=8950
        network wide p1:san p2:lan
        host p1/b 10.0.0.2
        host p1/b san=10.1.0.2
        host p1/b san=fd00::2/9000
        host p1/b san=10.0.1.1/9000 ovsdb=tcp:10.0.0.2
        host p1/b san=10.1.0.2/9000
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > pool p2
            r2 pool p2
            > host p1/a lan=10.0.0.1 san=10.1.0.1/9000
            r3 host h1
            > host p2/a lan=10.0.1.1
            r4 host h2
            > network big p1:san mtu=8950
            r5 network n1
            > network wide p1:san p2:lan
            r6 network n2
            > host p1/b 10.0.0.2
            refused: transport: network `big` needs transport `san`, which host `p1/b` does not have; other transports: lan
            > host p1/b san=10.1.0.2
            refused: mtu: the 8950 of network `big` are more than transport `san` of host `p1/b` carries: its MTU of 1500 less 50 bytes of vxlan leaves 1450
            > host p1/b san=fd00::2/9000
            refused: transport: host `p1/b` has an IPv6 address on it and others of network `big` have not; all need the same IP version
            > host p1/b san=10.0.1.1/9000 ovsdb=tcp:10.0.0.2
            refused: transport: hosts p2/a, p1/b would carry network `wide` from one address, 10.0.1.1; each needs its own
            > host p1/b san=10.1.0.2/9000
            r7 host h3
        "#]],
    );
}

#[test]
fn a_leaving_host_counts_in_no_network() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1/1400
        host p1/b 10.0.0.2
        remove p1/a
        network n1 p1
        show networks
        ",
        expect![[r#"
            > init lab
            r0
            > claim c1
            r0 epoch 1
            > pool p1
            r1 pool p1
            > host p1/a 10.0.0.1/1400
            r2 host h1
            > host p1/b 10.0.0.2
            r3 host h2
            > remove p1/a
            r4
            > network n1 p1
            r5 network n1
            > show networks
            network n1 n1 vxlan mtu 1450 single p1:lan r5
        "#]],
    );
}
