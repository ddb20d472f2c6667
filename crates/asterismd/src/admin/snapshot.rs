//! The state as a file, and from a file.

use std::sync::Arc;

use asterism_api::{ApiError, FieldError, client::RestoreSnapshot, convert, v1};
use asterism_model::{Caller, NodeId, Operation, Refusal, backup::Backup, chain};
use asterism_raft::View;
use tonic::{Request, Status, Streaming};

use super::{AdminService, DEADLINE, proposal_failure};
use crate::backups;

/// Far above any state; a longer file is refused before it fills memory.
const MAX_FILE: usize = 64 << 20;

impl AdminService {
    pub(super) fn snapshot_file(&self, view: &View) -> Result<v1::SnapshotFile, ApiError> {
        let source =
            backups::Source { node: self.node, replica: self.replica.clone(), clock: self.clock.clone() };
        let backup = source.backup(view).ok_or(Refusal::NotInitialised)?;
        Ok(v1::SnapshotFile { content: backup.encode() })
    }

    /// By the leader.
    pub(super) async fn restore(
        &self,
        caller: Caller,
        file: &RestoreSnapshot,
    ) -> Result<v1::Receipt, ApiError> {
        let backup = Backup::decode(&file.0).map_err(|error| FieldError::new("snapshot", chain(&error)))?;
        let members: std::collections::BTreeSet<NodeId> =
            self.replica.status().members.iter().map(|member| member.peer.node).collect();
        let head = &backup.head;
        tracing::warn!(
            taken_at = head.taken_at.0,
            index = head.index,
            digest = head.digest,
            "a snapshot is restored"
        );
        let state = Box::new(backup.state.for_restore());
        let operation = Operation::RestoreState { state, members };
        let proposed =
            self.replica.propose_for(caller, operation, None, self.clock.wall(), DEADLINE * 2).await;
        let proposed = proposed.map_err(proposal_failure)?;
        Ok(convert::receipt(proposed.index, proposed.reply)?)
    }
}

/// The whole file, and the request without it.
pub(super) async fn receive(
    request: Request<Streaming<v1::SnapshotPiece>>,
) -> Result<(Request<()>, RestoreSnapshot), Status> {
    let (metadata, extensions, mut pieces) = request.into_parts();
    let mut content = Vec::new();
    while let Some(piece) = pieces.message().await? {
        content.extend(piece.content);
        if content.len() > MAX_FILE {
            let problem = format_args!("it is larger than {MAX_FILE} bytes");
            return Err(ApiError::from(FieldError::new("snapshot", problem)).into());
        }
    }
    Ok((Request::from_parts(metadata, extensions, ()), RestoreSnapshot(Arc::from(content))))
}
