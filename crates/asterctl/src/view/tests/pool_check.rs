//! Checks of pools as tables and YAML.

use asterism_api::v1;
use expect_test::expect;

use super::check_item;
use crate::{output::Format, view::pool_check::PoolCheckView};

fn check() -> PoolCheckView {
    let item = |severity: v1::Severity, about: &str, text: &str, remedy: &str| v1::CheckItem {
        severity: severity.into(),
        about: about.into(),
        text: text.into(),
        remedy: remedy.into(),
    };
    let survey = v1::PoolSurvey {
        uuid: "00000000-0000-0000-0000-000000000009".into(),
        label: "lab".into(),
        address: "https://10.30.0.1".into(),
        fingerprint: "AB:CD".into(),
        hosts: vec![v1::SurveyedHost {
            name: "a".into(),
            uuid: "00000000-0000-0000-0000-00000000000a".into(),
            address: "10.30.0.1".into(),
            version: "XCP-ng 8.3.0".into(),
            backend: "bridge".into(),
            is_master: true,
            is_enabled: true,
            is_live: true,
        }],
        networks: vec![v1::SurveyedNetwork {
            bridge: "xenbr0".into(),
            label: "Pool-wide network".into(),
            mtu: 1500,
            hosts: [("a".to_owned(), "10.30.0.1".to_owned())].into(),
        }],
    };
    let items = vec![
        item(v1::Severity::Blocking, "backend", "a do not switch with Open vSwitch", "switch it"),
        item(v1::Severity::Note, "ovsdb_port", "the hosts open TCP 6640 with the first network", ""),
        item(v1::Severity::Ok, "controller", "no SDN controller is configured", ""),
    ];
    PoolCheckView::from(v1::PoolCheck { survey: Some(survey), items })
}

#[test]
fn a_check() {
    check_item(
        Format::Table,
        &check(),
        expect![[r#"
        pool:    lab
        uuid:    00000000-0000-0000-0000-000000000009
        master:  https://10.30.0.1
        hosts:   a
        SEVERITY  ABOUT       WHAT                                            DO
        blocking  backend     a do not switch with Open vSwitch               switch it
        note      ovsdb port  the hosts open TCP 6640 with the first network  -
        ok        controller  no SDN controller is configured                 -
        no private network can be made here yet: 1 blocking, 0 warnings, 1 note
    "#]],
    );
    check_item(
        Format::Yaml,
        &check(),
        expect![[r#"
        api: asterism/v1
        kind: PoolCheck
        index: 40
        severity: blocking
        uuid: 00000000-0000-0000-0000-000000000009
        label: lab
        address: https://10.30.0.1
        fingerprint: AB:CD
        hosts:
        - name: a
          uuid: 00000000-0000-0000-0000-00000000000a
          address: "10.30.0.1"
          version: XCP-ng 8.3.0
          backend: bridge
          is_master: true
          is_enabled: true
          is_live: true
        networks:
        - bridge: xenbr0
          label: Pool-wide network
          mtu: 1500
          hosts:
            a: "10.30.0.1"
        items:
        - severity: blocking
          about: backend
          text: a do not switch with Open vSwitch
          remedy: switch it
        - severity: note
          about: ovsdb_port
          text: the hosts open TCP 6640 with the first network
          remedy: ""
        - severity: ok
          about: controller
          text: no SDN controller is configured
          remedy: ""
    "#]],
    );
}
