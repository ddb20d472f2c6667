//! Diffs become rows, whole or not at all.

use asterism_model::{
    BridgeChange, BridgeRemoval, ClusterId, Fence, HostDiff, InterfaceChange, NetworkId, Outcome,
    OvsdbEndpoint, PortChange, PortRemoval, StoredFence,
};

use crate::{
    fixture::{
        add_bridge, addition, bridge, bridge_of, claimed, config, fence, no_diff, open, picture, port,
        rejected, shown, tunnel, unchanged,
    },
    proxy::Proxy,
    server::Server,
};

#[tokio::test]
async fn a_diff_becomes_rows_that_the_picture_shows_at_once() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    let done = session.transact(add_bridge(bridge(7, &[2, 3])), fence(1, 5)).await;
    assert_eq!(done.outcome, Outcome::Applied);

    let seen = shown(&session);
    assert!(seen.picture >= done.shown_by, "{} < {}", seen.picture, done.shown_by);
    assert_eq!(seen.fence, StoredFence::Present(fence(1, 5)));
    assert!(seen.foreign_names.is_empty(), "{:?}", seen.foreign_names);
    let (_, made) = bridge_of(&seen, 7);
    assert_eq!((made.name.as_str(), made.datapath_type.as_str(), made.foreign_ports), ("ast7", "netdev", 0));
    assert_eq!(made.own_interface.unwrap().1, Some(1450));
    let names: Vec<_> = made.ports.values().map(|port| (port.name.as_str(), port.network)).collect();
    let network = Some(NetworkId(7));
    assert!(names.contains(&("at7-2", network)) && names.contains(&("at7-3", network)) && names.len() == 2);
    for port in made.ports.values() {
        let interface = port.interfaces.values().next().unwrap();
        let wanted = tunnel(7, if port.name == "at7-2" { 2 } else { 3 });
        assert_eq!(interface.kind, "vxlan");
        assert_eq!((&interface.options, &interface.bfd), (&wanted.to_options(), &wanted.bfd.to_column()));
    }
}

#[tokio::test]
async fn ports_come_and_go_and_change_in_place() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    session.transact(add_bridge(bridge(7, &[2, 3])), fence(1, 1)).await;
    let before = shown(&session);
    let (uuid, made) = bridge_of(&before, 7);
    let named = |name: &str| made.ports.iter().find(|(_, port)| port.name == name).unwrap();
    let (gone, _) = named("at7-2");
    let (turned, kept) = named("at7-3");
    assert_eq!(kept.is_protected, Some(false));
    let (interface, _) = kept.interfaces.first_key_value().unwrap();
    let mut moved = tunnel(7, 3);
    moved.remote_ip = "10.9.9.9".parse().unwrap();
    let diff = HostDiff {
        remove_ports: vec![PortRemoval {
            bridge: uuid,
            bridge_name: "ast7".into(),
            port: *gone,
            name: "at7-2".into(),
        }],
        // The name that becomes free may be taken in the same transaction.
        add_ports: vec![addition(&before, 7, port(7, 2)), addition(&before, 7, port(7, 4))],
        change_bridges: vec![BridgeChange {
            bridge: uuid,
            name: "ast7".into(),
            datapath_type: Some("system".into()),
            mtu_request: Some((made.own_interface.unwrap().0, 1400)),
        }],
        change_ports: vec![PortChange { is_protected: Some(true), ..unchanged(*turned, "at7-3", 7) }],
        change_interfaces: vec![InterfaceChange { interface: *interface, tunnel: moved.clone() }],
        ..no_diff()
    };
    assert_eq!(session.transact(diff, fence(1, 2)).await.outcome, Outcome::Applied);

    let after = shown(&session);
    let (same, made) = bridge_of(&after, 7);
    assert_eq!(same, uuid);
    assert_eq!((made.datapath_type.as_str(), made.own_interface.unwrap().1), ("system", Some(1400)));
    assert_eq!(made.ports.len(), 3);
    assert!(!made.ports.contains_key(gone));
    assert_eq!(made.ports[turned].is_protected, Some(true));
    let changed = made.ports.values().find_map(|port| port.interfaces.get(interface)).unwrap();
    assert_eq!(changed.options, moved.to_options());
}

