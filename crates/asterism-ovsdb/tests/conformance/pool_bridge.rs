//! Bridges that a host's pool makes: told by the pool's key and the network's name. Ports in them are ours, they are not.

use asterism_model::{BridgeOwner, BridgeRemoval, HostDiff, NetworkId, Outcome, PortRemoval};

use crate::{
    fixture::{addition, bridge_of, claimed, config, fence, no_diff, picture, port, rejected},
    server::Server,
};

const PLUG: &[&str] = &[
    "add-br",
    "ast7",
    "--",
    "set",
    "bridge",
    "ast7",
    "external_ids:xs-network-uuids=5d840e30-6c9f-4b3a-8f9c-0a1b2c3d4e5f",
];

#[tokio::test]
async fn ports_are_put_into_a_bridge_that_the_pool_made_and_taken_off_again() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    server.vsctl(&["add-br", "xapi0", "--", "set", "bridge", "xapi0", "external_ids:xs-network-uuids=x"]);
    server.vsctl(PLUG);
    server.vsctl(&["add-port", "ast7", "vif1.0"]);
    let seen = picture(&session, |seen| seen.bridges.values().any(|bridge| bridge.foreign_ports == 1)).await;
    let (uuid, found) = bridge_of(&seen, 7);
    assert_eq!((found.owner, found.foreign_ports, found.ports.len()), (BridgeOwner::Pool, 1, 0));
    assert_eq!(seen.bridges.len(), 1, "other bridges of the pool are nobody's business");

    let before = server.vsctl(&["list", "bridge", "ast7"]);
    let diff = HostDiff { add_ports: vec![addition(&seen, 7, port(7, 2))], ..no_diff() };
    assert_eq!(session.transact(diff, fence(1, 2)).await.outcome, Outcome::Applied);
    let seen = picture(&session, |seen| bridge_of(seen, 7).1.ports.len() == 1).await;
    assert_eq!(server.vsctl(&["list-ports", "ast7"]), "at7-2\nvif1.0\n");
    let but_ports = |listing: &str| listing.lines().filter(|line| !line.starts_with("ports")).count();
    assert_eq!(but_ports(&server.vsctl(&["list", "bridge", "ast7"])), but_ports(&before));

    let (row, added) = bridge_of(&seen, 7).1.ports.first_key_value().unwrap();
    let name = added.name.clone();
    let removal = PortRemoval { bridge: uuid, bridge_name: "ast7".into(), port: *row, name };
    let diff = HostDiff { remove_ports: vec![removal], ..no_diff() };
    assert_eq!(session.transact(diff, fence(1, 3)).await.outcome, Outcome::Applied);
    assert_eq!(server.vsctl(&["list-ports", "ast7"]), "vif1.0\n");
}

#[tokio::test]
async fn what_is_the_pools_is_neither_removed_nor_given_to_another_network() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    server.vsctl(PLUG);
    let seen = picture(&session, |seen| !seen.bridges.is_empty()).await;
    let (uuid, _) = bridge_of(&seen, 7);
    let removal = BridgeRemoval { bridge: uuid, name: "ast7".into() };
    let diff = HostDiff { remove_bridges: vec![removal], ..no_diff() };
    let refused = session.transact(diff, fence(1, 2)).await;
    assert!(rejected(&refused.outcome).contains("not ours"), "{:?}", refused.outcome);

    let mut other = addition(&seen, 7, port(8, 2));
    other.network = NetworkId(8);
    let refused = session.transact(HostDiff { add_ports: vec![other], ..no_diff() }, fence(1, 3)).await;
    assert!(rejected(&refused.outcome).contains("not ours"), "{:?}", refused.outcome);
    assert_eq!(server.vsctl(&["list-ports", "ast7"]), "");
}
