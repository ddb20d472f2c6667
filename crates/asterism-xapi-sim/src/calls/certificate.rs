//! CA certificates that a pool installs on its hosts, by file name.

use openssl::{asn1::Asn1Time, hash::MessageDigest, x509::X509};

use super::{Call, sdn_controller::AUTHORITY, void};
use crate::{
    failure::{Answer, Failure},
    pool::{Condition, Pool},
    value::Value,
};

pub(super) fn install(call: &Call<'_>) -> Answer {
    let (name, pem) = (call.text(0), call.text(1));
    // The content is looked at first: where it is bad, a bad name is not told.
    let x509 = X509::from_pem(pem.as_bytes()).map_err(|_| Failure::bare("CA_CERTIFICATE_INVALID"))?;
    check_dates(&x509)?;
    check_name(name)?;
    let fingerprint =
        x509.digest(MessageDigest::sha256()).map_err(|error| Failure::internal(error.to_string()))?;
    let octets: Vec<String> = fingerprint.iter().map(|octet| format!("{octet:02X}")).collect();
    call.pool.change(|state| {
        if state.certificates.contains_key(name) {
            return Err(Failure::new("CERTIFICATE_ALREADY_EXISTS", [name]));
        }
        state.certificates.insert(name.to_owned(), pem.to_owned());
        let fields = [
            ("name", Value::text(name)),
            ("type", Value::text("ca")),
            ("fingerprint", Value::text(octets.join(":"))),
        ];
        state.database.create("Certificate", fields);
        Ok(())
    })?;
    sync(call.pool);
    void()
}

pub(super) fn uninstall(call: &Call<'_>) -> Answer {
    let name = call.text(0);
    check_name(name)?;
    call.pool.change(|state| {
        if state.certificates.remove(name).is_none() {
            return Err(Failure::new("CERTIFICATE_DOES_NOT_EXIST", [name]));
        }
        if let Some(row) = state.database.find("Certificate", "name", &Value::text(name)) {
            state.database.destroy("Certificate", &row);
        }
        Ok(())
    })?;
    sync(call.pool);
    void()
}

pub(super) fn list(pool: &Pool) -> Value {
    Value::texts(pool.lock().certificates.keys().cloned())
}

/// Gives every host that runs the files that the pool has.
pub(super) fn sync(pool: &Pool) {
    let given: Vec<String> = pool.change(|state| {
        let mut given = Vec::new();
        for (host, machine) in state.machines.iter_mut() {
            if machine.condition == Condition::Up && machine.certificates != state.certificates {
                machine.certificates.clone_from(&state.certificates);
                given.push(host.clone());
            }
        }
        given
    });
    for host in given {
        let authority = pool.lock().certificates.get(AUTHORITY).cloned();
        let Some(agent_host) = pool.agent_host(&host) else { continue };
        if let Err(error) = pool.agent.sdn_authority(&agent_host, authority.as_deref()) {
            tracing::warn!(host = %agent_host.name, %error, "the host was not given the CA of SDN controllers");
        }
    }
}

fn check_dates(x509: &X509) -> Result<(), Failure> {
    let now = Asn1Time::days_from_now(0).map_err(|error| Failure::internal(error.to_string()))?;
    if x509.not_after() < now {
        return Err(Failure::bare("CA_CERTIFICATE_EXPIRED"));
    }
    if x509.not_before() > now {
        return Err(Failure::bare("CA_CERTIFICATE_NOT_VALID_YET"));
    }
    Ok(())
}

/// `[A-Za-z0-9._-]+\.pem`, not hidden.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    let stem = name.strip_suffix(".pem").unwrap_or_default();
    if stem.is_empty() || name.starts_with('.') || !name.chars().all(is_allowed) {
        return Err(Failure::new("CERTIFICATE_NAME_INVALID", [name]));
    }
    Ok(())
}
