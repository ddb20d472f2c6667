//! Hosts crash, reboot, join and leave.

use asterism_xapi_sim::{Database, HostSpec, Simulator};
use serde_json::json;

use super::{Client, client::until, host, pool, pool_with, private_network};

#[test]
fn a_crashed_host_is_silent_and_lives_on_in_the_records_for_ten_minutes() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = private_network(&mut client, &simulator, "blue");
    let access = access_pif(&simulator, "h2", &network);
    simulator.crash_host("h2");
    assert_eq!(agent.calls_to("h2").last().unwrap(), "stopped");
    assert!(is_live(&simulator, "h2"), "nobody has noticed");
    // A call to it waits until it is given up, here after less than a second.
    let failure = client.failure("PIF.unplug", json!([access]));
    assert!(["CANNOT_CONTACT_HOST", "HOST_OFFLINE"].contains(&failure[0].as_str()), "{failure:?}");
    until("the host is held for dead", || !is_live(&simulator, "h2"));
    assert_eq!(client.failure("PIF.unplug", json!([access]))[0], "HOST_OFFLINE");
    assert!(is_live(&simulator, "h3"), "the others live");
}

#[test]
fn a_crashed_master_is_never_held_for_dead() {
    let (simulator, _) = pool();
    simulator.crash_host("h1");
    simulator.crash_host("h2");
    simulator.boot_host("h1");
    until("the slave is held for dead", || !is_live(&simulator, "h2"));
    assert!(is_live(&simulator, "h1"));
}

#[test]
fn a_frozen_host_holds_calls_up_until_it_thaws() {
    // Real time: it is not given up while the test lasts.
    let (simulator, _) = pool_with(|spec| asterism_xapi_sim::PoolSpec { time_factor: 1.0, ..spec });
    let mut client = Client::of(&simulator, "h1");
    let network = private_network(&mut client, &simulator, "blue");
    let access = access_pif(&simulator, "h2", &network);
    simulator.freeze_host("h2");
    let held_up = client.start("PIF.plug", json!([access]));
    until("the call waits", || simulator.calls_under_way("PIF.plug") == 1);
    client.result("PIF.plug", json!([access_pif(&simulator, "h3", &network)]));
    assert!(!held_up.is_finished(), "only the frozen host's call waits");
    simulator.thaw_host("h2");
    assert!(held_up.join().unwrap().unwrap().get("error").is_none());
}

#[test]
fn a_reboot_leaves_access_pifs_unplugged() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = private_network(&mut client, &simulator, "blue");
    agent.clear();
    simulator.shut_down_host("h2");
    let host = simulator.host("h2");
    assert!(!is_live(&simulator, "h2") && !simulator.database().is_true("host", &host, "enabled"));
    simulator.boot_host("h2");
    assert!(is_live(&simulator, "h2") && simulator.database().is_true("host", &host, "enabled"));
    assert_eq!(
        agent.calls_to("h2"),
        ["stopped", "started", "bridge up xenbr1", "bridge up xenbr0", "controller none"],
        "physical bridges only"
    );
    let access = access_pif(&simulator, "h2", &network);
    let is_attached = || simulator.database().is_true("PIF", &access, "currently_attached");
    assert!(!is_attached());
    client.result("PIF.plug", json!([access]));
    assert!(is_attached());
    assert!(agent.calls_to("h2").ends_with(&["bridge up xapi0".to_owned(), "UDP 4789 open".to_owned()]));
}

#[test]
fn a_host_joins_disabled_with_its_tunnels_unplugged() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = private_network(&mut client, &simulator, "blue");
    simulator.join_host(&newcomer(&simulator)).unwrap();
    let newcomer = simulator.host("h4");
    assert!(!simulator.database().is_true("host", &newcomer, "enabled") && is_live(&simulator, "h4"));
    let access = access_pif(&simulator, "h4", &network);
    let database = simulator.database();
    assert_eq!(database.text("PIF", &access, "device"), "tunnel0");
    assert!(!database.is_true("PIF", &access, "currently_attached"));
    simulator.set_enabled("h4", true);
    client.result("PIF.plug", json!([access]));
    let failure = Client::at(&simulator, "h4")
        .call_plainly("session.login_with_password", json!(["root", "secret"]))
        .unwrap();
    assert_eq!(failure["error"]["message"], "HOST_IS_SLAVE", "it answers at its own address");
}

