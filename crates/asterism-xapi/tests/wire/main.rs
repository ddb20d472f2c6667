//! What a real XAPI answered, through the codec, the records, and the pictures made of them.

#![allow(clippy::unwrap_used)]

mod recording;

use std::{collections::BTreeMap, fmt::Write as _};

use asterism_model::XapiUuid;
use asterism_xapi::{
    events::{Batch, Change},
    inventory::inventory,
    jsonrpc,
    observe::{Authorities, observe},
    records::{Class, Records},
};
use expect_test::expect;
use serde_json::Value;

use recording::exchanges;

const RECORDINGS: [&str; 8] = [
    "01-session",
    "02-slave",
    "03-records",
    "04-private-network",
    "05-events",
    "06-hosts",
    "08-sdn-controller",
    "09-other-config-tasks",
];

/// A request of version 2.0 is answered in its form, but for the one error that is not.
#[test]
fn every_answer_is_understood_as_what_it_is() {
    let mut counts = BTreeMap::new();
    for name in RECORDINGS {
        for exchange in exchanges(name) {
            if exchange.request["jsonrpc"] != "2.0" {
                continue;
            }
            let Some(id) = exchange.request["id"].as_u64() else { continue };
            let answer = jsonrpc::decode(exchange.response.to_string().as_bytes(), id);
            let answer = answer.unwrap_or_else(|error| panic!("{name}: {}: {error}", exchange.step));
            let kind = match (&exchange.response["error"], answer) {
                (Value::Null, Ok(result)) => {
                    assert_eq!(result, exchange.response["result"], "{name}: {}", exchange.step);
                    "results"
                }
                (Value::Object(error), Err(failure)) => {
                    assert_eq!(error["message"], failure.code, "{name}: {}", exchange.step);
                    assert_eq!(error["data"].as_array().unwrap().len(), failure.params.len());
                    "failures"
                }
                (Value::Array(error), Err(failure)) => {
                    assert_eq!(error[0], failure.code, "{name}: {}", exchange.step);
                    assert_eq!(error.len(), failure.params.len() + 1);
                    "failures in the old form"
                }
                (_, answer) => panic!("{name}: {}: {answer:?}", exchange.step),
            };
            *counts.entry(kind).or_insert(0) += 1;
        }
    }
    expect![[r#"{"failures": 241, "failures in the old form": 2, "results": 618}"#]]
        .assert_eq(&format!("{counts:?}"));
}

/// The last answer of each class in `03-records`, where the pool has everything.
fn whole_pool() -> Records {
    let mut records = Records::default();
    for exchange in exchanges("03-records") {
        let class = Class::ALL.into_iter().find(|class| class.all_records() == exchange.method());
        if let Some(class) = class {
            records.replace(class, &exchange.response["result"]).unwrap();
        }
    }
    records
}

#[test]
fn an_inventory_is_made_of_a_real_pools_records() {
    expect![[r#"
        h1* 10.0.0.11 [xenbr0=10.0.0.11/1500 xenbr1=10.1.0.1/1500] platform 0.0.0
        h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] platform 0.0.0
        h3 10.0.0.13 [xapi1=10.1.0.3/1500 xenbr0=10.0.0.13/1500] platform 0.0.0
    "#]]
    .assert_eq(&render_inventory(&whole_pool()));
}

#[test]
fn a_network_with_our_key_is_observed_with_its_tunnels() {
    let mut records = whole_pool();
    let private = records.networks.values_mut().find(|network| network.label == "private").unwrap();
    let key = "0000000000000000000000000000002a/7".to_owned();
    private.other_config.insert("asterism-network".to_owned(), key);
    expect![[r#"
        private xapi3 mtu=1450 vifs=1 0000000000000000000000000000002a/7
          h1: Some(Vxlan) over xenbr1, attached, {"active": "false"}
          h2: Some(Vxlan) over xenbr1, attached, {"active": "false"}
          h3: Some(Vxlan) over xapi1, attached, {"active": "false"}
        h1: xapi2 without address, xenbr0, xenbr1
        h2: xapi2 without address, xenbr0, xenbr1
        h3: xapi1, xapi2 without address, xenbr0
        foreign: {"xapi0", "xapi1", "xapi2", "xenbr0", "xenbr1"}
        controllers: ["pssl"], authority: Unknown
    "#]]
    .assert_eq(&render_observed(&records));
}

/// `06-hosts` watches with one list of classes all along, as we do.
#[test]
fn a_watched_pools_story_can_be_told_from_its_events() {
    let mut records = Records::default();
    let mut story = String::new();
    let mut told = String::new();
    for exchange in exchanges("06-hosts") {
        if exchange.method() != "event.from" {
            continue;
        }
        let batch = Batch::read(exchange.response["result"].clone()).unwrap();
        let watched: Vec<Class> = Class::ALL
            .into_iter()
            .filter(|class| {
                let classes = exchange.request["params"][1].as_array().unwrap();
                classes.iter().any(|name| name.as_str().unwrap().to_lowercase() == class.event_name())
            })
            .collect();
        apply(&mut records, batch.events);
        for class in watched {
            let known = records.count(class);
            assert_eq!(Some(&known), batch.counts.get(&class), "{class:?} after {}", exchange.step);
        }
        let telling = render_inventory(&records);
        if telling != told {
            let lines = telling.lines().filter(|line| !told.lines().any(|known| known == *line));
            writeln!(story, "{}:", exchange.step).unwrap();
            lines.for_each(|line| writeln!(story, "  {line}").unwrap());
            let gone = told.lines().filter(|line| {
                let name = line.split(' ').next();
                !telling.lines().any(|now| now.split(' ').next() == name)
            });
            gone.for_each(|line| writeln!(story, "  gone: {line}").unwrap());
            told = telling;
        }
    }
    expect![[r#"
        token to start from:
          h1* 10.0.0.11 [xenbr0=10.0.0.11/1500 xenbr1=10.1.0.1/1500] platform 0.0.0
          h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] platform 0.0.0
          h3 10.0.0.13 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.3/1500] platform 0.0.0
        event:
          h4 10.0.0.14 [] disabled dead platform 0.0.0
        event:
          h4 10.0.0.14 [] disabled dead 8.3.0
        events of the PIFs:
          h4 10.0.0.14 [xenbr0=10.0.0.14/1500 xenbr1=10.1.0.9/1500] disabled dead 8.3.0
        event of live:
          h4 10.0.0.14 [xenbr0=10.0.0.14/1500 xenbr1=10.1.0.9/1500] disabled 8.3.0
        event of enabled:
          h4 10.0.0.14 [xenbr0=10.0.0.14/1500 xenbr1=10.1.0.9/1500] 8.3.0
        event:
          h3 10.0.0.13 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.3/1500] disabled platform 0.0.0
        event:
          h3 10.0.0.13 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.3/1500] platform 0.0.0
        event: on host_metrics only:
          h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] dead platform 0.0.0
        event:
          h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] platform 0.0.0
        events:
          h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] disabled dead platform 0.0.0
        event:
          h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] disabled platform 0.0.0
        event:
          h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] platform 0.0.0
        event:
          h3 10.0.0.13 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.103/1500] platform 0.0.0
        event: address empty until the lease comes:
          h3 10.0.0.13 [xenbr0=10.0.0.13/1500] platform 0.0.0
        event:
          h3 10.0.0.13 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.180/1500] platform 0.0.0
        event:
          h3 10.0.0.99 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.180/1500] platform 0.0.0
        event:
          h1 10.0.0.11 [xenbr0=10.0.0.11/1500 xenbr1=10.1.0.1/1500] platform 0.0.0
          h2* 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] platform 0.0.0
          gone: h1* 10.0.0.11 [xenbr0=10.0.0.11/1500 xenbr1=10.1.0.1/1500] platform 0.0.0
          gone: h2 10.0.0.12 [xenbr0=10.0.0.12/1500 xenbr1=10.1.0.2/1500] platform 0.0.0
        :
          h3 10.0.0.99 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.180/1500] dead platform 0.0.0
        events at once:
          gone: h3 10.0.0.99 [xenbr0=10.0.0.13/1500 xenbr1=10.1.0.180/1500] dead platform 0.0.0
    "#]]
    .assert_eq(&story);
}

