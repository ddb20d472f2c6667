//! Ordered trouble of calls, and what HTTP refuses.

use std::{io::ErrorKind, time::Duration};

use asterism_xapi_sim::{Effect, Failure, Fault, Outcome, Version};
use serde_json::json;

use super::{Client, client::until, pool, pool_with};

#[test]
fn a_connection_serves_many_calls_and_the_journal_knows_them() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    client.result("pool.get_all", json!([]));
    client.failure("network.get_uuid", json!(["OpaqueRef:nope"]));
    let calls = simulator.calls();
    let shown: Vec<_> = calls.iter().map(|call| (call.method.as_str(), call.originator.as_str())).collect();
    let expected =
        [("session.login_with_password", ""), ("pool.get_all", "test"), ("network.get_uuid", "test")];
    assert_eq!(shown, expected);
    assert_eq!(calls[2].outcome, Outcome::Failure("HANDLE_INVALID".to_owned()));
    assert_eq!(calls[2].host, "h1");
}

#[test]
fn a_broken_request_is_answered_with_500_and_the_connection_closes() {
    let (simulator, _) = pool();
    for body in ["{", "[]", r#"{"method":"pool.get_all","params":[],"id":null}"#] {
        let mut client = Client::at(&simulator, "h1");
        let request = format!("POST /jsonrpc HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let answer = client.send(&request).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && answer.contains("content-type: text/html"),
            "{answer}"
        );
        assert_eq!(
            client.send(&request).unwrap_err().kind(),
            ErrorKind::UnexpectedEof,
            "the connection is closed"
        );
    }
}

#[test]
fn an_ordered_failure_comes_as_often_as_it_was_ordered() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let failure = Failure::new("RBAC_PERMISSION_DENIED", ["network.create", "no"]);
    simulator.inject(Fault::new(Effect::Fail(failure)).of_method("pool.get_all").times(1));
    assert_eq!(client.failure("pool.get_all", json!([]))[0], "RBAC_PERMISSION_DENIED");
    client.result("pool.get_all", json!([]));
}

#[test]
fn an_answer_can_break_off_in_the_middle_after_the_call_was_carried_out() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    for effect in [Effect::Cut, Effect::LoseAnswer] {
        simulator.inject(Fault::new(effect).of_method("network.create").times(1));
        let before = simulator.database().refs("network").len();
        let error = client.call("network.create", json!([{ "other_config": {} }])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(simulator.database().refs("network").len(), before + 1);
        client = client.twin();
    }
}

#[test]
fn a_lost_call_and_an_http_error_leave_no_trace() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let before = simulator.database().generation();
    simulator.inject(Fault::new(Effect::LoseCall).of_method("network.create").times(1));
    assert!(client.call("network.create", json!([{ "other_config": {} }])).is_err());
    simulator.inject(Fault::new(Effect::Status(503)).of_method("network.create").times(1));
    let mut client = client.twin();
    let error = client.call("network.create", json!([{ "other_config": {} }])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other, "the page of an HTTP error is no JSON");
    assert_eq!(simulator.database().generation(), before);
}

#[test]
fn a_hanging_call_ends_when_the_fault_is_healed() {
    let (simulator, _) = pool();
    let client = Client::of(&simulator, "h1");
    simulator.inject(Fault::new(Effect::Hang).of_method("pool.get_all"));
    let call = client.start("pool.get_all", json!([]));
    until("the call hangs", || simulator.calls_under_way("pool.get_all") == 1);
    client.twin().result("host.get_all", json!([]));
    assert!(!call.is_finished());
    simulator.heal();
    assert!(call.join().unwrap().is_err());
    client.twin().result("pool.get_all", json!([]));
}

#[test]
fn a_slow_answer_comes_whole() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let delay = Duration::from_millis(30);
    simulator.inject(Fault::new(Effect::Slow(delay)).at_host("h1"));
    client.result("pool.get_all", json!([]));
    assert!(simulator.calls().last().unwrap().took >= delay);
}

#[test]
fn a_wrong_password_is_thought_about() {
    let (simulator, _) = pool();
    let delay = Duration::from_millis(30);
    simulator.set_wrong_password_delay(delay);
    let mut client = Client::at(&simulator, "h1");
    let answer = client.call_plainly("session.login_with_password", json!(["root", "nope"])).unwrap();
    assert_eq!(super::client::failure_of(&answer)[0], "SESSION_AUTHENTICATION_FAILED");
    assert!(simulator.calls().last().unwrap().took >= delay);
}

#[test]
fn expired_sessions_are_invalid() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    simulator.expire_sessions();
    let session = client.session().to_owned();
    assert_eq!(client.failure("pool.get_all", json!([])), ["SESSION_INVALID".to_owned(), session]);
}

#[test]
fn each_version_knows_its_own_calls_and_fields() {
    let known = Version::ALL.map(|version| {
        let (simulator, _) = pool_with(|spec| asterism_xapi_sim::PoolSpec { version, ..spec });
        let mut client = Client::of(&simulator, "h1");
        let failure = client.failure("pool.install_ca_certificate", json!(["a.pem", "x"]));
        let pool = client.result("pool.get_all_records", json!([]));
        let record = pool.as_object().unwrap().values().next().unwrap();
        (
            failure[0].clone(),
            record.get("tls_verification_enabled").is_some(),
            record.get("update_sync_day").is_some(),
        )
    });
    let invalid = || "CA_CERTIFICATE_INVALID".to_owned();
    let unknown = "MESSAGE_METHOD_UNKNOWN".to_owned();
    assert_eq!(known, [(unknown, false, false), (invalid(), true, false), (invalid(), true, true)]);
}
