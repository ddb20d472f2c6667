//! What would come of a failure, for people and for programs.

use asterism_api::v1;
use expect_test::expect;

use super::check_item;
use crate::{output::Format, view::forecast::ForecastView};

fn pair(one: &str, other: &str) -> v1::HostPair {
    v1::HostPair { one: one.into(), other: other.into() }
}

fn root_dies() -> ForecastView {
    let succession = |subject: v1::planned_choice::Subject, from: &str, to: Option<&str>| v1::Succession {
        subject: subject.into(),
        pool: Some("p1".into()),
        from: Some(from.into()),
        to: to.map(ToOwned::to_owned),
        remedy: v1::Remedy::Election.into(),
    };
    let network = v1::NetworkForecast {
        network: "blue".into(),
        killed: vec!["p1/a".into()],
        successions: vec![
            succession(v1::planned_choice::Subject::StarCenter, "p1/a", Some("p1/b")),
            succession(v1::planned_choice::Subject::Standby, "p1/b", None),
        ],
        interruptions: vec![
            v1::Interruption {
                pairs: 9,
                examples: vec![
                    pair("p1/b", "p2/a"),
                    pair("p1/b", "p2/b"),
                    pair("p1/c", "p2/a"),
                    pair("p1/c", "p2/b"),
                ],
                heals_within_ms: Some(400),
                remedy: v1::Remedy::DataPlane.into(),
            },
            v1::Interruption {
                pairs: 2,
                examples: vec![pair("p1/b", "p3/a"), pair("p1/c", "p3/a")],
                heals_within_ms: Some(2000),
                remedy: v1::Remedy::Election.into(),
            },
        ],
        cut: Some(v1::Interruption { pairs: 1, examples: vec![pair("p1/b", "p3/c")], ..Default::default() }),
        pairs: 36,
    };
    let safe = v1::NetworkForecast { network: "green".into(), pairs: 3, ..Default::default() };
    let controllers =
        v1::ControllersForecast { voters: 3, voters_left: 1, has_quorum: false, leader_within_ms: None };
    ForecastView::from(v1::Forecast {
        networks: vec![network, safe],
        untouched: 4,
        controllers: Some(controllers),
        ..Default::default()
    })
}

#[test]
fn a_forecast() {
    check_item(
        Format::Table,
        &root_dies(),
        expect![[r#"
        blue:
          killed: p1/a
          OFFICE             FROM  TO    HOW
          star-center of p1  p1/a  p1/b  by an election
          standby of p1      p1/b  -     by an election
          interrupted for 400 ms at most, healed by the switches alone: 9 of 36 pairs (p1/b - p2/a, p1/b - p2/b, p1/c - p2/a, ..)
          interrupted for 2000 ms at most, healed by an election: 2 of 36 pairs (p1/b - p3/a, p1/c - p3/a)
          cut for good: 1 of 36 pairs (p1/b - p3/c)
        green:
          no pair of living hosts loses a frame
        4 networks stay as they are
        controllers: 1 of 3 voters left, no quorum: nothing can be changed and nobody elected; networks go on, and heal by the switches alone
    "#]],
    );
    check_item(
        Format::Yaml,
        &root_dies(),
        expect![[r#"
        api: asterism/v1
        kind: Forecast
        index: 40
        networks:
        - network: blue
          killed:
          - p1/a
          successions:
          - subject: star_center
            pool: p1
            from: p1/a
            to: p1/b
            remedy: election
          - subject: standby
            pool: p1
            from: p1/b
            to: null
            remedy: election
          interruptions:
          - pairs: 9
            examples:
            - - p1/b
              - p2/a
            - - p1/b
              - p2/b
            - - p1/c
              - p2/a
            - - p1/c
              - p2/b
            heals_within_ms: 400
            remedy: data_plane
          - pairs: 2
            examples:
            - - p1/b
              - p3/a
            - - p1/c
              - p3/a
            heals_within_ms: 2000
            remedy: election
          cut:
            pairs: 1
            examples:
            - - p1/b
              - p3/c
            heals_within_ms: null
            remedy: null
          pairs: 36
        - network: green
          killed: []
          successions: []
          interruptions: []
          cut: null
          pairs: 3
        untouched: 4
        controllers:
          voters: 3
          voters_left: 1
          has_quorum: false
          leader_within_ms: null
    "#]],
    );
}

#[test]
fn nothing_happens() {
    let controllers =
        v1::ControllersForecast { voters: 3, voters_left: 3, has_quorum: true, ..Default::default() };
    let nothing = ForecastView::from(v1::Forecast {
        untouched: 4,
        controllers: Some(controllers),
        ..Default::default()
    });
    check_item(
        Format::Table,
        &nothing,
        expect![[r#"
        no network changes
    "#]],
    );
}
