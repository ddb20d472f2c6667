//! Both ways of monitoring keep the same copy, whatever happens to the rows.

use std::time::Duration;

use asterism_ovsdb::{
    Limits, Liveness,
    message::Notification,
    monitor::{Dialect, Monitor},
    rpc::RpcSession,
    schema::Schema,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::{
    net::UnixStream,
    sync::{mpsc, watch},
};

use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(20);

struct Watcher {
    session: RpcSession,
    notifications: mpsc::Receiver<Notification>,
    taken: u64,
    monitor: Monitor,
}

impl Watcher {
    async fn start(server: &Server, dialect: Dialect) -> Self {
        let path = String::from(server.unix_endpoint());
        let stream = UnixStream::connect(path.strip_prefix("unix:").unwrap()).await.unwrap();
        let liveness = Liveness { probe_interval: PATIENCE, probe_deadline: PATIENCE };
        let (session, notifications) =
            RpcSession::start(stream, "a server", liveness, Limits::default(), watch::channel(None).0);
        let schema = session.call("get_schema", json!(["Open_vSwitch"]), PATIENCE).await.unwrap();
        let schema = Schema::from_json(&schema).unwrap();
        let monitor = Monitor::start_with(&session, schema, dialect, PATIENCE).await.unwrap();
        Self { session, notifications, taken: 0, monitor }
    }

    async fn transact(&mut self, operations: Vec<Value>) -> Value {
        let mut params = vec![json!("Open_vSwitch")];
        params.extend(operations);
        let mut pending = self.session.send("transact", params.into()).unwrap();
        // The inbox is bounded, so the updates are taken while the answer is waited for.
        let reply = loop {
            tokio::select! {
                reply = pending.wait() => break reply.unwrap(),
                notification = self.notifications.recv() => self.take(&notification.unwrap()),
            }
        };
        while self.taken < reply.after {
            let notification = self.notifications.recv().await.unwrap();
            self.take(&notification);
        }
        reply.result.unwrap()
    }

    fn take(&mut self, notification: &Notification) {
        self.taken += 1;
        self.monitor.apply(notification).unwrap();
    }
}

/// Rows of few names and values, so that births, deaths and changes meet.
fn random_operations(rng: &mut StdRng) -> Vec<Value> {
    let name = format!("p{}", rng.random_range(0..6));
    let key = ["a", "b", "c"].choose(rng).unwrap();
    let value = ["1", "2"].choose(rng).unwrap();
    let column = ["options", "bfd", "bfd_status", "external_ids"].choose(rng).unwrap();
    let this = json!([["name", "==", name]]);
    let bridge = json!([["name", "==", "br"]]);
    let mutation = |mutation: Value| {
        vec![json!({"op": "mutate", "table": "Interface", "where": this, "mutations": [mutation]})]
    };
    let change = |row: Value| vec![json!({"op": "update", "table": "Interface", "where": this, "row": row})];
    match rng.random_range(0..9) {
        0..3 => vec![
            json!({"op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": name}}),
            json!({"op": "insert", "table": "Port", "uuid-name": "p",
                   "row": {"name": name, "interfaces": ["named-uuid", "i"]}}),
            json!({"op": "mutate", "table": "Bridge", "where": bridge,
                   "mutations": [["ports", "insert", ["named-uuid", "p"]]]}),
        ],
        3 => vec![json!({"op": "update", "table": "Bridge", "where": bridge, "row": {"ports": ["set", []]}})],
        4 => mutation(json!([column, "insert", ["map", [[key, value]]]])),
        5 => mutation(json!([column, "delete", ["set", [key]]])),
        6 => change(json!({*column: ["map", [[key, value]]]})),
        7 => change(json!({"error": if value == &"1" { json!("broken") } else { json!(["set", []]) }})),
        _ => change(json!({"mtu_request": rng.random_range(1400..1402), "type": value})),
    }
}

#[tokio::test]
async fn both_dialects_keep_the_copy_that_a_new_look_gives() {
    let server = Server::start();
    server.vsctl(&["add-br", "br"]);
    let mut plain = Watcher::start(&server, Dialect::Plain).await;
    let mut since = Watcher::start(&server, Dialect::Since).await;
    let mut rng = StdRng::seed_from_u64(20);
    for step in 0..600 {
        // Some are refused, such as a name twice: that changes nothing, on either side.
        plain.transact(random_operations(&mut rng)).await;
        since.transact(random_operations(&mut rng)).await;
        if step % 20 == 0 {
            // The copies are level when nothing comes between two answers.
            since.transact(Vec::new()).await;
            plain.transact(Vec::new()).await;
            let fresh = Watcher::start(&server, Dialect::Plain).await;
            assert_eq!(plain.monitor.replica(), fresh.monitor.replica(), "plain, after step {step}");
            assert_eq!(since.monitor.replica(), fresh.monitor.replica(), "since, after step {step}");
        }
    }
}
