//! Pools as large, and as many, as are promised.

use std::sync::Arc;

use asterism_xapi_sim::{HostSpec, Listen, PoolSpec, RecordingAgent, Simulator};
use serde_json::json;

use super::Client;

#[test]
fn a_pool_of_64_hosts_has_a_tunnel_on_each() {
    let simulator = start(2, 64);
    let mut client = Client::of(&simulator, "h1");
    let network = client.text("network.create", json!([{ "name_label": "blue", "other_config": {} }]));
    for number in 1..=64 {
        let transport = simulator.pif(&format!("h{number}"), "Pool-wide network associated with eth0");
        client.text("tunnel.create", json!([transport, network, "vxlan"]));
    }
    let answer = client.result("event.from", json!([["tunnel"], "", 1.0]));
    assert_eq!(answer["events"].as_array().unwrap().len(), 64);
    assert_eq!(answer["valid_ref_counts"]["pif"], 128);
}

#[test]
fn fifty_pools_of_16_hosts_stand_beside_one_another() {
    let simulators: Vec<Simulator> = (0..50).map(|pool| start(100 + pool, 16)).collect();
    let mut uuids = std::collections::BTreeSet::new();
    for simulator in &simulators {
        let mut client = Client::of(simulator, "h1");
        assert_eq!(client.result("host.get_all", json!([])).as_array().unwrap().len(), 16);
        let pool = simulator.database().pool();
        uuids.insert(client.text("pool.get_uuid", json!([pool])));
    }
    assert_eq!(uuids.len(), 50, "each has its own");
}

fn start(pool: u8, hosts: u8) -> Simulator {
    let hosts = (1..=hosts).map(|number| {
        let address = [127, 2, pool, number].into();
        HostSpec::new(&format!("h{number}"), address).with_interface("eth0", Some((address, 24)))
    });
    let spec = PoolSpec { seed: u64::from(pool), ..PoolSpec::new("large", hosts.collect()) };
    Simulator::start(spec, Arc::new(RecordingAgent::default()), Listen::http(0)).unwrap()
}
