//! The TLS of port 443, with the versions, ciphers and curve that XCP-ng's stunnel offers, and self-signed certificates.
//!
//! Owns no socket. A certificate is of version 3 and has an extension, since some clients take no other.

use std::net::IpAddr;

use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::EcKey,
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    ssl::{SslAcceptor, SslContextBuilder, SslMethod, SslVersion},
    x509::{
        X509, X509Builder, X509NameBuilder,
        extension::{BasicConstraints, SubjectAlternativeName},
    },
};

/// What XCP-ng's stunnel is told to offer.
const CIPHERS: &str = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256";

/// A fresh key. Hosts of a pool share one: making hundreds takes a minute, and nobody looks at the key alone.
pub(crate) fn key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(2048)?)
}

/// A host's certificate and its key.
#[derive(Clone)]
pub(crate) struct Certificate {
    pub x509: X509,
    pub key: PKey<Private>,
}

impl Certificate {
    /// A fresh certificate for an address, signed by itself, as a host makes at installation.
    pub(crate) fn self_signed(address: IpAddr, key: PKey<Private>) -> Result<Certificate, ErrorStack> {
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_text("CN", &address.to_string())?;
        let name = name.build();
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        let mut serial = BigNum::new()?;
        serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
        let serial = serial.to_asn1_integer()?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        let (from, until) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(3650)?);
        builder.set_not_before(&from)?;
        builder.set_not_after(&until)?;
        builder.set_pubkey(&key)?;
        let names = SubjectAlternativeName::new()
            .ip(&address.to_string())
            .build(&builder.x509v3_context(None, None))?;
        builder.append_extension(names)?;
        builder.append_extension(BasicConstraints::new().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Certificate { x509: builder.build(), key })
    }

    /// A certificate and its key from PEM.
    pub(crate) fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Certificate, ErrorStack> {
        Ok(Certificate { x509: X509::from_pem(certificate)?, key: PKey::private_key_from_pem(key)? })
    }

    /// The SHA-256 of the certificate in XAPI's writing, `AB:CD:..`.
    pub(crate) fn fingerprint(&self) -> Result<String, ErrorStack> {
        let digest = self.x509.digest(MessageDigest::sha256())?;
        let octets: Vec<String> = digest.iter().map(|octet| format!("{octet:02X}")).collect();
        Ok(octets.join(":"))
    }

    /// What the port's listener accepts with.
    pub(crate) fn acceptor(&self) -> Result<SslAcceptor, ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate(SslMethod::tls_server())?;
        restrict(&mut builder)?;
        builder.set_certificate(&self.x509)?;
        builder.set_private_key(&self.key)?;
        Ok(builder.build())
    }
}

fn restrict(builder: &mut SslContextBuilder) -> Result<(), ErrorStack> {
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(CIPHERS)?;
    let curve = EcKey::from_curve_name(Nid::SECP384R1)?;
    builder.set_tmp_ecdh(&curve)
}
