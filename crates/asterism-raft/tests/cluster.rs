//! Three replicas over TLS: what a majority promises, and what a minority must not.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

mod support;

use std::time::Duration;

use asterism_model::{
    Effect, Encapsulation, NetworkSpec, NodeId, Operation, PoolAttachmentSpec, Reply, RequestId, Resilience,
    SessionId, Timestamp,
};
use asterism_raft::{ProposeError, ReadError, Role, TransferError};
use futures::future::join_all;
use support::{
    PATIENCE,
    cluster::{Cluster, DEADLINE, Settings, add_pool, has_pool, is_applied, propose},
    eventually,
};

#[tokio::test]
async fn what_is_committed_is_seen_by_a_linearizable_read_on_every_node() {
    let cluster = Cluster::new(3).await;
    let proposed = cluster.commit(add_pool("p")).await;
    assert!(is_applied(&proposed.reply));
    for (node, replica) in cluster.running() {
        let view = replica.read_linearizable(DEADLINE).await.unwrap();
        assert!(view.index >= proposed.index, "node {node}");
        assert!(view.state.pool_named(&"p".parse().unwrap()).is_some(), "node {node}");
    }
    cluster.agree(proposed.index).await;
}

#[tokio::test]
async fn a_follower_names_the_leader_instead_of_proposing() {
    let cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    let (_, follower) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    let error = propose(follower, add_pool("p")).await.unwrap_err();
    let ProposeError::NotLeader { leader: Some(named) } = &error else { panic!("{error}") };
    assert_eq!((named.node.0, &named.address), (leader, &cluster.addresses[&leader].to_string()));
}

#[tokio::test]
async fn what_is_applied_is_told_to_those_who_watch() {
    let cluster = Cluster::new(1).await;
    let mut applied = cluster.replica(1).watch_applied();
    let proposed = cluster.commit(add_pool("p")).await;
    applied.wait_for(|applied| applied.index >= proposed.index).await.unwrap();
    assert!(has_pool(cluster.replica(1), "p"));
}

#[tokio::test]
async fn a_killed_leader_is_replaced_and_nothing_acknowledged_is_lost() {
    let mut cluster = Cluster::new(3).await;
    cluster.commit_pools("before", 5).await;
    let first = cluster.leader().await;
    cluster.kill(first);
    let second = cluster.leader().await;
    assert_ne!(first, second);
    let index = cluster.commit_pools("after", 5).await;
    cluster.start(first).await;
    cluster.agree(index).await;
    for name in ["before-0", "before-4", "after-0", "after-4"] {
        assert!(has_pool(cluster.replica(first), name), "{name}");
    }
}

#[tokio::test]
async fn all_killed_at_once_come_back_with_all_that_was_acknowledged() {
    let mut cluster = Cluster::new(3).await;
    let index = cluster.commit_pools("p", 10).await;
    (1..=3).for_each(|node| cluster.kill(node));
    for node in 1..=3 {
        cluster.start(node).await;
    }
    let leader = cluster.leader().await;
    let view = cluster.replica(leader).read_linearizable(PATIENCE).await.unwrap();
    assert!(view.index > index);
    assert_eq!(view.state.pools().len(), 10);
    cluster.agree(index).await;
}

#[tokio::test]
async fn a_follower_behind_the_dropped_log_catches_up_by_a_snapshot() {
    let settings = Settings { snapshot_every: 40, ..Settings::default() };
    let mut cluster = Cluster::with(3, settings).await;
    let leader = cluster.leader().await;
    let (follower, _) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    cluster.kill(follower);
    let index = make_large(&cluster).await;
    let purged = eventually("the log to be dropped", async || {
        let leader = cluster.leader().await;
        let status = cluster.replica(leader).status();
        status.purged.filter(|purged| *purged > 40).ok_or_else(|| format!("{status:#?}"))
    })
    .await;
    cluster.start(follower).await;
    cluster.agree(index).await;
    let status = cluster.replica(follower).status();
    assert!(status.snapshot >= Some(purged), "{status:#?}");

    let snapshots = std::fs::read_dir(cluster.data_dir(follower).join("snapshots")).unwrap();
    let sizes: Vec<u64> = snapshots.map(|file| file.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.iter().any(|size| *size > 256 << 10), "it came in pieces: {sizes:?}, {status:#?}");

    // It stands on what it was sent, without anyone's help.
    cluster.kill(follower);
    cluster.start(follower).await;
    cluster.agree(index).await;
}

