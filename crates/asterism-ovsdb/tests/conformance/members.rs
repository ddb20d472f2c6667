//! Ports gain and lose interfaces and turn in place, whole or not at all.

use asterism_model::{
    BondMode, HostDiff, InterfaceChange, ObservedHost, ObservedPort, Outcome, PortChange, PortRemoval,
    RowUuid, target::NETWORK_KEY,
};
use asterism_ovsdb::HostSession;

use crate::{
    fixture::{
        add_bridge, addition, bridge, bridge_of, claimed, config, fence, no_diff, picture, port, shown,
        tunnel, unchanged, uplink,
    },
    server::Server,
};

/// A server with network 7, an uplink port of each name with tunnels to these peers, and a session.
pub async fn server_with(ports: &[(&str, &[u32])]) -> (Server, HostSession) {
    let server = Server::start();
    server.vsctl(&["add-br", "xenbr0", "--", "add-port", "xenbr0", "eth0"]);
    let session = claimed(server.endpoint(), &config()).await;
    let mut wanted = bridge(7, &[]);
    for (name, peers) in ports {
        let port = uplink(7, name, peers);
        wanted.ports.insert(port.name.clone(), port);
    }
    assert_eq!(session.transact(add_bridge(wanted), fence(1, 0)).await.outcome, Outcome::Applied);
    (server, session)
}

pub fn port_named<'a>(seen: &'a ObservedHost, name: &str) -> (RowUuid, &'a ObservedPort) {
    let (_, bridge) = bridge_of(seen, 7);
    let (uuid, port) = bridge.ports.iter().find(|(_, port)| port.name == name).expect(name);
    (*uuid, port)
}

pub fn member(port: &ObservedPort, peer: u32) -> (RowUuid, String) {
    let name = tunnel(7, peer).name;
    let (uuid, _) = port.interfaces.iter().find(|(_, found)| found.name == name).expect("a member");
    (*uuid, name)
}

/// A port of the picture gains and loses the tunnels to these peers.
pub fn change(seen: &ObservedHost, name: &str, add: &[u32], remove: &[u32]) -> PortChange {
    let (uuid, port) = port_named(seen, name);
    PortChange {
        add_tunnels: add.iter().map(|peer| tunnel(7, *peer)).collect(),
        remove_interfaces: remove.iter().map(|peer| member(port, *peer)).collect(),
        ..unchanged(uuid, name, 7)
    }
}

pub fn changes(changes: impl IntoIterator<Item = PortChange>) -> HostDiff {
    HostDiff { change_ports: changes.into_iter().collect(), ..no_diff() }
}

pub fn removal(seen: &ObservedHost, name: &str) -> PortRemoval {
    let (bridge, found) = bridge_of(seen, 7);
    let (port, _) = port_named(seen, name);
    PortRemoval { bridge, bridge_name: found.name.clone(), port, name: name.into() }
}

/// All ports of the network, each `name: interface interface..`.
pub fn layout(seen: &ObservedHost) -> Vec<String> {
    let (_, bridge) = bridge_of(seen, 7);
    let words = bridge.ports.values().map(|port| {
        let mut names: Vec<_> = port.interfaces.values().map(|found| found.name.as_str()).collect();
        names.sort_unstable();
        format!("{}: {}", port.name, names.join(" "))
    });
    let mut words: Vec<_> = words.collect();
    words.sort();
    words
}

pub async fn applied(session: &HostSession, diff: HostDiff) {
    assert_eq!(session.transact(diff, fence(1, 0)).await.outcome, Outcome::Applied);
}

