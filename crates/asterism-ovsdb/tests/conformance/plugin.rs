//! What Xen Orchestra's plugin left on a host is seen, taken over where it stands, and handed back.

use asterism_model::{
    BridgeClaim, BridgeOwner, BridgeRelease, HostDiff, NetworkId, ObservedHost, Outcome, PluginPort,
    PortClaim, PortRelease, PortRemoval, RowUuid, XapiUuid,
};

use crate::{
    fixture::{bridge_of, claimed, config, fence, no_diff, picture, rejected, tunnel},
    server::Server,
};

const UUID: XapiUuid = XapiUuid(0x5d84_0e30_6c9f_4b3a_8f9c_0a1b_2c3d_4e5f);
const PLUGIN: XapiUuid = XapiUuid(0x7f5c_3b1e_0000_4000_8000_0000_0000_0001);
const KEY: &str = "\"xo:sdn-controller:private-network-uuid\"";

/// A bridge of the pool's with a VM and two tunnels of the plugin's, the second of which has lost its mark.
fn plug(server: &Server) {
    let ids = format!("external_ids:xs-network-uuids={UUID}");
    server.vsctl(&["add-br", "xapi3", "--", "set", "bridge", "xapi3", &ids]);
    server.vsctl(&["add-port", "xapi3", "vif1.0"]);
    for (number, peer) in [(1, 2), (2, 3)] {
        let (port, interface) = (format!("xapi3_port{number}"), format!("name=xapi3_iface{number}"));
        let remote = format!("options:remote_ip=10.0.1.{peer}");
        let new_interface = ["--", "--id=@i", "create", "interface", &interface, "type=vxlan", &remote];
        let name = format!("name={port}");
        let new_port = ["options:key=7", "--", "--id=@p", "create", "port", &name, "interfaces=@i"];
        let add = ["--", "add", "bridge", "xapi3", "ports", "@p"];
        server.vsctl(&[new_interface.as_slice(), &new_port, &add].concat());
    }
    let mark = format!("other_config:{KEY}={PLUGIN}");
    server.vsctl(&["set", "port", "xapi3_port1", &mark]);
}

fn plugins(seen: &ObservedHost) -> (RowUuid, Vec<(RowUuid, PluginPort)>) {
    let mut bridges = seen.pool_bridges.iter().filter(|(_, bridge)| bridge.name == "xapi3");
    let (uuid, bridge) = bridges.next().expect("the pool has made the bridge");
    assert_eq!(bridge.networks, [UUID]);
    let mut ports: Vec<(RowUuid, PluginPort)> =
        bridge.ports.iter().map(|(uuid, port)| (*uuid, port.clone())).collect();
    ports.sort_by(|one, other| one.1.name.cmp(&other.1.name));
    (*uuid, ports)
}

fn claim(bridge: RowUuid, (port, seen): (RowUuid, PluginPort)) -> HostDiff {
    let network = NetworkId(7);
    let name = || "xapi3".to_owned();
    HostDiff {
        claim_bridges: vec![BridgeClaim { bridge, name: name(), network, uuid: UUID }],
        claim_ports: vec![PortClaim {
            bridge,
            bridge_name: name(),
            port,
            seen,
            network,
            is_protected: true,
            tunnel: tunnel(7, 2),
        }],
        ..no_diff()
    }
}

