//! Certificates of connections that are open, read once each.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use asterism_api::ApiError;
use asterism_pki::{Certificate, Holder};
use tonic::transport::CertificateDer;

/// Longest name of a caller that is kept, in characters: it stands in each entry of the audit trail.
const NAME: usize = 64;

/// A connection's certificates, as TLS has them.
type Chain = Vec<CertificateDer<'static>>;

/// What is known of a client's certificate.
#[derive(Debug)]
pub struct Seen {
    pub holder: Holder,
    pub names: Vec<String>,
    /// Seconds since the Unix epoch.
    pub ends: i64,
}

/// What was read of a connection, as long as it is open.
type Known = (Weak<Chain>, Arc<Seen>);

/// By the place in memory that all requests of a connection share. While the weak reference is kept, no other connection's
/// certificates can have that place.
#[derive(Default)]
pub struct SeenCertificates {
    known: Mutex<BTreeMap<usize, Known>>,
}

impl SeenCertificates {
    /// # Errors
    /// The certificate can't be read.
    pub fn look(&self, chain: &Arc<Chain>) -> Result<Arc<Seen>, ApiError> {
        let place = Arc::as_ptr(chain) as usize;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, seen)) = known.get(&place) {
            return Ok(seen.clone());
        }
        let seen = Arc::new(read(chain)?);
        known.retain(|_, (connection, _)| connection.strong_count() > 0);
        known.insert(place, (Arc::downgrade(chain), seen.clone()));
        Ok(seen)
    }
}

fn read(chain: &Chain) -> Result<Seen, ApiError> {
    let unreadable = |why: String| ApiError::NotPermitted(format!("the client certificate: {why}"));
    let leaf = chain.first().ok_or_else(|| unreadable("there is none".into()))?;
    let certificate =
        Certificate::from_der(leaf).map_err(|error| unreadable(asterism_model::chain(&error)))?;
    let holder = match certificate.holder() {
        Holder::Caller { name, role } => Holder::Caller { name: name.chars().take(NAME).collect(), role },
        holder @ (Holder::Node(_) | Holder::Ovsdb | Holder::Authority | Holder::Other) => holder,
    };
    Ok(Seen { holder, names: certificate.names().to_vec(), ends: certificate.ends() })
}
