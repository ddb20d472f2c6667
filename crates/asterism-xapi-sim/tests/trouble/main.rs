//! What befalls a simulated pool, seen as a client sees it: over HTTP, with a connection that is kept.

#![allow(clippy::unwrap_used)]

mod calls;
mod client;
mod controllers;
mod events;
mod hosts;
mod large;
mod masters;
mod tls;
mod vms;

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use asterism_xapi_sim::{HostSpec, Listen, PoolSpec, RecordingAgent, Simulator};
use client::Client;
use serde_json::json;

/// A pool of three hosts whose long waits are short, with the agent that notes what hosts are told.
fn pool() -> (Simulator, Arc<RecordingAgent>) {
    pool_with(|spec| spec)
}

fn pool_with(change: impl FnOnce(PoolSpec) -> PoolSpec) -> (Simulator, Arc<RecordingAgent>) {
    start(change, Listen::http(0))
}

fn start(change: impl FnOnce(PoolSpec) -> PoolSpec, listen: Listen) -> (Simulator, Arc<RecordingAgent>) {
    static POOLS: AtomicU8 = AtomicU8::new(0);
    let pool = POOLS.fetch_add(1, Ordering::Relaxed) + 1;
    let spec = PoolSpec::new("pool-a", (1..=3).map(|number| host(pool, number)).collect());
    let spec = PoolSpec { time_factor: 1000.0, seed: u64::from(pool), ..spec };
    let agent = Arc::new(RecordingAgent::default());
    let simulator = Simulator::start(change(spec), Arc::clone(&agent) as _, listen).unwrap();
    (simulator, agent)
}

fn host(pool: u8, number: u8) -> HostSpec {
    let address = [127, 1, pool, number].into();
    HostSpec::new(&format!("h{number}"), address)
        .with_interface("eth0", Some((address, 24)))
        .with_interface("eth1", Some(([10, 1, 0, number].into(), 24)))
}

/// A private network with a VXLAN tunnel on each host; answers its reference.
fn private_network(client: &mut Client, simulator: &Simulator, label: &str) -> String {
    let record = json!({ "name_label": label, "other_config": {} });
    let network = client.text("network.create", json!([record]));
    for host in ["h1", "h2", "h3"] {
        let transport = simulator.pif(host, "Pool-wide network associated with eth1");
        client.text("tunnel.create", json!([transport, network, "vxlan"]));
    }
    network
}