#[tokio::test]
async fn tunnels_of_the_plugins_become_ours_and_its_own_again() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    plug(&server);
    let seen = picture(&session, |seen| {
        seen.pool_bridges.values().any(|it| it.ports.len() == 2 && it.ports.values().any(|it| it.is_marked))
    })
    .await;
    let (bridge, ports) = plugins(&seen);
    assert_eq!(ports.iter().map(|(_, port)| port.is_marked).collect::<Vec<_>>(), [true, false]);
    let options = server.vsctl(&["get", "interface", "xapi3_iface1", "options"]);

    let outcome = session.transact(claim(bridge, ports[0].clone()), fence(1, 2)).await.outcome;
    assert_eq!(outcome, Outcome::Applied);
    let seen = picture(&session, |seen| seen.bridges.values().any(|it| it.ports.len() == 1)).await;
    let (uuid, found) = bridge_of(&seen, 7);
    assert_eq!((uuid, found.owner, found.name.as_str()), (bridge, BridgeOwner::Adopted, "xapi3"));
    let (row, port) = found.ports.first_key_value().unwrap();
    let (interface, member) = port.interfaces.first_key_value().unwrap();
    assert_eq!((*row, *interface), (ports[0].0, ports[0].1.interface), "the rows are those that were there");
    assert_eq!((port.name.as_str(), member.name.as_str()), ("xapi3_port1", "at7-2"));
    assert_eq!(server.vsctl(&["get", "interface", "xapi3_iface1", "options"]), options);
    assert_eq!(server.vsctl(&["get", "port", "xapi3_port1", "other_config"]), "{}\n");
    assert!(!seen.foreign_names.contains("xapi3_port1") && seen.foreign_names.contains("vif1.0"));

    // What it left besides goes; what a VM has stays.
    let (stray, left) = found.plugin_ports.first_key_value().unwrap();
    let removal = PortRemoval { bridge, bridge_name: "xapi3".into(), port: *stray, name: left.name.clone() };
    let diff = HostDiff { remove_strays: vec![removal], ..no_diff() };
    assert_eq!(session.transact(diff, fence(1, 3)).await.outcome, Outcome::Applied);
    assert_eq!(server.vsctl(&["list-ports", "xapi3"]), "vif1.0\nxapi3_port1\n");

    let released =
        PortRelease { port: *row, name: port.name.clone(), interface: *interface, tunnel: tunnel(7, 2) };
    let release = BridgeRelease {
        bridge,
        name: "xapi3".into(),
        network: NetworkId(7),
        plugin: Some(PLUGIN),
        ports: vec![released],
    };
    let diff = HostDiff { release_bridges: vec![release], ..no_diff() };
    assert_eq!(session.transact(diff, fence(1, 4)).await.outcome, Outcome::Applied);
    let seen = picture(&session, |seen| seen.bridges.is_empty()).await;
    let (_, ports_after) = plugins(&seen);
    assert_eq!(ports_after, [ports[0].clone()], "as it was found");
    assert_eq!(server.vsctl(&["get", "interface", "xapi3_iface1", "bfd"]), "{}\n");
    let ids = format!("{{xs-network-uuids=\"{UUID}\"}}\n");
    assert_eq!(server.vsctl(&["get", "bridge", "xapi3", "external_ids"]), ids);
}

#[tokio::test]
async fn what_is_not_as_it_was_seen_is_not_taken() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    plug(&server);
    let seen = picture(&session, |seen| seen.pool_bridges.values().any(|it| it.ports.len() == 2)).await;
    let (bridge, ports) = plugins(&seen);
    let before = server.vsctl(&["list", "port"]);

    let mut of_another = claim(bridge, ports[0].clone());
    of_another.claim_bridges[0].uuid = XapiUuid(1);
    let mut moved = claim(bridge, ports[0].clone());
    moved.claim_ports[0].seen.options.insert("remote_ip".into(), "10.9.9.9".into());
    let without_bridge = HostDiff { claim_bridges: Vec::new(), ..claim(bridge, ports[0].clone()) };
    let of_a_vm = PortRemoval { bridge, bridge_name: "xapi3".into(), port: bridge, name: "vif1.0".into() };
    let of_a_vm =
        HostDiff { claim_ports: Vec::new(), remove_strays: vec![of_a_vm], ..claim(bridge, ports[0].clone()) };
    for (place, diff) in [of_another, moved, without_bridge, of_a_vm].into_iter().enumerate() {
        let refused = session.transact(diff, fence(1, 2 + u64::try_from(place).unwrap())).await;
        assert!(rejected(&refused.outcome).contains("is not ours"), "{place}: {:?}", refused.outcome);
    }
    assert_eq!(server.vsctl(&["list", "port"]), before);
}
