//! A survey tells what is there, and each thing that may be wrong by its name.

use std::fmt::Write as _;

use asterism_model::{XapiUuid, chain};
use asterism_xapi::{PoolSurvey, Secret, Trust, XapiConfig, XapiError, survey};
use asterism_xapi_sim::{Effect, Failure, Fault, Listen, Simulator, Version};
use expect_test::expect;

use crate::support::{address, config, count, spec, start, start_on, until};

/// Of an operator who names one host, and knows nothing else.
fn first_contact(simulator: &Simulator, host: &str) -> XapiConfig {
    XapiConfig { expected_pool: None, ..config(simulator, &[host]) }
}

async fn error(config: &XapiConfig) -> XapiError {
    survey(config).await.unwrap_err()
}

fn render(survey: &PoolSurvey) -> String {
    let mut text = String::new();
    writeln!(text, "{}", survey.label).unwrap();
    for (name, host) in &survey.hosts {
        let master = if host.is_master { "*" } else { "" };
        let (version, backend) = (&host.version, &host.backend);
        writeln!(
            text,
            "{name}{master} {version} {backend} live={} enabled={}",
            host.is_live, host.is_enabled
        )
        .unwrap();
    }
    for network in &survey.networks {
        let hosts: Vec<String> = network
            .hosts
            .iter()
            .map(|(name, address)| {
                format!("{name}={}", address.map_or("none".to_owned(), |ip| ip.to_string()))
            })
            .collect();
        writeln!(text, "{} mtu={} {}", network.bridge, network.mtu, hosts.join(" ")).unwrap();
    }
    let controllers: Vec<&str> =
        survey.controllers.iter().map(|controller| controller.protocol.as_str()).collect();
    let authorities: Vec<&str> = survey.authorities.iter().map(|authority| authority.name.as_str()).collect();
    writeln!(
        text,
        "controllers {controllers:?} authorities {authorities:?} keys {:?}",
        survey.orchestra_keys
    )
    .unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_tells_all_that_a_network_may_fail_at() {
    let simulator = start(spec(2));
    simulator.set_address("h2", crate::support::TRANSPORT, None);
    simulator.set_pool_key("xo:clientInfo:1", Some("{}"));
    simulator.set_enabled("h2", false);
    let survey = survey(&first_contact(&simulator, "h1")).await.unwrap();
    expect![[r#"
        pool-a
        h1* XCP-ng 8.3.0 openvswitch live=true enabled=true
        h2 XCP-ng 8.3.0 openvswitch live=true enabled=false
        xenbr0 mtu=1500 h1=127.0.0.11 h2=127.0.0.12
        xenbr1 mtu=1500 h1=10.1.0.1 h2=none
        controllers [] authorities [] keys {"xo:clientInfo:1"}
    "#]]
    .assert_eq(&render(&survey));
    until("logged out", || simulator.database().refs("session").is_empty()).await;
    let written = simulator.calls().into_iter().map(|call| call.method).filter(|method| {
        !method.contains(".get_") && !method.starts_with("session.") && method != "pool.certificate_list"
    });
    assert_eq!(written.collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_can_be_surveyed() {
    for version in Version::ALL {
        let simulator = start(asterism_xapi_sim::PoolSpec { version, ..spec(2) });
        let survey = survey(&first_contact(&simulator, "h1")).await;
        assert_eq!(survey.unwrap().hosts.len(), 2, "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_called_so() {
    let simulator = start(spec(1));
    let mut config = first_contact(&simulator, "h1");
    config.password = Secret::new("hunter2");
    let error = error(&config).await;
    assert!(matches!(error, XapiError::Authentication { .. }), "{error:?}");
    assert!(chain(&error).contains("refuses user `root`: wrong name or password"), "{}", chain(&error));
    assert!(!chain(&error).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_fingerprint_is_shown_beside_the_expected_one() {
    let simulator = start_on(spec(1), Listen::https(0));
    let mut config = first_contact(&simulator, "h1");
    let expected = "AB".repeat(32).parse().unwrap();
    config.trust = Trust::Fingerprints([expected].into());
    let error = error(&config).await;
    let shown = simulator.fingerprint("h1").unwrap();
    assert!(
        matches!(&error, XapiError::Fingerprint { found, .. } if found.to_string() == shown),
        "{error:?}"
    );
    assert!(error.to_string().contains(&shown) && error.to_string().contains("AB:AB:AB"), "{error}");
    assert_eq!(count(&simulator, "session.login_with_password"), 0, "the password was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slaves_address_leads_to_the_masters_by_word_only() {
    let simulator = start(spec(2));
    let error = error(&first_contact(&simulator, "h2")).await;
    let master = address(&simulator, "h1");
    assert!(matches!(&error, XapiError::Slave { master: named, .. } if *named == master), "{error:?}");
    assert!(error.to_string().contains(master.as_str()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_known_is_surveyed_from_any_host() {
    let simulator = start(spec(3));
    let survey = survey(&config(&simulator, &["h2"])).await.unwrap();
    assert_eq!(survey.address, address(&simulator, "h1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pool_than_the_known_one_is_called_so() {
    let simulator = start(spec(1));
    let mut config = config(&simulator, &["h1"]);
    config.expected_pool = Some(XapiUuid(7));
    let error = error(&config).await;
    assert!(matches!(&error, XapiError::WrongPool { expected: XapiUuid(7), .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_named() {
    let simulator = start(spec(1));
    let failure = Failure::new("RBAC_PERMISSION_DENIED", ["pool.certificate_list", "no"]);
    simulator.inject(Fault::new(Effect::Fail(failure)).of_method("pool.certificate_list"));
    let error = error(&first_contact(&simulator, "h1")).await;
    assert!(matches!(error, XapiError::Rights { .. }), "{error:?}");
    assert!(
        error.to_string().contains("lacks rights") && error.to_string().contains("pool.certificate_list")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_xapi_is_unreachable() {
    let simulator = start(spec(1));
    let mut config = first_contact(&simulator, "h1");
    config.addresses = ["http://127.0.0.1:1".parse().unwrap()].into();
    let error = error(&config).await;
    assert!(matches!(error, XapiError::Unreachable { .. }), "{error:?}");
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_an_emergency_is_called_so() {
    let simulator = start(spec(2));
    simulator.set_emergency("h2", Some("HOST_STILL_BOOTING"));
    let error = error(&first_contact(&simulator, "h2")).await;
    assert!(matches!(error, XapiError::Emergency { .. }), "{error:?}");
    assert!(chain(&error).contains("not in service: HOST_STILL_BOOTING"), "{}", chain(&error));
}
