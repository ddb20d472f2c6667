//! Drains and moves; the planner is the test.

use std::{collections::BTreeMap, time::Duration};

use asterism_api::testing::FakeCluster;
use asterism_model::{
    Cause, HostId, NetworkId, NetworkState, NodeId, Operation, PoolId, Reply, StarPlan, Topology,
    TopologyPlan, Vni, pool::Standing,
};
use expect_test::{Expect, expect};

use crate::setup::Setup;

const BLUE: NetworkId = NetworkId(1);
const P1: PoolId = PoolId(1);
const P2: PoolId = PoolId(2);
const A: HostId = HostId(1);
const B: HostId = HostId(2);

/// Pools p1 and p2 of two hosts each; network `blue` over both with `p1/a` as root, `p1/b` its standby.
async fn lab() -> Setup {
    let setup = Setup::new(1).await;
    for words in [
        "pool add p1",
        "pool add p2",
        "host add p1/a --ovsdb tcp:10.10.1.1 --transport storage=10.20.1.1",
        "host add p1/b --ovsdb tcp:10.10.1.2 --transport storage=10.20.1.2",
        "host add p2/a --ovsdb tcp:10.10.2.1 --transport storage=10.20.2.1",
        "network create blue --pool p1:storage --pool p2:storage",
    ] {
        let output = setup.run(&format!("{words} --wait committed")).await;
        assert!(output.status.success(), "{words}: {output:?}");
    }
    setup.cluster.apply(Operation::ClaimEpoch { node: NodeId(1) });
    adopt(&setup.cluster, A, Some(B), P1);
    setup
}

/// Choices at rest.
fn adopt(cluster: &FakeCluster, center: HostId, standby: Option<HostId>, root: PoolId) {
    let star = StarPlan { standby, ..StarPlan::around(center, Cause::Disabled) };
    let other = StarPlan::around(HostId(3), Cause::First);
    let plan = TopologyPlan {
        vni: Vni::MIN,
        stars: [(P1, star), (P2, other)].into(),
        pool_center: Some((root, Cause::First)),
        next_pool: None,
    };
    let changes = BTreeMap::from([(BLUE, plan)]);
    let based_on = cluster.state().revision();
    let reply = cluster.apply(Operation::AdoptTopology { epoch: 1, based_on, changes });
    assert!(matches!(reply, Reply::Applied { .. }), "{reply:?}");
}

/// Runs a command, and lets the test answer as a planner would once the command has taken effect.
async fn check(
    setup: &Setup,
    words: &str,
    has_come: impl Fn(&NetworkState) -> bool,
    answer: impl FnOnce(&FakeCluster),
    expected: Expect,
) {
    let planner = async {
        while !has_come(&setup.cluster.state()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        answer(&setup.cluster);
    };
    tokio::join!(setup.check(words, expected), planner);
}

fn is_drained(state: &NetworkState) -> bool {
    state.hosts()[&A].standing == Standing::Disabled
}

fn blue(state: &NetworkState) -> &Topology {
    &state.topologies()[&BLUE]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_returns_when_the_host_holds_no_office() {
    let setup = lab().await;
    let answer = |cluster: &FakeCluster| adopt(cluster, B, None, P1);
    check(
        &setup,
        "host drain p1/a",
        is_drained,
        answer,
        expect![[r#"
        exit 0
        stdout:
        host p1/a drained (programmed, revision 8)
    "#]],
    )
    .await;
    assert_eq!(blue(&setup.cluster.state()).root(), Some(B));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_takes_too_long_names_the_offices_that_are_left() {
    let setup = lab().await;
    let words = "host drain p1/a --wait-timeout 300ms";
    check(
        &setup,
        words,
        is_drained,
        |_| (),
        expect![[r#"
        exit 8
        stderr:
        asterctl: committed, and not done within 300ms; it goes on: root of blue
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_that_only_commits_waits_for_nothing() {
    let setup = lab().await;
    setup
        .check(
            "host drain p1/a --wait committed",
            expect![[r#"
                exit 0
                stdout:
                host p1/a is being drained (committed, revision 8)
            "#]],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_center_is_moved_when_it_is_in_office() {
    let setup = lab().await;
    let is_asked = |state: &NetworkState| blue(state).stars[&P1].next.is_some();
    let answer = |cluster: &FakeCluster| adopt(cluster, B, Some(A), P1);
    check(
        &setup,
        "network move-center blue --pool p1 --to b",
        is_asked,
        answer,
        expect![[r#"
        exit 0
        stdout:
        star-center of p1 in network blue moved to p1/b (programmed, revision 8)
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_was_given_up_says_so() {
    let setup = lab().await;
    let is_asked = |state: &NetworkState| blue(state).stars[&P1].next.is_some();
    let answer = |cluster: &FakeCluster| adopt(cluster, A, Some(B), P1);
    check(
        &setup,
        "network move-center blue --pool p1 --to b",
        is_asked,
        answer,
        expect![[r#"
        exit 8
        stderr:
        asterctl: committed, and given up since: star-center of p1 is p1/a; see `asterctl events`
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_center_is_moved_when_it_is_in_office() {
    let setup = lab().await;
    let is_asked = |state: &NetworkState| blue(state).next_pool.is_some();
    let answer = |cluster: &FakeCluster| adopt(cluster, A, Some(B), P2);
    check(
        &setup,
        "network move-pool-center blue --to p2",
        is_asked,
        answer,
        expect![[r#"
        exit 0
        stdout:
        pool-center of network blue moved to p2 (programmed, revision 8)
    "#]],
    )
    .await;
}
