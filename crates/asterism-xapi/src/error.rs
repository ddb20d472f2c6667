//! Why there is no session with a pool, in words for the operator who has to do something about it.

use std::{collections::BTreeSet, fmt, sync::Arc};

use asterism_model::{CertificateFingerprint, XapiAddress, XapiUuid, chain};

use crate::{
    connection::ConnectError,
    failure::{FailureKind, XapiFailure},
    http::HttpError,
    inventory::Incomplete,
    jsonrpc::Malformed,
    tls::{TlsError, TrustError},
};

/// Attempts that are shown of a search that failed: a big pool has many hosts, and most say the same.
const SHOWN_ATTEMPTS: usize = 5;

/// Why a pool is not reached, or not believed. Cheap to clone, so that it can stand in a state that many watch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum XapiError {
    /// The configuration is unusable; nothing was dialled.
    #[error("the pool's trust is unusable")]
    Trust(#[source] Arc<TrustError>),
    #[error("no address is given: expected that of the pool's master")]
    NoAddress,
    #[error("{address} cannot be reached")]
    Unreachable {
        address: XapiAddress,
        #[source]
        source: HttpError,
    },
    /// The certificate is another one than expected: a new one, or somebody in between.
    #[error(
        "{address} is not trusted: its certificate has fingerprint {found}, expected {}",
        Alternatives(expected)
    )]
    Fingerprint {
        address: XapiAddress,
        found: CertificateFingerprint,
        expected: BTreeSet<CertificateFingerprint>,
    },
    #[error("{address} is not trusted")]
    Untrusted {
        address: XapiAddress,
        #[source]
        source: Arc<TlsError>,
    },
    /// It speaks HTTP, or something, and not as a XAPI does.
    #[error("{address} is no XAPI: expected the address of an XCP-ng or XenServer host")]
    NotXapi {
        address: XapiAddress,
        #[source]
        source: NotXapi,
    },
    #[error("{address} is not the pool's master: expected the master, which is {master}")]
    Slave { address: XapiAddress, master: XapiAddress },
    #[error("{address} is not the pool's master, and names `{named}` as master, which is no address")]
    MasterUnknown { address: XapiAddress, named: String },
    #[error("{address} refuses user `{user}`: wrong name or password")]
    Authentication { address: XapiAddress, user: String },
    /// The password was refused before, and is not tried again yet.
    #[error("{address} refused user `{user}`, and is left alone for a while")]
    LeftAlone { address: XapiAddress, user: String },
    /// A member that was ejected, or somebody else who took over the address.
    #[error("{address} is the master of pool {found}, expected {expected}")]
    WrongPool { address: XapiAddress, found: XapiUuid, expected: XapiUuid },
    #[error("{address} is up, and not in service")]
    Emergency {
        address: XapiAddress,
        #[source]
        failure: XapiFailure,
    },
    #[error("user `{user}` lacks rights: expected those of a pool operator; missing are {}", missing.join(", "))]
    Rights { user: String, missing: Vec<String> },
    /// XAPI refused a call that it has no reason to refuse.
    #[error("{address} refused {method}")]
    Refused {
        address: XapiAddress,
        method: &'static str,
        #[source]
        failure: XapiFailure,
    },
    #[error("the session with {address} ended: it expired, was logged out, or XAPI restarted")]
    Expired { address: XapiAddress },
    #[error("{address} has no whole picture of its pool")]
    Incomplete {
        address: XapiAddress,
        #[source]
        source: Incomplete,
    },
    #[error("none of the pool's addresses led to its master: {}", Attempts(attempts))]
    NoMaster { attempts: Vec<XapiError> },
}

