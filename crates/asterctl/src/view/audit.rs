//! Entries of the audit trail as they are shown.

use asterism_api::v1::{self, audit_entry::Result as Outcome};
use serde::Serialize;

use super::{View, time, time_short};
use crate::output::table::pairs;

#[derive(Debug, Serialize)]
pub struct AuditEntryView {
    pub sequence: u64,
    pub at: String,
    /// The common name in the caller's certificate.
    pub user: String,
    pub role: String,
    pub from: String,
    pub operation: String,
    pub subject: String,
    /// JSON in a text; cut where it is long.
    pub details: String,
    /// `applied`, `refused` or `not_permitted`.
    pub result: String,
    /// Of the state after it, where it was applied.
    pub revision: Option<u64>,
    /// Why it was refused.
    pub reason: Option<String>,
}

impl From<v1::AuditEntry> for AuditEntryView {
    fn from(entry: v1::AuditEntry) -> Self {
        let v1::AuditEntry { sequence, at_ms, name: user, role, from, operation, subject, details, result } =
            entry;
        let (result, revision, reason) = match result {
            Some(Outcome::Applied(revision)) => ("applied", Some(revision), None),
            Some(Outcome::Refused(reason)) => ("refused", None, Some(reason)),
            Some(Outcome::NotPermitted(v1::NotPermitted {})) => ("not_permitted", None, None),
            None => ("unknown", None, None),
        };
        let (at, result) = (time(at_ms), result.to_owned());
        Self { sequence, at, user, role, from, operation, subject, details, result, revision, reason }
    }
}

impl AuditEntryView {
    fn outcome(&self) -> String {
        match (&self.reason, self.revision) {
            (Some(reason), _) => format!("refused: {reason}"),
            (None, Some(revision)) => format!("applied, revision {revision}"),
            (None, None) => self.result.replace('_', " "),
        }
    }
}

impl View for AuditEntryView {
    const KIND: &'static str = "AuditEntry";
    const COLUMNS: &'static [&'static str] =
        &["SEQUENCE", "AT", "USER", "ROLE", "FROM", "OPERATION", "SUBJECT", "RESULT"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            time_short(&self.at),
            self.user.clone(),
            self.role.clone(),
            self.from.clone(),
            self.operation.clone(),
            self.subject.clone(),
            self.outcome(),
        ]
    }

    fn text(&self) -> String {
        pairs(&[
            ("user", format!("{} ({}) from {}", self.user, self.role, self.from)),
            ("operation", format!("{} {}", self.operation, self.subject)),
            ("result", self.outcome()),
        ])
    }
}
