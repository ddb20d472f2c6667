//! VMs start, move and stop: ports on hosts, bridges that come by themselves, records.

use serde_json::json;

use super::{Client, pool, private_network};

#[test]
fn a_start_plugs_what_is_unplugged() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    private_network(&mut client, &simulator, "blue");
    simulator.unplug_pif("h2", "blue").unwrap();
    let vm = simulator.create_vm("web", &["blue"]);
    agent.clear();
    simulator.start_vm("web", "h2").unwrap();
    let told = agent.calls_to("h2");
    assert!(told.contains(&"bridge up xapi0".to_owned()), "{told:?}");
    assert_eq!(told.last().unwrap(), "vif up vif1.0 on xapi0");
    let record = client.result("VM.get_record", json!([vm]));
    assert_eq!(
        (&record["power_state"], &record["resident_on"]),
        (&json!("Running"), &json!(simulator.host("h2")))
    );
    let access = simulator.pif("h2", "blue");
    assert_eq!(client.result("PIF.get_currently_attached", json!([access])), json!(true));
    assert_eq!(client.failure("PIF.unplug", json!([access]))[0], "VIF_IN_USE");
}

#[test]
fn a_move_has_ports_at_both_ends_before_the_old_one_goes() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    private_network(&mut client, &simulator, "blue");
    simulator.create_vm("web", &["blue"]);
    simulator.start_vm("web", "h2").unwrap();
    agent.clear();
    simulator.migrate_vm("web", "h3").unwrap();
    let calls: Vec<String> = agent.calls().iter().map(|call| format!("{call:?}")).collect();
    assert_eq!(calls, ["h3: vif up vif2.0 on xapi0", "h2: vif down vif1.0 on xapi0"]);
    let vm = simulator.vm("web");
    assert_eq!(simulator.database().text("VM", &vm, "resident_on"), simulator.host("h3"));
    assert!(simulator.database().get("VM", &vm, "current_operations").entries().is_empty());
    simulator.stop_vm("web").unwrap();
    assert_eq!(agent.calls_to("h3").last().unwrap(), "vif down vif2.0 on xapi0");
}

#[test]
fn a_vm_runs_only_where_its_networks_are() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = client.text("network.create", json!([{ "name_label": "blue", "other_config": {} }]));
    let transport = simulator.pif("h1", "Pool-wide network associated with eth1");
    client.text("tunnel.create", json!([transport, network, "vxlan"]));
    let vm = simulator.create_vm("web", &["blue"]);
    let failure = simulator.start_vm("web", "h2").unwrap_err();
    assert_eq!(
        (failure.code.as_str(), failure.parameters),
        ("VM_REQUIRES_NETWORK", vec![vm.clone(), network])
    );
    client.result("VM.start", json!([vm, false, false]));
    assert_eq!(simulator.database().text("VM", &vm, "resident_on"), simulator.host("h1"));
}

#[test]
fn an_internal_network_lives_with_its_last_port() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    client.text("network.create", json!([{ "name_label": "inside", "other_config": {} }]));
    simulator.create_vm("web", &["inside"]);
    agent.clear();
    simulator.start_vm("web", "h2").unwrap();
    simulator.stop_vm("web").unwrap();
    assert_eq!(
        agent.calls_to("h2"),
        ["bridge up xapi0", "vif up vif1.0 on xapi0", "vif down vif1.0 on xapi0", "bridge down xapi0"]
    );
}

#[test]
fn a_hosts_reboot_stops_its_vms() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    private_network(&mut client, &simulator, "blue");
    let vm = simulator.create_vm("web", &["blue"]);
    simulator.start_vm("web", "h2").unwrap();
    simulator.reboot_host("h2");
    assert_eq!(simulator.database().text("VM", &vm, "power_state"), "Halted");
    simulator.start_vm("web", "h2").unwrap();
}
