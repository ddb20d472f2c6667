//! Who is not let in: another cluster, another node, a directory that was made again. Over TLS.

#![allow(clippy::unwrap_used)] // in tests, and in what helps them

mod support;

use std::fs;

use asterism_model::NodeId;
use asterism_raft::{InitError, MembershipError, Peer, StartError};
use support::{
    PATIENCE,
    cluster::{Cluster, DEADLINE, Settings, add_pool, has_pool},
    eventually,
    pki::Pki,
};

/// Two nodes that are no cluster yet.
async fn two() -> Cluster {
    Cluster::started(2, Settings::default()).await
}

async fn initialise(cluster: &Cluster) -> Result<(), InitError> {
    cluster.replica(1).initialise(cluster.members(), DEADLINE).await
}

/// The first boot fails, and says why of node 2; nothing is written.
async fn assert_refused(cluster: &Cluster, why: &[&str]) {
    let error = initialise(cluster).await.unwrap_err();
    let InitError::Member { member, problem } = &error else { panic!("{error}") };
    assert_eq!(member.node, NodeId(2));
    assert!(why.iter().all(|part| problem.contains(part)), "{problem}");
    assert!(!cluster.replica(1).is_initialised());
}

#[tokio::test]
async fn a_member_with_the_certificate_of_another_node_is_refused() {
    let mut cluster = two().await;
    cluster.kill(2);
    let config = cluster.config(2);
    let error = cluster.start_as(2, config.clone(), cluster.pki.node(3)).await.unwrap_err();
    let wanted = "tls.cert: the certificate is for `controller.asterism`, `node-3.asterism`; expected \
                  `node-2.asterism` among its DNS names; expected the certificate of node c2";
    assert_eq!(error.to_string(), wanted);

    // One that claims to be node 3, and is reached as node 2.
    let mut other = config;
    other.node = NodeId(3);
    other.data_dir = cluster.data_dir(3);
    cluster.start_as(2, other, cluster.pki.node(3)).await.unwrap();
    assert_refused(&cluster, &["certificate", "node-2.asterism"]).await;
}

#[tokio::test]
async fn a_node_that_says_it_is_another_is_refused_by_its_certificate() {
    let mut cluster = two().await;
    cluster.kill(2);
    cluster.settings.lies = true;
    let mut config = cluster.config(2);
    config.node = NodeId(3);
    config.data_dir = cluster.data_dir(3);
    cluster.start_as(2, config, cluster.pki.node(2)).await.unwrap();
    let members = [(3, 2), (1, 1)].map(|(node, place)| (NodeId(node), cluster.addresses[&place].to_string()));
    let error = cluster.replica(2).initialise(members.into(), DEADLINE).await.unwrap_err();
    let InitError::Member { member, problem } = &error else { panic!("{error}") };
    assert_eq!(member.node, NodeId(1));
    let wanted = "not node c3: the certificate is for `controller.asterism`, `node-2.asterism`; expected \
                  `node-3.asterism` among its DNS names";
    assert_eq!(problem, wanted);
    assert!(!cluster.replica(2).is_initialised());
}

#[tokio::test]
async fn a_member_certified_by_another_authority_is_refused() {
    let mut cluster = two().await;
    cluster.kill(2);
    let foreign = Pki::new().node(2);
    let config = cluster.config(2);
    cluster.start_as(2, config, foreign).await.unwrap();
    assert_refused(&cluster, &["certificate"]).await;
}

#[tokio::test]
async fn a_member_of_another_cluster_is_refused() {
    let mut cluster = two().await;
    cluster.kill(2);
    let mut config = cluster.config(2);
    config.cluster = "other".parse().unwrap();
    config.data_dir = cluster.data_dir(9);
    cluster.start_as(2, config, cluster.pki.node(2)).await.unwrap();
    assert_refused(&cluster, &["cluster `test`", "cluster `other`"]).await;
}

