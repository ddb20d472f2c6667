//! Waiting for events: what wakes a blocked call, and what does not.

use std::io::ErrorKind;

use asterism_xapi_sim::{Effect, Fault, Simulator, Value};
use serde_json::{Value as Json, json};

use super::{
    Client,
    client::{failure_of, until},
    pool,
};

#[test]
fn a_change_wakes_a_blocked_call() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    let token = now(&simulator, &client);
    let blocked = client.start("event.from", json!([["network"], token, 30.0]));
    until("the call waits", || simulator.calls_under_way("event.from") == 1);
    let network = simulator.network("Pool-wide network associated with eth1");
    simulator.edit(|database| database.set("network", &network, "name_description", Value::text("new")));
    let answer = blocked.join().unwrap().unwrap();
    let events = answer["result"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{answer}");
    assert_eq!(events[0]["ref"], network);
    assert_eq!(events[0]["snapshot"]["name_description"], "new");
}

#[test]
fn another_classs_change_does_not() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    let token = now(&simulator, &client);
    let blocked = client.start("event.from", json!([["tunnel"], token, 0.05]));
    simulator.set_pool_key("a", Some("b"));
    let answer = blocked.join().unwrap().unwrap();
    assert_eq!(answer["result"]["events"], json!([]));
    assert_eq!(answer["result"]["token"], token, "what was sent comes back");
}

#[test]
fn the_end_of_a_session_wakes_its_blocked_calls() {
    let (simulator, _) = pool();
    for end in [end_by_logout as fn(&Simulator, &Client), |simulator, _| simulator.expire_sessions()] {
        let client = Client::of(&simulator, "h1");
        let token = now(&simulator, &client);
        let blocked = client.start("event.from", json!([["network"], token, 30.0]));
        until("the call waits", || simulator.calls_under_way("event.from") == 1);
        end(&simulator, &client);
        let answer = blocked.join().unwrap().unwrap();
        assert_eq!(failure_of(&answer), ["SESSION_INVALID", client.session()]);
    }
}

#[test]
fn injecting_answers_a_token_from_before_the_change() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let pool = simulator.database().pool();
    let token = client.text("event.inject", json!(["pool", pool]));
    let answer = client.result("event.from", json!([["pool"], token, 1.0]));
    assert_eq!(answer["events"][0]["ref"], pool);
    assert_eq!(client.failure("event.inject", json!(["Pool", pool])), ["HANDLE_INVALID", "Pool", &pool]);
}

#[test]
fn counts_tell_of_deletions_that_were_lost() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let networks: Vec<String> =
        simulator.edit(|database| (0..600).map(|_| database.create("network", [])).collect());
    let token = now(&simulator, &client);
    simulator.edit(|database| networks.iter().for_each(|network| database.destroy("network", network)));
    let answer = client.result("event.from", json!([["network"], token, 1.0]));
    let heard = answer["events"].as_array().unwrap().len();
    assert!(heard < 600, "{heard}");
    assert_eq!(answer["valid_ref_counts"]["network"], 2);
}

#[test]
fn a_toolstacks_restart_breaks_blocked_calls() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    let token = now(&simulator, &client);
    let blocked = client.start("event.from", json!([["network"], token, 30.0]));
    until("the call waits", || simulator.calls_under_way("event.from") == 1);
    simulator.restart_toolstack("h1");
    match blocked.join().unwrap() {
        // The connection ended while the call waited, or the call found its session gone and was quick enough to say so.
        Err(error) => assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind())),
        Ok(answer) => assert_eq!(failure_of(&answer)[0], "SESSION_INVALID"),
    }
    assert_eq!(client.twin().failure("pool.get_all", json!([]))[0], "SESSION_INVALID");
    Client::of(&simulator, "h1").result("pool.get_all", json!([]));
}

#[test]
fn an_answer_with_events_can_break_off() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    simulator.inject(Fault::new(Effect::Cut).of_method("event.from").times(1));
    let error = client.twin().call("event.from", json!([["network"], "", 1.0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let again = client.twin().result("event.from", json!([["network"], "", 1.0]));
    assert_eq!(again["events"].as_array().unwrap().len(), 2);
}

fn end_by_logout(_: &Simulator, client: &Client) {
    client.twin().result("session.logout", json!([]));
}

/// The token of now.
fn now(simulator: &Simulator, client: &Client) -> Json {
    let mut twin = client.twin();
    let pool = simulator.database().pool();
    let token = twin.text("event.inject", json!(["pool", pool]));
    twin.result("event.from", json!([["pool"], token, 1.0]))["token"].clone()
}
