//! Sessions end in many ways; a new one begins, and nothing is lost but time.

use std::time::Duration;

use asterism_model::{CallOutcome, PoolCall};
use asterism_xapi::{Secret, XapiError};
use asterism_xapi_sim::{Effect, Fault};

use crate::support::{
    config, connected, connected_where, count, failed, key, open, picture_where, spec, start, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_logs_out() {
    let simulator = start(spec(1));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    assert_eq!(simulator.database().refs("session").len(), 1);
    drop(session);
    until("logged out", || simulator.database().refs("session").is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_renewed_in_the_middle_of_waiting() {
    let simulator = start(spec(2));
    let session = open(&config(&simulator, &["h1"]));
    let before = connected(&session).await;
    simulator.expire_sessions();
    let after = connected_where(&session, "renewed", |pool| pool.since > before.since).await;
    assert_eq!(after.picture.inventory, before.picture.inventory);
    assert!(after.picture.observed.picture > before.picture.observed.picture);
    assert_eq!(count(&simulator, "session.login_with_password"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_while_there_was_no_session_is_seen() {
    let simulator = start(spec(2));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    simulator.stop_toolstack("h1");
    failed(&session, |_| true).await;
    simulator.set_enabled("h2", false);
    simulator.start_toolstack("h1");
    picture_where(&session, "h2 disabled", |picture| {
        picture.inventory.hosts.values().any(|host| host.name.as_str() == "h2" && !host.is_enabled)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_reset_while_waiting_is_survived() {
    let simulator = start(spec(2));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    simulator.reset_connections("h1");
    simulator.set_enabled("h2", false);
    picture_where(&session, "h2 disabled", |picture| {
        picture.inventory.hosts.values().any(|host| !host.is_enabled)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_http_and_hangs_while_waiting_are_survived() {
    for effect in [Effect::Status(503), Effect::Hang, Effect::Cut, Effect::LoseAnswer] {
        let simulator = start(spec(1));
        simulator.inject(Fault::new(effect.clone()).of_method("event.from").times(2));
        let mut config = config(&simulator, &["h1"]);
        config.deadlines.resync = Duration::from_secs(2);
        let session = open(&config);
        connected(&session).await;
        assert!(count(&simulator, "session.login_with_password") >= 2, "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_answers_are_waited_for() {
    let simulator = start(spec(1));
    simulator.inject(Fault::new(Effect::Slow(Duration::from_millis(700))));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    let call = PoolCall::CreateNetwork { key: key(1), label: "n".into(), bridge: "ast1".into(), mtu: 1450 };
    assert_eq!(session.call(call).await, CallOutcome::Done);
    assert_eq!(count(&simulator, "session.login_with_password"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_not_tried_again_at_once() {
    let simulator = start(spec(1));
    let mut config = config(&simulator, &["h1"]);
    config.password = Secret::new("wrong");
    let session = open(&config);
    failed(&session, |error| matches!(error, XapiError::Authentication { .. })).await;
    let mut attempts = std::collections::BTreeSet::new();
    crate::support::state_where(&session, "three attempts more", |state| {
        if let asterism_xapi::PoolSessionState::Connecting { attempt, .. } = state {
            attempts.insert(*attempt);
        }
        attempts.last().is_some_and(|&attempt| attempt >= 4)
    })
    .await;
    assert_eq!(count(&simulator, "session.login_with_password"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_an_expired_session_is_refused_and_the_session_renewed() {
    let simulator = start(spec(1));
    let session = open(&config(&simulator, &["h1"]));
    let before = connected(&session).await;
    let expired = asterism_xapi_sim::Failure::new("SESSION_INVALID", ["OpaqueRef:x"]);
    simulator.inject(Fault::new(Effect::Fail(expired)).of_method("network.create").times(1));
    let call =
        || PoolCall::CreateNetwork { key: key(1), label: "n".into(), bridge: "ast1".into(), mtu: 1450 };
    let outcome = session.call(call()).await;
    assert_eq!(outcome, CallOutcome::Refused("SESSION_INVALID".to_owned()));
    connected_where(&session, "renewed", |pool| pool.since > before.since).await;
    assert_eq!(session.call(call()).await, CallOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_pool_costs_one_question_for_each_timeout() {
    let simulator = start(spec(3));
    let session = open(&config(&simulator, &["h1"]));
    connected(&session).await;
    until("three questions", || count(&simulator, "event.from") >= 3).await;
    let others =
        simulator.calls().into_iter().map(|call| call.method).filter(|method| method != "event.from");
    assert_eq!(
        others.collect::<Vec<_>>(),
        ["session.login_with_password", "pool.get_all_records", "pool.certificate_list"]
    );
}
