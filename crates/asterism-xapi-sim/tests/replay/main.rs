//! Replays every exchange that was recorded of a real xapi against the simulator, and compares what both answer.
//!
//! The recordings stand in `tests/wire`; its README tells their form. References, uuids, MACs and tokens differ from run to
//! run: [`names`] learns which one of ours is which one of the recording's. Compared are status and headers, codes and
//! parameters of errors, fields and types of records, values of fields, relations, and the set of events of each batch.
//! What may differ stands in [`exceptions`], each with its reason.

#![allow(clippy::unwrap_used)]

mod client;
mod compare;
mod controls;
mod exceptions;
mod names;
mod xml;

use std::{fs, path::Path, sync::Arc};

use asterism_xapi_sim::{HostSpec, Listen, PoolSpec, RecordingAgent, Simulator, Value, Version};
use compare::Comparison;
use names::Names;
use serde_json::Value as Json;

#[test]
fn sessions_are_as_recorded() {
    replay("01-session.jsonl");
}

#[test]
fn slaves_are_as_recorded() {
    replay("02-slave.jsonl");
}

#[test]
fn records_are_as_recorded() {
    replay("03-records.jsonl");
}

#[test]
fn private_networks_are_as_recorded() {
    replay("04-private-network.jsonl");
}

#[test]
fn events_are_as_recorded() {
    replay("05-events.jsonl");
}

#[test]
fn hosts_are_as_recorded() {
    replay("06-hosts.jsonl");
}

#[test]
fn sdn_controllers_are_as_recorded() {
    replay("08-sdn-controller.jsonl");
}

#[test]
fn maps_and_tasks_are_as_recorded() {
    replay("09-other-config-tasks.jsonl");
}

#[test]
fn xml_rpc_is_as_recorded() {
    replay("11-xmlrpc.jsonl");
}

/// A simulator that is fed one recording.
struct Replay {
    file: &'static str,
    simulator: Simulator,
    names: Names,
    /// What the calls of the last `repeat` line answered.
    repeated: Vec<String>,
    differences: Vec<String>,
    compared: usize,
}

fn replay(file: &'static str) {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(file)).unwrap();
    let simulator = start(file);
    let names = Names::of_the_start(&simulator.database());
    let mut replay =
        Replay { file, simulator, names, repeated: Vec::new(), differences: Vec::new(), compared: 0 };
    for line in text.lines() {
        replay.line(&serde_json::from_str(line).unwrap());
    }
    let shown = replay.differences.join("\n");
    let count = replay.differences.len();
    assert!(count == 0, "{count} differences in {} exchanges of {file}:\n{shown}", replay.compared);
    assert!(replay.compared > 10, "{file} has exchanges");
}

/// The pool of the recordings: three hosts with a management interface and another one each.
fn start(file: &str) -> Simulator {
    let hosts = (1..=3_u8).map(|number| {
        HostSpec::new(&format!("h{number}"), [10, 0, 0, 10 + number].into())
            .with_interface("eth0", Some(([10, 0, 0, 10 + number].into(), 24)))
            .with_interface("eth1", Some(([10, 1, 0, number].into(), 24)))
    });
    let mut spec = PoolSpec::new("pool-a", hosts.collect());
    spec.version = Version::V23_4;
    // A slave that cannot reach its master thinks for 14 s.
    spec.time_factor = if file.starts_with("02") { 100.0 } else { 1.0 };
    // The addresses of the records are not ours to listen on: 10.0.0.11 is 127.0.0.11 here.
    let listen = Listen::http(0).with_binder(|mut to| {
        if let std::net::IpAddr::V4(address) = to.ip() {
            to.set_ip([127, 0, 0, address.octets()[3]].into());
        }
        std::net::TcpListener::bind(to)
    });
    let simulator = Simulator::start(spec, Arc::new(RecordingAgent::default()), listen).unwrap();
    exceptions::make_like_the_recorded_pool(&simulator);
    if file.starts_with("02") {
        simulator.set_master_hint("h3", "fd00::11");
    }
    simulator
}

impl Replay {
    fn line(&mut self, line: &Json) {
        if let Some(control) = line.get("control") {
            controls::perform(&self.simulator, &mut self.names, control);
        } else if let Some(repeat) = line.get("repeat") {
            self.repeat(repeat);
        } else {
            self.exchange(line);
        }
    }

    fn exchange(&mut self, line: &Json) {
        let number = line["seq"].as_u64().unwrap();
        controls::prepare(&self.simulator, &mut self.names, self.file, number);
        let request = &line["request"];
        let request = request.as_str().map_or_else(|| request.to_string(), ToOwned::to_owned);
        let request = self.names.translate(&request);
        let address = controls::address(&self.simulator, line["server"].as_str());
        let answer = client::post(address, line["path"].as_str().unwrap(), &request);
        self.compared += 1;
        if let Some(reason) = exceptions::whole(self.file, number) {
            assert!(!reason.is_empty(), "an exception has a reason");
            return;
        }
        let mut comparison = Comparison::new(&mut self.names);
        comparison.answers(line, &answer);
        let differences = comparison.differences;
        if request.contains("Async.") {
            controls::wait_for_tasks(&self.simulator);
        }
        let place = format!("{}:{number} ({})", self.file, line["step"].as_str().unwrap_or_default());
        self.differences.extend(differences.into_iter().map(|difference| format!("{place}: {difference}")));
    }

    fn repeat(&mut self, repeat: &Json) {
        let times = usize::try_from(repeat["times"].as_u64().unwrap()).unwrap();
        let address = controls::address(&self.simulator, None);
        let references = std::mem::take(&mut self.repeated);
        let session = self.names.translate("OpaqueRef:session0-0000-0000-0000-000000000001");
        for index in 0..times {
            let reference = references.get(index).cloned().unwrap_or_default();
            let params =
                repeat["params"].to_string().replace("<session>", &session).replace("<ref>", &reference);
            let body =
                format!(r#"{{"jsonrpc":"2.0","method":{},"params":{params},"id":1}}"#, repeat["method"]);
            let answer: Json =
                serde_json::from_str(&client::post(address, "/jsonrpc", &body).unwrap().body).unwrap();
            self.repeated.push(answer["result"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned());
        }
    }
}

/// Text of the value that a control writes, as the type that the field has.
fn typed(old: &Value, new: &Json) -> Value {
    match (old, new) {
        (Value::Bool(_), Json::String(text)) => Value::Bool(text == "true"),
        (Value::Int(_), Json::String(text)) => Value::Int(text.parse().unwrap()),
        (_, Json::String(text)) => Value::text(text),
        (_, Json::Object(map)) => Value::map(map.iter().map(|(key, value)| (key, value.as_str().unwrap()))),
        (_, other) => panic!("a control cannot write {other}"),
    }
}
