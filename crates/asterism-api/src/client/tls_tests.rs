//! Certificates that don't fit are told as such, at once, and name the replica.

use asterism_pki::{Keys, Subject};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use super::*;
use crate::{SERVER_NAME, testing::FakeCluster, v1};

struct Authority(asterism_pki::Authority);

impl Authority {
    fn new() -> Self {
        Self(asterism_pki::Authority::create_timeless("a test's authority", Keys::Ecdsa).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.certificate_pem().into()
    }

    fn issue(&self, name: &str) -> (Vec<u8>, Vec<u8>) {
        let names = vec![name.to_owned()];
        let subject = Subject::Other { name: name.to_owned(), names, keys: Keys::Ecdsa };
        let issued = self.0.issue_timeless(&subject).unwrap();
        (issued.certificate_pem.into(), issued.key_pem.into())
    }

    fn server(&self, name: &str) -> ServerTlsConfig {
        let (certificate, key) = self.issue(name);
        ServerTlsConfig::new()
            .identity(Identity::from_pem(certificate, key))
            .client_ca_root(Certificate::from_pem(self.pem()))
    }
}

/// Trusts `trusted`, and shows an operator's certificate of `issuer`.
fn security(trusted: &Authority, issuer: &Authority) -> Security {
    let (cert_pem, key_pem) = issuer.issue("operator.asterism");
    Security::MutualTls { ca_pem: trusted.pem(), cert_pem, key_pem }
}

async fn list_pools(cluster: &FakeCluster, security: Security) -> Result<v1::ListPoolsResponse, Failure> {
    let config = ClientConfig { security, ..cluster.config() };
    Client::new(config).unwrap().call(v1::ListPoolsRequest::default()).await
}

#[tokio::test]
async fn both_sides_know_each_other_by_one_authority() {
    let authority = Authority::new();
    let cluster = FakeCluster::start_with(1, Some(authority.server(SERVER_NAME))).await;
    list_pools(&cluster, security(&authority, &authority)).await.unwrap();
}

#[tokio::test]
async fn a_replica_of_another_authority_is_not_trusted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let cluster = FakeCluster::start_with(1, Some(theirs.server(SERVER_NAME))).await;
    let failure = list_pools(&cluster, security(&ours, &theirs)).await.unwrap_err();
    assert_eq!(failure.class, Class::NotPermitted, "{failure}");
    assert!(failure.message.contains(&cluster.replicas[0].address), "{failure}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_no_replicas() {
    let authority = Authority::new();
    let cluster = FakeCluster::start_with(1, Some(authority.server("elsewhere.example"))).await;
    let failure = list_pools(&cluster, security(&authority, &authority)).await.unwrap_err();
    assert_eq!(failure.class, Class::NotPermitted, "{failure}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_told_so() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let cluster = FakeCluster::start_with(1, Some(ours.server(SERVER_NAME))).await;
    let failure = list_pools(&cluster, security(&ours, &theirs)).await.unwrap_err();
    assert_eq!(failure.class, Class::NotPermitted, "{failure}");
}

#[test]
fn pem_that_is_none_is_refused_before_anybody_is_asked() {
    let authority = Authority::new();
    let (cert_pem, _) = authority.issue("operator.asterism");
    let security = Security::MutualTls { ca_pem: authority.pem(), cert_pem, key_pem: b"no key".to_vec() };
    let failure = security.endpoint("10.0.0.1:7400").unwrap_err();
    assert_eq!(failure.class, Class::NotPermitted, "{failure}");
}
