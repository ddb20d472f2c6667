//! What a certificate says: who holds it, for how long, and by whom it is signed.

use std::net::IpAddr;

use asterism_model::{AccessRole, NodeId};
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    x509::X509,
};

use crate::{DAY, NODE, OVSDB, PkiError};

/// Days before its end from which a long-lived certificate counts as ending soon.
const SOON_DAYS: i64 = 30;

/// A certificate that was read. That somebody trusted signed it is for TLS to check.
#[derive(Clone)]
pub struct Certificate {
    x509: X509,
    common_name: String,
    names: Vec<String>,
    starts: i64,
    ends: i64,
}

/// Whom a certificate is for. One that names two kinds of holders is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Node(NodeId),
    Caller { name: String, role: AccessRole },
    Ovsdb,
    Authority,
    Other,
}

impl Certificate {
    /// The first of a PEM text; `what` names the text in an error.
    ///
    /// # Errors
    /// There is none.
    pub fn from_pem(what: &str, pem: &[u8]) -> Result<Self, PkiError> {
        let first = Self::all_from_pem(what, pem)?.into_iter().next();
        first.ok_or_else(|| PkiError::NoCertificate { what: what.to_owned() })
    }

    /// All of a PEM text, one at least.
    ///
    /// # Errors
    /// There is none, or one can't be read.
    pub fn all_from_pem(what: &str, pem: &[u8]) -> Result<Vec<Self>, PkiError> {
        let none = || PkiError::NoCertificate { what: what.to_owned() };
        let found = X509::stack_from_pem(pem).map_err(|_| none())?;
        let found: Result<Vec<Self>, ErrorStack> = found.into_iter().map(Self::read).collect();
        let found = found.map_err(|source| PkiError::OpenSsl { doing: "reading a certificate", source })?;
        if found.is_empty() { Err(none()) } else { Ok(found) }
    }

    /// As TLS shows it.
    ///
    /// # Errors
    /// It can't be read.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let read = X509::from_der(der).and_then(Self::read);
        read.map_err(|source| PkiError::OpenSsl { doing: "reading a certificate", source })
    }

    fn read(x509: X509) -> Result<Self, ErrorStack> {
        let common_name = x509.subject_name().entries_by_nid(Nid::COMMONNAME).next();
        let common_name = common_name.and_then(|entry| entry.data().to_string().ok());
        let names = x509.subject_alt_names().into_iter().flatten().filter_map(|name| {
            let address = name.ipaddress().and_then(address_of).map(|address| address.to_string());
            name.dnsname().map(str::to_owned).or(address)
        });
        Ok(Self {
            common_name: common_name.unwrap_or_default(),
            names: names.collect(),
            starts: seconds(x509.not_before())?,
            ends: seconds(x509.not_after())?,
            x509,
        })
    }

    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// Alternative names: DNS names and IP addresses, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// From when it is valid, in seconds since the Unix epoch.
    pub fn starts(&self) -> i64 {
        self.starts
    }

    /// Until when it is valid, in seconds since the Unix epoch.
    pub fn ends(&self) -> i64 {
        self.ends
    }

    pub fn holder(&self) -> Holder {
        // Version 3 has basic constraints; `pathlen` is set by OpenSSL only where there are any, and CA is true.
        if self.x509.pathlen().is_some() || self.is_self_issued() {
            return Holder::Authority;
        }
        let nodes = self.names.iter().filter_map(|name| {
            name.strip_prefix("node-")?.strip_suffix(".asterism")?.parse().ok().map(NodeId)
        });
        let nodes: Vec<NodeId> = nodes.collect();
        let roles = AccessRole::ALL.into_iter().filter(|role| self.has(role.dns_name()));
        let roles: Vec<AccessRole> = roles.collect();
        match (nodes.as_slice(), self.has(NODE), roles.as_slice(), self.has(OVSDB)) {
            ([node], true, [], false) => Holder::Node(*node),
            ([], false, [role], false) => Holder::Caller { name: self.common_name.clone(), role: *role },
            ([], false, [], true) => Holder::Ovsdb,
            _ => Holder::Other,
        }
    }

    fn has(&self, wanted: &str) -> bool {
        self.names.iter().any(|name| name == wanted)
    }

    fn is_self_issued(&self) -> bool {
        let (issuer, subject) = (self.x509.issuer_name().to_der(), self.x509.subject_name().to_der());
        issuer.is_ok_and(|issuer| subject.is_ok_and(|subject| issuer == subject))
    }

    /// Whether this is the certificate of a private key in PEM.
    pub fn is_of_key(&self, key_pem: &[u8]) -> bool {
        let key = PKey::private_key_from_pem_passphrase(key_pem, b"");
        key.is_ok_and(|key| self.x509.public_key().is_ok_and(|public| public.public_eq(&key)))
    }

    /// Whether `authority` signed it.
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let key = authority.x509.public_key();
        key.and_then(|key| self.x509.verify(&key)).is_ok_and(|is_signed| is_signed)
    }

    /// The serial number in hexadecimal.
    pub fn serial(&self) -> String {
        let serial = self.x509.serial_number().to_bn().and_then(|serial| serial.to_hex_str());
        serial.map(|text| text.to_lowercase()).unwrap_or_default()
    }

    /// SHA-256 of the certificate, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let digest = self.x509.digest(MessageDigest::sha256());
        digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default()
    }

    pub fn is_valid_at(&self, now: i64) -> bool {
        (self.starts..=self.ends).contains(&now)
    }

    /// Whole days until it ends; negative when it has.
    pub fn days_left(&self, now: i64) -> i64 {
        (self.ends - now).div_euclid(DAY)
    }

    /// Whether it is time for another: a third of its life is left, or thirty days of a long one.
    pub fn ends_soon(&self, now: i64) -> bool {
        let third = (self.ends - self.starts) / 3;
        self.ends - now < third.min(SOON_DAYS * DAY)
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, {:?})", self.common_name, self.names)
    }
}

fn seconds(moment: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    let passed = Asn1Time::from_unix(0)?.diff(moment)?;
    Ok(i64::from(passed.days) * DAY + i64::from(passed.secs))
}

fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
