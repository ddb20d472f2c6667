//! Who is master, who says so, and what is lost when that changes.

use asterism_xapi_sim::{PoolSpec, Simulator};
use serde_json::json;

use super::{Client, client::failure_of, pool, pool_with};

#[test]
fn slaves_name_the_master_whatever_the_password() {
    let (simulator, _) = pool();
    for host in ["h2", "h3"] {
        assert_eq!(login(&simulator, host, "nope"), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h1")]);
    }
}

#[test]
fn a_session_of_the_master_is_sent_there_by_a_slave() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    let answer =
        Client::at(&simulator, "h2").call_plainly("pool.get_all", json!([client.session()])).unwrap();
    assert_eq!(failure_of(&answer), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h1")]);
}

#[test]
fn a_slave_without_its_master_closes_the_connection() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    simulator.part_from_master("h2", true);
    let mut slave = Client::at(&simulator, "h2");
    assert!(slave.call_plainly("pool.get_all", json!([client.session()])).is_err());
    assert_eq!(login(&simulator, "h2", "secret")[0], "HOST_IS_SLAVE", "a login needs no master");
}

#[test]
fn a_planned_change_keeps_the_database_and_ends_sessions() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let network = client.text("network.create", json!([{ "other_config": {} }]));
    simulator.hand_over_mastership("h2");
    assert!(client.call("pool.get_all", json!([])).is_err(), "the old master's connections end");
    assert_eq!(login(&simulator, "h1", "secret"), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h2")]);
    let mut client = Client::of(&simulator, "h2");
    client.result("network.get_record", json!([network]));
    let pool = simulator.database().pool();
    assert_eq!(client.text("pool.get_master", json!([pool])), simulator.host("h2"));
}

#[test]
fn a_master_designated_by_a_call_takes_over() {
    let (simulator, _) = pool();
    Client::of(&simulator, "h1").result("pool.designate_new_master", json!([simulator.host("h3")]));
    assert_eq!(login(&simulator, "h1", "secret"), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h3")]);
    Client::of(&simulator, "h3");
}

#[test]
fn an_emergency_goes_back_to_the_last_backup() {
    // Real time: nobody is held for dead while the test lasts.
    let (simulator, _) = pool_with(|spec| PoolSpec { time_factor: 1.0, ..spec });
    let mut client = Client::of(&simulator, "h1");
    let kept = client.text("network.create", json!([{ "other_config": {} }]));
    simulator.back_up();
    let lost = client.text("network.create", json!([{ "other_config": {} }]));
    // Enough changes that a login or two does not make up for them.
    (0..20).for_each(|round| simulator.set_pool_key("round", Some(&round.to_string())));
    let generation = simulator.database().generation();
    simulator.crash_host("h1");
    let dead = address(&simulator, "h1");
    assert_eq!(login(&simulator, "h2", "secret"), ["HOST_IS_SLAVE".to_owned(), dead.clone()]);
    simulator.seize_mastership("h2");
    assert_eq!(login(&simulator, "h3", "secret"), ["HOST_IS_SLAVE".to_owned(), dead], "nobody has told it");
    let mut client = Client::of(&simulator, "h2");
    client.result("network.get_record", json!([kept]));
    assert_eq!(client.failure("network.get_record", json!([lost]))[0], "HANDLE_INVALID");
    assert!(simulator.database().generation() < generation, "generations go back");
    assert!(simulator.database().is_live(&simulator.host("h1")), "the dead master lives on in the records");
    let token = format!("{:020},{:020}", generation, 0);
    let silent = client.result("event.from", json!([["network"], token, 0.01]));
    assert_eq!(silent["events"], json!([]), "a token of the lost time is silent");
    simulator.recover_slaves();
    assert_eq!(login(&simulator, "h3", "secret"), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h2")]);
    let fresh = client.text("network.create", json!([{ "other_config": {} }]));
    assert_ne!(fresh, lost, "references are not given out twice");
    simulator.boot_host("h1");
    assert_eq!(login(&simulator, "h1", "secret"), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h2")]);
}

#[test]
fn a_local_session_can_make_a_slave_master() {
    let (simulator, _) = pool();
    simulator.crash_host("h1");
    let mut slave = Client::at(&simulator, "h2");
    let answer =
        slave.call_plainly("session.slave_local_login_with_password", json!(["root", "secret"])).unwrap();
    let answer =
        slave.call_plainly("pool.emergency_transition_to_master", json!([answer["result"]])).unwrap();
    assert_eq!(answer["result"], "");
    let mut client = Client::of(&simulator, "h2");
    let recovered = client.result("pool.recover_slaves", json!([]));
    assert_eq!(recovered.as_array().unwrap().len(), 2);
    assert_eq!(login(&simulator, "h3", "secret"), ["HOST_IS_SLAVE".to_owned(), address(&simulator, "h2")]);
}

#[test]
fn a_host_in_emergency_mode_answers_everything_with_its_trouble() {
    let (simulator, _) = pool();
    simulator.set_emergency("h2", Some("HOST_STILL_BOOTING"));
    assert_eq!(login(&simulator, "h2", "secret"), ["HOST_STILL_BOOTING"]);
    let mut slave = Client::at(&simulator, "h2");
    let answer =
        slave.call_plainly("session.slave_local_login_with_password", json!(["root", "secret"])).unwrap();
    assert!(answer["result"].is_string(), "{answer}");
    simulator.set_emergency("h2", None);
    assert_eq!(login(&simulator, "h2", "secret")[0], "HOST_IS_SLAVE");
}

fn login(simulator: &Simulator, host: &str, password: &str) -> Vec<String> {
    let mut client = Client::at(simulator, host);
    failure_of(&client.call_plainly("session.login_with_password", json!(["root", password])).unwrap())
}

fn address(simulator: &Simulator, host: &str) -> String {
    simulator.database().text("host", &simulator.host(host), "address").to_owned()
}
