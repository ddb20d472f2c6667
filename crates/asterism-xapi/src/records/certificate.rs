//! Class `Certificate`: what hosts show on 443 and 6640, and which CAs the pool trusts.

use asterism_model::{CertificateFingerprint, ObjectRef};

use super::{Fields, Record};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// The file's name, of a CA.
    pub name: String,
    pub kind: CertificateKind,
    pub host: Option<ObjectRef>,
    /// By SHA-256, where the version tells it.
    pub fingerprint: Option<CertificateFingerprint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// What a host shows to the world. Versions before 1.294 know no other kind, and don't say so.
    Host,
    Authority,
    /// What hosts show to one another, or a kind of later versions.
    Other,
}

impl Record for CertificateRecord {
    fn read(fields: &Fields<'_>) -> Self {
        // Later versions tell SHA-1 and SHA-256 apart; before, there was SHA-256 alone.
        let named = Some(fields.text("fingerprint_sha256")).filter(|text| !text.is_empty());
        Self {
            name: fields.text("name").to_owned(),
            kind: match fields.text("type") {
                "" | "host" => CertificateKind::Host,
                "ca" => CertificateKind::Authority,
                _ => CertificateKind::Other,
            },
            host: fields.reference("host"),
            fingerprint: named.unwrap_or(fields.text("fingerprint")).parse().ok(),
        }
    }
}
