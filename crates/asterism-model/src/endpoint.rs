//! Where a host's OVSDB answers.

use std::{
    fmt,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// IANA's port of OVSDB (RFC 7047 §6).
pub const OVSDB_PORT: u16 = 6640;

/// The address of a host's `ovsdb-server`, written as Open vSwitch's own tools write it.
///
/// What operators write is checked when it is read, and every host again by `apply`. The stored form is read without:
/// an entry of the log that could be written and not be read would stop all replicas.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum OvsdbEndpoint {
    /// `tcp:IP[:PORT]`: in clear, for management networks that are trusted.
    Tcp(SocketAddr),
    /// `ssl:IP[:PORT]`: TLS with certificates at both ends.
    Ssl(SocketAddr),
    /// `unix:PATH`: a controller on the host itself.
    Unix(String),
}

/// A text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an OVSDB endpoint: expected tcp:IP[:PORT], ssl:IP[:PORT] (IPv6 in brackets) or unix:/PATH of \
     at most 107 bytes"
)]
pub struct EndpointError(String);

/// What a Unix socket's address holds on Linux less its final NUL (unix(7)).
const MAX_PATH: usize = 107;

impl OvsdbEndpoint {
    /// What is equal for two endpoints that reach one server, in clear, through TLS, or in IPv6's spelling of IPv4.
    pub(crate) fn server(&self) -> (Option<SocketAddr>, &str) {
        match self {
            Self::Tcp(address) | Self::Ssl(address) => {
                let canonical = match (address.ip().to_canonical(), address) {
                    // The flow label stands in no text, and must not tell endpoints apart.
                    (IpAddr::V6(ip), SocketAddr::V6(v6)) => {
                        SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into()
                    }
                    (ip, _) => SocketAddr::new(ip, address.port()),
                };
                (Some(canonical), "")
            }
            Self::Unix(path) => (None, path),
        }
    }

    /// Whether a server can answer there at all.
    pub fn is_reachable(&self) -> bool {
        match self {
            Self::Tcp(address) | Self::Ssl(address) => {
                address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast()
            }
            Self::Unix(path) => path.starts_with('/') && path.len() <= MAX_PATH && !path.contains('\0'),
        }
    }

    /// Reads whatever [`fmt::Display`] writes, and addresses without a port.
    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        match scheme {
            "tcp" => read_address(rest).map(Self::Tcp),
            "ssl" => read_address(rest).map(Self::Ssl),
            "unix" => Some(Self::Unix(rest.to_owned())),
            _ => None,
        }
    }
}

impl FromStr for OvsdbEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::read(text).filter(Self::is_reachable).ok_or_else(|| EndpointError(text.to_owned()))
    }
}

/// An address with or without a port.
fn read_address(text: &str) -> Option<SocketAddr> {
    text.parse::<SocketAddr>().ok().or_else(|| {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, OVSDB_PORT))
    })
}

impl TryFrom<String> for OvsdbEndpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        Self::read(&text).ok_or(EndpointError(text))
    }
}

impl From<OvsdbEndpoint> for String {
    fn from(endpoint: OvsdbEndpoint) -> Self {
        endpoint.to_string()
    }
}

impl fmt::Display for OvsdbEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Ssl(address) => write!(f, "ssl:{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

impl fmt::Debug for OvsdbEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_may_be_left_out() {
        let show = |text: &str| text.parse::<OvsdbEndpoint>().unwrap().to_string();
        assert_eq!(show("tcp:10.0.0.1"), "tcp:10.0.0.1:6640");
        assert_eq!(show("ssl:[fd00::1]"), "ssl:[fd00::1]:6640");
        assert_eq!(show("ssl:[fd00::1]:6641"), "ssl:[fd00::1]:6641");
        assert_eq!(show("unix:/run/db.sock"), "unix:/run/db.sock");
    }

    #[test]
    fn one_server_is_known_however_it_is_written() {
        let parse = |text: &str| text.parse::<OvsdbEndpoint>().unwrap();
        assert_eq!(parse("tcp:10.0.0.1").server(), parse("ssl:[::ffff:10.0.0.1]:6640").server());
        assert_ne!(parse("tcp:10.0.0.1").server(), parse("tcp:10.0.0.1:6641").server());
        let labelled = SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, 6640, 7, 0);
        assert_eq!(parse("tcp:[::1]").server(), OvsdbEndpoint::Tcp(labelled.into()).server());
        assert_ne!(parse("tcp:[fe80::1%1]:6640").server(), parse("tcp:[fe80::1%2]:6640").server());
    }

    #[test]
    fn a_socket_path_is_no_longer_than_linux_allows() {
        let path = |len: usize| format!("unix:/{}", "a".repeat(len - 1)).parse::<OvsdbEndpoint>();
        assert!(path(107).is_ok());
        assert!(path(108).is_err());
    }

    #[test]
    fn whatever_is_written_to_the_log_can_be_read_from_it() {
        let unchecked = [OvsdbEndpoint::Tcp(([0, 0, 0, 0], 0).into()), OvsdbEndpoint::Unix(String::new())];
        for endpoint in unchecked {
            assert!(!endpoint.is_reachable());
            let stored = serde_json::to_string(&endpoint).unwrap();
            assert_eq!(serde_json::from_str::<OvsdbEndpoint>(&stored).unwrap(), endpoint);
        }
    }

    #[test]
    fn what_reaches_nobody_is_refused() {
        for bad in ["10.0.0.1", "tcp:host", "tcp:0.0.0.0", "tcp:10.0.0.1:0", "unix:db.sock", "udp:10.0.0.1"] {
            assert!(bad.parse::<OvsdbEndpoint>().is_err(), "{bad}");
        }
    }
}
