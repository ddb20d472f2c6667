//! Pools behind a XAPI: what operators tell of one, and what is shown of it.

use std::collections::{BTreeMap, BTreeSet};

use asterism_model::{
    CertificateFingerprint, Host, NetworkState, Pool, TransportName, XapiAddress, XapiPool, XapiTrust,
};

use super::{FieldError, parse};
use crate::v1::{self, xapi_trust::By};

/// Longest text that is replicated of an access, in bytes: a chain of some certificates.
const MAX_PEM: usize = 64 << 10;
/// The same of a user's name and of a password.
const MAX_TEXT: usize = 1024;
/// Addresses and fingerprints of one pool; XAPI's pools have 64 hosts at most.
const MAX_LISTED: usize = 128;

/// What a request tells of a pool's access; what it leaves out is `None`, or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessRequest {
    pub addresses: BTreeSet<XapiAddress>,
    pub user: Option<String>,
    pub password: Option<v1::Secret>,
    pub trust: Option<TrustRequest>,
}

/// By what an operator wants the pool's hosts to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustRequest {
    Given(XapiTrust),
    /// By what they show at the first contact.
    FirstUse,
}

/// An access in which nothing is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeAccess {
    pub addresses: BTreeSet<XapiAddress>,
    pub user: String,
    pub password: v1::Secret,
    pub trust: TrustRequest,
}

impl AccessRequest {
    /// The access of a pool of which nothing is known yet.
    ///
    /// # Errors
    /// Something is left out.
    pub fn whole(self) -> Result<WholeAccess, FieldError> {
        let absent =
            |field, expected| FieldError::new(field, format_args!("there is none: expected {expected}"));
        if self.addresses.is_empty() {
            return Err(absent("access.addresses", "that of the pool's master, as https://10.0.0.1"));
        }
        Ok(WholeAccess {
            addresses: self.addresses,
            user: self.user.ok_or_else(|| absent("access.user", "a user of the pool, as root"))?,
            password: self.password.ok_or_else(|| absent("access.password", "the user's password"))?,
            trust: self
                .trust
                .ok_or_else(|| absent("access.trust", "an authority, fingerprints, or trust on first use"))?,
        })
    }
}

/// # Errors
/// A field is malformed, or too long.
pub fn access_from_proto(message: Option<&v1::XapiAccess>) -> Result<AccessRequest, FieldError> {
    let Some(message) = message else {
        return Ok(AccessRequest { addresses: BTreeSet::new(), user: None, password: None, trust: None });
    };
    at_most("access.addresses", message.addresses.len(), MAX_LISTED)?;
    at_most("access.user", message.user.len(), MAX_TEXT)?;
    at_most("access.password", message.password.as_ref().map_or(0, |secret| secret.text.len()), MAX_TEXT)?;
    let addresses = message.addresses.iter().map(|text| parse("access.addresses", text));
    Ok(AccessRequest {
        addresses: addresses.collect::<Result<_, _>>()?,
        user: Some(message.user.clone()).filter(|user| !user.is_empty()),
        password: message.password.clone(),
        trust: message
            .trust
            .as_ref()
            .and_then(|trust| trust.by.as_ref())
            .map(trust_from_proto)
            .transpose()?,
    })
}

fn trust_from_proto(by: &By) -> Result<TrustRequest, FieldError> {
    match by {
        By::AuthorityPem(pem) => {
            at_most("access.trust.authority_pem", pem.len(), MAX_PEM)?;
            if !pem.contains("-----BEGIN CERTIFICATE-----") {
                let problem = "it holds no certificate: expected one or more in PEM";
                return Err(FieldError::new("access.trust.authority_pem", problem));
            }
            Ok(TrustRequest::Given(XapiTrust::Authority(pem.clone())))
        }
        By::Fingerprints(v1::Fingerprints { sha256 }) => {
            let field = "access.trust.fingerprints";
            at_most(field, sha256.len(), MAX_LISTED)?;
            let fingerprints = sha256.iter().map(|text| parse(field, text));
            let fingerprints: BTreeSet<CertificateFingerprint> = fingerprints.collect::<Result<_, _>>()?;
            if fingerprints.is_empty() {
                return Err(FieldError::new(field, "there is none: expected one at least"));
            }
            Ok(TrustRequest::Given(XapiTrust::Fingerprints(fingerprints)))
        }
        By::FirstUse(v1::TrustOnFirstUse {}) => Ok(TrustRequest::FirstUse),
    }
}

fn at_most(field: &str, length: usize, most: usize) -> Result<(), FieldError> {
    if length <= most {
        return Ok(());
    }
    Err(FieldError::new(field, format_args!("{length} are too many: expected {most} at most")))
}

pub(super) fn trust_to_proto(trust: &XapiTrust) -> v1::XapiTrust {
    let by = match trust {
        XapiTrust::Authority(pem) => By::AuthorityPem(pem.clone()),
        XapiTrust::Fingerprints(fingerprints) => By::Fingerprints(v1::Fingerprints {
            sha256: fingerprints.iter().map(ToString::to_string).collect(),
        }),
    };
    v1::XapiTrust { by: Some(by) }
}

