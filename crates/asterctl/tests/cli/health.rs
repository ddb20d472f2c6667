//! Status, checks and the bundle for support.

use std::io::Read as _;

use asterism_api::{testing::Fault, v1};
use expect_test::expect;

use crate::{pools, setup::Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_goes_through_the_log_or_says_that_there_is_no_quorum() {
    let setup = Setup::new(1).await;
    let output = setup.run("health").await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("healthy: replica 1 committed entry") && text.contains("in 1.5 ms"), "{text}");
    setup.cluster.replicas[0].fail(std::iter::repeat_n(Fault::NoQuorum, 50));
    let output = setup.run("health --timeout 100ms").await;
    assert_eq!(output.status.code(), Some(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_end_with_the_code_of_the_worst() {
    let setup = Setup::new(1).await;
    setup
        .check(
            "check disk clock",
            expect![[r#"
        exit 0
        stdout:
        CHECK  RESULT  FOUND
        clock  ok      -
        disk   ok      -
    "#]],
        )
        .await;
    setup
        .check(
            "check quorum-critical",
            expect![[r#"
        exit 0
        stdout:
        CHECK            RESULT  FOUND
        quorum-critical  ok      -

        SEVERITY  ABOUT    WHAT
        note      cluster  one voter bears no failure
    "#]],
        )
        .await;
    setup
        .check(
            "doctor",
            expect![[r#"
        exit 0
        stdout:
        note  cluster: one voter bears no failure
            do: run three replicas
        1 note
    "#]],
        )
        .await;
    setup
        .check(
            "check weather",
            expect![[r#"
        exit 2
        stderr:
        error: invalid value 'weather' for '<CHECK>...'
          [possible values: quorum-critical, digest, certs, clock, disk, hosts, pools, networks, all]

        For more information, try '--help'.
    "#]],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_holds_all_that_helps_and_no_secret() {
    let setup = pools::setup(v1::Severity::Note).await;
    let log = setup.path("node1.log");
    std::fs::write(&log, "replica started\n").unwrap();
    for words in [
        "pool add p1".to_owned(),
        "host add p1/a --ovsdb tcp:10.10.1.1 --transport storage=10.20.1.1".to_owned(),
        "network create blue --pool p1:storage".to_owned(),
        pools::with_password(
            &setup,
            "pool add x1 --xapi https://10.30.0.1 --trust-on-first-use --wait committed",
        ),
    ] {
        let output = setup.run(&words).await;
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let file = setup.path("bundle.tar");
    let words = format!("support-bundle {} --log {}", file.display(), log.display());
    let output = setup.run(&words).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut names = Vec::new();
    let mut texts = String::new();
    let mut archive = tar::Archive::new(std::fs::File::open(&file).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push(entry.path().unwrap().display().to_string());
        entry.read_to_string(&mut texts).unwrap();
    }
    names.sort();
    expect![[r#"
        cluster.json
        doctor.txt
        events.jsonl
        explain/blue.txt
        hosts.json
        logs/1-node1.log
        metrics/replica1.txt
        networks.json
        plan.json
        pools.json
        status.txt
        topologies.json
        verify.json
        version.txt"#]]
    .assert_eq(&names.join("\n"));
    for wanted in ["p1/a", "blue", "pool_added", "replica started", "test_node"] {
        assert!(texts.contains(wanted), "{wanted} is missing");
    }
    for secret in ["hunter2", "68756e74657232", "PRIVATE KEY", "sealed"] {
        assert!(!texts.contains(secret), "{secret} is in the bundle");
    }

    let again = setup.run(&words).await;
    assert_eq!(again.status.code(), Some(1), "an old bundle is not overwritten");
}
