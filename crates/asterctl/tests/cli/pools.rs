//! Pools behind a XAPI, which is scripted.

use asterism_api::{
    testing::Fault,
    v1::{self, xapi_trust::By},
};
use asterism_model::{HostInventory, NodeId, Operation, PoolInventory, Transport, XapiUuid};
use expect_test::expect;

use crate::setup::Setup;

const ADD: &str = "pool add xcp --xapi https://10.30.0.1 --wait committed";

/// A pool of two hosts, of which something is to be said.
fn pool_check(severity: v1::Severity) -> v1::PoolCheck {
    let host = |name: &str| v1::SurveyedHost { name: name.into(), is_live: true, ..Default::default() };
    let survey = v1::PoolSurvey {
        uuid: "00000000-0000-0000-0000-000000000009".into(),
        label: "lab".into(),
        address: "https://10.30.0.1".into(),
        fingerprint: "ab".repeat(32),
        hosts: vec![host("a"), host("b")],
        networks: Vec::new(),
    };
    let item = v1::CheckItem {
        severity: severity.into(),
        about: "backend".into(),
        text: "b do not switch with Open vSwitch".into(),
        remedy: "xe-switch-network-backend openvswitch".into(),
    };
    v1::PoolCheck { survey: Some(survey), items: vec![item] }
}

pub async fn setup(severity: v1::Severity) -> Setup {
    let setup = Setup::new(3).await;
    setup.cluster.set_pool_check(pool_check(severity));
    std::fs::write(setup.path("password"), "hunter2\n").unwrap();
    setup
}

pub fn with_password(setup: &Setup, words: &str) -> String {
    format!("{words} --password-file {}", setup.path("password").display())
}

/// The pool's hosts, as its XAPI would list them.
fn inventory(setup: &Setup) -> Operation {
    let state = setup.cluster.state();
    let pool = state.pools().values().next().unwrap();
    let host = |number: u8, is_enabled: bool| {
        let transport = Transport { address: [10, 1, 0, number].into(), mtu: 9000 };
        let seen = HostInventory {
            name: format!("h{number}").parse().unwrap(),
            address: [10, 30, 0, number].into(),
            is_enabled,
            is_live: true,
            transports: [("xenbr1".parse().unwrap(), transport)].into(),
            version: "XCP-ng 8.3.0".into(),
            fingerprint: None,
        };
        (XapiUuid(number.into()), seen)
    };
    let inventory = PoolInventory {
        uuid: pool.xapi().unwrap().uuid,
        master: XapiUuid(1),
        hosts: [host(1, true), host(2, false)].into(),
    };
    Operation::RecordInventory { pool: pool.id, epoch: state.epoch(), inventory }
}

macro_rules! test {
    ($name:ident, |$setup:ident| $body:block) => {
        test!($name, v1::Severity::Ok, |$setup| $body);
    };
    ($name:ident, $severity:expr, |$setup:ident| $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let $setup = setup($severity).await;
            $body
        }
    };
}

