//! TLS toward a pool's hosts: by what their certificates are known.
//!
//! OpenSSL, as on the OVSDB leg (ADR 2): one stack for one host. XAPI's front (stunnel on 443) offers TLS 1.2 with
//! ECDHE and, by default, a certificate that it signed itself.

use std::collections::BTreeSet;

use asterism_model::{CertificateFingerprint, XapiTrust};
use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslRef, SslVerifyMode, SslVersion},
    x509::{X509, X509Ref, X509VerifyResult, store::X509StoreBuilder},
};

/// OpenSSL's own choice of suites, at its default security level: hosts' keys have 2,048 bits. It is spelt out, so that a
/// distribution's `openssl.cnf` with a stricter default does not lock all hosts out.
const CIPHERS: &str = "DEFAULT:@SECLEVEL=2";

/// By what a host is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// A chain up to one of these certificates (PEM, one or more). Names are not looked at: we dial addresses, and hosts'
    /// certificates carry names at best. So it must be an authority that signs for the pool's hosts only.
    Authority(String),
    /// These very certificates, whoever signed them and whenever they expire.
    Fingerprints(BTreeSet<CertificateFingerprint>),
    /// Whatever is shown, in order to show it to an operator. For a survey's first contact only.
    Observe,
}

impl From<&XapiTrust> for Trust {
    fn from(trust: &XapiTrust) -> Self {
        match trust {
            XapiTrust::Authority(pem) => Self::Authority(pem.clone()),
            XapiTrust::Fingerprints(fingerprints) => Self::Fingerprints(fingerprints.clone()),
        }
    }
}

/// The trust cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("the pool's CA is unusable: expected one or more certificates in PEM")]
    Authority(#[source] ErrorStack),
    #[error("the pool's CA is empty: expected one or more certificates in PEM")]
    NoAuthority,
    #[error("no fingerprint is given: expected one at least")]
    NoFingerprint,
    #[error("whatever certificate is shown would be believed: expected a CA or a fingerprint")]
    AnyCertificate,
    #[error("whatever pool answers would be believed: expected the uuid of the one that was confirmed")]
    AnyPool,
    #[error("OpenSSL cannot be set up")]
    Setup(#[source] ErrorStack),
}

/// Why the host was not believed.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("its certificate is not trusted: {0}")]
    Untrusted(X509VerifyResult),
    #[error("its certificate has fingerprint {found}, expected {}", listed(expected))]
    Fingerprint { found: CertificateFingerprint, expected: BTreeSet<CertificateFingerprint> },
    #[error("it presented no certificate")]
    NoCertificate,
    #[error("the TLS handshake failed")]
    Handshake(#[source] openssl::ssl::Error),
    #[error("OpenSSL failed")]
    Library(#[source] ErrorStack),
}

/// A checked [`Trust`], ready for any number of connections.
#[derive(Clone)]
pub(crate) struct TlsConnector {
    context: SslContext,
    trust: Trust,
}

impl TlsConnector {
    pub(crate) fn new(trust: &Trust) -> Result<Self, TrustError> {
        let mut builder = base_context().map_err(TrustError::Setup)?;
        match trust {
            Trust::Authority(pem) => trust_authority(&mut builder, pem)?,
            Trust::Fingerprints(fingerprints) if fingerprints.is_empty() => {
                return Err(TrustError::NoFingerprint);
            }
            // Chain, names and dates don't matter. `verify` looks at the certificate when the handshake has proven that
            // the host holds its key.
            Trust::Fingerprints(_) | Trust::Observe => {
                builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
            }
        }
        Ok(Self { context: builder.build(), trust: trust.clone() })
    }

    /// State for one connection, not connected yet.
    pub(crate) fn session(&self) -> Result<Ssl, ErrorStack> {
        Ssl::new(&self.context)
    }

    /// To be called after the handshake, before any byte is sent. Gives the certificate that was shown.
    pub(crate) fn verify(&self, ssl: &SslRef) -> Result<CertificateFingerprint, TlsError> {
        let certificate = ssl.peer_certificate().ok_or(TlsError::NoCertificate)?;
        let found = fingerprint(&certificate).map_err(TlsError::Library)?;
        match &self.trust {
            Trust::Observe => Ok(found),
            Trust::Fingerprints(expected) if expected.contains(&found) => Ok(found),
            Trust::Fingerprints(expected) => Err(TlsError::Fingerprint { found, expected: expected.clone() }),
            Trust::Authority(_) => match ssl.verify_result() {
                X509VerifyResult::OK => Ok(found),
                untrusted => Err(TlsError::Untrusted(untrusted)),
            },
        }
    }

    /// Names what went wrong in a handshake.
    pub(crate) fn explain(&self, ssl: &SslRef, error: openssl::ssl::Error) -> TlsError {
        match (&self.trust, ssl.verify_result()) {
            (Trust::Authority(_), untrusted) if untrusted != X509VerifyResult::OK => {
                TlsError::Untrusted(untrusted)
            }
            (Trust::Authority(_) | Trust::Fingerprints(_) | Trust::Observe, _) => TlsError::Handshake(error),
        }
    }
}

/// The fingerprint of the first certificate in a PEM text.
pub fn fingerprint_of_pem(pem: &str) -> Result<CertificateFingerprint, ErrorStack> {
    fingerprint(&*X509::from_pem(pem.as_bytes())?)
}

fn fingerprint(certificate: &X509Ref) -> Result<CertificateFingerprint, ErrorStack> {
    let digest = certificate.digest(MessageDigest::sha256())?;
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&digest);
    Ok(CertificateFingerprint(bytes))
}

fn listed(fingerprints: &BTreeSet<CertificateFingerprint>) -> String {
    let texts: Vec<String> = fingerprints.iter().map(ToString::to_string).collect();
    texts.join(" or ")
}

fn base_context() -> Result<SslContextBuilder, ErrorStack> {
    let mut builder = SslContext::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(CIPHERS)?;
    // A write that was interrupted is repeated from a buffer that has grown, and so moved, in between.
    builder
        .set_mode(SslMode::ENABLE_PARTIAL_WRITE | SslMode::ACCEPT_MOVING_WRITE_BUFFER | SslMode::AUTO_RETRY);
    builder.set_verify(SslVerifyMode::PEER);
    Ok(builder)
}

/// Trusts these certificates and no others: the system's list has no say about hosts.
fn trust_authority(builder: &mut SslContextBuilder, pem: &str) -> Result<(), TrustError> {
    let certificates = X509::stack_from_pem(pem.as_bytes()).map_err(TrustError::Authority)?;
    if certificates.is_empty() {
        return Err(TrustError::NoAuthority);
    }
    let mut store = X509StoreBuilder::new().map_err(TrustError::Setup)?;
    for certificate in certificates {
        store.add_cert(certificate).map_err(TrustError::Authority)?;
    }
    builder.set_cert_store(store.build());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_trust_is_named() {
        let error = |trust| TlsConnector::new(&trust).err().unwrap().to_string();
        assert!(error(Trust::Authority(String::new())).contains("CA is empty"));
        let garbage = "-----BEGIN CERTIFICATE-----\n!\n".to_owned();
        assert!(error(Trust::Authority(garbage)).contains("CA is unusable"));
        assert!(error(Trust::Fingerprints(BTreeSet::new())).contains("no fingerprint"));
    }
}
