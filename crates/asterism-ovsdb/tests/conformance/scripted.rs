//! What a real server cannot be made to do: a server played by the test, message by message.

use std::time::Duration;

use asterism_model::{Fence, Outcome, OvsdbEndpoint, StoredFence};
use asterism_ovsdb::{
    ClaimError, FenceRefusal, HostSession, Limits, SessionConfig, SessionState, codec::Codec,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    fixture::{HOST, config, fence, last_error, no_diff, open, picture, shown, until},
    server::SCHEMA,
};

const ROOT: &str = "00000000-0000-0000-0000-000000000001";
const OTHER: &str = "00000000-0000-0000-0000-000000000002";

struct Script {
    listener: TcpListener,
}

struct Connection {
    stream: TcpStream,
    codec: Codec,
}

impl Script {
    /// A server, and a session that shows its first picture: a root row claimed for epoch 1.
    async fn start(config: &SessionConfig) -> (Self, Connection, HostSession) {
        let script = Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let session = open(OvsdbEndpoint::Tcp(script.listener.local_addr().unwrap()), config);
        let connection = script.accept().await;
        picture(&session, |_| true).await;
        (script, connection, session)
    }

    async fn accept(&self) -> Connection {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut connection = Connection { stream, codec: Codec::new(Limits::default()) };
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(SCHEMA).unwrap()).unwrap();
        connection.answer("get_schema", schema).await;
        let ids = json!(["map", [["asterism-fence", fence(1, 0).to_string()]]]);
        let rows = json!({"Open_vSwitch": {ROOT: {"initial": {"external_ids": ids}}}});
        connection.answer("monitor_cond_since", json!([false, OTHER, rows])).await;
        connection
    }
}

impl Connection {
    async fn answer(&mut self, method: &str, result: Value) {
        let id = self.request(method).await;
        self.say(json!({"id": id, "result": result, "error": null})).await;
    }

