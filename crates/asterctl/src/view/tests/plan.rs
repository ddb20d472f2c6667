//! Plans and explanations.

use asterism_api::v1;
use expect_test::expect;

use super::check_item;
use crate::{
    output::Format,
    view::{
        explanation::{ExplanationView, FindingView},
        plan::PlanView,
    },
};

fn plan() -> PlanView {
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
    PlanView::from(v1::Plan {
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
            is_from_leader: true
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
    let at_rest = PlanView::from(v1::Plan::default());
    check_item(
        Format::Table,
        &at_rest,
        expect![[r#"
            Nothing to choose at revision 0.
            Which hosts differ from their target, the leader knows.
        "#]],
    );
}

#[test]
fn an_explanation() {
    let because = |text: &str, because| v1::Finding { rule: "x".into(), text: text.into(), because };
    let finding =
        because("p1/b is star-center", vec![because("p1/a died", vec![because("BFD is down", vec![])])]);
    let view = ExplanationView { subject: "blue".into(), findings: vec![FindingView::from(finding)] };
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
