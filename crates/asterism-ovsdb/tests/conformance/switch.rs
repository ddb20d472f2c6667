//! What a real `ovs-vswitchd` makes of our rows, and what it tells of them.
//!
//! It runs with Open vSwitch's own dummy devices, which need no privilege: tunnels are made and lead nowhere.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use asterism_model::{BfdState, HostDiff, NetworkId, ObservedHost, ObservedInterface};

use crate::{
    fixture::{addition, config, open, picture, port, shown},
    members::{applied, change, changes, port_named, removal, server_with},
    server::{Server, run},
};

/// Dies with its handle.
struct Switch {
    control: PathBuf,
    child: Child,
}

impl Switch {
    fn start(server: &Server) -> Self {
        let control = server.dir().join("switch.ctl");
        let child = Command::new("ovs-vswitchd")
            .arg(String::from(server.unix_endpoint()))
            .args(["--enable-dummy=override", "--disable-system", "--disable-system-route"])
            .arg(format!("--unixctl={}", control.display()))
            .args(["-vconsole:off", "-vsyslog:off"])
            .env("OVS_RUNDIR", server.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ovs-vswitchd is installed");
        Self { control, child }
    }

    /// The members of a bond, as the switch itself names them.
    fn members(&self, port: &str) -> Vec<String> {
        let shown = run(Command::new("ovs-appctl").arg("-t").arg(&self.control).args(["bond/show", port]));
        let names = shown.lines().filter_map(|line| line.strip_prefix("member ")?.split(':').next());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        names
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until the switch has made a device of the interface, and gives its number there. A row begins without one.
fn device(server: &Server, interface: &str) -> u32 {
    server.vsctl(&["wait-until", "interface", interface, "ofport>0"]);
    assert_eq!(server.vsctl(&["get", "interface", interface, "error"]).trim(), "[]");
    server.vsctl(&["get", "interface", interface, "ofport"]).trim().parse().unwrap()
}

#[tokio::test]
async fn an_interface_that_moves_is_made_anew_in_its_new_port_and_others_stay() {
    let (server, session) = server_with(&[("au7", &[2, 3]), ("at7-4", &[4])]).await;
    let switch = Switch::start(&server);
    let [stays, other, moves] = ["at7-2", "at7-4", "at7-3"].map(|name| device(&server, name));

    // From a bond to a port of its own.
    let seen = shown(&session);
    let out = HostDiff {
        add_ports: vec![addition(&seen, 7, port(7, 3))],
        ..changes([change(&seen, "au7", &[], &[3])])
    };
    applied(&session, out).await;
    let alone = device(&server, "at7-3");
    assert_ne!(alone, moves);

    // And into the bond again, its port removed.
    let seen = shown(&session);
    let back = HostDiff {
        remove_ports: vec![removal(&seen, "at7-3")],
        ..changes([change(&seen, "au7", &[3], &[])])
    };
    applied(&session, back).await;
    assert_ne!(device(&server, "at7-3"), alone);
    assert_eq!(switch.members("au7"), ["at7-2", "at7-3"]);

    // From one port that stays to another.
    let seen = shown(&session);
    let over = [change(&seen, "au7", &[], &[3]), change(&seen, "at7-4", &[3], &[])];
    applied(&session, changes(over)).await;
    device(&server, "at7-3");
    assert_eq!(switch.members("at7-4"), ["at7-3", "at7-4"]);
    assert_eq!(["at7-2", "at7-4"].map(|name| device(&server, name)), [stays, other]);
    assert!(port_named(&shown(&session), "at7-4").1.interfaces.values().all(|found| found.error.is_none()));
}

#[tokio::test]
async fn a_port_that_grows_goes_on_over_the_device_that_it_has() {
    let (server, session) = server_with(&[("au7", &[2])]).await;
    let switch = Switch::start(&server);
    let device_before = device(&server, "at7-2");
    // Nobody answers there, so without BFD this one member alone is fit for use.
    server.vsctl(&["clear", "interface", "at7-2", "bfd"]);
    let seen = picture(&session, |seen| {
        port_named(seen, "au7").1.interfaces.values().all(|found| found.bfd.is_empty())
    })
    .await;
    assert_eq!(port_named(&seen, "au7").1.active, None);

    applied(&session, changes([change(&seen, "au7", &[3], &[])])).await;
    picture(&session, |seen| port_named(seen, "au7").1.active.as_deref() == Some("at7-2")).await;
    device(&server, "at7-3");
    assert_eq!((device(&server, "at7-2"), switch.members("au7").len()), (device_before, 2));

    applied(&session, changes([change(&shown(&session), "au7", &[], &[3])])).await;
    picture(&session, |seen| port_named(seen, "au7").1.active.is_none()).await;
    assert_eq!(device(&server, "at7-2"), device_before);
}

/// The interface of the one port of network 7 or 8.
fn end(seen: &ObservedHost, network: u32) -> &ObservedInterface {
    let mut bridges = seen.bridges.values().filter(|bridge| bridge.network == Some(NetworkId(network)));
    let port = bridges.next().unwrap().ports.values().next().unwrap();
    port.interfaces.values().next().unwrap()
}

#[tokio::test]
async fn the_end_that_is_told_shows_a_drained_path_and_the_end_that_tells_shows_it_up() {
    let server = Server::start();
    // Two bridges with a patch between them, which carries BFD as a tunnel does.
    for (network, peer) in [(7, 8), (8, 7)] {
        let edit = format!(
            "add-br ast{network} -- set bridge ast{network} datapath_type=netdev external_ids:asterism-network={network} \
             -- add-port ast{network} patch{network} -- set port patch{network} external_ids:asterism-network={network} \
             -- set interface patch{network} type=patch options:peer=patch{peer} \
             bfd:enable=true bfd:min_tx=100 bfd:min_rx=100"
        );
        server.vsctl(&edit.split_whitespace().collect::<Vec<_>>());
    }
    let session = open(server.endpoint(), &config());
    let _switch = Switch::start(&server);
    let states = |tells, told| {
        move |seen: &ObservedHost| (end(seen, 7).bfd_state, end(seen, 8).bfd_state) == (tells, told)
    };
    picture(&session, states(BfdState::Up, BfdState::Up)).await;
    server.vsctl(&["set", "interface", "patch7", "bfd:cpath_down=true"]);
    picture(&session, states(BfdState::Up, BfdState::Drained)).await;
    server.vsctl(&["set", "interface", "patch7", "bfd:cpath_down=false"]);
    picture(&session, states(BfdState::Up, BfdState::Up)).await;
    server.vsctl(&["set", "interface", "patch7", "bfd:enable=false"]);
    picture(&session, states(BfdState::Unknown, BfdState::Down)).await;
}
