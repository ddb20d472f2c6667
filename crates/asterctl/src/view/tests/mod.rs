//! Tables, JSON and YAML of fixed answers.

mod adoption;
mod cluster;
mod forecast;
mod host;
mod network;
mod plan;
mod pool;
mod pool_check;
mod verification;

use asterism_api::v1;
use expect_test::{Expect, expect};

use super::{event::EventView, receipt::ReceiptView, topology::TopologyView, *};
use crate::output::{self, Format};

fn check_list<V: View>(format: Format, items: &[V], expected: Expect) {
    expected.assert_eq(&output::list(format, 40, items).unwrap());
}

fn check_item<V: View>(format: Format, item: &V, expected: Expect) {
    expected.assert_eq(&output::item(format, Some(40), item).unwrap());
}

#[test]
fn a_receipt() {
    let receipt = v1::Receipt { index: 41, revision: 13, effect: Some(v1::receipt::Effect::Network(5)) };
    let view = ReceiptView::new(&receipt, "programmed", "network blue created".into());
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
    let event = EventView::from(v1::Event {
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
    let topology = TopologyView::from(crate::output::fixture::three_pools());
    let json = output::item(Format::Json, Some(40), &topology).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["root"], "p1/a");
    assert_eq!(json["stars"][1]["center"]["cause"], "dead");
    assert_eq!(json["links"][4]["state"], "down");
    assert_eq!(json["kind"], "Topology");
}

#[test]
fn moves_for_programs() {
    let topology = TopologyView::from(crate::output::fixture::moving_pools());
    let json = output::item(Format::Json, Some(40), &topology).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["next_pool"]["pool"], "p3");
    assert_eq!(json["stars"][1]["next"]["cause"], "moved");
    assert_eq!(json["stars"][1]["drain"]["host"], "p2/b");
    assert_eq!(json["stars"][1]["drain"]["extent"], "all");
    assert_eq!(json["stars"][2]["standby"], "p3/a");
    assert_eq!(json["stars"][2]["members"][2]["uplinks"], "one");
    assert_eq!(json["links"][0]["interval_ms"], 15);
    assert_eq!(json["waiting"].as_array().map(Vec::len), Some(1));
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
