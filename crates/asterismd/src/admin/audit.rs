//! The audit trail as operators ask for it, and what replicas add to it.

use asterism_api::{ApiError, convert, v1};
use asterism_raft::View;

use super::{AdminService, proposal_failure};
use crate::access;

impl AdminService {
    pub(super) fn audit_trail(&self, view: &View, request: &v1::ListAuditRequest) -> v1::ListAuditResponse {
        let (entries, dropped) = convert::list_audit(&view.state, request);
        v1::ListAuditResponse { mark: Some(self.mark(view)), entries, dropped }
    }

    pub(super) async fn keep_denied(
        &self,
        request: v1::ReportDeniedRequest,
    ) -> Result<v1::ReportDeniedResponse, ApiError> {
        let (caller, method) = convert::denied_from_proto(request)?;
        let kept = access::report_denied(&self.replica, &self.clock, caller, method).await;
        kept.map_err(proposal_failure)?;
        Ok(v1::ReportDeniedResponse {})
    }
}