/// How something shows that it is no XAPI.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotXapi {
    #[error("the request was turned away")]
    Http(#[source] HttpError),
    #[error("the answer is none")]
    Answer(#[source] Malformed),
}

/// Why a call in a session has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// XAPI said no.
    #[error("XAPI refused it")]
    Failed(#[source] XapiFailure),
    #[error("there is no answer")]
    Http(#[source] HttpError),
    #[error("the answer cannot be understood")]
    Malformed(#[source] Malformed),
}

impl CallError {
    /// Whether nothing else is to be expected of this session.
    pub(crate) fn ends_session(&self) -> bool {
        match self {
            Self::Failed(failure) => matches!(
                failure.kind(),
                FailureKind::SessionInvalid | FailureKind::Slave { .. } | FailureKind::Emergency
            ),
            Self::Http(_) | Self::Malformed(_) => false,
        }
    }

    /// The same, as what it means for the session with `address`.
    pub(crate) fn at(self, address: &XapiAddress, method: &'static str, user: &str) -> XapiError {
        let address = address.clone();
        match self {
            Self::Http(error) => from_http(address, error),
            Self::Malformed(error) => XapiError::NotXapi { address, source: NotXapi::Answer(error) },
            Self::Failed(failure) => match failure.kind() {
                FailureKind::SessionInvalid => XapiError::Expired { address },
                FailureKind::Slave { master } => match hint(&address, &master) {
                    Some(master) => XapiError::Slave { address, master },
                    None => XapiError::MasterUnknown { address, named: crate::failure::shown(&master) },
                },
                FailureKind::Authentication => XapiError::Authentication { address, user: user.to_owned() },
                FailureKind::Emergency => XapiError::Emergency { address, failure },
                FailureKind::Denied { permission } => XapiError::Rights {
                    user: user.to_owned(),
                    missing: vec![crate::failure::shown(&permission)],
                },
                FailureKind::Gone
                | FailureKind::Unknown
                | FailureKind::ParameterCount
                | FailureKind::Other => XapiError::Refused { address, method, failure },
            },
        }
    }
}

fn from_http(address: XapiAddress, error: HttpError) -> XapiError {
    match error {
        HttpError::NotConnected(ConnectError::Tls { source, .. }) => match &*source {
            TlsError::Fingerprint { found, expected } => {
                XapiError::Fingerprint { address, found: *found, expected: expected.clone() }
            }
            TlsError::Untrusted(_) | TlsError::NoCertificate => XapiError::Untrusted { address, source },
            TlsError::Handshake(error) if is_lost(error) => XapiError::Unreachable {
                source: HttpError::NotConnected(ConnectError::Tls { address: address.clone(), source }),
                address,
            },
            // Something that answers a TLS greeting with other bytes.
            TlsError::Handshake(_) | TlsError::Library(_) => XapiError::NotXapi {
                source: NotXapi::Http(HttpError::NotConnected(ConnectError::Tls {
                    address: address.clone(),
                    source,
                })),
                address,
            },
        },
        error @ (HttpError::Status { .. } | HttpError::TooLong { .. }) => {
            XapiError::NotXapi { address, source: NotXapi::Http(error) }
        }
        HttpError::Broken { source, .. } if source.is_parse() => XapiError::NotXapi {
            source: NotXapi::Http(HttpError::Broken { address: address.clone(), source }),
            address,
        },
        error @ (HttpError::NotConnected(_)
        | HttpError::NotSent { .. }
        | HttpError::TimedOut { .. }
        | HttpError::Broken { .. }) => XapiError::Unreachable { address, source: error },
    }
}

/// Whether the connection went in the middle of the handshake, as when the host restarts.
fn is_lost(error: &openssl::ssl::Error) -> bool {
    let is_end = |reason: Option<&str>| reason == Some("unexpected eof while reading");
    match error.ssl_error() {
        Some(stack) => stack.errors().iter().any(|error| is_end(error.reason())),
        None => true,
    }
}

/// The address of a host that `address`'s XAPI names by its bare IP address: the same scheme and port.
pub(crate) fn hint(address: &XapiAddress, host: &str) -> Option<XapiAddress> {
    let scheme = if address.is_https() { "https" } else { "http" };
    let default_port = if address.is_https() { 443 } else { 80 };
    let (_, port) = crate::connection::split_authority(address.authority(), default_port);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = if port == default_port { String::new() } else { format!(":{port}") };
    format!("{scheme}://{host}{port}").parse().ok()
}

struct Alternatives<'a>(&'a BTreeSet<CertificateFingerprint>);

impl fmt::Display for Alternatives<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(" or "))
    }
}

struct Attempts<'a>(&'a [XapiError]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().take(SHOWN_ATTEMPTS).map(|attempt| chain(attempt)).collect();
        f.write_str(&texts.join("; "))?;
        match self.0.len().saturating_sub(SHOWN_ATTEMPTS) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_keeps_scheme_and_port() {
        let follow = |address: &str, host: &str| {
            hint(&address.parse().unwrap(), host).map(|address| address.to_string())
        };
        assert_eq!(follow("https://10.0.0.2", "10.0.0.1").as_deref(), Some("https://10.0.0.1"));
        assert_eq!(follow("http://10.0.0.2:8080", "10.0.0.1").as_deref(), Some("http://10.0.0.1:8080"));
        assert_eq!(follow("https://a.example", "fd00::1").as_deref(), Some("https://[fd00::1]"));
        assert_eq!(follow("https://10.0.0.2", ""), None);
        assert_eq!(follow("https://10.0.0.2", "a/../b"), None);
    }
}
