//! Members come and go while the cluster works; and what is left when most of them are gone for good.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

mod support;

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    ClusterId, MemberChange, NodeId, Operation, Reply, Timestamp, apply::timeline::EPOCHS_PER_TIMELINE,
};
use asterism_raft::{Peer, RecoverError, Role, Survivor};
use support::{
    PATIENCE,
    cluster::{Cluster, Settings, add_pool, has_pool, propose},
    eventually,
};

/// `nodes` replicas, of which the first `members` are a cluster.
async fn some_of(nodes: u64, members: u64) -> Cluster {
    let cluster = Cluster::started(nodes, Settings::default()).await;
    let first: BTreeMap<_, _> = cluster.members().into_iter().filter(|(node, _)| node.0 <= members).collect();
    cluster.replica(1).initialise(first, PATIENCE).await.unwrap();
    let name = cluster.settings.cluster.parse().unwrap();
    cluster.commit(Operation::InitCluster { cluster: ClusterId(1), name }).await;
    cluster
}

fn peer(cluster: &Cluster, node: u64) -> Peer {
    Peer { node: NodeId(node), address: cluster.addresses[&node].to_string() }
}

fn voters(cluster: &Cluster, node: u64) -> BTreeSet<u64> {
    let members = cluster.replica(node).status().members;
    members.into_iter().filter(|member| member.voter).map(|member| member.peer.node.0).collect()
}

async fn grow(cluster: &Cluster, node: u64) {
    let leader = cluster.replica(cluster.leader().await);
    leader.add_learner(&peer(cluster, node), PATIENCE).await.unwrap();
    leader.promote(NodeId(node), None, PATIENCE).await.unwrap();
}

fn retire(node: u64) -> Operation {
    Operation::ChangeMembers(MemberChange::Retire { node: NodeId(node) })
}

#[tokio::test]
async fn a_cluster_grows_from_one_to_five_and_back_without_stopping() {
    let cluster = some_of(5, 1).await;
    for node in 2..=5 {
        grow(&cluster, node).await;
        cluster.commit(add_pool(&format!("with-{node}"))).await;
    }
    assert_eq!(voters(&cluster, 1), (1..=5).collect());
    let leader = cluster.leader().await;
    for node in (1..=5).filter(|node| *node != leader).take(4) {
        cluster.replica(leader).remove_member(NodeId(node), PATIENCE).await.unwrap();
        cluster.commit(add_pool(&format!("without-{node}"))).await;
    }
    assert_eq!(voters(&cluster, leader), BTreeSet::from([leader]));
    assert_eq!(cluster.replica(leader).read_stale().state.pools().len(), 8);
}

#[tokio::test]
async fn a_dead_voter_is_replaced_in_one_step_and_its_vote_never_counts_beside_its_successors() {
    let mut cluster = some_of(4, 3).await;
    let dead = (1..=3).find(|node| *node != 1).unwrap();
    cluster.commit(add_pool("p")).await;
    cluster.kill(dead);
    let leader = cluster.leader_among(&[1, 3]).await;
    let leading = cluster.replica(leader);
    leading.add_learner(&peer(&cluster, 4), PATIENCE).await.unwrap();
    leading.promote(NodeId(4), Some(NodeId(dead)), PATIENCE).await.unwrap();
    assert_eq!(voters(&cluster, leader), BTreeSet::from([1, 3, 4]));
    assert!(leading.status().members.iter().all(|member| member.peer.node != NodeId(dead)));
    let index = cluster.commit(add_pool("q")).await.index;
    cluster.agree(index).await;
}

