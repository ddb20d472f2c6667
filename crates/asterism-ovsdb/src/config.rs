//! What can be tuned about the session with a host.

use std::time::Duration;

use crate::{backoff::Backoff, codec::Limits, rpc::Liveness, tls::TlsConfig};

/// Settings of one host's session. The defaults suit a host in the same region.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Needed for `ssl:` endpoints, unused for others.
    pub tls: Option<TlsConfig>,
    /// For dialling and for the TLS handshake, each.
    pub connect_deadline: Duration,
    /// For the schema and for the first picture, each. Longer than a call: a big host has megabytes to send.
    pub picture_deadline: Duration,
    /// For a claim or a transaction, from the moment it is asked for.
    pub call_deadline: Duration,
    pub liveness: Liveness,
    pub backoff: Backoff,
    /// Shortest time between two pictures that nobody waits for, so that a host whose BFD flaps costs a bounded share
    /// of a core. What our own transactions change is shown at once.
    pub picture_interval: Duration,
    pub limits: Limits,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            tls: None,
            connect_deadline: Duration::from_secs(5),
            picture_deadline: Duration::from_secs(30),
            call_deadline: Duration::from_secs(5),
            // A host that hangs is known within 10 s; an idle one costs one echo in 5 s, as with ovsdb-server's own.
            liveness: Liveness {
                probe_interval: Duration::from_secs(5),
                probe_deadline: Duration::from_secs(5),
            },
            backoff: Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(10) },
            picture_interval: Duration::from_millis(20),
            limits: Limits::default(),
        }
    }
}
