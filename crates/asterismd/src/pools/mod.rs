//! Pools behind a XAPI, as this replica gets at them: with which password, which certificate, and how it is told what goes
//! wrong there.
//!
//! [`PoolAccess`] makes the edge's configuration of what is replicated and of this node's own files. [`survey`] looks at a
//! pool once, [`preflight`] judges what it saw, `problem` tells operators why there is nothing to see. What is done in a
//! pool while this replica leads is [`crate::leader`]'s.

mod ports;
pub mod preflight;
mod problem;
mod survey;

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use asterism_api::{ApiError, convert::TrustRequest};
use asterism_model::{
    CertificateFingerprint, Host, NetworkState, NodeId, OvsdbEndpoint, Pool, XapiAddress, XapiPool,
    XapiTrust, XapiUuid,
};
use asterism_ovsdb::Identity;
use asterism_xapi::{Trust, XapiConfig, fingerprint_of_pem};
use openssl::{error::ErrorStack, x509::X509};

use crate::secrets::{ClusterKey, OpenError, Secret};

pub use ports::{Port, probe};
pub use problem::{api_error, no_cluster_key};
pub use survey::{survey, survey_to_proto};

/// What this node has of its own for pools behind a XAPI.
#[derive(Debug, Clone)]
pub struct PoolAccess {
    pub node: NodeId,
    /// Opens the pools' passwords; the same on all replicas.
    pub key: Option<ClusterKey>,
    /// What hosts are shown; without it their databases can't be opened. Shared by all copies, since it can be renewed.
    identity: Arc<Mutex<Option<HostIdentity>>>,
}

/// Who this node is to hosts that ask for a certificate.
#[derive(Clone)]
pub struct HostIdentity {
    pub identity: Identity,
    /// PEM of the authority that signed it: installed in pools, so that their hosts believe us.
    pub authority_pem: String,
    pub authority: CertificateFingerprint,
}

/// Certificates that don't belong together.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("a certificate can't be read")]
    Malformed(#[source] ErrorStack),
    #[error("the file is no text")]
    NoText,
    #[error("it did not sign the certificate")]
    OtherAuthority,
}

impl HostIdentity {
    /// # Errors
    /// The authority did not sign the certificate: hosts that believe it would turn us away.
    pub fn new(identity: Identity, authority_pem: Vec<u8>) -> Result<Self, IdentityError> {
        let malformed = IdentityError::Malformed;
        let certificate = X509::from_pem(&identity.certificate_pem).map_err(malformed)?;
        let authorities = X509::stack_from_pem(&authority_pem).map_err(malformed)?;
        let signed = |authority: &X509| {
            authority.public_key().and_then(|key| certificate.verify(&key)).is_ok_and(|signed| signed)
        };
        if !authorities.iter().any(signed) {
            return Err(IdentityError::OtherAuthority);
        }
        let authority_pem = String::from_utf8(authority_pem).map_err(|_| IdentityError::NoText)?;
        let authority = fingerprint_of_pem(&authority_pem).map_err(malformed)?;
        Ok(Self { identity, authority_pem, authority })
    }
}

impl std::fmt::Debug for HostIdentity {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostIdentity({})", self.authority)
    }
}

/// Why a stored pool can't be logged into from here.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(
        "this replica has no cluster key: set `[secrets] key` in its configuration, the same file on every replica"
    )]
    NoClusterKey,
    #[error("its password can't be opened")]
    Password(#[source] OpenError),
}

impl PoolAccess {
    pub fn new(node: NodeId, key: Option<ClusterKey>, identity: Option<HostIdentity>) -> Self {
        Self { node, key, identity: Arc::new(Mutex::new(identity)) }
    }

    /// Who this node is to hosts that ask.
    pub fn identity(&self) -> Option<HostIdentity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows something else from now on.
    pub fn take_up(&self, identity: Option<HostIdentity>) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// How to reach a pool that is stored. Its hosts of today are among the addresses: any of them may be the master
    /// tomorrow.
    ///
    /// # Errors
    /// Its password can't be opened.
    pub fn config(
        &self,
        state: &NetworkState,
        pool: &Pool,
        xapi: &XapiPool,
    ) -> Result<XapiConfig, AccessError> {
        let key = self.key.as_ref().ok_or(AccessError::NoClusterKey)?;
        let password = key.open(xapi.uuid, &xapi.access.password).map_err(AccessError::Password)?;
        let mut addresses = xapi.access.addresses.clone();
        if let Some(first) = xapi.access.addresses.first() {
            let hosts = state.hosts_of(pool.id).filter_map(|host| beside(first, address_of(host)?));
            addresses.extend(hosts);
        }
        let trust = Trust::from(&xapi.access.trust);
        Ok(self.with(addresses, &xapi.access.user, &password, trust, Some(xapi.uuid)))
    }

