//! The audit trail.

use asterism_model::{AuditEntry, AuditResult, Caller, NetworkState};

use super::{FieldError, parse};
use crate::v1::{self, audit_entry::Result as Outcome};

/// The entries that a request asks for, oldest first, and how many of the cluster's are no longer kept.
pub fn list_audit(state: &NetworkState, request: &v1::ListAuditRequest) -> (Vec<v1::AuditEntry>, u64) {
    let fits = |entry: &AuditEntry| {
        entry.at.0 >= request.since_ms && (request.user.is_empty() || entry.caller.name == request.user)
    };
    let limit = if request.limit == 0 { usize::MAX } else { request.limit as usize };
    let newest_first = state.audit().iter().rev().filter(|entry| fits(entry)).take(limit);
    let mut entries: Vec<v1::AuditEntry> = newest_first.map(|entry| audit_entry(entry)).collect();
    entries.reverse();
    (entries, state.audit().front().map_or(0, |oldest| oldest.sequence.saturating_sub(1)))
}

fn audit_entry(entry: &AuditEntry) -> v1::AuditEntry {
    let AuditEntry { sequence, at, caller, operation, subject, details, result } = entry;
    let Caller { name, role, from } = caller.clone();
    v1::AuditEntry {
        sequence: *sequence,
        at_ms: at.0,
        name,
        role: role.to_string(),
        from,
        operation: operation.clone(),
        subject: subject.clone(),
        details: details.clone(),
        result: Some(match result {
            AuditResult::Applied { revision } => Outcome::Applied(*revision),
            AuditResult::Refused { reason } => Outcome::Refused(reason.clone()),
            AuditResult::NotPermitted => Outcome::NotPermitted(v1::NotPermitted {}),
        }),
    }
}

/// Who was refused what.
///
/// # Errors
/// The role is none.
pub fn denied_from_proto(request: v1::ReportDeniedRequest) -> Result<(Caller, String), FieldError> {
    let v1::ReportDeniedRequest { method, name, role, from } = request;
    Ok((Caller { name, role: parse("role", &role)?, from }, method))
}
