//! Tables, JSON and YAML of fixed answers.

use asterism_api::v1;
use expect_test::{Expect, expect};

use super::*;
use crate::output::{self, Format};

fn hosts() -> Vec<host::HostView> {
    let transport = v1::Transport { address: "10.20.1.1".into(), mtu: Some(9000) };
    let well = v1::Host {
        id: 1,
        name: "p1/a".into(),
        ovsdb: "tcp:10.10.1.1:6640".into(),
        datapath: v1::Datapath::System.into(),
        transports: [("storage".to_owned(), transport)].into(),
        standing: v1::Standing::Enabled.into(),
        revision: 3,
        status: Some(v1::HostStatus {
            session: v1::Session::Connected.into(),
            since_ms: 1_772_000_000_000,
            phase: v1::LanePhase::Settled.into(),
            target: v1::TargetState::Reached.into(),
            fence: Some(v1::Fence { cluster_id: "07".into(), epoch: 4, revision: 12 }),
            ovs_version: "3.1.0".into(),
            tunnels: 2,
            tunnels_up: 2,
            ..Default::default()
        }),
    };
    let mut ill = well.clone();
    ill.id = 2;
    ill.name = "p1/b".into();
    ill.status = Some(v1::HostStatus {
        session: v1::Session::Lost.into(),
        since_ms: 1_772_000_060_000,
        phase: v1::LanePhase::Disconnected.into(),
        target: v1::TargetState::Differs.into(),
        pending_rows: 3,
        waiting_for: "the next attempt".into(),
        last_error: "connection refused".into(),
        ..Default::default()
    });
    let mut stale = well.clone();
    stale.id = 3;
    stale.name = "p1/c".into();
    stale.standing = v1::Standing::Disabled.into();
    stale.status = None;
    [well, ill, stale].into_iter().map(host::HostView::from).collect()
}

fn network() -> network::NetworkView {
    let attachment = v1::PoolAttachment { transport: "storage".into(), preferred_host: Some("a".into()) };
    network::NetworkView::from(v1::Network {
        id: 1,
        name: "blue".into(),
        encapsulation: v1::Encapsulation::Vxlan.into(),
        mtu: 1400,
        vni: Some(100),
        requested_vni: Some(100),
        resilience: v1::Resilience::Single.into(),
        pools: [
            ("p1".to_owned(), attachment),
            ("p2".to_owned(), v1::PoolAttachment { transport: "storage".into(), preferred_host: None }),
        ]
        .into(),
        preferred_pool: Some("p1".into()),
        pool_center: Some("p1".into()),
        root: Some("p1/a".into()),
        revision: 9,
        status: Some(v1::NetworkStatus { hosts: 6, hosts_programmed: 5, links: 5, links_up: 4 }),
    })
}

fn cluster() -> cluster::ClusterView {
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
        })
    };
    let replica = |node: u64, status: v1::replica::Status| v1::Replica {
        node,
        address: format!("10.0.0.{node}:7400"),
        is_voter: node != 4,
        status: Some(status),
    };
    cluster::ClusterView::from(v1::ClusterStatus {
        cluster_id: Some("0000000000000000000000000000002a".into()),
        name: Some("lab".into()),
        node: 1,
        leader: Some(1),
        replicas: vec![
            replica(1, reachable(v1::Role::Leader, 120, "0123456789abcdef")),
            replica(2, reachable(v1::Role::Follower, 118, "fedcba9876543210")),
            replica(3, v1::replica::Status::Unreachable("connection refused".into())),
            replica(4, reachable(v1::Role::Learner, 120, "ffff")),
        ],
    })
}

