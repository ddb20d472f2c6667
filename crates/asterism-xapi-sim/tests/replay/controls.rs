//! What happened besides calls: changes of the database from outside, and which server was asked.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use asterism_xapi_sim::{Simulator, Value};
use serde_json::Value as Json;

use super::{names::Names, typed};

/// How long tasks may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Makes the change that a control line tells of.
pub(super) fn perform(simulator: &Simulator, names: &mut Names, control: &Json) {
    let text = |key: &str| control[key].as_str().unwrap();
    match text("op") {
        "expire_sessions" => simulator.expire_sessions(),
        "set" => {
            let reference = names.ours(text("ref")).unwrap().clone();
            simulator.edit(|database| {
                for (field, value) in control["fields"].as_object().unwrap() {
                    let value = Json::String(names.translate(value.as_str().unwrap_or_default()))
                        .as_str()
                        .filter(|_| value.is_string())
                        .map_or_else(|| value.clone(), |text| Json::String(text.to_owned()));
                    let value = typed(database.get(text("class"), &reference, field), &value);
                    database.set(text("class"), &reference, field, value);
                }
            });
        }
        "create" => {
            let made = create(simulator, names, text("class"), &control["fields"]);
            names.learn(text("ref"), &made);
        }
        other => panic!("no control is called {other}"),
    }
}

fn create(simulator: &Simulator, names: &Names, class: &str, fields: &Json) -> String {
    let text = |key: &str| names.translate(fields[key].as_str().unwrap_or_default());
    match class {
        "VM" => simulator.create_vm(&text("name"), &[]),
        "host" => simulator.edit(|database| {
            let metrics = database.create("host_metrics", []);
            let fields = [
                ("name_label", Value::text(text("name"))),
                ("address", Value::text(text("address"))),
                ("metrics", Value::text(metrics)),
                ("name_description", Value::text("Default install")),
                ("hostname", Value::text(text("name"))),
                ("API_version_major", Value::Int(2)),
                ("API_version_minor", Value::Int(20)),
                ("API_version_vendor", Value::text("XenSource")),
                ("sched_policy", Value::text("credit")),
                ("supported_bootloaders", Value::texts(["pygrub", "eliloader"])),
                ("ssl_legacy", Value::Bool(false)),
            ];
            database.create("host", fields)
        }),
        "PIF" => simulator.edit(|database| {
            let metrics = database.create("PIF_metrics", []);
            let given = ["host", "device", "MAC", "network", "ip_configuration_mode", "IP", "netmask"];
            let given = given.map(|field| (field, Value::text(text(field))));
            let own = [
                ("metrics", Value::text(metrics)),
                ("MTU", Value::Int(1500)),
                ("VLAN", Value::Int(-1)),
                ("physical", Value::Bool(true)),
                ("currently_attached", Value::Bool(false)),
                ("properties", Value::map([("gro", "on")])),
            ];
            database.create("PIF", given.into_iter().chain(own))
        }),
        other => panic!("no control creates a {other}"),
    }
}

/// What has to happen before an exchange, besides what its line tells.
pub(super) fn prepare(simulator: &Simulator, names: &mut Names, file: &str, number: u64) {
    match (file, number) {
        // The recording's client knew the bond's PIF from a call that is not in it.
        ("03-records.jsonl", 17) => {
            let database = simulator.database();
            let bond = names.ours("OpaqueRef:bond0000-0000-0000-0000-000000000001").unwrap().clone();
            names.learn(
                "OpaqueRef:pif00000-0000-0000-0000-000000000008",
                database.text("Bond", &bond, "master"),
            );
        }
        // "a slave that cannot reach its master"
        ("02-slave.jsonl", 17) => {
            simulator.part_from_master("h2", true);
            simulator.part_from_master("h3", true);
        }
        // The harness had another server take the part of the old master.
        ("06-hosts.jsonl", 94) => simulator.set_master_hint("h3", "10.0.0.12"),
        // "the rest goes with the database garbage collector, every 30 s"
        ("06-hosts.jsonl", 106) => simulator.collect_garbage(),
        _ => {}
    }
}

/// Where the server listens that a line names; without a name, the master.
pub(super) fn address(simulator: &Simulator, server: Option<&str>) -> SocketAddr {
    let last = match server {
        None => 11,
        Some("h1, now a slave") => 13,
        Some(server) if server.starts_with("h1") => 11,
        Some(server) if server.starts_with("h2") => 12,
        Some(server) if server.starts_with("h3") => 13,
        Some(server) => panic!("no host is called {server}"),
    };
    SocketAddr::new([127, 0, 0, last].into(), simulator.port())
}

/// Waits until no task of a call is pending: the recording's were finished when they were looked at.
pub(super) fn wait_for_tasks(simulator: &Simulator) {
    let deadline = Instant::now() + LIMIT;
    let is_pending = || {
        let database = simulator.database();
        let is_pending = |row: &asterism_xapi_sim::database::Row| {
            row.text("status") == "pending" && row.text("name_label").contains("Async.")
        };
        database.rows("task").any(|(_, row)| is_pending(row))
    };
    while is_pending() {
        assert!(Instant::now() < deadline, "a task is pending for ever");
        thread::sleep(Duration::from_millis(1));
    }
}
