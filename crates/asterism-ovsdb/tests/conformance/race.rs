//! What changes between the look and the write: transactions made from rows that are older than the server's.
//!
//! A host session is never that far behind for long, so these go one layer down, with a copy of the rows that is kept
//! back on purpose.

use std::time::Duration;

use asterism_model::{BridgeRemoval, HostDiff, PortChange, PortRemoval, RowUuid, StoredFence};
use asterism_ovsdb::{
    Limits, Liveness,
    changes::transaction,
    fencing::{Claim, claim},
    monitor::Monitor,
    observe::observe,
    replica::Replica,
    rpc::RpcSession,
    schema::Schema,
    transaction::{Transaction, Verdict},
};
use serde_json::json;
use tokio::{net::UnixStream, sync::watch};

use crate::{
    fixture::{
        add_bridge, addition, bridge, bridge_of, claimed, config, fence, no_diff, port, tunnel, unchanged,
    },
    server::Server,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// The rows of a server at one moment, and a session to act on them later.
struct Look {
    session: RpcSession,
    replica: Replica,
    schema: Schema,
    root: RowUuid,
}

impl Look {
    async fn at(server: &Server) -> Self {
        let path = String::from(server.unix_endpoint());
        let stream = UnixStream::connect(path.strip_prefix("unix:").unwrap()).await.unwrap();
        let liveness = Liveness { probe_interval: PATIENCE, probe_deadline: PATIENCE };
        let (session, _) =
            RpcSession::start(stream, "a server", liveness, Limits::default(), watch::channel(None).0);
        let schema = session.call("get_schema", json!(["Open_vSwitch"]), PATIENCE).await.unwrap();
        let schema = Schema::from_json(&schema).unwrap();
        // A session of its own for the monitor, which would end with nobody to take its updates.
        let stream = UnixStream::connect(path.strip_prefix("unix:").unwrap()).await.unwrap();
        let (monitored, _notifications) =
            RpcSession::start(stream, "a server", liveness, Limits::default(), watch::channel(None).0);
        let monitor = Monitor::start(&monitored, schema.clone(), PATIENCE).await.unwrap();
        let replica = monitor.replica().clone();
        let (root, _) = replica.root().unwrap();
        Self { session, replica, schema, root }
    }

    fn make(&self, diff: &HostDiff) -> Transaction {
        transaction(&self.replica, &self.schema, self.root, fence(1, 0), fence(1, 1), diff).unwrap()
    }

    async fn commit(&self, transaction: &Transaction) -> Verdict {
        let result = self.session.call("transact", transaction.params(), PATIENCE).await.unwrap();
        transaction.verdict(&result)
    }

    /// Commits what must fail, and sees that it changed nothing.
    async fn fails(&self, server: &Server, transaction: &Transaction) -> Verdict {
        let before = server.dump();
        let verdict = self.commit(transaction).await;
        assert_eq!(server.dump(), before);
        verdict
    }

    fn picture(&self) -> asterism_model::ObservedHost {
        observe(&self.replica, &self.schema, 1).unwrap()
    }
}

/// A server claimed for epoch 1, with our bridge of network 7 to peers 2 and 3.
async fn server() -> Server {
    let server = Server::start();
    let session = claimed(server.unix_endpoint(), &config()).await;
    session.transact(add_bridge(bridge(7, &[2, 3])), fence(1, 0)).await;
    server
}

fn failed(reason: &str) -> Verdict {
    Verdict::Failed(reason.to_owned())
}

#[tokio::test]
async fn a_bridge_that_vanished_takes_no_half_of_a_transaction_with_it() {
    let server = server().await;
    let look = Look::at(&server).await;
    let seen = look.picture();
    let diff = HostDiff {
        add_bridges: vec![bridge(8, &[2])],
        add_ports: vec![addition(&seen, 7, port(7, 4))],
        ..no_diff()
    };
    let made = look.make(&diff);
    server.vsctl(&["del-br", "ast7"]);
    let verdict = look.fails(&server, &made).await;
    assert_eq!(verdict, failed("that bridge ast7 is there and carries network n7 does not hold"));
}

#[tokio::test]
async fn a_bridge_that_was_made_anew_is_another_one() {
    let server = server().await;
    let look = Look::at(&server).await;
    let made =
        look.make(&HostDiff { add_ports: vec![addition(&look.picture(), 7, port(7, 4))], ..no_diff() });
    server.vsctl(&["del-br", "ast7"]);
    server.vsctl(&["add-br", "ast7", "--", "set", "bridge", "ast7", "external_ids:asterism-network=7"]);
    assert!(matches!(look.fails(&server, &made).await, Verdict::Failed(_)));
}

#[tokio::test]
async fn a_port_plugged_in_at_the_last_moment_keeps_its_bridge() {
    let server = server().await;
    let look = Look::at(&server).await;
    let (uuid, _) = bridge_of(&look.picture(), 7);
    let removal = BridgeRemoval { bridge: uuid, name: "ast7".into() };
    let made = look.make(&HostDiff { remove_bridges: vec![removal], ..no_diff() });
    server.vsctl(&["add-port", "ast7", "vif1.0"]);
    let verdict = look.fails(&server, &made).await;
    assert_eq!(verdict, failed("that bridge ast7 holds the ports that were seen and no other does not hold"));
}

#[tokio::test]
async fn a_port_that_is_gone_already_is_named() {
    let server = server().await;
    let look = Look::at(&server).await;
    let seen = look.picture();
    let (uuid, found) = bridge_of(&seen, 7);
    let (gone, _) = found.ports.iter().find(|(_, port)| port.name == "at7-2").unwrap();
    let removal = PortRemoval { bridge: uuid, bridge_name: "ast7".into(), port: *gone, name: "at7-2".into() };
    let made = look.make(&HostDiff { remove_ports: vec![removal], ..no_diff() });
    server.vsctl(&["del-port", "at7-2"]);
    assert_eq!(look.fails(&server, &made).await, failed("that bridge ast7 holds port at7-2 does not hold"));
}

#[tokio::test]
async fn a_port_that_changed_hands_or_members_is_left_alone() {
    for (edit, reason) in [
        ("set port at7-2 external_ids:asterism-network=8", "that port at7-2 is there and carries network n7"),
        ("del-port at7-2", "that port at7-2 is there and carries network n7"),
        ("remove port at7-2 interfaces at7-4", "that port at7-2 holds interface at7-4"),
    ] {
        let server = server().await;
        let at7_4 = [
            "--id=@i",
            "create",
            "interface",
            "name=at7-4",
            "--",
            "add",
            "port",
            "at7-2",
            "interfaces",
            "@i",
        ];
        server.vsctl(&at7_4);
        let look = Look::at(&server).await;
        let seen = look.picture();
        let (port, found) =
            bridge_of(&seen, 7).1.ports.iter().find(|(_, port)| port.name == "at7-2").unwrap();
        let (lost, _) = found.interfaces.iter().find(|(_, found)| found.name == "at7-4").unwrap();
        let change = PortChange {
            add_tunnels: vec![tunnel(7, 5)],
            remove_interfaces: vec![(*lost, "at7-4".into())],
            ..unchanged(*port, "at7-2", 7)
        };
        let made = look.make(&HostDiff { change_ports: vec![change], ..no_diff() });
        let edit = edit.replace("at7-4", &lost.to_string());
        server.vsctl(&edit.split(' ').collect::<Vec<_>>());
        assert_eq!(look.fails(&server, &made).await, failed(&format!("{reason} does not hold")));
    }
}

#[tokio::test]
async fn an_interface_that_is_gone_is_not_changed() {
    let server = server().await;
    let look = Look::at(&server).await;
    let seen = look.picture();
    let (_, found) = bridge_of(&seen, 7);
    let port = found.ports.values().find(|port| port.name == "at7-2").unwrap();
    let (interface, _) = port.interfaces.first_key_value().unwrap();
    let change = asterism_model::InterfaceChange { interface: *interface, tunnel: tunnel(7, 2) };
    let made = look.make(&HostDiff { change_interfaces: vec![change], ..no_diff() });
    server.vsctl(&["del-port", "at7-2"]);
    assert_eq!(look.fails(&server, &made).await, failed("that Interface at7-2 is there does not hold"));
}

#[tokio::test]
async fn a_fence_raised_at_the_last_moment_is_told_from_other_failures() {
    let server = server().await;
    let look = Look::at(&server).await;
    let made =
        look.make(&HostDiff { add_ports: vec![addition(&look.picture(), 7, port(7, 4))], ..no_diff() });
    claimed(server.unix_endpoint(), &config()).await.claim(fence(2, 0)).await.unwrap();
    server.vsctl(&["del-br", "ast7"]);
    assert_eq!(look.fails(&server, &made).await, Verdict::GuardFailed);
}

#[tokio::test]
async fn two_claims_from_an_absent_fence_cannot_both_be() {
    let server = Server::start();
    let look = Look::at(&server).await;
    let needed = |ours| match claim(look.root, &StoredFence::Absent, ours) {
        Ok(Claim::Needed(transaction)) => transaction,
        other => panic!("{other:?}"),
    };
    let (first, second) = (needed(fence(1, 0)), needed(fence(2, 0)));
    assert_eq!(look.commit(&first).await, Verdict::Committed);
    assert_eq!(look.fails(&server, &second).await, Verdict::GuardFailed);
}
