//! A sound pool, and what is found when something about it is not.

use std::collections::BTreeSet;

use asterism_model::XapiUuid;
use asterism_xapi::{SurveyedAuthority, SurveyedController};

use super::*;

const OURS: CertificateFingerprint = CertificateFingerprint([7; 32]);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn host(number: u8) -> SurveyedHost {
    SurveyedHost {
        uuid: XapiUuid(number.into()),
        address: Some(IpAddr::from([10, 0, 0, number])),
        version: "XCP-ng 8.3.0".into(),
        backend: OPEN_VSWITCH.into(),
        is_master: number == 1,
        is_enabled: true,
        is_live: true,
        fingerprint: Some(CertificateFingerprint([number; 32])),
    }
}

fn pool() -> PoolSurvey {
    let storage = SurveyedNetwork {
        bridge: "xenbr1".into(),
        label: "storage".into(),
        mtu: 9000,
        hosts: [("a", 1), ("b", 2)].map(|(host, ip)| (name(host), Some(IpAddr::from([10, 1, 0, ip])))).into(),
    };
    PoolSurvey {
        uuid: XapiUuid(9),
        label: "lab".into(),
        address: "https://10.0.0.1".parse().unwrap(),
        certificate: Some(CertificateFingerprint([1; 32])),
        hosts: [(name("a"), host(1)), (name("b"), host(2))].into(),
        networks: vec![storage],
        controllers: vec![SurveyedController { protocol: "pssl".into(), address: String::new() }],
        authorities: vec![SurveyedAuthority { name: AUTHORITY_FILE.into(), fingerprint: Some(OURS) }],
        orchestra_keys: BTreeSet::new(),
        orchestra_networks: 0,
    }
}

fn open() -> BTreeMap<Name, Port> {
    [(name("a"), Port::Open), (name("b"), Port::Open)].into()
}

/// The worst item after something was changed about a sound pool.
fn worst(change: impl FnOnce(&mut PoolSurvey)) -> (Severity, String, String) {
    let mut survey = pool();
    change(&mut survey);
    first(&judge(&Sight { survey: &survey, ports: &open(), authority: Some(OURS) }))
}

fn first(items: &[CheckItem]) -> (Severity, String, String) {
    (items[0].severity(), items[0].about.clone(), items[0].text.clone())
}

#[test]
fn nothing_is_said_against_a_sound_pool() {
    let items = judge(&Sight { survey: &pool(), ports: &open(), authority: Some(OURS) });
    let bad: Vec<_> = items.iter().filter(|item| item.severity() != Severity::Ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let about: BTreeSet<&str> = items.iter().map(|item| item.about.as_str()).collect();
    let looked_at =
        ["authority", "backend", "certificate", "controller", "mtu", "ovsdb_port", "transport", "version"];
    assert_eq!(about.into_iter().collect::<Vec<_>>(), looked_at);
}

#[test]
fn each_thing_that_stops_a_network_is_found() {
    type Change = fn(&mut PoolSurvey);
    let cases: [(Change, &str, &str); 5] = [
        (
            |pool| pool.hosts.get_mut(&name("b")).unwrap().backend = "bridge".into(),
            "backend",
            "b do not switch",
        ),
        (|pool| pool.networks.clear(), "transport", "nothing can carry tunnels"),
        (
            |pool| pool.authorities[0].fingerprint = Some(CertificateFingerprint([8; 32])),
            "authority",
            "another CA",
        ),
        (
            |pool| {
                pool.controllers =
                    vec![SurveyedController { protocol: "ssl".into(), address: "10.9.9.9".into() }];
            },
            "controller",
            "10.9.9.9",
        ),
        (
            |pool| pool.hosts.get_mut(&name("b")).unwrap().address = None,
            "hosts",
            "b have no management address",
        ),
    ];
    for (change, about, text) in cases {
        let (severity, found_about, found_text) = worst(change);
        assert_eq!((severity, found_about.as_str()), (Severity::Blocking, about), "{found_text}");
        assert!(found_text.contains(text), "{found_text}");
    }
}

#[test]
fn what_stops_a_part_only_is_a_warning() {
    type Change = fn(&mut PoolSurvey);
    let cases: [(Change, &str, &str); 6] = [
        (
            |pool| *pool.networks[0].hosts.get_mut(&name("b")).unwrap() = None,
            "transport",
            "`storage` (xenbr1) has no address on b",
        ),
        (
            |pool| pool.hosts.get_mut(&name("b")).unwrap().version = "XCP-ng 8.1.0".into(),
            "version",
            "b run versions",
        ),
        (|pool| pool.hosts.get_mut(&name("b")).unwrap().is_live = false, "hosts", "b are down"),
        (|pool| pool.hosts.get_mut(&name("b")).unwrap().fingerprint = None, "certificate", "of b"),
        (
            |pool| pool.orchestra_keys = ["xo:sdn-controller:of-method".to_owned()].into(),
            "orchestra",
            "has been at work",
        ),
        (|pool| pool.certificate = None, "certificate", "in clear"),
    ];
    for (change, about, text) in cases {
        let (severity, found_about, found_text) = worst(change);
        assert_eq!((severity, found_about.as_str()), (Severity::Warning, about), "{found_text}");
        assert!(found_text.contains(text), "{found_text}");
    }
}

#[test]
fn ports_count_once_the_hosts_should_listen() {
    let mut survey = pool();
    let silent = |host| (name(host), Port::Silent("no answer within 3s".into()));
    let one: BTreeMap<Name, Port> = [(name("a"), Port::Open), silent("b")].into();
    let none: BTreeMap<Name, Port> = [(name("a"), Port::Refused), silent("b")].into();
    let judged = |survey: &PoolSurvey, ports: &BTreeMap<Name, Port>| {
        first(&judge(&Sight { survey, ports, authority: Some(OURS) }))
    };
    assert_eq!(judged(&survey, &one).0, Severity::Warning);
    let (severity, about, text) = judged(&survey, &none);
    assert_eq!((severity, about.as_str()), (Severity::Blocking, "ovsdb_port"));
    assert!(text.contains("a (nobody listens), b (no answer"), "{text}");
    survey.controllers.clear();
    assert_eq!(judged(&survey, &none).0, Severity::Note);
}

#[test]
fn a_leader_without_a_certificate_for_hosts_says_so() {
    let items = judge(&Sight { survey: &pool(), ports: &open(), authority: None });
    let (severity, _, text) = first(&items);
    assert_eq!(severity, Severity::Blocking);
    assert!(text.contains("no certificate to show"), "{text}");
}
