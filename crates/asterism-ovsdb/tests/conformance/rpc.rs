//! The session on its own, against a peer played by the test. Time is tokio's paused clock: it passes only while
//! nothing else can happen.

use std::{sync::Arc, time::Duration};

use asterism_ovsdb::{
    Limits, Liveness,
    codec::Codec,
    message::Notification,
    rpc::{CallError, RpcEnd, RpcSession},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

const MINUTE: Duration = Duration::from_secs(60);
const LIVENESS: Liveness =
    Liveness { probe_interval: Duration::from_secs(5), probe_deadline: Duration::from_secs(3) };

/// The server's end.
struct Peer {
    stream: DuplexStream,
    codec: Codec,
}

impl Peer {
    async fn say(&mut self, message: Value) {
        self.stream.write_all(message.to_string().as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.codec.next_message().unwrap() {
                return message;
            }
            let length = self.stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the session closed");
            self.codec.feed(&buffer[..length]);
        }
    }
}

fn start(window: usize) -> (RpcSession, mpsc::Receiver<Notification>, Peer) {
    let (ours, theirs) = duplex(window);
    let (session, notifications) =
        RpcSession::start(ours, "host h1", LIVENESS, Limits::default(), watch::channel(None).0);
    (session, notifications, Peer { stream: theirs, codec: Codec::new(Limits::default()) })
}

#[tokio::test(start_paused = true)]
async fn an_echo_is_answered_and_any_other_request_refused() {
    let (_session, _notifications, mut peer) = start(4096);
    peer.say(json!({"id": "e", "method": "echo", "params": [1, {"a": null}]})).await;
    assert_eq!(peer.hear().await, json!({"id": "e", "result": [1, {"a": null}], "error": null}));
    peer.say(json!({"id": 9, "method": "steal", "params": []})).await;
    assert_eq!(peer.hear().await, json!({"id": 9, "result": null, "error": "unknown method"}));
}

#[tokio::test(start_paused = true)]
async fn silence_is_probed_and_then_the_end() {
    let (session, _notifications, mut peer) = start(4096);
    assert_eq!(peer.hear().await, json!({"id": 0, "method": "echo", "params": []}));
    peer.say(json!({"id": 0, "result": [], "error": null})).await;
    assert_eq!(peer.hear().await["method"], "echo");
    let end = session.ended().await;
    assert!(matches!(*end, RpcEnd::Unanswered { .. }), "{end}");
}

#[tokio::test(start_paused = true)]
async fn replies_find_their_requests_in_any_order() {
    let (session, _notifications, mut peer) = start(4096);
    let session = Arc::new(session);
    let call = |method| {
        let session = session.clone();
        tokio::spawn(async move { session.call(method, json!([]), MINUTE).await.unwrap() })
    };
    let (first, second) = (call("a"), call("b"));
    let requests = [peer.hear().await, peer.hear().await];
    for request in requests.iter().rev() {
        peer.say(json!({"id": request["id"], "result": request["method"], "error": null})).await;
    }
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (json!("a"), json!("b")));
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_does_no_harm() {
    let (session, _notifications, mut peer) = start(4096);
    let error = session.call("transact", json!([]), Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }));
    assert_eq!(error.to_string(), "transact on host h1 timed out after 1s");
    let late = peer.hear().await;
    peer.say(json!({"id": late["id"], "result": 1, "error": null})).await;
    let (answer, ()) = tokio::join!(session.call("a", json!([]), MINUTE), async {
        let id = peer.hear().await["id"].clone();
        peer.say(json!({"id": id, "result": 2, "error": null})).await;
    });
    assert_eq!(answer.unwrap(), json!(2));
}

#[tokio::test(start_paused = true)]
async fn a_reply_to_nothing_ends_the_session() {
    let (session, _notifications, mut peer) = start(4096);
    peer.say(json!({"id": 77, "result": 1, "error": null})).await;
    assert!(matches!(*session.ended().await, RpcEnd::UnknownReply { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_carries_the_servers_words() {
    let (session, _notifications, mut peer) = start(4096);
    let (answer, ()) = tokio::join!(session.call("foo", json!([]), MINUTE), async {
        let id = peer.hear().await["id"].clone();
        peer.say(json!({"id": id, "error": "unknown method"})).await;
    });
    let Err(CallError::Refused { error, .. }) = answer else { panic!("{answer:?}") };
    assert!(error.is_unknown_method());
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_slows_the_server_and_loses_nothing() {
    const COUNT: u64 = 5000;
    let (session, mut notifications, mut peer) = start(1024);
    let flooding = tokio::spawn(async move {
        for number in 0..COUNT {
            peer.say(json!({"id": null, "method": "update", "params": [number]})).await;
        }
        peer
    });
    // Longer than any probe would allow: that nothing is read is our own doing, and no silence of the server's.
    sleep(MINUTE).await;
    assert!(!flooding.is_finished());
    for number in 0..COUNT {
        assert_eq!(notifications.recv().await.unwrap().params, json!([number]));
    }
    let mut peer = flooding.await.unwrap();
    let (reply, ()) = tokio::join!(
        async {
            let mut pending = session.send("a", json!([])).unwrap();
            pending.wait().await.unwrap()
        },
        async {
            let id = peer.hear().await["id"].clone();
            peer.say(json!({"id": id, "result": null, "error": null})).await;
        }
    );
    assert_eq!(reply.after, COUNT);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_sent_nothing_more() {
    let (session, _notifications, peer) = start(64);
    let mut calls = Vec::new();
    let full = loop {
        match session.send("transact", json!(["x".repeat(100)])) {
            Ok(pending) => calls.push(pending),
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
        assert!(calls.len() < 100, "the queue has no bound");
    };
    assert!(matches!(full, CallError::NotSent { .. }), "{full}");
    // It is found dead by the probe, and whoever waits hears of it.
    let lost = calls.pop().unwrap().wait().await.unwrap_err();
    assert!(matches!(lost, CallError::Lost { .. }), "{lost}");
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_closes_the_stream() {
    let (session, _notifications, mut peer) = start(64);
    drop(session);
    let mut rest = Vec::new();
    timeout(MINUTE, peer.stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.is_empty());
}
