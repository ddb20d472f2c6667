//! Whom to ask, and with which certificates.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use asterism_api::{Class, Client, ClientConfig, Security, client::ATTEMPT_TIMEOUT};
use clap::Args;

use crate::exit::{Problem, usage};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Replicas to ask, as HOST:PORT; any of the cluster will do, and all are tried
    #[arg(long, global = true, env = "ASTERISM_ENDPOINTS", value_name = "HOST:PORT", value_delimiter = ',')]
    pub endpoints: Vec<String>,

    /// The authority's certificate, PEM: who signed the replicas'
    #[arg(long, global = true, env = "ASTERISM_CA", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Your certificate, PEM
    #[arg(long, global = true, env = "ASTERISM_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,

    /// Your certificate's key, PEM
    #[arg(long, global = true, env = "ASTERISM_KEY", value_name = "FILE")]
    key: Option<PathBuf>,

    /// How long to try before giving up, over all replicas
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl ConnectionArgs {
    /// A client that has not asked anybody yet.
    pub fn client(&self) -> Result<Client> {
        if self.endpoints.is_empty() {
            return Err(usage("no replica to ask: give --endpoints HOST:PORT,... or set ASTERISM_ENDPOINTS"));
        }
        let security = Security::MutualTls {
            ca_pem: read(self.ca.as_ref(), "--ca", "ASTERISM_CA")?,
            cert_pem: read(self.cert.as_ref(), "--cert", "ASTERISM_CERT")?,
            key_pem: read(self.key.as_ref(), "--key", "ASTERISM_KEY")?,
        };
        let client = Client::new(ClientConfig {
            endpoints: self.endpoints.iter().map(|endpoint| endpoint.trim().to_owned()).collect(),
            security,
            timeout: self.timeout,
            attempt_timeout: ATTEMPT_TIMEOUT,
        });
        client.map_err(|failure| match failure.class {
            // Nobody was asked yet: it is the arguments that are refused.
            Class::Refused => usage(failure.message),
            Class::NotPermitted
            | Class::NotFound
            | Class::Unavailable
            | Class::OutcomeUnknown
            | Class::Internal => failure.into(),
        })
    }
}

fn read(path: Option<&PathBuf>, option: &str, variable: &str) -> Result<Vec<u8>> {
    let path = path.ok_or_else(|| usage(format!("no {option}: give {option} FILE or set {variable}")))?;
    std::fs::read(path).map_err(|error| {
        Problem::Certificate(format!("{option}: {} can't be read: {error}", path.display())).into()
    })
}