fn plan() -> plan::PlanView {
    let choice = v1::PlannedChoice {
        network: "blue".into(),
        subject: v1::planned_choice::Subject::StarCenter.into(),
        pool: Some("p1".into()),
        from: Some("p1/a".into()),
        to: Some("p1/b".into()),
        cause: v1::Cause::Dead.into(),
    };
    let because =
        v1::Finding { rule: "bfd_down".into(), text: "BFD of 2 peers is down".into(), because: vec![] };
    plan::PlanView::from(v1::Plan {
        mark: Some(v1::ReadMark { index: 40, revision: 12, node: 1, is_leader: true }),
        choices: vec![choice],
        hosts: vec![v1::PlannedHost {
            host: "p1/b".into(),
            changes: vec!["+ port at1-3 to p1/c".into(), "- port at1-1 to p1/a".into()],
        }],
        report: vec![v1::Finding {
            rule: "center_dead".into(),
            text: "p1/a is given up".into(),
            because: vec![because],
        }],
    })
}

fn check_list<V: View>(format: Format, items: &[V], expected: Expect) {
    expected.assert_eq(&output::list(format, 40, items).unwrap());
}

fn check_item<V: View>(format: Format, item: &V, expected: Expect) {
    expected.assert_eq(&output::item(format, Some(40), item).unwrap());
}