#[tokio::test]
async fn a_member_that_does_not_answer_is_named_before_anything_is_written() {
    let mut cluster = two().await;
    cluster.kill(2);
    assert_refused(&cluster, &[]).await;
    cluster.start(2).await;
    cluster.replica(1).initialise(cluster.members(), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn the_first_boot_can_be_asked_for_again_on_any_member_but_not_with_others() {
    let cluster = Cluster::new(3).await;
    for (_, replica) in cluster.running() {
        replica.initialise(cluster.members(), PATIENCE).await.unwrap();
    }
    let mut fewer = cluster.members();
    fewer.remove(&NodeId(3));
    let error = cluster.replica(2).initialise(fewer, DEADLINE).await.unwrap_err();
    assert!(matches!(&error, InitError::AlreadyInitialised { members, .. } if members.len() == 3), "{error}");
}

#[tokio::test]
async fn bad_members_are_refused_with_what_would_be_valid() {
    let cluster = two().await;
    let refusal = async |members: &[(u64, &str)]| {
        let members = members.iter().map(|(node, at)| (NodeId(*node), (*at).to_owned())).collect();
        cluster.replica(1).initialise(members, DEADLINE).await.unwrap_err().to_string()
    };
    let own = cluster.addresses[&1].to_string();
    assert_eq!(refusal(&[(2, "h:1")]).await, "members: node c1 is not among them; expected this node, too");
    let elsewhere = refusal(&[(1, "h:1")]).await;
    assert!(
        elsewhere.contains(&format!("expected {own}, as its configuration's `advertise`")),
        "{elsewhere}"
    );
    assert!(refusal(&[(0, "h:1"), (1, &own)]).await.contains("0 is not a node id"));
    assert!(refusal(&[(1, &own), (2, &own)]).await.contains("is given twice"));
}

#[tokio::test]
async fn a_node_whose_directory_was_wiped_is_refused_until_it_is_added_under_a_new_id() {
    let mut cluster = Cluster::new(3).await;
    let index = cluster.commit_pools("p", 5).await;
    cluster.agree(index).await;
    let leader = cluster.leader().await;
    let (wiped, _) = cluster.running().find(|(node, _)| *node != leader).unwrap();
    cluster.kill(wiped);
    let vacant = cluster.data_dir(wiped);
    eventually("the directory to be free", async || {
        fs::remove_dir_all(&vacant).map_err(|error| error.to_string())
    })
    .await;
    cluster.start(wiped).await;
    let index = cluster.commit_pools("q", 5).await;
    assert_eq!(cluster.leader().await, leader, "the leader bears it");
    let status = cluster.replica(wiped).status();
    assert_eq!(status.members.len(), 0, "it was told nothing: {status:#?}");

    let address = cluster.addresses[&wiped].to_string();
    let leading = cluster.replica(leader);
    leading.remove_member(NodeId(wiped), PATIENCE).await.unwrap();
    cluster.kill(wiped);
    let mut config = cluster.config(wiped);
    config.node = NodeId(4);
    config.data_dir = cluster.data_dir(4);
    cluster.start_as(wiped, config, cluster.pki.node(4)).await.unwrap();
    cluster.reroute(wiped, 4);
    let peer = Peer { node: NodeId(4), address };
    let leading = cluster.replica(leader);
    leading.add_learner(&peer, PATIENCE).await.unwrap();
    leading.promote(NodeId(4), None, PATIENCE).await.unwrap();
    cluster.agree(index).await;
    assert!(has_pool(cluster.replica(wiped), "q-4"));
    let members = cluster.replica(leader).status().members;
    let voters: Vec<u64> =
        members.iter().filter(|member| member.voter).map(|member| member.peer.node.0).collect();
    let mut expected: Vec<u64> = (1..=4).filter(|node| *node != wiped).collect();
    expected.sort_unstable();
    assert_eq!(voters, expected);
}

#[tokio::test]
async fn members_change_only_as_far_as_is_safe() {
    let cluster = Cluster::new(1).await;
    let replica = cluster.replica(1);
    let error = replica.remove_member(NodeId(1), DEADLINE).await.unwrap_err();
    assert!(error.to_string().contains("it is the only voter"), "{error}");
    let error = replica.remove_member(NodeId(7), DEADLINE).await.unwrap_err();
    assert_eq!(error.to_string(), "node c7: it is no member; expected one of c1");
    let absent = Peer { node: NodeId(7), address: "127.0.0.1:1".to_owned() };
    let error = replica.add_learner(&absent, DEADLINE).await.unwrap_err();
    assert!(matches!(error, MembershipError::Refused { node: NodeId(7), .. }), "{error}");
    cluster.commit(add_pool("p")).await;
}

#[tokio::test]
async fn another_nodes_directory_is_refused() {
    let mut cluster = two().await;
    cluster.kill(1);
    cluster.kill(2);
    let mut config = cluster.config(1);
    config.data_dir = cluster.data_dir(2);
    let error = cluster.start_as(1, config, cluster.pki.node(1)).await.unwrap_err();
    assert!(matches!(error, StartError::Foreign { found_node: NodeId(2), .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("node c2 of cluster `test`") && said.contains("node c1 of cluster `test`"),
        "{said}"
    );
}
