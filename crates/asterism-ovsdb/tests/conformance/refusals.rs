//! Changes of a port's members that must not be: each is refused by name, and nothing changes.

use asterism_model::{HostDiff, NetworkId, PortChange, RowUuid};

use crate::{
    fixture::{
        add_bridge, addition, bridge, claimed, config, fence, no_diff, picture, port, rejected, shown,
        unchanged, uplink,
    },
    members::{applied, change, changes, layout, member, port_named, server_with},
    server::Server,
};

#[tokio::test]
async fn the_same_change_twice_is_rejected_and_changes_nothing() {
    for (name, add, remove, reason) in [
        ("au7", &[5][..], &[][..], "constraint violation"),
        ("au7", &[], &[3], "interface at7-3 is gone"),
        ("au7", &[5], &[3], "interface at7-3 is gone"),
    ] {
        let (server, session) = server_with(&[("au7", &[2, 3])]).await;
        let diff = changes([change(&shown(&session), name, add, remove)]);
        applied(&session, diff.clone()).await;
        let before = server.dump();
        let done = session.transact(diff, fence(1, 0)).await;
        assert!(rejected(&done.outcome).contains(reason), "{done:?}");
        assert_eq!(server.dump(), before);
    }
}

#[tokio::test]
async fn the_same_move_twice_is_rejected_and_changes_nothing() {
    let (server, session) = server_with(&[("au7", &[2, 3])]).await;
    let seen = shown(&session);
    let moved = HostDiff {
        add_ports: vec![addition(&seen, 7, port(7, 3))],
        ..changes([change(&seen, "au7", &[], &[3])])
    };
    applied(&session, moved.clone()).await;
    let before = server.dump();
    let done = session.transact(moved, fence(1, 0)).await;
    assert_eq!(rejected(&done.outcome), "interface at7-3 is gone");
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_port_is_not_left_without_an_interface() {
    let (server, session) = server_with(&[("au7", &[2, 3])]).await;
    let before = server.dump();
    let done = session.transact(changes([change(&shown(&session), "au7", &[], &[2, 3])]), fence(1, 0)).await;
    assert!(rejected(&done.outcome).contains("changing the interfaces of port au7 failed"), "{done:?}");
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn what_is_not_a_member_is_not_taken_off() {
    let (server, session) = server_with(&[("au7", &[2, 3]), ("at7-4", &[4])]).await;
    let uuid = |table, name| server.vsctl(&["get", table, name, "_uuid"]).trim().parse().unwrap();
    let seen = shown(&session);
    let (au7, port) = port_named(&seen, "au7");
    let off = |port, name: &str, interface: (RowUuid, String)| PortChange {
        remove_interfaces: vec![interface],
        ..unchanged(port, name, 7)
    };
    let foreign = (uuid("interface", "eth0"), "eth0".to_owned());
    let misnamed = (member(port, 2).0, "at7-3".to_owned());
    let cases = [
        (off(au7, "au7", foreign.clone()), "interface eth0 is not one of port au7"),
        (off(au7, "au7", member(port_named(&seen, "at7-4").1, 4)), "interface at7-4 is not one of port au7"),
        (off(au7, "au7", misnamed), "interface at7-3 is not one of port au7"),
        (off(uuid("port", "eth0"), "eth0", foreign), "port eth0 is not ours"),
        (
            PortChange { network: NetworkId(8), ..change(&seen, "au7", &[5], &[]) },
            "that port au7 is there and carries network n8 does not hold",
        ),
        (
            PortChange { name: "au8".into(), ..change(&seen, "au7", &[5], &[]) },
            "that port au8 is there and carries network n7 does not hold",
        ),
    ];
    let before = server.dump();
    for (change, reason) in cases {
        let done = session.transact(changes([change]), fence(1, 0)).await;
        assert_eq!(rejected(&done.outcome), reason);
        assert_eq!(server.dump(), before);
    }
}

#[tokio::test]
async fn a_name_that_a_foreign_interface_holds_is_not_taken() {
    let (server, session) = server_with(&[("au7", &[2])]).await;
    server.vsctl(&["add-port", "xenbr0", "at7-3"]);
    picture(&session, |seen| seen.foreign_names.contains("at7-3")).await;
    let before = server.dump();
    let done = session.transact(changes([change(&shown(&session), "au7", &[3], &[])]), fence(1, 0)).await;
    assert!(rejected(&done.outcome).contains("at7-3"), "{done:?}");
    assert_eq!(server.dump(), before);
}

/// As on a switch that has no bonds of the kind.
#[tokio::test]
async fn a_schema_without_bonds_is_served_with_single_uplinks_alone() {
    let server = Server::start_with_schema(|schema| {
        for (table, column) in [
            ("Port", "bond_mode"),
            ("Port", "bond_active_slave"),
            ("Port", "protected"),
            ("Interface", "mac_in_use"),
            ("Interface", "mtu_request"),
        ] {
            schema["tables"][table]["columns"].as_object_mut().unwrap().remove(column).unwrap();
        }
    });
    let session = claimed(server.endpoint(), &config()).await;
    assert!(!shown(&session).can_bond);
    applied(&session, add_bridge(bridge(7, &[2]))).await;
    let swapped = change(&shown(&session), "at7-2", &[3], &[2]);
    applied(&session, changes([swapped])).await;
    let seen = shown(&session);
    assert_eq!(
        (layout(&seen), port_named(&seen, "at7-2").1.active.as_deref()),
        (vec!["at7-2: at7-3".into()], None)
    );

    let before = server.dump();
    let mut bond = uplink(7, "au7", &[4, 5]);
    let turned = PortChange { is_protected: Some(true), ..change(&seen, "at7-2", &[], &[]) };
    for (diff, column) in [
        (HostDiff { add_ports: vec![addition(&seen, 7, bond.clone())], ..no_diff() }, "bond_mode"),
        (changes([change(&seen, "at7-2", &[4], &[])]), "bond_mode"),
        (changes([turned]), "protected"),
    ] {
        let done = session.transact(diff, fence(1, 0)).await;
        let reason = format!("the server's schema has no column {column} in table Port");
        assert_eq!(rejected(&done.outcome), reason);
        assert_eq!(server.dump(), before);
    }
    bond.tunnels.truncate(1);
    applied(&session, HostDiff { add_ports: vec![addition(&seen, 7, bond)], ..no_diff() }).await;
}
