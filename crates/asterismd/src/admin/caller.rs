//! Who may call: a certificate of the cluster's CA with a role in it.

use asterism_api::{ApiError, SERVER_NAME};
use openssl::x509::X509;
use tonic::Request;

/// The DNS name in operators' certificates, and in admins'.
const OPERATOR: &str = "operator.asterism";
const ADMIN: &str = "admin.asterism";

/// Refuses a caller whose certificate is neither an operator's nor a replica's. That it is of the cluster's CA was
/// checked by the TLS handshake.
///
/// # Errors
/// `NotPermitted`, with what the certificate lacks.
pub(super) fn check<T>(request: &Request<T>) -> Result<(), ApiError> {
    let certificates = request.peer_certs();
    let leaf = certificates.as_ref().and_then(|chain| chain.first());
    let Some(leaf) = leaf.and_then(|leaf| X509::from_der(leaf).ok()) else {
        return Err(ApiError::NotPermitted("no client certificate; expected one of the cluster's CA".into()));
    };
    let names: Vec<String> = leaf
        .subject_alt_names()
        .into_iter()
        .flatten()
        .filter_map(|name| name.dnsname().map(str::to_owned))
        .collect();
    if names.iter().any(|name| name == OPERATOR || name == ADMIN || name == SERVER_NAME) {
        return Ok(());
    }
    Err(ApiError::NotPermitted(format!(
        "the client certificate is for {names:?}; expected the DNS name {OPERATOR} among its alternative names"
    )))
}
