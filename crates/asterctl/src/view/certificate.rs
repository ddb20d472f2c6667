//! Certificates as they are shown.

use asterism_pki::{Certificate, Holder};
use serde::Serialize;

use super::{View, time, time_short};
use crate::output::table::table;

#[derive(Debug, Serialize)]
pub struct CertificatesView {
    pub certificates: Vec<CertificateView>,
}

#[derive(Debug, Serialize)]
pub struct CertificateView {
    pub file: String,
    /// The common name.
    pub subject: String,
    /// `viewer`, `operator`, `admin`, `node 1`, `ovsdb`, `authority` or `none`.
    pub role: String,
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    pub starts: String,
    pub ends: String,
    /// Whole days; negative when it has ended.
    pub days_left: i64,
    pub standing: Standing,
    pub serial: String,
    /// SHA-256, hexadecimal.
    pub fingerprint: String,
}

/// Whether it is time for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Valid,
    EndsSoon,
    /// Its time is over, or has not come.
    NotValid,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::EndsSoon => "ends soon",
            Self::NotValid => "not valid",
        }
    }
}

impl CertificateView {
    /// `now` in seconds since the Unix epoch.
    pub fn new(file: String, certificate: &Certificate, now: i64) -> Self {
        let role = match certificate.holder() {
            Holder::Node(node) => format!("node {}", node.0),
            Holder::Caller { role, .. } => role.to_string(),
            Holder::Ovsdb => "ovsdb".to_owned(),
            Holder::Authority => "authority".to_owned(),
            Holder::Other => "none".to_owned(),
        };
        let standing = match (certificate.is_valid_at(now), certificate.ends_soon(now)) {
            (false, _) => Standing::NotValid,
            (true, true) => Standing::EndsSoon,
            (true, false) => Standing::Valid,
        };
        let moment = |seconds: i64| time(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000));
        Self {
            file,
            subject: certificate.common_name().to_owned(),
            role,
            names: certificate.names().to_vec(),
            starts: moment(certificate.starts()),
            ends: moment(certificate.ends()),
            days_left: certificate.days_left(now),
            standing,
            serial: certificate.serial(),
            fingerprint: certificate.fingerprint(),
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.file.clone(),
            self.subject.clone(),
            self.role.clone(),
            self.names.join(", "),
            time_short(&self.ends),
            self.days_left.to_string(),
            self.standing.as_str().to_owned(),
        ]
    }
}

impl View for CertificatesView {
    const KIND: &'static str = "Certificates";
    const COLUMNS: &'static [&'static str] =
        &["FILE", "SUBJECT", "ROLE", "NAMES", "ENDS", "DAYS", "STANDING"];

    fn cells(&self) -> Vec<String> {
        self.certificates.iter().map(|certificate| certificate.file.clone()).collect()
    }

    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.certificates.iter().map(CertificateView::row).collect();
        table(Self::COLUMNS, &rows)
    }
}
