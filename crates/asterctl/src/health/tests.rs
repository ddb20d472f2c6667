//! What is said of clusters in good and in bad days.

use asterism_api::v1::{self, problem, replica};
use expect_test::{Expect, expect};

use super::*;
use crate::{
    output::{self, Format},
    view::{View, diagnosis::DiagnosisView, overview::OverviewView},
};

const NOW_MS: u64 = 1_772_000_000_000;
const DAY_MS: u64 = 86_400_000;

/// Three replicas that are well, two hosts, a network.
pub fn healthy() -> Facts {
    let replica = |node: u64| v1::Replica {
        node,
        address: format!("10.0.0.{node}:7400"),
        is_voter: true,
        is_drained: false,
        clock_ahead_ms: Some(3),
        round_trip_ms: Some(2),
        status: Some(replica::Status::Reachable(v1::ReplicaStatus {
            role: if node == 1 { v1::Role::Leader.into() } else { v1::Role::Follower.into() },
            term: 7,
            leader: Some(1),
            last_log_index: 120,
            applied_index: 120,
            lag: Some(0),
            version: "0.1.0".into(),
            digest: "aa".into(),
            vitals: Some(vitals()),
            ..Default::default()
        })),
    };
    let host = |name: &str| v1::Host {
        name: name.into(),
        status: Some(v1::HostStatus {
            session: v1::Session::Connected.into(),
            phase: v1::LanePhase::Settled.into(),
            target: v1::TargetState::Reached.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let network = v1::Network {
        name: "blue".into(),
        encapsulation: v1::Encapsulation::Vxlan.into(),
        root: Some("p1/a".into()),
        status: Some(v1::NetworkStatus { hosts: 2, hosts_programmed: 2, links: 1, links_up: 1 }),
        ..Default::default()
    };
    let center = v1::Choice { holder: "p1/a".into(), ..Default::default() };
    let star = v1::Star { pool: "p1".into(), center: Some(center), ..Default::default() };
    let topology = v1::Topology { network: "blue".into(), stars: vec![star], ..Default::default() };
    Facts {
        cluster: v1::ClusterStatus {
            cluster_id: Some("2a".into()),
            name: Some("prod".into()),
            node: 1,
            leader: Some(1),
            replicas: [1, 2, 3].map(replica).into(),
            settings: None,
            invited: Vec::new(),
            waiting_for: String::new(),
        },
        pools: vec![v1::Pool { name: "p1".into(), ..Default::default() }],
        hosts: ["p1/a", "p1/b"].map(host).into(),
        networks: vec![network],
        topologies: vec![topology],
        seen: Ok(Seen { verification: v1::Verification::default() }),
    }
}

fn vitals() -> v1::Vitals {
    v1::Vitals {
        now_ms: NOW_MS,
        disk: Some(v1::Disk { size_bytes: 20 << 30, free_bytes: 12 << 30, free_min_bytes: 512 << 20 }),
        certificates: vec![v1::CertificateEnd { key: "tls.cert".into(), ends_ms: NOW_MS + 90 * DAY_MS }],
        ..Default::default()
    }
}

/// The status of a replica that answers.
fn status(facts: &mut Facts, node: usize) -> &mut v1::ReplicaStatus {
    match &mut facts.cluster.replicas[node - 1].status {
        Some(replica::Status::Reachable(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn lose(facts: &mut Facts, node: usize) {
    let why = "connection refused".to_owned();
    facts.cluster.replicas[node - 1].status = Some(replica::Status::Unreachable(why));
}

fn check(facts: &Facts, expected: Expect) {
    expected.assert_eq(&DiagnosisView::of(&Check::ALL, examine(facts)).prescription());
}

fn ill() -> Facts {
    let mut facts = healthy();
    lose(&mut facts, 3);
    facts.cluster.replicas[1].clock_ahead_ms = Some(-2500);
    let its = status(&mut facts, 2).vitals.as_mut().unwrap();
    its.disk = Some(v1::Disk { size_bytes: 20 << 30, free_bytes: 100 << 20, free_min_bytes: 512 << 20 });
    its.certificates[0].ends_ms = NOW_MS + 9 * DAY_MS;
    let problem = |kind: problem::Kind, severity: problem::Severity, host: &str, text: &str| v1::Problem {
        network: Some("blue".into()),
        host: Some(host.into()),
        kind: kind.into(),
        severity: severity.into(),
        text: text.into(),
        ..Default::default()
    };
    facts.seen = Ok(Seen {
        verification: v1::Verification {
            problems: vec![
                problem(
                    problem::Kind::CutOff,
                    problem::Severity::Broken,
                    "p1/b",
                    "p1/b has no way up in blue",
                ),
                problem(problem::Kind::NoStandby, problem::Severity::Degraded, "p1/a", "p1 has no standby"),
            ],
            broken: 1,
            degraded: 1,
            ..Default::default()
        },
    });
    facts
}

#[test]
fn nothing_is_said_of_a_cluster_that_is_well() {
    check(
        &healthy(),
        expect![[r#"
        nothing is wrong
    "#]],
    );
}

#[test]
fn each_ill_has_its_remedy_and_the_worst_comes_first() {
    check(
        &ill(),
        expect![[r#"
        critical  replica 2: 100 MiB free under its data_dir, of 20 GiB; the alarm is at 512 MiB
            do: free room there; a full disk stops the replica
        critical  network blue: p1/b has no way up in blue
            do: look at the transport network and its firewall; `asterctl topology blue`
        warning  cluster: 2 of 3 voters answer: one more failure costs the quorum
            do: bring back the replicas that don't answer
        warning  replica 3: does not answer at 10.0.0.3:7400: connection refused
            do: OPERATIONS: A controller is down
        warning  replica 2: the certificate `tls.cert` ends in 9 days
            do: `asterctl pki renew`, and the new one into the place of the old one; OPERATIONS: Certificates and roles
        warning  replica 2: its clock is 2500 ms behind that of the replica that was asked
            do: run chrony or another NTP client on every node
        warning  network blue: p1 has no standby
            do: add a host to the pool, or undrain one
        2 critical, 5 warnings
    "#]],
    );
}

#[test]
fn a_minority_says_what_it_cannot_tell() {
    let mut facts = healthy();
    lose(&mut facts, 2);
    lose(&mut facts, 3);
    facts.seen = Err("no majority of the voters answers".into());
    check(
        &facts,
        expect![[r#"
        critical  cluster: no quorum: 1 of 3 voters answers, and 2 must; nothing can be changed, networks go on
            do: start the replicas that don't answer; OPERATIONS: `no quorum`, or no leader
        unknown  hosts: can't be told without a leader: no majority of the voters answers
            do: mend the cluster first
        unknown  pools: can't be told without a leader: no majority of the voters answers
            do: mend the cluster first
        unknown  networks: can't be told without a leader: no majority of the voters answers
            do: mend the cluster first
        warning  replica 2: does not answer at 10.0.0.2:7400: connection refused
            do: OPERATIONS: A controller is down
        warning  replica 3: does not answer at 10.0.0.3:7400: connection refused
            do: OPERATIONS: A controller is down
        1 critical, 3 unknown, 2 warnings
    "#]],
    );
}

#[test]
fn replicas_that_differ_are_critical_whether_they_are_level_or_not() {
    let mut facts = healthy();
    status(&mut facts, 3).digest = "bb".into();
    check(
        &facts,
        expect![[r#"
        critical  cluster: the states of replicas differ after entry 120: 1, 2 against 3
            do: stop the one in the minority, keep its data directory for analysis, and let a new node take its place; OPERATIONS: A replica's state differs
        1 critical
    "#]],
    );
    let mut facts = healthy();
    for (node, digest) in [(1, "aa"), (2, "bb"), (3, "aa")] {
        let status = status(&mut facts, node);
        status.applied_index += node as u64;
        status.digests = vec![v1::StateDigest { index: 64, digest: digest.into() }];
    }
    check(
        &facts,
        expect![[r#"
        critical  cluster: the states of replicas differ after entry 64: 1, 3 against 2
            do: stop the one in the minority, keep its data directory for analysis, and let a new node take its place; OPERATIONS: A replica's state differs
        1 critical
    "#]],
    );
}

#[test]
fn thresholds_are_where_they_are_said_to_be() {
    let of = |change: &dyn Fn(&mut Facts)| {
        let mut facts = healthy();
        change(&mut facts);
        let found = examine(&facts);
        found.first().map_or("ok".to_owned(), |it| format!("{} {}", it.check.as_str(), it.severity.as_str()))
    };
    let ends = |days: i64| {
        of(&|facts| {
            let ends_ms = NOW_MS.saturating_add_signed(days * DAY_MS as i64);
            status(facts, 1).vitals.as_mut().unwrap().certificates[0].ends_ms = ends_ms;
        })
    };
    assert_eq!([ends(14), ends(13), ends(3)], ["ok", "certs warning", "certs warning"]);
    assert_eq!([ends(2), ends(-1)], ["certs critical", "certs critical"]);
    let ahead = |ms: i64, trip: u32| {
        of(&|facts| {
            facts.cluster.replicas[2].clock_ahead_ms = Some(ms);
            facts.cluster.replicas[2].round_trip_ms = Some(trip);
        })
    };
    assert_eq!([ahead(499, 0), ahead(-500, 0), ahead(900, 1000)], ["ok", "clock warning", "ok"]);
    assert_eq!(ahead(-70_000, 10), "clock critical");
    let free = |mib: u64| {
        of(&|facts| {
            let disk = v1::Disk { size_bytes: 1 << 40, free_bytes: mib << 20, free_min_bytes: 512 << 20 };
            status(facts, 2).vitals.as_mut().unwrap().disk = Some(disk);
        })
    };
    assert_eq!([free(1024), free(1023), free(511)], ["ok", "disk warning", "disk critical"]);
    assert_eq!(of(&|facts| status(facts, 2).lag = Some(1001)), "quorum-critical warning");
    assert_eq!(of(&|facts| facts.cluster.leader = None), "quorum-critical critical");
    assert_eq!(of(&|facts| facts.cluster.replicas.truncate(2)), "quorum-critical note");
}

#[test]
fn checks_are_a_table_and_a_document() {
    let view = DiagnosisView::of(&[Check::Disk, Check::Clock, Check::Pools], examine(&ill()));
    expect![[r#"
        CHECK  RESULT    FOUND
        disk   critical  1
        clock  warning   1
        pools  ok        -

        SEVERITY  ABOUT      WHAT
        critical  replica 2  100 MiB free under its data_dir, of 20 GiB; the alarm is at 512 MiB
        warning   replica 2  its clock is 2500 ms behind that of the replica that was asked
    "#]]
    .assert_eq(&view.text());
    expect![[r#"
        {
          "api": "asterism/v1",
          "kind": "Diagnosis",
          "result": "critical",
          "checks": [
            {
              "check": "disk",
              "result": "critical",
              "found": 1
            },
            {
              "check": "clock",
              "result": "warning",
              "found": 1
            },
            {
              "check": "pools",
              "result": "ok",
              "found": 0
            }
          ],
          "symptoms": [
            {
              "severity": "critical",
              "check": "disk",
              "about": "replica 2",
              "what": "100 MiB free under its data_dir, of 20 GiB; the alarm is at 512 MiB",
              "remedy": "free room there; a full disk stops the replica"
            },
            {
              "severity": "warning",
              "check": "clock",
              "about": "replica 2",
              "what": "its clock is 2500 ms behind that of the replica that was asked",
              "remedy": "run chrony or another NTP client on every node"
            }
          ]
        }
    "#]]
    .assert_eq(&output::item(Format::Json, None, &view).unwrap());
}

#[test]
fn a_cluster_fits_on_a_screen() {
    let show = |facts: Facts| {
        let mut alarms = examine(&facts);
        alarms.retain(|it| it.severity > Severity::Note);
        OverviewView::of(facts, alarms).text()
    };
    expect![[r#"
        cluster:   prod
        leader:    replica 1
        replicas:  3 of 3 voters answer
        pools:     1
        hosts:     2: 2 answer, 2 as they should be
        networks:  1

        REPLICA  ROLE      APPLIED  LAG  ADDRESS
        1        leader    120      0    10.0.0.1:7400
        2        follower  120      0    10.0.0.2:7400
        3        follower  120      0    10.0.0.3:7400

        NETWORK  TYPE   HOSTS  LINKS UP  ROOT  CENTERS
        blue     vxlan  2/2    1/1       p1/a  p1/a

        no alarms
    "#]]
    .assert_eq(&show(healthy()));
    expect![[r#"
        cluster:   prod
        leader:    replica 1
        replicas:  2 of 3 voters answer
        pools:     1
        hosts:     2: 2 answer, 2 as they should be
        networks:  1

        REPLICA  ROLE         APPLIED  LAG  ADDRESS
        1        leader       120      0    10.0.0.1:7400
        2        follower     120      0    10.0.0.2:7400
        3        unreachable  -        -    10.0.0.3:7400

        NETWORK  TYPE   HOSTS  LINKS UP  ROOT  CENTERS
        blue     vxlan  2/2    1/1       p1/a  p1/a

        7 alarms:
        SEVERITY  ABOUT         WHAT
        critical  replica 2     100 MiB free under its data_dir, of 20 GiB; the alarm is at 512 MiB
        critical  network blue  p1/b has no way up in blue
        warning   cluster       2 of 3 voters answer: one more failure costs the quorum
        warning   replica 3     does not answer at 10.0.0.3:7400: connection refused
        warning   replica 2     the certificate `tls.cert` ends in 9 days
        warning   replica 2     its clock is 2500 ms behind that of the replica that was asked
        warning   network blue  p1 has no standby
    "#]]
    .assert_eq(&show(ill()));
    let mut minority = healthy();
    lose(&mut minority, 2);
    lose(&mut minority, 3);
    minority.seen = Err("no majority of the voters answers".into());
    expect![[r#"
        cluster:   prod
        leader:    replica 1
        replicas:  1 of 3 voters answer
        pools:     1
        hosts:     2: 2 answer, 2 as they should be
        networks:  1

        REPLICA  ROLE         APPLIED  LAG  ADDRESS
        1        leader       120      0    10.0.0.1:7400
        2        unreachable  -        -    10.0.0.2:7400
        3        unreachable  -        -    10.0.0.3:7400

        NETWORK  TYPE   HOSTS  LINKS UP  ROOT  CENTERS
        blue     vxlan  2/2    1/1       p1/a  p1/a

        This is an old state, without what a leader sees: no majority of the voters answers.

        6 alarms:
        SEVERITY  ABOUT      WHAT
        critical  cluster    no quorum: 1 of 3 voters answers, and 2 must; nothing can be changed, networks go on
        unknown   hosts      can't be told without a leader: no majority of the voters answers
        unknown   pools      can't be told without a leader: no majority of the voters answers
        unknown   networks   can't be told without a leader: no majority of the voters answers
        warning   replica 2  does not answer at 10.0.0.2:7400: connection refused
        warning   replica 3  does not answer at 10.0.0.3:7400: connection refused
    "#]].assert_eq(&show(minority));
}