/// What the whole reconciler rests on: an answer never overtakes the updates that it caused.
async fn every_answer_finds_its_picture(endpoint: OvsdbEndpoint) {
    let session = claimed(endpoint, &config()).await;
    session.transact(add_bridge(bridge(7, &[])), fence(1, 0)).await;
    for peer in 2..100 {
        let diff = HostDiff { add_ports: vec![addition(&shown(&session), 7, port(7, peer))], ..no_diff() };
        let done = session.transact(diff, fence(1, u64::from(peer))).await;
        assert_eq!(done.outcome, Outcome::Applied);
        let seen = shown(&session);
        assert_eq!(bridge_of(&seen, 7).1.ports.len(), usize::try_from(peer).unwrap() - 1);
        assert_eq!(seen.fence, StoredFence::Present(fence(1, u64::from(peer))));
        assert!(seen.picture >= done.shown_by);
    }
}

#[tokio::test]
async fn every_answer_finds_its_picture_with_monitor_cond_since() {
    let server = Server::start();
    every_answer_finds_its_picture(server.endpoint()).await;
}

#[tokio::test]
async fn every_answer_finds_its_picture_with_plain_monitor() {
    let server = Server::start();
    let proxy = Proxy::rewriting(server.endpoint(), "monitor_cond_since", "monitor_gone_since").await;
    every_answer_finds_its_picture(proxy.endpoint()).await;
    assert!(proxy.rewrote() > 0);
}

#[tokio::test]
async fn several_tunnels_of_a_port_are_an_active_backup_bond() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    let mut wanted = bridge(7, &[2]);
    let port = wanted.ports.get_mut("at7-2").unwrap();
    port.tunnels.push(tunnel(7, 3));
    assert_eq!(session.transact(add_bridge(wanted), fence(1, 1)).await.outcome, Outcome::Applied);
    assert_eq!(server.vsctl(&["get", "port", "at7-2", "bond_mode"]).trim(), "active-backup");
    let seen = shown(&session);
    assert_eq!(bridge_of(&seen, 7).1.ports.values().next().unwrap().interfaces.len(), 2);
}

