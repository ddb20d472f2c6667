//! Who changed what: kept with the change itself, by the same command.

use std::sync::Arc;

use crate::{
    AuditEntry, AuditResult, Command, NetworkState, Operation, Reply,
    audit::{Described, MAX_AUDIT},
};

impl NetworkState {
    /// Keeps what somebody asked for. A session is no change, and before the cluster has a name there is nothing to change.
    pub(super) fn audit_change(&mut self, command: &Command, reply: &Reply) {
        let Some(caller) = &command.caller else { return };
        if self.cluster.is_none() || matches!(command.operation, Operation::OpenSession) {
            return;
        }
        let (described, result) = if let Operation::RecordDenied { method } = &command.operation {
            let described =
                Described { operation: method.clone(), subject: String::new(), details: String::new() };
            (described, AuditResult::NotPermitted)
        } else {
            (Described::of(&command.operation), AuditResult::of(reply))
        };
        let Described { operation, subject, details } = described;
        self.last_audit = self.last_audit.saturating_add(1);
        let (sequence, at, caller) = (self.last_audit, self.clock, caller.clone());
        self.audit.push_back(Arc::new(AuditEntry {
            sequence,
            at,
            caller,
            operation,
            subject,
            details,
            result,
        }));
        while self.audit.len() > MAX_AUDIT {
            self.audit.pop_front();
        }
    }
}
