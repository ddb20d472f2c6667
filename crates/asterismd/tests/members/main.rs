//! Real replicas on loopback: what an operator asks of the membership, and of snapshots, comes about by itself.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

mod nodes;
#[path = "../support/outset.rs"]
mod outset;
#[path = "../support/ports.rs"]
mod ports;

use std::sync::Arc;

use asterism_api::{
    client::RestoreSnapshot,
    v1::{self, change_members_request::Change},
};
use asterism_model::{apply::timeline::EPOCHS_PER_TIMELINE, backup::Backup};
use nodes::Nodes;

fn add(nodes: &Nodes, node: u64) -> v1::AddMember {
    v1::AddMember { node, address: nodes.address(node), as_learner: false }
}

fn add_pool(name: &str) -> v1::WriteRequest {
    let operation = v1::write_request::Operation::AddPool(v1::AddPool { name: name.to_owned() });
    v1::WriteRequest { request_id: None, operation: Some(operation) }
}

#[tokio::test]
async fn one_node_grows_to_three_and_a_majority_is_never_given_away() {
    let mut nodes = Nodes::start(&[1, 2, 3]);
    nodes.initialise(&[1]).await;
    nodes.log_has(2, "it waits for `asterctl member add 2=").await;

    for node in [2, 3] {
        let change = Change::Add(add(&nodes, node));
        nodes.change(change.clone()).await.unwrap();
        nodes.change(change).await.expect("a retry does no harm");
        nodes.voters_are(&(1..=node).collect::<Vec<_>>()).await;
    }

    let other_address = v1::AddMember { address: "127.0.0.1:1".into(), ..add(&nodes, 2) };
    let refused = nodes.change(Change::Add(other_address)).await.unwrap_err();
    assert_eq!(refused.reason, "member_known", "{refused}");

    // With one of three dead, another can't go; and says why, with numbers.
    nodes.kill(3);
    nodes
        .status_where("node 3 is silent", |status| {
            let dead = status.replicas.iter().find(|replica| replica.node == 3);
            dead.is_some_and(|replica| matches!(replica.status, Some(v1::replica::Status::Unreachable(_))))
        })
        .await;
    let leader = nodes.leader().await;
    let follower = if leader == 1 { 2 } else { 1 };
    let refused = nodes.change(Change::Remove(follower)).await.unwrap_err();
    assert_eq!(refused.reason, "quorum_at_risk", "{refused}");
    assert!(
        refused.message.contains("2 voters would be left, 1 of them answer now, and 2 are needed"),
        "{refused}"
    );

    // The dead one can, and for ever.
    nodes.change(Change::Remove(3)).await.unwrap();
    nodes.voters_are(&[1, 2]).await;
    let refused = nodes.change(Change::Add(add(&nodes, 3))).await.unwrap_err();
    assert_eq!(refused.reason, "node_retired", "{refused}");

    // A leader that is to go hands over first.
    let leader = nodes.leader().await;
    nodes.change(Change::Demote(leader)).await.unwrap();
    assert_ne!(nodes.leader().await, leader);
    nodes.call(add_pool("p")).await.unwrap();
}

#[tokio::test]
async fn a_drained_leader_gives_leadership_away_and_does_not_get_it_back() {
    let mut nodes = Nodes::start(&[1, 2, 3]);
    nodes.initialise(&[1, 2, 3]).await;
    let drained = nodes.leader().await;
    nodes.change(Change::Drain(drained)).await.unwrap();
    nodes.status_where("another leads", |status| status.leader.is_some_and(|leader| leader != drained)).await;
    let refused = nodes.call(v1::TransferLeadershipRequest { to: Some(drained) }).await.unwrap_err();
    assert!(refused.message.contains("it is drained"), "{refused}");
    let another = nodes.leader().await;
    let refused = nodes.change(Change::Drain(another)).await.unwrap_err();
    assert_eq!(refused.reason, "all_drained", "{refused}");

    // Over a restart, too: of the two that are left it is the other one that leads.
    nodes.restart(drained);
    nodes.kill(another);
    let third = 6 - drained - another;
    nodes.status_where("the third leads", |status| status.leader == Some(third)).await;

    nodes.change(Change::Undrain(drained)).await.unwrap();
    let taken = nodes.call(v1::TransferLeadershipRequest { to: Some(drained) }).await.unwrap();
    assert_eq!(taken.leader, drained);
}

#[tokio::test]
async fn a_snapshot_is_kept_restored_and_begins_new_replicas() {
    let mut nodes = Nodes::start(&[1, 4]);
    nodes.initialise(&[1]).await;
    nodes.call(add_pool("kept")).await.unwrap();
    let file = nodes.call(v1::SaveSnapshotRequest::default()).await.unwrap().content;
    let backup = Backup::decode(&file).unwrap();
    assert_eq!((backup.head.pools, backup.head.members.len()), (1, 1));
    assert!(!nodes.snapshots(1).await.is_empty(), "it keeps some by itself, too");

    nodes.call(add_pool("later")).await.unwrap();
    nodes.call(RestoreSnapshot(Arc::from(file.clone()))).await.unwrap();
    assert_eq!(nodes.pools().await, ["kept"]);
    let status = nodes.status_where("it leads anew", |status| epoch(status) > EPOCHS_PER_TIMELINE).await;
    assert_eq!(status.leader, Some(1));

    let mut damaged = file.clone();
    damaged[40] ^= 1;
    let refused = nodes.call(RestoreSnapshot(Arc::from(damaged))).await.unwrap_err();
    assert!(refused.message.contains("fails its checksum"), "{refused}");

    // All is lost but the file.
    nodes.kill(1);
    nodes.ask(4);
    nodes.initialise_as(&backup.head.cluster.id.to_string(), &[4]).await;
    nodes.call(RestoreSnapshot(Arc::from(file))).await.unwrap();
    assert_eq!(nodes.pools().await, ["kept"]);
    nodes.status_where("it leads the new timeline", |status| epoch(status) > EPOCHS_PER_TIMELINE).await;
    let refused = nodes.change(Change::Add(add(&nodes, 1))).await;
    assert!(refused.is_ok(), "ids that the file does not know as used up are free: {refused:?}");
}

fn epoch(status: &v1::ClusterStatus) -> u64 {
    let epochs = status.replicas.iter().filter_map(|replica| match &replica.status {
        Some(v1::replica::Status::Reachable(status)) => Some(status.epoch),
        Some(v1::replica::Status::Unreachable(_)) | None => None,
    });
    epochs.max().unwrap_or(0)
}
