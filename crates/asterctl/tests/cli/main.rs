//! The program itself, against replicas on loopback that speak TLS and fail on request.

// Clippy takes only functions with #[test] for tests; all of this is one.
#![allow(clippy::unwrap_used)]

mod audit;
mod health;
mod moves;
mod pki;
mod pools;
mod setup;

use asterism_api::{testing::Fault, v1};
use expect_test::expect;
use setup::Setup;

/// Threads, so that the replicas answer while the program runs.
macro_rules! test {
    ($name:ident, $replicas:literal, |$setup:ident| $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let $setup = Setup::new($replicas).await;
            $body
        }
    };
}

test!(an_operator_describes_pools_hosts_and_a_network, 3, |setup| {
    setup
        .check(
            "pool add p1",
            expect![[r#"
        exit 0
        stdout:
        pool p1 added (programmed, revision 1)
    "#]],
        )
        .await;
    setup
        .check(
            "host add p1/a --ovsdb tcp:10.10.1.1 --transport storage=10.20.1.1",
            expect![[r#"
        exit 0
        stdout:
        host p1/a added (programmed, revision 2)
    "#]],
        )
        .await;
    setup
        .check(
            "network create blue --pool p1:storage --mtu 1400",
            expect![[r#"
        exit 0
        stdout:
        network blue created (programmed, revision 3)
    "#]],
        )
        .await;
    setup
        .check(
            "pool list",
            expect![[r#"
                exit 0
                stdout:
                POOL  KIND    HOSTS  NETWORKS  SESSION  REMARK
                p1    static  1      blue      -        -
            "#]],
        )
        .await;
    setup
        .check(
            "host list --pool p1",
            expect![[r#"
        exit 0
        stdout:
        HOST  STANDING  OVSDB               TRANSPORTS         SESSION  TARGET  TUNNELS  REMARK
        p1/a  enabled   tcp:10.10.1.1:6640  storage=10.20.1.1  -        -       -        -
    "#]],
        )
        .await;
    setup
        .check(
            "network list -o yaml",
            expect![[r#"
                exit 0
                stdout:
                api: asterism/v1
                kind: NetworkList
                index: 7
                items:
                - name: blue
                  id: 1
                  encapsulation: vxlan
                  mtu: 1400
                  vni: null
                  requested_vni: null
                  resilience: dual
                  detection: normal
                  pools:
                    p1:
                      transport: storage
                      preferred_host: null
                  preferred_pool: null
                  pool_center: null
                  root: null
                  revision: 3
                  status: null
            "#]],
        )
        .await;
    setup
        .check(
            "topology blue",
            expect![[r#"
                exit 0
                stdout:
                blue: vxlan, no VNI yet, MTU 1400, dual
                no root: no pool has a star-center yet
                pool p1 has no star-center; its hosts: p1/a
            "#]],
        )
        .await;
    setup
        .check(
            "explain p1/a",
            expect![[r#"
        exit 0
        stdout:
        a
    "#]],
        )
        .await;
    setup.check("events -o json --after 2", expect![[r#"
        exit 0
        stdout:
        {"api":"asterism/v1","kind":"Event","sequence":3,"at":"1970-01-01T00:00:05.000Z","event":"host_added","fields":{"host":"a","pool":"p1"},"text":"host p1/a added"}
        {"api":"asterism/v1","kind":"Event","sequence":4,"at":"1970-01-01T00:00:07.000Z","event":"network_created","fields":{"network":"blue"},"text":"network blue created"}
    "#]]).await;
});

test!(a_refusal_tells_the_rule_and_changes_nothing, 1, |setup| {
    setup
        .check(
            "pool add p1 --wait committed",
            expect![[r#"
        exit 0
        stdout:
        pool p1 added (committed, revision 1)
    "#]],
        )
        .await;
    setup
        .check(
            "pool add p1",
            expect![[r#"
        exit 3
        stderr:
        asterctl: pool: the name `p1` is taken; choose another
    "#]],
        )
        .await;
    setup
        .check(
            "pool add p1 -o json",
            expect![[r#"
        exit 3
        stderr:
        {
          "api": "asterism/v1",
          "kind": "Error",
          "class": "refused",
          "reason": "pool_name_taken",
          "field": "name",
          "message": "pool: the name `p1` is taken; choose another"
        }
    "#]],
        )
        .await;
    setup
        .check(
            "cluster settings --bfd-budget 99",
            expect![[r#"
        exit 3
        stderr:
        asterctl: bfd-budget: 99 is out of range; expected 100 to 1000000
    "#]],
        )
        .await;
    setup
        .check(
            "pool show p2",
            expect![[r#"
        exit 4
        stderr:
        asterctl: pool: there is no pool `p2`; pools: p1
    "#]],
        )
        .await;
});

test!(wrong_usage_asks_nobody, 1, |setup| {
    setup
        .check(
            "network update blue",
            expect![[r#"
        exit 2
        stderr:
        asterctl: nothing to change: see `asterctl network update --help` for what can be
    "#]],
        )
        .await;
    setup
        .check(
            "pool list --endpoints nowhere",
            expect![[r#"
                exit 2
                stderr:
                asterctl: endpoint: `nowhere` is malformed; expected HOST:PORT, as 10.0.0.1:7400
            "#]],
        )
        .await;
    setup
        .check(
            "pool list --ca /nonexistent/ca.pem",
            expect![[r#"
        exit 7
        stderr:
        asterctl: --ca: /nonexistent/ca.pem can't be read: No such file or directory (os error 2)
    "#]],
        )
        .await;
    assert!(setup.cluster.replicas[0].calls().is_empty());
});

test!(a_drawing_needs_a_network, 1, |setup| {
    setup
        .check(
            "topology -o svg",
            expect![[r#"
        exit 2
        stderr:
        asterctl: there is no network to draw: create one first
    "#]],
        )
        .await;
});

test!(no_quorum_is_unavailable, 1, |setup| {
    setup.cluster.replicas[0].fail(vec![Fault::NoQuorum; 1000]);
    setup
        .check(
            "pool list --timeout 2s",
            expect![[r#"
                exit 5
                stderr:
                asterctl: no replica could do it within 2s (REPLICA1: no quorum: 1 of 3 replicas answers)
                `asterctl cluster status` shows who is missing; reads with --stale need no quorum
            "#]],
        )
        .await;
});

test!(an_unknown_outcome_is_learnt_with_the_request_id, 1, |setup| {
    // The session is opened; then every answer is lost.
    let replica = &setup.cluster.replicas[0];
    replica.fail([Fault::None].into_iter().chain(vec![Fault::LoseAnswer; 1000]));
    setup.check("pool add p1 --timeout 2s", expect![[r#"
        exit 6
        stderr:
        asterctl: no answer within 2s, and the request may have taken effect (REPLICA1: connection reset by the test); run it again with --request-id 1:1 to learn the outcome
    "#]]).await;
    replica.clear();
    setup
        .check(
            "pool add p1 --request-id 1:1",
            expect![[r#"
        exit 0
        stdout:
        pool p1 added (programmed, revision 1)
    "#]],
        )
        .await;
    assert_eq!(setup.cluster.state().pools().len(), 1);
});

test!(hosts_that_do_not_answer_are_named_and_not_waited_for, 1, |setup| {
    let waiting = |detail: &str, is_unreachable| v1::Progress {
        waiting_for: vec![v1::HostProgress {
            host: "p1/b".into(),
            detail: detail.into(),
            is_unreachable,
            ..Default::default()
        }],
        hosts: 2,
        hosts_reached: 1,
        ..Default::default()
    };
    let reached = v1::Progress { is_reached: true, ..waiting("connection refused", true) };
    setup.cluster.set_progress([waiting("connecting", false), reached]);
    setup
        .check(
            "pool add p1",
            expect![[r#"
                exit 0
                stdout:
                pool p1 added (programmed, revision 1)
                stderr:
                warning: host p1/b does not answer and is brought up to date when it returns (connection refused)
            "#]],
        )
        .await;
});

test!(what_is_not_reached_in_time_is_committed_all_the_same, 1, |setup| {
    let forever = v1::Progress { planner: "forever".into(), hosts: 2, ..Default::default() };
    setup.cluster.set_progress([forever]);
    setup
        .check(
            "pool add p1 --wait verified --wait-timeout 1500ms",
            expect![[r#"
                exit 8
                stderr:
                0 of 2 hosts; planner: forever
                asterctl: committed as revision 1, and not verified within 1.5s: 0 of 2 hosts; planner: forever
            "#]],
        )
        .await;
    assert_eq!(setup.cluster.state().pools().len(), 1);
});

test!(a_certificate_that_does_not_fit_has_its_own_exit_code, 1, |setup| {
    let other = Setup::new(0).await;
    let output = setup.run(&format!("pool list --ca {}", other.path("ca.pem").display())).await;
    assert_eq!(output.status.code(), Some(7), "{output:?}");
});

test!(a_cluster_is_made_by_its_first_member, 1, |setup| {
    let address = &setup.cluster.replicas[0].address;
    let words = format!("cluster init --member 1={address} --name test --cluster-id {:032x}", 7);
    setup
        .check(
            &words,
            expect![[r#"
                exit 0
                stdout:
                cluster test made of 1 replica, id 00000000000000000000000000000007
            "#]],
        )
        .await;
    setup
        .check(
            &format!("cluster init --member 1={address} --name test --cluster-id {:032x}", 8),
            expect![[r#"
                exit 3
                stderr:
                asterctl: the cluster is initialised already, as `test`
            "#]],
        )
        .await;
});

test!(settings_are_shown_and_changed, 1, |setup| {
    setup
        .check(
            "cluster settings",
            expect![[r#"
        exit 0
        stdout:
        BFD budget:  4000 packets/s and host
        mode:        active
    "#]],
        )
        .await;
    setup
        .check(
            "cluster settings --mode read-only --wait committed",
            expect![[r#"
        exit 0
        stdout:
        settings changed (committed, revision 1)
    "#]],
        )
        .await;
    setup
        .check(
            "cluster settings -o json",
            expect![[r#"
        exit 0
        stdout:
        {
          "api": "asterism/v1",
          "kind": "Settings",
          "index": 3,
          "bfd_budget": 4000,
          "mode": "read_only"
        }
    "#]],
        )
        .await;
});

test!(what_is_not_well_has_its_own_exit_code, 1, |setup| {
    setup
        .check(
            "verify",
            expect![[r#"
        exit 0
        stdout:
        all is well: looked at 0 networks, 0 hosts, 0 links
    "#]],
        )
        .await;
    let problem = v1::Problem {
        host: Some("p1/a".into()),
        kind: v1::problem::Kind::Unreachable.into(),
        severity: v1::problem::Severity::Broken.into(),
        text: "p1/a does not answer".into(),
        ..Default::default()
    };
    let ill = v1::Verification { problems: vec![problem], broken: 1, hosts: 1, ..Default::default() };
    setup.cluster.set_verification(ill);
    setup
        .check(
            "verify",
            expect![[r#"
                exit 9
                stdout:
                SEVERITY  NETWORK  WHERE  WHAT
                broken    -        p1/a   p1/a does not answer
                not all is well: 1 broken, 0 degraded, 0 coming up, 0 notes; looked at 0 networks, 1 host, 0 links
                stderr:
                asterctl: 1 broken, 0 degraded, 0 coming up, 0 notes
            "#]],
        )
        .await;
    let problem = v1::Problem {
        network: Some("blue".into()),
        kind: v1::problem::Kind::ComingUp.into(),
        severity: v1::problem::Severity::ComingUp.into(),
        text: "network blue: the tunnel between p1/b and p1/a is coming up".into(),
        ..Default::default()
    };
    let young = v1::Verification { problems: vec![problem], coming_up: 1, hosts: 2, ..Default::default() };
    setup.cluster.set_verification(young);
    setup.check("verify", expect![[r#"
        exit 8
        stdout:
        SEVERITY   NETWORK  WHERE  WHAT
        coming up  blue     -      network blue: the tunnel between p1/b and p1/a is coming up
        not all is there yet: 0 broken, 0 degraded, 1 coming up, 0 notes; looked at 0 networks, 2 hosts, 0 links
        stderr:
        asterctl: 0 broken, 0 degraded, 1 coming up, 0 notes
    "#]]).await;
    setup
        .check(
            "verify blue",
            expect![[r#"
        exit 4
        stderr:
        asterctl: network: there is no network `blue`; there are no networks
    "#]],
        )
        .await;
});

test!(a_forecast_asks_about_all_that_dies, 1, |setup| {
    let network = v1::NetworkForecast { network: "blue".into(), pairs: 3, ..Default::default() };
    setup.cluster.set_forecast(v1::Forecast { networks: vec![network], ..Default::default() });
    setup
        .check(
            "whatif --kill host:p1/a --kill pool:p2",
            expect![[r#"
        exit 0
        stdout:
        blue:
          no pair of living hosts loses a frame
    "#]],
        )
        .await;
    assert_eq!(setup.cluster.killed().len(), 2);
});

test!(completions_need_no_cluster, 0, |setup| {
    let output = setup.run("completions bash").await;
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("_asterctl()"));
});
