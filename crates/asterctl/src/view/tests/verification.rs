//! What `verify` found, for people and for programs.

use asterism_api::v1;
use expect_test::expect;

use super::check_item;
use crate::{output::Format, view::verification::VerificationView};

fn problem(severity: v1::problem::Severity, kind: v1::problem::Kind, text: &str) -> v1::Problem {
    v1::Problem { severity: severity.into(), kind: kind.into(), text: text.into(), ..Default::default() }
}

fn ill() -> v1::Verification {
    use v1::problem::{Kind, Severity};
    let link = v1::Problem {
        network: Some("blue".into()),
        host: Some("p1/c".into()),
        peer: Some("p1/a".into()),
        ..problem(Severity::Degraded, Kind::LinkDown, "BFD is down at p1/c's end of the link to p1/a")
    };
    let host = v1::Problem {
        host: Some("p2/b".into()),
        ..problem(Severity::Broken, Kind::Unreachable, "p2/b does not answer: connection refused")
    };
    v1::Verification {
        problems: vec![host, link],
        broken: 1,
        degraded: 2,
        networks: 2,
        hosts: 9,
        links: 20,
        ..Default::default()
    }
}

#[test]
fn problems_stand_worst_first_with_what_was_looked_at() {
    check_item(
        Format::Table,
        &VerificationView::from(ill()),
        expect![[r#"
            SEVERITY  NETWORK  WHERE        WHAT
            broken    -        p2/b         p2/b does not answer: connection refused
            degraded  blue     p1/c - p1/a  BFD is down at p1/c's end of the link to p1/a
              and 1 more
            not all is well: 1 broken, 2 degraded, 0 coming up, 0 notes; looked at 2 networks, 9 hosts, 20 links
        "#]],
    );
    check_item(
        Format::Yaml,
        &VerificationView::from(ill()),
        expect![[r#"
            api: asterism/v1
            kind: Verification
            index: 40
            is_well: false
            broken: 1
            degraded: 2
            coming_up: 0
            notes: 0
            networks: 2
            hosts: 9
            links: 20
            problems:
            - severity: broken
              kind: unreachable
              network: null
              host: p2/b
              peer: null
              text: "p2/b does not answer: connection refused"
            - severity: degraded
              kind: link_down
              network: blue
              host: p1/c
              peer: p1/a
              text: BFD is down at p1/c's end of the link to p1/a
        "#]],
    );
}

#[test]
fn notes_are_no_illness() {
    let note = problem(v1::problem::Severity::Note, v1::problem::Kind::OneUplink, "p1/c can't bond");
    let noted = v1::Verification { problems: vec![note], notes: 1, hosts: 3, ..Default::default() };
    assert!(VerificationView::from(noted.clone()).is_well);
    check_item(
        Format::Table,
        &VerificationView::from(noted),
        expect![[r#"
            SEVERITY  NETWORK  WHERE  WHAT
            note      -        -      p1/c can't bond
            all is well, with notes: 0 broken, 0 degraded, 0 coming up, 1 note; looked at 0 networks, 3 hosts, 0 links
        "#]],
    );
    let well = v1::Verification { networks: 1, hosts: 3, links: 3, ..Default::default() };
    check_item(
        Format::Table,
        &VerificationView::from(well),
        expect![[r#"
            all is well: looked at 1 network, 3 hosts, 3 links
        "#]],
    );
}
