//! The address plan: names and addresses of everything, a function of small numbers.
//!
//! Pure. Management is 10.10.0.0/16, transport 10.20.0.0/16, so that the one can be cut without the other.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::error::LabError;

/// Prefix length of both underlay networks: pools share them, as routed pools would reach one another.
pub const PREFIX: u8 = 16;
/// Where a host's OVSDB listens.
pub const OVSDB_PORT: u16 = 6640;
/// Where a controller listens.
pub const CONTROLLER_PORT: u16 = 7400;
/// The operator's machine on the management network, where `asterctl` runs.
pub const OPERATOR: Ipv4Addr = Ipv4Addr::new(10, 10, 251, 1);
/// A machine on the transport network that is no host.
pub const OUTSIDER: Ipv4Addr = Ipv4Addr::new(10, 20, 250, 1);
/// Pools are numbered 1 to this; what lies above in the third byte belongs to controllers and others.
pub const POOLS_MAX: u8 = 249;
/// Hosts of a pool are numbered 1 to this.
pub const HOSTS_MAX: u8 = 254;

/// A host by the numbers of its pool and its own, written `p1/h2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName {
    pub pool: u8,
    pub host: u8,
}

impl HostName {
    pub const fn new(pool: u8, host: u8) -> Self {
        Self { pool, host }
    }

    /// Name of its pool, as given to the controllers.
    pub fn pool_name(self) -> String {
        format!("p{}", self.pool)
    }

    /// Its own name in the pool.
    pub fn host_name(self) -> String {
        format!("h{}", self.host)
    }

    /// Name without a slash, for namespaces, interfaces and directories.
    pub fn flat(self) -> String {
        format!("p{}h{}", self.pool, self.host)
    }

    /// Address of its OVSDB.
    pub fn management(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 10, self.pool, self.host)
    }

    /// Address of its tunnels.
    pub fn transport(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 20, self.pool, self.host)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}/h{}", self.pool, self.host)
    }
}

impl FromStr for HostName {
    type Err = LabError;

    /// `p1/h2` or `p1h2`.
    fn from_str(text: &str) -> Result<Self, LabError> {
        let parse = || {
            let (pool, host) = text.strip_prefix('p')?.split_once('h')?;
            let pool = pool.strip_suffix('/').unwrap_or(pool).parse().ok()?;
            Some(Self { pool, host: host.parse().ok()? })
        };
        parse()
            .filter(|name| (1..=POOLS_MAX).contains(&name.pool) && (1..=HOSTS_MAX).contains(&name.host))
            .ok_or_else(|| LabError::Invalid {
                what: format!(
                    "{text} is no host: hosts are written p<1-{POOLS_MAX}>/h<1-{HOSTS_MAX}>, such as p1/h2"
                ),
            })
    }
}

/// Address of controller replica `node` (1, 2, 3 ...).
pub fn controller(node: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 10, 250, node)
}

/// A locally administered MAC that follows from an IPv4 address, so that runs are alike.
pub fn mac_of(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// The n-th VM's MAC: VMs of two networks may share an address, never a MAC.
pub fn vm_mac(number: u16) -> String {
    let [high, low] = number.to_be_bytes();
    format!("02:56:4d:00:{high:02x}:{low:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_with_and_without_its_slash() {
        assert_eq!("p3/h12".parse::<HostName>().unwrap(), HostName::new(3, 12));
        assert_eq!("p3h12".parse::<HostName>().unwrap(), HostName::new(3, 12));
        assert_eq!(HostName::new(3, 12).to_string(), "p3/h12");
    }

    #[test]
    fn a_name_outside_of_the_plan_says_what_would_be_valid() {
        for bad in ["", "h1", "p0/h1", "p250/h1", "p1/h255", "p1/", "p1//h2", "x1/h1"] {
            let error = bad.parse::<HostName>().unwrap_err().to_string();
            assert!(error.contains("such as p1/h2"), "{bad}: {error}");
        }
    }

    #[test]
    fn the_two_networks_of_a_host_never_share_an_address() {
        let host = HostName::new(2, 7);
        assert_eq!(host.management().to_string(), "10.10.2.7");
        assert_eq!(host.transport().to_string(), "10.20.2.7");
        assert_eq!(mac_of(host.transport()), "02:00:0a:14:02:07");
    }
}
