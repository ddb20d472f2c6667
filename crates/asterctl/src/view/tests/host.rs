//! Hosts as tables, JSON and YAML.

use asterism_api::v1;
use expect_test::expect;

use super::{check_item, check_list};
use crate::{output::Format, view::host::HostView};

fn hosts() -> Vec<HostView> {
    let transport = v1::Transport { address: "10.20.1.1".into(), mtu: Some(9000), label: None };
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
        xapi: None,
        uplinks: v1::Uplinks::Several.into(),
        bfd: Some(v1::BfdLoad {
            sessions: 2,
            interval_ms: Some(100),
            fast_interval_ms: Some(15),
            packets_per_second: 77,
            budget: 4000,
        }),
        offices: vec![v1::Office {
            network: "blue".into(),
            rank: v1::Rank::RootStandby.into(),
            is_coming: false,
            successor: None,
            waiting_for: "until p1/c answers".into(),
        }],
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
    stale.uplinks = v1::Uplinks::One.into();
    stale.bfd = None;
    stale.offices.clear();
    [well, ill, stale].into_iter().map(HostView::from).collect()
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
            XAPI:        -
            uplinks:     several
            BFD:         2 sessions, every 100 ms, fast ones every 15 ms: 77 of 4000 packets/s
            revision:    3
            offices:
              NETWORK  OFFICE        GOES TO  WAITING FOR
              blue     root standby  -        until p1/c answers
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
                      "mtu": 9000,
                      "label": null
                    }
                  },
                  "standing": "enabled",
                  "revision": 3,
                  "uplinks": "several",
                  "bfd": {
                    "sessions": 2,
                    "interval_ms": 100,
                    "fast_interval_ms": 15,
                    "packets_per_second": 77,
                    "budget": 4000
                  },
                  "offices": [
                    {
                      "network": "blue",
                      "rank": "root_standby",
                      "is_coming": false,
                      "successor": null,
                      "waiting_for": "until p1/c answers"
                    }
                  ],
                  "xapi": null,
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
                  label: null
              standing: enabled
              revision: 3
              uplinks: several
              bfd:
                sessions: 2
                interval_ms: 100
                fast_interval_ms: 15
                packets_per_second: 77
                budget: 4000
              offices:
              - network: blue
                rank: root_standby
                is_coming: false
                successor: null
                waiting_for: until p1/c answers
              xapi: null
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
    check_list::<HostView>(
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
    check_list::<HostView>(
        Format::Yaml,
        &[],
        expect![[r#"
        api: asterism/v1
        kind: HostList
        index: 40
        items: []
    "#]],
    );
    check_list::<HostView>(
        Format::Table,
        &[],
        expect![[r#"
        HOST  STANDING  OVSDB  TRANSPORTS  SESSION  TARGET  TUNNELS  REMARK
    "#]],
    );
}
