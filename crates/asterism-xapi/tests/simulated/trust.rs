//! Who is believed: certificates by fingerprint or authority, and those that the pool tells of its other hosts.

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use asterism_model::{PoolId, chain};
use asterism_xapi::{PoolSession, Secret, Trust, XapiConfig, XapiError, fingerprint_of_pem, survey};
use asterism_xapi_sim::{Identity, Listen, Simulator};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    ssl::{SslAcceptor, SslMethod, SslVersion},
    x509::{X509, X509NameBuilder, extension::BasicConstraints},
};

use crate::support::{address, config, connected, connected_where, host, open, spec, start_on};

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
    let mut spec = spec(1);
    spec.hosts = vec![host(1).with_identity(signed.clone())];
    let simulator = start_on(spec, Listen::https(0));
    let mut config = config(&simulator, &["h1"]);
    config.trust = Trust::Authority(signed.certificate);
    assert!(survey(&config).await.is_ok());
    config.trust = Trust::Authority(other.certificate);
    let error = survey(&config).await.unwrap_err();
    assert!(matches!(error, XapiError::Untrusted { .. }), "{error:?}");
}

/// A real host's 443 is stunnel with TLS 1.2, two suites and one curve. Here nobody is behind it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_hosts_stunnel_offers_is_enough() {
    let shown = identity();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    acceptor.set_cipher_list("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256").unwrap();
    acceptor.set_groups_list("secp384r1").unwrap();
    acceptor.set_certificate(&X509::from_pem(shown.certificate.as_bytes()).unwrap()).unwrap();
    acceptor.set_private_key(&PKey::private_key_from_pem(shown.key.as_bytes()).unwrap()).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let mut stream = acceptor.accept(listener.accept().unwrap().0).unwrap();
        let asked = stream.read(&mut [0; 4096]).unwrap();
        assert_ne!(asked, 0);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
        stream.ssl().current_cipher().unwrap().name().to_owned()
    });
    let addresses = [format!("https://{address}").parse().unwrap()].into();
    let trust = Trust::Fingerprints([fingerprint_of_pem(&shown.certificate).unwrap()].into());
    let config = XapiConfig::new(addresses, "root", Secret::new("secret"), trust, "asterism/1");
    let error = survey(&config).await.unwrap_err();
    assert!(matches!(error, XapiError::NotXapi { .. }), "{}", chain(&error));
    assert_eq!(server.join().unwrap(), "ECDHE-RSA-AES256-GCM-SHA384");
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
