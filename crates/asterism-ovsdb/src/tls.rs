//! TLS toward hosts: OpenSSL, because hosts of today speak suites that rustls leaves out.
//!
//! XCP-ng 8.3 starts ovsdb-server with TLS 1.2 alone and five suites with RSA key exchange (see `CIPHERS`). The
//! host is always verified, either by a CA or by the fingerprint of its certificate; there is no third way.

use std::{fmt, str::FromStr, sync::Arc};

use asterism_model::CertificateFingerprint;
use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    pkey::PKey,
    ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslRef, SslVerifyMode, SslVersion},
    x509::{X509, X509VerifyResult, store::X509StoreBuilder},
};

/// Suites for TLS 1.2, best first: forward secrecy where the host has it, then XCP-ng 8.3's own list. TLS 1.3 has its
/// own suites, which are left at OpenSSL's default.
///
/// The security level stays at 2, OpenSSL 3's default and the least weakening that works: RSA key exchange is only
/// shut out from level 3 on (no forward secrecy), SHA-1 as a MAC from level 4 on. Level 2 refuses host keys below
/// 2,048 bits and certificates signed with SHA-1, which XCP-ng does not make. It is spelt out, so that a
/// distribution's `openssl.cnf` with a stricter default does not lock all hosts out.
const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:AES256-GCM-SHA384:AES128-GCM-SHA256:\
                       AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA:@SECLEVEL=2";

/// How TLS sessions with hosts are made.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    pub trust: Trust,
    /// What the host asks for: it trusts the CA that its pool was given as `sdn-controller-ca.pem`.
    pub identity: Option<Identity>,
    /// A DNS name or IP address that the host's certificate must carry besides. `None`, the usual case: hosts'
    /// certificates carry no useful names.
    pub required_name: Option<String>,
}

/// By what a host's certificate is known.
#[derive(Debug, Clone)]
pub enum Trust {
    /// A chain up to one of these certificates (PEM, one or more).
    Authority { pem: Vec<u8> },
    /// This very certificate, whoever signed it and whenever it expires.
    Pinned(Fingerprint),
}

/// The controller's own certificate (PEM, with its chain) and private key (PEM).
#[derive(Clone)]
pub struct Identity {
    pub certificate_pem: Vec<u8>,
    pub key_pem: Vec<u8>,
}

