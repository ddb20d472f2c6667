//! Who is believed: certificates by fingerprint or authority, and those that the pool tells of its other hosts.

use asterism_model::{PoolId, chain};
use asterism_xapi::{PoolSession, Trust, XapiConfig, XapiError, survey};
use asterism_xapi_sim::{Identity, Listen, Simulator};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    x509::{X509, X509NameBuilder, extension::BasicConstraints},
};

use crate::support::{address, config, connected, connected_where, open, spec, start_on};

fn trust(simulator: &Simulator, host: &str) -> Trust {
    Trust::Fingerprints([simulator.fingerprint(host).unwrap().parse().unwrap()].into())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_contact_shows_the_certificate() {
    let simulator = start_on(spec(1), Listen::https(0));
    let survey = survey(&config(&simulator, &["h1"])).await.unwrap();
    let shown = survey.certificate.unwrap().to_string();
    assert_eq!(Some(shown), simulator.fingerprint("h1"));
}

/// The operator confirmed one host's certificate. The pool told the others'.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_is_trusted_by_what_the_pool_told() {
    let simulator = start_on(spec(3), Listen::https(0));
    let mut config = config(&simulator, &["h1"]);
    config.trust = trust(&simulator, "h1");
    let session = open(&config);
    let pool = connected(&session).await;
    assert_eq!(pool.learned.len(), 3);
    simulator.hand_over_mastership("h2");
    let new = address(&simulator, "h2");
    connected_where(&session, "moved", |pool| pool.master == new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_nobody_vouched_for_is_not_believed() {
    let simulator = start_on(spec(2), Listen::https(0));
    simulator.hand_over_mastership("h2");
    let mut config = config(&simulator, &["h1"]);
    config.trust = trust(&simulator, "h1");
    let error = survey(&config).await.unwrap_err();
    let XapiError::NoMaster { attempts } = &error else { panic!("{error:?}") };
    let new = address(&simulator, "h2");
    let is_distrusted =
        |attempt: &XapiError| matches!(attempt, XapiError::Fingerprint { address, .. } if *address == new);
    assert!(attempts.iter().any(is_distrusted), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_vouches_for_what_it_signed_and_nothing_else() {
    let (signed, other) = (identity(), identity());
    let listen = Listen::https(0).with_identity("h1", signed.clone());
    let simulator = start_on(spec(1), listen);
    let mut config = config(&simulator, &["h1"]);
    config.trust = Trust::Authority(signed.certificate);
    assert!(survey(&config).await.is_ok());
    config.trust = Trust::Authority(other.certificate);
    let error = survey(&config).await.unwrap_err();
    assert!(matches!(error, XapiError::Untrusted { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_believes_nobody_by_default() {
    let simulator = start_on(spec(1), Listen::https(0));
    let config = config(&simulator, &["h1"]);
    let refused = |config: XapiConfig| chain(&PoolSession::open(PoolId(1), config).unwrap_err());
    let unbound = XapiConfig { expected_pool: None, trust: trust(&simulator, "h1"), ..config.clone() };
    assert!(refused(unbound).contains("expected the uuid"));
    assert!(refused(config).contains("expected a CA or a fingerprint"));
}

/// A certificate that signed itself, and may sign.
pub fn identity() -> Identity {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "an authority").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    Identity {
        certificate: text(builder.build().to_pem().unwrap()),
        key: text(key.private_key_to_pem_pkcs8().unwrap()),
    }
}
