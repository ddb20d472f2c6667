//! Each kind of difference, and what is left alone.

use std::collections::BTreeMap;

use asterism_model::{BfdState, HostId, target::bridge_name};
use expect_test::{Expect, expect};

use super::*;
use crate::{
    target,
    testing::{
        state,
        support::host::{apply_diff, empty},
    },
};

/// h1 is the center of h2 and h3 in one network, h2 of h1 in another.
const SCRIPT: &str = "
    pool p
    host p/a 10.0.0.1
    host p/b 10.0.0.2
    host p/c 10.0.0.3
    network n p
    network m p encap=gre
    adopt n1:vni=1:p1=h1:center=p1 n2:vni=2:p1=h2:center=p1";

fn wanted() -> HostTarget {
    target(&state(SCRIPT), HostId(1))
}

/// The rows of h1 when all is as it shall be.
fn settled() -> ObservedHost {
    let nothing = ObservedHost { root: RowUuid(1), ..empty() };
    apply_diff(&nothing, &diff(&wanted(), &nothing).diff, &mut 1).unwrap()
}

/// What is to be done after an edit of the rows; doing it leaves nothing to do.
fn check(edit: impl FnOnce(&mut ObservedHost), expected: Expect) {
    let mut rows = settled();
    edit(&mut rows);
    check_against(&wanted(), &rows, expected);
}

fn check_against(target: &HostTarget, rows: &ObservedHost, expected: Expect) {
    let found = diff(target, rows);
    let after = apply_diff(rows, &found.diff, &mut 1000).unwrap();
    assert!(diff(target, &after).diff.is_empty());
    expected.assert_eq(&show(&found));
}

fn show(found: &Difference) -> String {
    let mut lines = Vec::new();
    let diff = &found.diff;
    for bridge in &diff.add_bridges {
        lines.push(format!("+ {} with {:?}", bridge.name, bridge.ports.keys().collect::<Vec<_>>()));
    }
    lines.extend(diff.remove_bridges.iter().map(|removal| format!("- {}", removal.name)));
    lines.extend(diff.add_ports.iter().map(|add| format!("+ {} on {}", add.port.name, add.bridge_name)));
    lines.extend(
        diff.remove_ports.iter().map(|removal| format!("- {} on {}", removal.name, removal.bridge_name)),
    );
    for BridgeChange { name, datapath_type, mtu_request, .. } in &diff.change_bridges {
        lines.push(format!("~ {name} {:?} {:?}", datapath_type, mtu_request.map(|(_, mtu)| mtu)));
    }
    for change in &diff.change_ports {
        let gains = change.add_tunnels.iter().map(|tunnel| format!(" +{}", tunnel.name));
        let loses = change.remove_interfaces.iter().map(|(_, name)| format!(" -{name}"));
        let members: String = gains.chain(loses).collect();
        let protected = change.is_protected.map(|it| format!(" protected: {it}")).unwrap_or_default();
        let mode = change.mode.map(|it| format!(" {it:?}")).unwrap_or_default();
        lines.push(format!("~ {}{protected}{mode}{members}", change.name));
    }
    for InterfaceChange { tunnel, .. } in &diff.change_interfaces {
        lines.push(format!("~ {} {} {:?}", tunnel.name, tunnel.encapsulation, tunnel.to_options()));
    }
    lines.extend(found.conflicts.iter().map(|conflict| format!("! {conflict}")));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn bridge<'a>(rows: &'a mut ObservedHost, name: &str) -> &'a mut ObservedBridge {
    rows.bridges.values_mut().find(|bridge| bridge.name == name).unwrap()
}

fn port<'a>(rows: &'a mut ObservedHost, name: &str) -> &'a mut ObservedPort {
    rows.bridges
        .values_mut()
        .flat_map(|bridge| bridge.ports.values_mut())
        .find(|port| port.name == name)
        .unwrap()
}

fn interface<'a>(rows: &'a mut ObservedHost, name: &str) -> &'a mut ObservedInterface {
    let bridges = rows.bridges.values_mut();
    let ports = bridges.flat_map(|bridge| bridge.ports.values_mut());
    ports.flat_map(|port| port.interfaces.values_mut()).find(|it| it.name == name).unwrap()
}

/// Takes a port off its bridge.
fn take_port(rows: &mut ObservedHost, name: &str) -> (RowUuid, ObservedPort) {
    let has = |bridge: &&mut ObservedBridge| bridge.ports.values().any(|port| port.name == name);
    let bridge = rows.bridges.values_mut().find(has).unwrap();
    let uuid = *bridge.ports.iter().find(|(_, port)| port.name == name).unwrap().0;
    (uuid, bridge.ports.remove(&uuid).unwrap())
}