#[test]
fn hosts_for_people() {
    check_list(
        Format::Table,
        &hosts(),
        expect![[r#"
        HOST  STANDING  OVSDB               TRANSPORTS         SESSION    TARGET      TUNNELS  REMARK
        p1/a  enabled   tcp:10.10.1.1:6640  storage=10.20.1.1  connected  reached     2/2      -
        p1/b  enabled   tcp:10.10.1.1:6640  storage=10.20.1.1  lost       3 rows off  0/0      the next attempt; connection refused
        p1/c  disabled  tcp:10.10.1.1:6640  storage=10.20.1.1  -          -           -        -
    "#]],
    );
    check_item(
        Format::Table,
        &hosts()[1],
        expect![[r#"
            host:        p1/b
            id:          2
            standing:    enabled
            ovsdb:       tcp:10.10.1.1:6640
            datapath:    system
            transports:  storage=10.20.1.1, MTU 9000
            revision:    3
            as the leader sees it:
              session:       lost since 2026-02-25T06:14:20Z
              last error:    connection refused
              phase:         disconnected
              waiting for:   the next attempt
              target:        3 rows off
              fence:         -
              Open vSwitch:  -
              tunnels up:    0 of 0
        "#]],
    );
}

#[test]
fn hosts_for_programs() {
    check_list(
        Format::Json,
        &hosts()[..1],
        expect![[r#"
        {
          "api": "asterism/v1",
          "kind": "HostList",
          "index": 40,
          "items": [
            {
              "name": "p1/a",
              "id": 1,
              "ovsdb": "tcp:10.10.1.1:6640",
              "datapath": "system",
              "transports": {
                "storage": {
                  "address": "10.20.1.1",
                  "mtu": 9000
                }
              },
              "standing": "enabled",
              "revision": 3,
              "status": {
                "session": "connected",
                "since": "2026-02-25T06:13:20.000Z",
                "last_error": "",
                "phase": "settled",
                "waiting_for": "",
                "target": "reached",
                "pending_rows": 0,
                "fence": {
                  "cluster_id": "07",
                  "epoch": 4,
                  "revision": 12
                },
                "ovs_version": "3.1.0",
                "tunnels": 2,
                "tunnels_up": 2
              }
            }
          ]
        }
    "#]],
    );
    check_list(
        Format::Yaml,
        &hosts()[1..2],
        expect![[r#"
        api: asterism/v1
        kind: HostList
        index: 40
        items:
        - name: p1/b
          id: 2
          ovsdb: tcp:10.10.1.1:6640
          datapath: system
          transports:
            storage:
              address: "10.20.1.1"
              mtu: 9000
          standing: enabled
          revision: 3
          status:
            session: lost
            since: "2026-02-25T06:14:20.000Z"
            last_error: connection refused
            phase: disconnected
            waiting_for: the next attempt
            target: differs
            pending_rows: 3
            fence: null
            ovs_version: ""
            tunnels: 0
            tunnels_up: 0
    "#]],
    );
}

#[test]
fn an_empty_list_is_a_document_too() {
    check_list::<host::HostView>(
        Format::Json,
        &[],
        expect![[r#"
        {
          "api": "asterism/v1",
          "kind": "HostList",
          "index": 40,
          "items": []
        }
    "#]],
    );
    check_list::<host::HostView>(
        Format::Yaml,
        &[],
        expect![[r#"
        api: asterism/v1
        kind: HostList
        index: 40
        items: []
    "#]],
    );
    check_list::<host::HostView>(
        Format::Table,
        &[],
        expect![[r#"
        HOST  STANDING  OVSDB  TRANSPORTS  SESSION  TARGET  TUNNELS  REMARK
    "#]],
    );
}

#[test]
fn networks() {
    check_list(
        Format::Table,
        &[network()],
        expect![[r#"
        NETWORK  ENCAPSULATION  VNI  MTU   POOLS   ROOT  PROGRAMMED  LINKS UP
        blue     vxlan          100  1400  p1, p2  p1/a  5/6         4/5
    "#]],
    );
    check_item(
        Format::Table,
        &network(),
        expect![[r#"
        network:           blue
        id:                1
        encapsulation:     vxlan
        vni:               100 (asked for)
        mtu:               1400 bytes
        resilience:        single
        pools:             p1 over storage, prefers a; p2 over storage
        preferred pool:    p1
        pool-center:       p1
        root:              p1/a
        hosts programmed:  5/6
        links up:          4/5
        revision:          9
    "#]],
    );
    check_item(
        Format::Json,
        &network(),
        expect![[r#"
        {
          "api": "asterism/v1",
          "kind": "Network",
          "index": 40,
          "name": "blue",
          "id": 1,
          "encapsulation": "vxlan",
          "mtu": 1400,
          "vni": 100,
          "requested_vni": 100,
          "resilience": "single",
          "pools": {
            "p1": {
              "transport": "storage",
              "preferred_host": "a"
            },
            "p2": {
              "transport": "storage",
              "preferred_host": null
            }
          },
          "preferred_pool": "p1",
          "pool_center": "p1",
          "root": "p1/a",
          "revision": 9,
          "status": {
            "hosts": 6,
            "hosts_programmed": 5,
            "links": 5,
            "links_up": 4
          }
        }
    "#]],
    );
}

#[test]
fn the_cluster() {
    check_item(
        Format::Table,
        &cluster(),
        expect![[r#"
        cluster:  lab (0000000000000000000000000000002a)
        leader:   1

        NODE          ADDRESS        ROLE         TERM  LOG  APPLIED  SNAPSHOT  LAG  REVISION  EPOCH  DIGEST    VERSION
        1             10.0.0.1:7400  leader       7     120  120      100       0    12        4      01234567  0.1.0
        2             10.0.0.2:7400  follower     7     120  118      100       2    12        4      fedcba98  0.1.0
        3             10.0.0.3:7400  unreachable  -     -    -        -         -    -         -      -         -
        4 (no voter)  10.0.0.4:7400  learner      7     120  120      100       0    12        4      ffff      0.1.0
        replica 3: connection refused
    "#]],
    );
    assert_eq!(
        cluster().diverged(),
        ["replicas 1 and 4 both applied entry 120, and their states differ: 0123456789abcdef and ffff"]
    );
}

#[test]
fn a_plan() {
    check_item(
        Format::Table,
        &plan(),
        expect![[r#"
        Choices upon revision 12:
          NETWORK  WHAT               FROM  TO    CAUSE
          blue     star-center of p1  p1/a  p1/b  dead
        Hosts that differ from their target:
          p1/b
            + port at1-3 to p1/c
            - port at1-1 to p1/a
        Report:
          p1/a is given up
            - BFD of 2 peers is down
    "#]],
    );
    check_item(
        Format::Yaml,
        &plan(),
        expect![[r#"
        api: asterism/v1
        kind: Plan
        index: 40
        revision: 12
        choices:
        - network: blue
          subject: star_center
          pool: p1
          from: p1/a
          to: p1/b
          cause: dead
        hosts:
        - host: p1/b
          changes:
          - + port at1-3 to p1/c
          - "- port at1-1 to p1/a"
        report:
        - rule: center_dead
          text: p1/a is given up
          because:
          - rule: bfd_down
            text: BFD of 2 peers is down
            because: []
    "#]],
    );
    let at_rest = plan::PlanView::from(v1::Plan::default());
    check_item(
        Format::Table,
        &at_rest,
        expect![[r#"
        Nothing to choose at revision 0.
    "#]],
    );
}

#[test]
fn a_receipt() {
    let receipt = v1::Receipt { index: 41, revision: 13, effect: Some(v1::receipt::Effect::Network(5)) };
    let view = receipt::ReceiptView::new(&receipt, "programmed", "network blue created".into());
    check_item(
        Format::Table,
        &view,
        expect![[r#"
        network blue created (programmed, revision 13)
    "#]],
    );
    check_item(
        Format::Json,
        &view,
        expect![[r#"
            {
              "api": "asterism/v1",
              "kind": "Receipt",
              "index": 40,
              "revision": 13,
              "stage": "programmed",
              "id": 5,
              "text": "network blue created"
            }
        "#]],
    );
}

#[test]
fn an_event() {
    let event = event::EventView::from(v1::Event {
        sequence: 12,
        at_ms: 1_772_000_000_000,
        kind: "pool_added".into(),
        fields: [("pool".to_owned(), "p1".to_owned())].into(),
        text: "pool p1 added".into(),
    });
    check_item(
        Format::Table,
        &event,
        expect![[r#"
        2026-02-25T06:13:20.000Z      12  pool p1 added
    "#]],
    );
    check_item(
        Format::Json,
        &event,
        expect![[r#"
        {
          "api": "asterism/v1",
          "kind": "Event",
          "index": 40,
          "sequence": 12,
          "at": "2026-02-25T06:13:20.000Z",
          "event": "pool_added",
          "fields": {
            "pool": "p1"
          },
          "text": "pool p1 added"
        }
    "#]],
    );
}

#[test]
fn a_topology_for_programs() {
    let topology = topology::TopologyView::from(crate::output::fixture::three_pools());
    let json = output::item(Format::Json, Some(40), &topology).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["root"], "p1/a");
    assert_eq!(json["stars"][1]["center"]["cause"], "dead");
    assert_eq!(json["links"][4]["state"], "down");
    assert_eq!(json["kind"], "Topology");
}

#[test]
fn an_explanation() {
    let because = |text: &str, because| v1::Finding { rule: "x".into(), text: text.into(), because };
    let finding =
        because("p1/b is star-center", vec![because("p1/a died", vec![because("BFD is down", vec![])])]);
    let view = explanation::ExplanationView {
        subject: "blue".into(),
        findings: vec![explanation::FindingView::from(finding)],
    };
    check_item(
        Format::Table,
        &view,
        expect![[r#"
        p1/b is star-center
          - p1/a died
            - BFD is down
    "#]],
    );
}

#[test]
fn no_number_makes_a_time_fail() {
    assert_eq!(time(0), "");
    assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    assert_eq!(time(u64::MAX), "9999-12-31T23:59:59.000Z");
    assert_eq!(time_short("2023-11-14T22:13:20.123Z"), "2023-11-14T22:13:20Z");
}

#[test]
fn enums_are_words() {
    assert_eq!(word!(LanePhase, "LANE_PHASE_", 4), "writing");
    assert_eq!(word!(LanePhase, "LANE_PHASE_", 0), "unknown");
    assert_eq!(word!(LanePhase, "LANE_PHASE_", 99), "unknown");
}