/// What is kept of a pool's XAPI, without the leader's status and without the networks' labels, which the leader knows. The
/// password is not among it, sealed or not.
pub(super) fn xapi_pool(state: &NetworkState, pool: &Pool) -> Option<v1::XapiPool> {
    let xapi = pool.xapi()?;
    let mut hosts: Vec<v1::XapiPoolHost> = state
        .hosts_of(pool.id)
        .map(|host| v1::XapiPoolHost { name: state.host_label(host.id), xapi: xapi_host(state, host) })
        .collect();
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    Some(v1::XapiPool {
        uuid: xapi.uuid.to_string(),
        addresses: xapi.access.addresses.iter().map(ToString::to_string).collect(),
        user: xapi.access.user.clone(),
        trust: Some(trust_to_proto(&xapi.access.trust)),
        master: master(state, pool, xapi),
        is_leaving: xapi.is_leaving,
        transports: transports(state, pool),
        hosts,
        status: None,
    })
}

fn master(state: &NetworkState, pool: &Pool, xapi: &XapiPool) -> String {
    let Some(inventory) = &xapi.inventory else { return String::new() };
    let is_master = |host: &&Host| host.xapi.as_ref().is_some_and(|known| known.uuid == inventory.master);
    let host = state.hosts_of(pool.id).find(is_master);
    host.map_or_else(|| inventory.master.to_string(), |host| state.host_label(host.id))
}

fn transports(state: &NetworkState, pool: &Pool) -> Vec<v1::PoolTransport> {
    let mut counts: BTreeMap<&TransportName, u32> = BTreeMap::new();
    for host in state.hosts_of(pool.id) {
        for name in host.transports.keys() {
            *counts.entry(name).or_default() += 1;
        }
    }
    let shown = counts.into_iter().map(|(name, hosts)| v1::PoolTransport {
        name: name.to_string(),
        label: String::new(),
        uuid: String::new(),
        hosts,
    });
    shown.collect()
}

/// What a host is in its pool's XAPI; `None` in a static pool.
pub(super) fn xapi_host(state: &NetworkState, host: &Host) -> Option<v1::XapiHost> {
    let xapi = host.xapi.as_ref()?;
    let inventory =
        state.pools().get(&host.pool).and_then(Pool::xapi).and_then(|pool| pool.inventory.as_ref());
    let listed = inventory.and_then(|inventory| inventory.hosts.get(&xapi.uuid));
    Some(v1::XapiHost {
        uuid: xapi.uuid.to_string(),
        version: listed.map(|listed| listed.version.clone()).unwrap_or_default(),
        is_enabled: xapi.is_enabled,
        is_live: xapi.is_live,
        is_listed: xapi.is_listed,
        fingerprint: xapi.fingerprint.map(|fingerprint| fingerprint.to_string()).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> v1::XapiAccess {
        let first_use = v1::XapiTrust { by: Some(By::FirstUse(v1::TrustOnFirstUse {})) };
        v1::XapiAccess {
            addresses: vec!["10.0.0.1".into()],
            user: "root".into(),
            password: Some(v1::Secret { text: "hunter2".into() }),
            trust: Some(first_use),
        }
    }

    #[test]
    fn an_access_is_taken_over_and_what_is_left_out_is_named() {
        let whole = access_from_proto(Some(&access())).unwrap().whole().unwrap();
        assert_eq!(whole.addresses.iter().next().unwrap().as_str(), "https://10.0.0.1");
        assert_eq!(whole.trust, TrustRequest::FirstUse);
        type TakeAway = fn(&mut v1::XapiAccess);
        let lacks: [(&str, TakeAway); 4] = [
            ("access.addresses", |access| access.addresses.clear()),
            ("access.user", |access| access.user.clear()),
            ("access.password", |access| access.password = None),
            ("access.trust", |access| access.trust = None),
        ];
        for (field, take_away) in lacks {
            let mut lacking = access();
            take_away(&mut lacking);
            let request = access_from_proto(Some(&lacking)).unwrap();
            assert_eq!(request.whole().unwrap_err().field, field);
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        let with = |by| v1::XapiAccess { trust: Some(v1::XapiTrust { by: Some(by) }), ..access() };
        let prints = |prints: &[&str]| {
            let sha256 = prints.iter().map(ToString::to_string).collect();
            with(By::Fingerprints(v1::Fingerprints { sha256 }))
        };
        for (malformed, field) in [
            (v1::XapiAccess { addresses: vec!["ftp://a".into()], ..access() }, "access.addresses"),
            (v1::XapiAccess { user: "x".repeat(MAX_TEXT + 1), ..access() }, "access.user"),
            (prints(&["abc"]), "access.trust.fingerprints"),
            (prints(&[]), "access.trust.fingerprints"),
            (with(By::AuthorityPem("no certificate".into())), "access.trust.authority_pem"),
        ] {
            assert_eq!(access_from_proto(Some(&malformed)).unwrap_err().field, field);
        }
    }

    #[test]
    fn no_message_shows_its_password() {
        let access = access();
        let request = access_from_proto(Some(&access)).unwrap();
        let add = v1::AddXapiPoolRequest { access: Some(access.clone()), ..Default::default() };
        let change = v1::ChangeXapiAccessRequest { access: Some(access.clone()), ..Default::default() };
        let subject = Some(v1::check_pool_request::Subject::Access(access.clone()));
        let check = v1::CheckPoolRequest { subject };
        let whole = request.clone().whole().unwrap();
        let shown =
            format!("{add:?} {change:?} {check:?} {access:?} {request:?} {whole:?} {:#?}", access.password);
        assert!(shown.contains("Secret(..)") && !shown.contains("hunter2"), "{shown}");
    }
}
