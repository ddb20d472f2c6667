//! Listeners of hosts, and the certificates that they show.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
};

use openssl::pkey::{PKey, Private};

use super::{
    Simulator,
    spec::{HostSpec, Listen, PoolSpec, StartError},
};
use crate::{
    pool::Pool,
    value::Value,
    wire::{
        listener::Door,
        tls::{self, Certificate},
    },
};

/// How often another free port is tried when one of the addresses has it taken.
const TRIES: usize = 50;

/// The ports that all hosts of the pool listen on.
pub(super) struct Ports {
    http: Option<u16>,
    https: Option<u16>,
    listen: Listen,
    /// The key of the certificates that hosts sign themselves.
    key: OnceLock<PKey<Private>>,
}

/// Opens the ports of all hosts.
pub(super) fn open(
    pool: &Arc<Pool>,
    spec: &PoolSpec,
    hosts: &[String],
    listen: Listen,
) -> Result<(Ports, BTreeMap<String, Arc<Door>>), StartError> {
    let addresses: Vec<IpAddr> = spec.hosts.iter().map(|host| host.address).collect();
    let bind = |wanted: Option<u16>| wanted.map(|port| bind_all(&addresses, port, &listen)).transpose();
    let (plain, secure) = (bind(listen.http)?, bind(listen.https)?);
    let port = |bound: &Option<(u16, Vec<TcpListener>)>| bound.as_ref().map(|(port, _)| *port);
    let ports = Ports { http: port(&plain), https: port(&secure), listen, key: OnceLock::new() };
    let mut plain = plain.into_iter().flat_map(|(_, listeners)| listeners);
    let mut secure = secure.into_iter().flat_map(|(_, listeners)| listeners);
    let mut doors = BTreeMap::new();
    for (host, spec) in hosts.iter().zip(&spec.hosts) {
        let door = Door::new(spec.address, Arc::clone(pool), host.clone());
        ports.serve(pool, &door, host, spec, plain.next(), secure.next())?;
        doors.insert(spec.name.clone(), door);
    }
    Ok((ports, doors))
}

impl Ports {
    /// Opens the ports of one more host.
    pub(super) fn open_one(
        &self,
        pool: &Arc<Pool>,
        host: &str,
        spec: &HostSpec,
    ) -> Result<Arc<Door>, StartError> {
        let bind = |port: Option<u16>| port.map(|port| bind(spec.address, port, &self.listen)).transpose();
        let door = Door::new(spec.address, Arc::clone(pool), host.to_owned());
        self.serve(pool, &door, host, spec, bind(self.http)?, bind(self.https)?)?;
        Ok(door)
    }

    fn serve(
        &self,
        pool: &Pool,
        door: &Arc<Door>,
        host: &str,
        spec: &HostSpec,
        plain: Option<TcpListener>,
        secure: Option<TcpListener>,
    ) -> Result<(), StartError> {
        let failed = |port: Option<u16>| {
            let address = SocketAddr::new(spec.address, port.unwrap_or(0));
            move |source: io::Error| StartError::Bind { address, source }
        };
        if let Some(listener) = plain {
            door.listen(listener, None).map_err(failed(self.http))?;
        }
        if let Some(listener) = secure {
            let failed_tls = |source| StartError::Certificate { host: spec.name.clone(), source };
            let certificate = self.certificate(spec).map_err(failed_tls)?;
            let acceptor = certificate.acceptor().map_err(failed_tls)?;
            let fingerprint = certificate.fingerprint().map_err(failed_tls)?;
            pool.write(|database| {
                let fields = [
                    ("type", Value::text("host")),
                    ("host", Value::text(host)),
                    ("fingerprint", Value::text(fingerprint)),
                ];
                database.create("Certificate", fields)
            });
            door.listen(listener, Some(acceptor)).map_err(failed(self.https))?;
        }
        Ok(())
    }

    fn certificate(&self, spec: &HostSpec) -> Result<Certificate, openssl::error::ErrorStack> {
        match &spec.identity {
            Some(identity) => Certificate::from_pem(identity.certificate.as_bytes(), identity.key.as_bytes()),
            None => {
                let key = match self.key.get() {
                    Some(key) => key.clone(),
                    None => tls::key().map(|key| self.key.get_or_init(|| key).clone())?,
                };
                Certificate::self_signed(spec.address, key)
            }
        }
    }
}

impl Simulator {
    /// The URL of a host's XAPI, without a path: HTTPS where it is served, else HTTP.
    ///
    /// # Panics
    /// If the pool never had a host of that name.
    pub fn url(&self, host: &str) -> String {
        let address = self.doors().get(host).map(|door| door.address);
        let address = match address.unwrap_or_else(|| panic!("the pool never had a host {host}")) {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        match (self.0.ports.https, self.0.ports.http) {
            (Some(port), _) => format!("https://{address}:{port}"),
            (None, Some(port)) => format!("http://{address}:{port}"),
            (None, None) => format!("http://{address}"),
        }
    }

    /// The port of HTTPS where it is served, else of HTTP.
    pub fn port(&self) -> u16 {
        self.0.ports.https.or(self.0.ports.http).unwrap_or(0)
    }

    /// The SHA-256 of a host's certificate, `AB:CD:..`, if HTTPS is served.
    ///
    /// # Panics
    /// If the pool has no host of that name.
    pub fn fingerprint(&self, host: &str) -> Option<String> {
        let host = Value::text(self.host(host));
        let database = self.database();
        let certificate = database.find("Certificate", "host", &host)?;
        Some(database.text("Certificate", &certificate, "fingerprint").to_owned())
    }
}

/// Listens on the same port of all addresses. If any port does, some are tried: another program may have the first one
/// found at another address.
fn bind_all(addresses: &[IpAddr], port: u16, listen: &Listen) -> Result<(u16, Vec<TcpListener>), StartError> {
    let mut tries = if port == 0 { TRIES } else { 1 };
    loop {
        tries -= 1;
        match try_bind_all(addresses, port, listen) {
            Ok(bound) => return Ok(bound),
            Err(error) if tries == 0 => return Err(error),
            Err(error) => tracing::debug!(%error, "another port is tried"),
        }
    }
}

fn try_bind_all(
    addresses: &[IpAddr],
    port: u16,
    listen: &Listen,
) -> Result<(u16, Vec<TcpListener>), StartError> {
    let first = bind(addresses[0], port, listen)?;
    let address = SocketAddr::new(addresses[0], port);
    let port = first.local_addr().map_err(|source| StartError::Bind { address, source })?.port();
    let others = addresses[1..].iter().map(|address| bind(*address, port, listen));
    let listeners: Result<Vec<_>, _> = std::iter::once(Ok(first)).chain(others).collect();
    Ok((port, listeners?))
}

fn bind(address: IpAddr, port: u16, listen: &Listen) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(address, port);
    (listen.binder)(address).map_err(|source| StartError::Bind { address, source })
}
