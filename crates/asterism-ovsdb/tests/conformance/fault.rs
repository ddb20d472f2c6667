//! Hosts that hang, die, come back, come back empty, or were never OVSDB.

use std::time::Duration;

use asterism_model::{Outcome, OvsdbEndpoint, StoredFence};
use asterism_ovsdb::{ClaimError, SessionConfig, SessionState, WaitingFor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    fixture::{
        HOST, add_bridge, bridge, bridge_of, claimed, config, fence, impatient, last_error, no_diff, open,
        picture, shown, until,
    },
    proxy::Proxy,
    server::Server,
};

/// With so short a deadline for calls that a frozen host costs a test little.
fn hasty() -> SessionConfig {
    SessionConfig { call_deadline: Duration::from_millis(300), ..config() }
}

fn unknown(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Unknown(reason) => reason,
        Outcome::Applied | Outcome::Fenced | Outcome::Rejected(_) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_transaction_on_a_frozen_host_is_unknown_until_a_later_picture_shows_it() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &hasty()).await;
    server.freeze();
    let done = session.transact(add_bridge(bridge(7, &[2])), fence(1, 1)).await;
    assert_eq!(unknown(&done.outcome), "transact on host h1 timed out after 300ms");
    // There is nothing to look at, and nothing more is sent, before the fate of this one is known.
    let state = session.state().borrow().clone();
    assert!(matches!(state, SessionState::Waiting(WaitingFor::LateAnswer)), "{state:?}");
    let refused = session.transact(no_diff(), fence(1, 1)).await;
    let earlier = |reason: &str| reason.contains("earlier transaction");
    assert!(matches!(&refused.outcome, Outcome::Rejected(reason) if earlier(reason)), "{refused:?}");
    assert!(matches!(session.claim(fence(1, 1)).await, Err(ClaimError::NotSent { .. })));

    server.thaw();
    let seen = picture(&session, |seen| seen.picture >= done.shown_by).await;
    assert_eq!(bridge_of(&seen, 7).1.ports.len(), 1);
    let again = session.transact(add_bridge(bridge(8, &[2])), fence(1, 1)).await;
    assert_eq!(again.outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_claim_on_a_frozen_host_is_unknown_by_name() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &hasty()).await;
    server.freeze();
    let reason = "transact on host h1 timed out after 300ms".to_owned();
    assert_eq!(session.claim(fence(2, 0)).await, Err(ClaimError::Unknown { host: HOST, reason }));
    server.thaw();
    picture(&session, |seen| seen.fence == StoredFence::Present(fence(2, 0))).await;
}

#[tokio::test]
async fn a_host_that_stays_frozen_loses_its_session_and_gets_it_back() {
    let server = Server::start();
    let session = claimed(server.endpoint(), &impatient()).await;
    let before = shown(&session);
    server.freeze();
    let error = last_error(&session).await;
    assert!(error.contains("echo unanswered for 250ms"), "{error}");
    let refused = session.transact(no_diff(), fence(1, 1)).await;
    assert!(matches!(&refused.outcome, Outcome::Rejected(reason) if reason.contains("not connected")));
    server.thaw();
    let after = picture(&session, |_| true).await;
    assert!(after.picture > before.picture);
    assert_eq!(after.root, before.root);
}

#[tokio::test]
async fn what_was_asked_of_a_session_that_dies_is_unknown() {
    let mut server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    server.freeze();
    let transacting = session.transact(add_bridge(bridge(7, &[2])), fence(1, 1));
    let (done, ()) = tokio::join!(transacting, async { server.kill() });
    assert!(unknown(&done.outcome).contains("the session with host h1 ended"), "{done:?}");
    server.restart();
    let seen = picture(&session, |seen| seen.picture >= done.shown_by).await;
    assert_eq!(seen.fence, StoredFence::Present(fence(1, 0)));
}

#[tokio::test]
async fn a_host_that_accepts_and_is_frozen_from_the_start_times_out_by_name() {
    let server = Server::start();
    server.freeze();
    let config = SessionConfig { picture_deadline: Duration::from_millis(200), ..config() };
    let session = open(server.endpoint(), &config);
    let error = last_error(&session).await;
    assert!(error.contains("get_schema on host h1 timed out after 200ms"), "{error}");
    server.thaw();
    picture(&session, |_| true).await;
}

