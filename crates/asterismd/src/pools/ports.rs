//! Whether hosts' OVSDB ports answer, before anything is asked of them.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use asterism_model::{Name, endpoint::OVSDB_PORT};
use futures::future::join_all;
use tokio::{net::TcpStream, time::timeout};

/// For one host's TCP handshake; all are tried at once.
const DIAL: Duration = Duration::from_secs(3);

/// What became of dialling a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    Open,
    /// Nobody listens there.
    Refused,
    /// No answer, or none that says that somebody could listen: a firewall, or no way there.
    Silent(String),
}

/// Dials every host's OVSDB and hangs up.
pub async fn probe(hosts: impl IntoIterator<Item = (Name, IpAddr)>) -> BTreeMap<Name, Port> {
    let dials = hosts.into_iter().map(|(name, address)| async move {
        let port = match timeout(DIAL, TcpStream::connect(SocketAddr::new(address, OVSDB_PORT))).await {
            Ok(Ok(_)) => Port::Open,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Port::Refused,
            Ok(Err(error)) => Port::Silent(error.to_string()),
            Err(_) => Port::Silent(format!("no answer within {DIAL:?}")),
        };
        (name, port)
    });
    join_all(dials).await.into_iter().collect()
}