#[tokio::test]
async fn a_bridge_goes_with_its_ports_and_nothing_else_does() {
    let server = Server::start();
    server.vsctl(&["add-br", "xenbr0", "--", "add-port", "xenbr0", "eth0"]);
    let session = claimed(server.endpoint(), &config()).await;
    let before = server.dump();
    session.transact(add_bridge(bridge(7, &[2, 3])), fence(1, 0)).await;
    let (uuid, _) = bridge_of(&shown(&session), 7);
    let removal = BridgeRemoval { bridge: uuid, name: "ast7".into() };
    let diff = HostDiff { remove_bridges: vec![removal], ..no_diff() };
    assert_eq!(session.transact(diff, fence(1, 0)).await.outcome, Outcome::Applied);
    // Wherever nothing is left of ours, the rows are what they were.
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_raised_fence_refuses_everything_and_nothing_changes() {
    let server = Server::start();
    let deposed = claimed(server.endpoint(), &config()).await;
    let leader = open(server.endpoint(), &config());
    picture(&leader, |_| true).await;
    leader.claim(fence(2, 0)).await.unwrap();
    let before = server.dump();
    let done = deposed.transact(add_bridge(bridge(7, &[2])), fence(1, 9)).await;
    assert_eq!(done.outcome, Outcome::Fenced);
    assert_eq!(server.dump(), before);
    assert_eq!(shown(&deposed).fence, StoredFence::Present(fence(2, 0)));
}

#[tokio::test]
async fn a_lower_revision_of_the_same_epoch_and_another_cluster_are_fenced_too() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    session.transact(no_diff(), fence(1, 8)).await;
    let before = server.dump();
    assert_eq!(session.transact(add_bridge(bridge(7, &[2])), fence(1, 7)).await.outcome, Outcome::Fenced);
    let other = Fence { cluster: ClusterId(1), ..fence(9, 9) };
    assert_eq!(session.transact(add_bridge(bridge(7, &[2])), other).await.outcome, Outcome::Fenced);
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_host_that_is_not_claimed_is_not_written() {
    let server = Server::start();
    let session = open(server.endpoint(), &config());
    picture(&session, |_| true).await;
    let before = server.dump();
    let done = session.transact(add_bridge(bridge(7, &[2])), fence(1, 0)).await;
    assert!(rejected(&done.outcome).contains("not claimed for epoch 1: it stores no fence"), "{done:?}");
    session.claim(fence(1, 0)).await.unwrap();
    let done = session.transact(add_bridge(bridge(7, &[2])), fence(2, 0)).await;
    assert!(rejected(&done.outcome).contains("not claimed for epoch 2"), "{done:?}");
    server.vsctl(&["remove", "open_vswitch", ".", "external_ids", "asterism-fence"]);
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_name_that_is_taken_is_rejected_with_the_servers_reason() {
    let server = Server::start();
    server.vsctl(&["add-br", "xenbr0", "--", "add-port", "xenbr0", "at7-2"]);
    let session = claimed(server.endpoint(), &config()).await;
    let before = server.dump();
    let done = session.transact(add_bridge(bridge(7, &[2, 3])), fence(1, 1)).await;
    assert!(rejected(&done.outcome).contains("constraint violation"), "{done:?}");
    assert!(rejected(&done.outcome).contains("at7-2"), "{done:?}");
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_diff_that_names_a_foreign_row_is_refused_here() {
    let server = Server::start();
    server.vsctl(&["add-br", "ast7", "--", "add-port", "ast7", "vif1.0"]);
    let uuid = |table: &str, name: &str| server.vsctl(&["get", table, name, "_uuid"]).trim().parse().unwrap();
    let (foreign_bridge, foreign_port) = (uuid("bridge", "ast7"), uuid("port", "vif1.0"));
    let foreign_interface = uuid("interface", "vif1.0");
    let session = claimed(server.endpoint(), &config()).await;
    let before = server.dump();
    let removal = PortRemoval {
        bridge: foreign_bridge,
        bridge_name: "ast7".into(),
        port: foreign_port,
        name: "vif1.0".into(),
    };
    let change = BridgeChange {
        bridge: foreign_bridge,
        name: "ast7".into(),
        datapath_type: Some("netdev".into()),
        mtu_request: None,
    };
    let addition = asterism_model::PortAddition {
        bridge: foreign_bridge,
        bridge_name: "ast7".into(),
        network: NetworkId(7),
        port: port(7, 2),
    };
    let diffs = [
        HostDiff { remove_ports: vec![removal], ..no_diff() },
        HostDiff {
            remove_bridges: vec![BridgeRemoval { bridge: foreign_bridge, name: "ast7".into() }],
            ..no_diff()
        },
        HostDiff { add_ports: vec![addition], ..no_diff() },
        HostDiff { change_bridges: vec![change], ..no_diff() },
        HostDiff {
            change_interfaces: vec![InterfaceChange { interface: foreign_interface, tunnel: tunnel(7, 2) }],
            ..no_diff()
        },
    ];
    for diff in diffs {
        let done = session.transact(diff.clone(), fence(1, 0)).await;
        assert!(rejected(&done.outcome).ends_with("is not ours"), "{diff:?}: {done:?}");
    }
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_bridge_with_a_foreign_port_is_not_removed() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    session.transact(add_bridge(bridge(7, &[2])), fence(1, 0)).await;
    let (uuid, _) = bridge_of(&shown(&session), 7);
    server.vsctl(&["add-port", "ast7", "vif1.0"]);
    picture(&session, |seen| seen.foreign_names.contains("vif1.0")).await;
    let before = server.dump();
    let removal = BridgeRemoval { bridge: uuid, name: "ast7".into() };
    let done = session.transact(HostDiff { remove_bridges: vec![removal], ..no_diff() }, fence(1, 0)).await;
    assert_eq!(rejected(&done.outcome), "bridge ast7 holds port vif1.0, which is not ours");
    assert_eq!(server.dump(), before);
}

#[tokio::test]
async fn a_schema_without_younger_columns_is_served_without_them() {
    let server = Server::start_with_schema(|schema| {
        for (table, column) in [("Interface", "mtu_request"), ("Port", "protected")] {
            schema["tables"][table]["columns"].as_object_mut().unwrap().remove(column);
        }
    });
    let session = claimed(server.endpoint(), &config()).await;
    assert_eq!(session.transact(add_bridge(bridge(7, &[2])), fence(1, 0)).await.outcome, Outcome::Applied);
    // Nothing to compare with the target, so nothing to change for ever.
    let seen = shown(&session);
    let (_, made) = bridge_of(&seen, 7);
    assert_eq!(made.own_interface, None);
    assert!(made.ports.values().all(|port| port.is_protected.is_none()));
}