#[tokio::test]
async fn a_voter_that_is_demoted_still_follows() {
    let cluster = some_of(3, 3).await;
    let leader = cluster.leader().await;
    let node = (1..=3).find(|node| *node != leader).unwrap();
    cluster.replica(leader).demote(NodeId(node), PATIENCE).await.unwrap();
    assert!(!voters(&cluster, leader).contains(&node));
    let index = cluster.commit(add_pool("p")).await.index;
    cluster.agree(index).await;
    eventually("it to know", async || {
        let role = cluster.replica(node).status().role;
        if role == Role::Learner { Ok(()) } else { Err(format!("{role:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_removed_node_that_goes_on_is_refused_and_disturbs_nobody() {
    let cluster = some_of(3, 3).await;
    let leader = cluster.leader().await;
    let gone = (1..=3).find(|node| *node != leader).unwrap();
    let leading = cluster.replica(leader);
    propose(leading, retire(gone)).await.unwrap();
    leading.remove_member(NodeId(gone), PATIENCE).await.unwrap();
    let error = leading.add_learner(&peer(&cluster, gone), PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("its id is used up"), "{error}");
    // It asks whom it takes for its leader, and is told.
    let removed = cluster.replica(gone);
    let read = removed.read_linearizable(std::time::Duration::from_secs(2)).await;
    assert!(read.is_err(), "{read:?}");
    let term = leading.status().term;
    cluster.commit(add_pool("p")).await;
    assert_eq!((leading.status().term, cluster.leader_among(&[leader]).await), (term, leader));
}

#[tokio::test]
async fn a_node_that_must_not_stand_for_election_does_not_and_still_votes() {
    let mut cluster = some_of(3, 3).await;
    let leader = cluster.leader().await;
    let drained = (1..=3).find(|node| *node != leader).unwrap();
    let other = (1..=3).find(|node| ![leader, drained].contains(node)).unwrap();
    cluster.replica(drained).allow_election(false);
    cluster.kill(leader);
    assert_eq!(cluster.leader_among(&[drained, other]).await, other);
}

#[tokio::test]
async fn leadership_is_not_handed_to_a_drained_node() {
    let cluster = some_of(3, 3).await;
    let leader = cluster.leader().await;
    let drained = (1..=3).find(|node| *node != leader).unwrap();
    let drain = MemberChange::Drain { node: NodeId(drained) };
    cluster.commit(Operation::ChangeMembers(drain)).await;
    let leading = cluster.replica(leader);
    let error = leading.transfer_leadership(Some(NodeId(drained)), PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("it is drained"), "{error}");
    let taken = leading.transfer_leadership(None, PATIENCE).await.unwrap();
    assert_ne!(taken.node, NodeId(drained));
}

#[tokio::test]
async fn a_survivor_goes_on_alone_with_all_that_it_held_and_hears_the_lost_ones_no_more() {
    let mut cluster = some_of(4, 3).await;
    let index = cluster.commit_pools("p", 5).await;
    let survivor = cluster.leader().await;
    let lost: Vec<u64> = (1..=3).filter(|node| *node != survivor).collect();
    cluster.kill(survivor);
    let config = cluster.config(survivor);
    let open = eventually("the directory to be free", async || {
        let config = config.clone();
        let opened = tokio::task::spawn_blocking(move || Survivor::open(config)).await.unwrap();
        opened.map_err(|error| error.to_string())
    })
    .await;
    let findings = open.findings().unwrap();
    assert_eq!(findings.voters.len(), 3);
    assert!(findings.last >= index && findings.committed <= findings.last, "{findings:?}");
    let recovered = open.recover(Timestamp(7)).await.unwrap();
    assert_eq!(recovered.epoch(), EPOCHS_PER_TIMELINE);

    // The lost ones were not dead: they go on, and send the survivor what it must not hear.
    let old = cluster.leader_among(&lost).await;
    cluster.start(survivor).await;
    let proposed = eventually("the survivor to lead", async || {
        propose(cluster.replica(survivor), add_pool("new")).await.map_err(|error| error.to_string())
    })
    .await;
    assert!(matches!(proposed.reply, Reply::Applied { .. }), "{proposed:?}");
    let others = propose(cluster.replica(old), add_pool("old")).await.unwrap();
    assert!(matches!(others.reply, Reply::Applied { .. }));
    assert!(has_pool(cluster.replica(survivor), "p-4") && !has_pool(cluster.replica(survivor), "old"));
    assert_eq!(voters(&cluster, survivor), BTreeSet::from([survivor]));

    // A new node joins the survivor, and all of it survives a restart.
    let leading = cluster.replica(survivor);
    leading.add_learner(&peer(&cluster, 4), PATIENCE).await.unwrap();
    leading.promote(NodeId(4), None, PATIENCE).await.unwrap();
    let index = leading.read_linearizable(PATIENCE).await.unwrap().index;
    cluster.kill(survivor);
    cluster.start(survivor).await;
    eventually("both to hold it", async || {
        let views = [survivor, 4].map(|node| cluster.replica(node).read_stale());
        let all = views.iter().all(|view| view.index >= index);
        if all { Ok(()) } else { Err(format!("{:?}", views.map(|view| view.index))) }
    })
    .await;
    assert!(has_pool(cluster.replica(4), "new"));
}

#[tokio::test]
async fn a_directory_from_which_nothing_is_to_be_recovered_is_left_alone() {
    let mut cluster = some_of(2, 1).await;
    for (node, expected) in [(1, "c1 is the only voter"), (2, "c2 never was a member")] {
        cluster.kill(node);
        let error = eventually("the directory to be free", async || {
            let config = cluster.config(node);
            match tokio::task::spawn_blocking(move || Survivor::open(config)).await.unwrap() {
                Err(RecoverError::Start(error)) => Err(error.to_string()),
                refused => Ok(refused.unwrap_err().to_string()),
            }
        })
        .await;
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_dead_voter_is_removed_and_the_others_go_on() {
    let mut cluster = some_of(3, 1).await;
    grow(&cluster, 2).await;
    grow(&cluster, 3).await;
    cluster.kill(3);
    cluster.commit(add_pool("p")).await;
    let leader = cluster.leader_among(&[1, 2]).await;
    cluster.replica(leader).remove_member(NodeId(3), PATIENCE).await.unwrap();
    cluster.commit(add_pool("q")).await;
    assert_eq!(voters(&cluster, leader), BTreeSet::from([1, 2]));
}