fn apply(records: &mut Records, events: Vec<asterism_xapi::events::Event>) {
    for event in events {
        match event.change {
            Change::Put(record) => records.put(event.class, event.object, &record),
            Change::Gone => records.remove(event.class, &event.object),
            Change::Unshown => panic!("a real XAPI shows what changed"),
        }
    }
}

fn render_inventory(records: &Records) -> String {
    let inventory = inventory(records).unwrap();
    let mut text = String::new();
    for (uuid, host) in &inventory.hosts {
        let master = if *uuid == inventory.master { "*" } else { "" };
        let enabled = if host.is_enabled { "" } else { " disabled" };
        let live = if host.is_live { "" } else { " dead" };
        let transports = host.transports.iter();
        let transports: Vec<String> = transports
            .map(|(name, transport)| format!("{name}={}/{}", transport.address, transport.mtu))
            .collect();
        let version = &host.version;
        let transports = transports.join(" ");
        writeln!(text, "{}{master} {} [{transports}]{enabled}{live} {version}", host.name, host.address)
            .unwrap();
    }
    text
}

fn render_observed(records: &Records) -> String {
    let observed = observe(records, &Authorities::default());
    let names = inventory(records).unwrap().hosts;
    let name = |uuid: &XapiUuid| names[uuid].name.to_string();
    let mut text = String::new();
    for network in observed.networks.values() {
        let vifs = network.plugged_vifs;
        writeln!(
            text,
            "{} {} mtu={} vifs={vifs} {}",
            network.label, network.bridge, network.mtu, network.key
        )
        .unwrap();
        for (host, tunnel) in &network.tunnels {
            let transport = tunnel.transport.as_ref().map_or("none", |transport| transport.as_str());
            let attached = if tunnel.is_attached { "attached" } else { "detached" };
            let (host, protocol, status) = (name(host), tunnel.protocol, &tunnel.status);
            writeln!(text, "  {host}: {protocol:?} over {transport}, {attached}, {status:?}").unwrap();
        }
    }
    for (host, observed) in &observed.hosts {
        let transports: Vec<String> = observed
            .transports
            .iter()
            .map(|(name, pif)| format!("{name}{}", if pif.has_address { "" } else { " without address" }))
            .collect();
        writeln!(text, "{}: {}", name(host), transports.join(", ")).unwrap();
    }
    writeln!(text, "foreign: {:?}", observed.foreign_bridges).unwrap();
    let controllers: Vec<&str> =
        observed.controllers.iter().map(|controller| controller.protocol.as_str()).collect();
    writeln!(text, "controllers: {controllers:?}, authority: {:?}", observed.authority).unwrap();
    text
}
