//! Pictures show what the database says.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    BfdState, BondMode, BridgeOwner, NetworkId, ObservedBridge, ObservedHost, ObservedInterface,
    ObservedPort, RowUuid, StoredFence,
};
use asterism_ovsdb::{SessionState, WaitingFor};

use crate::{
    fixture::{bridge_of, config, open, picture, until},
    proxy::Proxy,
    server::Server,
};

/// A bridge of ours with a tunnel, and a foreign port in it; a foreign bridge with a port of ours.
const EDITS: &[&str] = &[
    "add-br ast1 -- set bridge ast1 datapath_type=netdev external_ids:asterism-network=1",
    "set port ast1 external_ids:asterism-network=1 -- set interface ast1 mtu_request=1450",
    "add-port ast1 at1-2 -- set port at1-2 external_ids:asterism-network=1",
    "set interface at1-2 type=vxlan options:remote_ip=10.0.1.2 options:key=1 bfd:enable=true",
    "set interface at1-2 bfd_status:state=up bfd_status:forwarding=true bfd_status:flap_count=1",
    r#"set interface at1-2 mac_in_use="02:00:00:00:00:02""#,
    r#"set port at1-2 bond_active_slave="02:00:00:00:00:02""#,
    "add-port ast1 vif1.0",
    "add-br xenbr0 -- add-port xenbr0 at9-9 -- set port at9-9 external_ids:asterism-network=9",
    "set open_vswitch . ovs_version=3.1.0 external_ids:asterism-fence=rubbish",
    "add-br xapi1 -- add-port xapi1 vif2.0",
];

fn edit(server: &Server, edits: &[&str]) {
    for edit in edits {
        server.vsctl(&edit.split(' ').collect::<Vec<_>>());
    }
}

fn uuid(server: &Server, table: &str, record: &str) -> RowUuid {
    server.vsctl(&["get", table, record, "_uuid"]).trim().parse().unwrap()
}

/// That of our first port.
fn first_interface(seen: &ObservedHost) -> &ObservedInterface {
    let port = bridge_of(seen, 1).1.ports.values().next().unwrap();
    port.interfaces.values().next().unwrap()
}

fn expected(server: &Server, number: u64) -> ObservedHost {
    let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let interface = |name: &str| ObservedInterface {
        name: name.to_owned(),
        kind: String::new(),
        options: BTreeMap::new(),
        bfd: BTreeMap::new(),
        bfd_state: BfdState::Unknown,
        error: None,
    };
    let port = |name: &str, network, interface| {
        let interfaces = BTreeMap::from([(uuid(server, "interface", name), interface)]);
        let port = ObservedPort {
            name: name.to_owned(),
            network: Some(NetworkId(network)),
            is_protected: Some(false),
            mode: Some(BondMode::Backup),
            active: None,
            interfaces,
        };
        BTreeMap::from([(uuid(server, "port", name), port)])
    };
    let tunnel = ObservedInterface {
        kind: "vxlan".to_owned(),
        options: text(&[("key", "1"), ("remote_ip", "10.0.1.2")]),
        bfd: text(&[("enable", "true")]),
        bfd_state: BfdState::Up,
        ..interface("at1-2")
    };
    let ours = ObservedBridge {
        name: "ast1".to_owned(),
        network: Some(NetworkId(1)),
        owner: BridgeOwner::Ours,
        datapath_type: "netdev".to_owned(),
        own_interface: Some((uuid(server, "interface", "ast1"), Some(1450))),
        ports: port("at1-2", 1, tunnel),
        plugin_ports: BTreeMap::new(),
        foreign_ports: 1,
    };
    let foreign = ObservedBridge {
        name: "xenbr0".to_owned(),
        network: None,
        owner: BridgeOwner::Ours,
        datapath_type: String::new(),
        own_interface: Some((uuid(server, "interface", "xenbr0"), None)),
        ports: port("at9-9", 9, interface("at9-9")),
        plugin_ports: BTreeMap::new(),
        foreign_ports: 1,
    };
    ObservedHost {
        picture: number,
        root: uuid(server, "open_vswitch", "."),
        fence: StoredFence::Malformed("rubbish".to_owned()),
        ovs_version: Some("3.1.0".to_owned()),
        can_bond: true,
        bridges: BTreeMap::from([
            (uuid(server, "bridge", "ast1"), ours),
            (uuid(server, "bridge", "xenbr0"), foreign),
        ]),
        pool_bridges: BTreeMap::new(),
        foreign_names: ["vif1.0", "xenbr0", "xapi1", "vif2.0"]
            .map(str::to_owned)
            .into_iter()
            .collect::<BTreeSet<_>>(),
    }
}

