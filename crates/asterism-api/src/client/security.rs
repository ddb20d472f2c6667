//! How a channel to a replica is made: mutual TLS, or in clear for tests.

use std::{error::Error, fmt, time::Duration};

use asterism_model::chain;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Uri};

use crate::{Class, Failure, SERVER_NAME};

/// A peer that is silent for this long while a call runs is given up: an idle stream of events must notice that its
/// replica is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What a client shows and what it trusts.
#[derive(Clone)]
pub enum Security {
    /// The replica must show a certificate of this authority with [`SERVER_NAME`], the client shows its own.
    MutualTls { ca_pem: Vec<u8>, cert_pem: Vec<u8>, key_pem: Vec<u8> },
    /// For tests of clients; no replica listens in clear.
    Plaintext,
}

impl Security {
    /// The endpoint at `host:port`, to be connected.
    ///
    /// # Errors
    /// The address or the PEM texts are malformed.
    pub fn endpoint(&self, address: &str) -> Result<Endpoint, Failure> {
        let scheme = match self {
            Self::MutualTls { .. } => "https",
            Self::Plaintext => "http",
        };
        let malformed = || {
            Failure::local(
                Class::Refused,
                format_args!("endpoint: `{address}` is malformed; expected HOST:PORT, as 10.0.0.1:7400"),
            )
        };
        let uri: Uri = format!("{scheme}://{address}").parse().map_err(|_| malformed())?;
        if uri.port_u16().is_none_or(|port| port == 0) || !matches!(uri.path(), "" | "/") {
            return Err(malformed());
        }
        let endpoint = Endpoint::from(uri)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        match self {
            Self::Plaintext => Ok(endpoint),
            Self::MutualTls { ca_pem, cert_pem, key_pem } => endpoint
                .tls_config(
                    ClientTlsConfig::new()
                        .domain_name(SERVER_NAME)
                        .ca_certificate(Certificate::from_pem(ca_pem))
                        .identity(Identity::from_pem(cert_pem, key_pem)),
                )
                .map_err(|error| {
                    Failure::local(
                        Class::NotPermitted,
                        format_args!(
                            "certificates: {}; expected PEM, and the key that belongs to the certificate",
                            error.source().map_or_else(|| chain(&error), chain)
                        ),
                    )
                }),
        }
    }
}

impl fmt::Debug for Security {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MutualTls { .. } => "MutualTls",
            Self::Plaintext => "Plaintext",
        })
    }
}