    /// How to reach a pool, said in full.
    pub fn with(
        &self,
        addresses: BTreeSet<XapiAddress>,
        user: &str,
        password: &Secret,
        trust: Trust,
        expected_pool: Option<XapiUuid>,
    ) -> XapiConfig {
        let password = asterism_xapi::Secret::new(password.expose());
        let originator = format!("asterism/{}", self.node);
        XapiConfig {
            expected_pool,
            authority: self.identity().map(|identity| identity.authority_pem),
            ..XapiConfig::new(addresses, user, password, trust, originator)
        }
    }

    /// The key, for a change that needs it.
    ///
    /// # Errors
    /// `no_cluster_key`.
    pub fn require_key(&self) -> Result<&ClusterKey, ApiError> {
        self.key.as_ref().ok_or_else(no_cluster_key)
    }
}

/// By what the edge is to believe at a first contact.
pub fn trust_at_first(trust: &TrustRequest) -> Trust {
    match trust {
        TrustRequest::Given(trust) => Trust::from(trust),
        TrustRequest::FirstUse => Trust::Observe,
    }
}

/// By what a pool's hosts are known once they were seen.
pub fn trust_to_keep(
    trust: TrustRequest,
    seen: impl IntoIterator<Item = CertificateFingerprint>,
) -> XapiTrust {
    match trust {
        TrustRequest::Given(trust) => trust,
        TrustRequest::FirstUse => XapiTrust::Fingerprints(seen.into_iter().collect()),
    }
}

/// By what a host of a pool behind a XAPI is known: its own certificate, else what its pool is known by.
pub fn trust_of_host<'a>(state: &'a NetworkState, host: &'a Host) -> Option<HostTrust<'a>> {
    let xapi = host.xapi.as_ref()?;
    if let Some(fingerprint) = xapi.fingerprint {
        return Some(HostTrust::Certificate(fingerprint));
    }
    match &state.pools().get(&host.pool)?.xapi()?.access.trust {
        XapiTrust::Authority(pem) => Some(HostTrust::Authority(pem)),
        XapiTrust::Fingerprints(_) => Some(HostTrust::Untold),
    }
}

/// See [`trust_of_host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostTrust<'a> {
    Certificate(CertificateFingerprint),
    Authority(&'a str),
    /// Its pool does not tell its certificate.
    Untold,
}

/// A host of a pool behind a XAPI has its database at its management address.
fn address_of(host: &Host) -> Option<IpAddr> {
    match &host.ovsdb {
        OvsdbEndpoint::Ssl(address) | OvsdbEndpoint::Tcp(address) => Some(address.ip()),
        OvsdbEndpoint::Unix(_) => None,
    }
}

/// The XAPI of a host, reached as that of another host of its pool is.
fn beside(known: &XapiAddress, host: IpAddr) -> Option<XapiAddress> {
    let scheme = if known.is_https() { "https" } else { "http" };
    let authority = known.authority();
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    let port = after_host.rsplit_once(':').map(|(_, port)| format!(":{port}")).unwrap_or_default();
    let host = match host {
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => format!("[{host}]"),
    };
    format!("{scheme}://{host}{port}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_reached_as_the_address_that_is_known() {
        for (known, host, expected) in [
            ("https://10.0.0.1", "10.0.0.2", "https://10.0.0.2"),
            ("http://10.0.0.1:8080", "fd00::2", "http://[fd00::2]:8080"),
            ("https://[fd00::1]", "10.0.0.2", "https://10.0.0.2"),
            ("https://[fd00::1]:444", "10.0.0.2", "https://10.0.0.2:444"),
            ("https://xcp.example", "10.0.0.2", "https://10.0.0.2"),
        ] {
            let address = beside(&known.parse().unwrap(), host.parse().unwrap()).unwrap();
            assert_eq!(address.as_str(), expected);
        }
    }
}
