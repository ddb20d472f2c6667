//! TLS as XCP-ng 8.3's hosts speak it.

use std::fs;

use asterism_model::OvsdbEndpoint;
use asterism_ovsdb::{Fingerprint, HostSession, Identity, SessionConfig, TlsConfig, Trust};
use tempfile::TempDir;

use crate::{
    certificates::{Authority, Issued},
    fixture::{HOST, chain, config, last_error, open, picture},
    server::Server,
};

/// The list that XCP-ng 8.3 gives to ovsdb-server.
const XCP_NG: [&str; 5] = ["AES256-SHA256", "AES256-SHA", "AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA"];

/// A host with TLS, and the controller that it trusts.
struct Setup {
    _files: TempDir,
    authority: Authority,
    host: Issued,
    controller: Issued,
    server: Server,
}

fn setup(ciphers: &str, protocols: &str) -> Setup {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (host, controller) = (authority.issue("host.example"), authority.issue("controller.example"));
    let write = |name: &str, content: &[u8]| {
        let path = files.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let server = Server::start_tls(vec![
        format!("--certificate={}", write("cert", &host.certificate)),
        format!("--private-key={}", write("key", &host.key)),
        format!("--ca-cert={}", write("ca", &authority.pem())),
        format!("--ssl-ciphers={ciphers}"),
        format!("--ssl-protocols={protocols}"),
    ]);
    Setup { _files: files, authority, host, controller, server }
}

impl Setup {
    fn open(&self, trust: Trust, identity: bool, required_name: Option<&str>) -> HostSession {
        let identity = identity.then(|| Identity {
            certificate_pem: self.controller.certificate.clone(),
            key_pem: self.controller.key.clone(),
        });
        let tls = TlsConfig { trust, identity, required_name: required_name.map(str::to_owned) };
        open(self.server.endpoint(), &SessionConfig { tls: Some(tls), ..config() })
    }

    fn authority(&self) -> Trust {
        Trust::Authority { pem: self.authority.pem() }
    }
}

#[tokio::test]
async fn a_host_with_the_cipher_list_of_xcp_ng_is_reached() {
    let setup = setup(&XCP_NG.join(":"), "TLSv1.2");
    picture(&setup.open(setup.authority(), true, None), |_| true).await;
}

#[tokio::test]
async fn each_suite_of_xcp_ng_is_enough_alone() {
    for suite in XCP_NG {
        let setup = setup(suite, "TLSv1.2");
        picture(&setup.open(setup.authority(), true, None), |_| true).await;
    }
}

#[tokio::test]
async fn a_host_with_modern_suites_alone_is_reached() {
    let setup = setup("ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2");
    picture(&setup.open(setup.authority(), true, None), |_| true).await;
}

#[tokio::test]
async fn a_pinned_certificate_needs_no_authority() {
    let setup = setup(&XCP_NG.join(":"), "TLSv1.2");
    let pin = Fingerprint::of_pem(&setup.host.certificate).unwrap();
    picture(&setup.open(Trust::Pinned(pin), true, None), |_| true).await;
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused_by_name() {
    let setup = setup(&XCP_NG.join(":"), "TLSv1.2");
    let pin = Fingerprint::of_pem(&setup.controller.certificate).unwrap();
    let found = Fingerprint::of_pem(&setup.host.certificate).unwrap();
    let error = last_error(&setup.open(Trust::Pinned(pin), true, None)).await;
    assert!(error.contains(&format!("has fingerprint {found}, expected {pin}")), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_by_name() {
    let setup = setup(&XCP_NG.join(":"), "TLSv1.2");
    let other = Trust::Authority { pem: Authority::new().pem() };
    let error = last_error(&setup.open(other, true, None)).await;
    assert!(error.contains("the host's certificate is not trusted"), "{error}");
}

#[tokio::test]
async fn a_required_name_is_required() {
    let setup = setup(&XCP_NG.join(":"), "TLSv1.2");
    picture(&setup.open(setup.authority(), true, Some("host.example")), |_| true).await;
    let error = last_error(&setup.open(setup.authority(), true, Some("other.example"))).await;
    assert!(error.contains("not trusted: hostname mismatch"), "{error}");
}

#[tokio::test]
async fn a_host_that_wants_a_certificate_and_gets_none_refuses() {
    let setup = setup(&XCP_NG.join(":"), "TLSv1.2");
    let error = last_error(&setup.open(setup.authority(), false, None)).await;
    assert!(error.contains("the TLS handshake failed"), "{error}");
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_named() {
    let server = Server::start();
    let OvsdbEndpoint::Tcp(address) = server.endpoint() else { panic!("a TCP endpoint") };
    let trust = Trust::Authority { pem: Authority::new().pem() };
    let tls = TlsConfig { trust, identity: None, required_name: None };
    let session = open(OvsdbEndpoint::Ssl(address), &SessionConfig { tls: Some(tls), ..config() });
    let error = last_error(&session).await;
    assert!(error.contains("no TLS with ssl:127.0.0.1"), "{error}");
}

#[tokio::test]
async fn an_ssl_endpoint_without_trust_is_refused_at_once() {
    let error = HostSession::open(HOST, "ssl:127.0.0.1".parse().unwrap(), &config()).unwrap_err();
    let text = chain(&error);
    assert!(text.contains("expected a CA or a pinned certificate"), "{text}");
}