#[test]
fn an_empty_host_gets_everything() {
    let nothing = ObservedHost { root: RowUuid(1), ..empty() };
    check_against(
        &wanted(),
        &nothing,
        expect![[r#"
            + ast1 with ["at1-2", "at1-3"]
            + ast2 with ["au2"]
        "#]],
    );
}

#[test]
fn a_host_that_has_everything_is_left_alone() {
    check(|_| {}, expect![[r#""#]]);
}

#[test]
fn what_bfd_and_the_switch_say_is_no_difference() {
    check(
        |rows| {
            interface(rows, "at1-2").bfd_state = BfdState::Up;
            interface(rows, "at1-2").error = Some("no such device".into());
            rows.ovs_version = None;
        },
        expect![[r#""#]],
    );
}

#[test]
fn columns_are_changed_in_place() {
    check(
        |rows| {
            bridge(rows, "ast1").datapath_type = "netdev".into();
            bridge(rows, "ast2").own_interface.as_mut().unwrap().1 = None;
            interface(rows, "at1-2").kind = "gre".into();
            interface(rows, "at1-3").options.insert("csum".into(), "true".into());
            interface(rows, "at2-2").bfd.clear();
        },
        expect![[r#"
            ~ ast1 Some("system") None
            ~ ast2 None Some(1458)
            ~ at1-2 vxlan {"key": "1", "local_ip": "10.0.0.1", "remote_ip": "10.0.0.2"}
            ~ at1-3 vxlan {"key": "1", "local_ip": "10.0.0.1", "remote_ip": "10.0.0.3"}
            ~ at2-2 gre {"key": "2", "local_ip": "10.0.0.1", "remote_ip": "10.0.0.2"}
        "#]],
    );
}

#[test]
fn a_tunnel_that_turns_its_direction_keeps_its_rows() {
    let mut turned = wanted();
    let ports = &mut turned.bridges.get_mut(&NetworkId(1)).unwrap().ports;
    ports.get_mut("at1-2").unwrap().role = asterism_model::PortRole::Uplink;
    check_against(
        &turned,
        &settled(),
        expect![[r#"
        ~ at1-2 protected: true
    "#]],
    );
}

#[test]
fn a_schema_without_a_column_is_no_difference() {
    check(
        |rows| {
            bridge(rows, "ast1").own_interface = None;
            port(rows, "at1-2").is_protected = None;
        },
        expect![[r#""#]],
    );
}

#[test]
fn the_kernels_datapath_may_be_left_out() {
    check(|rows| bridge(rows, "ast1").datapath_type.clear(), expect![[r#""#]]);
}

#[test]
fn what_was_deleted_by_hand_is_added_again() {
    check(
        |rows| {
            take_port(rows, "at1-3");
            rows.bridges.retain(|_, bridge| bridge.name != "ast2");
        },
        expect![[r#"
            + ast2 with ["au2"]
            + at1-3 on ast1
        "#]],
    );
}

#[test]
fn a_port_that_was_moved_to_another_bridge_comes_back() {
    check(
        |rows| {
            let (uuid, port) = take_port(rows, "at1-3");
            bridge(rows, "ast2").ports.insert(uuid, port);
        },
        expect![[r#"
            + at1-3 on ast1
            - at1-3 on ast2
        "#]],
    );
}

#[test]
fn a_port_that_was_moved_to_a_foreign_bridge_comes_back_and_the_bridge_stays() {
    check(
        |rows| {
            let (uuid, port) = take_port(rows, "at1-3");
            let foreign = ObservedBridge {
                name: "xenbr0".into(),
                network: None,
                owner: BridgeOwner::Ours,
                datapath_type: String::new(),
                own_interface: None,
                ports: BTreeMap::from([(uuid, port)]),
                plugin_ports: BTreeMap::new(),
                foreign_ports: 1,
            };
            rows.bridges.insert(RowUuid(500), foreign);
            rows.foreign_names.insert("xenbr0".into());
        },
        expect![[r#"
            + at1-3 on ast1
            - at1-3 on xenbr0
        "#]],
    );
}

#[test]
fn a_port_with_another_networks_key_is_another_port() {
    check(
        |rows| port(rows, "at1-3").network = Some(NetworkId(9)),
        expect![[r#"
        + at1-3 on ast1
        - at1-3 on ast1
    "#]],
    );
    check(
        |rows| port(rows, "at1-3").network = None,
        expect![[r#"
        + at1-3 on ast1
        - at1-3 on ast1
    "#]],
    );
}

#[test]
fn a_port_with_other_interfaces_is_another_port() {
    check(
        |rows| interface(rows, "at1-3").name = "at1-4".into(),
        expect![[r#"
        + at1-3 on ast1
        - at1-3 on ast1
    "#]],
    );
    check(
        |rows| port(rows, "at1-3").interfaces.clear(),
        expect![[r#"
        + at1-3 on ast1
        - at1-3 on ast1
    "#]],
    );
}

#[test]
fn a_bridge_under_another_networks_key_makes_room_for_the_right_one() {
    check(
        |rows| bridge(rows, "ast1").network = Some(NetworkId(9)),
        expect![[r#"
        + ast1 with ["at1-2", "at1-3"]
        - ast1
    "#]],
    );
}

#[test]
fn a_bridge_of_no_network_goes_with_its_ports() {
    let mut target = wanted();
    target.bridges.remove(&NetworkId(1));
    check_against(
        &target,
        &settled(),
        expect![[r#"
        - ast1
    "#]],
    );
}

#[test]
fn a_bridge_of_no_network_stays_while_foreign_ports_are_on_it() {
    let mut target = wanted();
    target.bridges.remove(&NetworkId(1));
    let mut rows = settled();
    bridge(&mut rows, "ast1").foreign_ports = 2;
    check_against(
        &target,
        &rows,
        expect![[r#"
        - at1-2 on ast1
        - at1-3 on ast1
        ! bridge ast1 belongs to no network any more, and stays while 2 foreign ports are on it
    "#]],
    );
}

#[test]
fn a_bridge_that_others_use_under_our_name_and_a_wrong_key_is_a_conflict() {
    check(
        |rows| {
            bridge(rows, "ast1").network = Some(NetworkId(9));
            bridge(rows, "ast1").foreign_ports = 1;
        },
        expect![[r#"
            - at1-2 on ast1
            - at1-3 on ast1
            ! the bridge name ast1 is taken by a row that is not Asterism's; rename or remove that one
            ! bridge ast1 belongs to no network any more, and stays while 1 foreign ports are on it
        "#]],
    );
}

#[test]
fn a_foreign_row_that_has_our_name_is_a_conflict_and_left_alone() {
    check(
        |rows| {
            rows.bridges.retain(|_, bridge| bridge.name != "ast1");
            rows.foreign_names.insert("ast1".into());
        },
        expect![[r#"
            ! the bridge name ast1 is taken by a row that is not Asterism's; rename or remove that one
        "#]],
    );
    check(
        |rows| {
            take_port(rows, "at1-3");
            rows.foreign_names.insert("at1-3".into());
        },
        expect![[r#"
            ! the interface name at1-3 is taken by a row that is not Asterism's; rename or remove that one
        "#]],
    );
}

#[test]
fn a_part_of_the_difference_is_that_of_its_networks() {
    let nothing = ObservedHost { root: RowUuid(1), ..empty() };
    let mut target = wanted();
    target.bridges.remove(&NetworkId(1));
    let found = diff_within(&Scope::Networks([NetworkId(2)].into()), &target, &nothing);
    expect![[r#"
        + ast2 with ["au2"]
    "#]]
    .assert_eq(&show(&found));
    assert_eq!(found.scope, Scope::Networks([NetworkId(2)].into()));
}

/// h1 of a pool behind a XAPI, with h2 and h3.
fn wanted_of_xapi() -> HostTarget {
    let pool = "
        xapi-pool p
        inventory p a#1@10.0.0.1,xenbr1=10.1.0.1 b#2@10.0.0.2,xenbr1=10.1.0.2
        network n p:xenbr1
        adopt n1:vni=1:p1=h1:center=p1";
    target(&state(pool), HostId(1))
}

/// A bridge as the host's pool makes it.
fn plugged(network: u32, ports: BTreeMap<RowUuid, ObservedPort>) -> ObservedBridge {
    ObservedBridge {
        name: bridge_name(NetworkId(network)),
        network: Some(NetworkId(network)),
        owner: BridgeOwner::Pool,
        datapath_type: "netdev".into(),
        own_interface: Some((RowUuid(600), Some(9000))),
        ports,
        plugin_ports: BTreeMap::new(),
        foreign_ports: 1,
    }
}

#[test]
fn a_bridge_that_the_pool_makes_is_waited_for() {
    let nothing = ObservedHost { root: RowUuid(1), ..empty() };
    check_against(
        &wanted_of_xapi(),
        &nothing,
        expect![[r#"
        ! its pool has not plugged the network there yet: bridge ast1 is missing
    "#]],
    );
}

#[test]
fn in_a_bridge_of_the_pool_ports_alone_are_changed() {
    let mut rows = ObservedHost { root: RowUuid(1), ..empty() };
    rows.bridges.insert(RowUuid(500), plugged(1, BTreeMap::new()));
    check_against(
        &wanted_of_xapi(),
        &rows,
        expect![[r#"
        + at1-2 on ast1
    "#]],
    );
}

#[test]
fn a_bridge_of_the_pool_stays_when_its_network_goes() {
    let mut rows = ObservedHost { root: RowUuid(1), ..empty() };
    rows.bridges.insert(RowUuid(500), plugged(1, BTreeMap::new()));
    let rows = apply_diff(&rows, &diff(&wanted_of_xapi(), &rows).diff, &mut 700).unwrap();
    let nothing = HostTarget { bridges: BTreeMap::new(), ..wanted_of_xapi() };
    check_against(
        &nothing,
        &rows,
        expect![[r#"
        - at1-2 on ast1
    "#]],
    );
}