#[tokio::test]
async fn the_first_picture_is_whole() {
    let server = Server::start();
    edit(&server, EDITS);
    let session = open(server.endpoint(), &config());
    let seen = picture(&session, |_| true).await;
    assert_eq!(*seen, expected(&server, seen.picture));
    assert!(session.last_heard().is_some());
}

#[tokio::test]
async fn edits_lead_to_the_same_picture_step_by_step() {
    let server = Server::start();
    let session = open(server.unix_endpoint(), &config());
    picture(&session, |_| true).await;
    edit(&server, EDITS);
    let seen = picture(&session, |seen| seen.foreign_names.contains("vif2.0")).await;
    assert_eq!(*seen, expected(&server, seen.picture));
}

#[tokio::test]
async fn a_server_without_monitor_cond_since_is_observed_by_plain_monitor() {
    let server = Server::start();
    let proxy = Proxy::rewriting(server.endpoint(), "monitor_cond_since", "monitor_gone_since").await;
    let session = open(proxy.endpoint(), &config());
    picture(&session, |_| true).await;
    edit(&server, EDITS);
    let seen = picture(&session, |seen| seen.foreign_names.contains("vif2.0")).await;
    assert_eq!(*seen, expected(&server, seen.picture));
    assert!(proxy.rewrote() > 0);

    edit(&server, &["del-port at1-2", "clear interface ast1 mtu_request", "del-br xapi1"]);
    let seen = picture(&session, |seen| !seen.foreign_names.contains("xapi1")).await;
    let (_, bridge) = bridge_of(&seen, 1);
    assert_eq!((bridge.ports.len(), bridge.own_interface.unwrap().1), (0, None));
}

#[tokio::test]
async fn removals_and_cleared_columns_are_seen() {
    let server = Server::start();
    edit(&server, EDITS);
    let session = open(server.endpoint(), &config());
    picture(&session, |_| true).await;
    edit(&server, &["set interface at1-2 bfd_status:state=down", "set interface at1-2 error=broken"]);
    let seen = picture(&session, |seen| first_interface(seen).error.is_some()).await;
    assert_eq!(first_interface(&seen).bfd_state, BfdState::Down);
    edit(&server, &["del-port at1-2", "remove open_vswitch . external_ids asterism-fence", "del-br xapi1"]);
    let seen = picture(&session, |seen| !seen.foreign_names.contains("xapi1")).await;
    assert_eq!(bridge_of(&seen, 1).1.ports.len(), 0);
    assert_eq!(seen.fence, StoredFence::Absent);
}

#[tokio::test]
async fn what_bfd_says_is_told_apart() {
    let server = Server::start();
    edit(&server, EDITS);
    let session = open(server.endpoint(), &config());
    for (status, state) in [
        ("state=down forwarding=false flap_count=0", BfdState::Unknown),
        ("state=init forwarding=false flap_count=0", BfdState::Unknown),
        ("state=up forwarding=true flap_count=1", BfdState::Up),
        ("state=up forwarding=false flap_count=2", BfdState::Drained),
        // A session that was drained from birth.
        ("state=up forwarding=false flap_count=0", BfdState::Drained),
        ("state=down forwarding=false flap_count=2", BfdState::Down),
        ("state=admin_down forwarding=false flap_count=2", BfdState::Down),
    ] {
        // The version tells which picture it is.
        let version = format!("ovs_version=\"{status}\"");
        let mut edit =
            vec!["set", "open_vswitch", ".", &version, "--", "clear", "interface", "at1-2", "bfd_status"];
        let columns: Vec<_> = status.split(' ').map(|pair| format!("bfd_status:{pair}")).collect();
        edit.extend(
            ["--", "set", "interface", "at1-2"].into_iter().chain(columns.iter().map(String::as_str)),
        );
        server.vsctl(&edit);
        let seen = picture(&session, |seen| seen.ovs_version.as_deref() == Some(status)).await;
        assert_eq!(first_interface(&seen).bfd_state, state, "{status}");
    }
}