/// SHA-256 over a certificate's DER, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsConfigError {
    #[error("the CA file holds no usable certificate: expected one or more in PEM")]
    Authority(#[source] ErrorStack),
    #[error("the CA file is empty: expected one or more certificates in PEM")]
    NoAuthority,
    #[error("the client certificate is unusable: expected a certificate and its chain in PEM")]
    Certificate(#[source] ErrorStack),
    #[error("the client certificate file is empty: expected a certificate and its chain in PEM")]
    NoCertificate,
    #[error(
        "the client key is unusable: expected the certificate's own private key in PEM, without passphrase"
    )]
    Key(#[source] ErrorStack),
    #[error("`{0}` cannot be required of a certificate: expected a DNS name or an IP address")]
    RequiredName(String),
    #[error("OpenSSL cannot be set up")]
    Setup(#[source] ErrorStack),
}

/// Why the host was not believed, or did not believe us.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the host's certificate is not trusted: {0}")]
    Untrusted(X509VerifyResult),
    #[error("the host's certificate has fingerprint {found}, expected {pinned}")]
    NotPinned { pinned: Fingerprint, found: Fingerprint },
    #[error("the host presented no certificate")]
    NoCertificate,
    #[error("the TLS handshake failed")]
    Handshake(#[source] openssl::ssl::Error),
    #[error("OpenSSL failed")]
    Library(#[source] ErrorStack),
}

/// A checked [`TlsConfig`], ready for any number of sessions.
#[derive(Clone)]
pub(crate) struct TlsConnector {
    context: SslContext,
    pinned: Option<Fingerprint>,
    required_name: Option<Arc<str>>,
}

impl TlsConnector {
    pub(crate) fn new(config: &TlsConfig) -> Result<Self, TlsConfigError> {
        let mut builder = base_context().map_err(TlsConfigError::Setup)?;
        let pinned = match &config.trust {
            Trust::Authority { pem } => {
                trust_authority(&mut builder, pem)?;
                None
            }
            Trust::Pinned(fingerprint) => {
                // Chain, names and dates don't matter for a pinned certificate. That it is the pinned one is checked
                // by `verify` when the handshake has proven that the host holds its key.
                builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
                Some(*fingerprint)
            }
        };
        if let Some(identity) = &config.identity {
            present(&mut builder, identity)?;
        }
        let connector = Self {
            context: builder.build(),
            pinned,
            required_name: config.required_name.as_deref().map(Arc::from),
        };
        connector
            .session()
            .map_err(|_| TlsConfigError::RequiredName(config.required_name.clone().unwrap_or_default()))?;
        Ok(connector)
    }

    /// State for one session, not connected yet.
    pub(crate) fn session(&self) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        if let Some(name) = &self.required_name {
            match name.parse() {
                Ok(ip) => ssl.param_mut().set_ip(ip)?,
                Err(_) => ssl.param_mut().set_host(name)?,
            }
        }
        Ok(ssl)
    }

    /// To be called after the handshake, before any byte is sent.
    pub(crate) fn verify(&self, ssl: &SslRef) -> Result<(), TlsError> {
        let certificate = ssl.peer_certificate().ok_or(TlsError::NoCertificate)?;
        match self.pinned {
            Some(pinned) => {
                let found = Fingerprint::of(&certificate).map_err(TlsError::Library)?;
                if found == pinned { Ok(()) } else { Err(TlsError::NotPinned { pinned, found }) }
            }
            None => match ssl.verify_result() {
                X509VerifyResult::OK => Ok(()),
                untrusted => Err(TlsError::Untrusted(untrusted)),
            },
        }
    }

    /// Names what went wrong in a handshake.
    pub(crate) fn explain(&self, ssl: &SslRef, error: openssl::ssl::Error) -> TlsError {
        match ssl.verify_result() {
            untrusted if self.pinned.is_none() && untrusted != X509VerifyResult::OK => {
                TlsError::Untrusted(untrusted)
            }
            _ => TlsError::Handshake(error),
        }
    }
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
fn trust_authority(builder: &mut SslContextBuilder, pem: &[u8]) -> Result<(), TlsConfigError> {
    let certificates = X509::stack_from_pem(pem).map_err(TlsConfigError::Authority)?;
    if certificates.is_empty() {
        return Err(TlsConfigError::NoAuthority);
    }
    let mut store = X509StoreBuilder::new().map_err(TlsConfigError::Setup)?;
    for certificate in certificates {
        store.add_cert(certificate).map_err(TlsConfigError::Authority)?;
    }
    builder.set_cert_store(store.build());
    Ok(())
}

fn present(builder: &mut SslContextBuilder, identity: &Identity) -> Result<(), TlsConfigError> {
    let mut chain =
        X509::stack_from_pem(&identity.certificate_pem).map_err(TlsConfigError::Certificate)?.into_iter();
    let certificate = chain.next().ok_or(TlsConfigError::NoCertificate)?;
    builder.set_certificate(&certificate).map_err(TlsConfigError::Certificate)?;
    for issuer in chain {
        builder.add_extra_chain_cert(issuer).map_err(TlsConfigError::Certificate)?;
    }
    let key = PKey::private_key_from_pem_passphrase(&identity.key_pem, b"").map_err(TlsConfigError::Key)?;
    builder.set_private_key(&key).map_err(TlsConfigError::Key)?;
    builder.check_private_key().map_err(TlsConfigError::Key)
}

impl From<CertificateFingerprint> for Fingerprint {
    fn from(fingerprint: CertificateFingerprint) -> Self {
        Self(fingerprint.0)
    }
}

impl Fingerprint {
    fn of(certificate: &openssl::x509::X509Ref) -> Result<Self, ErrorStack> {
        let digest = certificate.digest(MessageDigest::sha256())?;
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&digest);
        Ok(Self(bytes))
    }

    /// The fingerprint of the first certificate in a PEM text.
    pub fn of_pem(pem: &[u8]) -> Result<Self, ErrorStack> {
        Self::of(&*X509::from_pem(pem)?)
    }
}

/// A text that is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 fingerprint: expected 64 hexadecimal digits, with or without colons")]
pub struct FingerprintError(String);

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let error = || FingerprintError(text.to_owned());
        let digits = text.replace(':', "");
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| error())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            let colon = if place == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Never shows the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_reads_what_it_prints() {
        let text = ["AB"; 32].join(":");
        let fingerprint: Fingerprint = text.parse().unwrap();
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(text.replace(':', "").to_lowercase().parse::<Fingerprint>().unwrap(), fingerprint);
        assert!("AB:CD".parse::<Fingerprint>().unwrap_err().to_string().contains("64 hexadecimal digits"));
    }

    #[test]
    fn an_unusable_file_is_named() {
        let config = |trust, identity| TlsConfig { trust, identity, required_name: None };
        let authority = |pem: &[u8]| Trust::Authority { pem: pem.to_vec() };
        let error = |config| TlsConnector::new(&config).err().unwrap().to_string();
        assert!(error(config(authority(b""), None)).contains("CA file"));
        assert!(error(config(authority(b"-----BEGIN CERTIFICATE-----\n!\n"), None)).contains("CA file"));
        let pin = Trust::Pinned(Fingerprint([0; 32]));
        let identity = Identity { certificate_pem: Vec::new(), key_pem: Vec::new() };
        assert!(error(config(pin, Some(identity))).contains("client certificate"));
    }
}