/// The names of all interface rows there are.
fn interfaces(server: &Server) -> Vec<String> {
    let listed = server.vsctl(&["--bare", "--columns=name", "list", "interface"]);
    let mut names: Vec<_> =
        listed.split_whitespace().filter(|name| name.starts_with("at")).map(str::to_owned).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_port_grows_into_a_bond_and_keeps_its_rows() {
    let (server, session) = server_with(&[("au7", &[2])]).await;
    assert_eq!(server.vsctl(&["get", "port", "au7", "bond_mode"]).trim(), "active-backup");
    let before = shown(&session);
    let (uuid, old) = port_named(&before, "au7");
    applied(&session, changes([change(&before, "au7", &[3, 4], &[])])).await;

    let after = shown(&session);
    let (same, grown) = port_named(&after, "au7");
    assert_eq!((same, grown.is_protected, grown.interfaces.len()), (uuid, Some(true), 3));
    let (kept, name) = member(old, 2);
    assert_eq!(member(grown, 2), (kept, name));
    for peer in [3, 4] {
        let (uuid, name) = member(grown, peer);
        let (made, wanted) = (&grown.interfaces[&uuid], tunnel(7, peer));
        assert_eq!(made.kind, "vxlan");
        assert_eq!((&made.options, &made.bfd), (&wanted.to_options(), &wanted.bfd.to_column()));
        let mark = server.vsctl(&["get", "interface", &name, &format!("external_ids:{NETWORK_KEY}")]);
        assert_eq!(mark.trim().trim_matches('"'), "7");
    }
}

#[tokio::test]
async fn a_bond_is_opened_and_closed_in_place_and_put_right() {
    let (server, session) = server_with(&[("au7", &[2, 3])]).await;
    let columns = || server.vsctl(&["get", "port", "au7", "bond_mode", "lacp", "other_config"]);
    let mode = || port_named(&shown(&session), "au7").1.mode;
    let set = |mode| {
        let uuid = port_named(&shown(&session), "au7").0;
        changes([PortChange { mode: Some(mode), ..unchanged(uuid, "au7", 7) }])
    };
    assert_eq!(mode(), Some(BondMode::Backup));
    applied(&session, set(BondMode::Ready)).await;
    assert_eq!(columns(), "active-backup\npassive\n{lacp-fallback-ab=\"true\"}\n");
    assert_eq!(mode(), Some(BondMode::Ready));
    applied(&session, set(BondMode::Open)).await;
    assert_eq!(columns(), "balance-slb\npassive\n{lacp-fallback-ab=\"true\"}\n");
    assert_eq!(mode(), Some(BondMode::Open));
    // As a pool's hosts do at times. Without the key the bond would carry nothing.
    server.vsctl(&[
        "clear",
        "port",
        "au7",
        "other_config",
        "--",
        "set",
        "port",
        "au7",
        "other_config:hwaddr=x",
    ]);
    picture(&session, |seen| port_named(seen, "au7").1.mode == Some(BondMode::Other)).await;
    applied(&session, set(BondMode::Open)).await;
    assert_eq!(columns(), "balance-slb\npassive\n{hwaddr=x, lacp-fallback-ab=\"true\"}\n");
    applied(&session, set(BondMode::Backup)).await;
    assert_eq!(columns(), "active-backup\n[]\n{hwaddr=x, lacp-fallback-ab=\"true\"}\n");
    assert_eq!(mode(), Some(BondMode::Backup));
    server.vsctl(&["set", "port", "au7", "bond_mode=balance-slb"]);
    picture(&session, |seen| port_named(seen, "au7").1.mode == Some(BondMode::Other)).await;
}

#[tokio::test]
async fn a_bond_shrinks_and_the_rows_of_lost_members_are_gone() {
    let (server, session) = server_with(&[("au7", &[2, 3, 4])]).await;
    let (uuid, _) = port_named(&shown(&session), "au7");
    applied(&session, changes([change(&shown(&session), "au7", &[], &[2, 4])])).await;
    let after = shown(&session);
    assert_eq!(layout(&after), ["au7: at7-3"]);
    assert_eq!(port_named(&after, "au7").0, uuid);
    assert_eq!(interfaces(&server), ["at7-3"]);
}

#[tokio::test]
async fn the_only_member_is_swapped_for_another() {
    let (server, session) = server_with(&[("au7", &[2])]).await;
    let (uuid, _) = port_named(&shown(&session), "au7");
    applied(&session, changes([change(&shown(&session), "au7", &[3], &[2])])).await;
    assert_eq!(port_named(&shown(&session), "au7").0, uuid);
    assert_eq!(
        (layout(&shown(&session)), interfaces(&server)),
        (vec!["au7: at7-3".into()], vec!["at7-3".into()])
    );
}

#[tokio::test]
async fn a_port_turns_and_gains_a_member_at_once() {
    let (_server, session) = server_with(&[]).await;
    let add = HostDiff { add_ports: vec![addition(&shown(&session), 7, port(7, 2))], ..no_diff() };
    applied(&session, add).await;
    let before = shown(&session);
    let (uuid, old) = port_named(&before, "at7-2");
    assert_eq!(old.is_protected, Some(false));
    let turned = PortChange { is_protected: Some(true), ..change(&before, "at7-2", &[3], &[]) };
    applied(&session, changes([turned])).await;
    let after = shown(&session);
    let (same, now) = port_named(&after, "at7-2");
    assert_eq!(
        (same, now.is_protected, layout(&after)),
        (uuid, Some(true), vec!["at7-2: at7-2 at7-3".into()])
    );
    // Turned alone, its members are left alone.
    let turned = PortChange { is_protected: Some(false), ..unchanged(uuid, "at7-2", 7) };
    applied(&session, changes([turned])).await;
    let back = shown(&session);
    let (_, last) = port_named(&back, "at7-2");
    assert_eq!((last.is_protected, &last.interfaces), (Some(false), &now.interfaces));
}

#[tokio::test]
async fn an_interface_moves_from_a_bond_to_a_port_of_its_own_and_back() {
    let (server, session) = server_with(&[("au7", &[2, 3])]).await;
    let before = shown(&session);
    let (row, _) = member(port_named(&before, "au7").1, 3);
    let out = HostDiff {
        add_ports: vec![addition(&before, 7, port(7, 3))],
        ..changes([change(&before, "au7", &[], &[3])])
    };
    applied(&session, out).await;
    let split = shown(&session);
    assert_eq!(layout(&split), ["at7-3: at7-3", "au7: at7-2"]);
    assert_ne!(member(port_named(&split, "at7-3").1, 3).0, row);
    assert_eq!(interfaces(&server), ["at7-2", "at7-3"]);

    let back = HostDiff {
        remove_ports: vec![removal(&split, "at7-3")],
        ..changes([change(&split, "au7", &[3], &[])])
    };
    applied(&session, back).await;
    assert_eq!(layout(&shown(&session)), ["au7: at7-2 at7-3"]);
    assert_eq!(interfaces(&server), ["at7-2", "at7-3"]);
}

#[tokio::test]
async fn interfaces_move_between_ports_that_stay() {
    for towards in [["au7", "at7-4"], ["at7-4", "au7"]] {
        let (server, session) = server_with(&[("au7", &[2, 3]), ("at7-4", &[4, 5])]).await;
        let before = shown(&session);
        let move_over = |name| match name {
            "au7" => change(&before, "au7", &[5], &[3]),
            _ => change(&before, "at7-4", &[3], &[5]),
        };
        applied(&session, changes(towards.map(move_over))).await;
        assert_eq!(layout(&shown(&session)), ["at7-4: at7-3 at7-4", "au7: at7-2 at7-5"]);
        assert_eq!(interfaces(&server), ["at7-2", "at7-3", "at7-4", "at7-5"]);
    }
}

#[tokio::test]
async fn a_bond_falls_apart_into_downlinks_and_keeps_its_row_for_one() {
    let (_server, session) = server_with(&[("au7", &[2, 3, 4])]).await;
    let before = shown(&session);
    let (uuid, _) = port_named(&before, "au7");
    let kept = PortChange { is_protected: Some(false), ..change(&before, "au7", &[], &[3, 4]) };
    let diff = HostDiff {
        add_ports: [3, 4].map(|peer| addition(&before, 7, port(7, peer))).into(),
        ..changes([kept])
    };
    applied(&session, diff).await;
    let after = shown(&session);
    assert_eq!(layout(&after), ["at7-3: at7-3", "at7-4: at7-4", "au7: at7-2"]);
    assert_eq!(port_named(&after, "au7").0, uuid);
    assert!(bridge_of(&after, 7).1.ports.values().all(|port| port.is_protected == Some(false)));
}

#[tokio::test]
async fn a_port_may_bear_a_label_that_is_no_interfaces_name() {
    let (_server, session) = server_with(&[("at7-2", &[3])]).await;
    let mut second = port(7, 2);
    second.name = "at7-2.1".into();
    let add = HostDiff { add_ports: vec![addition(&shown(&session), 7, second)], ..no_diff() };
    applied(&session, add).await;
    assert_eq!(layout(&shown(&session)), ["at7-2.1: at7-2", "at7-2: at7-3"]);
}

#[tokio::test]
async fn a_drained_tunnel_is_told_to_its_peer_and_undrained_in_place() {
    let (server, session) = server_with(&[("au7", &[2])]).await;
    for (is_drained, shows) in [(true, "cpath_down=\"true\""), (false, "")] {
        let before = shown(&session);
        let (interface, _) = member(port_named(&before, "au7").1, 2);
        let mut tunnel = tunnel(7, 2);
        tunnel.bfd.is_drained = is_drained;
        let change = InterfaceChange { interface, tunnel: tunnel.clone() };
        applied(&session, HostDiff { change_interfaces: vec![change], ..no_diff() }).await;
        let column = server.vsctl(&["get", "interface", "at7-2", "bfd"]);
        assert_eq!(column.contains("cpath_down"), is_drained, "{column}");
        assert!(column.contains(shows), "{column}");
        let after = shown(&session);
        assert!(tunnel.bfd.is_shown_by(&port_named(&after, "au7").1.interfaces[&interface].bfd));
    }
}