#[tokio::test]
async fn the_active_member_is_the_one_with_the_bonds_address() {
    let server = Server::start();
    edit(&server, EDITS);
    let session = open(server.endpoint(), &config());
    let active = |name: Option<&str>| {
        let name = name.map(str::to_owned);
        move |seen: &ObservedHost| bridge_of(seen, 1).1.ports.values().next().unwrap().active == name
    };
    // A plain port has none, whatever it was before.
    assert!(active(None)(&*picture(&session, |_| true).await));
    let member = ["--id=@i", "create", "interface", "name=at1-3", "mac_in_use=\"02:00:00:00:00:03\"", "--"];
    let member = member.into_iter().chain(["add", "port", "at1-2", "interfaces", "@i"]);
    server.vsctl(&member.collect::<Vec<_>>());
    picture(&session, active(Some("at1-2"))).await;
    for (address, name) in [
        ("02:00:00:00:00:03", Some("at1-3")),
        // Of none, such as of a member that is gone.
        ("02:00:00:00:00:04", None),
        ("02:00:00:00:00:02", Some("at1-2")),
    ] {
        server.vsctl(&["set", "port", "at1-2", &format!("bond_active_slave=\"{address}\"")]);
        picture(&session, active(name)).await;
    }
    edit(&server, &[r#"set interface at1-3 mac_in_use="02:00:00:00:00:02""#]);
    picture(&session, active(None)).await;
    edit(&server, &[r#"set interface at1-3 mac_in_use="02:00:00:00:00:03""#]);
    picture(&session, active(Some("at1-2"))).await;
    // A device that is not made yet has no address; no address is nobody's.
    edit(&server, &["clear interface at1-3 mac_in_use", "clear port at1-2 bond_active_slave"]);
    picture(&session, active(None)).await;
}

#[tokio::test]
async fn whether_a_switch_can_bond_is_read_from_its_version_and_schema() {
    let server = Server::start();
    let session = open(server.endpoint(), &config());
    // Before the switch has said its version, the schema decides.
    assert!(picture(&session, |seen| seen.ovs_version.is_none()).await.can_bond);
    for (version, can_bond) in [
        ("2.4.9", false),
        ("2.5.0", true),
        ("2.17.7", true),
        ("1.10.2", false),
        ("3.1.0-git1", true),
        ("2.5", true),
        ("3", true),
        ("new", false),
    ] {
        server.vsctl(&["set", "open_vswitch", ".", &format!("ovs_version=\"{version}\"")]);
        let seen = picture(&session, |seen| seen.ovs_version.as_deref() == Some(version)).await;
        assert_eq!(seen.can_bond, can_bond, "{version}");
    }
    for (column, can_bond) in [("bond_mode", false), ("bond_active_slave", true)] {
        let server = Server::start_with_schema(|schema| {
            schema["tables"]["Port"]["columns"].as_object_mut().unwrap().remove(column).unwrap();
        });
        let session = open(server.endpoint(), &config());
        assert_eq!(picture(&session, |_| true).await.can_bond, can_bond, "{column}");
    }
}

#[tokio::test]
async fn an_uninitialised_database_is_waited_for() {
    let server = Server::start_uninitialised();
    let session = open(server.endpoint(), &config());
    until(&session, |state| matches!(state, SessionState::Waiting(WaitingFor::RootRow)).then_some(())).await;
    server.vsctl(&["init"]);
    assert_eq!(picture(&session, |_| true).await.fence, StoredFence::Absent);
}

#[tokio::test]
async fn a_database_that_is_replaced_under_the_server_is_noticed() {
    let server = Server::start();
    let session = open(server.endpoint(), &config());
    let before = picture(&session, |_| true).await;
    server.replace_database();
    until(&session, |state| state.picture().is_none().then_some(())).await;
    server.vsctl(&["init"]);
    let after = picture(&session, |_| true).await;
    assert_ne!(before.root, after.root);
    assert!(before.picture < after.picture);
}

#[tokio::test]
async fn dropping_the_handle_stops_the_task() {
    let server = Server::start();
    let session = open(server.endpoint(), &config());
    let mut states = session.state();
    picture(&session, |_| true).await;
    drop(session);
    // The watch closes when its only writer, the task, is gone.
    while states.changed().await.is_ok() {}
}
