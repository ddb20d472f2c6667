//! The replicas as a table.

use asterism_api::v1;
use expect_test::expect;

use super::check_item;
use crate::{output::Format, view::cluster::ClusterView};

fn cluster() -> ClusterView {
    ClusterView::from(message())
}

fn message() -> v1::ClusterStatus {
    let reachable = |role: v1::Role, applied: u64, digest: &str| {
        v1::replica::Status::Reachable(v1::ReplicaStatus {
            role: role.into(),
            term: 7,
            leader: Some(1),
            last_log_index: 120,
            applied_index: applied,
            snapshot_index: 100,
            lag: Some(120 - applied),
            version: "0.1.0".into(),
            revision: 12,
            digest: digest.into(),
            epoch: 4,
            started_at_ms: 1_772_000_000_000,
            certificate_ends_ms: 1_779_776_000_000,
            certificate_days_left: 90,
            certificate_alarms: Vec::new(),
            ..Default::default()
        })
    };
    let replica = |node: u64, status: v1::replica::Status| v1::Replica {
        is_drained: node == 3,
        node,
        address: format!("10.0.0.{node}:7400"),
        is_voter: node != 4,
        status: Some(status),
        ..Default::default()
    };
    v1::ClusterStatus {
        invited: Vec::new(),
        waiting_for: String::new(),
        cluster_id: Some("0000000000000000000000000000002a".into()),
        name: Some("lab".into()),
        node: 1,
        leader: Some(1),
        settings: Some(v1::Settings { bfd_budget: 4000, mode: v1::Mode::ReadOnly.into() }),
        replicas: vec![
            replica(1, reachable(v1::Role::Leader, 120, "0123456789abcdef")),
            replica(2, reachable(v1::Role::Follower, 118, "fedcba9876543210")),
            replica(3, v1::replica::Status::Unreachable("connection refused".into())),
            replica(4, reachable(v1::Role::Learner, 120, "ffff")),
        ],
    }
}

#[test]
fn a_minority_says_so_whoever_it_takes_for_the_leader() {
    let mut few = cluster();
    assert_eq!(few.has_quorum, Some(true));
    let mut message = message();
    message.replicas.truncate(3);
    message.replicas[1].status = Some(v1::replica::Status::Unreachable("connection refused".into()));
    few = ClusterView::from(message);
    assert_eq!(few.has_quorum, Some(false));
    let text = crate::view::View::text(&few);
    assert!(text.contains("No quorum"), "{text}");
}

#[test]
fn the_cluster() {
    check_item(
        Format::Table,
        &cluster(),
        expect![[r#"
            cluster:  lab (0000000000000000000000000000002a)
            leader:   1
            The leader only looks: read-only mode (`asterctl cluster settings`).

            NODE          ADDRESS        ROLE         TERM  LOG  APPLIED  SNAPSHOT  LAG  REVISION  EPOCH  DIGEST    CERT  VERSION
            1             10.0.0.1:7400  leader       7     120  120      100       0    12        4      01234567  90 d  0.1.0
            2             10.0.0.2:7400  follower     7     120  118      100       2    12        4      fedcba98  90 d  0.1.0
            3 (drained)   10.0.0.3:7400  unreachable  -     -    -        -         -    -         -      -         -     -
            4 (no voter)  10.0.0.4:7400  learner      7     120  120      100       0    12        4      ffff      90 d  0.1.0
            replica 3: connection refused
        "#]],
    );
    assert_eq!(
        cluster().diverged(),
        ["replicas 1 and 4 both applied entry 120, and their states differ: 0123456789abcdef and ffff"]
    );
}