#[tokio::test]
async fn without_a_majority_nothing_is_promised_and_every_answer_has_a_name() {
    let mut cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    (1..=3).filter(|node| *node != leader).for_each(|node| cluster.kill(node));
    let replica = cluster.replica(leader);
    let deadline = Duration::from_millis(500);
    // Within the lease it is taken, and can't be committed; then it isn't taken any more.
    eventually("the lease to end", async || {
        match replica.propose(add_pool("p"), None, Timestamp(1), deadline).await {
            Err(ProposeError::NoQuorum) => Ok(()),
            Err(error @ ProposeError::Unknown { .. }) => Err(error.to_string()),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let error = replica.read_linearizable(deadline).await.unwrap_err();
    assert!(matches!(error, ReadError::NoQuorum | ReadError::Deadline { .. }), "{error}");
    assert!(!has_pool(replica, "p"), "a stale read shows what is committed only");
    assert_eq!(replica.status().role, Role::Leader, "it knows nothing of another");
}

#[tokio::test]
async fn a_leader_cut_off_promises_nothing_and_follows_when_it_is_back() {
    let cluster = Cluster::new(3).await;
    let old = cluster.leader().await;
    cluster.isolate(old);
    let others: Vec<u64> = (1..=3).filter(|node| *node != old).collect();
    let new = eventually("another leader", async || {
        let new = cluster.leader_among(&others).await;
        let proposed = propose(cluster.replica(new), add_pool("p")).await;
        proposed.map(|_| new).map_err(|error| error.to_string())
    })
    .await;
    let deadline = Duration::from_millis(300);
    let read = cluster.replica(old).read_linearizable(deadline).await;
    assert!(read.is_err(), "{read:?}");
    let proposal = cluster.replica(old).propose(add_pool("q"), None, Timestamp(1), deadline).await;
    assert!(proposal.is_err(), "{proposal:?}");
    cluster.heal(old);
    eventually("the old leader to follow", async || {
        let leadership = cluster.replica(old).watch_leadership().borrow().clone();
        let follows = leadership.leader.as_ref().is_some_and(|leader| leader.node != NodeId(old));
        if follows { Ok(()) } else { Err(format!("{leadership:?}")) }
    })
    .await;
    let index = cluster.commit(add_pool("r")).await.index;
    cluster.agree(index).await;
    assert!(has_pool(cluster.replica(old), "p"));
    assert!(!has_pool(cluster.replica(new), "q"), "what the old leader took after its lease is nowhere");
}

#[tokio::test]
async fn a_node_cut_off_for_long_does_not_depose_the_leader_when_it_is_back() {
    let cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    let (away, _) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    let term = cluster.replica(leader).status().term;
    cluster.isolate(away);
    // Long enough that it stands for election, if it asks nobody first.
    eventually("the node to miss its leader", async || {
        let status = cluster.replica(leader).status();
        let member = status.members.iter().find(|member| member.peer.node == NodeId(away)).unwrap();
        let missed = member.last_heard.is_some_and(|age| age > Duration::from_secs(3));
        if missed { Ok(()) } else { Err(format!("{member:?}")) }
    })
    .await;
    cluster.heal(away);
    let index = cluster.commit_pools("p", 3).await;
    cluster.agree(index).await;
    assert_eq!(cluster.replica(away).status().term, term);
    assert_eq!(cluster.leader().await, leader);
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_answers_holds_up_nobody() {
    let cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    let (frozen, _) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    cluster.isolate(frozen);
    let index = cluster.commit_pools("p", 50).await;
    assert_eq!(cluster.leader().await, leader);
    cluster.heal(frozen);
    cluster.agree(index).await;
}

#[tokio::test]
async fn a_retried_request_takes_effect_once() {
    let mut cluster = Cluster::new(3).await;
    let opened = cluster.commit(Operation::OpenSession).await;
    let Reply::Applied { effect: Effect::Session(session), .. } = opened.reply else { panic!("{opened:?}") };
    let request = |session: SessionId| Some(RequestId { session, sequence: 1 });
    let send = async |cluster: &Cluster| {
        eventually("an answer", async || {
            let leader = cluster.leader().await;
            let replica = cluster.replica(leader);
            let sent = replica.propose(add_pool("p"), request(session), Timestamp(1), DEADLINE).await;
            sent.map_err(|error| error.to_string())
        })
        .await
    };
    let first = send(&cluster).await;
    let leader = cluster.leader().await;
    cluster.kill(leader);
    let second = send(&cluster).await;
    assert!(second.index > first.index, "it went through the log twice");
    assert_eq!(second.reply, first.reply, "and was answered as the first time");
    let leader = cluster.leader().await;
    assert_eq!(cluster.replica(leader).read_stale().state.pools().len(), 1);
}

#[tokio::test]
async fn leadership_is_handed_to_the_node_that_was_named() {
    let cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    let (target, _) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    let new = cluster.replica(leader).transfer_leadership(Some(NodeId(target)), PATIENCE).await.unwrap();
    assert_eq!(new.node, NodeId(target));
    assert_eq!(cluster.leader_among(&[target]).await, target);
    let index = cluster.commit(add_pool("p")).await.index;
    cluster.agree(index).await;
}

#[tokio::test]
async fn leadership_is_not_handed_to_a_node_that_cannot_take_it() {
    let cluster = Cluster::new(3).await;
    let leader = cluster.leader().await;
    let replica = cluster.replica(leader);
    let error = replica.transfer_leadership(Some(NodeId(9)), DEADLINE).await.unwrap_err();
    assert!(error.to_string().starts_with("node c9 can't lead: it is no voter; expected one of"), "{error}");

    let (away, follower) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    let error = follower.transfer_leadership(None, DEADLINE).await.unwrap_err();
    assert!(matches!(error, TransferError::NotLeader { leader: Some(_) }), "{error}");

    cluster.isolate(away);
    let deadline = Duration::from_secs(2);
    let error = replica.transfer_leadership(Some(NodeId(away)), deadline).await.unwrap_err();
    assert!(matches!(error, TransferError::Target { .. }), "{error}");
    assert_eq!(cluster.leader().await, leader, "it goes on");
    assert!(propose(replica, add_pool("p")).await.is_ok());
}

#[tokio::test]
async fn a_command_too_large_is_refused_before_it_is_proposed() {
    let cluster = Cluster::new(1).await;
    let names: Vec<_> = (0..40_000).map(|n| format!("pool-with-a-long-name-{n}").parse().unwrap()).collect();
    let change = asterism_model::NetworkChange { remove_pools: names, ..Default::default() };
    let operation = Operation::UpdateNetwork { network: "n".parse().unwrap(), change };
    let error = propose(cluster.replica(1), operation).await.unwrap_err();
    assert!(matches!(error, ProposeError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_replica_that_was_shut_down_can_be_started_again_and_is_no_failure() {
    let mut cluster = Cluster::new(1).await;
    let index = cluster.commit(add_pool("p")).await.index;
    let replica = cluster.replica(1).clone();
    replica.shutdown().await;
    let error = propose(&replica, add_pool("q")).await.unwrap_err();
    assert!(matches!(error, ProposeError::Stopped(_)), "{error}");
    assert!(tokio::time::timeout(Duration::from_millis(200), replica.failed()).await.is_err());
    cluster.kill(1);
    cluster.start(1).await;
    cluster.agree(index).await;
    assert!(has_pool(cluster.replica(1), "p"));
}

/// Fills the state with networks. Returns the last index.
async fn make_large(cluster: &Cluster) -> u64 {
    let leader = cluster.replica(cluster.leader().await);
    propose(leader, add_pool("p")).await.unwrap();
    let proposals = (0..1200).map(|number| propose(leader, create_network(&format!("network-{number}"))));
    let proposed = join_all(proposals).await;
    proposed.into_iter().map(|proposed| proposed.unwrap().index).max().unwrap()
}

fn create_network(name: &str) -> Operation {
    let attachment = PoolAttachmentSpec { transport: "t".parse().unwrap(), preferred_host: None };
    Operation::CreateNetwork(NetworkSpec {
        name: name.parse().unwrap(),
        encapsulation: Encapsulation::Vxlan,
        mtu: None,
        vni: None,
        resilience: Resilience::Single,
        detection: asterism_model::Detection::Normal,
        pools: [("p".parse().unwrap(), attachment)].into(),
        preferred_pool: None,
    })
}