    /// Waits for the request, and gives its id.
    async fn request(&mut self, method: &str) -> Value {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.codec.next_message().unwrap() {
                assert_eq!(message["method"], method);
                return message["id"].clone();
            }
            let length = self.stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the session closed");
            self.codec.feed(&buffer[..length]);
        }
    }

    async fn set_version(&mut self, version: &str) {
        self.update(json!({"Open_vSwitch": {ROOT: {"modify": {"ovs_version": version}}}})).await;
    }

    async fn set_fence(&mut self, fence: Fence) {
        let ids = json!(["map", [["asterism-fence", fence.to_string()]]]);
        self.update(json!({"Open_vSwitch": {ROOT: {"modify": {"external_ids": ids}}}})).await;
    }

    /// Answers a claim as a server does on which `winner` has just written its fence.
    async fn outrun(&mut self, winner: Fence) {
        let id = self.request("transact").await;
        self.set_fence(winner).await;
        let timed_out = json!({"error": "timed out", "details": "\"where\" clause test failed"});
        self.say(json!({"id": id, "result": [timed_out, null, null], "error": null})).await;
    }

    async fn update(&mut self, updates: Value) {
        self.say(json!({"id": null, "method": "update3", "params": ["asterism", OTHER, updates]})).await;
    }

    async fn say(&mut self, message: Value) {
        self.stream.write_all(message.to_string().as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn no_picture_is_shown_while_an_answer_is_late() {
    let config = SessionConfig { call_deadline: Duration::from_millis(100), ..config() };
    let (_script, mut connection, session) = Script::start(&config).await;
    let done = session.transact(no_diff(), fence(1, 0)).await;
    assert!(matches!(done.outcome, Outcome::Unknown(_)), "{done:?}");
    let late = connection.request("transact").await;
    // Somebody else's change, from before ours.
    connection.set_version("before").await;
    for _ in 0..100 {
        session.transact(no_diff(), fence(1, 0)).await;
        assert!(session.state().borrow().picture().is_none());
    }
    connection.set_version("after").await;
    connection.say(json!({"id": late, "result": [{}], "error": null})).await;
    let seen = picture(&session, |_| true).await;
    assert_eq!((seen.picture, seen.ovs_version.as_deref()), (done.shown_by, Some("after")));
}

#[tokio::test]
async fn an_update_that_does_not_fit_leads_to_a_new_look() {
    let (script, mut connection, session) = Script::start(&config()).await;
    let before = shown(&session);
    connection.update(json!({"Interface": {OTHER: {"modify": {"name": "x"}}}})).await;
    let error = last_error(&session).await;
    assert!(error.contains("the copy of the host's rows is out of step"), "{error}");
    assert!(
        error.contains("change of row 00000000-0000-0000-0000-000000000002 of table Interface"),
        "{error}"
    );
    let _connection = script.accept().await;
    assert!(picture(&session, |_| true).await.picture > before.picture);
}

#[tokio::test]
async fn an_answer_without_sense_is_unknown_and_leads_to_a_new_look() {
    let (script, mut connection, session) = Script::start(&config()).await;
    let (done, ()) =
        tokio::join!(session.transact(no_diff(), fence(1, 0)), connection.answer("transact", json!([])));
    assert!(
        matches!(&done.outcome, Outcome::Unknown(reason) if reason.contains("0 results for 1")),
        "{done:?}"
    );
    let _connection = script.accept().await;
    picture(&session, |seen| seen.picture >= done.shown_by).await;
}

#[tokio::test]
async fn a_claim_that_was_outrun_by_a_lesser_one_is_made_again() {
    let (_script, mut connection, session) = Script::start(&config()).await;
    let (claimed, ()) = tokio::join!(session.claim(fence(5, 0)), async {
        connection.outrun(fence(3, 0)).await;
        let id = connection.request("transact").await;
        connection.set_fence(fence(5, 0)).await;
        connection.say(json!({"id": id, "result": [{}, {"count": 1}, {"count": 1}], "error": null})).await;
    });
    assert_eq!(claimed.unwrap().shown_by, shown(&session).picture);
    assert_eq!(shown(&session).fence, StoredFence::Present(fence(5, 0)));
}

#[tokio::test]
async fn a_claim_that_was_outrun_by_a_greater_one_is_refused_by_name() {
    let (_script, mut connection, session) = Script::start(&config()).await;
    let (claimed, ()) = tokio::join!(session.claim(fence(5, 0)), connection.outrun(fence(7, 0)));
    let source = FenceRefusal::Superseded { stored: fence(7, 0), ours: fence(5, 0) };
    assert_eq!(claimed, Err(ClaimError::Refused { host: HOST, source }));
}

#[tokio::test]
async fn a_transaction_that_was_outrun_is_fenced_by_a_greater_fence_alone() {
    let (_script, mut connection, session) = Script::start(&config()).await;
    let (done, ()) = tokio::join!(session.transact(no_diff(), fence(1, 1)), connection.outrun(fence(2, 0)));
    assert_eq!(done.outcome, Outcome::Fenced);

    let (_script, mut connection, session) = Script::start(&config()).await;
    let (done, ()) = tokio::join!(session.transact(no_diff(), fence(1, 2)), connection.outrun(fence(1, 1)));
    assert!(
        matches!(&done.outcome, Outcome::Rejected(reason) if reason.contains("changed meanwhile")),
        "{done:?}"
    );
}

#[tokio::test]
async fn a_transact_that_the_server_will_not_hear_is_rejected_in_its_words() {
    let (_script, mut connection, session) = Script::start(&config()).await;
    let (done, ()) = tokio::join!(session.transact(no_diff(), fence(1, 0)), async {
        let id = connection.request("transact").await;
        connection.say(json!({"id": id, "error": {"error": "unknown database", "details": "no X"}})).await;
    });
    let reason = "the server answered: unknown database: no X".to_owned();
    assert_eq!(done.outcome, Outcome::Rejected(reason));
}

#[tokio::test]
async fn updates_in_a_row_end_in_the_latest_picture() {
    let config = SessionConfig { picture_interval: Duration::from_millis(500), ..config() };
    let (_script, mut connection, session) = Script::start(&config).await;
    for number in 1..=500 {
        connection.set_version(&number.to_string()).await;
    }
    let seen = picture(&session, |seen| seen.ovs_version.as_deref() == Some("500")).await;
    // Latest wins: far fewer pictures than updates were drawn.
    assert!(seen.picture < 250, "{}", seen.picture);
}

#[tokio::test]
async fn an_emptied_database_takes_the_picture_away() {
    let (_script, mut connection, session) = Script::start(&config()).await;
    connection.update(json!({"Open_vSwitch": {ROOT: {"delete": null}}})).await;
    until(&session, |state| match state {
        SessionState::Waiting(_) => Some(()),
        SessionState::Connecting { .. } | SessionState::Connected { .. } => None,
    })
    .await;
    let done = session.transact(no_diff(), fence(1, 0)).await;
    assert!(
        matches!(&done.outcome, Outcome::Rejected(reason) if reason.contains("ovs-vsctl init")),
        "{done:?}"
    );
}
