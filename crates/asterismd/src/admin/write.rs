//! Changes of the replicated state.

use asterism_api::{ApiError, convert, v1};
use asterism_model::Caller;
use tokio::time::Instant;
use tracing::info;

use super::{AdminService, DEADLINE, proposal_failure};

impl AdminService {
    /// Proposes one write; this replica leads, or did a moment ago.
    pub(super) async fn apply_write(
        &self,
        caller: Caller,
        request: &v1::WriteRequest,
    ) -> Result<v1::Receipt, ApiError> {
        let operation = convert::operation_from_request(request)?;
        let request_id = request.request_id.map(convert::request_id_from_proto);
        let (described, by) = (format!("{operation:?}"), caller.to_string());
        let since = Instant::now();
        let proposed =
            self.replica.propose_for(caller, operation, request_id, self.clock.wall(), DEADLINE).await;
        let proposed = proposed.map_err(|error| {
            self.receipts.failed();
            proposal_failure(error)
        })?;
        let receipt = convert::receipt(proposed.index, proposed.reply);
        match &receipt {
            Ok(receipt) => {
                self.receipts.committed(receipt.revision, since);
                info!(
                    index = receipt.index,
                    revision = receipt.revision,
                    by,
                    operation = described,
                    "applied"
                )
            }
            Err(refusal) => {
                self.receipts.refused();
                info!(index = proposed.index, %refusal, by, operation = described, "refused");
            }
        }
        Ok(receipt?)
    }
}
