//! Who signs: an authority of the cluster's own.

use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use time::OffsetDateTime;

use crate::{Certificate, DAY, Holder, PkiError, Subject};

/// A certificate is valid from an hour before it is made: clocks of machines differ.
const BEFORE: i64 = 3600;
/// Bytes of a serial number: random, and positive as RFC 5280 §4.1.2.2 has it.
const SERIAL: usize = 16;

/// What is made for tests and laboratories is valid from 2000 to 2099, whatever the clock says.
const TIMELESS: (i64, i64) = (946_684_800, 4_070_908_800);

/// Which kind of key a certificate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// P-256.
    Ecdsa,
    Rsa {
        bits: u32,
    },
}

/// An authority's certificate and key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    key_pem: String,
    /// Seconds since the Unix epoch.
    ends: i64,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Issued {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl Authority {
    /// A new one, which lasts `days` from `now` (seconds since the Unix epoch).
    ///
    /// # Errors
    /// The key can't be made.
    pub fn create(name: &str, keys: Keys, now: i64, days: i64) -> Result<Self, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ends = now + days * DAY;
        set_validity(&mut params, now, ends)?;
        let key = make_key(keys)?;
        let certificate_pem = params.self_signed(&key).map_err(make("signing the authority"))?.pem();
        let key_pem = key.serialize_pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate_pem, key_pem, ends })
    }

    /// A new one for tests and laboratories, valid at any time.
    ///
    /// # Errors
    /// The key can't be made.
    pub fn create_timeless(name: &str, keys: Keys) -> Result<Self, PkiError> {
        let (starts, ends) = TIMELESS;
        Self::create(name, keys, starts, (ends - starts) / DAY)
    }

    /// One that was made before, by us or with OpenSSL.
    ///
    /// # Errors
    /// The texts are no authority's certificate and its key.
    pub fn open(certificate_pem: &str, key_pem: &str) -> Result<Self, PkiError> {
        let certificate = Certificate::from_pem("the authority's file", certificate_pem.as_bytes())?;
        if certificate.holder() != Holder::Authority {
            return Err(PkiError::NoAuthority);
        }
        if !certificate.is_of_key(key_pem.as_bytes()) {
            return Err(PkiError::OtherKey);
        }
        let key = KeyPair::from_pem(key_pem).map_err(make("reading the authority's key"))?;
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key)
            .map_err(make("reading the authority's certificate"))?;
        Ok(Self {
            issuer,
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            ends: certificate.ends(),
        })
    }

    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Signs a new certificate, which lasts `days` from `now`.
    ///
    /// # Errors
    /// It would outlive the authority; a name is malformed; the key can't be made.
    pub fn issue(&self, subject: &Subject, now: i64, days: i64) -> Result<Issued, PkiError> {
        let most = (self.ends - now) / DAY;
        if most < 1 {
            return Err(PkiError::AuthorityEnded);
        }
        if !(1..=most).contains(&days) {
            return Err(PkiError::Days { days, most });
        }
        self.issue_between(subject, now, now + days * DAY)
    }

    /// The same for tests and laboratories, valid at any time.
    ///
    /// # Errors
    /// A name is malformed; the key can't be made.
    pub fn issue_timeless(&self, subject: &Subject) -> Result<Issued, PkiError> {
        let (starts, ends) = TIMELESS;
        self.issue_between(subject, starts, ends)
    }

    /// The same with both ends given, also in the past: what tests of an expired certificate need.
    ///
    /// # Errors
    /// A name is malformed; the key can't be made.
    pub fn issue_between(&self, subject: &Subject, starts: i64, ends: i64) -> Result<Issued, PkiError> {
        let names = subject.names()?;
        let mut params = CertificateParams::new(names).map_err(make("naming the certificate's holder"))?;
        params.distinguished_name.push(DnType::CommonName, subject.common_name());
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if subject.serves() {
            params.extended_key_usages.insert(0, ExtendedKeyUsagePurpose::ServerAuth);
        }
        set_validity(&mut params, starts, ends)?;
        let key = make_key(subject.keys())?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(make("signing the certificate"))?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Authority {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("ends", &self.ends).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Issued {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issued(..)")
    }
}

fn set_validity(params: &mut CertificateParams, starts: i64, ends: i64) -> Result<(), PkiError> {
    let moment = |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds);
    let (Ok(from), Ok(until)) = (moment(starts - BEFORE), moment(ends)) else {
        return Err(PkiError::Days { days: (ends - starts) / DAY, most: i64::from(u16::MAX) });
    };
    params.not_before = from;
    params.not_after = until;
    let mut serial = [0; SERIAL];
    rand_bytes(&mut serial)
        .map_err(|source| PkiError::OpenSsl { doing: "drawing a serial number", source })?;
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from(serial.to_vec()));
    Ok(())
}

fn make_key(keys: Keys) -> Result<KeyPair, PkiError> {
    match keys {
        Keys::Ecdsa => KeyPair::generate().map_err(make("making a key")),
        Keys::Rsa { bits } => {
            let pem = Rsa::generate(bits)
                .and_then(PKey::from_rsa)
                .and_then(|key| key.private_key_to_pem_pkcs8())
                .map_err(|source| PkiError::OpenSsl { doing: "making an RSA key", source })?;
            KeyPair::from_pem(&String::from_utf8_lossy(&pem)).map_err(make("reading an RSA key"))
        }
    }
}

fn make(doing: &'static str) -> impl FnOnce(rcgen::Error) -> PkiError {
    move |source| PkiError::Make { doing, source }
}
