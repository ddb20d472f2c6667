//! TLS as XCP-ng 8.3's hosts speak it.

use std::fs;

use asterism_model::{OvsdbEndpoint, chain};
use asterism_ovsdb::{Fingerprint, HostSession, Identity, SessionConfig, TlsConfig, Trust};
use tempfile::TempDir;

use crate::{
    certificates::{Authority, Issued},
    fixture::{HOST, config, last_error, open, picture},
    server::Server,
};

/// The list that XCP-ng 8.3 gives to ovsdb-server.
const XCP_NG: [&str; 5] = ["AES256-SHA256", "AES256-SHA", "AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA"];

/// A host's certificate and its controller's, in files as ovsdb-server wants them.
struct Certificates {
    files: TempDir,
    authority: Authority,
    host: Issued,
    controller: Issued,
}

impl Certificates {
    fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (host, controller) = (authority.issue("host.example"), authority.issue("controller.example"));
        let write = |name: &str, content: &[u8]| fs::write(files.path().join(name), content).unwrap();
        write("cert", &host.certificate);
        write("key", &host.key);
        write("ca", &authority.pem());
        Self { files, authority, host, controller }
    }

    /// A host that speaks TLS 1.2 with these suites alone.
    fn serve(&self, ciphers: &str) -> Server {
        let path = |name: &str| self.files.path().join(name).display().to_string();
        Server::start_tls(vec![
            format!("--certificate={}", path("cert")),
            format!("--private-key={}", path("key")),
            format!("--ca-cert={}", path("ca")),
            format!("--ssl-ciphers={ciphers}"),
            "--ssl-protocols=TLSv1.2".to_owned(),
        ])
    }

    fn authority(&self) -> Trust {
        Trust::Authority { pem: self.authority.pem() }
    }

    fn config(&self, trust: Trust) -> TlsConfig {
        let identity = Identity {
            certificate_pem: self.controller.certificate.clone(),
            key_pem: self.controller.key.clone(),
        };
        TlsConfig { trust, identity: Some(identity), required_name: None }
    }
}

fn open_tls(server: &Server, tls: TlsConfig) -> HostSession {
    open(server.endpoint(), &SessionConfig { tls: Some(tls), ..config() })
}

#[tokio::test]
async fn a_host_with_the_cipher_list_of_xcp_ng_is_reached() {
    let certificates = Certificates::new();
    let server = certificates.serve(&XCP_NG.join(":"));
    picture(&open_tls(&server, certificates.config(certificates.authority())), |_| true).await;
}

#[tokio::test]
async fn each_suite_of_xcp_ng_is_enough_alone_and_so_is_a_modern_one() {
    let certificates = Certificates::new();
    for suite in XCP_NG.into_iter().chain(["ECDHE-RSA-AES256-GCM-SHA384"]) {
        let server = certificates.serve(suite);
        picture(&open_tls(&server, certificates.config(certificates.authority())), |_| true).await;
    }
}

#[tokio::test]
async fn a_pinned_certificate_needs_no_authority_and_another_is_refused_by_name() {
    let certificates = Certificates::new();
    let server = certificates.serve(&XCP_NG.join(":"));
    let found = Fingerprint::of_pem(&certificates.host.certificate).unwrap();
    picture(&open_tls(&server, certificates.config(Trust::Pinned(found))), |_| true).await;

    let pin = Fingerprint::of_pem(&certificates.controller.certificate).unwrap();
    let error = last_error(&open_tls(&server, certificates.config(Trust::Pinned(pin)))).await;
    assert!(error.contains(&format!("has fingerprint {found}, expected {pin}")), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_by_name() {
    let certificates = Certificates::new();
    let server = certificates.serve(&XCP_NG.join(":"));
    let other = Trust::Authority { pem: Authority::new().pem() };
    let error = last_error(&open_tls(&server, certificates.config(other))).await;
    assert!(error.contains("the host's certificate is not trusted"), "{error}");
}

#[tokio::test]
async fn a_required_name_is_required() {
    let certificates = Certificates::new();
    let server = certificates.serve(&XCP_NG.join(":"));
    let required = |name: &str| TlsConfig {
        required_name: Some(name.to_owned()),
        ..certificates.config(certificates.authority())
    };
    picture(&open_tls(&server, required("host.example")), |_| true).await;
    let error = last_error(&open_tls(&server, required("other.example"))).await;
    assert!(error.contains("not trusted: hostname mismatch"), "{error}");
}

#[tokio::test]
async fn a_host_that_wants_a_certificate_and_gets_none_refuses() {
    let certificates = Certificates::new();
    let server = certificates.serve(&XCP_NG.join(":"));
    let tls = TlsConfig { identity: None, ..certificates.config(certificates.authority()) };
    let error = last_error(&open_tls(&server, tls)).await;
    assert!(error.contains("the TLS handshake failed"), "{error}");
}

#[tokio::test]
async fn other_certificates_are_shown_from_the_next_session_on() {
    let certificates = Certificates::new();
    let server = certificates.serve(&XCP_NG.join(":"));
    let stranger = Authority::new().issue("controller.example");
    let identity = Identity { certificate_pem: stranger.certificate, key_pem: stranger.key };
    let ours = certificates.config(certificates.authority());
    let session = open_tls(&server, TlsConfig { identity: Some(identity.clone()), ..ours.clone() });
    let error = last_error(&session).await;
    assert!(error.contains("no TLS") || error.contains("ended"), "{error}");

    session.take_up(Some(&ours)).unwrap();
    picture(&session, |_| true).await;
    // What can't be used changes nothing, and a session that is open stays open.
    let broken = Identity { key_pem: b"no key".to_vec(), ..identity };
    assert!(session.take_up(Some(&TlsConfig { identity: Some(broken), ..ours })).is_err());
    assert!(session.state().borrow().picture().is_some());
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
