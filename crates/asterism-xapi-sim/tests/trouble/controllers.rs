//! The SDN controller and the CA that hosts are told of.

use asterism_xapi_sim::Simulator;
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::{X509Builder, X509NameBuilder},
};
use serde_json::json;

use super::{Client, host, pool};

const CA: &str = "sdn-controller-ca.pem";

#[test]
fn hosts_are_told_of_the_controller_with_the_ca_that_was_installed() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    agent.clear();
    let controller = client.text("SDN_controller.introduce", json!(["pssl"]));
    assert_eq!(agent.calls_to("h2"), ["controller pssl, without CA"]);
    client.result("SDN_controller.forget", json!([controller]));
    client.result("pool.certificate_install", json!([CA, authority()]));
    agent.clear();
    client.result("SDN_controller.introduce", json!(["pssl"]));
    for name in ["h1", "h2", "h3"] {
        assert_eq!(agent.calls_to(name), ["controller pssl, with CA"]);
    }
}

#[test]
fn a_new_host_needs_certificates_synced() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    client.result("pool.certificate_install", json!([CA, authority()]));
    client.result("SDN_controller.introduce", json!(["pssl"]));
    simulator.add_host(&host(third_octet(&simulator), 4)).unwrap();
    assert_eq!(agent.calls_to("h4").last().unwrap(), "controller pssl, without CA");
    client.result("pool.certificate_sync", json!([]));
    simulator.restart_toolstack("h4");
    assert_eq!(agent.calls_to("h4").last().unwrap(), "controller pssl, with CA");
}

#[test]
fn certificates_go_by_name_and_are_listed() {
    let (simulator, _) = pool();
    let mut client = Client::of(&simulator, "h1");
    let pem = authority();
    assert_eq!(
        client.failure("pool.certificate_install", json!(["../x.pem", pem]))[0],
        "CERTIFICATE_NAME_INVALID"
    );
    client.result("pool.install_ca_certificate", json!([CA, pem]));
    assert_eq!(
        client.failure("pool.certificate_install", json!([CA, pem])),
        ["CERTIFICATE_ALREADY_EXISTS", CA]
    );
    assert_eq!(client.result("pool.certificate_list", json!([])), json!([CA]));
    let records = client.result("Certificate.get_all_records", json!([]));
    let record = records.as_object().unwrap().values().next().unwrap();
    assert_eq!((&record["type"], &record["name"]), (&json!("ca"), &json!(CA)));
    client.result("pool.uninstall_ca_certificate", json!([CA]));
    assert_eq!(client.result("pool.certificate_list", json!([])), json!([]));
}

#[test]
fn a_crashed_host_is_not_told_and_nobody_hears_of_it() {
    let (simulator, agent) = pool();
    let mut client = Client::of(&simulator, "h1");
    simulator.set_live("h3", false);
    agent.clear();
    client.result("SDN_controller.introduce", json!(["pssl"]));
    assert!(agent.calls_to("h3").is_empty());
    assert_eq!(agent.calls_to("h2").len(), 1);
}

fn third_octet(simulator: &Simulator) -> u8 {
    let database = simulator.database();
    let address = database.text("host", &simulator.host("h1"), "address");
    address.split('.').nth(2).unwrap().parse().unwrap()
}

/// A certificate of an authority, signed by itself.
fn authority() -> String {
    let key = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    let key = PKey::from_ec_key(key).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "controllers").unwrap();
    let name = name.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
}