#[tokio::test]
async fn a_host_that_is_killed_and_restarted_is_seen_again() {
    let mut server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    session.transact(add_bridge(bridge(7, &[2])), fence(1, 1)).await;
    let before = shown(&session);
    server.kill();
    let error = last_error(&session).await;
    assert!(
        error.contains("the session with host h1 ended") || error.contains("cannot be reached"),
        "{error}"
    );
    server.restart();
    let after = picture(&session, |_| true).await;
    assert!(after.picture > before.picture);
    assert_eq!(
        (after.root, &after.bridges, after.fence.clone()),
        (before.root, &before.bridges, before.fence.clone())
    );
    assert_eq!(session.transact(add_bridge(bridge(8, &[2])), fence(1, 2)).await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_host_that_comes_back_empty_is_noticed_and_must_be_claimed_anew() {
    let mut server = Server::start();
    let session = claimed(server.endpoint(), &config()).await;
    session.transact(add_bridge(bridge(7, &[2])), fence(1, 1)).await;
    let before = shown(&session);
    server.kill();
    server.restart_empty();
    let after = picture(&session, |seen| seen.root != before.root).await;
    assert_eq!((after.bridges.len(), after.fence.clone()), (0, StoredFence::Absent));
    let done = session.transact(add_bridge(bridge(7, &[2])), fence(1, 1)).await;
    assert!(matches!(&done.outcome, Outcome::Rejected(reason) if reason.contains("not claimed")), "{done:?}");
    session.claim(fence(1, 1)).await.unwrap();
    assert_eq!(session.transact(add_bridge(bridge(7, &[2])), fence(1, 1)).await.outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_stream_of_single_bytes_is_as_good_as_any() {
    let server = Server::start();
    let proxy = Proxy::one_byte_at_a_time(server.endpoint()).await;
    let session = claimed(proxy.endpoint(), &config()).await;
    let done = session.transact(add_bridge(bridge(7, &[2, 3])), fence(1, 1)).await;
    assert_eq!(done.outcome, Outcome::Applied);
    assert_eq!(bridge_of(&shown(&session), 7).1.ports.len(), 2);
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_times_out_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = SessionConfig { picture_deadline: Duration::from_millis(100), ..config() };
    let session = open(OvsdbEndpoint::Tcp(listener.local_addr().unwrap()), &config);
    let error = last_error(&session).await;
    assert!(error.contains("get_schema on host h1 timed out after 100ms"), "{error}");
    assert_eq!(session.last_heard(), None);
}

#[tokio::test]
async fn a_server_that_is_no_ovsdb_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let session = open(OvsdbEndpoint::Tcp(listener.local_addr().unwrap()), &config());
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let error = last_error(&session).await;
    assert!(error.contains("byte 0x48 where a JSON object should begin"), "{error}");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named_with_its_endpoint() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = OvsdbEndpoint::Tcp(listener.local_addr().unwrap());
    drop(listener);
    let error = last_error(&open(endpoint.clone(), &config())).await;
    assert!(error.contains(&format!("connecting to {endpoint} failed")), "{error}");
    let error = last_error(&open("unix:/nowhere/db.sock".parse().unwrap(), &config())).await;
    assert!(error.contains("connecting to unix:/nowhere/db.sock failed"), "{error}");
}

#[tokio::test]
async fn a_handshake_without_an_answer_times_out_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = asterism_ovsdb::TlsConfig {
        trust: asterism_ovsdb::Trust::Pinned("00".repeat(32).parse().unwrap()),
        identity: None,
        required_name: None,
    };
    let config = SessionConfig { tls: Some(tls), connect_deadline: Duration::from_millis(100), ..config() };
    let error = last_error(&open(OvsdbEndpoint::Ssl(listener.local_addr().unwrap()), &config)).await;
    assert!(error.contains("the TLS handshake with ssl:127.0.0.1"), "{error}");
    assert!(error.contains("timed out after 100ms"), "{error}");
}

#[tokio::test]
async fn a_frozen_host_does_not_delay_another() {
    let (frozen, well) = (Server::start(), Server::start());
    let stuck = claimed(frozen.endpoint(), &hasty()).await;
    let working = claimed(well.endpoint(), &config()).await;
    frozen.freeze();
    let waiting = stuck.transact(add_bridge(bridge(1, &[2])), fence(1, 1));
    tokio::pin!(waiting);
    for network in 1..=5 {
        tokio::select! {
            biased;
            done = working.transact(add_bridge(bridge(network, &[2])), fence(1, 1)) => {
                assert_eq!(done.outcome, Outcome::Applied);
            }
            // With five transactions done in less than its deadline, the frozen one is still waited for.
            done = &mut waiting => panic!("{done:?}"),
        }
    }
    unknown(&waiting.await.outcome);
}

#[tokio::test]
async fn a_session_that_is_given_up_is_reset_and_not_flushed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let session = open(OvsdbEndpoint::Tcp(listener.local_addr().unwrap()), &config());
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = [0; 4096];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    drop(session);
    let error = loop {
        match stream.read(&mut buffer).await {
            Ok(0) => panic!("the connection was closed in order"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_host_that_appears_late_is_connected_to() {
    let mut server = Server::start();
    server.kill();
    let session = open(server.endpoint(), &config());
    until(&session, |state| match state {
        SessionState::Connecting { attempt, .. } => (*attempt > 2).then_some(()),
        SessionState::Waiting(_) | SessionState::Connected { .. } => None,
    })
    .await;
    server.restart();
    picture(&session, |_| true).await;
}
