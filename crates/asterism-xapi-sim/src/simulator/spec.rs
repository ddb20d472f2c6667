//! What a simulated pool is to look like, and where it listens.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
};

use crate::datamodel::Version;

/// A pool to simulate.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// The pool's name label.
    pub name: String,
    /// Its hosts; the first one is master.
    pub hosts: Vec<HostSpec>,
    /// The version of xapi.
    pub version: Version,
    /// Who may log in.
    pub user: String,
    /// With which password.
    pub password: String,
    /// What references, uuids and MACs are made from. Pools that shall differ need different seeds.
    pub seed: u64,
    /// How much faster than in a real pool xapi's long waits pass: 100 makes 600 s last 6 s.
    pub time_factor: f64,
}

/// A host of a pool.
#[derive(Clone, Debug)]
pub struct HostSpec {
    /// Its name label and host name.
    pub name: String,
    /// The address that its XAPI answers on; the interface with this address is the management interface.
    pub address: IpAddr,
    /// Its network interfaces.
    pub interfaces: Vec<InterfaceSpec>,
    /// What it shows over HTTPS; without it, a certificate that it signed itself.
    pub identity: Option<Identity>,
}

/// A network interface of a host.
#[derive(Clone, Debug)]
pub struct InterfaceSpec {
    /// The device, `eth0`; its bridge is `xenbr0`.
    pub device: String,
    /// The name label of its network. Interfaces of several hosts with one label are on one network.
    pub network: String,
    /// Its address and prefix, if it has one.
    pub address: Option<(IpAddr, u8)>,
    /// The MTU of its network.
    pub mtu: i64,
}

/// Where the hosts of a pool listen: each on its own address, all on the same ports.
#[derive(Clone)]
pub struct Listen {
    pub(crate) http: Option<u16>,
    pub(crate) https: Option<u16>,
    pub(crate) binder: Arc<Binder>,
}

/// Makes a listener; the laboratory's makes it in a host's network namespace.
pub type Binder = dyn Fn(SocketAddr) -> io::Result<TcpListener> + Send + Sync;

/// A host's certificate and key, in PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be had.
    #[error("listening on {address} for XAPI")]
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate could not be made or read.
    #[error("the certificate of host {host}")]
    Certificate {
        /// The host's name.
        host: String,
        /// Why.
        #[source]
        source: openssl::error::ErrorStack,
    },
    /// There is no host to be master.
    #[error("a pool has one host at least")]
    NoHosts,
}

impl fmt::Debug for Identity {
    /// Never the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl PoolSpec {
    /// A pool of the newest version, with user `root`, password `secret` and real time.
    pub fn new(name: &str, hosts: Vec<HostSpec>) -> PoolSpec {
        PoolSpec {
            name: name.to_owned(),
            hosts,
            version: Version::V26_1,
            user: "root".to_owned(),
            password: "secret".to_owned(),
            seed: 1,
            time_factor: 1.0,
        }
    }
}

impl HostSpec {
    /// A host without interfaces.
    pub fn new(name: &str, address: IpAddr) -> HostSpec {
        HostSpec { name: name.to_owned(), address, interfaces: Vec::new(), identity: None }
    }

    /// The host with a certificate that others made.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> HostSpec {
        HostSpec { identity: Some(identity), ..self }
    }

    /// The host with one more interface, of MTU 1500, on the network that a fresh pool makes for the device.
    #[must_use]
    pub fn with_interface(mut self, device: &str, address: Option<(IpAddr, u8)>) -> HostSpec {
        let network = format!("Pool-wide network associated with {device}");
        self.interfaces.push(InterfaceSpec { device: device.to_owned(), network, address, mtu: 1500 });
        self
    }
}

impl Listen {
    /// Plain HTTP on this port; 0 takes one that is free.
    pub fn http(port: u16) -> Listen {
        Listen { http: Some(port), https: None, binder: Arc::new(TcpListener::bind) }
    }

    /// HTTPS on this port; 0 takes one that is free. Hosts have certificates that they signed themselves.
    pub fn https(port: u16) -> Listen {
        Listen { http: None, https: Some(port), ..Listen::http(0) }
    }

    /// Plain HTTP as well.
    #[must_use]
    pub fn and_http(self, port: u16) -> Listen {
        Listen { http: Some(port), ..self }
    }

    /// Another way to make listeners.
    #[must_use]
    pub fn with_binder(
        self,
        binder: impl Fn(SocketAddr) -> io::Result<TcpListener> + Send + Sync + 'static,
    ) -> Listen {
        Listen { binder: Arc::new(binder), ..self }
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listen")
            .field("http", &self.http)
            .field("https", &self.https)
            .finish_non_exhaustive()
    }
}
