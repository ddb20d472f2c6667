//! Pools as tables and JSON.

use asterism_api::v1::{self, xapi_trust::By};
use expect_test::expect;

use super::{check_item, check_list};
use crate::{output::Format, view::pool::PoolView};

fn host(name: &str, is_enabled: bool) -> v1::XapiPoolHost {
    let xapi = v1::XapiHost {
        uuid: "00000000-0000-0000-0000-00000000000a".into(),
        version: "XCP-ng 8.3.0".into(),
        is_enabled,
        is_live: true,
        is_listed: true,
        fingerprint: "AB:CD".into(),
    };
    v1::XapiPoolHost { name: name.into(), xapi: Some(xapi) }
}

fn pool() -> v1::Pool {
    let transport = v1::PoolTransport {
        name: "xenbr1".into(),
        label: "Storage".into(),
        uuid: "00000000-0000-0000-0000-0000000000b1".into(),
        hosts: 2,
    };
    let status = v1::PoolStatus {
        session: v1::Session::Connected.into(),
        since_ms: 1_772_000_000_000,
        last_error: String::new(),
        address: "https://10.30.0.1".into(),
        version: "XCP-ng 8.3.0".into(),
        event_lag_ms: Some(12_345),
        waiting_for: vec!["host xcp/b: its bridge".into()],
    };
    let xapi = v1::XapiPool {
        uuid: "00000000-0000-0000-0000-000000000009".into(),
        addresses: vec!["https://10.30.0.1".into()],
        user: "root".into(),
        trust: Some(v1::XapiTrust {
            by: Some(By::Fingerprints(v1::Fingerprints { sha256: vec!["AB:CD".into()] })),
        }),
        master: "xcp/a".into(),
        is_leaving: false,
        transports: vec![transport],
        hosts: vec![host("xcp/a", true), host("xcp/b", false)],
        status: Some(status),
    };
    v1::Pool {
        id: 2,
        name: "xcp".into(),
        hosts: vec!["xcp/a".into(), "xcp/b".into()],
        networks: vec!["blue".into()],
        xapi: Some(xapi),
    }
}

/// A document's own keys are not hidden by those of what it shows.
#[test]
fn a_document_says_each_thing_once() {
    let json = crate::output::item(Format::Json, Some(40), &PoolView::from(pool())).unwrap();
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["kind"], "Pool");
    let keys = json.lines().filter(|line| line.starts_with("  \"")).count();
    assert_eq!(keys, read.as_object().unwrap().len());
}

#[test]
fn pools() {
    let stale = v1::Pool { xapi: pool().xapi.map(|xapi| v1::XapiPool { status: None, ..xapi }), ..pool() };
    let plain = v1::Pool { id: 1, name: "p1".into(), hosts: Vec::new(), networks: Vec::new(), xapi: None };
    let views: Vec<PoolView> = [plain, pool(), stale].into_iter().map(PoolView::from).collect();
    check_list(
        Format::Table,
        &views,
        expect![[r#"
        POOL  KIND    HOSTS  NETWORKS  SESSION    REMARK
        p1    static  0      -         -          -
        xcp   xapi    2      blue      connected  -
        xcp   xapi    2      blue      -          -
    "#]],
    );
}

#[test]
fn a_pool_behind_a_xapi() {
    check_item(
        Format::Table,
        &PoolView::from(pool()),
        expect![[r#"
            pool:       xcp
            id:         2
            kind:       xapi
            hosts:      xcp/a, xcp/b
            networks:   blue
            uuid:       00000000-0000-0000-0000-000000000009
            addresses:  https://10.30.0.1
            user:       root
            known by:   1 certificate
            master:     xcp/a
            hosts:
              HOST   VERSION       REMARK
              xcp/a  XCP-ng 8.3.0  -
              xcp/b  XCP-ng 8.3.0  disabled in its pool
            transports:
              NAME    NETWORK  HOSTS
              xenbr1  Storage  2
            as the leader sees it:
              session:      connected since 2026-02-25T06:13:20Z
              address:      https://10.30.0.1
              version:      XCP-ng 8.3.0
              last heard:   12 s ago
              last error:   -
              waiting for:  host xcp/b: its bridge
        "#]],
    );
    check_item(
        Format::Json,
        &PoolView::from(pool()),
        expect![[r#"
            {
              "api": "asterism/v1",
              "kind": "Pool",
              "index": 40,
              "name": "xcp",
              "id": 2,
              "management": "xapi",
              "hosts": [
                "xcp/a",
                "xcp/b"
              ],
              "networks": [
                "blue"
              ],
              "xapi": {
                "uuid": "00000000-0000-0000-0000-000000000009",
                "addresses": [
                  "https://10.30.0.1"
                ],
                "user": "root",
                "trust": {
                  "fingerprints": [
                    "AB:CD"
                  ]
                },
                "master": "xcp/a",
                "is_leaving": false,
                "hosts": [
                  {
                    "name": "xcp/a",
                    "uuid": "00000000-0000-0000-0000-00000000000a",
                    "version": "XCP-ng 8.3.0",
                    "is_enabled": true,
                    "is_live": true,
                    "is_listed": true,
                    "fingerprint": "AB:CD"
                  },
                  {
                    "name": "xcp/b",
                    "uuid": "00000000-0000-0000-0000-00000000000a",
                    "version": "XCP-ng 8.3.0",
                    "is_enabled": false,
                    "is_live": true,
                    "is_listed": true,
                    "fingerprint": "AB:CD"
                  }
                ],
                "transports": [
                  {
                    "name": "xenbr1",
                    "label": "Storage",
                    "uuid": "00000000-0000-0000-0000-0000000000b1",
                    "hosts": 2
                  }
                ],
                "status": {
                  "session": "connected",
                  "since": "2026-02-25T06:13:20.000Z",
                  "last_error": "",
                  "address": "https://10.30.0.1",
                  "version": "XCP-ng 8.3.0",
                  "event_lag_ms": 12345,
                  "waiting_for": [
                    "host xcp/b: its bridge"
                  ]
                }
              }
            }
        "#]],
    );
}