#[test]
fn an_ejected_host_answers_as_another_pool() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = private_network(&mut client, &simulator, "blue");
    let own = client.result("pool.get_all_records", json!([]));
    let mut there = Client::at(&simulator, "h3");
    there.call_plainly("system.listMethods", json!([])).unwrap();
    simulator.eject_host("h3");
    assert!(there.call_plainly("pool.get_all", json!([])).is_err(), "its connections ended");
    let database = simulator.database();
    assert_eq!(database.refs("host").len(), 2);
    assert_eq!(database.texts("network", &network, "PIFs").len(), 2);
    let uuid =
        |records: &serde_json::Value| records.as_object().unwrap().values().next().unwrap()["uuid"].clone();
    let mut stray = Client::of(&simulator, "h3");
    let other = stray.result("pool.get_all_records", json!([]));
    assert_ne!(uuid(&own), uuid(&other), "the same password, another pool");
    assert_eq!(stray.result("host.get_all", json!([])).as_array().unwrap().len(), 1);
}

#[test]
fn a_destroyed_hosts_rows_dangle_until_the_garbage_is_collected() {
    let (simulator, _) = pool_with(|spec| asterism_xapi_sim::PoolSpec { time_factor: 1.0, ..spec });
    let mut client = Client::of(&simulator, "h1");
    private_network(&mut client, &simulator, "blue");
    let host = simulator.host("h3");
    assert_eq!(client.failure("host.destroy", json!([host])), ["HOST_IS_LIVE", &host]);
    simulator.shut_down_host("h3");
    client.result("host.destroy", json!([host]));
    assert_eq!(simulator.database().refs("tunnel").len(), 3);
    simulator.collect_garbage();
    assert_eq!(simulator.database().refs("tunnel").len(), 2);
}

#[test]
fn a_network_deleted_behind_our_back_takes_its_tunnels_along() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = private_network(&mut client, &simulator, "blue");
    simulator.destroy_network("blue").unwrap();
    assert!(simulator.database().refs("tunnel").is_empty());
    assert_eq!(
        client.failure("network.get_record", json!([network])),
        ["HANDLE_INVALID", "network", &network]
    );
    assert!(agent.calls_to("h3").ends_with(&["bridge down xapi0".to_owned(), "UDP 4789 closed".to_owned()]));
}

#[test]
fn a_transport_without_an_address_leaves_a_tunnel_that_is_not_plugged() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let label = "Pool-wide network associated with eth1";
    simulator.set_address("h2", label, None);
    let network = client.text("network.create", json!([{ "other_config": {} }]));
    let transport = simulator.pif("h2", label);
    let failure = client.failure("tunnel.create", json!([transport, network, "vxlan"]));
    assert_eq!(failure, ["TRANSPORT_PIF_NOT_CONFIGURED", &transport]);
    assert_eq!(simulator.database().refs("tunnel").len(), 1, "it stays");
    simulator.set_address("h2", label, Some(([10, 1, 0, 77].into(), 24)));
    client.result("PIF.plug", json!([access_pif(&simulator, "h2", &network)]));
}

fn access_pif(simulator: &Simulator, host: &str, network: &str) -> String {
    let database = simulator.database();
    let host = simulator.host(host);
    let pifs = database.texts("network", network, "PIFs");
    pifs.into_iter().find(|pif| database.text("PIF", pif, "host") == host).unwrap()
}

fn is_live(simulator: &Simulator, host: &str) -> bool {
    let (host, database) = (simulator.host(host), simulator.database());
    Database::is_live(&database, &host)
}

/// A fourth host beside those of a pool.
fn newcomer(simulator: &Simulator) -> HostSpec {
    let database = simulator.database();
    let address = database.text("host", &simulator.host("h1"), "address");
    let pool = address.split('.').nth(2).unwrap().parse().unwrap();
    host(pool, 4)
}
