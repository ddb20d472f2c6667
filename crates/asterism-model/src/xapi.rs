//! How a pool's XAPI is reached and believed.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{PoolInventory, XapiUuid, network::is_default};

/// Who keeps the list of a pool's hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Management {
    /// The operator.
    #[default]
    Static,
    /// The pool's own XAPI: hosts come, change and go as it says.
    Xapi(Box<XapiPool>),
}

/// A pool of XCP-ng or XenServer hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XapiPool {
    /// `pool.uuid`: no other pool is ever taken for this one, whatever answers at its addresses.
    pub uuid: XapiUuid,
    pub access: XapiAccess,
    /// What it last said; absent until it was first read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inventory: Option<PoolInventory>,
    /// Whether the operator removed it: its hosts are leaving, and it is forgotten with the last of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_leaving: bool,
}

/// Where a pool's XAPI answers, who logs in, and by what it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XapiAccess {
    /// Never empty. Its hosts' addresses of today are in the hosts; these are where to begin.
    pub addresses: BTreeSet<XapiAddress>,
    pub user: String,
    pub password: SealedSecret,
    pub trust: XapiTrust,
}

impl XapiAccess {
    /// Whether it is the same way in, whatever certificates are trusted.
    pub fn is_same_way(&self, other: &Self) -> bool {
        self.addresses == other.addresses && self.user == other.user && self.password == other.password
    }
}

/// Where a host's XAPI answers: `https://HOST[:PORT]`, or `http://` where that was asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct XapiAddress(String);

/// A text that is no address of a XAPI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a XAPI: expected https://HOST[:PORT] (IPv6 in brackets), and no path")]
pub struct XapiAddressError(String);

impl XapiAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the way there is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or(self.0.as_str(), |(_, authority)| authority)
    }
}

impl FromStr for XapiAddress {
    type Err = XapiAddressError;

    /// Without a scheme, `https` is meant.
    fn from_str(text: &str) -> Result<Self, XapiAddressError> {
        let error = || XapiAddressError(text.to_owned());
        let (scheme, authority) = text.split_once("://").unwrap_or(("https", text));
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if !matches!(scheme, "https" | "http") || !is_authority(authority) {
            return Err(error());
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

/// Whether the text is `host`, `host:port` or `[v6]` with a port or without (RFC 3986 §3.2, without user information).
fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        let is_v6 = address.parse::<std::net::Ipv6Addr>().is_ok();
        return is_v6 && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_host = |host: &str| {
        (1..=253).contains(&host.len())
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    is_host(host) && port.is_none_or(is_port)
}

impl fmt::Display for XapiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for XapiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// By what the certificates of a pool's hosts are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum XapiTrust {
    /// They chain to one of these (PEM).
    Authority(String),
    /// These very certificates. The pool tells those of its other hosts over a session that is trusted already.
    Fingerprints(BTreeSet<CertificateFingerprint>),
}

/// SHA-256 over a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateFingerprint(pub [u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a fingerprint: expected the 32 bytes of a SHA-256 in hexadecimal, with colons or without"
)]
pub struct FingerprintError(String);

impl FromStr for CertificateFingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let error = || FingerprintError(text.to_owned());
        let digits = text.replace(':', "");
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for CertificateFingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl From<CertificateFingerprint> for String {
    fn from(fingerprint: CertificateFingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for CertificateFingerprint {
    /// As `openssl x509 -fingerprint -sha256` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A secret as it stands in the log: sealed with the cluster's key, which stands in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// Which of the cluster's keys opens it.
    pub key: String,
    /// Nonce, ciphertext and tag, in hexadecimal.
    pub sealed: String,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sealed with {}", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_or_without() {
        for (text, means) in [
            ("xcp1.example.org", "https://xcp1.example.org"),
            ("https://10.0.0.1/", "https://10.0.0.1"),
            ("https://[fd00::1]:8443", "https://[fd00::1]:8443"),
            ("http://10.0.0.1:80", "http://10.0.0.1:80"),
        ] {
            assert_eq!(text.parse::<XapiAddress>().unwrap().as_str(), means);
        }
        for text in
            ["", "ftp://a", "https://", "https://a/b", "https://user@a", "a:0", "a:65536", "[fd00::1", "a b"]
        {
            assert!(text.parse::<XapiAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fingerprint_reads_what_it_prints_and_what_others_print() {
        let plain = "ab".repeat(32);
        let fingerprint: CertificateFingerprint = plain.parse().unwrap();
        assert_eq!(fingerprint.to_string().parse::<CertificateFingerprint>().unwrap(), fingerprint);
        assert!(fingerprint.to_string().starts_with("AB:AB:"));
        assert!("ab".repeat(31).parse::<CertificateFingerprint>().is_err());
    }
}
