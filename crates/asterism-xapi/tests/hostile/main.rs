//! Against servers that no faithful XAPI is like: garbage, floods and silence end as errors with names.

#![allow(clippy::unwrap_used)]

mod server;
mod values;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use asterism_model::{CallOutcome, PoolCall, PoolId, XapiAddress, chain};
use asterism_xapi::{
    Backoff, Limits, PoolSession, PoolSessionState, PoolSurvey, Secret, Trust, XapiConfig, XapiError, survey,
};
use serde_json::{Value, json};

use server::{Reply, Server, answer};

const POOL: &str = "00000000-0000-0000-0000-000000000001";

fn config(address: XapiAddress) -> XapiConfig {
    let addresses = BTreeSet::from([address]);
    let mut config = XapiConfig::new(addresses, "root", Secret::new("secret"), Trust::Observe, "asterism/1");
    config.deadlines.connect = Duration::from_secs(2);
    config.deadlines.login = Duration::from_secs(2);
    config.limits = Limits { answer: 1 << 20, ..config.limits };
    config.backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(50) };
    config
}

/// Of the pool that was confirmed.
fn known(config: XapiConfig) -> XapiConfig {
    XapiConfig { expected_pool: Some(POOL.parse().unwrap()), ..config }
}

async fn survey_of(
    scheme: &str,
    script: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> Result<PoolSurvey, XapiError> {
    let server = Server::start(script).await;
    survey(&config(server.address(scheme))).await
}

/// What a pool with one host answers.
fn good(method: &str) -> Value {
    match method {
        "session.login_with_password" => json!("OpaqueRef:session"),
        "session.get_record" => json!({ "is_local_superuser": true }),
        "pool.get_all_records" => json!({ "OpaqueRef:pool": { "uuid": POOL, "master": "OpaqueRef:host" } }),
        "host.get_all_records" => json!({ "OpaqueRef:host": host() }),
        "pool.certificate_list" => json!([]),
        "event.from" => json!({
            "events": [
                { "class": "pool", "operation": "add", "ref": "OpaqueRef:pool",
                  "snapshot": { "uuid": POOL, "master": "OpaqueRef:host" } },
                { "class": "host", "operation": "add", "ref": "OpaqueRef:host", "snapshot": host() },
            ],
            "valid_ref_counts": {},
            "token": "1,0",
        }),
        _ => json!({}),
    }
}

fn host() -> Value {
    json!({ "uuid": "00000000-0000-0000-0000-000000000002", "name_label": "h1", "address": "10.0.0.11" })
}

#[tokio::test]
async fn whatever_is_no_xapi_is_called_so() {
    let not_found = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    let page = answer(b"<html><body>It works!</body></html>");
    let big_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20)).into_bytes();
    for bytes in [
        not_found,
        page,
        answer(b"{}"),
        answer(&[0xff; 1000]),
        answer("[".repeat(500_000).as_bytes()),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".to_vec(),
        big_head,
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let error = survey_of("http", move |_| Reply::Bytes(bytes.clone())).await.unwrap_err();
        assert!(matches!(error, XapiError::NotXapi { .. }), "{shown}: {error:?}");
        assert!(error.to_string().contains("is no XAPI"), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_xapi() {
    let error = survey_of("https", |_| Reply::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    let error = error.unwrap_err();
    assert!(matches!(error, XapiError::NotXapi { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_goes_in_the_handshake_is_unreachable() {
    for bytes in [vec![], vec![0x16]] {
        let error = survey_of("https", move |_| Reply::Bytes(bytes.clone())).await.unwrap_err();
        assert!(matches!(error, XapiError::Unreachable { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let error = survey_of("http", |_| Reply::Endless).await.unwrap_err();
    assert!(chain(&error).contains("longer than 1048576 bytes"), "{}", chain(&error));
}

#[tokio::test]
async fn a_silent_server_times_out_with_its_name() {
    let error = survey_of("http", |_| Reply::Hang).await.unwrap_err();
    assert!(matches!(error, XapiError::Unreachable { .. }), "{error:?}");
    assert!(chain(&error).contains("did not answer within 2s"), "{}", chain(&error));
}

#[tokio::test]
async fn a_password_that_is_echoed_is_not_shown() {
    let body =
        r#"{"result":null,"error":["INVALID_VALUE","Invalid UTF-8 string in parameter","S(secret)"],"id":0}"#;
    let error = survey_of("http", move |_| Reply::Body(body.as_bytes().to_vec())).await.unwrap_err();
    assert!(
        chain(&error).contains("INVALID_VALUE") && !chain(&error).contains("secret"),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn records_that_are_no_records_are_refused_one_by_one() {
    let methods = ["session.login_with_password", "pool.get_all_records", "network.get_all_records"];
    for spoilt in methods {
        let script =
            move |method: &str| Reply::Result(if method == spoilt { json!([7]) } else { good(method) });
        let error = survey_of("http", script).await.unwrap_err();
        assert!(chain(&error).contains(spoilt), "{}", chain(&error));
    }
    assert!(survey_of("http", |method| Reply::Result(good(method))).await.is_ok());
}

/// A user of a directory, whose rights are listed.
#[tokio::test]
async fn rights_that_are_missing_are_named_before_anything_is_asked() {
    let script = |rights: Value| {
        move |method: &str| {
            Reply::Result(match method {
                "session.get_record" => json!({ "is_local_superuser": false, "rbac_permissions": rights }),
                _ => good(method),
            })
        }
    };
    let all = json!([
        "Event.from",
        "network.create",
        "network.destroy",
        "network.set_MTU",
        "network.set_name_label",
        "PIF.plug",
        "pool.install_ca_certificate",
        "pool.certificate_list",
        "pool.certificate_sync",
        "SDN_controller.introduce",
        "tunnel.create",
        "tunnel.destroy",
        "tunnel.set_status",
        "vm.start"
    ]);
    let mut some = all.clone();
    some.as_array_mut().unwrap().retain(|right| right != "tunnel.create" && right != "PIF.plug");
    assert!(survey_of("http", script(all)).await.is_ok());
    let error = survey_of("http", script(some)).await.unwrap_err();
    assert!(matches!(error, XapiError::Rights { .. }), "{error:?}");
    assert!(error.to_string().ends_with("missing are pif.plug, tunnel.create"), "{error}");
}

/// A master whose events turn into garbage, in every other session.
#[tokio::test]
async fn a_session_survives_garbage_by_beginning_anew() {
    let events = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&events);
    let server = Server::start(move |method| match method {
        "event.from" => match counted.fetch_add(1, Ordering::Relaxed) % 4 {
            0 | 2 => Reply::Result(good(method)),
            1 => Reply::Body(b"\0\0\0".to_vec()),
            _ => Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{".to_vec()),
        },
        _ => Reply::Result(good(method)),
    })
    .await;
    let session = PoolSession::open(PoolId(1), known(config(server.address("http")))).unwrap();
    let mut state = session.state();
    let mut seen = 0;
    while seen < 3 {
        state.changed().await.unwrap();
        if let PoolSessionState::Connecting { last_error: Some(_), .. } = &*state.borrow_and_update() {
            seen += 1;
        }
    }
    assert!(events.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn a_call_is_refused_while_there_is_no_session() {
    let server = Server::start(|_| Reply::Hang).await;
    let session = PoolSession::open(PoolId(1), known(config(server.address("http")))).unwrap();
    let outcome = session.call(PoolCall::SyncCertificates).await;
    assert!(matches!(&outcome, CallOutcome::Refused(why) if why.contains("no session")), "{outcome:?}");
}

#[tokio::test]
async fn a_call_without_an_answer_is_unknown_and_others_go_on() {
    let server = Server::start(|method| match method {
        "event.from" => Reply::Result(good(method)),
        "pool.certificate_sync" | "tunnel.destroy" => Reply::Hang,
        _ => Reply::Result(good(method)),
    })
    .await;
    let mut config = config(server.address("http"));
    config.deadlines.plug = Duration::from_millis(300);
    let session = PoolSession::open(PoolId(1), known(config)).unwrap();
    session.state().wait_for(|state| state.picture().is_some()).await.unwrap();
    let network = asterism_model::ObjectRef("OpaqueRef:network".to_owned());
    let (hanging, other) = tokio::join!(
        session.call(PoolCall::SyncCertificates),
        session.call(PoolCall::DestroyNetwork { network }),
    );
    assert!(matches!(&hanging, CallOutcome::Unknown(why) if why.contains("did not answer")), "{hanging:?}");
    assert_eq!(other, CallOutcome::Done);
}