test!(a_pool_is_added_by_what_it_shows_and_its_password_is_nowhere, |setup| {
    let add = with_password(&setup, &format!("{ADD} --trust-on-first-use"));
    setup.check(&add, expect![[r#"
        exit 0
        stdout:
        pool xcp added: `lab` with a, b (committed, revision 1)
        stderr:
        trusted from now on: https://10.30.0.1 with certificate abababababababababababababababababababababababababababababababab
    "#]]).await;
    let access = setup.cluster.access().unwrap();
    assert_eq!(access.password.unwrap().text, "hunter2");
    assert!(matches!(access.trust.unwrap().by, Some(By::FirstUse(_))));
    setup
        .check(
            "pool list",
            expect![[r#"
        exit 0
        stdout:
        POOL  KIND  HOSTS  NETWORKS  SESSION  REMARK
        xcp   xapi  0      -         -        -
    "#]],
        )
        .await;
    let show = setup.run("pool show xcp -o json").await;
    let shown = String::from_utf8(show.stdout).unwrap();
    assert!(shown.contains("\"user\": \"root\"") && !shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("password") && !shown.contains("sealed"), "{shown}");
});

test!(a_lost_answer_is_asked_for_again_under_the_same_identity, |setup| {
    setup.cluster.replicas[0].fail([Fault::None, Fault::LoseAnswer]);
    let add = with_password(&setup, &format!("{ADD} --fingerprint {}", "cd".repeat(32)));
    assert!(setup.run(&add).await.status.success());
    assert_eq!(setup.cluster.state().pools().len(), 1, "added once");
    let calls: usize = setup
        .cluster
        .replicas
        .iter()
        .map(|replica| replica.calls().iter().filter(|call| **call == "add_xapi_pool").count())
        .sum();
    assert_eq!(calls, 2);
});

test!(a_password_comes_from_the_environment_and_never_from_an_argument, |setup| {
    let words = format!("{ADD} --trust-on-first-use --user asterism");
    let output = setup.run_with(&words, &[("ASTERISM_XAPI_PASSWORD", "from the environment")]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let access = setup.cluster.access().unwrap();
    assert_eq!(
        (access.user.as_str(), access.password.unwrap().text.as_str()),
        ("asterism", "from the environment")
    );
    let refused = setup.run(&format!("{words} --password hunter2")).await;
    assert_eq!(refused.status.code(), Some(2), "there is no such option");
});

test!(what_is_missing_is_said_before_anybody_is_asked, |setup| {
    setup.check(ADD, expect![[r#"
        exit 2
        stderr:
        asterctl: by what is the pool to be known? Give --xapi-ca FILE, --fingerprint HEX, or --trust-on-first-use; `openssl x509 -in /etc/xensource/xapi-ssl.pem -noout -fingerprint -sha256` on 10.30.0.1 tells its fingerprint
    "#]]).await;
    setup
        .check(
            "pool add xcp --trust-on-first-use",
            expect![[r#"
        exit 2
        stderr:
        asterctl: these options are for a pool behind a XAPI: give its address too, --xapi https://HOST
    "#]],
        )
        .await;
    setup
        .check(
            "pool check",
            expect![[r#"
        exit 2
        stderr:
        asterctl: which pool? Give its name, or --xapi https://HOST of one that is not added
    "#]],
        )
        .await;
    setup
        .check(
            "pool update xcp",
            expect![[r#"
        exit 2
        stderr:
        asterctl: nothing to change: see `asterctl pool update --help` for what can be
    "#]],
        )
        .await;
    assert!(setup.cluster.access().is_none());
});

test!(an_access_is_changed_and_what_is_not_named_stays, |setup| {
    let add = with_password(&setup, &format!("{ADD} --trust-on-first-use"));
    assert!(setup.run(&add).await.status.success());
    setup
        .check(
            "pool update xcp --user asterism --wait committed",
            expect![[r#"
        exit 0
        stdout:
        pool xcp updated (committed, revision 2)
    "#]],
        )
        .await;
    let access = setup.cluster.access().unwrap();
    assert_eq!((access.password, access.trust, access.addresses.len()), (None, None, 0));
    let state = setup.cluster.state();
    let kept = state.pools().values().next().and_then(|pool| pool.xapi()).unwrap();
    assert_eq!(kept.access.user, "asterism");
    assert_eq!(kept.access.addresses.len(), 1);
});

test!(a_transport_is_named_as_its_pool_knows_it, |setup| {
    let add = with_password(&setup, &format!("{ADD} --trust-on-first-use"));
    assert!(setup.run(&add).await.status.success());
    let create = "network create blue --mtu 1400 --wait committed --pool";
    setup.check(&format!("{create} xcp:network=Storage"), expect![[r#"
        exit 4
        stderr:
        asterctl: no network `Storage` of pool `xcp` can carry tunnels; those that can: none, since no host of it has an address on any
    "#]]).await;
    setup.cluster.apply(Operation::ClaimEpoch { node: NodeId(1) });
    setup.cluster.apply(inventory(&setup));
    // The replicas of this test have no sessions with pools, and so know no labels.
    setup.check(&format!("{create} xcp:network=Storage"), expect![[r#"
        exit 5
        stderr:
        asterctl: the labels of pool `xcp`'s networks are not known while its XAPI does not answer; name the bridge: xenbr1
    "#]]).await;
    setup
        .check(
            &format!("{create} xcp:network=xenbr1"),
            expect![[r#"
        exit 0
        stdout:
        network blue created (committed, revision 3)
    "#]],
        )
        .await;
    let state = setup.cluster.state();
    let network = state.networks().values().next().unwrap();
    let transports: Vec<&str> = network.pools.values().map(|pool| pool.transport.as_str()).collect();
    assert_eq!(transports, ["xenbr1"]);
    setup
        .check(
            "pool show xcp",
            expect![[r#"
        exit 0
        stdout:
        pool:       xcp
        id:         1
        kind:       xapi
        hosts:      xcp/h1, xcp/h2
        networks:   blue
        uuid:       00000000-0000-0000-0000-000000000009
        addresses:  https://10.30.0.1
        user:       root
        known by:   1 certificate
        master:     xcp/h1
        hosts:
          HOST    VERSION       REMARK
          xcp/h1  XCP-ng 8.3.0  -
          xcp/h2  XCP-ng 8.3.0  disabled in its pool
        transports:
          NAME    NETWORK  HOSTS
          xenbr1  -        2
    "#]],
        )
        .await;
    setup
        .check(
            "host list",
            expect![[r#"
        exit 0
        stdout:
        HOST    STANDING  OVSDB               TRANSPORTS       SESSION  TARGET  TUNNELS  REMARK
        xcp/h1  enabled   ssl:10.30.0.1:6640  xenbr1=10.1.0.1  -        -       -        -
        xcp/h2  enabled   ssl:10.30.0.2:6640  xenbr1=10.1.0.2  -        -       -        disabled in its pool
    "#]],
        )
        .await;
});

test!(a_check_without_complaint_ends_well, |setup| {
    let output = setup.run("pool check xcp").await;
    assert_eq!(output.status.code(), Some(0));
});

test!(a_check_with_warnings_has_a_code_of_its_own, v1::Severity::Warning, |setup| {
    let output = setup.run("pool check xcp").await;
    assert_eq!(output.status.code(), Some(8));
});

test!(a_check_tells_what_would_stop_a_network, v1::Severity::Blocking, |setup| {
    let check = with_password(&setup, "pool check --xapi 10.30.0.1 --trust-on-first-use");
    setup
        .check(
            &check,
            expect![[r#"
        exit 9
        stdout:
        pool:    lab
        uuid:    00000000-0000-0000-0000-000000000009
        master:  https://10.30.0.1
        hosts:   a, b
        SEVERITY  ABOUT    WHAT                               DO
        blocking  backend  b do not switch with Open vSwitch  xe-switch-network-backend openvswitch
        no private network can be made here yet: 1 blocking, 0 warnings, 0 notes
        stderr:
        asterctl: 1 blocking, 0 warnings, 0 notes
    "#]],
        )
        .await;
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_does_not_answer_is_refused_and_not_stored() {
    let setup = Setup::new(1).await;
    std::fs::write(setup.path("password"), "hunter2\n").unwrap();
    let add = with_password(&setup, &format!("{ADD} --trust-on-first-use"));
    setup
        .check(
            &add,
            expect![[r#"
        exit 3
        stderr:
        asterctl: https://10.0.0.1 cannot be reached; nothing was stored
    "#]],
        )
        .await;
    assert!(setup.cluster.state().pools().is_empty());
}
