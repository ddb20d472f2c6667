//! What is set for the whole cluster, for a network's detection, and what a host was seen to be able to do.

use expect_test::expect;

use crate::check;

#[test]
fn settings_change_in_part_and_stand_in_the_events() {
    check(
        "
        init lab
        settings
        settings bfd=100
        settings bfd=100
        settings mode=read-only
        settings bfd=99 mode=active
        settings bfd=1000000 mode=active
        settings bfd=4000
        show settings
        show events
        ",
        expect![[r#"
            > init lab
            r0
            > settings
            r0
            > settings bfd=100
            r1
            > settings bfd=100
            r1
            > settings mode=read-only
            r2
            > settings bfd=99 mode=active
            refused: bfd-budget: 99 is out of range; expected 100 to 1000000
            > settings bfd=1000000 mode=active
            r3
            > settings bfd=4000
            r4
            > show settings
            settings bfd 4000 mode active
            > show events
            1 @0 cluster lab initialised
            2 @0 settings: BFD budget 100 packets/s, mode active
            3 @0 settings: BFD budget 100 packets/s, mode read-only
            4 @0 settings: BFD budget 1000000 packets/s, mode active
            5 @0 settings: BFD budget 4000 packets/s, mode active
        "#]],
    );
}

#[test]
fn detection_is_kept_and_changed_like_any_other_property() {
    check(
        "
        init lab
        pool p1
        network n1 p1
        network n2 p1 detection=fast resilience=dual
        show networks
        update n1 detection=normal
        update n1 detection=fast
        update n2 detection=normal
        show networks
        ",
        expect![[r#"
            > init lab
            r0
            > pool p1
            r1 pool p1
            > network n1 p1
            r2 network n1
            > network n2 p1 detection=fast resilience=dual
            r3 network n2
            > show networks
            network n1 n1 vxlan mtu 1430 single p1:lan r2
            network n2 n2 vxlan mtu 1430 dual fast p1:lan r3
            > update n1 detection=normal
            r3
            > update n1 detection=fast
            r4
            > update n2 detection=normal
            r5
            > show networks
            network n1 n1 vxlan mtu 1430 single fast p1:lan r4
            network n2 n2 vxlan mtu 1430 dual p1:lan r5
        "#]],
    );
}

#[test]
fn what_a_host_can_do_is_recorded_by_the_leader_of_the_epoch() {
    check(
        "
        init lab
        claim c1
        pool p1
        host p1/a 10.0.0.1
        uplinks h1 several
        uplinks h1 one epoch=2
        uplinks h1 one
        uplinks h1 one
        uplinks h9 one
        show hosts
        uplinks h1 several
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
            > uplinks h1 several
            r2
            > uplinks h1 one epoch=2
            refused: epoch 2 is not the current one, 1: another controller leads
            > uplinks h1 one
            r3
            > uplinks h1 one
            r3
            > uplinks h9 one
            r3
            > show hosts
            host h1 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 one uplink r3
            > uplinks h1 several
            r4
            > show hosts
            host h1 p1/a Enabled system tcp:10.0.0.1:6640 lan=10.0.0.1/1500 r4
            > show events
            1 @0 cluster lab initialised
            2 @0 c1 leads, epoch 1
            3 @0 pool p1 added
            4 @0 host p1/a added
            5 @0 host p1/a has no active-backup bonds: one uplink in each network
            6 @0 host p1/a has active-backup bonds
        "#]],
    );
}
