//! The client against replicas that fail in every way that it must outlive.

use std::time::Duration;

use asterism_model::{Operation, SessionId};

use super::*;
use crate::{
    testing::{FakeCluster, Fault},
    v1,
};

fn add_pool(name: &str) -> Operation {
    Operation::AddPool { name: name.parse().unwrap() }
}

fn pools(cluster: &FakeCluster) -> Vec<String> {
    cluster.state().pools().values().map(|pool| pool.name.to_string()).collect()
}

#[tokio::test]
async fn the_leaders_address_is_followed_even_if_it_is_no_endpoint() {
    let cluster = FakeCluster::start(2).await;
    let [follower, leader] = &cluster.replicas[..] else { unreachable!() };
    follower.fail([Fault::NotLeader(Some(leader.address.clone()))]);
    let config = ClientConfig { endpoints: vec![follower.address.clone()], ..cluster.config() };
    let mut client = Client::new(config).unwrap();
    client.write(&add_pool("p1")).await.unwrap();
    assert_eq!(pools(&cluster), ["p1"]);
    assert_eq!(follower.calls(), ["write"], "who leads is asked first from then on");
    assert_eq!(leader.calls(), ["write", "write"]);
}

#[tokio::test]
async fn two_replicas_that_name_each_other_are_not_asked_in_circles() {
    let cluster = FakeCluster::start(2).await;
    let [a, b] = &cluster.replicas[..] else { unreachable!() };
    a.fail(vec![Fault::NotLeader(Some(b.address.clone())); 100]);
    b.fail(vec![Fault::NotLeader(Some(a.address.clone())); 100]);
    let config = ClientConfig { timeout: Duration::from_millis(300), ..cluster.config() };
    let failure = Client::new(config).unwrap().call(v1::ListPoolsRequest::default()).await.unwrap_err();
    assert_eq!(failure.class, Class::Unavailable);
    assert!(a.calls().len() + b.calls().len() < 20, "there are pauses between rounds");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_takes_effect_once() {
    let cluster = FakeCluster::start(2).await;
    let mut client = Client::new(cluster.config()).unwrap();
    let id = client.next_request_id().await.unwrap();
    cluster.replicas[0].fail([Fault::LoseAnswer]);
    cluster.replicas[1].fail([Fault::LoseAnswer]);
    let receipt = client.write_as(id, &add_pool("p1")).await.unwrap();
    // Applied thrice, it would have been refused: the name is taken.
    assert_eq!(receipt.effect, Some(v1::receipt::Effect::Pool(1)));
    assert_eq!(pools(&cluster), ["p1"]);
}

#[tokio::test]
async fn a_replica_that_hangs_is_passed_over() {
    let cluster = FakeCluster::start(2).await;
    cluster.replicas[0].fail([Fault::Hang, Fault::Hang]);
    let mut client = Client::new(cluster.config()).unwrap();
    client.write(&add_pool("p1")).await.unwrap();
    assert_eq!(pools(&cluster), ["p1"]);
}

#[tokio::test]
async fn a_stopped_replica_is_passed_over() {
    let cluster = FakeCluster::start(2).await;
    cluster.replicas[0].stop();
    let mut client = Client::new(cluster.config()).unwrap();
    client.write(&add_pool("p1")).await.unwrap();
    assert_eq!(pools(&cluster), ["p1"]);
}

#[tokio::test]
async fn an_election_is_waited_for() {
    let cluster = FakeCluster::start(1).await;
    cluster.replicas[0].fail([Fault::NotLeader(None), Fault::NoQuorum]);
    let mut client = Client::new(cluster.config()).unwrap();
    client.write(&add_pool("p1")).await.unwrap();
}

#[tokio::test]
async fn no_quorum_is_unavailable_and_nothing_happened() {
    let cluster = FakeCluster::start(1).await;
    cluster.replicas[0].fail(vec![Fault::NoQuorum; 100]);
    let config = ClientConfig { timeout: Duration::from_millis(300), ..cluster.config() };
    let failure = Client::new(config).unwrap().write(&add_pool("p1")).await.unwrap_err();
    assert_eq!(failure.class, Class::Unavailable);
    assert_eq!(failure.reason, "no_quorum");
    assert!(failure.message.contains("1 of 3 replicas"), "{failure}");
}

#[tokio::test]
async fn a_write_without_any_answer_has_an_unknown_outcome_and_can_be_taken_up_later() {
    let cluster = FakeCluster::start(1).await;
    let config = ClientConfig { timeout: Duration::from_millis(400), ..cluster.config() };
    let mut client = Client::new(config).unwrap();
    let id = client.next_request_id().await.unwrap();
    cluster.replicas[0].fail(vec![Fault::LoseAnswer; 100]);
    let failure = client.write_as(id, &add_pool("p1")).await.unwrap_err();
    assert_eq!(failure.class, Class::OutcomeUnknown, "{failure}");

    // Another client, later, under the same identity: done already, and told so.
    cluster.replicas[0].clear();
    let receipt = Client::new(cluster.config()).unwrap().write_as(id, &add_pool("p1")).await.unwrap();
    assert_eq!(receipt.effect, Some(v1::receipt::Effect::Pool(1)));
}

#[tokio::test]
async fn a_read_without_any_answer_is_unavailable() {
    let cluster = FakeCluster::start(1).await;
    cluster.replicas[0].fail(vec![Fault::Hang; 100]);
    let config = ClientConfig { timeout: Duration::from_millis(400), ..cluster.config() };
    let failure = Client::new(config).unwrap().call(v1::ListPoolsRequest::default()).await.unwrap_err();
    assert_eq!(failure.class, Class::Unavailable, "{failure}");
}

#[tokio::test]
async fn a_write_without_an_identity_is_never_sent_twice() {
    let cluster = FakeCluster::start(2).await;
    for replica in &cluster.replicas {
        replica.fail([Fault::LoseAnswer]);
    }
    let operation = crate::convert::operation_to_proto(&add_pool("p1"));
    let request = v1::WriteRequest { request_id: None, operation };
    let failure = Client::new(cluster.config()).unwrap().call(request).await.unwrap_err();
    assert_eq!(failure.class, Class::OutcomeUnknown, "{failure}");
    assert_eq!(cluster.replicas[0].calls().len() + cluster.replicas[1].calls().len(), 1);
}

#[tokio::test]
async fn an_expired_session_leaves_the_outcome_unknown() {
    let cluster = FakeCluster::start(1).await;
    let id = asterism_model::RequestId { session: SessionId(99), sequence: 1 };
    let mut client = Client::new(cluster.config()).unwrap();
    let failure = client.write_as(id, &add_pool("p1")).await.unwrap_err();
    assert_eq!((failure.class, failure.reason.as_str()), (Class::OutcomeUnknown, "unknown_session"));
    assert_eq!(cluster.replicas[0].calls().len(), 1, "no other replica knows more");
}

#[tokio::test]
async fn a_refusal_is_final_and_the_next_write_goes_on() {
    let cluster = FakeCluster::start(2).await;
    let mut client = Client::new(cluster.config()).unwrap();
    client.write(&add_pool("p1")).await.unwrap();
    let failure = client.write(&add_pool("p1")).await.unwrap_err();
    assert_eq!((failure.class, failure.reason.as_str()), (Class::Refused, "pool_name_taken"));
    client.write(&add_pool("p2")).await.unwrap();
    assert_eq!(pools(&cluster), ["p1", "p2"]);
}

#[tokio::test]
async fn what_a_replica_does_not_permit_is_final() {
    let cluster = FakeCluster::start(2).await;
    cluster.replicas[0].fail([Fault::NotPermitted]);
    let mut client = Client::new(cluster.config()).unwrap();
    let failure = client.call(v1::ListPoolsRequest::default()).await.unwrap_err();
    assert_eq!(failure.class, Class::NotPermitted);
    assert!(cluster.replicas[1].calls().is_empty());
}

#[tokio::test]
async fn a_broken_stream_of_events_goes_on_elsewhere_without_loss_or_repetition() {
    let cluster = FakeCluster::start(2).await;
    for name in ["p1", "p2", "p3"] {
        cluster.apply(add_pool(name));
    }
    cluster.replicas[0].fail([Fault::BreakAfter(2)]);
    let mut client = Client::new(cluster.config()).unwrap();
    let request = v1::WatchEventsRequest { follow: true, ..Default::default() };
    let mut events = client.follow(request).await.unwrap();
    let mut sequences = Vec::new();
    while sequences.len() < 5 {
        if sequences.len() == 4 {
            cluster.apply(add_pool("p4"));
        }
        let event =
            tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap().unwrap();
        sequences.push(event.sequence);
    }
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn events_that_are_not_followed_end() {
    let cluster = FakeCluster::start(1).await;
    let mut client = Client::new(cluster.config()).unwrap();
    let mut events = client.follow(v1::WatchEventsRequest::default()).await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().kind, "cluster_initialised");
    assert_eq!(events.next().await.unwrap(), None);
}

#[test]
fn an_endpoint_names_a_host_and_a_port() {
    let client = |endpoint: &str| {
        Client::new(ClientConfig {
            endpoints: vec![endpoint.to_owned()],
            security: Security::Plaintext,
            timeout: Duration::from_secs(1),
            attempt_timeout: Duration::from_secs(1),
        })
    };
    for good in ["10.0.0.1:7400", "[fd00::1]:7400", "controller-1.example:7400"] {
        assert!(client(good).is_ok(), "{good}");
    }
    for bad in ["", "10.0.0.1", "10.0.0.1:0", "https://10.0.0.1:7400", "a b:1", "10.0.0.1:7400/x"] {
        assert!(client(bad).is_err(), "{bad}");
    }
}
