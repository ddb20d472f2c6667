//! Ports for replicas under test, which a configuration names before the replica has them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// So many that were free a moment ago, no two alike. On a loopback address of this process' own: on 127.0.0.1 a connection of
/// somebody else might take one meanwhile.
pub fn free(count: usize) -> Vec<SocketAddr> {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, 1, high, low);
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((own, 0)).unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap()).collect()
}
